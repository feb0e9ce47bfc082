package kist.cli;

import java.math.BigDecimal;
import java.math.MathContext;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.OptionalLong;

/** Sizes, spans and points in time as people write and read them on the docker command's line. */
final class Units {
    private Units() {}

    /** {@code 512m}, {@code 1.5g}, {@code 64mb}, {@code 100} in bytes, powers of 1024; empty if it is none. */
    static OptionalLong bytes(String text) {
        var lower = text.strip().toLowerCase(Locale.ROOT);
        int end = 0;
        while (end < lower.length() && (Character.isDigit(lower.charAt(end)) || lower.charAt(end) == '.')) {
            end++;
        }
        int power = switch (lower.substring(end).strip()) {
            case "", "b" -> 0;
            case "k", "kb", "kib" -> 1;
            case "m", "mb", "mib" -> 2;
            case "g", "gb", "gib" -> 3;
            case "t", "tb", "tib" -> 4;
            case "p", "pb", "pib" -> 5;
            default -> -1;
        };
        try {
            var value = new BigDecimal(lower.substring(0, end)).multiply(BigDecimal.valueOf(1L << (10 * power)));
            return power < 0 || value.signum() < 0
                    ? OptionalLong.empty()
                    : OptionalLong.of(value.toBigInteger().longValueExact());
        } catch (ArithmeticException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** {@code 1.5} CPUs in billionths; empty if it is no such number. */
    static OptionalLong nanoCpus(String text) {
        try {
            return OptionalLong.of(new BigDecimal(text).movePointRight(9).longValueExact());
        } catch (ArithmeticException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** {@code 72B}, {@code 4.26MB}: three digits, powers of 1000. */
    static String size(long bytes) {
        return decimal(bytes, 3);
    }

    /** {@code 4.258MB}: four digits, powers of 1000, as progress has it. */
    static String amount(long bytes) {
        return decimal(bytes, 4);
    }

    private static String decimal(long bytes, int digits) {
        var names = new String[] {"B", "kB", "MB", "GB", "TB", "PB"};
        double value = bytes;
        int i = 0;
        while (value >= 1000 && i < names.length - 1) {
            value /= 1000;
            i++;
        }
        return new BigDecimal(value)
                        .round(new MathContext(digits))
                        .stripTrailingZeros()
                        .toPlainString()
                + names[i];
    }

    /** {@code 15.61GiB}: powers of 1024. */
    static String binarySize(long bytes) {
        var names = new String[] {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        double value = bytes;
        int i = 0;
        while (value >= 1024 && i < names.length - 1) {
            value /= 1024;
            i++;
        }
        return new BigDecimal(value)
                        .round(new MathContext(4))
                        .stripTrailingZeros()
                        .toPlainString()
                + names[i];
    }

    /** {@code 3 seconds}, {@code About an hour}, in docker's words. */
    static String span(Duration span) {
        long seconds = span.toSeconds();
        if (seconds < 1) {
            return "Less than a second";
        }
        if (seconds == 1) {
            return "1 second";
        }
        if (seconds < 60) {
            return seconds + " seconds";
        }
        long minutes = seconds / 60;
        if (minutes == 1) {
            return "About a minute";
        }
        if (minutes < 60) {
            return minutes + " minutes";
        }
        long hours = (seconds + 1800) / 3600;
        if (hours == 1) {
            return "About an hour";
        }
        if (hours < 48) {
            return hours + " hours";
        }
        if (hours < 24 * 7 * 2) {
            return hours / 24 + " days";
        }
        if (hours < 24 * 30 * 2) {
            return hours / 24 / 7 + " weeks";
        }
        if (hours < 24 * 365 * 2) {
            return hours / 24 / 30 + " months";
        }
        return hours / 24 / 365 + " years";
    }

    /** {@code 3 seconds ago}, from Unix seconds; {@code N/A} for none. */
    static String ago(long unixSeconds) {
        return unixSeconds <= 0
                ? "N/A"
                : span(Duration.between(Instant.ofEpochSecond(unixSeconds), Instant.now())) + " ago";
    }

    /** {@code 2026-01-02 15:04:05 +0000 UTC} in the local zone, from Unix seconds. */
    static String date(long unixSeconds) {
        return DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss Z zzz", Locale.ENGLISH)
                .withZone(ZoneId.systemDefault())
                .format(Instant.ofEpochSecond(unixSeconds));
    }

    /** {@code 2026-01-02T15:04:05Z} with the local zone's offset, from Unix seconds. */
    static String isoDate(long unixSeconds) {
        return DateTimeFormatter.ISO_OFFSET_DATE_TIME
                .withZone(ZoneId.systemDefault())
                .format(Instant.ofEpochSecond(unixSeconds));
    }

    /**
     * A point in time for the engine, {@code seconds.nanos}: from a span before now ({@code 10m}, {@code 1h30m}), Unix
     * seconds, or a date with or without time and zone.
     *
     * @throws Failure naming the flag if it is none of these
     */
    static String moment(String flag, String text) {
        if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9' || c == '.')) {
            return text;
        }
        var span = goDuration(text);
        try {
            var instant = span.isPresent()
                    ? Instant.now().minusNanos(span.getAsLong())
                    : text.indexOf('T') < 0
                            ? LocalDate.parse(text)
                                    .atStartOfDay(ZoneId.systemDefault())
                                    .toInstant()
                            : hasZone(text)
                                    ? OffsetDateTime.parse(text).toInstant()
                                    : LocalDateTime.parse(text)
                                            .atZone(ZoneId.systemDefault())
                                            .toInstant();
            var nanos = Integer.toString(instant.getNano());
            return instant.getEpochSecond() + "." + "0".repeat(9 - nanos.length()) + nanos;
        } catch (DateTimeException e) {
            throw new Failure(
                    1,
                    "kist: invalid value for \"" + flag + "\": " + text
                            + " is neither a span such as 10m, nor a time such as 2026-01-02T15:04:05Z, nor Unix seconds");
        }
    }

    private static boolean hasZone(String text) {
        int time = text.indexOf('T');
        return text.endsWith("Z") || text.indexOf('+', time) > 0 || text.indexOf('-', time) > 0;
    }

    /** Nanoseconds of {@code 1h2m3.5s}; empty if it is none. */
    static OptionalLong goDuration(String text) {
        var total = BigDecimal.ZERO;
        int at = 0;
        while (at < text.length()) {
            int digits = at;
            while (digits < text.length() && (Character.isDigit(text.charAt(digits)) || text.charAt(digits) == '.')) {
                digits++;
            }
            int unit = digits;
            while (unit < text.length() && !Character.isDigit(text.charAt(unit)) && text.charAt(unit) != '.') {
                unit++;
            }
            long nanos = switch (text.substring(digits, unit)) {
                case "h" -> 3_600_000_000_000L;
                case "m" -> 60_000_000_000L;
                case "s" -> 1_000_000_000L;
                case "ms" -> 1_000_000L;
                case "us" -> 1_000L;
                case "ns" -> 1L;
                default -> 0L;
            };
            if (nanos == 0 || digits == at) {
                return OptionalLong.empty();
            }
            try {
                total = total.add(new BigDecimal(text.substring(at, digits)).multiply(BigDecimal.valueOf(nanos)));
            } catch (NumberFormatException e) {
                return OptionalLong.empty();
            }
            at = unit;
        }
        return text.isEmpty() ? OptionalLong.empty() : OptionalLong.of(total.longValue());
    }
}
