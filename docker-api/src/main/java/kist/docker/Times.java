package kist.docker;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Times as Docker writes and reads them. */
final class Times {
    private static final String NEVER = "0001-01-01T00:00:00Z";
    private static final long SECOND = 1_000_000_000L;

    private Times() {}

    /** Unix time in nanoseconds in RFC 3339; 0 is Docker's "never". */
    static String rfc3339(long nanos) {
        return nanos == 0 ? NEVER : instant(nanos).toString();
    }

    static Instant instant(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, SECOND), Math.floorMod(nanos, SECOND));
    }

    /** Unix seconds with an optional fraction, as nanoseconds; 0 where it is empty. */
    static long parse(String parameter, String text) {
        if (text.isEmpty()) {
            return 0;
        }
        try {
            int dot = text.indexOf('.');
            long seconds = Long.parseLong(dot < 0 ? text : text.substring(0, dot));
            long nanos = 0;
            if (dot >= 0) {
                String fraction = (text.substring(dot + 1) + "000000000").substring(0, 9);
                if (fraction.startsWith("-") || fraction.startsWith("+")) {
                    throw new NumberFormatException();
                }
                nanos = Long.parseLong(fraction);
            }
            return Math.addExact(Math.multiplyExact(seconds, SECOND), nanos);
        } catch (NumberFormatException | ArithmeticException e) {
            throw Errors.invalid("parameter " + parameter + " is \"" + text + "\" where seconds since 1970 are wanted");
        }
    }

    /** Times of log lines: nine digits always, the text of the second kept from line to line. Not thread-safe. */
    static final class Stamper {
        private static final DateTimeFormatter SECONDS =
                DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.").withZone(ZoneOffset.UTC);

        private long second = Long.MIN_VALUE;
        private String text = "";

        String stamp(long nanos) {
            long now = Math.floorDiv(nanos, SECOND);
            if (now != second) {
                second = now;
                text = SECONDS.format(Instant.ofEpochSecond(now));
            }
            String fraction = Long.toString(SECOND + Math.floorMod(nanos, SECOND));
            return text + fraction.substring(1) + "Z ";
        }
    }

    /** A span of time in words, as Docker's list of containers has it. */
    static String words(long nanos) {
        long seconds = Math.max(0, nanos) / SECOND;
        long minutes = seconds / 60;
        long hours = (seconds + 1800) / 3600;
        if (seconds < 1) {
            return "Less than a second";
        }
        if (seconds < 60) {
            return seconds == 1 ? "1 second" : seconds + " seconds";
        }
        if (minutes < 60) {
            return minutes == 1 ? "About a minute" : minutes + " minutes";
        }
        if (hours < 48) {
            return hours == 1 ? "About an hour" : hours + " hours";
        }
        if (hours < 24 * 14) {
            return hours / 24 + " days";
        }
        if (hours < 24 * 60) {
            return hours / 24 / 7 + " weeks";
        }
        if (hours < 24 * 365 * 2) {
            return hours / 24 / 30 + " months";
        }
        return seconds / 3600 / 24 / 365 + " years";
    }
}
