package kist.cli;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import sun.misc.Signal;

/** This command's standard streams joined with those of a process in a container, over a hijacked connection. */
final class Session implements AutoCloseable {
    private final Context context;
    private final Engine.Streaming streaming;
    private final boolean tty;
    private volatile boolean detached;

    Session(Context context, Engine.Streaming streaming, boolean tty) {
        this.context = context;
        this.streaming = streaming;
        this.tty = tty;
    }

    /**
     * Sends what is typed or piped to the process, on a thread of its own that nobody waits for: a read of standard
     * input cannot be woken. The end of the input is passed on while output continues.
     *
     * @param detachKeys see {@link DetachKeys}; effective with a terminal only
     */
    void sendInput(DetachKeys detachKeys) {
        var thread = new Thread(() -> copyInput(detachKeys), "stdin");
        thread.setDaemon(true);
        thread.start();
    }

    private void copyInput(DetachKeys detachKeys) {
        var bytes = new byte[32 * 1024];
        var connection = streaming.connection();
        try {
            for (int n = context.in().read(bytes); n >= 0; n = context.in().read(bytes)) {
                var chunk = bytes;
                if (tty) {
                    chunk = detachKeys.pass(bytes, n);
                    n = chunk.length;
                    if (detachKeys.complete()) {
                        detached = true;
                        connection.close();
                        return;
                    }
                }
                connection.write(ByteBuffer.wrap(chunk, 0, n));
            }
            connection.closeOutput();
        } catch (IOException e) {
            // the process has gone, and the main thread sees it; what was typed for it is nobody's
            return;
        }
    }

    /** Copies output until the process closes it; returns false if the user detached. */
    boolean receiveOutput() throws IOException {
        try {
            if (tty) {
                copyRaw(streaming.response().raw(), context.out());
            } else {
                demultiplex(streaming.response().raw(), context.out(), context.err());
            }
        } catch (IOException e) {
            if (!detached) {
                throw e;
            }
        }
        return !detached;
    }

    private static void copyRaw(InputStream from, OutputStream to) throws IOException {
        var bytes = new byte[32 * 1024];
        for (int n = from.read(bytes); n >= 0; n = from.read(bytes)) {
            to.write(bytes, 0, n);
        }
    }

    /** Docker's framing: one byte of stream number, three of nothing, four of length (big-endian), then the payload. */
    static void demultiplex(InputStream from, OutputStream out, OutputStream err) throws IOException {
        var header = new byte[8];
        var bytes = new byte[32 * 1024];
        while (true) {
            int got = from.readNBytes(header, 0, 8);
            if (got == 0) {
                return;
            }
            if (got < 8) {
                throw new EOFException("the engine broke off in the middle of the output");
            }
            var to = switch (header[0]) {
                case 0, 1 -> out;
                // 3 is the engine's own word about what went wrong
                case 2, 3 -> err;
                default -> throw new IOException("unknown stream " + header[0] + " in the output");
            };
            long left = ByteBuffer.wrap(header, 4, 4).getInt() & 0xffffffffL;
            while (left > 0) {
                int n = from.read(bytes, 0, (int) Math.min(left, bytes.length));
                if (n < 0) {
                    throw new EOFException("the engine broke off in the middle of the output");
                }
                to.write(bytes, 0, n);
                left -= n;
            }
        }
    }

    /** Forwards the signals that a terminal or a supervisor sends to this command. */
    static void forwardSignals(Engine engine, String container) {
        for (var name : List.of("INT", "TERM", "HUP", "USR1", "USR2", "ALRM", "CONT", "TSTP", "TTIN", "TTOU")) {
            try {
                Signal.handle(new Signal(name), signal -> forward(engine, container, name));
            } catch (IllegalArgumentException e) {
                // the JVM keeps this one for itself
                continue;
            }
        }
    }

    private static void forward(Engine engine, String container, String name) {
        try {
            engine.post(Engine.container(container) + "/kill?signal=" + name);
        } catch (IOException | EngineError | Failure e) {
            // it has just ended, or the engine has; either way the main thread notices
            return;
        }
    }

    /** Tells the engine the terminal's size, now and whenever it changes. */
    static void followSize(Engine engine, String resizePath) {
        resize(engine, resizePath);
        Signal.handle(new Signal("WINCH"), signal -> resize(engine, resizePath));
    }

    private static void resize(Engine engine, String resizePath) {
        var size = Terminal.size();
        if (size.rows() > 0) {
            try {
                engine.post(resizePath + "?h=" + size.rows() + "&w=" + size.columns());
            } catch (IOException | EngineError | Failure e) {
                // the process may have ended before its first output was seen
                return;
            }
        }
    }

    @Override
    public void close() throws IOException {
        streaming.close();
    }
}
