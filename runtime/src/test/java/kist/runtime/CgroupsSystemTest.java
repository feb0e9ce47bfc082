package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Limits that limit, on whichever version of control groups the machine has. */
final class CgroupsSystemTest {
    @TempDir
    static Path dir;

    static Sandbox box;

    @BeforeAll
    static void launch() throws Exception {
        box = new Sandbox(dir);
    }

    @AfterAll
    static void end() throws Exception {
        box.close();
    }

    private static Resources memory(long limit) {
        OptionalLong n = OptionalLong.of(limit);
        return new Resources(
                List.of(),
                Optional.of(Resources.Memory.of(n, n, OptionalLong.empty())),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of());
    }

    private static Resources cpu(long quota, long period) {
        return new Resources(
                List.of(),
                Optional.empty(),
                Optional.of(Resources.Cpu.of(
                        OptionalLong.empty(), OptionalLong.of(quota), OptionalLong.of(period), "", "")),
                Optional.empty(),
                Optional.empty(),
                Map.of());
    }

    private static Resources pids(long limit) {
        return new Resources(
                List.of(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(new Resources.Pids(limit)),
                Optional.empty(),
                Map.of());
    }

    @Test
    void memory_over_the_limit_is_killed_and_said_to_be() throws Exception {
        Sandbox.Result r = box.run(
                box.shell("head -c 64000000 /dev/zero | tail; echo survived").resources(memory(16 << 20)));
        assertTrue(r.oomKilled(), r.output());
        Sandbox.Result fine = box.run(
                box.shell("head -c 4000000 /dev/zero | tail -c 1 | wc -c").resources(memory(16 << 20)));
        assertFalse(fine.oomKilled());
        assertEquals(0, fine.status());
    }

    @Test
    void processes_over_the_limit_are_not_made() throws Exception {
        Sandbox.Result r = box.run(box.shell("for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; echo made")
                .resources(pids(4)));
        assertTrue(r.output().contains("can't fork"), r.output());
    }

    @Test
    void a_quota_holds_a_busy_loop_back() throws Exception {
        try (Sandbox.Running c = box.start(box.shell("while :; do :; done").resources(cpu(20_000, 100_000)))) {
            Thread.sleep(1500);
            CgroupStats s = c.cgroup.stats();
            assertTrue(s.cpuTotal() < 600_000_000L, "a fifth of 1.5 s, but it used " + s.cpuTotal());
            assertTrue(s.throttledPeriods() > 0);
        }
    }

    @Test
    void statistics_say_what_is_used_and_allowed() throws Exception {
        try (Sandbox.Running c =
                box.start(box.shell("sleep 100 & sleep 100; true").resources(memory(32 << 20)))) {
            Thread.sleep(200);
            CgroupStats s = c.cgroup.stats();
            assertEquals(OptionalLong.of(32 << 20), s.memoryLimit());
            assertTrue(s.memoryUsage() > 0);
            assertEquals(3, s.pids());
            assertEquals(OptionalLong.empty(), s.pidsLimit());
            assertTrue(s.cpuTotal() > 0);
            assertEquals(3, c.cgroup.processes().size());
        }
    }

    @Test
    void freezing_stops_and_thawing_goes_on_and_frozen_ones_can_be_killed() throws Exception {
        try (Sandbox.Running c = box.start(box.shell("while :; do :; done"))) {
            c.cgroup.freeze();
            assertTrue(c.cgroup.isFrozen());
            long before = c.cgroup.stats().cpuTotal();
            Thread.sleep(200);
            assertEquals(before, c.cgroup.stats().cpuTotal());
            c.cgroup.thaw();
            assertFalse(c.cgroup.isFrozen());
            c.cgroup.freeze();
        }
    }

    @Test
    void limits_change_while_it_runs_up_and_down() throws Exception {
        try (Sandbox.Running c = box.start(box.spec("sleep", "100").resources(memory(32 << 20)))) {
            c.cgroup.update(memory(64 << 20));
            assertEquals(OptionalLong.of(64 << 20), c.cgroup.stats().memoryLimit());
            c.cgroup.update(memory(16 << 20));
            assertEquals(OptionalLong.of(16 << 20), c.cgroup.stats().memoryLimit());
            assertThrows(SpecException.class, () -> c.cgroup.update(cpu(-5, 3)));
        }
    }

    @Test
    void a_group_that_cannot_be_made_leaves_nothing() {
        Resources odd = new Resources(
                List.of(),
                Optional.empty(),
                Optional.of(Resources.Cpu.of(
                        OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty(), "0-999999999", "")),
                Optional.empty(),
                Optional.empty(),
                Map.of());
        SpecException e = assertThrows(SpecException.class, () -> box.cgroups.create(box.parent + "/odd", odd));
        assertTrue(e.getMessage().startsWith("linux.resources.cpu.cpus: "), e.getMessage());
        assertFalse(box.cgroups.children(box.parent).contains("odd"));
    }

    @Test
    void one_with_processes_is_neither_removed_nor_made_again() throws Exception {
        try (Sandbox.Running c = box.start(box.spec("sleep", "100"))) {
            assertThrows(KernelException.class, () -> box.cgroups.create(c.cgroup.path(), Resources.NONE));
            assertThrows(KernelException.class, () -> c.cgroup.remove());
            assertNotEquals(0, c.cgroup.processes().size());
        }
    }

    @Test
    void what_an_engine_that_was_killed_left_behind_is_used_again() {
        box.cgroups.create(box.parent + "/left", memory(32 << 20)).close();
        Cgroup again = box.cgroups.create(box.parent + "/left", Resources.NONE);
        assertEquals(OptionalLong.empty(), again.stats().memoryLimit());
        again.remove();
        again.remove();
    }

    /** The unified hierarchy of a hybrid machine has no controllers, but it takes device programs. */
    @Test
    void device_rules_hold_on_cgroup_v2_too() throws Exception {
        Path unified = List.of("/sys/fs/cgroup/unified", "/sys/fs/cgroup").stream()
                .map(Path::of)
                .filter(p -> Files.exists(p.resolve("cgroup.procs")) && Files.exists(p.resolve("cgroup.controllers")))
                .findFirst()
                .orElseThrow();
        Path group = Files.createDirectory(
                unified.resolve("kist-test-devices-" + ProcessHandle.current().pid()));
        try {
            try (Fd fd = box.linux.open(group, Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
                List<Resources.DeviceRule> rules = new java.util.ArrayList<>(DefaultSpec.DEVICE_RULES);
                rules.addAll(GroupSupport.ALWAYS);
                DeviceProgram.attach(fd, rules);
            }
            String script = "echo $$ > " + group
                    + "/cgroup.procs; head -c 1 /dev/zero | wc -c; head -c1 /dev/kmsg; head -c 1 /dev/vda | wc -c;"
                    + "mknod " + dir + "/v b 254 0 && echo made; echo > /dev/null && echo written";
            java.lang.Process shell = new ProcessBuilder("sh", "-c", script)
                    .redirectErrorStream(true)
                    .start();
            String text = new String(shell.getInputStream().readAllBytes());
            shell.waitFor();
            assertTrue(text.startsWith("1\n"), text);
            assertTrue(text.contains("/dev/kmsg' for reading: Operation not permitted"), text);
            assertTrue(text.contains("/dev/vda' for reading: Operation not permitted"), text);
            assertTrue(text.endsWith("made\nwritten\n"), text);
        } finally {
            GroupSupport.removing(() -> box.linux.unlinkat(Fd.CWD, group.toString(), true));
        }
    }
}
