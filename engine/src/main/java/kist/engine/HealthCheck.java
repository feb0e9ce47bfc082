package kist.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import kist.engine.ContainerConfig.HealthConfig;
import kist.image.ImageConfig;

/**
 * What a container's health check is when everything is laid over each other, defaults and all.
 *
 * @param argv the program and its arguments
 * @param restart whether the container is restarted when it turns unhealthy
 */
record HealthCheck(
        List<String> argv,
        long interval,
        long timeout,
        long startPeriod,
        long startInterval,
        int retries,
        boolean restart) {
    /** A container with this label that says true is restarted when it turns unhealthy. */
    static final String RESTART_LABEL = "io.kist.restart-on-unhealthy";

    private static final long DEFAULT_INTERVAL = TimeUnit.SECONDS.toNanos(30);
    private static final long DEFAULT_TIMEOUT = TimeUnit.SECONDS.toNanos(30);
    private static final long DEFAULT_START_INTERVAL = TimeUnit.SECONDS.toNanos(5);
    private static final int DEFAULT_RETRIES = 3;
    private static final long LEAST = TimeUnit.MILLISECONDS.toNanos(1);

    /** The wish of a container, as the configuration of an image made of it says it. */
    static ImageConfig.Healthcheck ofImage(HealthConfig c) {
        return new ImageConfig.Healthcheck(
                c.test(),
                Duration.ofNanos(c.intervalNanos()),
                Duration.ofNanos(c.timeoutNanos()),
                Duration.ofNanos(c.startPeriodNanos()),
                Duration.ofNanos(c.startIntervalNanos()),
                c.retries());
    }

    /** The check of a container; empty where it has none. */
    static Optional<HealthCheck> of(ContainerConfig config, Map<String, String> labels) {
        if (config.health().isEmpty() || config.health().get().test().isEmpty()) {
            return Optional.empty();
        }
        HealthConfig health = config.health().get();
        List<String> test = health.test();
        List<String> rest = test.subList(1, test.size());
        List<String> argv = new ArrayList<>();
        switch (test.getFirst()) {
            case "CMD" -> argv.addAll(rest);
            case "CMD-SHELL" -> {
                argv.addAll(config.shell().isEmpty() ? List.of("/bin/sh", "-c") : config.shell());
                argv.add(String.join(" ", rest));
            }
            default -> {
                return Optional.empty();
            }
        }
        return Optional.of(new HealthCheck(
                List.copyOf(argv),
                or(health.intervalNanos(), DEFAULT_INTERVAL),
                or(health.timeoutNanos(), DEFAULT_TIMEOUT),
                health.startPeriodNanos(),
                or(health.startIntervalNanos(), DEFAULT_START_INTERVAL),
                health.retries() == 0 ? DEFAULT_RETRIES : health.retries(),
                Boolean.parseBoolean(labels.get(RESTART_LABEL))));
    }

    private static long or(long wanted, long otherwise) {
        return wanted == 0 ? otherwise : wanted;
    }

    /** What a user said about health laid over what the image says, field by field. */
    static Optional<HealthConfig> merge(Optional<HealthConfig> own, ImageConfig image) {
        if (image.healthcheck().isEmpty()) {
            return own;
        }
        ImageConfig.Healthcheck from = image.healthcheck().get();
        HealthConfig mine = own.orElse(new HealthConfig(List.of(), 0, 0, 0, 0, 0));
        return Optional.of(new HealthConfig(
                mine.test().isEmpty() ? from.test() : mine.test(),
                or(mine.intervalNanos(), nanos(from.interval())),
                or(mine.timeoutNanos(), nanos(from.timeout())),
                or(mine.startPeriodNanos(), nanos(from.startPeriod())),
                or(mine.startIntervalNanos(), nanos(from.startInterval())),
                mine.retries() == 0 ? from.retries() : mine.retries()));
    }

    private static long nanos(Duration duration) {
        return TimeUnit.NANOSECONDS.convert(duration);
    }

    /** Refuses what is no health check, in Docker's words where it has some. */
    static void check(ContainerConfig config, Map<String, String> labels) {
        config.health().ifPresent(HealthCheck::check);
        String restart = labels.getOrDefault(RESTART_LABEL, "false");
        if (!restart.equals("true") && !restart.equals("false")) {
            throw Creation.invalid("the label " + RESTART_LABEL + " is \"" + Names.printable(restart)
                    + "\" where true or false is wanted");
        }
        if (restart.equals("true") && of(config, labels).isEmpty()) {
            throw Creation.invalid("the label " + RESTART_LABEL
                    + " needs a health check, and neither the container nor its image has one");
        }
    }

    private static void check(HealthConfig health) {
        atLeast("Interval", health.intervalNanos());
        atLeast("Timeout", health.timeoutNanos());
        atLeast("StartPeriod", health.startPeriodNanos());
        atLeast("StartInterval", health.startIntervalNanos());
        if (health.retries() < 0) {
            throw Creation.invalid("Retries in Healthcheck cannot be negative");
        }
        if (health.test().isEmpty()) {
            return;
        }
        int more = health.test().size() - 1;
        switch (health.test().getFirst()) {
            case "NONE" -> {}
            case "CMD", "CMD-SHELL" -> {
                if (more == 0 || health.test().get(1).isEmpty()) {
                    throw Creation.invalid("Test in Healthcheck names no command after "
                            + health.test().getFirst());
                }
            }
            default ->
                throw Creation.invalid("Unknown healthcheck type '"
                        + Names.printable(health.test().getFirst()) + "' (expected 'NONE', 'CMD' or 'CMD-SHELL')");
        }
        for (String word : health.test()) {
            if (word.indexOf(0) >= 0) {
                throw Creation.invalid("a NUL byte in the Test of Healthcheck");
            }
        }
    }

    private static void atLeast(String field, long nanos) {
        if (nanos != 0 && nanos < LEAST) {
            throw Creation.invalid(field + " in Healthcheck cannot be less than 1ms");
        }
    }
}
