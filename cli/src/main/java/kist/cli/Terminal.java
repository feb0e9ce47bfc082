package kist.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * The terminal of this command, set up with stty(1): two short processes, and only for {@code -t}. Java's own ways to the
 * same cost three to ten times as much, see termios(3) for what the modes mean.
 */
final class Terminal implements AutoCloseable {
    private final String saved;
    private final Thread restorer;

    private Terminal(String saved) {
        this.saved = saved;
        // also on a signal that ends this command: a shell with a raw terminal looks dead
        this.restorer = new Thread(() -> restore(saved));
        Runtime.getRuntime().addShutdownHook(restorer);
    }

    /** Every byte typed goes to the container, also Ctrl-C. Undone by {@link #close}. */
    static Terminal raw() throws IOException {
        var saved = stty("-g").strip();
        var terminal = new Terminal(saved);
        stty("raw", "-echo", "-iexten");
        return terminal;
    }

    /** Each key comes as it is pressed and is not shown; Ctrl-C still ends the command. Undone by {@link #close}. */
    static Terminal keys() throws IOException {
        var saved = stty("-g").strip();
        var terminal = new Terminal(saved);
        stty("-icanon", "-echo", "min", "1", "time", "0");
        return terminal;
    }

    /** What is typed is not shown. Undone by {@link #close}. */
    static Terminal silent() throws IOException {
        var saved = stty("-g").strip();
        var terminal = new Terminal(saved);
        stty("-echo");
        return terminal;
    }

    /**
     * Rows and columns of a terminal.
     *
     * @param rows zero if unknown
     * @param columns zero if unknown
     */
    record Size(int rows, int columns) {}

    /** How large the terminal is now. */
    static Size size() {
        try {
            var words = stty("size").strip().split(" ", -1);
            return new Size(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
        } catch (IOException | NumberFormatException | IndexOutOfBoundsException e) {
            return new Size(0, 0);
        }
    }

    @Override
    public void close() {
        restore(saved);
        try {
            Runtime.getRuntime().removeShutdownHook(restorer);
        } catch (IllegalStateException e) {
            // the hook runs already and does the same
            return;
        }
    }

    private static void restore(String saved) {
        try {
            stty(saved);
        } catch (IOException e) {
            System.err.println(
                    "kist: the terminal's modes could not be restored (" + e.getMessage() + "); 'stty sane' helps");
        }
    }

    private static String stty(String... arguments) throws IOException {
        var command = new java.util.ArrayList<String>();
        command.add("stty");
        command.addAll(java.util.List.of(arguments));
        var process = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.INHERIT)
                .redirectErrorStream(true)
                .start();
        var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException("stty " + arguments[0] + ": " + said.strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("stty was interrupted", e);
        }
        return said;
    }
}
