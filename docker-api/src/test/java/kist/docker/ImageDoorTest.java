package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import kist.engine.ImageRequest;
import kist.engine.Request;
import kist.image.Platform;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Images and registries over a real Unix socket. */
@Timeout(30)
class ImageDoorTest extends OpenDoor {
    private String raw(String method, String path, String headers, String body) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            client.say(method + " " + path + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\n" + headers
                    + "Content-Length: " + bytes.length + "\r\n\r\n");
            client.say(bytes);
            return client.rest();
        }
    }

    private static String body(String answer) {
        int end = answer.indexOf("\r\n\r\n");
        String body = answer.substring(end + 4);
        if (!answer.substring(0, end).contains("chunked")) {
            return body;
        }
        StringBuilder whole = new StringBuilder();
        int at = 0;
        while (at < body.length()) {
            int line = body.indexOf("\r\n", at);
            int size = Integer.parseInt(body.substring(at, line), 16);
            whole.append(body, line + 2, line + 2 + size);
            at = line + 4 + size;
        }
        return whole.toString();
    }

    private String get(String path) throws IOException {
        return body(raw("GET", path, "", ""));
    }

    private List<String> lines(String path) throws IOException {
        return List.of(body(raw("POST", path, "", "")).split("\r\n"));
    }

    private Request<?> last() {
        return engine.requests.getLast();
    }

    private static String header(String json) {
        return "X-Registry-Auth: " + Base64.getUrlEncoder().encodeToString(json.getBytes(StandardCharsets.UTF_8))
                + "\r\n";
    }

    @Test
    void aPullTellsWhatGoesOnInDockersWords() throws IOException {
        List<String> lines = new ArrayList<>(lines("/images/create?fromImage=docker.io/library/busybox&tag=1"));
        String id = "ee".repeat(6);
        assertEquals("{\"status\":\"Pulling from library/busybox\",\"id\":\"1\"}", lines.getFirst());
        assertEquals("{\"status\":\"Status: Downloaded newer image for busybox:1\"}", lines.getLast());
        List<String> numbers =
                lines.stream().filter(l -> l.contains("\"current\"")).toList();
        assertTrue(numbers.size() < 20, "throttled: " + numbers.size());
        lines.removeAll(numbers);
        List<String> states = lines.subList(1, lines.size() - 1);
        assertEquals(
                List.of(
                        "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"" + id + "\"}",
                        "{\"status\":\"Waiting\",\"progressDetail\":{},\"id\":\"" + id + "\"}",
                        "{\"status\":\"Verifying Checksum\",\"progressDetail\":{},\"id\":\"" + id + "\"}",
                        "{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"" + id + "\"}",
                        "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"" + id + "\"}",
                        "{\"status\":\"Digest: " + FakeImages.DIGEST + "\"}"),
                states);
    }

    @Test
    void aPullOfAllTagsPullsEach() throws IOException {
        List<String> lines = lines("/images/create?fromImage=old");
        assertTrue(lines.contains("{\"status\":\"Status: Image is up to date for old:1\"}"), lines::toString);
        assertTrue(lines.contains("{\"status\":\"Status: Image is up to date for old:2\"}"), lines::toString);
    }

    @Test
    void aFailureBeforeTheFirstWordIsAStatusAndOneAfterItTheLastLine() throws IOException {
        assertTrue(raw("POST", "/images/create?fromImage=nosuch&tag=1", "", "").startsWith("HTTP/1.1 404"));
        List<String> lines = lines("/images/create?fromImage=broken&tag=1");
        assertEquals(
                "{\"errorDetail\":{\"message\":\"the registry broke off\"},\"error\":\"the registry broke off\"}",
                lines.getLast());
    }

    @Test
    void aPullIsEndedWhenTheClientGoes() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            client.say("POST /images/create?fromImage=slow&tag=1 HTTP/1.1\r\nHost: d\r\n\r\n");
            assertTrue(engine.images.slowBegun.await(10, TimeUnit.SECONDS));
        }
        assertTrue(engine.images.slowEnded.await(10, TimeUnit.SECONDS));
    }

    @Test
    void credentialsReachTheEngineAndNothingThatIsPrinted() throws IOException {
        String secret =
                header("{\"username\":\"me\",\"password\":\"geheim\",\"serveraddress\":\"r:1\",\"email\":\"x\"}");
        raw("POST", "/images/create?fromImage=r:1/a&tag=1&platform=linux/arm64", secret, "");
        ImageRequest.PullImage asked = (ImageRequest.PullImage) last();
        assertEquals("r:1/a:1", asked.reference());
        assertEquals("geheim", asked.credentials().password());
        assertEquals(Optional.of(Platform.parse("linux/arm64")), asked.platform());
        assertFalse(asked.toString().contains("geheim"), asked::toString);
        assertTrue(raw("POST", "/images/create?fromImage=a&tag=1", "X-Registry-Auth: %%%\r\n", "")
                .startsWith("HTTP/1.1 400"));
        raw("POST", "/images/create?fromImage=a&tag=1", header("{\"auth\":\"bWU6cHc=\"}"), "");
        assertEquals("pw", ((ImageRequest.PullImage) last()).credentials().password());
    }

    @Test
    void aPushTellsDigestAndSize() throws IOException {
        List<String> lines = lines("/images/r.example/a/push?tag=1");
        assertEquals("{\"status\":\"The push refers to repository [r.example/a]\"}", lines.getFirst());
        String id = "ee".repeat(6);
        assertTrue(lines.contains("{\"status\":\"Preparing\",\"progressDetail\":{},\"id\":\"" + id + "\"}"));
        assertTrue(lines.contains("{\"status\":\"Pushed\",\"progressDetail\":{},\"id\":\"" + id + "\"}"));
        assertEquals("{\"status\":\"1: digest: " + FakeImages.DIGEST + " size: 528\"}", lines.get(lines.size() - 2));
        assertEquals(
                "{\"progressDetail\":{},\"aux\":{\"Tag\":\"1\",\"Digest\":\"" + FakeImages.DIGEST + "\",\"Size\":528}}",
                lines.getLast());
        assertTrue(lines("/images/nosuch/push?tag=1").getLast().contains("An image does not exist locally"));
        // without a tag all that are here
        assertTrue(lines("/images/busybox/push").getLast().contains("\"Tag\":\"latest\""));
    }

    @Test
    void archivesComeAsTheyAreMade() throws IOException {
        assertEquals("tar of [busybox, busybox:latest]", get("/images/get?names=busybox&names=busybox:latest"));
        assertEquals("tar of [busybox]", get("/images/busybox/get"));
        assertEquals("files of c1", get("/containers/c1/export"));
        String broken = raw("GET", "/containers/broken/export", "", "");
        assertTrue(broken.startsWith("HTTP/1.1 200"), broken);
        assertFalse(broken.endsWith("0\r\n\r\n"), "the answer looks whole");
    }

    @Test
    void aCommitReadsQueryAndBody() throws IOException {
        String answer = raw(
                "POST",
                "/commit?container=c1&repo=x&tag=1&author=me&comment=why&pause=0&changes=CMD%20a",
                "",
                "{\"Cmd\":[\"sh\"],\"Env\":[\"A=b\"],\"ExposedPorts\":{\"80/tcp\":{}},\"Tty\":true,"
                        + "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Retries\":3}}");
        assertTrue(answer.startsWith("HTTP/1.1 201"), answer);
        assertEquals("{\"Id\":\"" + FakeEngine.IMAGE_ID + "\"}", body(answer));
        ImageRequest.CommitContainer asked = (ImageRequest.CommitContainer) last();
        assertEquals("x:1", asked.reference());
        assertEquals(List.of("CMD a"), asked.changes());
        assertEquals(List.of("80/tcp"), asked.config().exposedPorts());
        assertEquals(3, asked.config().healthcheck().orElseThrow().retries());
        assertFalse(asked.pause());
        assertTrue(raw("POST", "/commit?container=c1", "", "null\n").startsWith("HTTP/1.1 201"));
        assertTrue(((ImageRequest.CommitContainer) last()).pause());
    }

    @Test
    void inspectShowsDigestsHealthAndManifests() throws IOException {
        String old = get("/v1.41/images/busybox/json");
        assertTrue(old.contains("\"RepoDigests\":[\"busybox@" + FakeImages.DIGEST + "\"]"), old);
        assertTrue(old.contains("\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":5000000000,\"Retries\":3}"));
        assertTrue(old.contains("\"LastTagTime\":\"2023-11-14T22:13:20Z\""), old);
        assertTrue(old.contains("\"VirtualSize\""));
        assertTrue(old.contains("\"Hostname\""));
        assertFalse(old.contains("\"Descriptor\""));
        String now = get("/v1.51/images/busybox/json?manifests=1");
        assertFalse(now.contains("\"Hostname\""));
        assertTrue(now.contains("\"Descriptor\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""), now);
        assertTrue(now.contains("\"Available\":true,\"Size\":{\"Content\":10,\"Total\":1982308},\"Kind\":\"image\""));
        assertTrue(get("/images/busybox/history")
                .contains("\"CreatedBy\":\"CMD sh\",\"Tags\":[\"busybox:latest\"],\"Size\":0"));
    }

    @Test
    void theListHasSharedSizesOnRequest() throws IOException {
        assertTrue(get("/images/json").contains("\"SharedSize\":-1"));
        assertTrue(get("/images/json?shared-size=1").contains("\"SharedSize\":400"));
        assertTrue(get("/images/json?manifests=1").contains("\"Manifests\":[{"));
        assertEquals("[]", get("/images/json?filters=%7B%22until%22:%5B%222000-01-01%22%5D%7D"));
    }

    @Test
    void diskUsageIsToldInTheFormOfTheVersion() throws IOException {
        String old = get("/v1.41/system/df");
        assertTrue(old.startsWith("{\"LayersSize\":1300,\"Images\":[{\"Containers\":2,"), old);
        assertTrue(old.contains("\"Volumes\":[],\"BuildCache\":[],\"BuilderSize\":0"), old);
        String now = get("/v1.52/system/df?type=image");
        assertEquals("{\"ImageUsage\":{\"ActiveCount\":1,\"TotalCount\":1,\"Reclaimable\":0,\"TotalSize\":1300}}", now);
    }

    @Test
    void pruneTellsWhatWent() throws IOException {
        assertEquals(
                "{\"ImagesDeleted\":[{\"Untagged\":\"old:1\"},{\"Deleted\":\"" + FakeEngine.IMAGE_ID
                        + "\"}],\"SpaceReclaimed\":77}",
                body(raw(
                        "POST",
                        "/images/prune?filters=%7B%22dangling%22:%7B%22false%22:true%7D,%22label%22:%5B%22a=b%22%5D%7D",
                        "",
                        "")));
        assertEquals(new ImageRequest.PruneImages(false, Optional.empty(), List.of("a=b"), List.of()), last());
    }

    @Test
    void registriesAreAskedThroughTheEngine() throws IOException {
        assertEquals(
                "[{\"star_count\":3,\"is_official\":true,\"name\":\"a/b\",\"is_automated\":false,\"description\":\"words\"}]",
                get("/images/search?term=a"));
        assertTrue(get("/distribution/docker.io/library/x/json")
                .endsWith("\"Platforms\":[{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}]}"));
        String manifest = raw("GET", "/kist/images/manifest?name=x", "", "");
        assertTrue(manifest.contains("Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"), manifest);
        assertTrue(manifest.contains("Docker-Content-Digest: " + FakeImages.DIGEST), manifest);
        assertTrue(manifest.endsWith("{\"schemaVersion\":2}"));
        assertEquals(
                "{\"IdentityToken\":\"token\",\"Status\":\"Login Succeeded\"}",
                body(raw("POST", "/auth", "", "{\"username\":\"me\",\"password\":\"right\"}")));
        assertTrue(raw("POST", "/auth", "", "{\"username\":\"me\",\"password\":\"wrong\"}")
                .startsWith("HTTP/1.1 401"));
    }

    @Test
    void changesAndDifferencesAreListed() throws IOException {
        assertEquals(
                "[{\"Path\":\"/etc\",\"Kind\":0},{\"Path\":\"/etc/a\",\"Kind\":1},{\"Path\":\"/etc/b\",\"Kind\":2}]",
                get("/containers/c1/changes"));
        assertEquals(
                "{\"Kind\":0,\"Path\":\"/etc/a\",\"Details\":{\"mode\":{\"From\":\"0644\",\"To\":\"0755\"}}}\n",
                get("/kist/images/diff?from=a&to=b"));
    }

    @Test
    void aRegistryIsServedWhileTheClientStays() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            byte[] body = "{\"Listen\":\"127.0.0.1:5000\",\"Htpasswd\":\"/h\"}".getBytes(StandardCharsets.UTF_8);
            client.say("POST /kist/registry/serve HTTP/1.1\r\nHost: d\r\nContent-Length: " + body.length + "\r\n\r\n");
            client.say(body);
            client.until("\"http://127.0.0.1:5000\"}\n");
            assertEquals(1, engine.images.unserved.getCount());
        }
        assertTrue(engine.images.unserved.await(10, TimeUnit.SECONDS));
        ImageRequest.ServeRegistry asked = (ImageRequest.ServeRegistry) last();
        assertEquals(Optional.of(Path.of("/h")), asked.service().htpasswd());
    }

    @Test
    void aPlatformIsReadInBothForms() throws IOException {
        raw(
                "GET",
                "/images/busybox/history?platform=%7B%22os%22:%22linux%22,%22architecture%22:%22arm64%22%7D",
                "",
                "");
        assertEquals(new ImageRequest.InspectImage("busybox", Optional.of(Platform.parse("linux/arm64"))), last());
        raw("POST", "/containers/create?platform=linux/arm/v7", "", "{\"Image\":\"busybox\"}");
        assertEquals(Optional.of(Platform.parse("linux/arm/v7")), ((Request.CreateContainer) last()).platform());
    }
}
