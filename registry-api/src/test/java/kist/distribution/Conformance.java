package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import kist.distribution.Web.Answer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The OCI distribution spec 1.1 as requests and answers, in its four categories. It is run against this door and against
 * Debian's docker-registry; what a registry does not have is said in {@link #lacks} and then checked to be lacking.
 */
@Timeout(60)
abstract class Conformance {
    /** What a registry of before specification 1.1 does not have. */
    enum Feature {
        /** end-12: GET /v2/NAME/referrers/DIGEST. */
        REFERRERS,
        /** Header OCI-Subject. */
        SUBJECT,
        /** end-9 with a tag. */
        DELETE_TAG,
        /** end-8b: n and last of tags/list. */
        TAG_PAGES,
        /** end-4b: POST with digest and the whole blob. */
        MONOLITHIC_POST,
        /** A chunk that does not follow the last one is refused with 416. */
        CHUNK_ORDER,
        /** 416 with Content-Range and a body of its own length. */
        RANGE_REFUSAL,
        /** A tag with a colon that is no digest is the client's fault, not the registry's. */
        REFERENCE_GRAMMAR,
        /** 405 with Allow wherever a method cannot be used. */
        METHODS
    }

    static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
    static final String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
    private static final String ABSENT = "sha256:" + "0".repeat(64);
    private static final AtomicInteger COUNTER = new AtomicInteger();
    private static final Random RANDOM = new Random(42);

    private Web web;
    private String name;

    abstract String address() throws IOException;

    abstract Set<Feature> lacks();

    private boolean has(Feature feature) {
        return !lacks().contains(feature);
    }

    @BeforeEach
    void connect() throws IOException {
        web = new Web(address());
        name = "conformance/test-" + COUNTER.incrementAndGet() + "_x.y";
    }

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    private String path(String rest) {
        return "/v2/" + name + "/" + rest;
    }

    private String begin() throws IOException, InterruptedException {
        Answer answer = web.send("POST", path("blobs/uploads/"), new byte[0]);
        assertEquals(202, answer.status(), answer.text());
        assertFalse(answer.header("Location").isEmpty());
        return answer.header("Location");
    }

    private static String with(String location, String digest) {
        return location + (location.contains("?") ? "&" : "?") + "digest=" + digest;
    }

    private String push(byte[] blob) throws IOException, InterruptedException {
        String digest = Web.digest(blob);
        Answer answer = web.send("PUT", with(begin(), digest), blob, "Content-Type", "application/octet-stream");
        assertEquals(201, answer.status(), answer.text());
        return digest;
    }

    private static String descriptor(String type, String digest, long size) {
        return "{\"mediaType\":\"" + type + "\",\"digest\":\"" + digest + "\",\"size\":" + size + "}";
    }

