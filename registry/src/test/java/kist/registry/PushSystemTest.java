package kist.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Signature;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Document;
import kist.image.Image;
import kist.image.ImageStore;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Platform;
import kist.image.Reference;
import kist.image.TransferEvent;
import kist.image.TransferListener;
import kist.kernel.Linux;
import kist.registry.FakeRegistry.Response;
import kist.registry.RegistryException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pushes from a real store, to Debian's registry with each kind of door and to one that breaks. */
final class PushSystemTest {
    private static final byte[] NOISE = new byte[3_000_000];

    static {
        new Random(7).nextBytes(NOISE);
    }

    @TempDir
    Path directory;

    private final FakeRegistry source = new FakeRegistry();
    private final List<TransferEvent> events = new CopyOnWriteArrayList<>();
    private ImageStore store;
    private Registries registries;
    private Manifest.Single manifest;
    private Image image;

    @BeforeEach
    void open() throws Exception {
        Files.createDirectories(directory.resolve("registries.d"));
        store = ImageStore.open(directory.resolve("images"), Linux.system());
        registries = new Registries(store, options(), Fixtures.FAST);
        manifest = Layers.image(
                source,
                "lib/app",
                "1",
                "linux",
                "amd64",
                Layers.tar("noise", NOISE),
                Layers.tar("text", Fixtures.bytes("t")));
        image = registries.pull(
                Reference.parse(source.authority() + "/lib/app:1"),
                Optional.empty(),
                Optional.empty(),
                TransferListener.NONE);
    }

    private RegistryOptions options() {
        return new RegistryOptions(
                directory.resolve("registries.d"),
                directory.resolve("certs.d"),
                directory.resolve("policy.json"),
                "kist/test",
                3,
                3);
    }

    @AfterEach
    void close() {
        registries.close();
        store.close();
        source.close();
    }

    private Registries.Pushed push(String name, Credentials user) throws InterruptedException {
        store.tag(image.id(), name);
        events.clear();
        return registries
                .push(Reference.parse(name), Optional.empty(), Optional.of(user), events::add)
                .getFirst();
    }

    private List<TransferEvent.State> last(Descriptor layer) {
        return events.stream()
                .filter(e -> e.digest().equals(layer.digest()))
                .map(TransferEvent::state)
                .distinct()
                .toList();
    }

    private void all(String name, Credentials user) throws Exception {
        Registries.Pushed pushed = push(name + "/a/app:1", user);
        assertEquals(manifest.digest(), pushed.digest());
        assertEquals("1", pushed.tag());
        assertEquals(manifest.content().length, pushed.size());
        assertTrue(last(manifest.layers().getFirst()).contains(TransferEvent.State.PUSHED), events.toString());
        push(name + "/a/app:2", user);
        assertTrue(last(manifest.layers().getFirst()).contains(TransferEvent.State.EXISTS), events.toString());
        Reference there = Reference.parse(name + "/a/app:1");
        assertEquals(
                List.of("1", "2"),
                registries.tags(there, Optional.of(user)).stream().sorted().toList());
        Remote remote = registries.inspect(there, Optional.of(user));
        assertEquals(manifest.digest(), remote.descriptor().digest());
        assertEquals("linux/amd64", remote.platforms().getFirst().toString());
        assertArrayEquals(manifest.content(), remote.content());
        ImageStore other = ImageStore.open(directory.resolve("other"), Linux.system());
        try (Registries theirs = new Registries(other, options(), Fixtures.FAST)) {
            Image back = theirs.pull(there, Optional.empty(), Optional.of(user), TransferListener.NONE);
            assertEquals(image.id(), back.id());
        } finally {
            other.close();
        }
    }

    @Test
    void a_plain_registry() throws Exception {
        try (DebianRegistry registry = new DebianRegistry(directory.resolve("r"), "", "")) {
            all(registry.authority(), Credentials.NONE);
            assertEquals("", registries.login(new Credentials("u", "p", "", "", registry.authority())));
            RegistryException e = assertThrows(
                    RegistryException.class,
                    () -> registries.search(registry.authority() + "/app", 0, Map.of(), Optional.empty()));
            assertEquals(Kind.UNSUPPORTED, e.kind());
            assertTrue(e.getMessage().contains("has no search"), e.getMessage());
            RegistryException none = assertThrows(
                    RegistryException.class,
                    () -> registries.inspect(Reference.parse(registry.authority() + "/a/app:none"), Optional.empty()));
            assertEquals(Kind.NOT_FOUND, none.kind());
        }
    }

