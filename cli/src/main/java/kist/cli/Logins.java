package kist.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The credentials of the user of this command, where the docker command keeps them: {@code config.json} in
 * {@code $DOCKER_CONFIG} or {@code ~/.docker}, or a credential helper that it names ({@code credsStore},
 * {@code credHelpers}: a program {@code docker-credential-NAME} that is asked over its standard streams). What else the file
 * holds is kept.
 */
final class Logins {
    /** What credentials of the default registry are filed under, for reasons of history. */
    static final String HUB = "https://index.docker.io/v1/";

    private static final String TOKEN_USER = "<token>";
    private static final String AUTHS = "auths";

    private final Path file;

    Logins(Context context) {
        this.file = directory(context.environment()).resolve("config.json");
    }

    private static Path directory(Map<String, String> environment) {
        var named = environment.getOrDefault("DOCKER_CONFIG", "");
        return named.isEmpty()
                ? Path.of(environment.getOrDefault("HOME", System.getProperty("user.home", "/root")), ".docker")
                : Path.of(named);
    }

    /** Who somebody is at a registry; the secrets of which there are none are empty. */
    record Login(String server, String user, String password, String identityToken, String registryToken) {
        /** The header field that the engine reads (Docker's API, authentication). */
        String header() {
            var all = new LinkedHashMap<String, Object>();
            put(all, "username", user);
            put(all, "password", password);
            put(all, "identitytoken", identityToken);
            put(all, "registrytoken", registryToken);
            put(all, "serveraddress", server);
            return Base64.getUrlEncoder().encodeToString(Doc.json(all).getBytes(StandardCharsets.UTF_8));
        }

        private static void put(Map<String, Object> all, String key, String value) {
            if (!value.isEmpty()) {
                all.put(key, value);
            }
        }

        @Override
        public String toString() {
            return "login of " + user + " at " + server;
        }
    }

    Path file() {
        return file;
    }

    /** Under what the credentials for a registry are filed. */
    static String key(String registry) {
        return registry.isEmpty()
                        || registry.equals("docker.io")
                        || registry.equals("index.docker.io")
                        || registry.equals("registry-1.docker.io")
                ? HUB
                : host(registry);
    }

    /** The host of an address that may have a scheme and a path. */
    private static String host(String address) {
        var rest = address.replaceFirst("^https?://", "");
        int slash = rest.indexOf('/');
        return slash < 0 ? rest : rest.substring(0, slash);
    }

    /** The header field with the credentials for a registry, and the answer to a registry that asks for none. */
    Map<String, String> header(String registry) throws IOException {
        var login = find(registry).orElse(new Login("", "", "", "", ""));
        return Map.of("X-Registry-Auth", login.header());
    }

    /** What is known for a registry. */
    Optional<Login> find(String registry) throws IOException {
        var key = key(registry);
        var config = read();
        var helper = helper(config, key);
        if (!helper.isEmpty()) {
            return fromHelper(helper, key);
        }
        var auths = config.map(AUTHS);
        var entry = auths.get(key);
        if (entry == null) {
            for (var candidate : auths.entrySet()) {
                if (!key.equals(HUB) && host(candidate.getKey()).equals(key)) {
                    entry = candidate.getValue();
                }
            }
        }
        return entry == null ? Optional.empty() : Optional.of(decode(key, entry));
    }

