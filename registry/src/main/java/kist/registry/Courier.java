package kist.registry;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import kist.image.Text;

/**
 * Brings a request to its answer: follows redirects without showing credentials to another host, waits when the registry is
 * busy, tries again when it fails. Thread-safe.
 */
final class Courier {
    private static final int MOST_REDIRECTS = 10;
    private static final int MOST_WAITS = 3;

    private final Wire wire;
    private final Function<URI, Tls> tls;

    /** @param tls what to use with the host of an address */
    Courier(Wire wire, Function<URI, Tls> tls) {
        this.wire = wire;
        this.tls = tls;
    }

    Pace pace() {
        return wire.pace();
    }

    /**
     * The answer, of whatever status but a redirect, 429 and those of a broken server.
     *
     * @throws RegistryException UNAVAILABLE, RATE_LIMITED, or INVALID for redirects that must not be followed
     */
    Answer send(Ask ask) throws InterruptedException {
        return send(ask, wire.pace().attempts());
    }

    /** The same with a number of tries. */
    Answer send(Ask ask, int attempts) throws InterruptedException {
        int failures = 0;
        int waits = 0;
        while (true) {
            Answer answer;
            try {
                answer = follow(ask);
            } catch (IOException e) {
                if (++failures >= attempts || !ask.repeatable() || e instanceof SSLException) {
                    throw unreachable(ask.uri(), e);
                }
                wire.pace().pause(failures);
                continue;
            }
            Optional<Duration> after = retryAfter(answer);
            boolean busy = answer.status() == 429 || answer.status() == 503 && after.isPresent();
            if (busy) {
                boolean bearable =
                        after.isEmpty() || after.get().compareTo(wire.pace().longestWait()) <= 0;
                if (++waits > MOST_WAITS || !bearable) {
                    throw limited(answer, after);
                }
                answer.close();
                if (after.isPresent()) {
                    Thread.sleep(after.get());
                } else {
                    wire.pace().pause(waits);
                }
                continue;
            }
            if (isBroken(answer.status())) {
                if (++failures >= attempts || !ask.repeatable()) {
                    throw broken(answer);
                }
                answer.close();
                wire.pace().pause(failures);
                continue;
            }
            return answer;
        }
    }

    private static boolean isBroken(int status) {
        return status == 500 || status == 502 || status == 503 || status == 504 || status == 408;
    }

    private RegistryException broken(Answer answer) {
        try (answer) {
            return new RegistryException(
                    RegistryException.Kind.UNAVAILABLE,
                    answer.uri().getAuthority() + " fails: "
                            + answer.message(wire.pace().answer()));
        }
    }

    private RegistryException limited(Answer answer, Optional<Duration> after) {
        try (answer) {
            return new RegistryException(
                    RegistryException.Kind.RATE_LIMITED,
                    answer.uri().getAuthority() + " takes no more requests now: "
                            + answer.message(wire.pace().answer())
                            + after.map(d -> "; it says to try again in " + d.toSeconds() + " s")
                                    .orElse(""));
        }
    }

    static RegistryException unreachable(URI uri, IOException e) {
        String why = switch (e) {
            case SSLException s -> said(s) + certificateHint(uri, s);
            case HttpTimeoutException t -> "no connection in time";
            case ConnectException c when c.getCause() instanceof UnresolvedAddressException -> "its name is not known";
            case ConnectException c -> "connection refused, or no way to it";
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
        return new RegistryException(
                RegistryException.Kind.UNAVAILABLE, "cannot reach " + uri.getAuthority() + ": " + why, e);
    }

    /** Java's words where they are for people. */
    private static String said(SSLException e) {
        String text = String.valueOf(e.getMessage()).replaceFirst("^\\([a-z_]+\\) ", "");
        return text.contains("unable to find valid certification path")
                ? "its certificate is signed by no authority that is known here"
                : text;
    }

    private static String certificateHint(URI uri, SSLException e) {
        String text = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        return text.contains("path") || text.contains("certificate") || text.contains("subject")
                ? "; if its certificate is your own authority's, name that as \"ca\" for " + uri.getAuthority()
                        + " in the registries' configuration"
                : "";
    }

    /** Retry-After in seconds or as a date (RFC 9110, 10.2.3). */
    private static Optional<Duration> retryAfter(Answer answer) {
        String text = answer.header("Retry-After").strip();
        if (text.isEmpty()) {
            return Optional.empty();
        }
        if (text.matches("[0-9]{1,9}")) {
            return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
        }
        try {
            Duration wait = Duration.between(
                    Instant.now(),
                    ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
            return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private Answer follow(Ask first) throws IOException, InterruptedException {
        Ask ask = first;
        Set<URI> seen = new HashSet<>();
        while (true) {
            Answer answer = exchange(ask);
            if (!isRedirect(answer.status())) {
                return answer;
            }
            answer.close();
            URI target = target(answer, ask);
            if (!seen.add(ask.uri()) || seen.contains(target) || seen.size() > MOST_REDIRECTS) {
                throw RegistryException.invalid(first.uri().getAuthority() + " redirects in a circle, or more than "
                        + MOST_REDIRECTS + " times");
            }
            // once shown no more, it stays so
            boolean same = Hosts.same(ask.uri(), target);
            ask = ask.at(target).authorized(same ? ask.authorization() : "");
        }
    }

    private Answer exchange(Ask ask) throws IOException, InterruptedException {
        try {
            return wire.send(ask, tls.apply(ask.uri()));
        } catch (IllegalArgumentException e) {
            throw new RegistryException(
                    RegistryException.Kind.INVALID,
                    "the address " + Text.quote(ask.uri().toString()) + " is wrong",
                    e);
        }
    }

    private static boolean isRedirect(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    private static URI target(Answer answer, Ask ask) {
        String from = ask.uri().getAuthority();
        boolean reading = ask.method().equals("GET") || ask.method().equals("HEAD");
        if (!reading) {
            throw RegistryException.invalid(from + " redirects a " + ask.method() + ", which is not followed");
        }
        return resolve(ask.uri(), answer.header("Location"));
    }

    /** An address that a registry told us, made whole and checked. */
    static URI resolve(URI base, String location) {
        String from = base.getAuthority();
        URI target;
        try {
            target = base.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new RegistryException(
                    RegistryException.Kind.INVALID, from + " redirects to " + Text.quote(location) + ": no address", e);
        }
        String scheme = String.valueOf(target.getScheme()).toLowerCase(Locale.ROOT);
        if (location.isEmpty() || target.getHost() == null || !scheme.equals("http") && !scheme.equals("https")) {
            throw RegistryException.invalid(from + " redirects to " + Text.quote(location) + ": no address");
        }
        if (target.getRawUserInfo() != null) {
            throw RegistryException.invalid(from + " redirects to an address with a password in it");
        }
        if (base.getScheme().equals("https") && scheme.equals("http")) {
            throw RegistryException.invalid(from + " redirects from https to http, which is not followed");
        }
        return target;
    }
}
