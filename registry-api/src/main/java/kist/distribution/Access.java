package kist.distribution;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import kist.http.HttpRequest;

/** Who may do what: users of the password file everything, others what {@link Anonymous} says. Thread-safe. */
final class Access {
    private static final String SCHEME = "basic ";

    private final Optional<Htpasswd> users;
    private final Anonymous anonymous;

    Access(DistributionOptions options) throws IOException {
        this.anonymous = options.granted();
        this.users = options.htpasswd().isEmpty()
                ? Optional.empty()
                : Optional.of(new Htpasswd(options.htpasswd().get()));
        if (users.isEmpty() && anonymous == Anonymous.NONE) {
            throw new IllegalArgumentException("nobody could use the registry: --anonymous none needs --htpasswd FILE");
        }
    }

    /**
     * The user that a request says it is from; empty where it says none and needs none.
     *
     * @throws Refused UNAUTHORIZED
     */
    String admit(HttpRequest request) throws InterruptedException {
        String field = request.header("authorization");
        if (!field.isEmpty() && users.isPresent()) {
            return user(field);
        }
        boolean reads = request.method().equals("GET") || request.method().equals("HEAD");
        if (anonymous == Anonymous.WRITE || anonymous == Anonymous.READ && reads) {
            return "";
        }
        if (users.isEmpty()) {
            throw new Refused(403, "DENIED", "this registry is served for reading only");
        }
        throw unauthorized("authentication required");
    }

    private String user(String field) throws InterruptedException {
        if (!field.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            throw unauthorized("this registry knows Basic authentication only");
        }
        byte[] plain;
        try {
            plain = Base64.getDecoder().decode(field.substring(SCHEME.length()).strip());
        } catch (IllegalArgumentException e) {
            throw unauthorized("the Authorization field is not base64");
        }
        int colon = 0;
        while (colon < plain.length && plain[colon] != ':') {
            colon++;
        }
        if (colon == plain.length) {
            throw unauthorized("the Authorization field holds no colon");
        }
        String user = new String(plain, 0, colon, StandardCharsets.UTF_8);
        byte[] password = Arrays.copyOfRange(plain, colon + 1, plain.length);
        if (!users.orElseThrow().verify(user, password)) {
            throw unauthorized("unknown user or wrong password");
        }
        return user;
    }

    private static Refused unauthorized(String message) {
        return new Refused(401, "UNAUTHORIZED", message);
    }
}