    /** A manifest of an artifact; its parts are pushed. */
    private byte[] manifest(String extra) throws IOException, InterruptedException {
        byte[] config = Web.bytes("{\"random\":" + RANDOM.nextLong() + "}");
        byte[] layer = random(500);
        return Web.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + OCI_MANIFEST + "\",\"config\":"
                + descriptor("application/vnd.oci.image.config.v1+json", push(config), config.length) + ",\"layers\":["
                + descriptor("application/vnd.oci.image.layer.v1.tar", push(layer), layer.length) + "]" + extra + "}");
    }

    private Answer put(String reference, byte[] manifest) throws IOException, InterruptedException {
        return web.send("PUT", path("manifests/" + reference), manifest, "Content-Type", OCI_MANIFEST);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> json(Answer answer) {
        return (Map<String, Object>) Jsonb.builder().build().type(Object.class).fromJson(answer.text());
    }

    @SuppressWarnings("unchecked")
    private static void assertError(int status, String code, Answer answer) {
        assertEquals(status, answer.status(), answer.text());
        List<Map<String, Object>> errors =
                (List<Map<String, Object>>) json(answer).get("errors");
        assertEquals(code, errors.getFirst().get("code"), answer.text());
        assertFalse(String.valueOf(errors.getFirst().get("message")).isEmpty());
        assertTrue(answer.header("Content-Type").startsWith("application/json"), answer.header("Content-Type"));
    }

    @Test
    void end_1_the_base_says_that_this_is_a_registry() throws Exception {
        Answer answer = web.get("/v2/");
        assertEquals(200, answer.status());
        assertEquals("registry/2.0", answer.header("Docker-Distribution-Api-Version"));
        assertEquals(404, web.get("/v3/").status());
    }

    @Nested
    class Pull {
        @Test
        void end_2_a_blob_comes_whole_and_its_head_says_size_and_digest() throws Exception {
            byte[] blob = random(100_000);
            String digest = push(blob);
            Answer answer = web.get(path("blobs/" + digest));
            assertEquals(200, answer.status());
            assertArrayEquals(blob, answer.body());
            assertEquals(digest, answer.header("Docker-Content-Digest"));
            Answer head = web.send("HEAD", path("blobs/" + digest), new byte[0]);
            assertEquals(200, head.status());
            assertEquals("100000", head.header("Content-Length"));
            assertEquals(digest, head.header("Docker-Content-Digest"));
            assertEquals(0, head.body().length);
        }

        @Test
        void end_2_parts_of_a_blob_come_by_range() throws Exception {
            byte[] blob = random(10_000);
            String at = path("blobs/" + push(blob));
            Answer part = web.get(at, "Range", "bytes=100-199");
            assertEquals(206, part.status());
            assertEquals("bytes 100-199/10000", part.header("Content-Range"));
            assertEquals("100", part.header("Content-Length"));
            assertArrayEquals(Arrays.copyOfRange(blob, 100, 200), part.body());
            assertArrayEquals(
                    Arrays.copyOfRange(blob, 9_000, 10_000),
                    web.get(at, "Range", "bytes=9000-").body());
            assertArrayEquals(
                    Arrays.copyOfRange(blob, 9_990, 10_000),
                    web.get(at, "Range", "bytes=-10").body());
            assertArrayEquals(blob, web.get(at, "Range", "bytes=0-99999999").body());
            if (!has(Feature.RANGE_REFUSAL)) {
                return;
            }
            Answer beyond = web.get(at, "Range", "bytes=10000-");
            assertEquals(416, beyond.status());
            assertEquals("bytes */10000", beyond.header("Content-Range"));
        }

        @Test
        void a_blob_that_the_client_has_is_not_sent_again() throws Exception {
            byte[] blob = random(100);
            String digest = push(blob);
            Answer first = web.get(path("blobs/" + digest));
            assertEquals("\"" + digest + "\"", first.header("ETag"));
            assertEquals(
                    304,
                    web.get(path("blobs/" + digest), "If-None-Match", first.header("ETag"))
                            .status());
            assertEquals(
                    206,
                    web.get(path("blobs/" + digest), "Range", "bytes=0-1", "If-Range", first.header("ETag"))
                            .status());
            assertEquals(
                    200,
                    web.get(path("blobs/" + digest), "Range", "bytes=0-1", "If-Range", "\"other\"")
                            .status());
        }

        @Test
        void an_empty_blob_is_a_blob() throws Exception {
            String digest = push(new byte[0]);
            Answer answer = web.get(path("blobs/" + digest));
            assertEquals(200, answer.status());
            assertEquals(0, answer.body().length);
        }

        @Test
        void end_2_what_is_not_there_is_not_found() throws Exception {
            push(random(10));
            assertError(404, "BLOB_UNKNOWN", web.get(path("blobs/" + ABSENT)));
            assertEquals(
                    404, web.send("HEAD", path("blobs/" + ABSENT), new byte[0]).status());
            assertEquals(404, web.get("/v2/never/pushed/blobs/" + ABSENT).status());
        }

        @Test
        void end_3_a_manifest_comes_by_tag_and_by_digest_as_it_was_put() throws Exception {
            byte[] manifest = manifest("");
            String digest = Web.digest(manifest);
            assertEquals(201, put("v1", manifest).status());
            for (String reference : List.of("v1", digest)) {
                for (String method : List.of("GET", "HEAD")) {
                    Answer answer =
                            web.send(method, path("manifests/" + reference), new byte[0], "Accept", OCI_MANIFEST);
                    assertEquals(200, answer.status(), answer.text());
                    assertEquals(OCI_MANIFEST, answer.header("Content-Type"));
                    assertEquals(digest, answer.header("Docker-Content-Digest"));
                    assertEquals(Integer.toString(manifest.length), answer.header("Content-Length"));
                    assertArrayEquals(method.equals("GET") ? manifest : new byte[0], answer.body());
                }
            }
        }

        @Test
        void end_3_a_manifest_that_is_not_there_is_not_found() throws Exception {
            assertEquals(201, put("v1", manifest("")).status());
            assertError(404, "MANIFEST_UNKNOWN", web.get(path("manifests/none")));
            assertError(404, "MANIFEST_UNKNOWN", web.get(path("manifests/" + ABSENT)));
            assertEquals(
                    404, web.send("HEAD", path("manifests/none"), new byte[0]).status());
            assertEquals(404, web.get("/v2/never/pushed/manifests/latest").status());
        }
    }

    @Nested
    class Push {
        @Test
        void end_4b_a_blob_goes_in_by_one_request() throws Exception {
            byte[] blob = random(5_000);
            String digest = Web.digest(blob);
            Answer answer = web.send(
                    "POST", path("blobs/uploads/?digest=" + digest), blob, "Content-Type", "application/octet-stream");
            if (!has(Feature.MONOLITHIC_POST)) {
                assertEquals(202, answer.status());
                return;
            }
            assertEquals(201, answer.status(), answer.text());
            assertTrue(answer.header("Location").endsWith(path("blobs/" + digest)));
            assertArrayEquals(blob, web.get(answer.header("Location")).body());
            assertError(400, "DIGEST_INVALID", web.send("POST", path("blobs/uploads/?digest=" + ABSENT), blob));
            assertError(400, "DIGEST_INVALID", web.send("POST", path("blobs/uploads/?digest=nonsense"), blob));
        }

        @Test
        void end_4a_and_6_a_blob_goes_in_by_post_and_put() throws Exception {
            byte[] blob = random(5_000);
            String digest = Web.digest(blob);
            Answer answer = web.send("PUT", with(begin(), digest), blob);
            assertEquals(201, answer.status(), answer.text());
            assertTrue(answer.header("Location").endsWith(path("blobs/" + digest)));
            assertEquals(digest, answer.header("Docker-Content-Digest"));
            assertArrayEquals(blob, web.get(answer.header("Location")).body());
        }

        @Test
        void end_5_a_blob_goes_in_by_chunks() throws Exception {
            byte[] blob = random(300_000);
            String location = begin();
            for (int start = 0; start < 300_000; start += 100_000) {
                Answer answer = web.send(
                        "PATCH",
                        location,
                        Arrays.copyOfRange(blob, start, start + 100_000),
                        "Content-Type",
                        "application/octet-stream",
                        "Content-Range",
                        start + "-" + (start + 99_999));
                assertEquals(202, answer.status(), answer.text());
                assertEquals("0-" + (start + 99_999), answer.header("Range"));
                location = answer.header("Location");
            }
            Answer status = web.get(location);
            assertEquals(204, status.status(), status.text());
            assertEquals("0-299999", status.header("Range"));
            assertFalse(status.header("Location").isEmpty());
            Answer end = web.send("PUT", with(location, Web.digest(blob)), new byte[0]);
            assertEquals(201, end.status(), end.text());
            assertArrayEquals(blob, web.get(path("blobs/" + Web.digest(blob))).body());
        }

        @Test
        void the_last_chunk_may_come_with_the_put() throws Exception {
            byte[] blob = random(3_000);
            Answer first = web.send("PATCH", begin(), Arrays.copyOfRange(blob, 0, 1_000), "Content-Range", "0-999");
            Answer end = web.send(
                    "PUT",
                    with(first.header("Location"), Web.digest(blob)),
                    Arrays.copyOfRange(blob, 1_000, 3_000),
                    "Content-Range",
                    "1000-2999");
            assertEquals(201, end.status(), end.text());
            assertArrayEquals(blob, web.get(path("blobs/" + Web.digest(blob))).body());
        }

        @Test
        void a_blob_may_come_as_one_stream_of_unknown_length() throws Exception {
            byte[] blob = random(3_000_000);
            Answer patched = web.stream("PATCH", begin(), blob);
            assertEquals(202, patched.status(), patched.text());
            assertEquals("0-2999999", patched.header("Range"));
            Answer end = web.send("PUT", with(patched.header("Location"), Web.digest(blob)), new byte[0]);
            assertEquals(201, end.status(), end.text());
            assertEquals(
                    "3000000",
                    web.send("HEAD", path("blobs/" + Web.digest(blob)), new byte[0])
                            .header("Content-Length"));
        }

        @Test
        void end_5_a_chunk_that_does_not_follow_the_last_is_refused_and_the_upload_goes_on() throws Exception {
            byte[] blob = random(2_000);
            String location = begin();
            Answer early =
                    web.send("PATCH", location, Arrays.copyOfRange(blob, 1_000, 2_000), "Content-Range", "1000-1999");
            if (!has(Feature.CHUNK_ORDER)) {
                assertNotEquals(416, early.status());
                return;
            }
            assertEquals(416, early.status(), early.text());
            assertFalse(early.header("Location").isEmpty());
            assertFalse(early.header("Range").isEmpty());
            Answer first = web.send("PATCH", location, Arrays.copyOfRange(blob, 0, 1_000), "Content-Range", "0-999");
            assertEquals(202, first.status(), first.text());
            location = first.header("Location");
            assertEquals(
                    416,
                    web.send("PATCH", location, Arrays.copyOfRange(blob, 0, 1_000), "Content-Range", "0-999")
                            .status());
            Answer second =
                    web.send("PATCH", location, Arrays.copyOfRange(blob, 1_000, 2_000), "Content-Range", "1000-1999");
            assertEquals(202, second.status(), second.text());
            assertEquals(
                    201,
                    web.send("PUT", with(second.header("Location"), Web.digest(blob)), new byte[0])
                            .status());
        }

        @ParameterizedTest
        @ValueSource(strings = {"x", "5-1", "0-", "0-4,7-9", "99999999999999999999-0"})
        void a_content_range_that_is_none_is_refused(String range) throws Exception {
            int status = web.send("PATCH", begin(), random(5), "Content-Range", range)
                    .status();
            assertTrue(status == 400 || status == 416 || !has(Feature.CHUNK_ORDER), range + " " + status);
        }

        @Test
        void a_blob_with_another_digest_than_said_is_refused() throws Exception {
            Answer answer = web.send("PUT", with(begin(), ABSENT), random(10));
            assertError(400, "DIGEST_INVALID", answer);
            assertEquals(404, web.get(path("blobs/" + ABSENT)).status());
            assertEquals(
                    400, web.send("PUT", with(begin(), "md5:abc"), random(10)).status());
            assertEquals(400, web.send("PUT", begin(), random(10)).status());
        }

        @Test
        void an_upload_that_is_not_there_or_over_is_not_found() throws Exception {
            byte[] blob = random(10);
            String location = begin();
            assertEquals(204, web.send("DELETE", location, new byte[0]).status());
            assertError(404, "BLOB_UPLOAD_UNKNOWN", web.get(location));
            assertEquals(404, web.send("PATCH", location, blob).status());
            assertEquals(
                    404, web.send("PUT", with(location, Web.digest(blob)), blob).status());
            assertEquals(404, web.send("DELETE", location, new byte[0]).status());
            location = begin();
            assertEquals(
                    201, web.send("PUT", with(location, Web.digest(blob)), blob).status());
            assertEquals(404, web.get(location).status());
        }

        @Test
        void end_11_a_blob_of_another_repository_is_mounted() throws Exception {
            byte[] blob = random(1_000);
            String digest = push(blob);
            String from = name;
            name = name + "/other";
            Answer answer = web.send("POST", path("blobs/uploads/?mount=" + digest + "&from=" + from), new byte[0]);
            assertEquals(201, answer.status(), answer.text());
            assertTrue(answer.header("Location").endsWith(path("blobs/" + digest)));
            assertArrayEquals(blob, web.get(answer.header("Location")).body());
        }

        @Test
        void end_11_where_nothing_can_be_mounted_an_upload_begins() throws Exception {
            byte[] blob = random(1_000);
            Answer answer = web.send(
                    "POST", path("blobs/uploads/?mount=" + Web.digest(blob) + "&from=never/pushed"), new byte[0]);
            assertEquals(202, answer.status(), answer.text());
            assertEquals(
                    201,
                    web.send("PUT", with(answer.header("Location"), Web.digest(blob)), blob)
                            .status());
        }

        @Test
        void end_7_a_manifest_goes_in_by_tag_and_by_digest() throws Exception {
            byte[] manifest = manifest("");
            String digest = Web.digest(manifest);
            for (String reference : List.of("v1", "V_1.2-x", digest)) {
                Answer answer = put(reference, manifest);
                assertEquals(201, answer.status(), answer.text());
                assertEquals(digest, answer.header("Docker-Content-Digest"));
                assertTrue(answer.header("Location").contains(path("manifests/")));
                assertArrayEquals(
                        manifest,
                        web.get(answer.header("Location"), "Accept", OCI_MANIFEST)
                                .body());
            }
        }

        @Test
        void a_tag_moves_to_the_manifest_that_was_put_last() throws Exception {
            put("v1", manifest(""));
            byte[] second = manifest("");
            put("v1", second);
            assertArrayEquals(
                    second,
                    web.get(path("manifests/v1"), "Accept", OCI_MANIFEST).body());
        }

        @Test
        void an_index_of_manifests_goes_in() throws Exception {
            byte[] one = manifest("");
            String digest = Web.digest(one);
            put(digest, one);
            byte[] index = Web.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + OCI_INDEX + "\",\"manifests\":["
                    + descriptor(OCI_MANIFEST, digest, one.length) + "]}");
            Answer answer = web.send("PUT", path("manifests/all"), index, "Content-Type", OCI_INDEX);
            assertEquals(201, answer.status(), answer.text());
            Answer got = web.get(path("manifests/all"), "Accept", OCI_INDEX);
            assertEquals(OCI_INDEX, got.header("Content-Type"));
            assertArrayEquals(index, got.body());
        }

        @Test
        void a_docker_manifest_goes_in_and_comes_back_as_one() throws Exception {
            byte[] config = Web.bytes("{}");
            byte[] layer = random(100);
            byte[] manifest = Web.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + DOCKER_MANIFEST + "\",\"config\":"
                    + descriptor("application/vnd.docker.container.image.v1+json", push(config), config.length)
                    + ",\"layers\":["
                    + descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", push(layer), layer.length)
                    + "]}");
            Answer answer = web.send("PUT", path("manifests/v1"), manifest, "Content-Type", DOCKER_MANIFEST);
            assertEquals(201, answer.status(), answer.text());
            Answer got = web.get(path("manifests/v1"), "Accept", DOCKER_MANIFEST);
            assertEquals(DOCKER_MANIFEST, got.header("Content-Type"));
            assertArrayEquals(manifest, got.body());
        }

        @Test
        void a_manifest_with_a_subject_says_so() throws Exception {
            String subject = Web.digest(Web.bytes("not there"));
            Answer answer = put("v1", manifest(",\"subject\":" + descriptor(OCI_MANIFEST, subject, 9)));
            assertEquals(201, answer.status(), answer.text());
            assertEquals(has(Feature.SUBJECT) ? subject : "", answer.header("OCI-Subject"));
        }

        @Test
        void a_manifest_of_four_megabytes_goes_in_and_a_longer_one_does_not() throws Exception {
            byte[] large = manifest(annotations(4_000_000));
            assertTrue(large.length > 4_000_000 && large.length < 4 << 20, "" + large.length);
            assertEquals(201, put("large", large).status());
            assertArrayEquals(
                    large,
                    web.get(path("manifests/large"), "Accept", OCI_MANIFEST).body());
            byte[] longer = manifest(annotations(4 << 20));
            int status = put("longer", longer).status();
            assertTrue(status == 413 || status == 400, "" + status);
        }

        private String annotations(int size) {
            StringBuilder all = new StringBuilder(",\"annotations\":{\"first\":\"\"");
            for (int i = 0; all.length() < size; i++) {
                all.append(",\"a")
                        .append(i)
                        .append("\":\"")
                        .append("x".repeat(4_000))
                        .append('"');
            }
            return all.append('}').toString();
        }

        @Test
        void a_manifest_that_is_none_is_refused() throws Exception {
            assertError(400, "MANIFEST_INVALID", put("v1", Web.bytes("not json")));
            assertError(400, "MANIFEST_INVALID", put("v1", Web.bytes("[]")));
            byte[] manifest = manifest("");
            Answer confused = put("v1", manifest(",\"manifests\":[]"));
            assertError(400, "MANIFEST_INVALID", confused);
            assertError(400, "DIGEST_INVALID", put(ABSENT, manifest));
        }

        @Test
        void a_manifest_whose_parts_are_not_there_is_refused() throws Exception {
            byte[] manifest = Web.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + OCI_MANIFEST + "\",\"config\":"
                    + descriptor("application/vnd.oci.image.config.v1+json", ABSENT, 2) + ",\"layers\":[]}");
            Answer answer = put("v1", manifest);
            assertTrue(answer.status() == 404 || answer.status() == 400, answer.text());
            assertTrue(answer.text().contains("MANIFEST_BLOB_UNKNOWN"), answer.text());
        }

        @ParameterizedTest
        @ValueSource(strings = {".x", "-x", "a%2Fb", "a%20b", "sha256:abc", "x:y"})
        void a_tag_that_is_none_is_refused(String tag) throws Exception {
            byte[] manifest = manifest("");
            int status = put(tag, manifest).status();
            boolean colon = tag.indexOf(':') >= 0;
            assertTrue(
                    status == 400 || status == 404 || status == 500 && colon && !has(Feature.REFERENCE_GRAMMAR),
                    "" + status);
        }

        @ParameterizedTest
        @ValueSource(strings = {"UPPER", "a//b", "-a", "a-", "a..b", "a/.b", "a%2F..%2Fb", "%2e%2e/x"})
        void a_name_that_is_none_is_refused(String bad) throws Exception {
            Answer answer = web.send("POST", "/v2/" + bad + "/blobs/uploads/", new byte[0]);
            assertTrue(
                    answer.status() == 400 || answer.status() == 404 || answer.status() == 301,
                    answer.status() + " " + answer.text());
        }
    }

    @Nested
    class ContentDiscovery {
        private List<String> tags(Answer answer) {
            assertEquals(200, answer.status(), answer.text());
            assertEquals(name, json(answer).get("name"));
            List<String> found = new ArrayList<>();
            ((List<?>) json(answer).get("tags")).forEach(tag -> found.add((String) tag));
            return found;
        }

        @Test
        void end_8_tags_are_listed_in_order_and_in_pages() throws Exception {
            byte[] manifest = manifest("");
            for (String tag : List.of("c", "a", "b", "d")) {
                put(tag, manifest);
            }
            assertEquals(
                    List.of("a", "b", "c", "d"),
                    tags(web.get(path("tags/list"))).stream().sorted().toList());
            Answer page = web.get(path("tags/list?n=2"));
            if (!has(Feature.TAG_PAGES)) {
                assertEquals(4, tags(page).size());
                return;
            }
            assertEquals(List.of("a", "b"), tags(page));
            String link = page.header("Link");
            assertTrue(link.matches("<[^>]+>; *rel=\"next\""), link);
            Answer next = web.get(link.substring(1, link.indexOf('>')));
            assertEquals(List.of("c", "d"), tags(next));
            assertEquals("", next.header("Link"));
            assertEquals(List.of("d"), tags(web.get(path("tags/list?last=c"))));
            assertEquals(List.of("c"), tags(web.get(path("tags/list?n=1&last=b"))));
            assertEquals(List.of(), tags(web.get(path("tags/list?n=0"))));
            assertEquals(List.of("c", "d"), tags(web.get(path("tags/list?last=bb"))));
            assertEquals(400, web.get(path("tags/list?n=x")).status());
        }

        @Test
        void end_8_tags_of_a_repository_that_is_not_there_are_not_found() throws Exception {
            assertError(404, "NAME_UNKNOWN", web.get("/v2/never/pushed/tags/list"));
        }

        @Test
        void repositories_are_listed_in_pages() throws Exception {
            String first = name + "/a";
            String second = name + "/b";
            for (String repository : List.of(first, second)) {
                name = repository;
                put("v1", manifest(""));
            }
            Answer page = web.get("/v2/_catalog?n=1&last=" + first.substring(0, first.length() - 1));
            assertEquals(200, page.status());
            assertEquals(List.of(first), json(page).get("repositories"));
            String link = page.header("Link");
            assertTrue(link.matches("<[^>]+>; *rel=\"next\""), link);
            assertEquals(
                    List.of(second),
                    json(web.get(link.substring(1, link.indexOf('>')))).get("repositories"));
            assertTrue(((List<?>) json(web.get("/v2/_catalog")).get("repositories")).contains(second));
        }

        @Test
        @SuppressWarnings("unchecked")
        void end_12_what_is_about_a_manifest_is_listed() throws Exception {
            byte[] subject = manifest("");
            String about = Web.digest(subject);
            if (!has(Feature.REFERRERS)) {
                assertEquals(404, web.get(path("referrers/" + about)).status());
                return;
            }
            String pointing = ",\"subject\":" + descriptor(OCI_MANIFEST, about, subject.length);
            Answer none = web.get(path("referrers/" + about));
            assertEquals(200, none.status());
            assertEquals(List.of(), json(none).get("manifests"));
            byte[] one = manifest(pointing
                    + ",\"artifactType\":\"application/vnd.example.sbom\",\"annotations\":{\"org.example\":\"yes\"}");
            byte[] two = manifest(pointing);
            byte[] three = Web.bytes("{\"schemaVersion\":2,\"mediaType\":\"" + OCI_INDEX + "\",\"manifests\":[]"
                    + pointing + ",\"artifactType\":\"application/vnd.example.other\"}");
            // before and after its subject
            assertEquals(201, put(Web.digest(one), one).status());
            assertEquals(201, put(about, subject).status());
            assertEquals(201, put("tagged", two).status());
            assertEquals(
                    201,
                    web.send("PUT", path("manifests/" + Web.digest(three)), three, "Content-Type", OCI_INDEX)
                            .status());
            Answer all = web.get(path("referrers/" + about));
            assertEquals(200, all.status(), all.text());
            assertEquals(OCI_INDEX, all.header("Content-Type"));
            assertEquals("", all.header("OCI-Filters-Applied"));
            Map<String, Object> index = json(all);
            assertEquals(2L, ((Number) index.get("schemaVersion")).longValue());
            assertEquals(OCI_INDEX, index.get("mediaType"));
            List<Map<String, Object>> listed = (List<Map<String, Object>>) index.get("manifests");
            assertEquals(
                    Set.of(Web.digest(one), Web.digest(two), Web.digest(three)),
                    Set.copyOf(listed.stream().map(d -> d.get("digest")).toList()));
            Map<String, Object> sbom = listed.stream()
                    .filter(d -> d.get("digest").equals(Web.digest(one)))
                    .findFirst()
                    .orElseThrow();
            assertEquals("application/vnd.example.sbom", sbom.get("artifactType"));
            assertEquals(OCI_MANIFEST, sbom.get("mediaType"));
            assertEquals((long) one.length, ((Number) sbom.get("size")).longValue());
            assertEquals(Map.of("org.example", "yes"), sbom.get("annotations"));
            // one without artifactType has that of its configuration
            assertTrue(listed.stream()
                    .anyMatch(d -> d.get("digest").equals(Web.digest(two))
                            && d.get("artifactType").equals("application/vnd.oci.image.config.v1+json")));
            Answer filtered = web.get(path("referrers/" + about + "?artifactType=application/vnd.example.sbom"));
            assertEquals("artifactType", filtered.header("OCI-Filters-Applied"));
            List<Map<String, Object>> kept =
                    (List<Map<String, Object>>) json(filtered).get("manifests");
            assertEquals(
                    List.of(Web.digest(one)),
                    kept.stream().map(d -> d.get("digest")).toList());
            // gone with the manifest
            web.send("DELETE", path("manifests/" + Web.digest(one)), new byte[0]);
            assertEquals(2, ((List<?>) json(web.get(path("referrers/" + about))).get("manifests")).size());
            assertEquals(400, web.get(path("referrers/nonsense")).status());
        }
    }

    @Nested
    class ContentManagement {
        @Test
        void end_9_a_tag_is_deleted_and_its_manifest_stays() throws Exception {
            byte[] manifest = manifest("");
            put("v1", manifest);
            put("v2", manifest);
            Answer answer = web.send("DELETE", path("manifests/v1"), new byte[0]);
            if (!has(Feature.DELETE_TAG)) {
                assertTrue(answer.status() == 400 || answer.status() == 405, answer.text());
                return;
            }
            assertEquals(202, answer.status(), answer.text());
            assertEquals(404, web.get(path("manifests/v1")).status());
            assertEquals(200, web.get(path("manifests/v2")).status());
            assertEquals(200, web.get(path("manifests/" + Web.digest(manifest))).status());
            assertEquals(
                    404, web.send("DELETE", path("manifests/v1"), new byte[0]).status());
        }

        @Test
        void end_9_a_manifest_is_deleted_with_its_tags() throws Exception {
            byte[] manifest = manifest("");
            String digest = Web.digest(manifest);
            put("v1", manifest);
            Answer answer = web.send("DELETE", path("manifests/" + digest), new byte[0]);
            assertEquals(202, answer.status(), answer.text());
            assertEquals(404, web.get(path("manifests/" + digest)).status());
            assertEquals(404, web.get(path("manifests/v1")).status());
            assertEquals(
                    404,
                    web.send("DELETE", path("manifests/" + digest), new byte[0]).status());
            // and can be put again
            assertEquals(201, put("v1", manifest).status());
            assertEquals(
                    200, web.get(path("manifests/v1"), "Accept", OCI_MANIFEST).status());
        }

        @Test
        void end_10_a_blob_is_deleted() throws Exception {
            byte[] blob = random(100);
            String digest = push(blob);
            assertEquals(
                    202,
                    web.send("DELETE", path("blobs/" + digest), new byte[0]).status());
            assertEquals(404, web.get(path("blobs/" + digest)).status());
            assertEquals(
                    404,
                    web.send("DELETE", path("blobs/" + digest), new byte[0]).status());
            assertEquals(digest, push(blob));
            assertEquals(200, web.get(path("blobs/" + digest)).status());
        }

        @Test
        void what_cannot_be_done_says_what_can() throws Exception {
            if (!has(Feature.METHODS)) {
                assertEquals(200, web.send("PATCH", "/v2/", new byte[0]).status());
                return;
            }
            for (String path : List.of("/v2/", path("tags/list"), path("blobs/" + ABSENT), path("manifests/x"))) {
                Answer answer = web.send("PATCH", path, new byte[0]);
                assertEquals(405, answer.status(), path + answer.text());
                assertTrue(answer.header("Allow").contains("GET"), path);
            }
        }
    }
}
