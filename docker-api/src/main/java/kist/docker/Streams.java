package kist.docker;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import kist.engine.Attachment;
import kist.engine.Output;
import kist.http.Exchange;
import kist.http.Hijacked;

/** Joins the standard streams of a process to a client's connection. */
final class Streams {
    private Streams() {}

    /**
     * Takes the connection over and copies both ways until the process's output ends or the client has gone. Closes the
     * attachment.
     *
     * @param stdin whether what the client sends is for the process
     * @param keys the keys that detach, looked for on terminals only
     */
    static void join(Call call, Attachment attachment, boolean stdin, Optional<DetachKeys> keys)
            throws IOException, InterruptedException {
        try (attachment) {
            boolean tty = attachment.tty();
            Exchange exchange = call.exchange();
            Hijacked raw = exchange.hijack(Frames.contentType(!tty, call));
            Thread input = Thread.ofVirtual().name("docker-stdin").unstarted(new Runnable() {
                @Override
                public void run() {
                    readInput(raw.input(), attachment, stdin, tty ? keys : Optional.empty());
                }
            });
            input.start();
            Optional<Output> output = attachment.read();
            while (output.isPresent()) {
                raw.output().write(Frames.frame(output.get(), tty, ""));
                output = attachment.read();
            }
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
                        attachment.close();
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
