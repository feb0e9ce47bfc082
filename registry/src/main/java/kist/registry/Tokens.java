package kist.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Text;

/**
 * The tokens that token servers gave us, until they expire (Docker's token authentication; OAuth 2 for identity tokens).
 * Thread-safe.
 */
final class Tokens {
    private static final int LARGEST_ANSWER = 1 << 20;
    private static final int LONGEST_TOKEN = 256 << 10;
    private static final Duration SHORTEST_LIFE = Duration.ofSeconds(60);
    private static final Duration LONGEST_LIFE = Duration.ofHours(1);
    private static final String CLIENT = "kist";

    private record Key(String realm, String service, List<String> scopes, Credentials user) {}

    private record Held(String token, Instant until) {}

    /** What a token server said. */
    private record Given(String token, String refresh, Duration life) {}

    private final Map<Key, Held> held = new ConcurrentHashMap<>();

    static String basic(Credentials user) {
        byte[] both = (user.username() + ":" + user.password()).getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(both);
    }

    /** A token for these scopes, an old one if it is still good and {@code fresh} does not forbid it. */
    String token(
            Courier courier, URI registry, Challenge challenge, List<String> scopes, Credentials user, boolean fresh)
            throws InterruptedException {
        Key key = new Key(challenge.parameter("realm"), challenge.parameter("service"), List.copyOf(scopes), user);
        Instant now = Instant.now();
        Held old = held.get(key);
        if (!fresh && old != null && now.isBefore(old.until)) {
            return old.token;
        }
        Given given = user.identityToken().isEmpty()
                ? fetch(courier, registry, challenge, scopes, user, false)
                : refresh(courier, registry, challenge, scopes, user);
        held.values().removeIf(h -> now.isAfter(h.until));
        // a tenth of its life is for the way
        held.put(key, new Held(given.token, now.plus(given.life.multipliedBy(9).dividedBy(10))));
        return given.token;
    }

    /** A token that stands for user and password from now on; empty if the server gives none. Throws DENIED. */
    String login(Courier courier, URI registry, Challenge challenge, Credentials user) throws InterruptedException {
        return user.identityToken().isEmpty()
                ? fetch(courier, registry, challenge, List.of(), user, true).refresh
                : refresh(courier, registry, challenge, List.of(), user).refresh;
    }

    private static Given fetch(
            Courier courier, URI registry, Challenge challenge, List<String> scopes, Credentials user, boolean offline)
            throws InterruptedException {
        List<String> query = new ArrayList<>();
        add(query, "service", challenge.parameter("service"));
        scopes.forEach(s -> add(query, "scope", s));
        if (user.hasPassword()) {
            add(query, "account", user.username());
        }
        if (offline) {
            add(query, "client_id", CLIENT);
            add(query, "offline_token", "true");
        }
        URI realm = realm(registry, challenge);
        String separator = realm.getRawQuery() == null ? "?" : "&";
        URI full = query.isEmpty() ? realm : URI.create(realm + separator + String.join("&", query));
        Ask ask = Ask.get(full).authorized(user.hasPassword() ? basic(user) : "");
        return read(courier, ask);
    }

    private static Given refresh(
            Courier courier, URI registry, Challenge challenge, List<String> scopes, Credentials user)
            throws InterruptedException {
        List<String> form = new ArrayList<>();
        add(form, "grant_type", "refresh_token");
        add(form, "service", challenge.parameter("service"));
        add(form, "client_id", CLIENT);
        add(form, "scope", String.join(" ", scopes));
        add(form, "refresh_token", user.identityToken());
        byte[] body = String.join("&", form).getBytes(StandardCharsets.US_ASCII);
        Ask ask = Ask.of("POST", realm(registry, challenge))
                .sending(Body.of(body, "application/x-www-form-urlencoded"), true);
        return read(courier, ask);
    }

    private static void add(List<String> fields, String name, String value) {
        if (!value.isEmpty()) {
            fields.add(name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8));
        }
    }

    /** The token server; one without TLS only where the registry is without it too. */
    private static URI realm(URI registry, Challenge challenge) {
        String realm = challenge.parameter("realm");
        if (realm.isEmpty()) {
            throw RegistryException.invalid(registry.getAuthority() + " names no server to get a token from");
        }
        try {
            return Courier.resolve(registry, realm);
        } catch (RegistryException e) {
            throw new RegistryException(
                    RegistryException.Kind.INVALID,
                    registry.getAuthority() + " names the token server " + Text.quote(realm)
                            + ", which is no address, or one without TLS",
                    e);
        }
    }

    private static Given read(Courier courier, Ask ask) throws InterruptedException {
        String server = ask.uri().getAuthority();
        try (Answer answer = courier.send(ask)) {
            if (answer.status() == 401 || answer.status() == 403 || answer.status() == 400) {
                throw new RegistryException(
                        RegistryException.Kind.DENIED,
                        "unauthorized: " + server + " gives no token: "
                                + answer.message(courier.pace().answer()));
            }
            if (!answer.ok()) {
                throw new RegistryException(
                        RegistryException.Kind.UNAVAILABLE,
                        server + " gives no token: "
                                + answer.message(courier.pace().answer()));
            }
            byte[] bytes = answer.read(LARGEST_ANSWER, courier.pace().answer(), "the answer of the token server");
            Document json = Document.parse(bytes, "the answer of the token server " + server);
            String token = json.text("token").isEmpty() ? json.text("access_token") : json.text("token");
            if (token.isEmpty()
                    || token.length() > LONGEST_TOKEN
                    || token.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
                throw RegistryException.invalid(server + " answers without a token that can be used");
            }
            Duration life = json.has("expires_in") ? Duration.ofSeconds(json.number("expires_in")) : SHORTEST_LIFE;
            life = life.compareTo(SHORTEST_LIFE) < 0 ? SHORTEST_LIFE : life;
            return new Given(token, json.text("refresh_token"), life.compareTo(LONGEST_LIFE) > 0 ? LONGEST_LIFE : life);
        } catch (ImageException e) {
            throw new RegistryException(RegistryException.Kind.INVALID, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw Courier.unreachable(ask.uri(), e);
        }
    }

    /** The challenge to answer, if there is one that we can. */
    static Optional<Challenge> choose(List<Challenge> challenges) {
        for (String scheme : List.of("bearer", "basic")) {
            Optional<Challenge> found =
                    challenges.stream().filter(c -> c.scheme().equals(scheme)).findFirst();
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }
}
