package kist.docker;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.regex.Pattern;

/** Times as Docker writes and reads them. */
final class Times {
    private static final String NEVER = "0001-01-01T00:00:00Z";
    private static final long SECOND = 1_000_000_000L;
    private static final Pattern SPAN = Pattern.compile("(\\d+h)?(\\d+m)?(\\d+(\\.\\d+)?s)?");

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

    /** A moment as logs are asked for: Unix seconds with an optional fraction, or RFC 3339; 0 where it is empty. */
    static long logged(String parameter, String text) {
        if (text.indexOf('T') < 0) {
            return parse(parameter, text);
        }
        try {
            Instant moment = OffsetDateTime.parse(text).toInstant();
            return Math.addExact(Math.multiplyExact(moment.getEpochSecond(), SECOND), moment.getNano());
        } catch (DateTimeException | ArithmeticException e) {
            throw Errors.invalid("parameter " + parameter + " is \"" + text
                    + "\" where seconds since 1970 or a time such as 2026-01-02T15:04:05Z are wanted");
        }
    }

    /**
     * A moment as filters take it, in nanoseconds: Unix seconds, a date with or without time and zone (this machine's where
     * none is said), or a span before now such as {@code 1h30m}.
     */
    static long moment(String parameter, String text) {
        if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9' || c == '.')) {
            return parse(parameter, text);
        }
        try {
            Instant moment = SPAN.matcher(text).matches() && !text.isEmpty()
                    ? Instant.now().minus(Duration.parse("PT" + text.toUpperCase(java.util.Locale.ROOT)))
                    : date(text);
            return Math.addExact(Math.multiplyExact(moment.getEpochSecond(), SECOND), moment.getNano());
        } catch (DateTimeException | ArithmeticException e) {
            throw Errors.invalid("invalid filter '" + parameter + "=" + text
                    + "': a span such as 24h, a time such as 2026-01-02T15:04:05Z or Unix seconds are wanted");
        }
    }

    private static Instant date(String text) {
        int time = text.indexOf('T');
        if (time < 0) {
            return LocalDate.parse(text).atStartOfDay(ZoneId.systemDefault()).toInstant();
        }
        boolean zone = text.endsWith("Z") || text.indexOf('+', time) > 0 || text.indexOf('-', time) > 0;
        return zone
                ? OffsetDateTime.parse(text).toInstant()
                : LocalDateTime.parse(text).atZone(ZoneId.systemDefault()).toInstant();
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
