package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A registry that lies, breaks off or goes wrong: a clear error, no image, no lock; and one that recovers is waited for. */
class HostileRegistryTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    private final ScriptedRegistry registry = new ScriptedRegistry();
    private final byte[] layer = Images.tar(tar -> {
        Images.busybox(tar);
        // does not compress, so that there is something to be cut short
        var noise = new byte[1 << 20];
        new Random(1).nextBytes(noise);
        tar.file("noise", 0644, noise);
    });
    private final byte[] blob = ScriptedRegistry.gzip(layer);
    private final String name = registry.name("it/lies:v1");
    private byte[] manifest = {};

    @BeforeEach
    void offer() {
        manifest = registry.offer("it/lies", "v1", List.of(layer));
    }

    @AfterEach
    void close() {
        engine.removeContainers();
        engine.api().delete("/images/" + name + "?force=1");
        registry.close();
    }

    private Command.Result pull() {
        return engine.kist("pull", name).patience(Duration.ofMinutes(3)).run();
    }

    /** The pull fails in these words, leaves no image behind, and one from an honest registry is served right after. */
    private void refused(String... words) {
        var result = pull();
        assertTrue(result.exit() != 0, result.toString());
        result.says(words);
        assertFalse(result.err().contains("Exception"), result.toString());
        assertEquals(404, engine.api().get("/images/" + name + "/json").status());
        registry.behave();
        manifest = registry.offer("it/lies", "v1", List.of(layer));
        pull().exits(0);
        assertEquals(
                "6",
                engine.kist("run", "--rm", "--network", "none", name, "sh", "-c", "echo $((2*3))")
                        .ok());
    }

    private static ScriptedRegistry.Behaviour says(int status, String type, String text) {
        return exchange -> {
            ScriptedRegistry.answer(exchange, status, type, text.getBytes(StandardCharsets.UTF_8));
            return true;
        };
    }

    @Test
    void a_layer_with_another_digest_is_refused() {
        var other = blob.clone();
        other[other.length / 2] ^= 1;
        registry.put("/v2/it/lies/blobs/" + ScriptedRegistry.digest(blob), "application/octet-stream", other);
        refused(ScriptedRegistry.digest(blob).substring(0, 19));
    }

    @Test
    void a_layer_whose_content_is_not_what_the_configuration_says_is_refused() {
        var another = Images.tar(tar -> tar.file("another", 0644, "x"));
        registry.offer("it/lies", "v1", List.of(another), List.of(blob));
        refused(ScriptedRegistry.digest(another).substring(0, 19));
    }

    @Test
    void a_configuration_with_another_digest_is_refused() {
        var config = Json.parse(manifest).text("config", "digest");
        registry.put("/v2/it/lies/blobs/" + config, "application/octet-stream", "{}".getBytes(StandardCharsets.UTF_8));
        refused("digest");
    }

    @Test
    void a_manifest_with_another_digest_than_asked_for_is_refused() {
        var digest = "sha256:" + "1".repeat(64);
        registry.put("/v2/it/lies/manifests/" + digest, ScriptedRegistry.MANIFEST, manifest);
        engine.kist("pull", registry.name("it/lies@" + digest)).run().exits(1).says(digest, "should be");
    }

    @Test
    void an_endless_manifest_is_refused() {
        registry.when("/manifests/", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", ScriptedRegistry.MANIFEST);
            exchange.sendResponseHeaders(200, 0);
            endless(exchange.getResponseBody());
            return true;
        });
        refused("more than");
    }

    @Test
    void a_layer_longer_than_it_was_said_to_be_is_refused() {
        registry.when("/blobs/" + ScriptedRegistry.digest(blob), exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(blob);
            endless(exchange.getResponseBody());
            return true;
        });
        refused("more than");
    }

    private static void endless(OutputStream out) throws IOException {
        var junk = new byte[1 << 16];
        while (true) {
            out.write(junk);
        }
    }

    @Test
    void a_web_page_instead_of_a_manifest_is_refused() {
        registry.when(
                "/manifests/", says(200, "text/html", "<html><body>Sign in to the hotel's network</body></html>"));
        refused("HTML");
    }

    @Test
    @DisplayName("CVE-2021-21285: a manifest that cannot be read ends its pull and not the engine")
    void what_is_no_json_is_refused() {
        registry.when("/manifests/", says(200, ScriptedRegistry.MANIFEST, "{\"schemaVersion\": 2, \"config\""));
        refused("JSON");
    }

    @Test
    void errors_of_the_server_are_retried_and_then_told() {
        registry.when(
                "/blobs/",
                says(500, "application/json", "{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"the disk is ill\"}]}"));
        refused("the disk is ill");
        assertTrue(
                registry.requests().stream().filter(r -> r.contains("/blobs/")).count() > 2);
    }

    @Test
    void redirects_in_a_circle_end() {
        registry.when("/blobs/" + ScriptedRegistry.digest(blob), exchange -> {
            exchange.getResponseHeaders()
                    .set("Location", exchange.getRequestURI().toString());
            exchange.sendResponseHeaders(307, -1);
            return true;
        });
        refused("redirect");
    }

    @Test
    void a_truncated_gzip_is_refused() {
        var cut = Arrays.copyOf(blob, blob.length / 2);
        registry.offer("it/lies", "v1", List.of(layer), List.of(cut));
        refused("layer");
    }

    @Test
    @DisplayName("CVE-2021-41190, GHSA-5j5w: a document that is an index and a manifest at once is refused")
    void a_document_of_two_kinds_is_refused() {
        var text = new String(manifest, StandardCharsets.UTF_8);
        var both = text.substring(0, text.length() - 1) + ",\"manifests\":[]}";
        registry.putManifest("it/lies", "v1", ScriptedRegistry.MANIFEST, both.getBytes(StandardCharsets.UTF_8));
        refused("at once");
    }

    @Test
    @DisplayName("CVE-2021-41190: a document whose type is another than its Content-Type is refused")
    void a_document_served_as_another_type_is_refused() {
        registry.putManifest("it/lies", "v1", "application/vnd.docker.distribution.manifest.list.v2+json", manifest);
        refused("says it is");
    }

    @Test
    @DisplayName(
            "CVE-2014-9357, CVE-2014-9358, CVE-2024-3727: digests that are paths are refused before a path is made of them")
    void digests_that_are_paths_are_refused() {
        var text = new String(manifest, StandardCharsets.UTF_8)
                .replace(ScriptedRegistry.digest(blob), "sha256:../../../../../tmp/x");
        registry.putManifest("it/lies", "v1", ScriptedRegistry.MANIFEST, text.getBytes(StandardCharsets.UTF_8));
        refused("digest");
    }

    @Test
    void a_windows_image_is_refused_by_name() {
        var config = Json.write(Map.of(
                        "architecture",
                        "amd64",
                        "os",
                        "windows",
                        "rootfs",
                        Map.of("type", "layers", "diff_ids", List.of(ScriptedRegistry.digest(layer)))))
                .getBytes(StandardCharsets.UTF_8);
        var text = new String(manifest, StandardCharsets.UTF_8);
        var old = Json.parse(manifest).at("config");
        text = text.replace(old.text("digest"), ScriptedRegistry.digest(config))
                .replace("\"size\":" + old.number("size"), "\"size\":" + config.length);
        registry.put("/v2/it/lies/blobs/" + ScriptedRegistry.digest(config), "application/octet-stream", config);
        registry.putManifest("it/lies", "v1", ScriptedRegistry.MANIFEST, text.getBytes(StandardCharsets.UTF_8));
        refused("windows");
    }

    @Test
    void a_connection_that_breaks_is_taken_up_where_it_broke() {
        registry.when("/blobs/" + ScriptedRegistry.digest(blob), ScriptedRegistry.cut(blob, 300_000, 3));
        pull().exits(0);
        var ranges =
                registry.requests().stream().filter(r -> r.contains("bytes=")).toList();
        assertEquals(3, ranges.size(), "" + registry.requests());
        // what was under way in the connection may be lost with it
        assertTrue(Long.parseLong(ranges.getLast().replaceAll(".*bytes=|-$", "")) > 700_000, "" + ranges);
    }

    @Test
    void a_registry_that_asks_for_patience_gets_it() {
        var first = new AtomicInteger();
        registry.when("/manifests/", exchange -> {
            if (first.getAndIncrement() > 0) {
                return false;
            }
            exchange.getResponseHeaders().set("Retry-After", "2");
            ScriptedRegistry.answer(
                    exchange,
                    429,
                    "application/json",
                    "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slowly\"}]}"
                            .getBytes(StandardCharsets.UTF_8));
            return true;
        });
        var result = pull().exits(0);
        assertTrue(result.took().compareTo(Duration.ofSeconds(2)) > 0, result.toString());
    }

    @Test
    void a_rate_limit_that_does_not_end_is_told() {
        registry.when(
                "/manifests/",
                says(
                        429,
                        "application/json",
                        "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"you have reached your pull rate limit\"}]}"));
        refused("rate limit");
    }

    @Test
    void the_blob_store_behind_a_redirect_gets_no_credentials() throws IOException {
        var seen = new CopyOnWriteArrayList<String>();
        var store = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        store.createContext("/", exchange -> {
            seen.add("" + exchange.getRequestHeaders().getFirst("Authorization"));
            ScriptedRegistry.answer(exchange, 200, "application/octet-stream", blob);
            exchange.close();
        });
        store.start();
        try {
            registry.when("/v2/", exchange -> {
                if (exchange.getRequestHeaders().getFirst("Authorization") != null) {
                    return false;
                }
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"tests\"");
                ScriptedRegistry.answer(
                        exchange,
                        401,
                        "application/json",
                        "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}".getBytes(StandardCharsets.UTF_8));
                return true;
            });
            registry.when("/blobs/" + ScriptedRegistry.digest(blob), exchange -> {
                if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
                    return false;
                }
                exchange.getResponseHeaders()
                        .set(
                                "Location",
                                "http://127.0.0.1:" + store.getAddress().getPort() + "/blob");
                exchange.sendResponseHeaders(307, -1);
                return true;
            });
            var config = engine.home().resolve("redirect-config").toString();
            engine.kist("login", "-u", "anna", "--password-stdin", registry.address())
                    .env("DOCKER_CONFIG", config)
                    .stdin("secret")
                    .ok();
            engine.kist("pull", name).env("DOCKER_CONFIG", config).ok();
            assertEquals(List.of("null"), seen);
        } finally {
            store.stop(0);
        }
    }

    @Test
    void what_is_there_already_costs_three_requests_at_most() {
        pull().exits(0);
        registry.forget();
        pull().exits(0);
        assertTrue(registry.requests().size() <= 2, "" + registry.requests());
        // another tag with another configuration on the same layers
        registry.offer("it/lies", "v2", List.of(layer));
        registry.forget();
        engine.kist("pull", registry.name("it/lies:v2")).ok();
        assertTrue(registry.requests().size() <= 2, "" + registry.requests());
        assertFalse(
                registry.requests().stream().anyMatch(r -> r.contains(ScriptedRegistry.digest(blob))),
                "" + registry.requests());
        engine.api().delete("/images/" + registry.name("it/lies:v2") + "?force=1");
    }

    @Test
    void a_layer_that_several_pulls_want_is_fetched_once() throws InterruptedException {
        var second = Images.tar(tar -> tar.file("second", 0644, "x"));
        registry.offer("it/other", "v1", List.of(layer, second));
        registry.when("/blobs/" + ScriptedRegistry.digest(blob), exchange -> {
            pause(1000);
            return false;
        });
        var results = new ArrayList<Command.Result>();
        var threads = new ArrayList<Thread>();
        for (var image : List.of("it/lies:v1", "it/other:v1", "it/lies:v1")) {
            threads.add(Thread.startVirtualThread(() -> {
                var result = engine.kist("pull", registry.name(image)).run();
                synchronized (results) {
                    results.add(result);
                }
            }));
        }
        for (var thread : threads) {
            thread.join();
        }
        results.forEach(result -> result.exits(0));
        assertEquals(
                1,
                registry.requests().stream()
                        .filter(r -> r.startsWith("GET") && r.contains(ScriptedRegistry.digest(blob)))
                        .count(),
                "" + registry.requests());
        engine.api().delete("/images/" + registry.name("it/other:v1") + "?force=1");
    }

    @Test
    void an_engine_killed_while_it_pulls_goes_on_where_it_was() {
        var noise = new byte[4 << 20];
        new Random(2).nextBytes(noise);
        var big = Images.tar(tar -> tar.file("big", 0644, noise));
        var bigBlob = ScriptedRegistry.gzip(big);
        registry.offer("it/lies", "v1", List.of(layer, big));
        registry.when("/blobs/" + ScriptedRegistry.digest(bigBlob), exchange -> {
            var range = exchange.getRequestHeaders().getFirst("Range");
            if (range != null) {
                return false;
            }
            exchange.sendResponseHeaders(200, bigBlob.length);
            exchange.getResponseBody().write(bigBlob, 0, 2 << 20);
            exchange.getResponseBody().flush();
            pause(60_000);
            return true;
        });
        try (var pulling = engine.kist("pull", name).start()) {
            var ingest = engine.root().resolve("images/ingest/" + Images.digest(bigBlob));
            Wait.until(
                    "half of the layer",
                    Duration.ofSeconds(30),
                    () -> size(ingest) >= 2 << 20,
                    () -> "" + size(ingest));
            Wait.until(
                    "the other layer",
                    Duration.ofSeconds(30),
                    () -> Files.exists(engine.root().resolve("images/blobs/" + Images.digest(blob))),
                    () -> "" + registry.requests());
            engine.kill();
        }
        engine.start();
        assertEquals(404, engine.api().get("/images/" + name + "/json").status());
        registry.forget();
        pull().exits(0);
        var asked =
                registry.requests().stream().filter(r -> r.contains("/blobs/")).toList();
        assertTrue(asked.stream().noneMatch(r -> r.contains(ScriptedRegistry.digest(blob))), "" + asked);
        assertTrue(
                asked.contains(
                        "GET /v2/it/lies/blobs/" + ScriptedRegistry.digest(bigBlob) + " bytes=" + (2 << 20) + "-"),
                "" + asked);
        assertEquals(
                "" + noise.length,
                engine.kist("run", "--rm", "--network", "none", name, "stat", "-c", "%s", "/big")
                        .ok());
    }

    private static long size(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : -1;
        } catch (IOException e) {
            return -1;
        }
    }

    private static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void a_client_that_goes_away_stops_the_pull() {
        registry.when("/blobs/" + ScriptedRegistry.digest(blob), exchange -> {
            exchange.sendResponseHeaders(200, blob.length);
            for (int i = 0; i < blob.length; i += 1000) {
                exchange.getResponseBody().write(blob, i, Math.min(1000, blob.length - i));
                exchange.getResponseBody().flush();
                pause(100);
            }
            return true;
        });
        try (var pulling = engine.kist("pull", name).start()) {
            Wait.until(
                    "the layer is asked for",
                    () -> registry.requests().stream().anyMatch(r -> r.contains(ScriptedRegistry.digest(blob))));
        }
        registry.behave();
        // nothing holds the layer: it is served at once
        var result = pull().exits(0);
        assertTrue(result.took().compareTo(Duration.ofSeconds(20)) < 0, result.toString());
    }
}
