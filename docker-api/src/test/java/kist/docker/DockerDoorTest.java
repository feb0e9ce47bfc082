package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import kist.engine.Caller;
import kist.engine.ContainerUpdate;
import kist.engine.ContainerView;
import kist.engine.Event;
import kist.engine.ImageRequest;
import kist.engine.Request;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests over a real Unix socket, and what the engine is asked. */
@Timeout(30)
class DockerDoorTest extends OpenDoor {
    /** An answer, with its body unchunked. */
    private record Answer(int status, String head, String body) {
        Map<String, Object> json() {
            return Json.parse(body.getBytes(StandardCharsets.UTF_8));
        }

        String message() {
            return String.valueOf(json().get("message"));
        }
    }

    private Answer ask(String method, String path, String body) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            client.say(method + " " + path + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: "
                    + bytes.length + "\r\n\r\n");
            client.say(bytes);
            return answer(client.rest());
        }
    }

    private static Answer answer(String text) {
        int end = text.indexOf("\r\n\r\n");
        String head = text.substring(0, end + 2);
        String body = text.substring(end + 4);
        if (head.contains("Transfer-Encoding: chunked")) {
            StringBuilder whole = new StringBuilder();
            int at = 0;
            while (at < body.length()) {
                int line = body.indexOf("\r\n", at);
                int size = Integer.parseInt(body.substring(at, line), 16);
                whole.append(body, line + 2, line + 2 + size);
                at = line + 4 + size;
            }
            body = whole.toString();
        }
        return new Answer(Integer.parseInt(head.substring(9, 12)), head, body);
    }

    private Answer get(String path) throws IOException {
        return ask("GET", path, "");
    }

    private Answer post(String path) throws IOException {
        return ask("POST", path, "");
    }

    private String create(String name, String command) throws IOException {
        Answer answer = ask(
                "POST",
                "/v1.41/containers/create?name=" + name,
                "{\"Image\":\"busybox\",\"Cmd\":[\"" + command + "\"],\"Labels\":{\"app\":\"" + name + "\"}}\n");
        assertEquals(201, answer.status(), answer.body());
        return String.valueOf(answer.json().get("Id"));
    }

    private Request<?> last() {
        return engine.requests.getLast();
    }

    @Test
    void pingTellsTheVersionToGetAndHead() throws IOException {
        for (String path : List.of("/_ping", "/v1.24/_ping", "/v1.99/_ping")) {
            Answer answer = get(path);
            assertEquals(200, answer.status());
            assertEquals("OK", answer.body());
            assertTrue(answer.head().contains("Api-Version: 1.51\r\n"), answer.head());
            assertTrue(answer.head().contains("Ostype: linux\r\n"), answer.head());
            assertTrue(answer.head().contains("Server: Kist/0.1.0 (linux)\r\n"), answer.head());
        }
        assertEquals("", ask("HEAD", "/_ping", "").body());
        assertTrue(engine.requests.isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/v1.12", "/v1.24", "/v1.41", "/v1.51", "/v1.99", "/v2.0"})
    void noClientIsRefusedForItsVersion(String prefix) throws IOException {
        assertEquals(200, get(prefix + "/version").status());
        assertEquals(200, get(prefix + "/info").status());
        assertEquals(200, get(prefix + "/containers/json").status());
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /, 404",
        "GET, /nonsense, 404",
        "GET, //containers/json, 404",
        "GET, /v1.41//containers/json, 404",
        "GET, /v1.41, 404",
        "GET, /v1.x/containers/json, 404",
        "GET, /v1.41/v1.41/containers/json, 404",
        "GET, /v1.40/../containers/json, 400",
        "GET, /v1.40/%2e%2e/containers/json, 400",
        "GET, /containers/json/, 404",
        "GET, /containers/a%2Fjson, 404",
        "POST, /containers/json, 404",
        "PUT, /containers/x/start, 404",
        "GET, /containers/x/start, 404",
        "GET, /containers//json, 404",
        "DELETE, /version, 404",
        "PUT, /networks, 404",
        "POST, /build, 501",
        "POST, /commit, 400",
        "GET, /commit, 404",
        "GET, /system/df?type=nonsense, 400",
        "GET, /images/get, 400",
        "GET, /images/get?names=nosuch, 404",
        "GET, /images/nosuch/get, 404",
        "GET, /images/busybox/attestations, 501",
        "GET, /distribution/x, 404",
        "GET, /distribution/UPPER/json, 400",
        "POST, /auth, 401",
        "GET, /kist/images/manifest, 400",
        "GET, /kist/images/diff?from=x, 400",
        "GET, /kist/nonsense/x, 404",
        "POST, /images/create?fromImage=UPPER&tag=x, 400",
        "POST, /images/create?fromImage=x&tag=1&platform=a/b/c/d, 400",
        "POST, '/images/prune?filters={\"until\":[\"soon\"]}', 400",
        "GET, /swarm, 501",
        "GET, /containers/x/stats, 404",
        "GET, '/containers/x/stats?one-shot=1', 400",
        "GET, /containers/x/checkpoints, 501",
        "GET, '/containers/json?filters={\"publish\":[\"x\"]}', 400",
        "GET, '/containers/json?filters={\"expose\":[\"9-2\"]}', 400",
        "GET, '/containers/json?filters={\"health\":[\"fine\"]}', 400",
        "GET, '/containers/json?filters={\"exited\":[\"x\"]}', 400",
        "GET, /containers/json?since=nosuch, 404",
        "GET, /containers/x/archive, 400",
        "GET, /containers/nosuch/attach/ws, 404",
        "GET, /images/search, 400",
        "GET, /images/search?term=x&limit=1000, 400",
        "POST, /images/a/b/push?tag=..x, 400",
        "GET, /containers/nosuch/json, 404",
        "POST, /containers/nosuch/start, 404",
        "POST, /containers/nosuch/wait, 404",
        "GET, /containers/nosuch/logs?stdout=1, 404",
        "GET, /containers/nosuch/logs, 400",
        "POST, /containers/nosuch/attach?stream=1&stdout=1, 404",
        "POST, /containers/nosuch/attach, 400",
        "POST, /containers/nosuch/attach?stream=1&stdout=1&detachKeys=nonsense, 400",
        "POST, /containers/nosuch/wait?condition=never, 400",
        "POST, /containers/nosuch/stop?t=soon, 400",
        "POST, /containers/nosuch/resize, 400",
        "GET, /exec/nosuch/json, 404",
        "POST, /exec/nosuch/start, 404",
        "GET, /images/nosuch/json, 404",
        "GET, '/containers/json?filters={\"colour\":[\"red\"]}', 400",
        "GET, '/containers/json?filters={\"status\":[\"asleep\"]}', 400",
        "GET, /containers/json?filters=[, 400",
        "POST, /images/create?fromImage=nosuch&tag=1, 404",
        "POST, /images/create?fromSrc=http://x/y, 501",
        "POST, /images/create, 400",
    })
    void refusalsHaveTheStatusAndAMessage(String method, String path, int status) throws IOException {
        Answer answer = ask(method, path.replace("{", "%7B").replace("}", "%7D").replace("\"", "%22"), "");
        assertEquals(status, answer.status(), answer.body());
        assertFalse(answer.message().isEmpty());
    }

    @Test
    void theEngineIsToldWhoAsks() throws IOException {
        get("/info");
        assertEquals(new Caller("docker", 1000, 1001, 77), engine.callers.getLast());
    }

    @Test
    void aContainerLivesFromCreateToDelete() throws IOException {
        String id = create("one", "sleep");
        assertEquals(
                400,
                ask("POST", "/containers/one/start", "{\"Binds\":[\"/a:/b\"]}").status());
        assertEquals(204, post("/v1.41/containers/" + id + "/start").status());
        assertEquals(304, post("/v1.41/containers/" + id + "/start").status());
        assertEquals(409, ask("DELETE", "/v1.41/containers/one", "").status());
        assertEquals(204, post("/v1.41/containers/one/kill?signal=TERM").status());
        assertEquals(new Request.KillContainer("one", "TERM"), last());
        assertEquals(409, post("/v1.41/containers/one/kill").status());
        assertEquals(304, post("/v1.41/containers/one/stop?t=3").status());
        assertEquals(new Request.StopContainer("one", OptionalInt.of(3), ""), last());
        assertEquals(204, ask("DELETE", "/v1.41/containers/one?force=1&v=1", "").status());
        assertEquals(new Request.RemoveContainer("one", true, true), last());
        assertEquals(404, get("/v1.41/containers/one/json").status());
    }

    @Test
    void simpleChangesAreTranslated() throws IOException {
        create("one", "sleep");
        assertEquals(204, post("/containers/one/restart?t=-1").status());
        assertEquals(new Request.RestartContainer("one", OptionalInt.of(-1), ""), last());
        assertEquals(204, post("/containers/one/pause").status());
        assertEquals(new Request.PauseContainer("one"), last());
        assertEquals(204, post("/containers/one/unpause").status());
        assertEquals(new Request.UnpauseContainer("one"), last());
        assertEquals(204, post("/containers/one/rename?name=two").status());
        assertEquals(new Request.RenameContainer("one", "two"), last());
        assertEquals(200, post("/containers/one/resize?h=40&w=120").status());
        assertEquals(new Request.ResizeContainer("one", 40, 120), last());
    }

    @Test
    void aNameInUseIsAConflict() throws IOException {
        create("one", "true");
        Answer answer = ask("POST", "/containers/create?name=one", "{\"Image\":\"busybox\"}");
        assertEquals(409, answer.status());
        assertTrue(answer.message().contains("one"));
    }

    @Test
    void aCommandThatCannotRunIsToldInWordsThatClientsUnderstand() throws IOException {
        create("one", "nosuch");
        Answer answer = post("/containers/one/start");
        assertEquals(400, answer.status());
        assertTrue(answer.message().contains("executable file not found in $PATH"), answer.message());
        create("two", "notexec");
        assertTrue(post("/containers/two/start").message().contains("permission denied"));
    }

    @Test
    void waitShowsItsHeadBeforeTheContainerEnds() throws IOException {
        create("one", "sleep");
        try (RawClient client = new RawClient(socket)) {
            client.say("POST /v1.41/containers/one/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n");
            assertTrue(client.until("\r\n\r\n").startsWith("HTTP/1.1 200 OK\r\n"));
            post("/containers/one/start");
            post("/containers/one/kill");
            assertEquals("13\r\n{\"StatusCode\":137}\n\r\n0\r\n\r\n", client.until("0\r\n\r\n"));
            client.say("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n").until("OK");
        }
    }

    @Test
    void optionsAllowNothingAndAreAnswered() throws IOException {
        Answer answer = ask("OPTIONS", "/containers/json", "");
        assertEquals(200, answer.status());
        assertEquals("", answer.body());
        assertFalse(answer.head().contains("Access-Control"), answer.head());
    }

    @Test
    void inspectShowsWhatRuns() throws IOException {
        create("one", "sleep");
        Answer before = get("/v1.41/containers/one/json");
        assertTrue(before.body().contains("\"StartedAt\":\"0001-01-01T00:00:00Z\""), before.body());
        post("/containers/one/start");
        Map<String, Object> json = get("/v1.41/containers/one/json").json();
        assertEquals("/one", json.get("Name"));
        assertEquals("sleep", json.get("Path"));
        assertTrue(String.valueOf(json.get("State")).contains("Status=running, Running=true"));
        assertTrue(String.valueOf(json.get("NetworkSettings")).contains("bridge={MacAddress=02:42:ac:1d:00:02"));
        assertTrue(String.valueOf(json.get("HostConfig")).contains("ShmSize=67108864"));
    }

    @Test
    void whatInspectShowsCanBeSentBackToCreate() throws IOException {
        ask(
                "POST",
                "/containers/create?name=one",
                "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\"],\"HostConfig\":{\"Binds\":[\"/a:/b:ro,rslave\"],"
                        + "\"Tmpfs\":{\"/t\":\"size=1m\"},\"Memory\":1048576,\"Mounts\":[{\"Type\":\"bind\","
                        + "\"Source\":\"/c\",\"Target\":\"/d\",\"ReadOnly\":true}],"
                        + "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}]}}");
        Map<String, Object> shown = get("/v1.44/containers/one/json").json();
        Map<String, Object> again = new java.util.LinkedHashMap<>();
        again.putAll(asMap(shown, "Config"));
        again.put("HostConfig", asMap(shown, "HostConfig"));
        Answer answer =
                ask("POST", "/containers/create?name=two", new String(Json.bytes(again), StandardCharsets.UTF_8));
        assertEquals(201, answer.status(), answer.body());
        List<ContainerView> views =
                engine.containers.values().stream().map(fake -> fake.view).toList();
        assertEquals(
                views.get(0).config().host().mounts(),
                views.get(1).config().host().mounts());
        assertEquals(
                views.get(0).config().host().rlimits(),
                views.get(1).config().host().rlimits());
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> asMap(Map<String, Object> map, String member) {
        return (Map<String, Object>) java.util.Objects.requireNonNull(map.get(member));
    }

    @Test
    void theListIsFiltered() throws IOException {
        String one = create("one", "sleep");
        create("two", "both");
        post("/containers/one/start");
        post("/containers/two/start");
        assertEquals(List.of("one"), names(""));
        assertEquals(List.of("two", "one"), names("?all=1"));
        assertEquals(List.of("two"), names("?limit=1"));
        assertEquals(List.of("two"), names("?filters=" + filter("status", "exited")));
        assertEquals(List.of("two"), names("?all=1&filters=" + filter("exited", "3")));
        assertEquals(List.of("one"), names("?all=1&filters=" + filter("name", "^/?on")));
        assertEquals(List.of("one"), names("?all=1&filters=" + filter("id", one.substring(0, 64))));
        assertEquals(List.of("one"), names("?all=1&filters=" + filter("label", "app=one")));
        assertEquals(List.of("two", "one"), names("?all=1&filters=" + filter("ancestor", "busybox")));
        assertEquals(List.of(), names("?all=1&filters=" + filter("ancestor", "nosuch")));
        assertEquals(List.of("one"), names("?filters=%7B%22name%22%3A%7B%22one%22%3Atrue%7D%7D"));
        assertEquals(
                400,
                get("/containers/json?all=1&filters=" + filter("id", "(.*)(.*)(.*)(.*)x"))
                        .status());
    }

    private static String filter(String key, String value) {
        return java.net.URLEncoder.encode("{\"" + key + "\":[\"" + value + "\"]}", StandardCharsets.UTF_8);
    }

    private List<String> names(String query) throws IOException {
        Answer answer = get("/v1.41/containers/json" + query);
        assertEquals(200, answer.status(), answer.body());
        List<String> names = new java.util.ArrayList<>();
        for (String piece : answer.body().split("\"Names\":\\[\"/")) {
            if (!piece.startsWith("[")) {
                names.add(piece.substring(0, piece.indexOf('"')));
            }
        }
        return names;
    }

    @Test
    void logsAreFramedUnlessThereIsATerminal() throws IOException {
        create("one", "both");
        post("/containers/one/start");
        Answer answer = get("/v1.41/containers/one/logs?stdout=1&stderr=1&tail=5&since=1.5&until=7");
        assertEquals("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n", answer.body());
        assertEquals(new Request.ReadLogs("one", true, true, false, 1_500_000_000L, 7_000_000_000L, 5), last());
        assertTrue(answer.head().contains("application/vnd.docker.raw-stream"));
        get("/v1.41/containers/one/logs?stdout=1&since=1970-01-01T01:00:01.5%2B01:00");
        assertEquals(new Request.ReadLogs("one", true, false, false, 1_500_000_000L, 0, -1), last());
        assertEquals(
                400,
                get("/v1.41/containers/one/logs?stdout=1&since=1970-01-99T00:00:00Z")
                        .status());
        answer = get("/v1.42/containers/one/logs?stderr=1&timestamps=1&tail=all");
        assertEquals("\2\0\0\0\0\0\0\u0023" + "2023-11-14T22:13:20.000000001Z err\n", answer.body());
        assertTrue(answer.head().contains("application/vnd.docker.multiplexed-stream"));
        ask("POST", "/containers/create?name=two", "{\"Image\":\"busybox\",\"Cmd\":[\"both\"],\"Tty\":true}");
        post("/containers/two/start");
        assertEquals("out\n", get("/containers/two/logs?stdout=1").body());
        assertEquals(
                "a=b+c,d%2Ce=%C3%A9 out\n",
                get("/containers/two/logs?stdout=1&details=1").body());
    }

    @Test
    void aFollowedLogIsLetGoWhenTheClientGoes() throws Exception {
        create("one", "both");
        post("/containers/one/start");
        try (RawClient client = new RawClient(socket)) {
            client.say("GET /containers/one/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n");
            client.until("out\n\r\n");
        }
        assertTrue(engine.streamClosed.await(5, TimeUnit.SECONDS));
    }

    @Test
    void eventsComeOneALineAndEndWithTheClient() throws Exception {
        engine.events.add(java.util.Optional.of(
                new Event("container", "start", "abc", Map.of("image", "busybox", "name", "one"), 1_500_000_000L)));
        engine.events.add(java.util.Optional.of(
                new Event("container", "exec_create: sh -c x", "abc", Map.of("name", "one"), 2_500_000_000L)));
        engine.events.add(java.util.Optional.of(new Event("image", "tag", "sha256:1", Map.of("name", "a:b"), 3)));
        try (RawClient client = new RawClient(socket)) {
            client.say("GET /v1.41/events?since=1&filters="
                    + java.net.URLEncoder.encode(
                            "{\"type\":[\"container\"],\"event\":[\"start\",\"exec_create\"],\"container\":[\"one\"]}",
                            StandardCharsets.UTF_8)
                    + " HTTP/1.1\r\nHost: d\r\n\r\n");
            String first = client.until("}\n");
            assertTrue(
                    first.contains("{\"status\":\"start\",\"id\":\"abc\",\"from\":\"busybox\",\"Type\":\"container\""),
                    first);
            assertTrue(first.contains("\"time\":1,\"timeNano\":1500000000}"), first);
            assertTrue(client.until("}\n").contains("exec_create: sh -c x"));
        }
        assertTrue(engine.streamClosed.await(5, TimeUnit.SECONDS));
        assertEquals(new Request.WatchEvents(1_000_000_000L, 0), engine.requests.getFirst());
    }

    @Test
    void attachJoinsAllThreeStreamsAndSurvivesTheEndOfInput() throws IOException {
        create("one", "cat");
        try (RawClient client = new RawClient(socket)) {
            client.say("POST /v1.42/containers/one/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n"
                    + "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
            String head = client.until("\r\n\r\n");
            assertTrue(
                    head.startsWith("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream"),
                    head);
            post("/containers/one/start");
            client.say("hello");
            assertEquals("\1\0\0\0\0\0\0\5hello", client.until("hello"));
            client.say("!").done();
            assertEquals("\1\0\0\0\0\0\0\1!", client.rest());
        }
        assertTrue(engine.requests.contains(new Request.AttachContainer("one", true, true, true, false, true)));
    }

    @Test
    void attachOverAWebSocketCarriesTheStreamsInFrames() throws IOException {
        create("one", "cat");
        post("/containers/one/start");
        try (RawClient client = new RawClient(socket)) {
            client.say("GET /v1.45/containers/one/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n"
                    + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            String head = client.until("\r\n\r\n");
            assertTrue(head.startsWith("HTTP/1.1 101 "), head);
            client.say("\u0082\u0085\0\0\0\0hello");
            assertEquals("\u0082\5hello", client.until("hello"));
            client.say("\u0088\u0080\0\0\0\0");
            assertEquals("\u0088\0", client.rest());
        }
        assertTrue(engine.requests.contains(new Request.AttachContainer("one", true, true, false, false, true)));
        Answer plain = get("/containers/one/attach/ws?stream=1");
        assertEquals(400, plain.status(), plain.body());
    }

    @Test
    void theKeysThatDetachLeaveATerminal() throws IOException {
        ask("POST", "/containers/create?name=one", "{\"Image\":\"busybox\",\"Cmd\":[\"cat\"],\"Tty\":true}");
        post("/containers/one/start");
        try (RawClient client = new RawClient(socket)) {
            client.say("POST /containers/one/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,b HTTP/1.1\r\n"
                    + "Host: d\r\n\r\n");
            client.until("\r\n\r\n");
            client.say("x\u0001yb\u0001b");
            assertEquals("x\u0001yb", client.rest());
        }
        assertEquals(
                ContainerView.State.RUNNING,
                engine.containers.values().iterator().next().view.state());
    }

    @Test
    void anExecIsCreatedStartedAndInspected() throws IOException {
        create("one", "sleep");
        post("/containers/one/start");
        Answer created = ask(
                "POST",
                "/containers/one/exec",
                "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"both\",\"x\"],\"Env\":[\"A=b\"],\"Detach\":false}");
        assertEquals(201, created.status(), created.body());
        String id = String.valueOf(created.json().get("Id"));
        assertTrue(get("/exec/" + id + "/json").body().contains("\"Running\":true,\"ExitCode\":null"));
        try (RawClient client = new RawClient(socket)) {
            String body = "{\"Detach\":false,\"Tty\":false}";
            client.say(
                    "POST /v1.41/exec/" + id + "/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                            + "Content-Length: " + body.length() + "\r\n\r\n" + body);
            client.until("\r\n\r\n");
            assertEquals("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n", client.rest());
        }
        Answer inspected = get("/exec/" + id + "/json");
        assertTrue(inspected.body().contains("\"Running\":false,\"ExitCode\":3"), inspected.body());
        assertTrue(inspected.body().contains("\"entrypoint\":\"both\",\"arguments\":[\"x\"]"), inspected.body());
        assertEquals(200, post("/exec/" + id + "/resize?h=1&w=2").status());
    }

    @Test
    void anExecOfNoCommandIsRefusedAndOneOfAMissingCommandIsToldInTheStream() throws IOException {
        create("one", "sleep");
        assertEquals(400, ask("POST", "/containers/one/exec", "{}").status());
        String id = String.valueOf(ask("POST", "/containers/one/exec", "{\"Cmd\":\"nosuch\"}")
                .json()
                .get("Id"));
        String answer = ask("POST", "/exec/" + id + "/start", "{}").body();
        assertTrue(answer.contains("executable file not found in $PATH\r\n"), answer);
        assertEquals(
                400, ask("POST", "/exec/" + id + "/start", "{\"Detach\":true}").status());
    }

    @Test
    void imagesAreListedInspectedTaggedAndRemoved() throws IOException {
        assertTrue(get("/v1.41/images/json").body().contains("\"RepoTags\":[\"busybox:latest\"]"));
        assertEquals(
                "[]", get("/images/json?filters=" + filter("dangling", "true")).body());
        assertEquals(
                "[]",
                get("/images/json?filters=" + filter("reference", "alpine")).body());
        assertTrue(get("/images/json?filters=" + filter("reference", "busy*"))
                .body()
                .contains("busybox:latest"));
        assertTrue(get("/images/docker.io/library/busybox/json").body().contains("\"Architecture\":\"amd64\""));
        assertTrue(get("/images/busybox/history").body().contains("\"Size\":1982298"));
        assertEquals(
                201,
                post("/images/busybox/tag?repo=docker.io%2Flibrary%2Ffoo&tag=1").status());
        assertEquals(new ImageRequest.TagImage("busybox", "foo:1"), last());
        assertEquals(
                "[{\"Untagged\":\"host:5000/a/b:1\"},{\"Deleted\":\"" + FakeEngine.IMAGE_ID + "\"}]",
                ask("DELETE", "/images/host:5000/a/b:1?force=1", "").body());
        assertEquals(new ImageRequest.RemoveImage("host:5000/a/b:1", true, true, List.of()), last());
    }

    @Test
    void importAndLoadReadTheBodyAndReportProgress() throws IOException {
        Answer answer = ask(
                "POST",
                "/images/create?fromSrc=-&repo=docker.io%2Flibrary%2Fx&tag=1&changes=CMD+sh&changes=ENV+A%3Db&message=m",
                "tar");
        assertEquals("{\"status\":\"" + FakeEngine.IMAGE_ID + "\"}\r\n", answer.body());
        ImageRequest.ImportImage asked = (ImageRequest.ImportImage) last();
        assertEquals("x:1", asked.reference());
        assertEquals(List.of("CMD sh", "ENV A=b"), asked.changes());
        assertEquals(
                "{\"stream\":\"Loaded image: busybox:latest\\n\"}\r\n",
                ask("POST", "/images/load", "tar").body());
    }

    @Test
    void topReadsTheHostsProc() throws IOException {
        create("one", "sleep");
        Answer answer = get("/containers/one/top");
        assertTrue(answer.body().contains("[\"UID\",\"PID\",\"PPID\",\"C\",\"STIME\",\"TTY\",\"TIME\",\"CMD\"]"));
        assertTrue(answer.body().contains("\"" + ProcessHandle.current().pid() + "\""));
        assertTrue(get("/containers/one/top?ps_args=-o%20pid,comm").body().contains("[\"PID\",\"COMMAND\"]"));
        assertEquals(400, get("/containers/one/top?ps_args=-o%20comm").status());
    }

    @Test
    void updateAnswersWarningsAndNamesWhatItCannotChange() throws IOException {
        String one = create("one", "sleep");
        Answer answer = ask(
                "POST",
                "/containers/one/update",
                "{\"Memory\":67108864,\"PidsLimit\":-1,"
                        + "\"RestartPolicy\":{\"Name\":\"always\"},\"MemorySwappiness\":-1,\"Ulimits\":null}");
        assertEquals("{\"Warnings\":[\"a warning of " + one + "\"]}", answer.body());
        ContainerUpdate update = ((Request.UpdateContainer) last()).update();
        assertEquals(OptionalLong.of(67108864), update.memory());
        assertEquals(OptionalLong.of(-1), update.pidsLimit());
        assertEquals(OptionalLong.empty(), update.nanoCpus());
        assertEquals("always", update.restart().orElseThrow().name());
        assertEquals(
                501,
                ask("POST", "/containers/one/update", "{\"OomKillDisable\":true}")
                        .status());
        assertEquals(
                400, ask("POST", "/containers/one/update", "{\"Memory\":\"1\"}").status());
        assertEquals(
                400, ask("POST", "/containers/one/update", "{\"Colour\":1}").status());
        assertEquals(404, ask("POST", "/containers/nosuch/update", "{}").status());
    }

    @Test
    void pruneRemovesWhatDoesNotRun() throws IOException {
        String one = create("one", "true");
        create("two", "sleep");
        post("/containers/two/start");
        assertEquals(
                "{\"ContainersDeleted\":[\"" + one + "\"],\"SpaceReclaimed\":70}",
                post("/containers/prune").body());
    }

    @Test
    void bodiesThatTwoReadersCouldUnderstandDifferentlyAreRefused() throws IOException {
        for (String body : List.of(
                "{\"Image\":\"busybox\",\"Image\":\"other\"}",
                "{\"Image\":\"busybox\",\"image\":\"other\"}",
                "{\"Image\":\"busybox\"}{\"Image\":\"other\"}",
                "{\"Image\":\"busybox\"",
                "[]",
                "\"x\"",
                "",
                "{\"Image\":\"busybox\",\"HostConfig\":" + "[".repeat(10_000) + "}")) {
            Answer answer = ask("POST", "/containers/create", body);
            assertEquals(400, answer.status(), body);
        }
        assertTrue(engine.containers.isEmpty());
        Answer large =
                ask("POST", "/containers/create", "{\"Image\":\"busybox\",\"Env\":[\"" + "x".repeat(5 << 20) + "\"]}");
        assertEquals(413, large.status());
    }
}
