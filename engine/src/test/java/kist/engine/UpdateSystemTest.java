package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.engine.HostConfig.RestartPolicy;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** New limits for containers that run and that do not, and further processes in them, on the real kernel. */
final class UpdateSystemTest {
    private static final String LIMITS = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
            + " /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
            + " /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/pids/pids.max | tr '\n' ' '";

    @TempDir
    static Path directory;

    private static EngineBox box;

    @BeforeAll
    static void open() throws Exception {
        box = new EngineBox(directory);
    }

    @AfterAll
    static void close() throws Exception {
        box.close();
    }

    private static ContainerUpdateBuilder to() {
        return ContainerUpdateBuilder.builder();
    }

    private static OptionalLong n(long value) {
        return OptionalLong.of(value);
    }

    private static void update(String id, ContainerUpdateBuilder to) throws InterruptedException {
        box.call(new Request.UpdateContainer(id, to.build()));
    }

    private static String refused(String id, ContainerUpdateBuilder to) {
        EngineException e = assertThrows(EngineException.class, () -> update(id, to));
        assertTrue(e.kind() != EngineException.Kind.INTERNAL, e.getMessage());
        return String.valueOf(e.getMessage());
    }

    @Test
    void limits_change_while_it_runs_and_stay_for_the_next_start() throws Exception {
        String id = box.start(HostConfigBuilder.builder());
        try {
            update(
                    id,
                    to().memory(n(64 << 20))
                            .nanoCpus(n(500_000_000))
                            .cpuShares(n(256))
                            .pidsLimit(n(40)));
            assertEquals("67108864 134217728 50000 256 40 =0", box.exec(id, LIMITS));
            update(id, to().memory(n(32 << 20)));
            assertEquals("33554432 134217728 50000 256 40 =0", box.exec(id, LIMITS));
            update(id, to().memory(n(256 << 20)).memorySwap(n(-1)).pidsLimit(n(0)));
            String later = box.exec(id, LIMITS);
            assertTrue(later.startsWith("268435456 9") && later.endsWith(" 50000 256 max =0"), later);
            box.restart();
            assertEquals(later, box.exec(id, LIMITS), "what was said is kept");
            box.call(new Request.RestartContainer(id, OptionalInt.of(0), ""));
            assertEquals(later, box.exec(id, LIMITS), "and holds for the next start");
        } finally {
            box.remove(id);
        }
    }

    @Test
    void a_stopped_or_paused_container_can_be_changed_too() throws Exception {
        String id = box.create(HostConfigBuilder.builder(), "sleep", "600");
        try {
            update(id, to().cpuQuota(n(20_000)).restart(Optional.of(new RestartPolicy("on-failure", 3))));
            assertEquals(20_000, box.inspect(id).config().host().cpuQuota());
            assertEquals("on-failure", box.inspect(id).config().host().restart().name());
            box.call(new Request.StartContainer(id));
            box.call(new Request.PauseContainer(id));
            update(id, to().cpuQuota(n(30_000)));
            box.call(new Request.UnpauseContainer(id));
            assertTrue(box.exec(id, LIMITS).contains(" 30000 "));
        } finally {
            box.remove(id);
        }
    }

    @Test
    void what_contradicts_is_refused_and_changes_nothing() throws Exception {
        String id = box.start(HostConfigBuilder.builder().memory(64 << 20).cpuQuota(50_000));
        String cpus =
                box.start(HostConfigBuilder.builder().nanoCpus(100_000_000).autoRemove(true));
        try {
            String before = box.exec(id, LIMITS);
            assertTrue(refused(id, to().memory(n(512 << 20))).contains("update the memoryswap at the same time"));
            assertTrue(refused(id, to().memory(n(1000))).contains("Minimum memory limit allowed is 6MB"));
            assertTrue(refused(id, to().memory(n(64 << 20)).memorySwap(n(32 << 20)))
                    .contains("memoryswap"));
            assertTrue(refused(id, to().nanoCpus(n(1_000_000_000)))
                    .contains("Nano CPUs cannot be updated as CPU Quota has already been set"));
            assertTrue(refused(cpus, to().cpuPeriod(n(50_000)))
                    .contains("CPU Period cannot be updated as NanoCPUs has already been set"));
            assertTrue(refused(id, to().cpusetCpus("99")).contains("Requested CPUs are not available"));
            // the kernel refuses the second part: the first is taken back
            assertTrue(refused(id, to().memory(n(32 << 20)).cpuRealtimeRuntime(n(2_000_000)))
                    .contains("cpu"));
            assertEquals(before, box.exec(id, LIMITS));
            assertEquals(64 << 20, box.inspect(id).config().host().memory());
            assertTrue(refused(cpus, to().restart(Optional.of(new RestartPolicy("always", 0))))
                    .contains("Restart policy cannot be updated because AutoRemove is enabled for the container"));
        } finally {
            box.remove(id);
            box.remove(cpus);
        }
    }

    @Test
    void a_further_process_has_the_rights_and_the_place_it_was_given() throws Exception {
        String id = box.start(HostConfigBuilder.builder().pidMode("host").capDrop(List.of("ALL")));
        try {
            String status = "grep CapEff /proc/self/status; pwd; id -u; echo $A; readlink /proc/self/ns/pid";
            ExecConfig plain = new ExecConfig(
                    List.of("sh", "-c", status), List.of("A=b c"), "/tmp", "user", false, false, true, true, false);
            String host = java.nio.file.Files.readSymbolicLink(Path.of("/proc/self/ns/pid"))
                    .toString();
            assertEquals("CapEff:\t0000000000000000\n/tmp\n1000\nb c\n" + host + "\n=0", box.exec(id, plain));
            ExecConfig privileged = new ExecConfig(
                    List.of("sh", "-c", "grep CapEff /proc/self/status"),
                    List.of(),
                    "",
                    "",
                    false,
                    false,
                    true,
                    true,
                    true);
            assertFalse(box.exec(id, privileged).contains("0000000000000000"));
            ExecConfig terminal =
                    new ExecConfig(List.of("stty", "size"), List.of(), "", "", true, true, true, true, false, 33, 77);
            assertTrue(box.exec(id, terminal).startsWith("33 77"), box.exec(id, terminal));
            box.call(new Request.PauseContainer(id));
            EngineException e = assertThrows(EngineException.class, () -> box.exec(id, "true"));
            assertTrue(e.getMessage().endsWith("is paused, unpause the container before exec"), e.getMessage());
            box.call(new Request.UnpauseContainer(id));
            for (ExecConfig bad : List.of(
                    new ExecConfig(List.of(), List.of(), "", "", false, false, true, true, false),
                    new ExecConfig(List.of("a\0b"), List.of(), "", "", false, false, true, true, false),
                    new ExecConfig(List.of("a"), List.of("=x"), "", "", false, false, true, true, false),
                    new ExecConfig(List.of("a"), List.of(), "rel", "", false, false, true, true, false))) {
                assertEquals(
                        EngineException.Kind.INVALID_ARGUMENT,
                        assertThrows(EngineException.class, () -> box.exec(id, bad))
                                .kind());
            }
        } finally {
            box.remove(id);
        }
    }
}
