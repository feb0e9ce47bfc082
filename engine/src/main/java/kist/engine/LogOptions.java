package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What a container's {@code --log-driver} and {@code --log-opt} come to. Whatever the driver, output goes to a bounded local
 * log first, which the keeper writes; the driver says where that is and who follows it.
 *
 * @param maxSize bytes of a segment, 0 for no limit
 * @param maxFiles how many segments are kept
 * @param compress whether segments that are full are packed
 * @param maxAgeNanos lines older than this are not shown and go, 0 for no limit
 * @param nonBlocking whether a driver that forwards may fall behind and skip, rather than have the container wait
 * @param bufferSize how many bytes it may fall behind then
 * @param readable whether {@code logs} may be asked
 * @param options all options, as they were given
 */
record LogOptions(
        Driver driver,
        long maxSize,
        int maxFiles,
        boolean compress,
        long maxAgeNanos,
        boolean nonBlocking,
        long bufferSize,
        boolean readable,
        Map<String, String> options) {

    /** Where a log goes. */
    enum Driver {
        /** To segments in the container's directory; the default. */
        JSON_FILE("json-file"),
        /** The same, packed unless that is not wanted. */
        LOCAL("local"),
        /** To two small segments in memory, for those who are attached. */
        NONE("none"),
        /** On to a syslog server. */
        SYSLOG("syslog"),
        /** On to a Fluentd server. */
        FLUENTD("fluentd");

        private final String title;

        Driver(String title) {
            this.title = title;
        }

        boolean forwards() {
            return this == SYSLOG || this == FLUENTD;
        }
    }

    private static final long DEFAULT_SIZE = 20_000_000;
    private static final int DEFAULT_FILES = 5;
    private static final long NONE_SIZE = 256 << 10;
    private static final int MOST_FILES = 100_000;
    private static final long DEFAULT_BUFFER = 1 << 20;

    private static final Set<String> EVERYWHERE = Set.of("mode", "max-buffer-size");
    private static final Set<String> DETAILS = Set.of("labels", "labels-regex", "env", "env-regex", "tag");
    private static final Set<String> OWN = Set.of("max-size", "max-file", "compress", "max-age");
    private static final Set<String> CACHE =
            Set.of("cache-disabled", "cache-max-size", "cache-max-file", "cache-compress", "max-age");
    private static final Set<String> SYSLOG = Set.of(
            "syslog-address",
            "syslog-facility",
            "syslog-format",
            "syslog-tls-ca-cert",
            "syslog-tls-cert",
            "syslog-tls-key",
            "syslog-tls-skip-verify");
    private static final Set<String> FLUENTD = Set.of(
            "fluentd-address",
            "fluentd-async",
            "fluentd-async-connect",
            "fluentd-async-reconnect-interval",
            "fluentd-buffer-limit",
            "fluentd-max-retries",
            "fluentd-request-ack",
            "fluentd-retry-wait",
            "fluentd-sub-second-precision",
            "fluentd-read-timeout");
    private static final Pattern SIZE = Pattern.compile("(\\d+(?:\\.\\d+)?) ?([kKmMgGtTpP]?)[iI]?[bB]?");
    private static final Pattern SPAN = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|µs|ms|s|m|h|d|w)");

    /**
     * Reads and checks.
     *
     * @throws EngineException naming the option at fault, in dockerd's words where it has some
     */
    static LogOptions of(HostConfig.LogConfig config) {
        Map<String, String> options = config.options();
        Driver driver = driver(config.driver());
        boolean nonBlocking = mode(options);
        long buffer = options.containsKey("max-buffer-size") ? buffer(options, nonBlocking) : DEFAULT_BUFFER;
        for (String key : options.keySet()) {
            if (!EVERYWHERE.contains(key) && !knows(driver, key)) {
                throw Creation.invalid(
                        "unknown log opt '" + Names.printable(key) + "' for " + driver.title + " log driver");
            }
        }
        for (String key : List.of("labels-regex", "env-regex")) {
            pattern(options, key);
        }
        LogTag.check(options.getOrDefault("tag", ""));
        if (driver == Driver.NONE) {
            return new LogOptions(driver, NONE_SIZE, 2, false, 0, nonBlocking, buffer, false, options);
        }
        if (driver == Driver.SYSLOG) {
            SyslogTarget.check(options);
        } else if (driver == Driver.FLUENTD) {
            FluentdTarget.check(options);
        }
        String cache = driver.forwards() ? "cache-" : "";
        String sizeKey = cache + "max-size";
        boolean sized = options.containsKey(sizeKey);
        long size = sized ? maxSize(sizeKey, options.getOrDefault(sizeKey, "")) : DEFAULT_SIZE;
        // whoever bounds one file and says nothing of others means one, as with dockerd's json-file
        int files = files(cache + "max-file", options, sized && driver == Driver.JSON_FILE ? 1 : DEFAULT_FILES);
        boolean compress = bool(cache + "compress", options, driver == Driver.LOCAL && files > 1 && size > 0);
        if (compress && (files < 2 || size == 0)) {
            throw Creation.invalid("compress cannot be true when max-file is less than 2 or max-size is not set");
        }
        long age = options.containsKey("max-age") ? span("max-age", options.getOrDefault("max-age", "")) : 0;
        boolean readable = !bool("cache-disabled", options, false);
        return new LogOptions(driver, size, files, compress, age, nonBlocking, buffer, readable, options);
    }

    private static Driver driver(String name) {
        if (name.isEmpty()) {
            return Driver.JSON_FILE;
        }
        for (Driver driver : Driver.values()) {
            if (driver.title.equals(name)) {
                return driver;
            }
        }
        throw Creation.invalid("logger: no log driver named '" + Names.printable(name)
                + "' is registered; there are json-file, local, none, syslog and fluentd");
    }

    private static boolean knows(Driver driver, String key) {
        return switch (driver) {
            case JSON_FILE, LOCAL -> OWN.contains(key) || DETAILS.contains(key);
            // dockerd takes anything here, and so do files that switch a driver off in one line
            case NONE -> OWN.contains(key) || DETAILS.contains(key) || CACHE.contains(key);
            case SYSLOG -> SYSLOG.contains(key) || CACHE.contains(key) || DETAILS.contains(key);
            case FLUENTD -> FLUENTD.contains(key) || CACHE.contains(key) || DETAILS.contains(key);
        };
    }

    private static boolean mode(Map<String, String> options) {
        return switch (options.getOrDefault("mode", "")) {
            case "", "blocking" -> false;
            case "non-blocking" -> true;
            default ->
                throw Creation.invalid("logger: logging mode not supported: "
                        + Names.printable(options.getOrDefault("mode", "")) + "; there are blocking and non-blocking");
        };
    }

    private static long buffer(Map<String, String> options, boolean nonBlocking) {
        if (!nonBlocking) {
            throw Creation.invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
        }
        return size("max-buffer-size", options.getOrDefault("max-buffer-size", ""), 1024);
    }

    private static long maxSize(String key, String text) {
        return text.equals("-1") ? 0 : size(key, text, 1000);
    }

    /** A number of bytes such as {@code 10m}. */
    static long size(String key, String text, int thousand) {
        Matcher m = SIZE.matcher(text);
        if (m.matches()) {
            double value = Double.parseDouble(m.group(1))
                    * Math.pow(
                            thousand,
                            "kmgtp".indexOf(m.group(2).toLowerCase(java.util.Locale.ROOT))
                                    + (m.group(2).isEmpty() ? 0 : 1));
            if (value >= 1 && value < Long.MAX_VALUE / 2d) {
                return (long) value;
            }
        }
        throw Creation.invalid("invalid value for log opt " + key + ": \"" + Names.printable(text)
                + "\"; a positive size such as 10m is wanted");
    }

    private static int files(String key, Map<String, String> options, int otherwise) {
        String text = options.getOrDefault(key, "");
        if (!options.containsKey(key)) {
            return otherwise;
        }
        try {
            int files = Integer.parseInt(text);
            if (files >= 1 && files <= MOST_FILES) {
                return files;
            }
        } catch (NumberFormatException e) {
            throw Creation.invalid("invalid value for log opt " + key + ": \"" + Names.printable(text)
                    + "\"; a whole number is wanted");
        }
        throw Creation.invalid(key + " cannot be " + (text.startsWith("-") || text.equals("0") ? "less than 1" : text));
    }

    /** Whether an option is switched on. */
    static boolean bool(String key, Map<String, String> options, boolean otherwise) {
        return switch (options.getOrDefault(key, "")) {
            case "" -> otherwise;
            case "1", "t", "T", "true", "TRUE", "True" -> true;
            case "0", "f", "F", "false", "FALSE", "False" -> false;
            default ->
                throw Creation.invalid("invalid value for log opt " + key + ": \""
                        + Names.printable(options.getOrDefault(key, "")) + "\"; true or false is wanted");
        };
    }

    /** A span of time such as {@code 7d} or {@code 1h30m} in nanoseconds. */
    static long span(String key, String text) {
        Matcher m = SPAN.matcher(text);
        double nanos = 0;
        int at = 0;
        while (m.find() && m.start() == at) {
            nanos += Double.parseDouble(m.group(1))
                    * switch (m.group(2)) {
                        case "ns" -> 1;
                        case "us", "µs" -> 1e3;
                        case "ms" -> 1e6;
                        case "s" -> 1e9;
                        case "m" -> 60e9;
                        case "h" -> 3600e9;
                        case "d" -> 86_400e9;
                        default -> 7 * 86_400e9;
                    };
            at = m.end();
        }
        if (at != text.length() || nanos < 1 || nanos > Long.MAX_VALUE / 2d) {
            throw Creation.invalid("invalid value for log opt " + key + ": \"" + Names.printable(text)
                    + "\"; a span such as 7d or 1h30m is wanted");
        }
        return (long) nanos;
    }

    private static Optional<Pattern> pattern(Map<String, String> options, String key) {
        String text = options.getOrDefault(key, "");
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(Pattern.compile(text));
        } catch (PatternSyntaxException e) {
            throw Creation.invalid(
                    "invalid value for log opt " + key + ": " + Names.printable(text) + ": " + e.getDescription());
        }
    }

    /** What {@code logs --details} shows and what is forwarded beside each line, in the order of the names. */
    Map<String, String> details(StoredContainer container) {
        Map<String, String> all = new TreeMap<>();
        choose(all, "labels", container.labels());
        Map<String, String> environment = new LinkedHashMap<>();
        for (String entry : container.environment()) {
            int equals = entry.indexOf('=');
            environment.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
        choose(all, "env", environment);
        String tag = options.getOrDefault("tag", "");
        if (!driver.forwards() && !tag.isEmpty()) {
            all.put("tag", LogTag.of(tag, container));
        }
        return all;
    }

    private void choose(Map<String, String> into, String key, Map<String, String> from) {
        List<String> names =
                new ArrayList<>(List.of(options.getOrDefault(key, "").split(",")));
        Optional<Pattern> pattern = pattern(options, key + "-regex");
        from.forEach((name, value) -> {
            if (names.contains(name)
                    || pattern.isPresent() && pattern.get().matcher(name).find()) {
                into.put(name, value);
            }
        });
    }
}
