package kist.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The body of a request, of a known length or in chunks (RFC 9112 sections 6 and 7.1). */
final class RequestBody extends InputStream {
    private static final byte[] CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);
    private static final int MAX_LINE = 4096;
    private static final int MAX_TRAILERS = 8192;
    private static final int MAX_DIGITS = 15;

    private final Input input;
    private final Wire wire;
    private final boolean chunked;
    private boolean owesContinue;
    /** Bytes left of the body, or of the current chunk. */
    private long remaining;

    private boolean firstChunk = true;
    private boolean ended;

    private RequestBody(Input input, Wire wire, boolean chunked, long length, boolean owesContinue) {
        this.input = input;
        this.wire = wire;
        this.chunked = chunked;
        this.remaining = length;
        this.ended = !chunked && length == 0;
        this.owesContinue = owesContinue && !ended;
    }

    /** Finds out how the body is framed; refuses every framing that two readers could understand differently. */
    static RequestBody of(HttpRequest request, Input input, Wire wire) {
        int lengths = request.headerCount("content-length");
        int encodings = request.headerCount("transfer-encoding");
        if (lengths > 1 || encodings > 1 || lengths + encodings > 1) {
            throw new HttpException(400, "more than one Content-Length or Transfer-Encoding");
        }
        boolean expects = request.headerCount("expect") > 0;
        if (expects && !request.header("expect").equalsIgnoreCase("100-continue")) {
            throw new HttpException(417, "no expectation but 100-continue can be met");
        }
        boolean owesContinue = expects && !request.http10();
        if (encodings == 1) {
            if (request.http10()) {
                throw new HttpException(400, "HTTP/1.0 has no Transfer-Encoding");
            }
            if (!request.header("transfer-encoding").equalsIgnoreCase("chunked")) {
                throw new HttpException(501, "no Transfer-Encoding but chunked is understood");
            }
            return new RequestBody(input, wire, true, 0, owesContinue);
        }
        long length = lengths == 0 ? 0 : length(request.header("content-length"));
        return new RequestBody(input, wire, false, length, owesContinue);
    }

    private static long length(String text) {
        long value = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9' || i == 18) {
                throw new HttpException(400, "Content-Length is not a decimal number below 10^18");
            }
            value = value * 10 + (c - '0');
        }
        if (text.isEmpty()) {
            throw new HttpException(400, "Content-Length is empty");
        }
        return value;
    }

    /** Whether every byte was read. */
    boolean isEnded() {
        return ended;
    }

    /** Whether the rest is so short and so surely coming that reading it is cheaper than a new connection. */
    boolean isCheapToDrain() {
        return ended || !owesContinue && !chunked && remaining <= 64 << 10;
    }

    /** Bytes that are left, as far as the head tells; {@code Long.MAX_VALUE} for chunks. */
    long announced() {
        return chunked ? Long.MAX_VALUE : remaining;
    }

    void drain() throws IOException {
        byte[] scratch = new byte[ended ? 0 : 8192];
        while (!ended) {
            read(scratch, 0, scratch.length);
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (ended) {
            return -1;
        }
        if (length == 0) {
            return 0;
        }
        if (owesContinue) {
            owesContinue = false;
            if (!input.isBuffered()) {
                wire.write(CONTINUE, 0, CONTINUE.length);
            }
        }
        if (chunked && remaining == 0) {
            nextChunk();
            if (ended) {
                return -1;
            }
        }
        int count = input.read(into, offset, (int) Math.min(length, remaining));
        if (count < 0) {
            throw new EOFException("the client went in the middle of a request body");
        }
        remaining -= count;
        if (!chunked && remaining == 0) {
            ended = true;
        }
        return count;
    }

    private void nextChunk() throws IOException {
        if (!firstChunk && (next() != '\r' || next() != '\n')) {
            throw new HttpException(400, "a chunk does not end in CR LF");
        }
        firstChunk = false;
        long size = 0;
        int digits = 0;
        int c = next();
        for (int value = HeadParser.hex(c); value >= 0; value = HeadParser.hex(c)) {
            if (++digits > MAX_DIGITS) {
                throw new HttpException(400, "a chunk size of more than 15 digits");
            }
            size = size << 4 | value;
            c = next();
        }
        if (digits == 0 || c != '\r' && c != ';') {
            throw new HttpException(400, "a chunk size is not a hexadecimal number");
        }
        skipLine(c, MAX_LINE);
        remaining = size;
        if (size == 0) {
            int budget = MAX_TRAILERS;
            int length;
            do {
                length = skipLine(next(), budget);
                budget -= length;
            } while (length > 0);
            ended = true;
        }
    }

    /** Reads to the end of a line whose first byte is given; returns how long it was. */
    private int skipLine(int first, int most) throws IOException {
        int length = 0;
        int c = first;
        while (c != '\r') {
            if (c < ' ' && c != '\t' || c == 0x7f) {
                throw new HttpException(400, "control character in a chunk extension or trailer");
            }
            if (++length > most) {
                throw new HttpException(400, "chunk extensions or trailers are too long");
            }
            c = next();
        }
        if (next() != '\n') {
            throw new HttpException(400, "lines between chunks end in CR LF");
        }
        return length;
    }

    private int next() throws IOException {
        int c = input.read();
        if (c < 0) {
            throw new EOFException("the client went in the middle of a request body");
        }
        return c;
    }
}
