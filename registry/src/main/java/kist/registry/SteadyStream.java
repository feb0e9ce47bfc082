package kist.registry;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/**
 * A stream that fails when it becomes too slow. Only the time that the reader waits for it counts, so a slow reader is no
 * fault of the stream. One reader.
 */
final class SteadyStream extends FilterInputStream {
    private static final Duration LONGEST_NAP = Duration.ofSeconds(5);

    private final Pace pace;
    private final Thread watch;
    /** When the reader began to wait, in nanoseconds; 0 while it does not. */
    private long waitingSince;

    private long waited;
    private long bytes;
    private boolean tooSlow;

    SteadyStream(InputStream in, Pace pace) {
        super(in);
        this.pace = pace;
        this.watch = Thread.ofVirtual().name("kist-registry-watch").start(this::watch);
    }

    private void watch() {
        try {
            long nap = Math.min(pace.interval().toMillis() / 4 + 1, LONGEST_NAP.toMillis());
            while (true) {
                Thread.sleep(nap);
                if (isTooSlow()) {
                    // wakes the reader, which waits inside
                    in.close();
                    return;
                }
            }
        } catch (InterruptedException | IOException e) {
            // closed, or as good as closed
        }
    }

    private synchronized boolean isTooSlow() {
        long now = waitingSince == 0 ? 0 : System.nanoTime() - waitingSince;
        if (waited + now >= pace.interval().toNanos()) {
            tooSlow = bytes < pace.minimum();
            if (!tooSlow) {
                waited = -now;
                bytes = 0;
            }
        }
        return tooSlow;
    }

    private synchronized void begin() throws IOException {
        check();
        waitingSince = System.nanoTime();
    }

    private synchronized void end(int n) throws IOException {
        waited += System.nanoTime() - waitingSince;
        waitingSince = 0;
        bytes += Math.max(0, n);
        check();
    }

    private synchronized void check() throws IOException {
        if (tooSlow) {
            throw new IOException("too slow: less than " + pace.minimum() + " bytes came in "
                    + pace.interval().toSeconds() + " s");
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        begin();
        int n = 0;
        try {
            n = super.read(buffer, offset, length);
        } finally {
            end(n);
        }
        return n;
    }

    @Override
    public long skip(long n) throws IOException {
        byte[] piece = new byte[4096];
        long skipped = 0;
        for (int got; skipped < n && (got = read(piece, 0, (int) Math.min(piece.length, n - skipped))) > 0; ) {
            skipped += got;
        }
        return skipped;
    }

    @Override
    public void close() throws IOException {
        watch.interrupt();
        super.close();
    }
}
