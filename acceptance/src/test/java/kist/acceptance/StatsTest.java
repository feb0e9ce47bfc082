package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What {@code stats} and {@code top} say of running containers. */
@Tag("peer")
class StatsTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String run(String... arguments) {
        return docker("run", "-d").with(arguments).ok();
    }

    private static Json stats(String id, String query) {
        return engine.api()
                .get("/containers/" + id + "/stats?" + query)
                .expect(200)
                .json();
    }

    @Test
    void one_answer_has_two_samples_and_every_group() {
        var id = run("--name", "measured", "-m", "64m", "busybox", "sh", "-c", "while :; do :; done");
        var stats = stats(id, "stream=0");
        assertEquals(id, stats.text("id"));
        assertEquals("/measured", stats.text("name"));
        assertTrue(Instant.parse(stats.text("read")).isAfter(Instant.parse(stats.text("preread"))), "" + stats);
        long used = stats.number("cpu_stats", "cpu_usage", "total_usage");
        long before = stats.number("precpu_stats", "cpu_usage", "total_usage");
        assertTrue(before > 0 && used > before, "" + stats);
        assertTrue(stats.number("cpu_stats", "system_cpu_usage") > stats.number("precpu_stats", "system_cpu_usage"));
        assertTrue(stats.number("cpu_stats", "online_cpus") > 0);
        assertTrue(stats.at("cpu_stats", "throttling_data").present());
        assertTrue(stats.number("memory_stats", "usage") > 0);
        assertEquals(64 << 20, stats.number("memory_stats", "limit"));
        assertTrue(stats.keys("memory_stats", "stats").contains("inactive_file")
                || stats.keys("memory_stats", "stats").contains("total_inactive_file"));
        assertEquals(1, stats.number("pids_stats", "current"));
        assertTrue(stats.at("blkio_stats").present());
        assertEquals(Set.of("eth0"), stats.keys("networks"));
        assertEquals(
                Set.of(
                        "rx_bytes",
                        "rx_dropped",
                        "rx_errors",
                        "rx_packets",
                        "tx_bytes",
                        "tx_dropped",
                        "tx_errors",
                        "tx_packets"),
                stats.keys("networks", "eth0"));
    }

    @Test
    void one_shot_takes_one_sample_and_does_not_wait() {
        var id = run("--network", "none", "busybox", "sleep", "600");
        var begun = System.nanoTime();
        var stats = stats(id, "stream=0&one-shot=1");
        assertTrue(System.nanoTime() - begun < 900_000_000L, "it waited for a second sample");
        assertTrue(stats.number("memory_stats", "usage") > 0, "" + stats);
        assertEquals(0, stats.number("precpu_stats", "cpu_usage", "total_usage"));
        engine.api().get("/containers/" + id + "/stats?stream=1&one-shot=1").expect(400);
    }

    @Test
    void a_stream_goes_on_each_second_until_the_client_leaves() {
        var id = run("--network", "none", "busybox", "sleep", "600");
        try (var stream = engine.api().open("GET", "/containers/" + id + "/stats")) {
            for (int i = 0; i < 3; i++) {
                stream.readTo("\"read\":");
            }
        }
    }

    @Test
    void a_stream_outlives_a_restart_of_the_container() {
        var id = run("--network", "none", "busybox", "sleep", "600");
        try (var stream = engine.api().open("GET", "/containers/" + id + "/stats")) {
            stream.readTo("\"read\":");
            docker("restart", "-t", "0", id).ok();
            for (int i = 0; i < 2; i++) {
                stream.readTo("\"pids_stats\":{\"current\":1");
            }
        }
    }

    @Test
    void a_container_that_does_not_run_has_empty_ones() {
        docker("create", "--name", "still", "busybox").ok();
        var stats = stats("still", "stream=0");
        assertEquals(0, stats.number("memory_stats", "usage"));
        assertEquals(0, stats.number("cpu_stats", "cpu_usage", "total_usage"));
        engine.api().get("/containers/missing/stats?stream=0").expect(404);
    }

    @Test
    void the_command_prints_the_table_and_the_fields_asked_for() {
        var id = run("--name", "shown", "-m", "64m", "--network", "none", "busybox", "sleep", "600");
        var lines = docker("stats", "--no-stream").run().lines();
        assertTrue(
                lines.getFirst()
                        .matches("CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS"),
                lines.getFirst());
        assertTrue(
                lines.get(1)
                        .matches(id.substring(0, 12)
                                + " +shown +[0-9.]+% +[0-9.]+(B|KiB|MiB) / 64MiB +[0-9.]+% +0B / 0B +\\S+ / \\S+ +1"),
                lines.get(1));
        assertEquals(
                "shown 1",
                docker("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "shown")
                        .ok());
        docker("stats", "--no-stream", "missing").run().exits(1).says("missing");
    }

    @Test
    void the_memory_told_is_what_the_container_holds() {
        var id = run(
                "--network",
                "none",
                "--tmpfs",
                "/t",
                "-m",
                "128m",
                "busybox",
                "sh",
                "-c",
                "head -c 40000000 /dev/zero >/t/f; sleep 600");
        Wait.until("40 MB", () -> stats(id, "stream=0&one-shot=1").number("memory_stats", "usage") > 40_000_000);
        assertTrue(stats(id, "stream=0&one-shot=1").number("memory_stats", "usage") < 80_000_000);
    }

    @Test
    void the_network_told_is_what_went_over_it() {
        var id = run("busybox", "sleep", "600");
        long before = stats(id, "stream=0&one-shot=1").number("networks", "eth0", "tx_bytes");
        var gateway = engine.inspect(id).text("NetworkSettings", "Gateway");
        docker("exec", id, "ping", "-c", "1", "-s", "20000", "-W", "2", gateway).run();
        Wait.until(
                "20 kB",
                () -> stats(id, "stream=0&one-shot=1").number("networks", "eth0", "tx_bytes") >= before + 20_000);
    }

    @Test
    void top_has_the_columns_of_ps() {
        run("--name", "top", "--network", "none", "-u", "tester", "busybox", "sleep", "600");
        var plain = engine.api().get("/containers/top/top").expect(200).json();
        assertEquals(
                "[UID, PID, PPID, C, STIME, TTY, TIME, CMD]",
                plain.texts("Titles").toString());
        assertEquals(1, plain.list("Processes").size());
        var row = plain.list("Processes").getFirst().list().stream()
                .map(Json::toString)
                .toList();
        assertEquals("" + engine.pid("top"), row.get(1));
        assertEquals("sleep 600", row.get(7));
        var chosen = engine.api()
                .get("/containers/top/top?ps_args=-o+pid,user,comm")
                .expect(200)
                .json();
        assertEquals("[PID, USER, COMMAND]", chosen.texts("Titles").toString());
        var aux =
                engine.api().get("/containers/top/top?ps_args=aux").expect(200).json();
        assertTrue(aux.texts("Titles").contains("%CPU"), "" + aux);
        docker("top", "missing").run().exits(1).says("missing");
        docker("kill", "top").ok();
        docker("wait", "top").ok();
        docker("top", "top").run().exits(1).says("not running");
    }
}
