package kist.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Document;
import kist.image.Image;
import kist.image.ImageException;
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
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Pulls into a real store from registries of every character. */
final class PullSystemTest {
    private static final byte[] NOISE = new byte[300_000];

    static {
        new Random(5).nextBytes(NOISE);
    }

    @TempDir
    Path directory;

    private final FakeRegistry registry = new FakeRegistry();
    private ImageStore store;
    private Registries registries;

    @BeforeEach
    void open() throws Exception {
        Files.createDirectories(directory.resolve("registries.d"));
        store = ImageStore.open(directory.resolve("images"), Linux.system());
        registries = new Registries(
                store,
                new RegistryOptions(
                        directory.resolve("registries.d"),
                        directory.resolve("certs.d"),
                        directory.resolve("policy.json"),
                        "kist/test",
                        3,
                        3),
                Fixtures.FAST);
    }

    @AfterEach
    void close() {
        registries.close();
        store.close();
        registry.close();
    }

    private Reference name(String rest) {
        return Reference.parseAny(registry.authority() + "/" + rest);
    }

    private Image pull(Reference name) throws InterruptedException {
        return registries.pull(name, Optional.empty(), Optional.empty(), TransferListener.NONE);
    }

    private Image pull(Reference name, String platform) throws InterruptedException {
        return registries.pull(name, Optional.of(Platform.parse(platform)), Optional.empty(), TransferListener.NONE);
    }

    private Manifest.Single image(String tag, String text) {
        return Layers.image(
                registry,
                "lib/app",
                tag,
                "linux",
                "amd64",
                Layers.tar("noise", NOISE),
                Layers.tar("text", Fixtures.bytes(text)));
    }

    private String index(String tag, Map<String, Manifest.Single> parts) {
        List<Object> list = new ArrayList<>();
        parts.forEach((platform, manifest) -> {
            Map<String, Object> json = new LinkedHashMap<>(manifest.descriptor().toJson());
            String[] p = platform.split("/");
            Map<String, Object> said = new LinkedHashMap<>(Map.of("os", p[0], "architecture", p[1]));
            if (p.length > 2) {
                said.put(p[0].equals("windows") ? "os.version" : "variant", p[2]);
            }
            json.put("platform", said);
            list.add(json);
        });
        byte[] content =
                Document.write(Map.of("schemaVersion", 2, "mediaType", MediaTypes.OCI_INDEX, "manifests", list));
        return registry.addManifest("lib/app", tag, MediaTypes.OCI_INDEX, content);
    }

    private static RegistryException fails(Kind kind, String part, Executable work) {
        RegistryException e = assertTimeout(Duration.ofSeconds(20), () -> assertThrows(RegistryException.class, work));
        assertEquals(kind, e.kind(), e.getMessage());
        assertTrue(e.getMessage().contains(part), e.getMessage());
        return e;
    }

    @Test
    void an_image_is_pulled_by_tag_and_found_by_tag_and_digest() throws Exception {
        Manifest.Single manifest = image("1", "a");
        Image image = pull(name("lib/app:1"));
        assertEquals(manifest.config().digest(), image.id());
        assertEquals(List.of(name("lib/app@" + manifest.digest()).familiar()), image.digests());
        assertEquals(
                image.id(),
                store.find(name("lib/app:1").familiar()).orElseThrow().id());
        assertEquals(
                image.id(),
                store.find(name("lib/app@" + manifest.digest()).familiar())
                        .orElseThrow()
                        .id());
    }

    @Test
    void what_is_there_takes_one_request_once_the_registry_is_known_and_two_before() throws Exception {
        image("1", "a");
        pull(name("lib/app:1"));
        int before = registry.requests.size();
        pull(name("lib/app:1"));
        assertEquals(1, registry.requests.size() - before);
        registries.close();
        registries = new Registries(
                store,
                new RegistryOptions(directory.resolve("registries.d"), directory.resolve("policy.json"), "kist/test"),
                Fixtures.FAST);
        before = registry.requests.size();
        pull(name("lib/app:1"));
        assertEquals(2, registry.requests.size() - before);
    }

