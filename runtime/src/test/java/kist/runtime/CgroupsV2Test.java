package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cgroup v2 on a tree of plain files that has what the kernel's has. */
final class CgroupsV2Test {
    private static final String CONTROLLERS = "cpuset cpu io memory pids";
    private static final List<String> FILES = List.of(
            "memory.max",
            "memory.low",
            "memory.swap.max",
            "memory.current",
            "memory.peak",
            "memory.stat",
            "cpu.weight",
            "cpu.max",
            "cpu.max.burst",
            "cpu.idle",
            "cpu.stat",
            "cpuset.cpus",
            "cpuset.mems",
            "pids.max",
            "pids.current",
            "io.max",
            "io.weight",
            "io.stat",
            "cgroup.procs",
            "cgroup.freeze",
            "cgroup.kill",
            "cgroup.subtree_control");

    @TempDir
    Path tree;

    private Cgroups cgroups;

    @BeforeEach
    void mount() throws IOException {
        fill(tree);
        Fd root = Linux.system().open(tree, Flags.O_PATH | Flags.O_DIRECTORY, 0);
        // the kernel puts files into each new directory and takes them away with it
        Linux linux = (Linux) Proxy.newProxyInstance(
                Linux.class.getClassLoader(), new Class<?>[] {Linux.class}, (proxy, method, args) -> {
                    if (method.getName().equals("unlinkat")) {
                        Path dir = tree.resolve((String) args[1]);
                        if (Files.isDirectory(dir)) {
                            try (var entries = Files.list(dir)) {
                                for (Path p : entries.toList()) {
                                    if (!Files.isDirectory(p)) {
                                        Files.delete(p);
                                    }
                                }
                            }
                        }
                    }
                    try {
                        Object result = method.invoke(Linux.system(), args);
                        if (method.getName().equals("mkdirat")) {
                            fill(tree.resolve((String) args[1]));
                        }
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
        cgroups = new CgroupsV2(linux, new ControlFiles(linux, root, tree.toString()));
    }

    private static void fill(Path dir) {
        try {
            for (String f : FILES) {
                Files.writeString(dir.resolve(f), "");
            }
            Files.writeString(dir.resolve("cgroup.controllers"), CONTROLLERS + "\n");
            Files.writeString(dir.resolve("cgroup.events"), "populated 0\nfrozen 0\n");
            Files.writeString(dir.resolve("memory.events"), "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String content(String file) throws IOException {
        return Files.readString(tree.resolve(file));
    }

    private static OptionalLong n(long value) {
        return OptionalLong.of(value);
    }

    private static Resources memory(long limit, long swap) {
        return new Resources(
                List.of(),
                Optional.of(Resources.Memory.of(n(limit), n(swap), OptionalLong.empty())),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of());
    }

    @Test
    void controllers_are_handed_down_to_the_group() throws IOException {
        cgroups.create("/kist/a", Resources.NONE);
        assertEquals("+cpuset +cpu +io +memory +pids", content("cgroup.subtree_control"));
        assertEquals("+cpuset +cpu +io +memory +pids", content("kist/cgroup.subtree_control"));
        assertEquals("", content("kist/a/cgroup.subtree_control"), "the group itself holds processes");
        assertEquals(2, cgroups.version());
        assertEquals(List.of("a"), cgroups.children("/kist"));
    }

    @Test
    void limits_have_the_units_of_v2() throws IOException {
        Resources limits = new Resources(
                List.of(),
                Optional.of(Resources.Memory.of(n(64 << 20), n(96 << 20), n(32 << 20))),
                Optional.of(Resources.Cpu.of(n(1024), n(50_000), n(100_000), "0-1", "0")),
                Optional.of(new Resources.Pids(7)),
                Optional.of(new Resources.BlockIo(
                        OptionalInt.of(500),
                        List.of(),
                        List.of(new Resources.Throttle(8, 0, 1000)),
                        List.of(),
                        List.of(),
                        List.of())),
                Map.of("memory.low", "5"));
        cgroups.create("/kist/b", limits);
        assertEquals("67108864", content("kist/b/memory.max"));
        assertEquals("33554432", content("kist/b/memory.swap.max"), "swap alone, where v1 has the sum");
        assertEquals("39", content("kist/b/cpu.weight"));
        assertEquals("50000 100000", content("kist/b/cpu.max"));
        assertEquals("0-1", content("kist/b/cpuset.cpus"));
        assertEquals("7", content("kist/b/pids.max"));
        assertEquals("8:0 rbps=1000", content("kist/b/io.max"));
        assertEquals("4950", content("kist/b/io.weight"));
    }

    @Test
    void no_limit_is_max() throws IOException {
        cgroups.create("/kist/c", memory(-1, -1));
        assertEquals("max", content("kist/c/memory.max"));
        assertEquals("max", content("kist/c/memory.swap.max"));
    }

    @Test
    void what_v2_cannot_limit_is_refused_and_nothing_is_left() {
        Resources odd = new Resources(
                List.of(),
                Optional.of(new Resources.Memory(
                        n(1), OptionalLong.empty(), OptionalLong.empty(), n(60), Optional.empty())),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of());
        SpecException e = assertThrows(SpecException.class, () -> cgroups.create("/kist/d", odd));
        assertEquals("linux.resources.memory.swappiness: cgroup v2 has no such limit", e.getMessage());
        assertFalse(Files.exists(tree.resolve("kist/d")));
        assertThrows(SpecException.class, () -> cgroups.create("/kist/d", memory(100, 50)));
        assertThrows(SpecException.class, () -> cgroups.create("/../kist", Resources.NONE));
        assertThrows(SpecException.class, () -> cgroups.create("/", Resources.NONE));
    }

    @Test
    void statistics_and_the_oom_killer_are_read() throws IOException {
        Cgroup group = cgroups.create("/kist/e", Resources.NONE);
        Files.writeString(tree.resolve("kist/e/memory.current"), "4096\n");
        Files.writeString(tree.resolve("kist/e/memory.max"), "max\n");
        Files.writeString(tree.resolve("kist/e/pids.max"), "9\n");
        Files.writeString(tree.resolve("kist/e/cpu.stat"), "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 1\n");
        Files.writeString(tree.resolve("kist/e/io.stat"), "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
        CgroupStats s = group.stats();
        assertEquals(4096, s.memoryUsage());
        assertEquals(OptionalLong.empty(), s.memoryLimit());
        assertEquals(3, s.memoryFailures());
        assertEquals(n(9), s.pidsLimit());
        assertEquals(5000, s.cpuTotal());
        assertEquals(List.of(new CgroupStats.DeviceIo(8, 0, 1, 2, 3, 4)), s.io());
        assertFalse(group.oomKilled());
        Files.writeString(tree.resolve("kist/e/memory.events"), "oom 1\noom_kill 1\n");
        assertTrue(group.oomKilled());
    }

    @Test
    void freezing_waits_for_the_kernel_and_removal_takes_what_is_below() throws IOException {
        Cgroup group = cgroups.create("/kist/f", Resources.NONE);
        Files.writeString(tree.resolve("kist/f/cgroup.events"), "populated 1\nfrozen 1\n");
        group.freeze();
        assertEquals("1", content("kist/f/cgroup.freeze"));
        assertTrue(group.isFrozen());
        group.thaw();
        assertEquals("0", content("kist/f/cgroup.freeze"));
        Files.createDirectories(tree.resolve("kist/f/below"));
        group.remove();
        assertFalse(Files.exists(tree.resolve("kist/f")));
        group.remove();
    }

    @Test
    void a_group_is_born_into_by_its_directory() throws IOException {
        try (Cgroup group = cgroups.create("/kist/g", Resources.NONE)) {
            assertTrue(group.joinDescriptors().isEmpty());
            assertTrue(group.cloneInto().isPresent());
            assertEquals(Map.of("", tree + "/kist/g"), group.directories());
        }
    }
}
