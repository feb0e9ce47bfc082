package kist.docker;

import java.math.BigDecimal;
import java.math.MathContext;

/** Bars and numbers as dockerd writes them beside its progress. */
final class ProgressText {
    private static final int BAR = 50;

    private ProgressText() {}

    /** A bar and {@code current/total}, or the number alone where the total is not known. */
    static String of(long current, long total) {
        if (total <= 0) {
            return padded(amount(current));
        }
        String numbers = padded(amount(current)) + (current > total ? "" : "/" + amount(total));
        int filled = (int) Math.min(BAR, current * BAR / total);
        return "[" + "=".repeat(filled) + ">" + " ".repeat(BAR - filled) + "] " + numbers;
    }

    private static String padded(String text) {
        return " ".repeat(Math.max(0, 8 - text.length())) + text;
    }

    /** Four digits and a power of 1000. */
    private static String amount(long bytes) {
        String[] names = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
        double value = bytes;
        int i = 0;
        while (value >= 1000 && i < names.length - 1) {
            value /= 1000;
            i++;
        }
        return new BigDecimal(value)
                        .round(new MathContext(4))
                        .stripTrailingZeros()
                        .toPlainString()
                + names[i];
    }
}
