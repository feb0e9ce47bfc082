package kist.http;

import java.util.Optional;

/**
 * One range of bytes of a representation (RFC 9110 section 14).
 *
 * @param offset of the first byte
 * @param length at least 1
 */
public record ByteRange(long offset, long length) {
    private static final String UNIT = "bytes=";

    /**
     * Reads a Range field.
     *
     * @param field its value, or an empty string
     * @param size of the whole representation
     * @return empty where the whole representation is the answer: there is no field, it asks for several ranges or it is
     *     malformed, all of which a server may ignore
     * @throws HttpException 416 where the range lies beyond the end
     */
    public static Optional<ByteRange> of(String field, long size) {
        if (!field.startsWith(UNIT) || field.indexOf(',') >= 0) {
            return Optional.empty();
        }
        String spec = field.substring(UNIT.length()).strip();
        int dash = spec.indexOf('-');
        if (dash < 0) {
            return Optional.empty();
        }
        long first = number(spec.substring(0, dash));
        long last = number(spec.substring(dash + 1));
        if (dash == 0) {
            return suffix(last, size);
        }
        boolean open = dash == spec.length() - 1;
        if (first < 0 || last < 0 && !open || !open && last < first) {
            return Optional.empty();
        }
        if (first >= size) {
            throw new HttpException(416, "the range begins at byte " + first + " of " + size);
        }
        return Optional.of(new ByteRange(first, (open ? size : Math.min(size, last + 1)) - first));
    }

    private static Optional<ByteRange> suffix(long length, long size) {
        if (length < 0) {
            return Optional.empty();
        }
        if (length == 0 || size == 0) {
            throw new HttpException(416, "the range is the last " + length + " bytes of " + size);
        }
        long taken = Math.min(length, size);
        return Optional.of(new ByteRange(size - taken, taken));
    }

    /** The value of a Content-Range field for this range. */
    public String contentRange(long size) {
        return "bytes " + offset + "-" + (offset + length - 1) + "/" + size;
    }

    /** A decimal number below 10^18, or -1. */
    private static long number(String text) {
        if (text.isEmpty() || text.length() > 18) {
            return -1;
        }
        long value = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + (c - '0');
        }
        return value;
    }
}
