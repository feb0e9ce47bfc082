package kist.engine;

import java.util.List;

/**
 * How a container is, as its checks have it.
 *
 * @param status {@code starting} until the first success or too many failures; {@code healthy}; {@code unhealthy}, which
 *     also one that does not run is
 * @param failingStreak checks that failed since the last success
 * @param log the latest checks, oldest first
 */
public record HealthView(String status, int failingStreak, List<Check> log) {
    /** No check has succeeded yet, and none has failed too often. */
    public static final String STARTING = "starting";

    /** The last check succeeded, or not yet too many failed since. */
    public static final String HEALTHY = "healthy";

    /** Too many checks failed one after the other, or the container does not run. */
    public static final String UNHEALTHY = "unhealthy";

    /**
     * One check.
     *
     * @param startNanos Unix time in nanoseconds
     * @param endNanos Unix time in nanoseconds
     * @param exitCode 0 for well, -1 where it could not be run or took too long
     * @param output the first 4096 bytes of what it wrote
     */
    public record Check(long startNanos, long endNanos, int exitCode, String output) {}
}
