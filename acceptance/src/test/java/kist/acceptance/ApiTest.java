package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The Docker API as its bytes, and every version of it. */
class ApiTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Api.Answer raw(String request) {
        return Api.answer(engine.api().raw(request.getBytes(StandardCharsets.ISO_8859_1), PATIENCE));
    }

    @Test
    @Tag("peer")
    void ping_answers_with_the_version() {
        var answer = engine.api().get("/_ping").expect(200);
        assertEquals("OK", answer.text());
        assertTrue(answer.head().contains("Api-Version: 1."), answer.head());
        assertTrue(answer.head().contains("Ostype: linux"), answer.head());
    }

    @Test
    void every_version_of_the_api_is_accepted() {
        for (int minor = 24; minor < 100; minor++) {
            engine.api().get("/v1." + minor + "/_ping").expect(200);
            engine.api().get("/v1." + minor + "/containers/json").expect(200);
            engine.api().get("/v1." + minor + "/version").expect(200);
        }
        engine.api().get("/containers/json").expect(200);
    }

    @Test
    void the_docker_command_works_with_each_version_it_can_speak() {
        for (int minor = 24; minor <= 50; minor++) {
            var version = "1." + minor;
            engine.docker("ps").env("DOCKER_API_VERSION", version).ok();
            if (minor % 5 == 4 || minor == 41 || minor == 44) {
                assertEquals(
                        version,
                        engine.docker("run", "--rm", "-i", "--network", "none", "busybox", "cat")
                                .env("DOCKER_API_VERSION", version)
                                .stdin(version)
                                .ok());
            }
        }
    }

    @Test
    void several_requests_on_one_connection_are_answered_in_turn() {
        var answer = new String(
                engine.api()
                        .raw(
                                ("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
                                                + "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                                        .getBytes(StandardCharsets.ISO_8859_1),
                                PATIENCE),
                StandardCharsets.ISO_8859_1);
        assertEquals(2, answer.split("HTTP/1.1 200 ", -1).length - 1, answer);
        assertEquals(1, answer.split("HTTP/1.1 404 ", -1).length - 1, answer);
    }

    @Test
    @Tag("peer")
    void an_unknown_path_is_not_found() {
        assertEquals(
                "page not found", engine.api().get("/v1.41/nope").expect(404).message());
        assertEquals(
                "page not found",
                engine.api().get("/containers/a/b/c").expect(404).message());
    }

    @Test
    @Tag("peer")
    void an_unknown_object_is_named() {
        assertTrue(engine.api()
                .get("/containers/missing/json")
                .expect(404)
                .message()
                .contains("missing"));
        assertTrue(
                engine.api().get("/images/missing/json").expect(404).message().contains("missing"));
        assertTrue(engine.api().get("/exec/missing/json").expect(404).message().contains("missing"));
        assertTrue(engine.api()
                .post("/containers/missing/start", "")
                .expect(404)
                .message()
                .contains("missing"));
        assertTrue(engine.api()
                .post("/containers/create", "{\"Image\":\"missing\"}")
                .expect(404)
                .message()
                .contains("missing"));
    }

    @Test
    void a_body_that_is_no_json_is_refused() {
        for (var body : List.of("{", "[]", "nonsense", "{\"Image\":5}", "{\"Image\":\"busybox\",\"Cmd\":{}}")) {
            engine.api().post("/containers/create", body).expect(400);
        }
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void a_field_that_cannot_be_honoured_is_refused_by_name() {
        for (var field : List.of(
                "\"BlkioWeight\":300",
                "\"PidMode\":\"host\"",
                "\"Runtime\":\"other\"",
                "\"Devices\":[{\"PathOnHost\":\"/dev/kmsg\",\"PathInContainer\":\"/dev/kmsg\",\"CgroupPermissions\":\"r\"}]")) {
            var name = field.substring(1, field.indexOf('"', 1));
            var answer =
                    engine.api().post("/containers/create", "{\"Image\":\"busybox\",\"HostConfig\":{" + field + "}}");
            if (answer.status() == 201) {
                // then it must be true
                assertTrue(
                        engine.inspect(answer.json().text("Id"))
                                .at("HostConfig", name)
                                .present(),
                        field);
            } else {
                assertTrue(answer.status() == 400 || answer.status() == 501, answer.text());
                assertTrue(
                        answer.message().toLowerCase(Locale.ROOT).contains(name.toLowerCase(Locale.ROOT)),
                        answer.message());
            }
        }
    }

    @Test
    void paths_that_walk_about_reach_nothing() {
        for (var path : List.of(
                "/v1.40/../containers/json",
                "/containers/%2e%2e/json",
                "//containers/json",
                "/v1.40/containers/..%2fjson/json",
                "/v1.40/containers/json%00")) {
            var answer = raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assertTrue(
                    answer.status() >= 400 && answer.status() < 500 || path.equals("//containers/json"),
                    path + ": " + answer.head());
        }
    }

    @Test
    void requests_that_could_be_read_in_two_ways_are_refused() {
        var heads = new ArrayList<>(List.of(
                "Content-Length: 2\r\nContent-Length: 3\r\n",
                "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                "Content-Length: -1\r\n",
                "Content-Length: 2x\r\n",
                "Transfer-Encoding: chunked, identity\r\n",
                "Folded: a\r\n b\r\n",
                "No colon\r\n",
                "Nul: \0\r\n"));
        for (var head : heads) {
            var answer = raw("POST /containers/create HTTP/1.1\r\nHost: x\r\n" + head + "Connection: close\r\n\r\n{}");
            assertTrue(answer.status() == 400 || head.contains("identity") && answer.status() == 501, answer.head());
        }
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void a_huge_head_and_a_huge_body_are_refused() {
        var answer = raw("GET /_ping HTTP/1.1\r\nHost: x\r\nBig: " + "x".repeat(1 << 20) + "\r\n\r\n");
        assertTrue(answer.status() == 431 || answer.status() == 400, answer.head());
        var body = "{\"Image\":\"" + "x".repeat(20 << 20) + "\"}";
        var huge = engine.api().post("/containers/create", body);
        assertTrue(huge.status() >= 400 && huge.status() < 500, huge.head());
        engine.api().get("/_ping").expect(200);
    }

    @Test
    void deep_json_is_refused_and_the_engine_goes_on() {
        var deep = "{\"Labels\":" + "[".repeat(200_000) + "]".repeat(200_000) + "}";
        var answer = engine.api().post("/containers/create", deep);
        assertTrue(answer.status() >= 400 && answer.status() < 500, answer.head());
        engine.api().get("/_ping").expect(200);
    }

    @Test
    @Tag("peer")
    void chunked_bodies_are_taken() {
        var body = "{\"Image\":\"busybox\",\"Cmd\":[\"true\"]}";
        var answer = raw("POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + Integer.toHexString(body.length())
                + "\r\n"
                + body + "\r\n0\r\n\r\n");
        assertTrue(answer.expect(201).json().text("Id").matches("[0-9a-f]{64}"));
    }

    @Test
    @Tag("peer")
    void a_hijacked_connection_carries_both_directions() {
        var id = engine.api()
                .post(
                        "/containers/create",
                        "{\"Image\":\"busybox\",\"Cmd\":[\"cat\"],\"OpenStdin\":true,\"StdinOnce\":true,\"AttachStdin\":true,\"Tty\":false,\"HostConfig\":{\"NetworkMode\":\"none\"}}")
                .expect(201)
                .json()
                .text("Id");
        try (var attached = Command.of(
                        "curl",
                        "-s",
                        "--no-buffer",
                        "--unix-socket",
                        engine.socket().toString(),
                        "-X",
                        "POST",
                        "http://d/containers/" + id + "/attach?stream=1&stdout=1&stderr=1&logs=1")
                .start()) {
            Wait.sleep(Duration.ofMillis(300));
            engine.api().post("/containers/" + id + "/start", "").expect(204);
            var through =
                    engine.docker("attach", id).stdin("through the engine\n").run();
            assertEquals("through the engine", through.ok());
            attached.awaitOut("through the engine");
            // frames of eight bytes: stream 1, then the length
            assertEquals(1, attached.out().charAt(0));
            assertEquals("through the engine\n".length(), attached.out().charAt(7));
        }
    }

    @Test
    @Tag("peer")
    void waiting_for_the_next_exit_begins_before_the_start() {
        var id = engine.api()
                .post(
                        "/containers/create",
                        "{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit 12\"],\"HostConfig\":{\"NetworkMode\":\"none\"}}")
                .expect(201)
                .json()
                .text("Id");
        try (var waiting = engine.api().open("POST", "/containers/" + id + "/wait?condition=next-exit")) {
            // the head of the answer comes at once
            assertTrue(waiting.readTo("\r\n\r\n").startsWith("HTTP/1.1 200 "));
            engine.api().post("/containers/" + id + "/start", "").expect(204);
            assertTrue(waiting.readTo("}").contains("\"StatusCode\":12"));
        }
    }

    @Test
    void twenty_idle_connections_keep_nobody_out() {
        var idle = new ArrayList<Command.Running>();
        try {
            for (int i = 0; i < 20; i++) {
                idle.add(Command.of(
                                "curl", "-sN", "--unix-socket", engine.socket().toString(), "http://d/events")
                        .start());
            }
            engine.docker("run", "--rm", "--network", "none", "busybox", "true").ok();
        } finally {
            idle.forEach(Command.Running::close);
        }
    }
}
