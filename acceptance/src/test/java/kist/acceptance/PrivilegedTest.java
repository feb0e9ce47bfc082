package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code --privileged}. Not tried on dockerd, which fails where the machine's root lacks a capability. */
class PrivilegedTest {
    @RegisterExtension
    static final Engine engine = new KistEngine();

    @Test
    void it_lifts_what_isolates_and_keeps_the_namespaces() throws IOException {
        var id = engine.docker("run", "-d", "--privileged", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long pid = engine.pid(id);
        assertEquals(Processes.status(ProcessHandle.current().pid(), "CapBnd"), Processes.status(pid, "CapEff"));
        assertEquals("0000000000000000", Processes.status(pid, "CapAmb"));
        assertEquals("0", Processes.status(pid, "Seccomp"));
        for (var name : new String[] {"pid", "mnt", "ipc", "uts", "net"}) {
            assertNotEquals(
                    Files.readSymbolicLink(Path.of("/proc/self/ns", name)),
                    Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns", name)));
        }
        engine.docker("exec", "--privileged", id, "mount", "-t", "tmpfs", "none", "/tmp")
                .ok();
        var devices = engine.docker("exec", id, "sh", "-c", "find /dev -type c -o -type b | wc -l")
                .ok();
        assertTrue(Integer.parseInt(devices) > 10, devices);
        engine.docker("exec", id, "sh", "-c", "mkdir /sys/fs/cgroup/memory/in && rmdir /sys/fs/cgroup/memory/in")
                .ok();
    }
}
