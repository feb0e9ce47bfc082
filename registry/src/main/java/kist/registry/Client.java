package kist.registry;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import kist.image.Text;

/** One user at one registry: finds out how it is spoken to and shows it what it wants to see. Thread-safe. */
final class Client {
    /** What was found out about a host. */
    private record Found(String scheme, Optional<Challenge> challenge) {}

    /** What all clients share. */
    static final class Shared implements AutoCloseable {
        private final Wire wire;
        private final Tokens tokens = new Tokens();
        private final Map<Endpoint, Found> found = new ConcurrentHashMap<>();

        Shared(Wire wire) {
            this.wire = wire;
        }

        @Override
        public void close() {
            wire.close();
        }
    }

    private final Shared shared;
    private final Endpoint endpoint;
    private final RegistriesConfig configs;
    private final Credentials user;
    private final Courier courier;

    Client(Shared shared, Endpoint endpoint, RegistriesConfig configs, Credentials user) {
        this.shared = shared;
        this.endpoint = endpoint;
        this.configs = configs;
        this.user = endpoint.mirror() ? Credentials.NONE : user;
        this.courier = new Courier(shared.wire, this::tls);
    }

    Endpoint endpoint() {
        return endpoint;
    }

    Pace pace() {
        return shared.wire.pace();
    }

    /** What to use with a host: its own settings, or those of the registry that led us there but its client certificate. */
    private Tls tls(URI uri) {
        String authority = uri.getAuthority();
        if (authority.equals(endpoint.authority())) {
            return endpoint.insecure() ? endpoint.tls().unverified() : endpoint.tls();
        }
        RegistryConfig own = configs.of(authority);
        boolean sameMachine =
                endpoint.insecure() && Hosts.withoutPort(endpoint.authority()).equals(uri.getHost());
        if (own.tls().equals(Tls.PLAIN) && !own.insecure()) {
            return sameMachine
                    ? endpoint.tls().forOthers().unverified()
                    : endpoint.tls().forOthers();
        }
        List<String> authorities = new ArrayList<>(own.tls().authorities());
        authorities.addAll(endpoint.tls().authorities());
        return new Tls(
                List.copyOf(authorities), own.tls().certificate(), own.tls().key(), !own.insecure());
    }

    /** An address of the registry; {@code path} begins with a slash. */
    URI uri(String path) throws InterruptedException {
        return URI.create(discover().scheme + "://" + endpoint.authority() + path);
    }

    private Found discover() throws InterruptedException {
        Found known = shared.found.get(endpoint);
        if (known != null) {
            return known;
        }
        List<String> schemes;
        boolean certified = !endpoint.tls().equals(Tls.PLAIN);
        if (endpoint.insecure()) {
            schemes = List.of("https", "http");
        } else if (endpoint.mayBePlain() && !certified) {
            // nothing secret is in this question, and most registries on this machine are without TLS
            schemes = List.of("http", "https");
        } else {
            schemes = List.of("https");
        }
        IOException failure = new IOException("no answer");
        for (String scheme : schemes) {
            URI ping = URI.create(scheme + "://" + endpoint.authority() + "/v2/");
            for (int failures = 0; failures < 2; ) {
                try (Answer answer = shared.wire.send(Ask.get(ping), tls(ping))) {
                    // what a TLS server says to somebody who speaks without
                    boolean wrong = scheme.equals("http") && schemes.size() > 1 && !isRegistry(answer.status());
                    if (wrong) {
                        break;
                    }
                    Found found = new Found(scheme, Tokens.choose(challenges(answer)));
                    if (answer.status() == 200 || answer.status() == 401) {
                        shared.found.put(endpoint, found);
                    }
                    return found;
                } catch (IOException e) {
                    failure = e;
                    failures++;
                    boolean hopeless = e instanceof ConnectException || e instanceof javax.net.ssl.SSLException;
                    if (hopeless || schemes.size() > 1 || failures == 2) {
                        break;
                    }
                    pace().pause(failures);
                }
            }
        }
        throw Courier.unreachable(URI.create("https://" + endpoint.authority()), failure);
    }

