package kist.http;

import java.time.Duration;

/**
 * What a server puts up with from one connection and from all.
 *
 * @param head longest time from the first byte of a request head to its last, and for a TLS handshake
 * @param idle longest time that a connection may wait for its first or next request; zero: for ever
 * @param stall longest time in which a client may neither send the next bytes of a request body nor take the next ones of
 *     an answer; zero: for ever, as needed where answers are streams that a reader may leave standing
 * @param connections open at once; further ones are closed when they come
 */
public record Limits(Duration head, Duration idle, Duration stall, int connections) {
    /** For a socket that only the machine's own users reach. */
    static final Limits LOCAL = new Limits(Duration.ofSeconds(30), Duration.ZERO, Duration.ZERO, 16_384);

    /** For a service on a network that moves data and ends. */
    public static final Limits NETWORK =
            new Limits(Duration.ofSeconds(30), Duration.ofMinutes(3), Duration.ofMinutes(2), 1_024);

    /** Checks that they leave a server usable. */
    public Limits {
        if (head.toMillis() <= 0 || idle.isNegative() || stall.isNegative() || connections < 1) {
            throw new IllegalArgumentException("limits under which nobody could be answered");
        }
    }
}