    @Test
    void a_blob_is_mounted_from_a_repository_that_has_it() throws Exception {
        try (DebianRegistry registry = new DebianRegistry(directory.resolve("r"), "", "")) {
            push(registry.authority() + "/a/app:1", Credentials.NONE);
            push(registry.authority() + "/b/app:1", Credentials.NONE);
            assertTrue(last(manifest.layers().getFirst()).contains(TransferEvent.State.MOUNTED), events.toString());
        }
    }

    @Test
    void all_platforms_are_pushed_where_all_are_here_and_the_one_that_is_otherwise() throws Exception {
        Manifest.Single arm =
                Layers.image(source, "lib/app", "arm", "linux", "arm64", Layers.tar("text", Fixtures.bytes("for arm")));
        List<Object> entries = new ArrayList<>();
        for (Manifest.Single part : List.of(manifest, arm)) {
            Map<String, Object> entry = new LinkedHashMap<>(part.descriptor().toJson());
            entry.put("platform", Map.of("os", "linux", "architecture", part == arm ? "arm64" : "amd64"));
            entries.add(entry);
        }
        byte[] index =
                Document.write(Map.of("schemaVersion", 2, "mediaType", MediaTypes.OCI_INDEX, "manifests", entries));
        source.addManifest("lib/app", "all", MediaTypes.OCI_INDEX, index);
        Reference all = Reference.parse(source.authority() + "/lib/app:all");
        try (DebianRegistry registry = new DebianRegistry(directory.resolve("r"), "", "")) {
            Reference there = Reference.parse(registry.authority() + "/multi:1");
            registries.pull(all, Optional.of(Platform.parse("linux/amd64")), Optional.empty(), TransferListener.NONE);
            store.tag(all.familiar(), there.familiar());
            assertEquals(
                    manifest.digest(),
                    registries
                            .push(there, Optional.empty(), Optional.empty(), TransferListener.NONE)
                            .getFirst()
                            .digest());
            registries.pull(all, Optional.of(Platform.parse("linux/arm64")), Optional.empty(), TransferListener.NONE);
            store.tag(all.familiar(), there.familiar());
            assertEquals(
                    Digest.of(index),
                    registries
                            .push(there, Optional.empty(), Optional.empty(), TransferListener.NONE)
                            .getFirst()
                            .digest());
            assertEquals(
                    2, registries.inspect(there, Optional.empty()).platforms().size());
            assertEquals(
                    arm.digest(),
                    registries
                            .push(
                                    there,
                                    Optional.of(Platform.parse("linux/arm64")),
                                    Optional.empty(),
                                    TransferListener.NONE)
                            .getFirst()
                            .digest());
        }
    }

    @Test
    void an_image_that_came_from_no_registry_is_pushed_and_comes_back_the_same() throws Exception {
        Image made = store.importRootfs(new ByteArrayInputStream(Layers.tar("noise", NOISE)), "made:1", List.of(), "");
        try (DebianRegistry registry = new DebianRegistry(directory.resolve("r"), "", "")) {
            Reference there = Reference.parse(registry.authority() + "/made:1");
            store.tag(made.id(), there.familiar());
            String digest = registries
                    .push(there, Optional.empty(), Optional.empty(), TransferListener.NONE)
                    .getFirst()
                    .digest();
            ImageStore other = ImageStore.open(directory.resolve("other"), Linux.system());
            try (Registries theirs = new Registries(other, options(), Fixtures.FAST)) {
                Image back = theirs.pull(there, Optional.empty(), Optional.empty(), TransferListener.NONE);
                assertEquals(made.id(), back.id());
                assertEquals(List.of(there.at(digest).familiar()), back.digests());
            } finally {
                other.close();
            }
        }
    }

    @Test
    void a_registry_with_passwords() throws Exception {
        Path passwords = directory.resolve("htpasswd");
        Process made = new ProcessBuilder("htpasswd", "-Bbc", passwords.toString(), "user", "secret")
                .redirectErrorStream(true)
                .start();
        made.getInputStream().readAllBytes();
        assertTrue(made.waitFor(10, TimeUnit.SECONDS) && made.exitValue() == 0);
        try (DebianRegistry registry =
                new DebianRegistry(directory.resolve("r"), "", "htpasswd:\n  realm: test\n  path: " + passwords)) {
            all(registry.authority(), Credentials.of("user", "secret"));
            for (Credentials wrong : List.of(Credentials.NONE, Credentials.of("user", "guess"))) {
                RegistryException e =
                        assertThrows(RegistryException.class, () -> push(registry.authority() + "/a/app:3", wrong));
                assertEquals(Kind.DENIED, e.kind(), e.getMessage());
            }
            assertEquals("", registries.login(new Credentials("user", "secret", "", "", registry.authority())));
            RegistryException e = assertThrows(
                    RegistryException.class,
                    () -> registries.login(new Credentials("user", "guess", "", "", registry.authority())));
            assertEquals(Kind.DENIED, e.kind());
        }
    }

