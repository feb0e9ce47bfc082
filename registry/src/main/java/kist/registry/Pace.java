package kist.registry;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long is waited for what.
 *
 * @param attempts tries of one request until it is given up
 * @param backoff before the second try; doubles each time, and is cut by chance to between a half and the whole
 * @param longestWait the longest Retry-After that is waited for
 * @param connect until there is a connection
 * @param answer until the head of an answer is there, and for a small answer until all is
 * @param interval in which a stream must bring or take at least {@code minimum} bytes
 */
record Pace(
        int attempts,
        Duration backoff,
        Duration longestWait,
        Duration connect,
        Duration answer,
        Duration interval,
        long minimum) {
    static final Pace DEFAULT = new Pace(
            5,
            Duration.ofMillis(500),
            Duration.ofSeconds(60),
            Duration.ofSeconds(15),
            Duration.ofSeconds(60),
            Duration.ofSeconds(30),
            16 << 10);

    /** Waits before a try; {@code failures} so far, at least 1. */
    void pause(int failures) throws InterruptedException {
        long whole = backoff.toMillis() << Math.min(failures - 1, 6);
        Thread.sleep(Duration.ofMillis(whole / 2 + ThreadLocalRandom.current().nextLong(whole / 2 + 1)));
    }
}
