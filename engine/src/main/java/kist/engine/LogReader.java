package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Reads a log as the keeper writes it (native/keeper.c, append): records of a 16-byte header (length, stream, version, whether it goes on
 * with a line, time),
 * the bytes, and the length again, in segments. Reads at its own position, an offset in the whole log, and goes from segment
 * to segment; what has been deleted meanwhile is skipped. Thread-safe, so that it can be closed while it is read.
 */
final class LogReader implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist");
    static final int HEADER = 16;
    static final int TRAILER = 4;
    private static final int LARGEST = 1 << 20;
    private static final int VERSION = 1;
    /** What the keeper itself has to say; shown as standard error. */
    private static final int NOTE = 3;

    private static final int SMALL = 8 << 10;
    private static final int LARGE = 128 << 10;

    private final LogDirectory directory;
    private Optional<LogDirectory.Opened> current = Optional.empty();
    private long position;
    /** Bytes of the log from {@code windowAt} on. */
    private ByteBuffer window =
            ByteBuffer.allocate(SMALL).order(ByteOrder.LITTLE_ENDIAN).limit(0);

    private long windowAt;
    private boolean closed;
    private boolean middle;
    /** Segments behind the current one that are open already, so that they can be read when they are deleted. */
    private final TreeMap<Long, LogDirectory.Opened> pinned = new TreeMap<>();

    private LogReader(LogDirectory directory) {
        this.directory = directory;
    }

    /** Opens at the beginning of the log, of which there may be nothing yet. */
    static LogReader open(LogDirectory directory) {
        return new LogReader(directory);
    }

    synchronized long position() {
        return position;
    }

    /** Moves to an offset where a record begins. */
    synchronized void position(long to) {
        if (current.isPresent() && to < current.get().start()) {
            jump();
        }
        position = to;
    }

    /** Moves to the beginning of what is still there. */
    synchronized void beginning() {
        jump();
        position = 0;
    }

    /**
     * Moves to the beginning of a segment behind which everything lies that was written at a time or later (Unix time in
     * nanoseconds), so that a long log need not be read from its beginning.
     */
    synchronized void seek(long nanos) {
        beginning();
        if (nanos <= 0) {
            return;
        }
        try {
            for (LogDirectory.Entry entry : directory.list().descendingMap().values()) {
                if (directory.firstNanos(entry) < nanos) {
                    position = entry.start();
                    return;
                }
            }
        } catch (NoSuchFileException deletedMeanwhile) {
            position = 0;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Opens all that there is from the position on, so that nothing of it is lost when it is deleted. */
    synchronized void pin() {
        try {
            if (closed || current.isEmpty() && !enter()) {
                return;
            }
            for (LogDirectory.Entry entry :
                    directory.list().tailMap(start(), false).values()) {
                try {
                    if (!pinned.containsKey(entry.start())) {
                        pinned.put(entry.start(), new LogDirectory.Opened(entry.start(), directory.open(entry)));
                    }
                } catch (NoSuchFileException e) {
                    LOG.log(System.Logger.Level.DEBUG, "deleted meanwhile", e);
                }
            }
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private Optional<LogDirectory.Opened> after(long start) throws IOException {
        Map.Entry<Long, LogDirectory.Opened> next = pinned.higherEntry(start);
        if (next == null) {
            return directory.after(start);
        }
        pinned.remove(next.getKey());
        return Optional.of(next.getValue());
    }

    /** Where the segment begins that is read; what is before it is not needed any more. */
    synchronized long segmentStart() {
        return current.isPresent() ? Math.min(current.get().start(), position) : position;
    }

    /** The record at the position, which moves behind it; empty where no whole record is there yet. */
    synchronized Optional<Output> next() {
        try {
            boolean ended = false;
            while (!closed) {
                if (current.isEmpty() && !enter()) {
                    return Optional.empty();
                }
                Optional<Output> record = record();
                if (record.isPresent()) {
                    position += HEADER + record.get().bytes().length + TRAILER;
                    return record;
                }
                // a segment with a successor has ended, but it may have grown between the two looks
                Optional<LogDirectory.Opened> next = after(start());
                if (next.isEmpty()) {
                    refuseDamage();
                    return Optional.empty();
                }
                if (ended) {
                    leave();
                    current = next;
                    position = next.get().start();
                } else {
                    pinned.put(next.get().start(), next.get());
                    forgetWindow();
                }
                ended = !ended;
            }
            return Optional.empty();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private long start() {
        return current.orElseThrow().start();
    }

    private LogSegment bytes() {
        return current.orElseThrow().bytes();
    }

    private boolean enter() throws IOException {
        current = directory.open(position);
        current.ifPresent(o -> position = Math.max(position, o.start()));
        return current.isPresent();
    }

    /** Whether the record read last goes on with a line that began in another. */
    synchronized boolean isMiddle() {
        return middle;
    }

    /** The record at the position in this segment; empty where there is none that is whole and sound. */
    private Optional<Output> record() throws IOException {
        if (!fill(position, HEADER)) {
            return Optional.empty();
        }
        int at = at(position);
        int size = window.getInt(at);
        if (size < 0 || size > LARGEST || window.get(at + 5) != VERSION) {
            return Optional.empty();
        }
        // the trailer belongs to the record: without it the keeper is still writing
        if (!fill(position, HEADER + size + TRAILER)) {
            return Optional.empty();
        }
        at = at(position);
        int stream = window.get(at + 4);
        middle = window.getShort(at + 6) != 0;
        byte[] bytes = new byte[size];
        window.get(at + HEADER, bytes);
        return Optional.of(new Output(window.getLong(at + 8), stream == NOTE ? 2 : stream, bytes));
    }

    /** A record that cannot be one is damage where nothing follows that could be read instead. */
    private void refuseDamage() throws IOException {
        if (!fill(position, HEADER)) {
            return;
        }
        int size = window.getInt(at(position));
        if (size < 0 || size > LARGEST || window.get(at(position) + 5) != VERSION) {
            throw new EngineException(
                    EngineException.Kind.INTERNAL,
                    "the log " + directory.path().resolve(LogDirectory.name(start())) + " is damaged at byte "
                            + (position - start()));
        }
    }

    private int at(long offset) {
        return (int) (offset - windowAt);
    }

    /** Has this part of the segment in the window; false where the segment does not go so far. */
    private boolean fill(long from, int length) throws IOException {
        if (from >= windowAt && from + length <= windowAt + window.limit()) {
            return true;
        }
        boolean full = window.limit() == window.capacity();
        if (window.capacity() < length || full && window.capacity() < LARGE) {
            // a reader of much reads much at once, an idle one holds little
            window = ByteBuffer.allocate(Math.max(length, full ? LARGE : SMALL)).order(ByteOrder.LITTLE_ENDIAN);
        }
        window.clear();
        windowAt = from;
        while (window.hasRemaining()) {
            if (bytes().read(window, from - start() + window.position()) <= 0) {
                break;
            }
        }
        window.flip();
        return window.limit() >= length;
    }

    private void forgetWindow() {
        window.limit(0);
    }

    /** Moves to the beginning of the last record before the position; false at the beginning of what is there. */
    synchronized boolean back() {
        try {
            if (current.isEmpty() && !enter()) {
                return false;
            }
            while (position <= start()) {
                Optional<LogDirectory.Opened> previous = directory.before(start());
                if (previous.isEmpty()) {
                    return false;
                }
                jump();
                current = previous;
                position = wholeEnd();
            }
            long begin = previousRecord(position);
            position = begin < 0 ? position : begin;
            return begin >= 0;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Where the record begins that ends here; negative where none does. */
    private long previousRecord(long end) throws IOException {
        if (end - TRAILER - HEADER < start()) {
            return -1;
        }
        // so much before it that the records before are there too
        long from = Math.max(start(), end - Math.max(SMALL, window.capacity()));
        if (end - TRAILER < windowAt || end > windowAt + window.limit()) {
            forgetWindow();
            fill(from, (int) (end - from));
        }
        if (!fill(end - TRAILER, TRAILER)) {
            return -1;
        }
        int size = window.getInt(at(end - TRAILER));
        long begin = end - TRAILER - size - HEADER;
        if (size < 0 || size > LARGEST || begin < start() || !fill(begin, HEADER)) {
            return -1;
        }
        return window.getInt(at(begin)) == size && window.get(at(begin) + 5) == VERSION ? begin : -1;
    }

    /** Moves behind the last whole record. */
    synchronized void end() {
        try {
            jump();
            current = directory.open(Long.MAX_VALUE);
            position = current.isPresent() ? wholeEnd() : 0;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Behind the last whole record of this segment, which the keeper may be writing to. */
    private long wholeEnd() throws IOException {
        long end = start() + bytes().size();
        if (end == start() || previousRecord(end) >= 0) {
            return end;
        }
        long was = position;
        position = start();
        for (Optional<Output> o = record(); o.isPresent(); o = record()) {
            position += HEADER + o.get().bytes().length + TRAILER;
        }
        end = position;
        position = was;
        return end;
    }

    /** Whether the last segment does not end with a whole record. Moves behind the last whole one. */
    synchronized boolean isTorn() {
        try {
            end();
            return current.isPresent() && position < start() + bytes().size();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Leaves for a place that is not the next segment. */
    private void jump() {
        leave();
        pinned.values().forEach(this::close);
        pinned.clear();
    }

    private void leave() {
        current.ifPresent(this::close);
        current = Optional.empty();
        forgetWindow();
    }

    private void close(LogDirectory.Opened opened) {
        try {
            opened.bytes().close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot close a log in " + directory.path(), e);
        }
    }

    private EngineException failure(IOException e) {
        return new EngineException(
                EngineException.Kind.INTERNAL, "cannot read the log in " + directory.path() + ": " + e.getMessage(), e);
    }

    /** Ends reading, also that of another thread. */
    @Override
    public synchronized void close() {
        closed = true;
        jump();
    }
}
