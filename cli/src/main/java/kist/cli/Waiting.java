package kist.cli;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A line on the terminal while something takes longer than one would sit still for: what is done, for how long, and how
 * many bytes of it. Shown on standard error after a second, taken away at the end; without a terminal there is none, and
 * no thread.
 *
 * <pre>{@code
 * try (var waiting = Waiting.begin(context, "Committing web")) {
 *     ...
 * }
 * }</pre>
 */
final class Waiting implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 1000;
    private static final long PAUSE_MILLIS = 250;

    private final Context context;
    private final String what;
    private final long begun = System.nanoTime();
    private final AtomicLong bytes = new AtomicLong();
    private final Thread thread;
    private boolean closed;
    private boolean drawn;

    private Waiting(Context context, String what, boolean shown) {
        this.context = context;
        this.what = what;
        this.thread = new Thread(this::show, "waiting");
        if (shown) {
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Begins; what is done is said in a few words, such as {@code Stopping web}. */
    static Waiting begin(Context context, String what) {
        return new Waiting(context, what, context.stderrIsTerminal());
    }

    /** So many bytes more are done. */
    void advance(long count) {
        bytes.addAndGet(count);
    }

    private void show() {
        try {
            Thread.sleep(PATIENCE_MILLIS);
            while (true) {
                synchronized (this) {
                    if (closed) {
                        return;
                    }
                    long seconds = (System.nanoTime() - begun) / 1_000_000_000;
                    long done = bytes.get();
                    context.err()
                            .write(("\r" + what + "… " + (done > 0 ? Units.amount(done) + ", " : "") + seconds
                                            + " s\033[K")
                                    .getBytes(java.nio.charset.StandardCharsets.UTF_8));
                    drawn = true;
                }
                Thread.sleep(PAUSE_MILLIS);
            }
        } catch (InterruptedException | IOException e) {
            // it is only decoration
            return;
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            if (drawn) {
                try {
                    context.err().write("\r\033[K".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    // the terminal has gone, and with it the line
                    return;
                }
            }
        }
        thread.interrupt();
    }
}
