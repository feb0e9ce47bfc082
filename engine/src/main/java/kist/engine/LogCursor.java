package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * How far a log has been forwarded, on disk: for each stream the record, by its offset in the log, and the byte within it, up
 * to which everything has been delivered.
 */
record LogCursor(long outRecord, int outByte, long errRecord, int errByte) {
    static final LogCursor START = new LogCursor(0, 0, 0, 0);
    private static final int SIZE = 24;

    long record(int stream) {
        return stream == 2 ? errRecord : outRecord;
    }

    int bytes(int stream) {
        return stream == 2 ? errByte : outByte;
    }

    /** Where reading must begin. */
    long first() {
        return Math.min(outRecord, errRecord);
    }

    /** Reads; the start where there is none, or none that is whole. */
    static LogCursor load(Path file) {
        ByteBuffer b = ByteBuffer.allocate(SIZE);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (b.hasRemaining() && channel.read(b) >= 0) {}
        } catch (IOException e) {
            return START;
        }
        if (b.hasRemaining()) {
            return START;
        }
        b.flip();
        return new LogCursor(b.getLong(), b.getInt(), b.getLong(), b.getInt());
    }

    /** Writes with one call, which a killed engine has made wholly or not at all. */
    void save(Path file) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(SIZE);
        b.putLong(outRecord).putInt(outByte).putLong(errRecord).putInt(errByte).flip();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(b, 0);
        }
    }
}
