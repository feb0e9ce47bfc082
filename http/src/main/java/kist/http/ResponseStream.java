package kist.http;

import java.io.IOException;
import java.io.OutputStream;

/**
 * A response body of unknown length. Bytes wait in a buffer until it is full or {@link #flush}ed; then they leave in one
 * write together with their framing, and the first time with the head. The body ends when the handler returns; closing only
 * flushes, so that a handler that fails inside try-with-resources cuts the connection and does not end the body as if it were
 * whole. Used by one thread at a time.
 */
public final class ResponseStream extends OutputStream {
    private static final int CAPACITY = 16 << 10;
    /** Four digits and CR LF before a chunk. */
    private static final int SIZE_ROOM = 6;
    /** CR LF after a chunk and the last, empty chunk. */
    private static final int TAIL_ROOM = 7;

    private final Wire wire;
    private final boolean chunked;
    private final boolean discard;
    private final int start;
    private final byte[] buffer;
    private int position;
    private int headLength;
    private boolean ended;

    /**
     * Makes a stream.
     *
     * @param discard whether only the head is wanted
     */
    ResponseStream(Wire wire, byte[] head, boolean chunked, boolean discard) {
        this.wire = wire;
        this.chunked = chunked;
        this.discard = discard;
        this.headLength = head.length;
        this.start = head.length + SIZE_ROOM;
        this.buffer = new byte[start + CAPACITY + TAIL_ROOM];
        this.position = start;
        System.arraycopy(head, 0, buffer, 0, head.length);
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        if (ended) {
            throw new IOException("the response has ended");
        }
        if (discard) {
            return;
        }
        while (length > 0) {
            if (position == start + CAPACITY) {
                flush();
            }
            int count = Math.min(length, start + CAPACITY - position);
            System.arraycopy(bytes, offset, buffer, position, count);
            position += count;
            offset += count;
            length -= count;
        }
    }

    /** Sends what is buffered, and the head where it was not sent yet. */
    @Override
    public void flush() throws IOException {
        if (!ended) {
            send(false);
        }
    }

    /** Sends what is buffered and the end of the body. */
    void end() throws IOException {
        if (!ended) {
            ended = true;
            send(true);
        }
    }

    private void send(boolean last) throws IOException {
        int length = position - start;
        int from = start;
        int to = position;
        if (chunked && !discard) {
            if (length > 0) {
                buffer[--from] = '\n';
                buffer[--from] = '\r';
                for (int rest = length; rest > 0; rest >>>= 4) {
                    buffer[--from] = (byte) Character.forDigit(rest & 15, 16);
                }
                buffer[to++] = '\r';
                buffer[to++] = '\n';
            }
            if (last) {
                buffer[to++] = '0';
                buffer[to++] = '\r';
                buffer[to++] = '\n';
                buffer[to++] = '\r';
                buffer[to++] = '\n';
            }
        }
        if (headLength > 0) {
            // the head moves up against the first chunk so that both leave in one write
            System.arraycopy(buffer, 0, buffer, from - headLength, headLength);
            from -= headLength;
            headLength = 0;
        }
        position = start;
        if (to > from) {
            wire.write(buffer, from, to - from);
        }
    }
}
