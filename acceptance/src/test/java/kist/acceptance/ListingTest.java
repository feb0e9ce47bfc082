package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code ps}, {@code logs}, {@code inspect}, {@code events}, {@code info}, {@code version}. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class ListingTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private String run(String... arguments) {
        return command("run", "-d", "--network", "none").with(arguments).ok();
    }

    @Test
    void ps_has_dockers_columns() {
        var id = run("--name", "listed", "busybox", "sleep", "600");
        var lines = command("ps").run().lines();
        assertTrue(
                lines.getFirst().matches("CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES"),
                lines.getFirst());
        assertEquals(2, lines.size());
        assertTrue(
                lines.get(1)
                        .matches(
                                id.substring(0, 12)
                                        + " +busybox +\"sleep 600\" +(Less than a second|\\d+ seconds?) ago +Up (Less than a second|\\d+ seconds?) +listed"),
                lines.get(1));
    }

    @Test
    void ps_shows_the_stopped_ones_with_a() {
        run("--name", "ended", "busybox", "sh", "-c", "exit 2");
        command("wait", "ended").ok();
        command("create", "--name", "made", "--network", "none", "busybox", "true")
                .ok();
        assertEquals(1, command("ps").run().lines().size());
        var all = command("ps", "-a").ok();
        assertTrue(all.contains("Exited (2)"), all);
        assertTrue(all.contains("Created"), all);
    }

    @Test
    void ps_q_prints_ids_newest_first() {
        var first = run("busybox", "sleep", "600");
        var second = run("busybox", "sleep", "600");
        assertEquals(
                second.substring(0, 12) + "\n" + first.substring(0, 12),
                command("ps", "-q").ok());
        assertEquals(second + "\n" + first, command("ps", "-q", "--no-trunc").ok());
        assertEquals(second.substring(0, 12), command("ps", "-lq").ok());
    }

    @Test
    void ps_takes_filters_and_formats() {
        run("--name", "alpha", "-l", "kind=a", "busybox", "sleep", "600");
        run("--name", "beta", "-l", "kind=b", "busybox", "sleep", "600");
        assertEquals(
                "alpha",
                command("ps", "--filter", "name=alpha", "--format", "{{.Names}}")
                        .ok());
        assertEquals(
                "beta",
                command("ps", "-f", "label=kind=b", "--format", "{{.Names}}").ok());
        assertEquals("", command("ps", "--filter", "status=exited", "-q").ok());
        assertEquals(
                "beta running",
                command("ps", "-f", "name=beta", "--format", "{{.Names}} {{.State}}")
                        .ok());
        assertEquals(
                2,
                command("ps", "--filter", "ancestor=busybox", "-q")
                        .run()
                        .lines()
                        .size());
    }

    @Test
    void logs_are_what_was_written() {
        var id = run("busybox", "sh", "-c", "echo one; echo two >&2; printf three");
        command("wait", id).ok();
        var result = command("logs", id).run();
        assertEquals("one\nthree", result.ok());
        assertEquals("two\n", result.err());
        assertEquals("three", command("logs", "--tail", "1", id).ok());
        assertEquals("", command("logs", "-n", "0", id).ok());
        assertEquals("", command("logs", "--until", "2020-01-01T00:00:00", id).ok());
        assertEquals("one\nthree", command("logs", "--since", "1h", id).ok());
        var stamped = command("logs", "-t", id).run().lines().getFirst();
        assertTrue(stamped.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z one"), stamped);
    }

    @Test
    void logs_f_follows_until_the_container_ends() {
        var id = run("busybox", "sh", "-c", "echo first; sleep 0.5; echo second; sleep 0.2; echo third");
        try (var running = command("logs", "-f", id).start()) {
            running.awaitOut("first");
            assertFalse(running.out().contains("third"), running.out());
            assertEquals("first\nsecond\nthird", running.await().ok());
        }
    }

    @Test
    void logs_keep_every_byte() {
        // a line longer than any buffer, one without an end, and bytes that are no text
        var script = "head -c 300000 /dev/zero | tr '\\0' x; echo; printf '\\377\\376\\000\\001'; echo end";
        var id = run("busybox", "sh", "-c", script);
        command("wait", id).ok();
        var bytes = command("logs", id).run().exits(0).stdout();
        if (engine.isKist()) {
            assertEquals(300_000 + 1 + 4 + 4, bytes.length);
            assertEquals((byte) 0xff, bytes[300_001]);
            assertEquals((byte) 0, bytes[300_003]);
        } else {
            // dockerd's JSON files turn what is no UTF-8 into replacement characters of three bytes
            assertEquals(300_000 + 1 + 4 + 4 + 2 * 2, bytes.length);
        }
    }

    @Test
    void inspect_tells_what_was_asked_for() {
        var id = run(
                "--name",
                "seen",
                "-e",
                "A=1",
                "-w",
                "/etc",
                "-u",
                "7",
                "--hostname",
                "box",
                "-m",
                "64m",
                "--cpus",
                "0.5",
                "--pids-limit",
                "50",
                "--cap-drop",
                "KILL",
                "busybox",
                "sleep",
                "600");
        var all = Json.parse(command("inspect", "seen").ok()).list();
        assertEquals(1, all.size());
        var seen = all.getFirst();
        assertEquals(id, seen.text("Id"));
        assertEquals("/seen", seen.text("Name"));
        assertEquals("sleep", seen.text("Path"));
        assertEquals(List.of("600"), seen.texts("Args"));
        assertTrue(seen.texts("Config", "Env").contains("A=1"));
        assertEquals("/etc", seen.text("Config", "WorkingDir"));
        assertEquals("7", seen.text("Config", "User"));
        assertEquals("box", seen.text("Config", "Hostname"));
        assertEquals("busybox", seen.text("Config", "Image"));
        assertEquals(64 << 20, seen.number("HostConfig", "Memory"));
        assertEquals(500_000_000, seen.number("HostConfig", "NanoCpus"));
        assertEquals(50, seen.number("HostConfig", "PidsLimit"));
        assertEquals("none", seen.text("HostConfig", "NetworkMode"));
        assertTrue(seen.texts("HostConfig", "CapDrop").toString().contains("KILL"));
        assertTrue(seen.text("Image").startsWith("sha256:"));
        assertTrue(seen.text("State", "StartedAt").endsWith("Z"));
        assertEquals(
                "true", command("inspect", "-f", "{{.State.Running}}", "seen").ok());
        assertEquals(
                "[\"sleep\",\"600\"]",
                command("inspect", "-f", "{{json .Config.Cmd}}", "seen").ok());
    }

    @Test
    void inspect_of_an_image_tells_its_configuration() {
        var image = Json.parse(command("inspect", "--type", "image", "busybox").ok())
                .list()
                .getFirst();
        assertEquals(List.of("busybox:latest"), image.texts("RepoTags"));
        assertEquals(List.of("sh"), image.texts("Config", "Cmd"));
        assertEquals("linux", image.text("Os"));
        assertTrue(image.number("Size") > 1_000_000);
    }

    @Test
    void events_tell_the_life_of_a_container() {
        try (var events = command("events", "--filter", "type=container").start()) {
            // the stream must be open before the container is
            Wait.sleep(Duration.ofMillis(1500));
            var id = command("run", "-d", "--rm", "--network", "none", "busybox", "true")
                    .ok();
            for (var event : List.of("create", "start", "die", "destroy")) {
                events.awaitOut("container " + event + " " + id);
            }
            assertTrue(events.out().contains("exitCode=0"), events.out());
        }
    }

    @Test
    void version_and_info_answer() {
        var version = command("version").ok();
        assertTrue(version.contains("Server"), version);
        var info = command("info", "--format", "{{json .}}").ok();
        var json = Json.parse(info);
        assertTrue(json.number("NCPU") > 0, info);
        assertTrue(json.number("MemTotal") > 0, info);
        assertEquals("linux", json.text("OSType"));
        command("info").ok();
    }

    @Test
    void counts_of_info_follow_the_containers() {
        run("--name", "up", "busybox", "sleep", "600");
        run("--name", "down", "busybox", "true");
        command("wait", "down").ok();
        command("pause", "up").ok();
        var info = Json.parse(command("info", "--format", "{{json .}}").ok());
        assertEquals(2, info.number("Containers"));
        assertEquals(1, info.number("ContainersPaused"));
        assertEquals(1, info.number("ContainersStopped"));
    }
}