    @Test
    void a_registry_with_tls_of_a_private_authority() throws Exception {
        Certificates certificates = new Certificates(Files.createDirectories(directory.resolve("ca")));
        certificates.issue("server", "subjectAltName=IP:127.0.0.1");
        String tls = "certificate: " + certificates.path("server.crt") + "\nkey: " + certificates.path("server.key");
        try (DebianRegistry registry = new DebianRegistry(directory.resolve("r"), tls, "")) {
            RegistryException e = assertThrows(
                    RegistryException.class, () -> push(registry.authority() + "/a/app:1", Credentials.NONE));
            assertEquals(Kind.UNAVAILABLE, e.kind());
            assertTrue(e.getMessage().contains("\"ca\""), e.getMessage());
            Files.writeString(
                    directory.resolve("registries.d/r.json"),
                    "{\"registry\":\"" + registry.authority() + "\",\"ca\":\"" + certificates.path("ca.crt") + "\"}");
            all(registry.authority(), Credentials.NONE);
            Files.writeString(
                    directory.resolve("registries.d/r.json"),
                    "{\"registry\":\"" + registry.authority() + "\",\"insecure\":true}");
            push(registry.authority() + "/a/app:9", Credentials.NONE);
        }
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** What a token server makes of a question: a JSON web token that allows what was asked for. */
    private static String token(Certificates keys, FakeRegistry.Request request) throws Exception {
        String certificate =
                Base64.getEncoder().encodeToString(keys.certificate("signer").getEncoded());
        List<String> access = new ArrayList<>();
        for (String pair :
                request.target().substring(request.target().indexOf('?') + 1).split("&")) {
            if (pair.startsWith("scope=")) {
                String[] scope = java.net.URLDecoder.decode(pair.substring(6), StandardCharsets.UTF_8)
                        .split(":");
                access.add("{\"type\":\"" + scope[0] + "\",\"name\":\"" + scope[1] + "\",\"actions\":[\""
                        + scope[2].replace(",", "\",\"") + "\"]}");
            }
        }
        long now = Instant.now().getEpochSecond();
        String head = base64(Fixtures.bytes("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"x5c\":[\"" + certificate + "\"]}"));
        String body = base64(Fixtures.bytes("{\"iss\":\"test\",\"sub\":\"user\",\"aud\":\"registry\",\"exp\":"
                + (now + 300) + ",\"nbf\":" + (now - 10) + ",\"iat\":" + now + ",\"jti\":\"1\",\"access\":["
                + String.join(",", access) + "]}"));
        Signature signer = Signature.getInstance("SHA256withECDSAinP1363Format");
        signer.initSign(keys.key("signer"));
        signer.update(Fixtures.bytes(head + "." + body));
        return head + "." + body + "." + base64(signer.sign());
    }

    @Test
    void a_registry_with_tokens() throws Exception {
        Certificates certificates = new Certificates(Files.createDirectories(directory.resolve("ca")));
        certificates.issue("signer");
        try (FakeRegistry server = new FakeRegistry();
                DebianRegistry registry = new DebianRegistry(
                        directory.resolve("r"),
                        "",
                        "token:\n  realm: " + server.url() + "/token\n  service: registry\n  issuer: test\n"
                                + "  rootcertbundle: " + certificates.path("ca.crt"))) {
            String user = Tokens.basic(Credentials.of("user", "secret"));
            server.handler = r -> Optional.of(
                    r.header("Authorization").equals(user)
                            ? Response.json(200, "{\"token\":\"" + token(certificates, r) + "\"}")
                            : Response.json(401, "{\"details\":\"incorrect username or password\"}"));
            all(registry.authority(), Credentials.of("user", "secret"));
            push(registry.authority() + "/b/app:1", Credentials.of("user", "secret"));
            assertTrue(last(manifest.layers().getFirst()).contains(TransferEvent.State.MOUNTED), events.toString());
            RegistryException e = assertThrows(
                    RegistryException.class,
                    () -> push(registry.authority() + "/a/app:3", Credentials.of("user", "guess")));
            assertEquals(Kind.DENIED, e.kind());
        }
    }

    /** A registry that takes uploads and keeps what has come when a connection breaks. */
    private static final class Uploads {
        private final FakeRegistry registry;
        private final ByteArrayOutputStream received = new ByteArrayOutputStream();
        volatile int largest = Integer.MAX_VALUE;

        Uploads(FakeRegistry registry) {
            this.registry = registry;
        }

        synchronized Optional<Response> handle(FakeRegistry.Request r) {
            int announced = Integer.parseInt("0" + r.header("Content-Length"));
            if (r.method().equals("HEAD")) {
                return Optional.empty();
            }
            if (r.method().equals("POST")) {
                received.reset();
                return Optional.of(Response.empty(202, "Location", "/v2/up/blobs/uploads/1?state=a"));
            }
            if (r.target().contains("/manifests/") && r.method().equals("PUT")) {
                return Optional.of(Response.empty(201));
            }
            if (!r.target().contains("/uploads/")) {
                return Optional.empty();
            }
            if (announced > largest) {
                return Optional.of(Response.empty(413));
            }
            received.writeBytes(r.body());
            if (r.body().length < announced) {
                registry.breakAfter = Integer.MAX_VALUE;
                throw new IllegalStateException("the connection breaks");
            }
            String range = "0-" + (received.size() - 1);
            if (r.method().equals("PUT")) {
                byte[] all = received.toByteArray();
                if (!Digest.of(all).equals(r.value("digest"))) {
                    return Optional.of(Response.empty(400));
                }
                registry.addBlob(all);
                return Optional.of(Response.empty(201));
            }
            int status = r.method().equals("GET") ? 204 : 202;
            return Optional.of(Response.empty(
                    status,
                    "Location",
                    "/v2/up/blobs/uploads/1?state=b",
                    "Range",
                    received.size() == 0 ? "0-0" : range));
        }
    }

    private void pushTo(FakeRegistry target) throws Exception {
        Registries one = new Registries(
                store,
                new RegistryOptions(
                        directory.resolve("registries.d"),
                        directory.resolve("certs.d"),
                        directory.resolve("policy.json"),
                        "kist/test",
                        1,
                        1),
                Fixtures.FAST);
        try (one) {
            store.tag(image.id(), target.authority() + "/up:1");
            one.push(Reference.parse(target.authority() + "/up:1"), Optional.empty(), Optional.empty(), events::add);
        }
        for (Descriptor layer : manifest.layers()) {
            assertTrue(target.blobs.containsKey(layer.digest()));
        }
    }

    @Test
    void an_upload_that_breaks_goes_on_where_the_registry_is() throws Exception {
        try (FakeRegistry target = new FakeRegistry()) {
            Uploads uploads = new Uploads(target);
            target.handler = uploads::handle;
            target.breakAfter = 1_000_000;
            pushTo(target);
            assertEquals(1, target.count("PATCH", "/uploads/"));
            assertTrue(target.requests.stream()
                    .filter(r -> r.method().equals("PATCH"))
                    .allMatch(r -> r.header("Content-Range").startsWith("1000000-")));
        }
    }

    @Test
    void a_registry_that_takes_no_large_bodies_gets_chunks() throws Exception {
        try (FakeRegistry target = new FakeRegistry()) {
            Uploads uploads = new Uploads(target);
            uploads.largest = 2_900_000;
            target.handler = r -> r.method().equals("PUT") ? uploads.handle(r) : lenient(uploads, r);
            pushTo(target);
            assertTrue(target.count("PATCH", "/uploads/") > 0);
        }
    }

    private static Optional<Response> lenient(Uploads uploads, FakeRegistry.Request r) {
        int before = uploads.largest;
        uploads.largest = Integer.MAX_VALUE;
        try {
            return uploads.handle(r);
        } finally {
            uploads.largest = before;
        }
    }

    @Test
    void a_push_that_is_refused_says_why() throws Exception {
        try (FakeRegistry target = new FakeRegistry()) {
            target.handler = r -> r.method().equals("POST")
                    ? Optional.of(
                            Response.json(403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"quota exceeded\"}]}"))
                    : Optional.empty();
            RegistryException e = assertThrows(RegistryException.class, () -> pushTo(target));
            assertEquals(Kind.DENIED, e.kind());
            assertTrue(e.getMessage().contains("quota exceeded"), e.getMessage());
        }
    }
}
