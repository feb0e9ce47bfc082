package kist.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.registry.FakeRegistry.Response;
import kist.registry.RegistryException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Registries that lie, break or dawdle: each ends in one clear error, soon. */
final class LiarTest {
    private final FakeRegistry registry = new FakeRegistry();
    private final FakeRegistry other = new FakeRegistry();
    private final Client.Shared shared = new Client.Shared(new Wire(Fixtures.FAST, "kist/test"));
    private final RemoteRepository repository = Fixtures.repository(shared, registry, Credentials.of("user", "secret"));
    private Manifest.Single image;

    @BeforeEach
    void makeImage() {
        image = Fixtures.image(registry, "lib/app", "1", "one");
    }

    @AfterEach
    void close() {
        shared.close();
        registry.close();
        other.close();
    }

    private static RegistryException fails(Kind kind, String part, Executable work) {
        RegistryException e = assertTimeout(Duration.ofSeconds(20), () -> assertThrows(RegistryException.class, work));
        assertEquals(kind, e.kind(), e.getMessage());
        assertTrue(e.getMessage().contains(part), e.getMessage());
        return e;
    }

    /** Answers everything below a path so. */
    private void answer(String part, Response response) {
        registry.handler = r -> r.target().contains(part) ? Optional.of(response) : Optional.empty();
    }

    @Test
    void an_honest_one_is_believed() throws Exception {
        assertEquals(image.digest(), repository.manifest("1").digest());
        assertEquals(image.digest(), repository.head("1").orElseThrow().digest());
        byte[] config = repository.blob(image.config(), 1 << 20, "the configuration");
        assertEquals(image.config().digest(), Digest.of(config));
    }

    @Test
    void a_manifest_of_another_digest_than_asked_for_is_refused() {
        String asked = Digest.of(Fixtures.bytes("another"));
        answer("/manifests/", Response.of(200, MediaTypes.OCI_MANIFEST, image.content()));
        fails(Kind.INVALID, image.digest(), () -> repository.manifest(asked));
    }

    @Test
    void a_manifest_of_another_digest_than_said_is_refused() {
        String said = Digest.of(Fixtures.bytes("another"));
        answer(
                "/manifests/",
                Response.of(200, MediaTypes.OCI_MANIFEST, image.content(), "Docker-Content-Digest", said));
        fails(Kind.INVALID, "not " + said, () -> repository.manifest("1"));
    }

