package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code logs} with all its flags, and the log drivers with their bounds. */
class LogsTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    /** A container that ran this script to its end; answers its id. */
    private static String ran(String script, String... flags) {
        var id = docker("run", "-d", "--network", "none")
                .with(flags)
                .with("busybox", "sh", "-c", script)
                .ok();
        docker("wait", id).ok();
        return id;
    }

    private static List<String> logs(String id, String... flags) {
        return docker("logs").with(flags).with(id).run().lines();
    }

    private static String refused(String... flags) {
        var result = docker("create", "--network", "none")
                .with(flags)
                .with("busybox")
                .run();
        assertEquals(1, result.exit(), result.toString());
        assertEquals(List.of(), engine.containers());
        return result.err();
    }

    /** Bytes of the files that bear a container's id: its log and what the engine knows of it. */
    private static long bytes(String id) {
        long sum = 0;
        for (var root : List.of("root/containers", "data/containers")) {
            var directory = engine.home().resolve(root).resolve(id);
            if (Files.isDirectory(directory)) {
                try (var files = Files.walk(directory)) {
                    for (var file : files.filter(Files::isRegularFile).toList()) {
                        sum += size(file);
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        assertTrue(sum > 0, "where is the log of " + id + "?");
        return sum;
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            // the oldest goes as it is looked at
            return 0;
        }
    }

    @Test
    @Tag("peer")
    void since_and_until_choose_by_the_time_of_the_line() {
        var id = ran("echo one; sleep 0.2; echo two; sleep 0.2; echo three");
        var times = logs(id, "-t").stream().map(line -> line.split(" ")[0]).toList();
        assertEquals(3, times.size());
        assertEquals(List.of("two", "three"), logs(id, "--since", times.get(1)));
        assertEquals(List.of("one", "two"), logs(id, "--until", times.get(1)));
        assertEquals(List.of("two"), logs(id, "--since", times.get(1), "--until", times.get(1)));
        assertEquals(List.of("three"), logs(id, "--since", times.get(1), "--tail", "1"));
        assertEquals(List.of(), logs(id, "--since", "2100-01-01T00:00:00Z"));
        assertEquals(List.of(), logs(id, "--until", "2000-01-01T00:00:00Z"));
        // a duration counts back from now
        assertEquals(3, logs(id, "--since", "10m").size());
        assertEquals(List.of(), logs(id, "--until", "10m"));
        // seconds with a fraction over the API
        var at = java.time.Instant.parse(times.get(2));
        var since = at.getEpochSecond() + "." + String.format("%09d", at.getNano());
        var answer = engine.api()
                .get("/containers/" + id + "/logs?stdout=1&since=" + since)
                .expect(200);
        assertTrue(answer.text().endsWith("three\n") && !answer.text().contains("two"), answer.text());
    }

    @Test
    @Tag("peer")
    void since_takes_whole_seconds_and_dates_without_a_zone() {
        var id = ran("echo now");
        long now = System.currentTimeMillis() / 1000;
        assertEquals(List.of("now"), logs(id, "--since", "" + (now - 100)));
        assertEquals(List.of(), logs(id, "--since", "" + (now + 100)));
        assertEquals(List.of("now"), logs(id, "--since", "2020-01-01"));
        assertEquals(List.of("now"), logs(id, "--since", "2020-01-01T10:00"));
        docker("logs", "--since", "yesterday", id).run().exits(1).says("yesterday");
        var answer = engine.api().get("/containers/" + id + "/logs?stdout=1&since=yesterday");
        // dockerd 20.10 takes it for a fault of its own
        assertEquals(engine.isKist() ? 400 : 500, answer.status(), answer.text());
        assertTrue(answer.message().contains("yesterday"), answer.text());
    }

    @Test
    @Tag("peer")
    void tail_counts_the_lines_of_the_streams_asked_for() {
        var id = ran("for i in 1 2 3 4 5; do echo out$i; done");
        assertEquals(List.of("out4", "out5"), logs(id, "--tail", "2"));
        assertEquals(5, logs(id, "--tail", "all").size());
        assertEquals(5, logs(id, "--tail", "1000000").size());
        assertEquals(List.of(), logs(id, "--tail", "0"));
    }

    @Test
    @Tag("peer")
    void timestamps_come_in_order_in_utc_with_nanoseconds() {
        var id = ran("for i in 1 2 3; do echo line $i; sleep 0.02; done");
        var lines = logs(id, "--timestamps");
        var sorted = new ArrayList<>(lines);
        sorted.sort(null);
        assertEquals(sorted, lines);
        for (var line : lines) {
            assertTrue(line.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z line \\d"), line);
        }
    }

    @Test
    @Tag("peer")
    void details_tell_the_labels_and_variables_that_were_asked_for() {
        var id = ran(
                "echo line",
                "-l",
                "tier=front",
                "-l",
                "other=x",
                "-e",
                "COLOR=green",
                "--log-opt",
                "labels=tier",
                "--log-opt",
                "env=COLOR");
        assertEquals(List.of("COLOR=green,tier=front line"), logs(id, "--details"));
        assertEquals(List.of("line"), logs(id));
    }

    @Test
    @Tag("peer")
    void the_streams_come_apart_and_alone() {
        var id = ran("echo out; echo err >&2");
        assertEquals(
                "err\n",
                engine.api().get(path(id, "stderr=1")).expect(200).text().substring(8));
        var both = engine.api().get(path(id, "stdout=1&stderr=1")).expect(200).body();
        assertEquals(8 + 4 + 8 + 4, both.length);
        var neither = engine.api().get(path(id, "follow=0")).expect(400);
        assertTrue(neither.message().contains("you must choose at least one stream"), neither.text());
    }

    private static String path(String id, String query) {
        return "/containers/" + id + "/logs?" + query;
    }

    @Test
    @Tag("peer")
    void a_log_of_a_terminal_comes_without_frames() {
        var id = ran("echo plain", "-t");
        assertEquals(
                "plain\r\n",
                engine.api().get(path(id, "stdout=1&stderr=1")).expect(200).text());
    }

    @Test
    @Tag("peer")
    void a_container_that_never_ran_has_an_empty_log() {
        var id = docker("create", "--network", "none", "busybox").ok();
        assertEquals(List.of(), logs(id));
        docker("logs", "missing").run().exits(1).says("No such container: missing");
    }

    @Test
    @Tag("peer")
    void a_follower_sees_the_last_line_and_then_the_end() {
        var id = docker("run", "-d", "--network", "none", "busybox", "sh", "-c", "echo old; sleep 1; echo last")
                .ok();
        try (var all = docker("logs", "-f", id).start();
                var none = docker("logs", "-f", "--tail", "0", id).start()) {
            assertEquals("old\nlast", all.await().ok());
            assertTrue(none.await().ok().endsWith("last"));
        }
        // and at once where it has ended already
        assertEquals("old\nlast", docker("logs", "-f", id).ok());
    }

    @Test
    @Tag("peer")
    void a_follower_with_an_until_ends_at_that_time() {
        var id = docker(
                        "run",
                        "-d",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "while :; do echo tick; sleep 0.05; done")
                .ok();
        var until = java.time.Instant.now().plusMillis(700).toString();
        var result = docker("logs", "-f", "--until", until, id).run();
        assertTrue(result.ok().startsWith("tick"), result.toString());
        assertTrue(engine.inspect(id).flag("State", "Running"));
    }

    @Test
    @Tag("peer")
    void a_hundred_thousand_lines_come_whole_and_in_order() {
        var id = ran("seq 1 100000");
        var lines = logs(id);
        assertEquals(100_000, lines.size());
        for (int i = 0; i < lines.size(); i++) {
            assertEquals("" + (i + 1), lines.get(i));
        }
        assertEquals(List.of("99999", "100000"), logs(id, "--tail", "2"));
    }

    @Test
    @Tag("peer")
    void a_log_with_a_bound_keeps_the_newest_lines_within_it() {
        var id = ran("seq 1 100000", "--log-opt", "max-size=50k", "--log-opt", "max-file=3");
        var lines = logs(id);
        assertEquals("100000", lines.getLast());
        int first = Integer.parseInt(lines.getFirst());
        assertTrue(first > 1 && first < 100000, "begins with " + first);
        for (int i = 0; i < lines.size(); i++) {
            assertEquals("" + (first + i), lines.get(i));
        }
        assertTrue(bytes(id) < 200_000, bytes(id) + " bytes");
        assertEquals(List.of("99999", "100000"), logs(id, "--tail", "2"));
    }

    @Test
    void a_follower_loses_no_line_when_the_log_is_rotated_beneath_it() {
        var id = docker("run", "-d", "--network", "none", "--log-opt", "max-size=20k", "--log-opt", "max-file=2")
                .with("busybox", "sh", "-c", "echo 0; while [ ! -e /go ]; do sleep 0.05; done; seq 1 30000")
                .ok();
        try (var follower = docker("logs", "-f", id).start()) {
            follower.awaitOut("0");
            docker("exec", id, "touch", "/go").ok();
            var lines = follower.await().lines();
            for (int i = 0; i < lines.size(); i++) {
                assertEquals("" + i, lines.get(i));
            }
            assertEquals(30_001, lines.size());
        }
        assertTrue(bytes(id) < 120_000, bytes(id) + " bytes");
    }

    @Test
    void a_log_nobody_bounded_is_bounded_all_the_same() {
        var id = ran("yes 'a line of which there are far too many' | head -n 5000000; echo the last");
        assertTrue(bytes(id) < 130L << 20, bytes(id) + " bytes");
        assertEquals(List.of("the last"), logs(id, "--tail", "1"));
    }

    @Test
    @Tag("peer")
    void compressed_segments_are_read_as_well() {
        var id = ran(
                "seq 1 30000", "--log-opt", "max-size=50k", "--log-opt", "max-file=4", "--log-opt", "compress=true");
        var lines = logs(id);
        int first = Integer.parseInt(lines.getFirst());
        assertEquals("30000", lines.getLast());
        assertEquals(30_000 - first + 1, lines.size());
        assertTrue(lines.size() > 700, lines.size() + " lines");
    }

    @Test
    @Tag("peer")
    void the_driver_local_is_read_like_the_default() {
        var id = ran("seq 1 1000; sleep 0.3; echo err >&2", "--log-driver", "local", "--log-opt", "max-size=1m");
        assertEquals(1000, logs(id).size());
        assertEquals(List.of("1000"), docker("logs", "--tail", "2", id).run().lines());
        assertEquals("local", engine.inspect(id).text("HostConfig", "LogConfig", "Type"));
        assertEquals("1m", engine.inspect(id).text("HostConfig", "LogConfig", "Config", "max-size"));
    }

    @Test
    @Tag("peer")
    void the_driver_none_keeps_nothing_and_shows_it_live() {
        var result = docker(
                        "run",
                        "--name",
                        "quiet",
                        "--log-driver",
                        "none",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "echo live; echo err >&2; exit 4")
                .run()
                .exits(4);
        assertEquals("live", result.out());
        assertEquals("err\n", result.err());
        docker("logs", "quiet").run().exits(1).says("does not support reading");
        docker("start", "-a", "quiet").run().exits(4).tells("live");
    }

    @Test
    @Tag("peer")
    void the_default_driver_is_told_by_inspect_and_info() {
        var id = ran("true");
        assertEquals("json-file", engine.inspect(id).text("HostConfig", "LogConfig", "Type"));
        assertEquals(
                "json-file", docker("info", "--format", "{{.LoggingDriver}}").ok());
    }

    @Test
    @Tag("peer")
    void an_unknown_driver_or_option_is_refused_by_name() {
        // on the peer it ends in the search for a plugin
        var driver = refused("--log-driver", "nonesuch");
        assertTrue(driver.contains("nonesuch"), driver);
        var option = refused("--log-opt", "nonesuch=1");
        assertTrue(option.contains("unknown log opt 'nonesuch' for json-file log driver"), option);
        var local = refused("--log-driver", "local", "--log-opt", "tags=1");
        assertTrue(local.contains("unknown log opt 'tags'"), local);
        var mode = refused("--log-opt", "mode=sometimes");
        assertTrue(mode.contains("sometimes"), mode);
        var buffer = refused("--log-opt", "max-buffer-size=1m");
        assertTrue(buffer.contains("max-buffer-size"), buffer);
        var nonsense = refused("--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=much");
        assertTrue(nonsense.contains("much"), nonsense);
    }

    @Test
    void a_value_that_is_none_is_refused_before_there_is_a_container() {
        for (var option : List.of("max-size=much", "max-file=0", "max-file=x", "compress=perhaps")) {
            var said = refused("--log-opt", option);
            assertTrue(said.contains(option.substring(0, option.indexOf('='))), option + ": " + said);
        }
    }

    @Test
    @Tag("peer")
    void a_log_that_does_not_block_is_whole_where_there_is_room() {
        var id = ran("seq 1 1000", "--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=4m");
        assertEquals(1000, logs(id).size());
    }

    @Test
    @Tag("peer")
    void a_log_goes_on_when_the_container_starts_again() {
        var id = ran("echo run");
        docker("start", id).ok();
        docker("wait", id).ok();
        assertEquals(List.of("run", "run"), logs(id));
    }

    @Test
    @Tag("peer")
    void many_followers_read_the_same() {
        var id = docker("run", "-d", "--network", "none", "busybox", "sh", "-c", "sleep 0.5; seq 1 5000")
                .ok();
        var running = new ArrayList<Command.Running>();
        try {
            for (int i = 0; i < 5; i++) {
                running.add(docker("logs", "-f", id).start());
            }
            for (var follower : running) {
                assertEquals(
                        5000, follower.await(Duration.ofSeconds(30)).lines().size());
            }
        } finally {
            running.forEach(Command.Running::close);
        }
        assertFalse(engine.inspect(id).flag("State", "Running"));
    }
}