    private static boolean isRegistry(int status) {
        return status != 400 && (status < 300 || status >= 400);
    }

    private static List<Challenge> challenges(Answer answer) {
        return Challenge.parse(answer.headers().allValues("WWW-Authenticate"));
    }

    /**
     * Sends a request to the registry as the user.
     *
     * @param scopes what it needs the user to be allowed
     * @return an answer of any status that {@link Courier#send} gives but 401
     * @throws RegistryException also DENIED
     */
    Answer send(Ask ask, List<String> scopes) throws InterruptedException {
        return send(ask, scopes, pace().attempts());
    }

    /** The same with a number of tries. */
    Answer send(Ask ask, List<String> scopes, int attempts) throws InterruptedException {
        Optional<Challenge> challenge = discover().challenge;
        List<String> wanted = scopes;
        boolean own = isOwn(ask.uri());
        for (boolean again = false; ; again = true) {
            String authorization = own ? authorization(ask.uri(), challenge, wanted, again) : "";
            Answer answer = courier.send(ask.authorized(authorization), attempts);
            if (answer.status() != 401) {
                return answer;
            }
            Optional<Challenge> asked = Tokens.choose(challenges(answer));
            boolean hopeless = again
                    || !own
                    || asked.isEmpty()
                    || !isOwn(answer.uri())
                    || !user.registryToken().isEmpty();
            if (hopeless || asked.get().scheme().equals("basic") && !user.hasPassword()) {
                throw denied(answer, ask.uri().getPath());
            }
            answer.close();
            challenge = asked;
            wanted = union(scopes, challenge.get().parameter("scope"));
        }
    }

    private boolean isOwn(URI uri) {
        Found found = shared.found.get(endpoint);
        String scheme = found == null ? uri.getScheme() : found.scheme;
        return Hosts.same(uri, URI.create(scheme + "://" + endpoint.authority()));
    }

    private static List<String> union(List<String> scopes, String asked) {
        TreeSet<String> all = new TreeSet<>(scopes);
        if (!asked.isBlank()) {
            all.addAll(List.of(asked.strip().split(" +")));
        }
        return List.copyOf(all);
    }

    private String authorization(URI uri, Optional<Challenge> challenge, List<String> scopes, boolean fresh)
            throws InterruptedException {
        if (!user.registryToken().isEmpty()) {
            return "Bearer " + user.registryToken();
        }
        if (challenge.isEmpty()) {
            return "";
        }
        if (challenge.get().scheme().equals("bearer")) {
            return "Bearer " + shared.tokens.token(courier, uri, challenge.get(), scopes, user, fresh);
        }
        return user.hasPassword() ? Tokens.basic(user) : "";
    }

    /** Says that the registry does not want us. */
    RegistryException denied(Answer answer, String what) {
        try (answer) {
            return new RegistryException(
                    RegistryException.Kind.DENIED,
                    "access to " + endpoint.authority() + what + " denied"
                            + (user.hasPassword()
                                    ? " to the user " + Text.quote(user.username()) + ": "
                                    : ", it may require 'docker login': ")
                            + answer.message(pace().answer()));
        }
    }

    /**
     * Shows the registry who the user is.
     *
     * @return an identity token, empty where the registry gives none
     * @throws RegistryException DENIED
     */
    String login() throws InterruptedException {
        Optional<Challenge> challenge = discover().challenge;
        if (challenge.isPresent()
                && challenge.get().scheme().equals("bearer")
                && user.registryToken().isEmpty()) {
            return shared.tokens.login(courier, uri("/v2/"), challenge.get(), user);
        }
        try (Answer answer = send(Ask.get(uri("/v2/")), List.of())) {
            if (!answer.ok()) {
                throw new RegistryException(
                        answer.status() == 403 ? RegistryException.Kind.DENIED : RegistryException.Kind.UNAVAILABLE,
                        "login attempt to " + uri("/v2/") + " failed: " + answer.message(pace().answer()));
            }
            return "";
        }
    }
}
