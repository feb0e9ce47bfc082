package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import kist.kernel.RecordingLinux;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which control groups a machine has, from what mountinfo says. */
final class MountinfoTest {
    @TempDir
    Path dir;

    private Cgroups detect(String mountinfo) throws Exception {
        Path file = Files.writeString(dir.resolve("mountinfo"), mountinfo);
        return CgroupMounts.detect(new RecordingLinux().linux(), file);
    }

    @Test
    void a_hybrid_machine_is_one_of_v1() throws Exception {
        Cgroups c = detect("""
                32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:3 - cgroup cgroup rw,cpu,cpuacct
                35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
                41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
                """);
        assertEquals(1, c.version());
        assertEquals(List.of("cpu,cpuacct", "memory", "systemd"), c.hierarchies());
    }

    @Test
    void a_machine_without_any_is_told_so() {
        assertThrows(IllegalStateException.class, () -> detect("22 27 0:21 / /proc rw - proc proc rw\n"));
    }
}
