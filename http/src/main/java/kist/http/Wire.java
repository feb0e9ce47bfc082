package kist.http;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;

/** A two-way byte stream under a connection: a socket, or TLS over one. */
interface Wire {
    /** Does what comes before the first byte of HTTP; {@code false} where there will be none. */
    default boolean open() throws IOException {
        return true;
    }

    /** Reads at least one byte, or returns -1 at the end of the input. One reader at a time. */
    int read(byte[] into, int offset, int length) throws IOException;

    /** Writes all bytes. One writer at a time. */
    void write(byte[] bytes, int offset, int length) throws IOException;

    /**
     * Writes a part of a file or of another channel. One writer at a time.
     *
     * @throws EOFException if the channel ends before, when a part was written
     */
    default void send(SeekableByteChannel from, long offset, long length) throws IOException {
        byte[] bytes = new byte[(int) Math.min(length, 64 << 10)];
        from.position(offset);
        while (length > 0) {
            int count = from.read(ByteBuffer.wrap(bytes, 0, (int) Math.min(length, bytes.length)));
            if (count < 0) {
                throw new EOFException("what is being sent became shorter");
            }
            write(bytes, 0, count);
            length -= count;
        }
    }

    /**
     * Waits until the peer has read what was written, where that can be known, but not long: clients with a reader of their
     * own for HTTP lose what arrives together with the head of a connection that leaves HTTP.
     */
    default void awaitRead() {}

    /** Tells the peer that nothing more will come, and goes on reading. */
    void shutdownOutput() throws IOException;

    /** Closes both ways and wakes blocked readers and writers. Idempotent. */
    void close();

    /** Who is at the other end. */
    Peer peer();
}
