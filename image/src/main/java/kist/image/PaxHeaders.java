package kist.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import kist.kernel.FileNames;

/** The records of a pax extended header (POSIX, pax utility); values are bytes. Not thread-safe. */
final class PaxHeaders {
    private static final String XATTR = "SCHILY.xattr.";
    private static final int MAXIMUM_TOTAL = 2 << 20;

    private final Map<String, byte[]> records = new HashMap<>();
    private final StringBuilder sparse = new StringBuilder();
    private int total;

    /** A point in time. */
    record Time(long seconds, int nanoseconds) {}

    /** Adds the records {@code "<length> <key>=<value>\n"}; a later one replaces an earlier one of the same key. */
    void parse(byte[] content, String what) {
        total += content.length;
        if (total > MAXIMUM_TOTAL) {
            throw ImageException.invalid(what + " has extended headers of more than " + MAXIMUM_TOTAL + " bytes");
        }
        for (int at = 0; at < content.length; ) {
            int length = 0;
            int i = at;
            while (i < content.length && i - at < 8 && content[i] >= '0' && content[i] <= '9') {
                length = 10 * length + content[i++] - '0';
            }
            int end = at + length;
            if (i == at
                    || i >= content.length
                    || content[i] != ' '
                    || end > content.length
                    || end <= i + 1
                    || content[end - 1] != '\n') {
                throw ImageException.invalid(what + " has a damaged extended header");
            }
            int equals = i + 1;
            while (equals < end && content[equals] != '=') {
                equals++;
            }
            if (equals == end) {
                throw ImageException.invalid(what + " has an extended header without a value");
            }
            String key = FileNames.decode(Arrays.copyOfRange(content, i + 1, equals));
            byte[] value = Arrays.copyOfRange(content, equals + 1, end - 1);
            if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
                // the one key that is repeated on purpose
                sparse.append(sparse.isEmpty() ? "" : ",").append(new String(value, StandardCharsets.US_ASCII));
            } else if (key.startsWith("SCHILY.acl.")) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        what + " has access control lists in text form (" + key
                                + "), which are not supported; make the archive without --acls");
            }
            records.put(key, value);
            at = end;
        }
    }

    private Optional<byte[]> value(String key, PaxHeaders global) {
        byte[] value = records.get(key);
        if (value == null) {
            value = global.records.get(key);
        }
        // an empty value takes an earlier record back
        return value == null || value.length == 0 ? Optional.empty() : Optional.of(value);
    }

    Optional<String> text(String key, PaxHeaders global) {
        return value(key, global).map(FileNames::decode);
    }

    long number(String key, PaxHeaders global, long otherwise, String what) {
        Optional<String> text = text(key, global);
        if (text.isEmpty()) {
            return otherwise;
        }
        try {
            return Long.parseLong(text.get());
        } catch (NumberFormatException e) {
            throw ImageException.invalid(what + " has an extended header whose " + key + " is not a number");
        }
    }

    /** Decimal seconds with any number of digits after the point; digits below a nanosecond are dropped. */
    Time time(String key, PaxHeaders global, long otherwise, String what) {
        Optional<String> found = text(key, global);
        if (found.isEmpty()) {
            return new Time(otherwise, 0);
        }
        String text = found.get();
        int point = text.indexOf('.');
        try {
            long seconds = Long.parseLong(point < 0 ? text : text.substring(0, point));
            int nanoseconds = 0;
            if (point >= 0) {
                String digits = text.substring(point + 1);
                if (digits.length() > 9) {
                    digits = digits.substring(0, 9);
                }
                nanoseconds = digits.isEmpty() ? 0 : Integer.parseUnsignedInt(digits);
                for (int i = digits.length(); i < 9; i++) {
                    nanoseconds *= 10;
                }
            }
            if (text.startsWith("-") && nanoseconds > 0) {
                return new Time(seconds - 1, 1_000_000_000 - nanoseconds);
            }
            return new Time(seconds, nanoseconds);
        } catch (NumberFormatException e) {
            throw ImageException.invalid(what + " has an extended header whose " + key + " is not a time");
        }
    }

    Map<String, byte[]> xattrs(PaxHeaders global) {
        if (records.isEmpty() && global.records.isEmpty()) {
            return Map.of();
        }
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (Map<String, byte[]> source : java.util.List.of(global.records, records)) {
            source.forEach((key, value) -> {
                if (key.startsWith(XATTR)) {
                    found.put(key.substring(XATTR.length()), value);
                }
            });
        }
        return found;
    }

    boolean hasSparseRegions() {
        return !sparse.isEmpty();
    }

    String sparseRegions() {
        return sparse.toString();
    }
}
