package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code attach} as the bytes on its connection, and through the docker command. */
@Tag("peer")
class AttachTest {
    private static final String CAT =
            "\"OpenStdin\":true,\"AttachStdin\":true,\"Cmd\":[\"cat\"],\"HostConfig\":{\"NetworkMode\":\"none\"}";

    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static String create(String fields) {
        return engine.api()
                .post("/containers/create", "{\"Image\":\"busybox\"," + fields + "}")
                .expect(201)
                .json()
                .text("Id");
    }

    private static void start(String id) {
        engine.api().post("/containers/" + id + "/start", "").expect(204);
    }

    private static String script(String script) {
        return "\"Cmd\":[\"sh\",\"-c\",\"" + script + "\"],\"HostConfig\":{\"NetworkMode\":\"none\"}";
    }

    private static Wire attach(String id, String query) {
        return Wire.open(engine, "/containers/" + id + "/attach?" + query, "");
    }

    private static boolean running(String id) {
        return engine.inspect(id).flag("State", "Running");
    }

    private static void awaitStream(Wire wire, int stream, String text) {
        Wait.until(
                text + " in stream " + stream,
                Duration.ofSeconds(20),
                () -> wire.stream(stream).contains(text),
                wire::text);
    }

    @Test
    void attached_before_the_start_all_comes_in_frames_and_then_the_end() {
        var id = create(script("echo out; echo err >&2; sleep 0.1; echo more"));
        try (var wire = attach(id, "stream=1&stdout=1&stderr=1").expect(101)) {
            assertTrue(wire.head().contains("UPGRADED"), wire.head());
            assertTrue(wire.head().toLowerCase(java.util.Locale.ROOT).contains("upgrade: tcp"), wire.head());
            start(id);
            wire.awaitEnd();
            assertEquals("out\nmore\n", wire.stream(1));
            assertEquals("err\n", wire.stream(2));
            for (var frame : wire.frames()) {
                assertTrue(frame.stream() == 1 || frame.stream() == 2, frame.toString());
            }
        }
    }

    @Test
    void without_an_upgrade_the_answer_is_200_and_the_stream_is_the_same() {
        var id = create(script("echo out"));
        var request = "POST /containers/" + id
                + "/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
        try (var wire = Wire.open(engine.socket(), request).expect(200)) {
            assertTrue(wire.head().contains("application/vnd.docker."), wire.head());
            start(id);
            wire.awaitEnd();
            assertEquals("out\n", wire.stream(1));
        }
    }

    @Test
    void only_the_streams_asked_for_come() {
        var id = create(script("echo out; echo err >&2; sleep 0.3"));
        try (var out = attach(id, "stream=1&stdout=1").expect(101);
                var err = attach(id, "stream=1&stderr=1").expect(101)) {
            start(id);
            out.awaitEnd();
            err.awaitEnd();
            assertEquals(List.of(new Wire.Frame(1, "out\n")), out.frames());
            assertEquals(List.of(new Wire.Frame(2, "err\n")), err.frames());
        }
    }

    @Test
    void with_logs_alone_the_past_is_replayed_and_the_stream_ends() {
        var id = create(script("echo past; echo err >&2; sleep 600"));
        start(id);
        Wait.until(
                "both lines",
                () -> engine.docker("logs", id).run().tells("").toString().contains("err\n"));
        try (var wire = attach(id, "logs=1&stdout=1&stderr=1").expect(101)) {
            wire.awaitEnd();
            assertEquals("past\n", wire.stream(1));
            assertEquals("err\n", wire.stream(2));
        }
        assertTrue(running(id));
    }

    @Test
    void with_logs_and_stream_the_past_comes_before_the_present_and_nothing_twice() {
        var id = create("\"Tty\":false," + CAT.replace("\"cat\"", "\"sh\",\"-c\",\"echo past; cat\""));
        start(id);
        Wait.until("the past", () -> engine.docker("logs", id).ok().equals("past"));
        try (var wire = attach(id, "logs=1&stream=1&stdin=1&stdout=1&stderr=1").expect(101)) {
            awaitStream(wire, 1, "past\n");
            wire.write("present\n");
            awaitStream(wire, 1, "present\n");
            assertEquals("past\npresent\n", wire.stream(1));
        }
    }

