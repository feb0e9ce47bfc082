package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What {@code events} tells of each thing that is done, live and of the past. */
class EventsTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private String begun = "";

    @BeforeEach
    void begin() {
        begun = now();
    }

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    /** This moment as {@code --since} and {@code --until} take it; of a duration the command keeps whole seconds only. */
    static String now() {
        var now = Instant.now();
        return now.getEpochSecond() + "." + String.format("%09d", now.getNano());
    }

    /** The events since the begin of the test that pass these filters. */
    private List<Json> past(Map<String, List<String>> filters) {
        return between(begun, now(), filters);
    }

    private static List<Json> between(String since, String until, Map<String, List<String>> filters) {
        var text = engine.api()
                .get("/events?since=" + since + "&until=" + until + "&filters="
                        + URLEncoder.encode(Json.write(filters), StandardCharsets.UTF_8))
                .expect(200)
                .text();
        var events = new ArrayList<Json>();
        for (var line : text.split("\n")) {
            if (!line.isBlank()) {
                events.add(Json.parse(line));
            }
        }
        return events;
    }

    private List<String> actions(Map<String, List<String>> filters) {
        return past(filters).stream().map(event -> event.text("Action")).toList();
    }

    private static String sleeper(String... flags) {
        return docker("run", "-d", "--network", "none")
                .with(flags)
                .with("busybox", "sleep", "600")
                .ok();
    }

    @Test
    @Tag("peer")
    void each_step_of_a_containers_life_is_told_in_order(@TempDir Path directory) throws java.io.IOException {
        var id = sleeper("--name", "life");
        docker("pause", id).ok();
        docker("unpause", id).ok();
        docker("top", id).ok();
        docker("rename", "life", "lives").ok();
        docker("update", "--memory", "64m", "--memory-swap", "64m", id).ok();
        docker("kill", "--signal", "CONT", id).ok();
        docker("restart", "-t", "0", id).ok();
        docker("stop", "-t", "0", id).ok();
        docker("commit", id, "committed").ok();
        docker("export", "-o", directory.resolve("tar").toString(), id).ok();
        Files.writeString(directory.resolve("file"), "x");
        docker("cp", directory.resolve("file").toString(), id + ":/tmp").ok();
        docker("cp", id + ":/tmp/file", directory.resolve("back").toString()).ok();
        docker("rm", id).ok();
        docker("rmi", "committed").ok();
        assertEquals(
                "create start pause unpause top rename update kill kill kill die stop start restart kill kill die stop commit"
                        + " export extract-to-dir archive-path destroy",
                String.join(" ", actions(Map.of("type", List.of("container")))));
    }

    @Test
    @Tag("peer")
    void an_event_has_every_member_that_clients_read() {
        var id = sleeper("--name", "full", "-l", "tier=front");
        docker("kill", id).ok();
        docker("wait", id).ok();
        Wait.until("die", () -> actions(Map.of("container", List.of(id))).contains("die"));
        for (var event : past(Map.of("container", List.of(id)))) {
            assertEquals("container", event.text("Type"), "" + event);
            assertEquals(id, event.text("Actor", "ID"));
            assertEquals("full", event.text("Actor", "Attributes", "name"));
            assertEquals("busybox", event.text("Actor", "Attributes", "image"));
            assertEquals("front", event.text("Actor", "Attributes", "tier"));
            assertEquals("local", event.text("scope"));
            // as clients older than API 1.22 know it
            assertEquals(id, event.text("id"));
            assertEquals("busybox", event.text("from"));
            assertEquals(event.text("Action"), event.text("status"));
            assertEquals(event.number("time"), event.number("timeNano") / 1_000_000_000);
        }
        var die =
                past(Map.of("container", List.of(id), "event", List.of("die"))).getFirst();
        assertEquals("137", die.text("Actor", "Attributes", "exitCode"));
        var kill =
                past(Map.of("container", List.of(id), "event", List.of("kill"))).getFirst();
        assertEquals("9", kill.text("Actor", "Attributes", "signal"));
    }

    @Test
    @Tag("peer")
    void an_exec_is_told_with_its_id_and_exit_status() {
        var id = sleeper();
        docker("exec", id, "sh", "-c", "exit 3").run().exits(3);
        Wait.until(
                "exec_die", () -> actions(Map.of("event", List.of("exec_die"))).size() == 1);
        var all = past(Map.of("container", List.of(id)));
        assertEquals(
                "create start exec_create: sh -c exit 3 exec_start: sh -c exit 3 exec_die",
                String.join(" ", actions(Map.of("container", List.of(id)))));
        var exec = all.getLast().text("Actor", "Attributes", "execID");
        assertTrue(exec.matches("[0-9a-f]{64}"), exec);
        assertEquals(exec, all.get(2).text("Actor", "Attributes", "execID"));
        assertEquals("3", all.getLast().text("Actor", "Attributes", "exitCode"));
    }

    @Test
    @Tag("peer")
    void images_volumes_and_networks_have_events_of_their_own() {
        var first = new AtomicBoolean(true);
        docker("tag", "busybox", "tagged:one").ok();
        docker("rmi", "tagged:one").ok();
        docker("import", Images.busyboxTar().toString(), "imported").ok();
        docker("rmi", "imported").ok();
        assertEquals(
                List.of("tag", "untag", "untag", "delete"),
                actions(Map.of("type", List.of("image"))).stream()
                        .filter(List.of("tag", "untag", "delete")::contains)
                        // the import's own comes before or behind what it is named with
                        .filter(action -> !action.equals("tag") || first.getAndSet(false))
                        .toList());
        assertTrue(actions(Map.of("type", List.of("image"))).contains("import"));
        docker("volume", "create", "made").ok();
        docker("run", "--rm", "--network", "none", "-v", "made:/x", "busybox", "true")
                .ok();
        docker("volume", "rm", "made").ok();
        Wait.until(
                "the volume's end",
                () -> actions(Map.of("type", List.of("volume"))).contains("destroy"));
        // some tell it at each create that finds it there
        assertEquals(
                List.of("create", "mount", "unmount", "destroy"),
                actions(Map.of("volume", List.of("made"))).stream().distinct().toList());
        docker("network", "create", "net").ok();
        docker("run", "--rm", "--network", "net", "busybox", "true").ok();
        docker("network", "rm", "net").ok();
        assertEquals("create connect disconnect destroy", String.join(" ", actions(Map.of("network", List.of("net")))));
    }

    @Test
    @Tag("peer")
    void filters_narrow_what_is_told() {
        var one = sleeper("--name", "one", "-l", "tier=front");
        var two = sleeper("--name", "two", "-l", "tier=back");
        docker("kill", one, two).ok();
        Wait.until("both ends", () -> actions(Map.of("event", List.of("die"))).size() == 2);
        assertEquals(List.of("die"), actions(Map.of("container", List.of("one"), "event", List.of("die"))));
        assertEquals(4, past(Map.of("label", List.of("tier=front"))).size());
        assertEquals(8, past(Map.of("label", List.of("tier"))).size());
        assertEquals(
                8,
                past(Map.of("image", List.of("busybox"), "type", List.of("container")))
                        .size());
        assertEquals(2, past(Map.of("event", List.of("create"))).size());
        assertEquals(4, past(Map.of("event", List.of("create", "start"))).size());
        assertEquals(4, past(Map.of("container", List.of(two.substring(0, 12)))).size());
        assertEquals(List.of(), past(Map.of("type", List.of("plugin"))));
        assertEquals(List.of(), past(Map.of("label", List.of("tier=none"))));
    }

    @Test
    @Tag("peer")
    void since_and_until_cut_at_the_nanosecond() {
        sleeper("--name", "early");
        Wait.sleep(java.time.Duration.ofMillis(50));
        var middle = now();
        Wait.sleep(java.time.Duration.ofMillis(50));
        sleeper("--name", "late");
        var types = Map.of("type", List.of("container"));
        assertTrue(between(begun, middle, types).stream()
                .allMatch(event -> event.text("Actor", "Attributes", "name").equals("early")));
        assertTrue(between(middle, now(), types).stream()
                .allMatch(event -> event.text("Actor", "Attributes", "name").equals("late")));
        assertEquals(2, between(begun, middle, types).size());
        assertEquals(2, between(middle, now(), types).size());
    }

    @Test
    @Tag("peer")
    void the_past_comes_first_and_then_the_present() {
        sleeper("--name", "before");
        try (var stream =
                engine.api().open("GET", "/events?since=" + begun + "&filters=%7B%22event%22%3A%5B%22start%22%5D%7D")) {
            stream.readTo("\"name\":\"before\"");
            sleeper("--name", "after");
            stream.readTo("\"name\":\"after\"");
        }
    }

    @Test
    @Tag("peer")
    void a_stream_with_an_until_in_the_future_ends_then() {
        var until = Instant.now().plusSeconds(1);
        var result = docker("events", "--until", "" + (until.getEpochSecond() + 1))
                .run()
                .exits(0);
        assertTrue(Instant.now().isAfter(until), result.toString());
        assertTrue(result.took().toSeconds() < 15, result.toString());
    }

    @Test
    @Tag("peer")
    void the_command_formats_them() {
        sleeper("--name", "shown");
        var line = docker("events", "--since", begun, "--until", now(), "-f", "event=create", "-f", "container=shown")
                .ok();
        assertTrue(
                line.matches("\\d{4}-\\d\\d-\\d\\dT\\S+ container create [0-9a-f]{64} \\(image=busybox, name=shown\\)"),
                line);
        assertEquals(
                "container create shown",
                docker(
                                "events",
                                "--since",
                                begun,
                                "--until",
                                now(),
                                "-f",
                                "event=create",
                                "-f",
                                "container=shown",
                                "--format",
                                "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}")
                        .ok());
        var json = Json.parse(docker(
                        "events",
                        "--since",
                        begun,
                        "--until",
                        now(),
                        "-f",
                        "event=create",
                        "-f",
                        "container=shown",
                        "--format",
                        "json")
                .ok());
        assertEquals("create", json.text("Action"));
    }

    @Test
    @Tag("peer")
    void a_kill_by_the_memory_limit_is_told() {
        docker(
                        "run",
                        "--name",
                        "hungry",
                        "--network",
                        "none",
                        "-m",
                        "8m",
                        "--memory-swap",
                        "8m",
                        "busybox",
                        "sh",
                        "-c",
                        "x=x; while :; do x=$x$x; done")
                .run();
        Wait.until("oom", () -> actions(Map.of("event", List.of("oom"))).size() >= 1);
        assertTrue(engine.inspect("hungry").flag("State", "OOMKilled"));
    }

    @Test
    @Tag("peer")
    void prunes_are_told() {
        docker("container", "prune", "-f").ok();
        docker("volume", "prune", "-f").ok();
        docker("network", "prune", "-f").ok();
        var types = past(Map.of("event", List.of("prune"))).stream()
                .map(event -> event.text("Type"))
                .toList();
        assertEquals(List.of("container", "volume", "network"), types);
    }

    @Test
    @Tag("peer")
    void times_that_are_none_are_refused() {
        for (var query : List.of("until=1&since=yesterday", "until=never", "until=1&filters=%7B")) {
            var answer = engine.api().get("/events?" + query);
            assertTrue(answer.status() >= 400, query + ": " + answer.text());
        }
    }

    @Test
    void the_past_survives_a_crash_of_the_engine() {
        if (engine instanceof KistEngine kist) {
            var id = sleeper("--name", "witness");
            kist.kill();
            kist.start();
            assertEquals(List.of("create", "start"), actions(Map.of("container", List.of(id))));
            docker("kill", id).ok();
            Wait.until("die", () -> actions(Map.of("container", List.of(id))).contains("die"));
            assertFalse(actions(Map.of("container", List.of("witness"))).isEmpty());
        }
    }
}
