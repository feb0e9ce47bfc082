package kist.docker;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import kist.engine.Attachment;
import kist.engine.Output;
import kist.http.Hijacked;
import kist.http.WebSocket;

/** Joins the standard streams of a process to a client's connection. */
final class Streams {
    /** Where output goes. */
    private interface Sink {
        void write(byte[] bytes) throws IOException;
    }

    private Streams() {}

    /**
     * Takes the connection over and copies both ways until the process's output ends or the client has gone. Closes the
     * attachment.
     *
     * @param stdin whether what the client sends is for the process
     * @param keys the keys that detach, looked for on terminals only
     */
    static void join(Call call, Attachment attachment, boolean stdin, DetachKeys keys)
            throws IOException, InterruptedException {
        try (attachment) {
            boolean tty = attachment.tty();
            Hijacked raw = call.exchange().hijack(Frames.contentType(!tty, call));
            copy(attachment, raw.input(), bytes -> raw.output().write(bytes), stdin, keys, !tty, false);
        }
    }

    /** The same over a WebSocket, where both outputs are one stream of messages. */
    static void joinWebSocket(Call call, Attachment attachment, boolean stdin, DetachKeys keys)
            throws IOException, InterruptedException {
        try (attachment) {
            WebSocket socket = call.exchange().webSocket(!call.atLeast(28));
            copy(attachment, socket.input(), bytes -> socket.write(bytes, 0, bytes.length), stdin, keys, false, true);
            socket.close(WebSocket.NORMAL);
        }
    }

    private static void copy(
            Attachment attachment,
            InputStream from,
            Sink to,
            boolean stdin,
            DetachKeys keys,
            boolean framed,
            boolean endsWithInput)
            throws IOException, InterruptedException {
        Optional<DetachKeys> wanted = attachment.tty() ? Optional.of(keys) : Optional.empty();
        Thread input = Thread.ofVirtual().name("docker-stdin").unstarted(new Runnable() {
            @Override
            public void run() {
                readInput(from, attachment, stdin, wanted);
                if (endsWithInput) {
                    attachment.close();
                }
            }
        });
        input.start();
        for (Optional<Output> output = attachment.read(); output.isPresent(); output = attachment.read()) {
            to.write(Frames.frame(output.get(), !framed, ""));
        }
    }

    private static void readInput(InputStream input, Attachment attachment, boolean stdin, Optional<DetachKeys> keys) {
        byte[] bytes = new byte[16 << 10];
        try {
            for (int count = input.read(bytes); count >= 0; count = input.read(bytes)) {
                if (stdin && keys.isPresent()) {
                    DetachKeys.Typed typed = keys.get().typed(bytes, count);
                    attachment.write(typed.passed(), 0, typed.passed().length);
                    if (typed.detached()) {
                        attachment.detach();
                        return;
                    }
                } else if (stdin) {
                    attachment.write(bytes, 0, count);
                }
            }
            // a client without input to send shuts its side down at once and goes on reading
            if (stdin) {
                attachment.closeInput();
            }
        } catch (IOException | RuntimeException e) {
            attachment.close();
        }
    }
}
