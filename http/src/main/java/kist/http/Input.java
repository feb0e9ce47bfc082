package kist.http;

import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that arrive on a connection, buffered. One thread uses it; {@link #watch} lends the wire to a second thread, and
 * the next reading call takes it back by waiting for that thread's one read.
 */
final class Input {
    static final int MAX_HEAD = 64 << 10;
    private static final int INITIAL = 8 << 10;
    /** Reads at least this long bypass the buffer. */
    private static final int DIRECT = 4 << 10;

    private final Wire wire;
    private byte[] buffer = new byte[INITIAL];
    private int position;
    private int limit;
    private @Nullable Watch watch;
    private @Nullable Deadlines stalls;
    private long stallMillis;

    Input(Wire wire) {
        this.wire = wire;
    }

    /** The buffer in which the head that {@link #awaitHead} found lies. */
    byte[] buffer() {
        return buffer;
    }

    int position() {
        return position;
    }

    /** Takes everything before this index of the buffer as read. */
    void skipTo(int index) {
        position = index;
    }

    boolean isBuffered() {
        return position < limit;
    }

    /**
     * Reads until a whole request head is buffered from {@link #position} on.
     *
     * @param millis how long an unfinished head may take from its first byte on
     * @param idleMillis how long its first byte may take, 0 for ever
     * @return the index after its empty line, or -1 where the client is done
     */
    int awaitHead(Deadlines deadlines, long millis, long idleMillis) throws IOException {
        stalls = null;
        boolean waiting = idleMillis > 0 && position == limit;
        if (waiting) {
            deadlines.arm(wire, idleMillis);
        }
        boolean armed = false;
        boolean first = true;
        int offset = 0;
        int lineStart = 0;
        try {
            while (true) {
                while (position + offset < limit) {
                    byte c = buffer[position + offset];
                    if (c != '\r') {
                        if (c == '\n' || c == 0) {
                            throw new HttpException(400, "lines of a request head end in CR LF and hold no NUL");
                        }
                        offset++;
                        continue;
                    }
                    if (position + offset + 1 == limit) {
                        break;
                    }
                    if (buffer[position + offset + 1] != '\n') {
                        throw new HttpException(400, "lines of a request head end in CR LF");
                    }
                    if (offset > lineStart) {
                        offset += 2;
                        lineStart = offset;
                    } else if (offset > 0) {
                        return position + offset + 2;
                    } else if (first) {
                        // RFC 9112 section 2.2: one empty line before the request line is forgiven
                        first = false;
                        position += 2;
                    } else {
                        throw new HttpException(400, "empty lines before the request line");
                    }
                }
                if (limit - position >= MAX_HEAD) {
                    throw new HttpException(431, "the request head is longer than 64 KiB");
                }
                if (!armed && position < limit) {
                    deadlines.arm(wire, millis);
                    armed = true;
                }
                if (fill() < 0) {
                    if (position == limit) {
                        return -1;
                    }
                    throw new EOFException("the client went in the middle of a request head");
                }
            }
        } finally {
            if (armed || waiting) {
                deadlines.disarm(wire);
            }
        }
    }

    /** Closes the connection where reading from now on waits so long, until the next head or {@link #endStalls}. */
    void limitStalls(Deadlines deadlines, long millis) {
        stalls = deadlines;
        stallMillis = millis;
    }

    /** Lets reading wait for ever again. */
    void endStalls() {
        stalls = null;
    }

    /** Reads at least one byte, or returns -1 at the end of the input. */
    int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position == limit) {
            if (watch == null && length >= DIRECT) {
                return direct(into, offset, length);
            }
            if (fill() < 0) {
                return -1;
            }
        }
        int count = Math.min(length, limit - position);
        System.arraycopy(buffer, position, into, offset, count);
        position += count;
        return count;
    }

    private int direct(byte[] into, int offset, int length) throws IOException {
        Deadlines limit = stalls;
        if (limit == null) {
            return wire.read(into, offset, length);
        }
        limit.arm(wire, stallMillis);
        try {
            return wire.read(into, offset, length);
        } finally {
            limit.disarm(wire);
        }
    }

    /** The next byte, or -1 at the end of the input. */
    int read() throws IOException {
        if (position == limit && fill() < 0) {
            return -1;
        }
        return buffer[position++] & 0xff;
    }

    /** Reads more bytes behind those that are buffered; -1 at the end of the input. */
    private int fill() throws IOException {
        Watch lent = watch;
        if (lent != null) {
            watch = null;
            return lent.takeBack();
        }
        Deadlines limit = stalls;
        if (limit == null) {
            return readMore();
        }
        limit.arm(wire, stallMillis);
        try {
            return readMore();
        } finally {
            limit.disarm(wire);
        }
    }

    private int readMore() throws IOException {
        if (position == limit) {
            position = 0;
            limit = 0;
            if (buffer.length > INITIAL) {
                buffer = new byte[INITIAL];
            }
        } else if (limit == buffer.length) {
            if (position > 0) {
                System.arraycopy(buffer, position, buffer, 0, limit - position);
                limit -= position;
                position = 0;
            } else {
                buffer = Arrays.copyOf(buffer, Math.min(buffer.length * 2, MAX_HEAD));
            }
        }
        int count = wire.read(buffer, limit, buffer.length - limit);
        if (count > 0) {
            limit += count;
        }
        return count;
    }

    /** Runs {@code gone} when the client leaves before {@link Watch#end}. Does nothing where the client sent more already. */
    @Nullable Watch watch(Runnable gone) {
        if (watch != null || isBuffered()) {
            return null;
        }
        Watch lent = new Watch(gone);
        watch = lent;
        lent.thread = Thread.ofVirtual().name("http-watch").start(lent);
        return lent;
    }

    /** One read on a thread of its own. */
    final class Watch implements Runnable {
        private final Runnable gone;
        private boolean over;
        private int result = -1;
        private @Nullable IOException failure;
        private @Nullable Thread thread;

        Watch(Runnable gone) {
            this.gone = gone;
        }

        @Override
        public void run() {
            try {
                result = readMore();
            } catch (IOException e) {
                failure = e;
            }
            if (result < 0) {
                synchronized (this) {
                    if (!over) {
                        over = true;
                        gone.run();
                    }
                }
            }
        }

        /** The client may leave from now on without {@code gone} being run. */
        synchronized void end() {
            over = true;
        }

        private int takeBack() throws IOException {
            Thread reader = thread;
            while (reader != null) {
                try {
                    reader.join();
                    break;
                } catch (InterruptedException e) {
                    wire.close();
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted", e);
                }
            }
            IOException broken = failure;
            if (broken != null) {
                throw broken;
            }
            return result;
        }
    }
}
