package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Limits that change while the container runs, and while it does not. */
@Tag("peer")
class UpdateTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String sleeper(String... flags) {
        return docker("run", "-d", "--network", "none")
                .with(flags)
                .with("busybox", "sleep", "600")
                .ok();
    }

    /** A file of the container's control group, under its name in version 1 or in version 2. */
    private static String limit(String id, String controller, String v1, String v2) {
        var groups = Processes.read(engine.pid(id), "cgroup");
        try {
            for (var line : groups.split("\n")) {
                var parts = line.split(":", 3);
                if (List.of(parts[1].split(",")).contains(controller)) {
                    return Files.readString(Path.of("/sys/fs/cgroup/" + controller + parts[2], v1))
                            .strip();
                }
            }
            return Files.readString(Path.of("/sys/fs/cgroup" + groups.strip().split(":", 3)[2], v2))
                    .strip();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static boolean v1() {
        return Files.isDirectory(Path.of("/sys/fs/cgroup/memory"));
    }

    @Test
    void memory_grows_and_shrinks_under_a_running_container() {
        var id = sleeper("-m", "64m", "--memory-swap", "64m");
        docker("update", "-m", "128m", "--memory-swap", "128m", id).ok();
        assertEquals("" + (128 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
        docker("update", "-m", "32m", "--memory-swap", "32m", id).ok();
        assertEquals("" + (32 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
        assertEquals(32 << 20, engine.inspect(id).number("HostConfig", "Memory"));
        assertEquals(32 << 20, engine.inspect(id).number("HostConfig", "MemorySwap"));
        docker("update", "--memory-reservation", "16m", id).ok();
        assertEquals("" + (16 << 20), limit(id, "memory", "memory.soft_limit_in_bytes", "memory.low"));
        assertTrue(engine.inspect(id).flag("State", "Running"));
    }

    @Test
    void processors_shares_sets_and_processes_change() {
        var id = sleeper();
        docker("update", "--cpus", "0.5", id).ok();
        assertEquals(500_000_000, engine.inspect(id).number("HostConfig", "NanoCpus"));
        if (v1()) {
            assertEquals("50000", limit(id, "cpu", "cpu.cfs_quota_us", ""));
        } else {
            assertEquals("50000 100000", limit(id, "cpu", "", "cpu.max"));
        }
        docker("update", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "77", id)
                .ok();
        assertEquals("0", limit(id, "cpuset", "cpuset.cpus", "cpuset.cpus"));
        assertEquals("77", limit(id, "pids", "pids.max", "pids.max"));
        if (v1()) {
            assertEquals("512", limit(id, "cpu", "cpu.shares", ""));
        }
        assertEquals(512, engine.inspect(id).number("HostConfig", "CpuShares"));
        assertEquals("0", engine.inspect(id).text("HostConfig", "CpusetCpus"));
        assertEquals(77, engine.inspect(id).number("HostConfig", "PidsLimit"));
    }

    @Test
    void a_quota_and_a_period_change_together() {
        var id = sleeper("--cpu-period", "50000", "--cpu-quota", "20000");
        docker("update", "--cpu-quota", "30000", id).ok();
        assertEquals(30000, engine.inspect(id).number("HostConfig", "CpuQuota"));
        assertEquals(50000, engine.inspect(id).number("HostConfig", "CpuPeriod"));
        if (v1()) {
            assertEquals("30000", limit(id, "cpu", "cpu.cfs_quota_us", ""));
        }
        docker("update", "--cpus", "1", id).run().exits(1).says("CPU");
    }

    @Test
    void what_is_not_named_stays() {
        var id = sleeper("-m", "64m", "--memory-swap", "128m", "--pids-limit", "50", "--cpu-shares", "300");
        docker("update", "--cpu-shares", "400", id).ok();
        var host = engine.inspect(id).at("HostConfig");
        assertEquals(64 << 20, host.number("Memory"));
        assertEquals(128 << 20, host.number("MemorySwap"));
        assertEquals(50, host.number("PidsLimit"));
        assertEquals(400, host.number("CpuShares"));
        assertEquals("" + (64 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
    }

    @Test
    void a_stopped_container_has_the_new_limits_at_its_next_start() {
        var id = docker("create", "-m", "64m", "--memory-swap", "64m", "--network", "none", "busybox", "sleep", "600")
                .ok();
        docker("update", "-m", "96m", "--memory-swap", "96m", "--restart", "on-failure:4", id)
                .ok();
        docker("start", id).ok();
        assertEquals("" + (96 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
        assertEquals("on-failure", engine.inspect(id).text("HostConfig", "RestartPolicy", "Name"));
        assertEquals(4, engine.inspect(id).number("HostConfig", "RestartPolicy", "MaximumRetryCount"));
    }

    @Test
    void limits_outlive_a_restart() {
        var id = sleeper("-m", "64m", "--memory-swap", "64m");
        docker("update", "-m", "80m", "--memory-swap", "80m", id).ok();
        docker("restart", "-t", "0", id).ok();
        assertEquals("" + (80 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
    }

    @Test
    void what_cannot_be_is_refused_and_changes_nothing() {
        var id = sleeper("-m", "64m", "--memory-swap", "64m");
        docker("update", "-m", "1m", id).run().exits(1).says("Minimum memory limit");
        docker("update", "-m", "128m", id)
                .run()
                .exits(1)
                .says("Memory limit should be smaller than already set memoryswap limit");
        docker("update", "--cpus", "1000", id).run().exits(1).says("CPUs");
        docker("update", "--cpuset-cpus", "999", id).run().exits(1).says("999");
        docker("update", "--restart", "sometimes", id).run().exits(1).says("sometimes");
        docker("update", "-m", "64m", "missing").run().exits(1).says("missing");
        assertEquals(64 << 20, engine.inspect(id).number("HostConfig", "Memory"));
        assertEquals("" + (64 << 20), limit(id, "memory", "memory.limit_in_bytes", "memory.max"));
        for (var body : List.of("{\"Memory\":\"much\"}", "{")) {
            // dockerd 20.10 takes it for a fault of its own
            assertEquals(
                    engine.isKist() ? 400 : 500,
                    engine.api().post("/containers/" + id + "/update", body).status(),
                    body);
        }
    }

    @Test
    void a_container_that_is_told_to_remove_itself_takes_no_policy() {
        var id = sleeper("--rm");
        docker("update", "--restart", "always", id)
                .run()
                .exits(1)
                .says("Restart policy cannot be updated because AutoRemove is enabled");
    }

    @Test
    void the_answer_has_warnings() {
        var id = sleeper();
        var answer = engine.api()
                .post("/containers/" + id + "/update", "{\"PidsLimit\":33}")
                .expect(200)
                .json();
        assertTrue(answer.keys().contains("Warnings"), "" + answer);
        assertEquals("33", limit(id, "pids", "pids.max", "pids.max"));
        // -1 and 0 take the limit away
        engine.api().post("/containers/" + id + "/update", "{\"PidsLimit\":-1}").expect(200);
        assertEquals("max", limit(id, "pids", "pids.max", "pids.max"));
    }
}