    @Test
    void layers_that_are_there_are_not_fetched_again() throws Exception {
        image("1", "a");
        pull(name("lib/app:1"));
        Manifest.Single second = image("2", "b");
        registry.requests.clear();
        pull(name("lib/app:2"));
        assertEquals(0, registry.count("GET", second.layers().getFirst().digest()));
        assertEquals(1, registry.count("GET", second.layers().getLast().digest()));
    }

    @Test
    void layers_that_are_there_are_not_unpacked_again() throws Exception {
        Manifest.Single manifest = Layers.image(
                registry,
                "lib/app",
                "deep",
                "linux",
                "amd64",
                Layers.tar("a/b/first", Fixtures.bytes("1")),
                Layers.tar("a/b/second", Fixtures.bytes("2")));
        pull(name("lib/app:deep"));
        List<TransferEvent> events = new CopyOnWriteArrayList<>();
        registries.pull(name("lib/app:deep"), Optional.empty(), Optional.empty(), events::add);
        assertEquals(
                manifest.layers().stream()
                        .map(l -> new TransferEvent(l.digest(), TransferEvent.State.EXISTS, l.size(), l.size()))
                        .toList(),
                events);
    }

    @Test
    void many_pulls_of_one_image_at_once_fetch_each_blob_once() throws Exception {
        Manifest.Single manifest = image("1", "a");
        try (var threads = Executors.newFixedThreadPool(8)) {
            List<Future<Image>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                all.add(threads.submit(() -> pull(name("lib/app:1"))));
            }
            for (Future<Image> one : all) {
                assertEquals(manifest.config().digest(), one.get().id());
            }
        }
        for (Descriptor layer : manifest.layers()) {
            assertEquals(1, registry.count("GET", layer.digest()));
        }
    }

    @Test
    void a_platform_is_chosen_from_an_index() throws Exception {
        byte[] tar = Layers.tar("f", Fixtures.bytes("x"));
        Manifest.Single amd = Layers.image(registry, "lib/app", "amd", "linux", "amd64", tar);
        Manifest.Single arm = Layers.image(registry, "lib/app", "arm", "linux", "arm64", tar);
        Manifest.Single win = Layers.image(registry, "lib/app", "win", "windows", "amd64", tar);
        String index = index("all", Map.of("linux/amd64", amd, "linux/arm64/v8", arm, "windows/amd64/10.0.1", win));
        assertEquals("amd64", pull(name("lib/app:all"), "linux/amd64").architecture());
        Image armed = pull(name("lib/app:all"), "linux/arm64");
        assertEquals("arm64", armed.architecture());
        assertEquals(List.of(name("lib/app@" + index).familiar()), armed.digests());
        RegistryException e = fails(
                Kind.NOT_FOUND,
                "no matching manifest for linux/s390x in the manifest list entries",
                () -> pull(name("lib/app:all"), "linux/s390x"));
        for (String there : List.of("linux/amd64", "linux/arm64/v8", "windows/amd64 10.0.1")) {
            assertTrue(e.getMessage().contains(there), e.getMessage());
        }
    }

    @Test
    void images_for_other_systems_are_refused_by_name() {
        byte[] tar = Layers.tar("f", Fixtures.bytes("x"));
        Manifest.Single win = Layers.image(registry, "lib/app", "win", "windows", "amd64", tar);
        index("wins", Map.of("windows/amd64/10.0.17763", win));
        fails(Kind.UNSUPPORTED, "is for Windows; Kist runs Linux images only", () -> pull(name("lib/app:win")));
        fails(Kind.UNSUPPORTED, "is for Windows; Kist runs Linux images only", () -> pull(name("lib/app:wins")));
        fails(Kind.UNSUPPORTED, "Windows", () -> pull(name("lib/app:wins"), "windows/amd64"));
        assertEquals(0, registry.count("GET", win.layers().getFirst().digest()));
        image("1", "a");
        fails(Kind.NOT_FOUND, "linux/amd64 alone", () -> pull(name("lib/app:1"), "linux/arm64"));
    }

    @Test
    void artifacts_are_refused_by_type() {
        byte[] config = Fixtures.bytes("{}");
        Manifest.Single chart = Manifest.image(
                MediaTypes.OCI_MANIFEST, Descriptor.of("application/vnd.cncf.helm.config.v1+json", config), List.of());
        registry.addManifest("lib/app", "chart", MediaTypes.OCI_MANIFEST, chart.content());
        fails(Kind.UNSUPPORTED, "helm", () -> pull(name("lib/app:chart")));
    }

    @Test
    void an_index_in_an_index_is_refused() {
        byte[] inner =
                Document.write(Map.of("schemaVersion", 2, "mediaType", MediaTypes.OCI_INDEX, "manifests", List.of()));
        registry.addManifest("lib/app", "inner", MediaTypes.OCI_INDEX, inner);
        Map<String, Object> entry =
                new LinkedHashMap<>(Descriptor.of(MediaTypes.OCI_INDEX, inner).toJson());
        entry.put("platform", Map.of("os", "linux", "architecture", Platform.HOST.architecture()));
        registry.addManifest(
                "lib/app",
                "outer",
                MediaTypes.OCI_INDEX,
                Document.write(
                        Map.of("schemaVersion", 2, "mediaType", MediaTypes.OCI_INDEX, "manifests", List.of(entry))));
        fails(Kind.INVALID, "another list inside", () -> pull(name("lib/app:outer")));
    }

    @Test
    void a_layer_that_lies_leaves_nothing_and_the_next_pull_is_whole() throws Exception {
        Manifest.Single manifest = image("1", "a");
        Descriptor noise = manifest.layers().getFirst();
        byte[] honest = registry.blobs.get(noise.digest());
        byte[] forged = honest.clone();
        forged[honest.length / 2] ^= 1;
        byte[] cut = Arrays.copyOf(honest, honest.length / 2);
        List<Response> lies = List.of(
                Response.of(200, "", forged),
                Response.raw(200, Map.of(), out -> {
                    while (true) {
                        out.write(new byte[64 << 10]);
                    }
                }),
                Response.raw(200, Map.of(), out -> out.write(cut)),
                Response.raw(200, Map.of("Content-Length", "" + honest.length), out -> out.write(cut)),
                Response.of(200, "text/html", Fixtures.bytes("<html></html>")),
                Response.json(500, "{}"),
                Response.empty(404),
                Response.empty(307, "Location", "/v2/lib/app/blobs/" + noise.digest()));
        for (Response lie : lies) {
            registry.handler = r -> r.target().contains(noise.digest()) ? Optional.of(lie) : Optional.empty();
            RuntimeException e = assertTimeout(
                    Duration.ofSeconds(60), () -> assertThrows(RuntimeException.class, () -> pull(name("lib/app:1"))));
            assertTrue(e instanceof RegistryException || e instanceof ImageException, e.toString());
            assertEquals(List.of(), store.list());
        }
        registry.handler = r -> Optional.empty();
        assertEquals(manifest.config().digest(), pull(name("lib/app:1")).id());
    }

    @Test
    void a_download_that_breaks_goes_on_where_it_was() throws Exception {
        Manifest.Single manifest = image("1", "a");
        Descriptor noise = manifest.layers().getFirst();
        byte[] whole = registry.blobs.get(noise.digest());
        registry.handler =
                r -> r.target().contains(noise.digest()) && r.header("Range").isEmpty()
                        ? Optional.of(Response.raw(
                                200,
                                Map.of("Content-Length", "" + whole.length),
                                out -> out.write(Arrays.copyOf(whole, whole.length - 1000))))
                        : Optional.empty();
        pull(name("lib/app:1"));
        List<String> ranges = registry.requests.stream()
                .filter(r -> r.target().contains(noise.digest()))
                .map(r -> r.header("Range"))
                .toList();
        assertEquals(2, ranges.size());
        assertTrue(ranges.getLast().matches("bytes=[1-9][0-9]*-"), ranges.toString());
    }

    @Test
    void a_mirror_is_asked_first_and_the_registry_where_it_fails_or_lies() throws Exception {
        Manifest.Single manifest = image("1", "a");
        try (FakeRegistry mirror = new FakeRegistry()) {
            Files.writeString(
                    directory.resolve("registries.d/a.json"),
                    "{\"registry\":\"" + registry.authority() + "\",\"mirrors\":[{\"location\":\"127.0.0.1:1\"},"
                            + "{\"location\":\"" + mirror.authority() + "/copy\"}]}");
            assertEquals(manifest.config().digest(), pull(name("lib/app:1")).id());
            assertTrue(mirror.count("HEAD", "/v2/copy/lib/app/manifests/1") > 0);
            assertEquals(2, registry.count("GET", "/blobs/") - 1);

            Manifest.Single second = Layers.image(
                    mirror, "copy/lib/app", "2", "linux", "amd64", Layers.tar("m", Fixtures.bytes("from the mirror")));
            registry.requests.clear();
            assertEquals(second.config().digest(), pull(name("lib/app:2")).id());
            assertEquals(0, registry.requests.size());

            Manifest.Single third = image("3", "c");
            Layers.image(
                    mirror,
                    "copy/lib/app",
                    "3",
                    "linux",
                    "amd64",
                    Layers.tar("noise", NOISE),
                    Layers.tar("text", Fixtures.bytes("c")));
            mirror.blobs.put(
                    third.layers().getLast().digest(),
                    new byte[(int) third.layers().getLast().size()]);
            assertEquals(third.config().digest(), pull(name("lib/app:3")).id());
        }
    }

    @Test
    void a_blocked_registry_is_not_even_asked() throws Exception {
        image("1", "a");
        Files.writeString(
                directory.resolve("registries.d/a.json"),
                "{\"registry\":\"" + registry.authority() + "\",\"blocked\":true}");
        fails(Kind.REFUSED_BY_POLICY, "a.json", () -> pull(name("lib/app:1")));
        assertEquals(0, registry.requests.size());
    }

    @Test
    void a_policy_that_refuses_does_so_before_any_layer_is_fetched() throws Exception {
        image("1", "a");
        Files.writeString(directory.resolve("policy.json"), "{\"default\":[{\"type\":\"reject\"}]}");
        fails(Kind.REFUSED_BY_POLICY, "rejected", () -> pull(name("lib/app:1")));
        assertEquals(0, registry.requests.size());
        Files.writeString(directory.resolve("policy.json"), "{");
        fails(Kind.REFUSED_BY_POLICY, "policy", () -> pull(name("lib/app:1")));
        String key = Certificates.pem(
                "PUBLIC KEY",
                java.security.KeyPairGenerator.getInstance("EC")
                        .generateKeyPair()
                        .getPublic()
                        .getEncoded());
        Files.writeString(directory.resolve("key.pem"), key);
        Files.writeString(
                directory.resolve("policy.json"),
                "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"key.pem\"}]}");
        fails(Kind.REFUSED_BY_POLICY, "not signed", () -> pull(name("lib/app:1")));
        assertEquals(0, registry.count("GET", "/blobs/"));
    }

    @Test
    void an_image_is_pulled_by_digest_and_only_that_one() throws Exception {
        Manifest.Single manifest = image("1", "a");
        Image image = pull(name("lib/app@" + manifest.digest()));
        assertEquals(List.of(), image.references());
        Manifest.Single other = image("2", "b");
        registry.manifests.put("lib/app/" + other.digest(), manifest.content());
        fails(Kind.INVALID, "", () -> pull(name("lib/app@" + other.digest())));
        String nobody = Digest.of(new byte[9]);
        fails(Kind.NOT_FOUND, "not found", () -> pull(name("lib/app@" + nobody)));
    }

    @Test
    void a_name_that_is_not_there_is_said_as_docker_says_it() {
        fails(
                Kind.NOT_FOUND,
                "manifest for " + registry.authority() + "/lib/app:none not found",
                () -> pull(name("lib/app:none")));
        registry.handler = r -> Optional.of(Response.json(
                401,
                "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"who are you\"}]}",
                "WWW-Authenticate",
                "Basic realm=\"x\""));
        fails(Kind.DENIED, "repository does not exist or may require 'docker login'", () -> pull(name("lib/app:none")));
    }
}
