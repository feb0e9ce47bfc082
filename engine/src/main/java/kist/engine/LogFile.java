package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * A log as the keeper writes it (native/keeper.c, append): records of a 16-byte header (length, stream, version, time),
 * the bytes, and the length again. Reads at its own position. Not thread-safe.
 */
final class LogFile implements AutoCloseable {
    static final int HEADER = 16;
    static final int TRAILER = 4;
    private static final int LARGEST = 1 << 20;

    private final Path path;
    private final FileChannel channel;
    private final ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    private long position;

    private LogFile(Path path, FileChannel channel, long position) {
        this.path = path;
        this.channel = channel;
        this.position = position;
    }

    /** Opens at the beginning; makes an empty file where there is none. */
    static LogFile open(Path path) {
        try {
            return new LogFile(
                    path,
                    FileChannel.open(
                            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE),
                    0);
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    long position() {
        return position;
    }

    void position(long to) {
        position = to;
    }

    /** The record at the position, which moves behind it; empty where no whole record is there yet. */
    Optional<Output> next() {
        try {
            if (!fill(header.clear(), position)) {
                return Optional.empty();
            }
            int size = header.getInt(0);
            if (size < 0 || size > LARGEST) {
                throw new EngineException(
                        EngineException.Kind.INTERNAL, "the log " + path + " is damaged at byte " + position);
            }
            byte[] bytes = new byte[size];
            // the trailer belongs to the record: without it the keeper is still writing
            if (channel.size() < position + HEADER + size + TRAILER
                    || !fill(ByteBuffer.wrap(bytes), position + HEADER)) {
                return Optional.empty();
            }
            position += HEADER + size + TRAILER;
            return Optional.of(new Output(header.getLong(8), header.get(4), bytes));
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    private boolean fill(ByteBuffer buffer, long from) throws IOException {
        long at = from;
        while (buffer.hasRemaining()) {
            int n = channel.read(buffer, at);
            if (n <= 0) {
                return false;
            }
            at += n;
        }
        return true;
    }

    /** Moves to the beginning of the last record before the position; false at the beginning of the file. */
    boolean back() {
        if (position < HEADER + TRAILER) {
            return false;
        }
        try {
            ByteBuffer trailer = ByteBuffer.allocate(TRAILER).order(ByteOrder.LITTLE_ENDIAN);
            if (!fill(trailer, position - TRAILER)) {
                return false;
            }
            long start = position - TRAILER - trailer.getInt(0) - HEADER;
            if (start < 0 || start >= position) {
                throw new EngineException(
                        EngineException.Kind.INTERNAL, "the log " + path + " is damaged before byte " + position);
            }
            position = start;
            return true;
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    /** Moves behind the last whole record. */
    void end() {
        try {
            position = channel.size();
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    private static EngineException failure(Path path, IOException e) {
        return new EngineException(
                EngineException.Kind.INTERNAL, "cannot read the log " + path + ": " + e.getMessage(), e);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "cannot close " + path, e);
        }
    }
}