    @Test
    void with_stream_alone_the_past_does_not_come() {
        var id = create(CAT.replace("\"cat\"", "\"sh\",\"-c\",\"echo past; cat\""));
        start(id);
        Wait.until("the past", () -> engine.docker("logs", id).ok().equals("past"));
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            wire.write("present\n");
            awaitStream(wire, 1, "present\n");
            assertEquals("present\n", wire.stream(1));
        }
    }

    @Test
    void an_input_that_ends_ends_the_containers_where_it_was_for_once() {
        var id = create("\"StdinOnce\":true," + CAT);
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            start(id);
            wire.write("first\n");
            awaitStream(wire, 1, "first\n");
            wire.write("last\n");
            wire.closeOutput();
            wire.awaitEnd();
            assertEquals("first\nlast\n", wire.stream(1));
        }
        Wait.until("the end of cat", () -> !running(id));
        assertEquals(0, engine.inspect(id).number("State", "ExitCode"));
    }

    @Test
    void otherwise_the_input_stays_open_for_the_next_one() {
        var id = create(CAT);
        start(id);
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            wire.write("one\n");
            awaitStream(wire, 1, "one\n");
        }
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            wire.write("two\n");
            awaitStream(wire, 1, "two\n");
        }
        assertTrue(running(id));
    }

    @Test
    void several_at_once_see_the_same() {
        var id = create(CAT);
        start(id);
        try (var one = attach(id, "stream=1&stdin=1&stdout=1").expect(101);
                var other = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            one.write("from one\n");
            awaitStream(one, 1, "from one\n");
            awaitStream(other, 1, "from one\n");
            other.write("from the other\n");
            awaitStream(one, 1, "from the other\n");
            awaitStream(other, 1, "from the other\n");
        }
    }

    @Test
    void what_is_written_arrives_byte_by_byte() {
        var id = create("\"StdinOnce\":true," + CAT.replace("\"cat\"", "\"sha256sum\""));
        var bytes = new byte[3 << 20];
        new java.util.Random(7).nextBytes(bytes);
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            start(id);
            wire.write(bytes);
            wire.closeOutput();
            wire.awaitEnd();
            assertTrue(wire.stream(1).startsWith(Images.digest(bytes)), wire.text());
        }
    }

    @Test
    void a_terminal_comes_without_frames() {
        var id = create("\"Tty\":true," + CAT);
        start(id);
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1&stderr=1").expect(101)) {
            wire.write("typed\n");
            // the echo, then what cat writes
            wire.await("typed\r\ntyped\r\n");
        }
    }

    @Test
    void the_detach_keys_end_the_stream_and_nothing_else() {
        var id = create("\"Tty\":true," + CAT);
        start(id);
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1").expect(101)) {
            wire.write("typed\n");
            wire.await("typed\r\ntyped\r\n");
            wire.write("\u0010\u0011");
            wire.awaitEnd();
        }
        assertTrue(running(id));
        Wait.until(
                "the event",
                () -> engine.docker("events", "--since", "1m", "--until", EventsTest.now(), "-f", "event=detach")
                        .ok()
                        .contains("container detach " + id));
    }

    @Test
    void detach_keys_of_ones_own_are_heeded() {
        var id = create("\"Tty\":true," + CAT);
        start(id);
        try (var wire =
                attach(id, "stream=1&stdin=1&stdout=1&detachKeys=ctrl-a%2Cx").expect(101)) {
            // half of them are a key like any other
            wire.write("\u0001y\n");
            wire.await("y\r\n");
            wire.write("\u0001");
            wire.write("x");
            wire.awaitEnd();
        }
        assertTrue(running(id));
        try (var wire = attach(id, "stream=1&stdin=1&stdout=1&detachKeys=ctrl-nonesuch")) {
            wire.expect(400);
        }
    }

    @Test
    void an_exec_has_detach_keys_as_well() {
        var id = create("\"Tty\":true," + CAT);
        start(id);
        var exec = engine.api()
                .post(
                        "/containers/" + id + "/exec",
                        "{\"Cmd\":[\"sleep\",\"600\"],\"Tty\":true,\"AttachStdin\":true,\"AttachStdout\":true,\"DetachKeys\":\"q,q\"}")
                .expect(201)
                .json()
                .text("Id");
        try (var wire = Wire.open(engine, "/exec/" + exec + "/start", "{\"Detach\":false,\"Tty\":true}")
                .expect(101)) {
            wire.write("typed\n");
            wire.await("typed\r\n");
            wire.write("qq");
            wire.awaitEnd();
        }
        // dockerd 20.10 ends it
        if (engine.isKist()) {
            assertTrue(engine.docker("top", id).ok().contains("sleep 600"));
            assertTrue(engine.api()
                    .get("/exec/" + exec + "/json")
                    .expect(200)
                    .json()
                    .flag("Running"));
        }
    }

    @Test
    void an_attached_client_that_reads_nothing_loses_nothing() {
        var id = create(script("sleep 0.3; seq 1 100000"));
        try (var idle = attach(id, "stream=1&stdout=1").expect(101)) {
            start(id);
            engine.docker("wait", id).ok();
            idle.awaitEnd();
            assertTrue(idle.stream(1).endsWith("99999\n100000\n"));
            assertEquals(588_895, idle.stream(1).length());
        }
    }

    @Test
    void what_is_not_there_or_does_not_run_is_told() {
        try (var wire = attach("missing", "stream=1&stdout=1")) {
            wire.expect(404);
        }
        var id = create(script("sleep 600"));
        engine.docker("attach", id).run().exits(1).says("stopped container");
        start(id);
        engine.docker("pause", id).ok();
        engine.docker("attach", id).run().exits(1).says("paused container");
    }

    @Test
    void the_command_hands_signals_on_and_exits_as_the_container_does() {
        var id = create(script("trap 'exit 9' HUP; echo up; while :; do sleep 0.05; done"));
        try (var running = engine.docker("start", "-a", id).start()) {
            running.awaitOut("up");
            running.signal("HUP");
            assertEquals(9, running.await().exit());
        }
        assertFalse(running(id));
    }

    @Test
    void the_command_keeps_signals_to_itself_where_it_is_told_to() {
        var id = create(script("trap 'exit 9' HUP; while :; do echo up; sleep 0.05; done"));
        start(id);
        try (var running = engine.docker("attach", "--sig-proxy=false", id).start()) {
            running.awaitOut("up");
            running.signal("HUP");
            running.await();
        }
        assertTrue(running(id));
    }

    @Test
    void a_web_socket_carries_both_directions() {
        var id = create("\"Tty\":true," + CAT);
        start(id);
        try (var wire = Wire.webSocket(engine, "/containers/" + id + "/attach/ws?stream=1&stdin=1&stdout=1&stderr=1")
                .expect(101)) {
            // RFC 6455, 1.3: the SHA-1 of the key and a constant, here of sixteen zero bytes
            assertTrue(wire.head().contains("ICX+Yqv66kxgM0FcWaLWlFLwTAI="), wire.head());
            wire.writeWebSocket(1, "typed\n".getBytes(StandardCharsets.UTF_8));
            Wait.until(
                    "the echo",
                    Duration.ofSeconds(20),
                    () -> wire.webSocketText().contains("typed\r\ntyped\r\n"),
                    wire::text);
            // binary, as API 1.28 says
            assertEquals(2, wire.webSocketFrames().getFirst().stream());
            wire.writeWebSocket(2, "again\n".getBytes(StandardCharsets.UTF_8));
            Wait.until("the second", () -> wire.webSocketText().contains("again\r\nagain\r\n"));
        }
        assertTrue(running(id));
    }

    @Test
    void a_web_socket_replays_the_log_and_ends_with_the_container() {
        var id = create(CAT.replace("\"cat\"", "\"sh\",\"-c\",\"echo past; read line; echo $line\""));
        start(id);
        Wait.until("the past", () -> engine.docker("logs", id).ok().equals("past"));
        try (var wire = Wire.webSocket(engine, "/containers/" + id + "/attach/ws?logs=1&stream=1&stdin=1&stdout=1")
                .expect(101)) {
            Wait.until("the past", () -> wire.webSocketText().contains("past\n"));
            wire.writeWebSocket(2, "end\n".getBytes(StandardCharsets.UTF_8));
            wire.awaitEnd();
            assertEquals("past\nend\n", wire.webSocketText());
        }
    }

    @Test
    void a_web_socket_to_nothing_is_not_found() {
        try (var wire = Wire.webSocket(engine, "/containers/missing/attach/ws?stream=1&stdout=1")) {
            wire.expect(404);
        }
    }
}
