package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The bytes of one segment of a log, however they are kept. Not thread-safe. */
sealed interface LogSegment extends AutoCloseable permits LogSegment.Plain, PackedSegment {
    /** Reads at an offset within the segment; negative or zero at its end. */
    int read(ByteBuffer into, long at) throws IOException;

    /** How long it is now. */
    long size() throws IOException;

    @Override
    void close() throws IOException;

    /** A segment as the keeper writes it. */
    record Plain(FileChannel channel) implements LogSegment {
        static Plain open(Path file) throws IOException {
            return new Plain(FileChannel.open(file, StandardOpenOption.READ));
        }

        @Override
        public int read(ByteBuffer into, long at) throws IOException {
            return channel.read(into, at);
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