    @Test
    void a_manifest_that_is_an_index_too_is_refused() {
        byte[] both = Fixtures.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + MediaTypes.OCI_INDEX
                + "\",\"manifests\":[],\"layers\":[],\"config\":{}}");
        answer("/manifests/", Response.of(200, MediaTypes.OCI_INDEX, both));
        fails(Kind.INVALID, "at once", () -> repository.manifest("1"));
        answer("/manifests/", Response.of(200, MediaTypes.OCI_MANIFEST, both));
        fails(Kind.INVALID, "says it is", () -> repository.manifest("1"));
    }

    @Test
    void schema_1_is_refused_by_name() {
        answer(
                "/manifests/",
                Response.of(
                        200,
                        "application/vnd.docker.distribution.manifest.v1+prettyjws",
                        Fixtures.bytes("{\"schemaVersion\":1,\"fsLayers\":[]}")));
        fails(Kind.UNSUPPORTED, "schema 1", () -> repository.manifest("1"));
    }

    @Test
    void an_endless_manifest_is_cut_off() {
        answer("/manifests/", Response.raw(200, Map.of("Content-Type", MediaTypes.OCI_MANIFEST), out -> {
            byte[] blank = new byte[64 << 10];
            while (true) {
                out.write(blank);
            }
        }));
        fails(Kind.INVALID, "more than", () -> repository.manifest("1"));
    }

    @Test
    void a_manifest_announced_too_large_is_not_read() {
        answer(
                "/manifests/",
                Response.raw(
                        200,
                        Map.of("Content-Type", MediaTypes.OCI_MANIFEST, "Content-Length", "99999999999"),
                        out -> Thread.sleep(5000)));
        fails(Kind.INVALID, "more than", () -> repository.manifest("1"));
    }

    @Test
    void a_blob_longer_than_its_descriptor_is_cut_off() {
        Descriptor config = image.config();
        answer("/blobs/", Response.raw(200, Map.of(), out -> {
            while (true) {
                out.write(new byte[64 << 10]);
            }
        }));
        fails(Kind.INVALID, "more than", () -> repository.blob(config, 1 << 20, "the configuration"));
    }

    @Test
    void a_configuration_announced_too_large_is_not_fetched() {
        Descriptor large = Descriptor.of(MediaTypes.OCI_CONFIG, image.config().digest(), 100L << 20);
        fails(Kind.INVALID, "more than", () -> repository.blob(large, 4 << 20, "the configuration"));
        assertEquals(0, registry.count("GET", "/blobs/"));
    }

    @Test
    void a_blob_of_another_digest_is_refused() {
        byte[] wrong = new byte[(int) image.config().size()];
        answer("/blobs/", Response.of(200, "", wrong));
        fails(Kind.INVALID, "digest", () -> repository.blob(image.config(), 1 << 20, "the configuration"));
    }

    @Test
    void a_slow_drip_ends() {
        answer("/manifests/", Response.raw(200, Map.of("Content-Type", MediaTypes.OCI_MANIFEST), out -> {
            while (true) {
                out.write(' ');
                out.flush();
                Thread.sleep(20);
            }
        }));
        fails(Kind.UNAVAILABLE, "too slow", () -> repository.manifest("1"));
    }

    @Test
    void silence_in_the_middle_of_a_blob_ends() throws Exception {
        answer("/blobs/", Response.raw(200, Map.of("Content-Length", "1000000"), out -> {
            out.write(new byte[5000]);
            out.flush();
            Thread.sleep(30_000);
        }));
        Descriptor layer = image.layers().getFirst();
        try (var stream = repository.open(layer, 0).stream()) {
            IOException e =
                    assertTimeout(Duration.ofSeconds(5), () -> assertThrows(IOException.class, stream::readAllBytes));
            assertTrue(e.getMessage().contains("too slow"), e.toString());
        }
    }

    @Test
    void a_head_that_never_comes_ends() {
        registry.handler = r -> {
            if (r.target().contains("/manifests/")) {
                Thread.sleep(30_000);
            }
            return Optional.empty();
        };
        fails(Kind.UNAVAILABLE, "too slow", () -> repository.manifest("1"));
    }

    @Test
    void a_broken_server_is_tried_again() throws Exception {
        AtomicInteger n = new AtomicInteger();
        registry.handler = r -> r.target().contains("/manifests/") && n.incrementAndGet() < 3
                ? Optional.of(Response.json(500, "{}"))
                : Optional.empty();
        assertEquals(image.digest(), repository.manifest("1").digest());
        assertEquals(3, n.get());
    }

    @Test
    void a_server_that_stays_broken_is_given_up_with_its_own_words() {
        answer("/manifests/", Response.json(500, "{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"disk is sad\"}]}"));
        fails(Kind.UNAVAILABLE, "disk is sad", () -> repository.manifest("1"));
        assertEquals(3, registry.count("GET", "/manifests/"));
    }

    @Test
    void a_connection_that_breaks_is_tried_again_and_given_up() {
        answer("/manifests/", Response.raw(200, Map.of("Content-Length", "500"), out -> out.write(new byte[7])));
        fails(Kind.UNAVAILABLE, "cannot reach", () -> repository.manifest("1"));
    }

    @Test
    void html_is_called_html() {
        byte[] page = Fixtures.bytes("<html><body>Login</body></html>");
        answer("/manifests/", Response.of(200, "text/html; charset=utf-8", page));
        fails(Kind.INVALID, "HTML", () -> repository.manifest("1"));
        answer("/manifests/", Response.of(404, "text/html", page));
        fails(Kind.NOT_FOUND, "HTML", () -> repository.manifest("1"));
        answer("/blobs/", Response.of(200, "text/html", page));
        fails(Kind.INVALID, "HTML", () -> repository.open(image.layers().getFirst(), 0));
    }

    @Test
    void json_that_is_none_is_an_error() {
        answer("/manifests/", Response.of(200, MediaTypes.OCI_MANIFEST, Fixtures.bytes("{\"schemaVersion\":")));
        fails(Kind.INVALID, "JSON", () -> repository.manifest("1"));
        answer("/manifests/", Response.of(200, MediaTypes.OCI_MANIFEST, Fixtures.bytes("[".repeat(100_000))));
        fails(Kind.INVALID, "nested", () -> repository.manifest("1"));
    }

    @Test
    void an_endless_error_message_is_cut_off() {
        answer("/manifests/", Response.raw(404, Map.of("Content-Type", "application/json"), out -> {
            while (true) {
                out.write(new byte[64 << 10]);
            }
        }));
        fails(Kind.NOT_FOUND, "404", () -> repository.manifest("1"));
    }

    @Test
    void control_characters_in_an_error_message_are_not_passed_on() {
        answer(
                "/manifests/",
                Response.json(404, "{\"errors\":[{\"code\":\"X\",\"message\":\"\\u001b[31mred\\nline\"}]}"));
        RegistryException e = fails(Kind.NOT_FOUND, "red", () -> repository.manifest("1"));
        assertTrue(e.getMessage().chars().noneMatch(Character::isISOControl), e.getMessage());
    }

    @Test
    void redirects_in_a_circle_end() {
        registry.handler = r -> r.target().contains("/manifests/") || r.target().equals("/round")
                ? Optional.of(
                        Response.empty(307, "Location", r.target().equals("/round") ? "/v2/x/manifests/1" : "/round"))
                : Optional.empty();
        fails(Kind.INVALID, "circle", () -> repository.manifest("1"));
    }

    @Test
    void redirects_without_end_end() {
        AtomicInteger n = new AtomicInteger();
        registry.handler = r -> r.target().equals("/v2/")
                ? Optional.empty()
                : Optional.of(Response.empty(302, "Location", "/r" + n.incrementAndGet()));
        fails(Kind.INVALID, "more than 10", () -> repository.manifest("1"));
        assertTrue(n.get() <= 12, "" + n);
    }

    @Test
    void redirects_to_what_is_no_web_address_are_refused() {
        for (String target : new String[] {"file:///etc/passwd", "ftp://x/y", "", "http://u:p@127.0.0.1/", "http://"}) {
            answer("/manifests/", Response.empty(302, "Location", target));
            fails(Kind.INVALID, "redirects to", () -> repository.manifest("1"));
        }
    }

    @Test
    void credentials_are_not_shown_to_the_host_of_a_redirect() throws Exception {
        Descriptor layer = image.layers().getFirst();
        registry.handler = r -> {
            if (r.header("Authorization").isEmpty()) {
                return Optional.of(Response.empty(401, "WWW-Authenticate", "Basic realm=\"x\""));
            }
            return r.target().contains("/blobs/")
                    ? Optional.of(Response.empty(307, "Location", other.url() + "/store/a?sig=1"))
                    : Optional.empty();
        };
        other.handler = r -> Optional.of(Response.empty(302, "Location", "/b"));
        byte[] content = registry.blobs.get(layer.digest());
        AtomicInteger n = new AtomicInteger();
        other.handler = r -> Optional.of(
                n.incrementAndGet() == 1
                        ? Response.empty(302, "Location", "/b")
                        : Response.of(200, "application/octet-stream", content));
        try (var stream = repository.open(layer, 0).stream()) {
            assertArrayEquals(content, stream.readAllBytes());
        }
        assertEquals(2, other.requests.size());
        other.requests.forEach(r -> assertEquals("", r.header("Authorization")));
    }

    @Test
    void credentials_do_not_come_back_with_a_second_redirect_home() throws Exception {
        registry.handler = r -> {
            if (r.target().equals("/home")) {
                return Optional.of(Response.of(200, MediaTypes.OCI_MANIFEST, image.content()));
            }
            if (r.header("Authorization").isEmpty()) {
                return Optional.of(Response.empty(401, "WWW-Authenticate", "Basic realm=\"x\""));
            }
            return r.target().contains("/manifests/")
                    ? Optional.of(Response.empty(307, "Location", other.url() + "/a"))
                    : Optional.empty();
        };
        other.handler = r -> Optional.of(Response.empty(302, "Location", registry.url() + "/home"));
        assertEquals(image.digest(), repository.manifest("1").digest());
        assertEquals("", registry.requests.getLast().header("Authorization"));
    }

    @Test
    void a_host_of_a_redirect_that_wants_credentials_gets_none() {
        answer("/manifests/", Response.empty(307, "Location", other.url() + "/a"));
        other.handler = r -> Optional.of(Response.empty(401, "WWW-Authenticate", "Basic realm=\"x\""));
        fails(Kind.DENIED, "denied", () -> repository.manifest("1"));
        assertEquals(1, other.requests.size());
        assertEquals("", other.requests.getFirst().header("Authorization"));
    }

    @Test
    void too_many_requests_are_waited_out_as_long_as_the_registry_says() throws Exception {
        AtomicInteger n = new AtomicInteger();
        registry.handler = r -> r.target().contains("/manifests/") && n.incrementAndGet() == 1
                ? Optional.of(Response.empty(429, "Retry-After", "1"))
                : Optional.empty();
        long start = System.nanoTime();
        assertEquals(image.digest(), repository.manifest("1").digest());
        assertTrue(System.nanoTime() - start > 900_000_000L);
    }

    @Test
    void a_wait_too_long_is_told_instead() {
        answer(
                "/manifests/",
                Response.json(
                        429,
                        "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"You have reached your pull rate limit\"}]}",
                        "Retry-After",
                        "21600"));
        fails(Kind.RATE_LIMITED, "try again in 21600 s", () -> repository.manifest("1"));
        fails(Kind.RATE_LIMITED, "pull rate limit", () -> repository.manifest("1"));
    }

    @Test
    void too_many_requests_for_ever_are_given_up() {
        answer("/manifests/", Response.empty(429));
        fails(Kind.RATE_LIMITED, "no more requests", () -> repository.manifest("1"));
    }

    @Test
    void a_download_goes_on_where_it_was() throws Exception {
        Descriptor layer = image.layers().getFirst();
        var opened = repository.open(layer, 3);
        assertEquals(3, opened.offset());
        byte[] whole = registry.blobs.get(layer.digest());
        assertEquals(whole.length - 3, opened.stream().readAllBytes().length);
    }

    @Test
    void a_registry_without_ranges_begins_anew() throws Exception {
        Descriptor layer = image.layers().getFirst();
        answer("/blobs/", Response.of(200, "", registry.blobs.get(layer.digest())));
        assertEquals(0, repository.open(layer, 3).offset());
    }

    @Test
    void a_registry_that_skips_bytes_is_refused() {
        Descriptor layer = image.layers().getFirst();
        answer("/blobs/", Response.of(206, "", new byte[1], "Content-Range", "bytes 7-7/8"));
        assertThrows(IOException.class, () -> repository.open(layer, 3));
        answer("/blobs/", Response.of(206, "", new byte[1], "Content-Range", "bytes */8"));
        fails(Kind.INVALID, "range", () -> repository.open(layer, 3));
    }

    @Test
    void nobody_there_is_said_at_once() {
        String authority = other.authority();
        other.close();
        RemoteRepository none = new RemoteRepository(
                Fixtures.client(shared, authority, Fixtures.noConfig(), Credentials.NONE), "x", "pull");
        fails(Kind.UNAVAILABLE, "connection refused", () -> none.manifest("1"));
    }

    @Test
    void a_list_of_tags_without_end_ends() {
        AtomicInteger n = new AtomicInteger();
        registry.handler = r -> r.target().contains("/tags/")
                ? Optional.of(Response.json(
                        200,
                        "{\"tags\":[\"a\"]}",
                        "Link",
                        "</v2/lib/app/tags/list?n=" + n.incrementAndGet() + ">; rel=\"next\""))
                : Optional.empty();
        fails(Kind.INVALID, "no end", repository::tags);
    }

    @Test
    void tags_are_read_page_by_page_but_not_from_elsewhere() throws Exception {
        registry.handler = r -> {
            if (r.target().endsWith("/tags/list")) {
                return Optional.of(Response.json(
                        200, "{\"tags\":[\"a\"]}", "Link", "</v2/lib/app/tags/list?last=a>; rel=\"next\""));
            }
            return r.target().contains("last=a")
                    ? Optional.of(
                            Response.json(200, "{\"tags\":[\"b\"]}", "Link", "<" + other.url() + "/x>; rel=\"next\""))
                    : Optional.empty();
        };
        assertEquals(java.util.List.of("a", "b"), repository.tags());
        assertEquals(0, other.requests.size());
    }

    @Test
    void referrers_fall_back_to_the_tag() throws Exception {
        String digest = image.digest();
        byte[] index = Fixtures.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + MediaTypes.OCI_INDEX
                + "\",\"manifests\":[{\"mediaType\":\"" + MediaTypes.OCI_MANIFEST + "\",\"digest\":\"" + digest
                + "\",\"size\":5,\"artifactType\":\"a/b\"}]}");
        assertEquals(0, repository.referrers(digest, "").size());
        registry.addManifest("lib/app", digest.replace(':', '-'), MediaTypes.OCI_INDEX, index);
        assertEquals(1, repository.referrers(digest, "").size());
        assertEquals(1, repository.referrers(digest, "a/b").size());
        assertEquals(0, repository.referrers(digest, "c/d").size());
    }
}
