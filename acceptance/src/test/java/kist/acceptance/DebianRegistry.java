package kist.acceptance;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Debian's docker-registry on a free port of loopback with a directory of its own; open, or with TLS, passwords or tokens. */
final class DebianRegistry implements AutoCloseable {
    /** Who may come in where there are passwords or tokens. */
    static final String USER = "anna";

    static final String PASSWORD = "correct horse";

    private final Path home;
    private final int port;
    private final Process process;
    private final List<String> tokensAsked = new CopyOnWriteArrayList<>();
    private HttpServer tokens;

    private enum Guard {
        OPEN,
        TLS,
        PASSWORD,
        TOKEN
    }

    private DebianRegistry(Guard guard) {
        try {
            home = Files.createTempDirectory(Path.of("/var/tmp"), "kist-registry-");
            port = freePort();
            var config =
                    new StringBuilder("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: "
                            + home + "/data\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:" + port + "\n");
            switch (guard) {
                case OPEN -> {}
                case TLS -> {
                    certificate();
                    config.append("  tls:\n    certificate: ").append(home).append("/cert.pem\n    key: ");
                    config.append(home).append("/key.pem\n");
                }
                case PASSWORD -> {
                    Files.writeString(
                            home.resolve("htpasswd"),
                            Command.of("htpasswd", "-Bbn", USER, PASSWORD).ok() + "\n");
                    config.append("auth:\n  htpasswd:\n    realm: tests\n    path: ")
                            .append(home)
                            .append("/htpasswd\n");
                }
                case TOKEN -> {
                    certificate();
                    tokens = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
                    tokens.createContext("/token", this::token);
                    tokens.start();
                    config.append("auth:\n  token:\n    realm: http://127.0.0.1:")
                            .append(tokens.getAddress().getPort())
                            .append("/token\n    service: tests\n    issuer: tests\n    rootcertbundle: ")
                            .append(home)
                            .append("/cert.pem\n");
                }
            }
            Files.writeString(home.resolve("config.yml"), config);
            process = new ProcessBuilder("docker-registry", "serve", home + "/config.yml")
                    .redirectErrorStream(true)
                    .redirectOutput(home.resolve("log").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Wait.until("docker-registry on port " + port, Duration.ofSeconds(30), this::listens, this::log);
    }

    static DebianRegistry open() {
        return new DebianRegistry(Guard.OPEN);
    }

    /** With a certificate that nobody knows, see {@link #certificateFile}. */
    static DebianRegistry tls() {
        return new DebianRegistry(Guard.TLS);
    }

    static DebianRegistry password() {
        return new DebianRegistry(Guard.PASSWORD);
    }

    static DebianRegistry token() {
        return new DebianRegistry(Guard.TOKEN);
    }

    static int freePort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void certificate() {
        certificate(home.resolve("key.pem"), home.resolve("cert.pem"));
    }

    /** Makes a key and a certificate of its own for this machine's loopback names. */
    static void certificate(Path key, Path certificate) {
        Command.of(
                        "openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "rsa:2048",
                        "-nodes",
                        "-days",
                        "2",
                        "-subj",
                        "/CN=localhost",
                        "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout",
                        key.toString(),
                        "-out",
                        certificate.toString())
                .ok();
    }

    private boolean listens() {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    private String log() {
        try {
            return Files.readString(home.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** {@code localhost:PORT}, which clients take for a registry that may speak plain HTTP. */
    String address() {
        return "localhost:" + port;
    }

    /** The full name of a repository, with or without a tag. */
    String name(String repository) {
        return address() + "/" + repository;
    }

    Path certificateFile() {
        return home.resolve("cert.pem");
    }

    /** Scopes that tokens were asked for, by whom. */
    List<String> tokensAsked() {
        return List.copyOf(tokensAsked);
    }

    /** What an open registry answers. */
    HttpResponse<byte[]> get(String path, String accept) {
        return call(
                HttpRequest.newBuilder(URI.create("http://" + address() + path)).header("Accept", accept));
    }

    HttpResponse<byte[]> call(HttpRequest.Builder request) {
        try (var client = HttpClient.newHttpClient()) {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The digest that a tag has. */
    String digest(String repository, String tag) {
        return get(
                        "/v2/" + repository + "/manifests/" + tag,
                        "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
                                + "application/vnd.oci.image.index.v1+json")
                .headers()
                .firstValue("Docker-Content-Digest")
                .orElse("");
    }

    /** Brings an archive into an open registry by another tool than those under test. */
    void fill(Path dockerArchive, String repository) {
        Command.of(
                        "skopeo",
                        "copy",
                        "--dest-tls-verify=false",
                        "docker-archive:" + dockerArchive,
                        "docker://" + name(repository))
                .ok();
    }

    private void token(HttpExchange exchange) throws IOException {
        var query = new HashMap<String, List<String>>();
        for (var pair : String.valueOf(exchange.getRequestURI().getRawQuery()).split("&")) {
            var halves = pair.split("=", 2);
            query.computeIfAbsent(halves[0], k -> new ArrayList<>())
                    .add(halves.length > 1 ? URLDecoder.decode(halves[1], StandardCharsets.UTF_8) : "");
        }
        var said = exchange.getRequestHeaders().getFirst("Authorization");
        var wanted =
                "Basic " + Base64.getEncoder().encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
        tokensAsked.add((said == null ? "" : USER) + " " + query.getOrDefault("scope", List.of()));
        byte[] answer;
        int status = 200;
        if (said != null && !said.equals(wanted)) {
            status = 401;
            answer = "{\"details\":\"incorrect username or password\"}".getBytes(StandardCharsets.UTF_8);
        } else {
            var access = new ArrayList<Map<String, Object>>();
            for (var scopes : query.getOrDefault("scope", List.of())) {
                for (var scope : scopes.split(" ")) {
                    var parts = scope.split(":");
                    // without a password only what is public may be read
                    var actions = new ArrayList<>(List.of(parts[2].split(",")));
                    if (said == null) {
                        actions.removeIf(a -> !a.equals("pull") || !parts[1].startsWith("public/"));
                    }
                    access.add(Map.of("type", parts[0], "name", parts[1], "actions", actions));
                }
            }
            answer = Json.write(Map.of("token", jwt(access), "expires_in", 300)).getBytes(StandardCharsets.UTF_8);
        }
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, answer.length);
        try (var body = exchange.getResponseBody()) {
            body.write(answer);
        }
    }

    private String jwt(List<Map<String, Object>> access) {
        var now = Instant.now().getEpochSecond();
        try {
            var header = Map.of("typ", "JWT", "alg", "RS256", "x5c", List.of(pem("cert.pem")));
            var claims = Map.of(
                    "iss",
                    "tests",
                    "sub",
                    USER,
                    "aud",
                    "tests",
                    "exp",
                    now + 300,
                    "nbf",
                    now - 10,
                    "iat",
                    now,
                    "jti",
                    Long.toString(System.nanoTime()),
                    "access",
                    access);
            var text = encoded(Json.write(header)) + "." + encoded(Json.write(claims));
            var key = KeyFactory.getInstance("RSA")
                    .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem("key.pem"))));
            var signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(key);
            signature.update(text.getBytes(StandardCharsets.US_ASCII));
            return text + "." + Base64.getUrlEncoder().withoutPadding().encodeToString(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String encoded(String json) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(json.getBytes(StandardCharsets.UTF_8));
    }

    private String pem(String file) {
        try {
            return String.join(
                    "",
                    Files.readAllLines(home.resolve(file)).stream()
                            .filter(line -> !line.startsWith("-----"))
                            .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (tokens != null) {
            tokens.stop(0);
        }
        Engine.deleteTree(home);
    }
}
