package kist.image;

import java.io.IOException;
import java.util.Arrays;

/** The stored regions of a sparse file, in the four forms that GNU tar has written over time (tar(5), GNU manual). */
final class SparseMap {
    private static final int MAXIMUM_REGIONS = 500_000;

    private final String what;
    private long[] numbers = new long[8];
    private int count;

    /** Gives blocks of 512 bytes. */
    interface Blocks {
        byte[] next() throws IOException;
    }

    /** Makes an empty map; {@code what} names the entry in messages. */
    SparseMap(String what) {
        this.what = what;
    }

    private void add(long number) {
        if (number < 0 || count >= 2 * MAXIMUM_REGIONS) {
            throw invalid();
        }
        if (count == numbers.length) {
            numbers = Arrays.copyOf(numbers, 2 * count);
        }
        numbers[count++] = number;
    }

    /** Old GNU: pairs of octal fields in the header; unused ones begin with NUL. */
    void oldRegions(byte[] block, int offset, int regions) {
        for (int i = 0; i < regions && block[offset + 24 * i] != 0; i++) {
            add(TarReader.number(block, offset + 24 * i, 12, this::invalid));
            add(TarReader.number(block, offset + 24 * i + 12, 12, this::invalid));
        }
    }

    /** Pax 0.0 and 0.1: decimal numbers with commas. */
    void list(String text) {
        if (text.isEmpty()) {
            return;
        }
        for (String number : text.split(",", -1)) {
            add(decimal(number));
        }
    }

    /** Pax 1.0: decimal lines in the content's first blocks; the first says how many regions follow. */
    long linesAtTheFront(Blocks blocks) throws IOException {
        long used = 0;
        long lines = -1;
        byte[] block = {};
        int at = 0;
        StringBuilder line = new StringBuilder();
        while (lines != 0) {
            if (at == block.length) {
                block = blocks.next();
                used += block.length;
                at = 0;
            }
            char c = (char) (block[at++] & 0xff);
            if (c != '\n') {
                if (line.length() > 20) {
                    throw invalid();
                }
                line.append(c);
                continue;
            }
            long number = decimal(line.toString());
            line.setLength(0);
            if (lines < 0) {
                if (number > MAXIMUM_REGIONS) {
                    throw invalid();
                }
                lines = 2 * number;
            } else {
                add(number);
                lines--;
            }
        }
        return used;
    }

    /** The regions after a check that they ascend, stay within the file and use up exactly what is stored. */
    long[] regions(long size, long stored) {
        long end = 0;
        long sum = 0;
        for (int i = 0; i < count; i += 2) {
            if (i + 1 == count || numbers[i] < end || numbers[i + 1] > Long.MAX_VALUE - numbers[i]) {
                throw invalid();
            }
            end = numbers[i] + numbers[i + 1];
            sum += numbers[i + 1];
        }
        if (end > size || sum != stored) {
            throw invalid();
        }
        // a file that is one hole has still to be told from one that is not sparse
        return count == 0 ? new long[] {0, 0} : Arrays.copyOf(numbers, count);
    }

    private long decimal(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw invalid();
        }
    }

    private ImageException invalid() {
        return ImageException.invalid(what + " is a sparse file whose map is wrong");
    }
}
