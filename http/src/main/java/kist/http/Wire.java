package kist.http;

import java.io.IOException;

/** A two-way byte stream under a connection: a plain socket now, TLS over one later. */
interface Wire {
    /** Reads at least one byte, or returns -1 at the end of the input. One reader at a time. */
    int read(byte[] into, int offset, int length) throws IOException;

    /** Writes all bytes. One writer at a time. */
    void write(byte[] bytes, int offset, int length) throws IOException;

    /** Tells the peer that nothing more will come, and goes on reading. */
    void shutdownOutput() throws IOException;

    /** Closes both ways and wakes blocked readers and writers. Idempotent. */
    void close();

    /** Who is at the other end. */
    Peer peer();
}
