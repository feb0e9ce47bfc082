package kist.image;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Reads gzip (RFC 1952), one member after the other; what follows the last must be another or the end, so that nothing can hide
 * there. The library's own stream passes over garbage. Not thread-safe.
 */
final class GzipStream extends InputStream {
    private static final int TEXT_FIELDS = 0x18;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;
    private static final int HEADER_CHECKSUM = 2;
    private static final int RESERVED = 0xe0;
    /** Longer names and comments are not read. */
    private static final int MAXIMUM_TEXT = 64 << 10;

    private final InputStream in;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final byte[] buffer = new byte[128 << 10];
    private int from;
    private int to;
    private boolean inMember;
    private boolean ended;

    GzipStream(InputStream in) throws IOException {
        this.in = in;
        if (!header()) {
            throw new EOFException("the gzip stream is empty");
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (!ended) {
            if (!inMember && !header()) {
                ended = true;
                break;
            }
            try {
                int n = inflater.inflate(bytes, offset, length);
                if (n > 0) {
                    crc.update(bytes, offset, n);
                    return n;
                }
            } catch (DataFormatException e) {
                throw new ZipException("the gzip stream is damaged: " + e.getMessage());
            }
            if (inflater.finished()) {
                trailer();
            } else if (inflater.needsDictionary()) {
                throw new ZipException("the gzip stream wants a dictionary");
            } else if (inflater.needsInput()) {
                from = to;
                if (!fill()) {
                    throw new EOFException("the gzip stream is cut short");
                }
                inflater.setInput(buffer, from, to - from);
            }
        }
        return -1;
    }

    private boolean fill() throws IOException {
        from = 0;
        to = Math.max(0, in.read(buffer, 0, buffer.length));
        return to > 0;
    }

    private int next() throws IOException {
        if (from == to && !fill()) {
            throw new EOFException("the gzip stream is cut short");
        }
        return buffer[from++] & 0xff;
    }

    /** False at the end. */
    private boolean header() throws IOException {
        if (from == to && !fill()) {
            return false;
        }
        if (next() != 0x1f || next() != 0x8b || next() != 8) {
            throw new ZipException("there is garbage in place of a gzip header");
        }
        int flags = next();
        if ((flags & RESERVED) != 0) {
            throw new ZipException("the gzip header has flags that nobody knows");
        }
        for (int i = 0; i < 6; i++) {
            next();
        }
        if ((flags & EXTRA) != 0) {
            int length = next() | next() << 8;
            for (int i = 0; i < length; i++) {
                next();
            }
        }
        if ((flags & TEXT_FIELDS) != 0) {
            text(flags & NAME);
            text(flags & COMMENT);
        }
        if ((flags & HEADER_CHECKSUM) != 0) {
            next();
            next();
        }
        inflater.reset();
        inflater.setInput(buffer, from, to - from);
        crc.reset();
        inMember = true;
        return true;
    }

    private void text(int present) throws IOException {
        if (present != 0) {
            int length = 0;
            while (next() != 0) {
                if (++length > MAXIMUM_TEXT) {
                    throw new ZipException("the gzip header has an endless name");
                }
            }
        }
    }

    private void trailer() throws IOException {
        from = to - inflater.getRemaining();
        long checksum = number();
        long length = number();
        if (checksum != crc.getValue() || length != (inflater.getBytesWritten() & 0xffffffffL)) {
            throw new ZipException("the gzip stream is damaged: its checksum or length is wrong");
        }
        inMember = false;
    }

    private long number() throws IOException {
        long value = 0;
        for (int i = 0; i < 32; i += 8) {
            value |= (long) next() << i;
        }
        return value;
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        in.close();
    }
}
