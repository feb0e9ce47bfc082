package kist.engine;

import java.time.Instant;

/** Wall-clock time as the state and the wire have it. */
final class Clock {
    private Clock() {}

    /** Unix time in nanoseconds. */
    static long nanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