    private Login decode(String key, Doc entry) {
        var user = entry.text("username");
        var password = entry.text("password");
        var auth = entry.text("auth");
        if (!auth.isEmpty()) {
            String plain;
            try {
                plain = new String(Base64.getDecoder().decode(auth), StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) {
                throw new Failure(1, "kist: " + file + ": the credentials for " + key + " are not in base64");
            }
            int colon = plain.indexOf(':');
            if (colon < 0) {
                throw new Failure(1, "kist: " + file + ": the credentials for " + key + " are not user:password");
            }
            user = plain.substring(0, colon);
            password = plain.substring(colon + 1).replace("\0", "");
        }
        return new Login(key, user, password, entry.text("identitytoken"), entry.text("registrytoken"));
    }

    private static String helper(Doc config, String key) {
        var own = config.at("credHelpers").at(key).text();
        return own.isEmpty() ? config.text("credsStore") : own;
    }

    private Optional<Login> fromHelper(String helper, String key) throws IOException {
        var answer = ask(helper, "get", key);
        if (answer.status() != 0) {
            if (answer.output().contains("credentials not found")) {
                return Optional.empty();
            }
            throw new Failure(
                    1,
                    "kist: docker-credential-" + helper + ": " + answer.output().strip());
        }
        var found = Doc.parse(answer.output());
        var user = found.text("Username");
        var secret = found.text("Secret");
        return Optional.of(
                user.equals(TOKEN_USER) ? new Login(key, "", "", secret, "") : new Login(key, user, secret, "", ""));
    }

    /** Keeps credentials; answers whether they are in the file, readable to whoever can read it. */
    boolean store(Login login) throws IOException {
        var config = read();
        var helper = helper(config, login.server());
        var all = members(config);
        var auths = members(config.at(AUTHS));
        boolean token = !login.identityToken().isEmpty();
        if (!helper.isEmpty()) {
            var message = new LinkedHashMap<String, Object>();
            message.put("ServerURL", login.server());
            message.put("Username", token ? TOKEN_USER : login.user());
            message.put("Secret", token ? login.identityToken() : login.password());
            var answer = ask(helper, "store", Doc.json(message));
            if (answer.status() != 0) {
                throw new Failure(
                        1,
                        "kist: error saving credentials: docker-credential-" + helper + ": "
                                + answer.output().strip());
            }
            auths.put(login.server(), Map.of());
        } else {
            var entry = new LinkedHashMap<String, Object>();
            var plain = login.user() + ":" + (token ? "" : login.password());
            entry.put("auth", Base64.getEncoder().encodeToString(plain.getBytes(StandardCharsets.UTF_8)));
            if (token) {
                entry.put("identitytoken", login.identityToken());
            }
            auths.put(login.server(), entry);
        }
        all.put(AUTHS, auths);
        write(all);
        return helper.isEmpty();
    }

    /** Forgets what is known for a registry; false where nothing was. */
    boolean erase(String registry) throws IOException {
        var key = key(registry);
        var config = read();
        var auths = members(config.at(AUTHS));
        var helper = helper(config, key);
        var keys = new TreeSet<String>();
        for (var candidate : auths.keySet()) {
            if (candidate.equals(key) || !key.equals(HUB) && host(candidate).equals(key)) {
                keys.add(candidate);
            }
        }
        boolean known = !keys.isEmpty();
        if (!helper.isEmpty()) {
            known |= ask(helper, "erase", key).status() == 0;
        }
        if (!keys.isEmpty()) {
            keys.forEach(auths::remove);
            var all = members(config);
            all.put(AUTHS, auths);
            write(all);
        }
        return known;
    }

    private Doc read() throws IOException {
        try {
            return Doc.parse(Files.readString(file));
        } catch (NoSuchFileException e) {
            return Doc.NOTHING;
        } catch (Failure e) {
            throw new Failure(1, "kist: " + file + " is not JSON");
        }
    }

    private static Map<String, Object> members(Doc object) {
        var members = new LinkedHashMap<String, Object>();
        for (var member : object.map().entrySet()) {
            var value = member.getValue().value();
            if (value != null) {
                members.put(member.getKey(), value);
            }
        }
        return members;
    }

    /** Written aside and renamed, so that no other command ever reads half of it. */
    private void write(Map<String, Object> config) throws IOException {
        var directory = file.toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        // through a link to the file that it stands for
        var target = Files.exists(file) ? file.toRealPath() : file;
        var aside = Files.createTempFile(
                target.toAbsolutePath().getParent(),
                "config.json",
                "",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            Files.writeString(aside, new Doc(config).pretty() + "\n");
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(aside);
        }
    }

    private record Answer(int status, String output) {}

    private static Answer ask(String helper, String verb, String input) throws IOException {
        if (helper.indexOf('/') >= 0) {
            throw new Failure(1, "kist: a credential helper is named without a path, not " + helper);
        }
        Process process;
        try {
            process = new ProcessBuilder("docker-credential-" + helper, verb)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            throw new Failure(
                    1,
                    "kist: the credential helper docker-credential-" + helper
                            + ", which config.json names, cannot be run: is it in PATH?");
        }
        feed(process, input);
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            return new Answer(process.waitFor(), output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while docker-credential-" + helper + " ran", e);
        }
    }

    private static void feed(Process process, String input) {
        try (var stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // it did not want its input; its status says whether that is an error
            return;
        }
    }
}
