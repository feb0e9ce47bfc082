package kist.oci;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** The terminal of a container: given away over a socket, or joined to the one that the command was typed on. */
final class Console implements AutoCloseable {
    private final Linux linux;
    private final Fd master;
    private final String before;
    private final Thread output;

    private Console(Linux linux, Fd master, String before) {
        this.linux = linux;
        this.master = master;
        this.before = before;
        this.output = Thread.ofPlatform().unstarted(this::copyOutput);
    }

    /** Sends the master over a socket of the Unix domain, as the console-socket of other runtimes does. */
    static void give(Linux linux, String socket, Fd master) {
        try (Fd s = linux.socket(Flags.AF_UNIX, Flags.SOCK_STREAM, 0)) {
            linux.connectUnix(s, socket);
            linux.send(s, "/dev/ptmx".getBytes(StandardCharsets.UTF_8), List.of(master));
        } catch (KernelException e) {
            throw new OciException(
                    "cannot send the terminal over the console socket " + socket + ": " + e.getMessage());
        }
    }

    /** Makes this command's terminal transparent and passes everything on, until closed. */
    static Console join(Linux linux, Fd master) {
        String before = stty("-g");
        if (before.isEmpty()) {
            throw new OciException(
                    "the container has a terminal but this command has none; use -d with --console-socket");
        }
        Console console = new Console(linux, master, before);
        console.resize();
        stty("raw", "-echo");
        console.output.start();
        Thread.ofPlatform().daemon().start(console::copyInput);
        Thread.ofPlatform().daemon().start(console::followSize);
        return console;
    }

    /** The size in rows and columns of the terminal of this command, empty where it has none. */
    private void resize() {
        String[] size = stty("size").split(" ");
        if (size.length == 2) {
            try {
                linux.setWindowSize(master, Integer.parseInt(size[0]), Integer.parseInt(size[1]));
            } catch (NumberFormatException | KernelException e) {
                // a terminal of unknown size
            }
        }
    }

    /** Asks twice a second: the JVM has no word for SIGWINCH that is kept from version to version. */
    private void followSize() {
        String last = stty("size");
        while (output.isAlive()) {
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                return;
            }
            String now = stty("size");
            if (!now.equals(last)) {
                last = now;
                resize();
            }
        }
    }

    private void copyInput() {
        byte[] buffer = new byte[4096];
        try {
            for (int n; (n = System.in.read(buffer)) > 0; ) {
                linux.write(master, buffer, 0, n);
            }
        } catch (IOException | KernelException | IllegalStateException e) {
            // either side is gone
        }
    }

    private void copyOutput() {
        byte[] buffer = new byte[16384];
        OutputStream out = System.out;
        try {
            while (true) {
                int n = linux.read(master, buffer, 0, buffer.length);
                if (n == 0) {
                    return;
                }
                if (n < 0) {
                    Thread.sleep(2);
                    continue;
                }
                out.write(buffer, 0, n);
                out.flush();
            }
        } catch (IOException | KernelException | IllegalStateException | InterruptedException e) {
            // EIO: the last process that had the terminal open is gone
        }
    }

    private static String stty(String... arguments) {
        List<String> command = new java.util.ArrayList<>(List.of("stty"));
        command.addAll(List.of(arguments));
        try {
            Process p = new ProcessBuilder(command)
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return p.waitFor() == 0 ? text : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    /** Waits for the rest of the output and gives the terminal back as it was. */
    @Override
    public void close() {
        try {
            output.join(2000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        stty(before);
        master.close();
    }
}
