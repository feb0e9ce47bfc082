package kist.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A command at a terminal of its own, made by script(1). What the test sends is typed; what the command prints comes with
 * the terminal's line ends.
 */
final class Pty implements AutoCloseable {
    private final Path name;
    private final Command.Running script;

    private Pty(Path name, Command.Running script) {
        this.name = name;
        this.script = script;
    }

    /** Starts it at a terminal of this size. */
    static Pty start(Command command, int rows, int columns) {
        try {
            var name = Files.createTempFile("kist-pty", "");
            var line =
                    "tty >" + name + "; stty rows " + rows + " cols " + columns + "; exec " + quoted(command.words());
            var script = Command.of("script", "--quiet", "--return", "--flush", "--command", line, "/dev/null");
            for (var variable : command.environment().entrySet()) {
                script = script.env(variable.getKey(), variable.getValue());
            }
            return new Pty(name, script.env("SHELL", "/bin/sh").start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String quoted(List<String> words) {
        var line = new StringBuilder();
        for (var word : words) {
            line.append('\'').append(word.replace("'", "'\\''")).append("' ");
        }
        return line.toString();
    }

    void type(String text) {
        script.write(text);
    }

    void await(String text) {
        script.awaitOut(text);
    }

    /** What was printed until now, with plain line ends. */
    String printed() {
        return script.out().replace("\r", "");
    }

    /** Sets the size of the terminal, as its window would; the command gets SIGWINCH. */
    void resize(int rows, int columns) {
        try {
            var device = Files.readString(name).strip();
            Command.of("stty", "-F", device, "rows", "" + rows, "cols", "" + columns)
                    .ok();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Command.Result awaitExit() {
        return script.await(Duration.ofSeconds(30));
    }

    @Override
    public void close() {
        script.close();
        try {
            Files.deleteIfExists(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
