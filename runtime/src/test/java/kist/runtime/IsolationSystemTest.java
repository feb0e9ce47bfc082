package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kist.kernel.Fd;
import kist.kernel.Flags;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a container of the default spec sees and may do, on the real kernel. */
final class IsolationSystemTest {
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

    @Test
    void all_namespaces_but_user_and_time_are_its_own() throws Exception {
        Sandbox.Result r =
                box.sh("for n in pid net mnt ipc uts cgroup user time; do echo $n=$(readlink /proc/self/ns/$n); done");
        for (String line : r.lines()) {
            String name = line.substring(0, line.indexOf('='));
            String host =
                    Files.readSymbolicLink(Path.of("/proc/self/ns/" + name)).toString();
            boolean shared = name.equals("user") || name.equals("time");
            assertEquals(shared, line.equals(name + "=" + host), line);
        }
        assertEquals(8, r.lines().size());
    }

    @Test
    void the_rights_are_exactly_the_default_ones() throws Exception {
        Sandbox.Result r = box.sh("cat /proc/self/status");
        assertEquals("00000000a80425fb", r.line("CapEff:"));
        assertEquals("00000000a80425fb", r.line("CapPrm:"));
        assertEquals("00000000a80425fb", r.line("CapBnd:"));
        assertEquals("0000000000000000", r.line("CapInh:"));
        assertEquals("0000000000000000", r.line("CapAmb:"));
        assertEquals("0", r.line("NoNewPrivs:"));
        assertEquals("2", r.line("Seccomp:"));
        assertEquals("1", r.line("Seccomp_filters:"));
        assertEquals("0022", r.line("Umask:"));
    }

    @Test
    void no_new_privs_is_set_on_request_and_the_filter_is_there_too() throws Exception {
        Sandbox.Result r = box.run(
                box.shell("cat /proc/self/status; mount -t tmpfs x /tmp").noNewPrivileges(true));
        assertEquals("1", r.line("NoNewPrivs:"));
        assertEquals("2", r.line("Seccomp:"));
        assertNotEquals(0, r.status());
    }

    @Test
    void the_first_process_has_three_descriptors_and_the_second_too() throws Exception {
        try (Sandbox.Running c = box.start(box.spec("sleep", "100"))) {
            Path fds = Path.of("/proc/" + c.spawned.pid() + "/fd");
            List<String> names = new ArrayList<>();
            try (var entries = Files.list(fds)) {
                entries.forEach(p -> names.add(p.getFileName().toString()));
            }
            names.sort(null);
            assertEquals(List.of("0", "1", "2"), names);
            Sandbox.Result r = c.exec(c.spec.process()
                    .execOf(List.of("ls", "/proc/self/fd"), c.spec.process().env(), "/", User.ROOT, false));
            assertEquals(List.of("0", "1", "2", "3"), r.lines(), "the last is the directory that ls reads");
        }
    }

    @Test
    void the_null_device_of_its_streams_is_its_own() throws Exception {
        try (Sandbox.Running c = box.start(box.shell("chmod 600 /dev/null; stat -c %d /dev/null; exec sleep 100"))) {
            Sandbox.Result r = c.exec(c.spec.process()
                    .execOf(
                            List.of(
                                    "sh",
                                    "-c",
                                    "stat -L -c %a /dev/fd/0; chmod 000 /proc/self/fd/0; stat -L -c %a /dev/fd/0"),
                            c.spec.process().env(),
                            "/",
                            User.ROOT,
                            false));
            assertEquals("666\n0\n", r.output());
        }
        assertEquals(
                "rw-rw-rw-",
                java.nio.file.attribute.PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(Path.of("/dev/null"))));
    }

    @Test
    void the_mounts_are_exactly_those_of_the_spec() throws Exception {
        Sandbox.Result r = box.sh("cat /proc/self/mountinfo");
        List<String> got = new ArrayList<>();
        for (String line : r.lines()) {
            String[] parts = line.split(" ");
            assertEquals("-", parts[6], "no propagation from or to anywhere: " + line);
            if (!parts[4].startsWith("/sys/fs/cgroup/")) {
                got.add(parts[4] + " " + parts[5] + " " + parts[7]);
            }
        }
        List<String> expected = new ArrayList<>(List.of(
                "/ rw,relatime " + Files.getFileStore(dir).type(),
                "/proc rw,nosuid,nodev,noexec,relatime proc",
                "/dev rw,nosuid tmpfs",
                "/dev/pts rw,nosuid,noexec,relatime devpts",
                "/sys ro,nosuid,nodev,noexec,relatime sysfs",
                "/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime tmpfs",
                "/dev/mqueue rw,nosuid,nodev,noexec,relatime mqueue",
                "/dev/shm rw,nosuid,nodev,noexec,relatime tmpfs"));
        for (String path : DefaultSpec.MASKED_PATHS) {
            if (Files.exists(Path.of(path))) {
                expected.add(path + " ro,nosuid,noexec,relatime tmpfs");
            }
        }
        for (String path : DefaultSpec.READONLY_PATHS) {
            if (Files.exists(Path.of(path))) {
                expected.add(path + " ro,nosuid,nodev,noexec,relatime proc");
            }
        }
        assertEquals(expected, got);
    }

    @Test
    void masked_paths_show_nothing_and_cannot_be_written() throws Exception {
        StringBuilder script = new StringBuilder();
        for (String path : DefaultSpec.MASKED_PATHS) {
            script.append("if [ -d ")
                    .append(path)
                    .append(" ]; then ls -A ")
                    .append(path)
                    .append("; touch ")
                    .append(path)
                    .append("/x 2>/dev/null && echo written ")
                    .append(path)
                    .append("; elif [ -e ")
                    .append(path)
                    .append(" ]; then cat ")
                    .append(path)
                    .append("; fi;");
        }
        assertEquals("", box.sh(script.toString()).output());
    }

    @Test
    void paths_that_are_read_only_refuse_writes() throws Exception {
        Sandbox.Result r = box.sh(
                "echo 1 > /proc/sys/kernel/domainname; echo b > /proc/sysrq-trigger; echo 1 > /proc/irq/default_smp_affinity; touch /sys/x; mkdir /sys/fs/cgroup/memory/x");
        assertEquals(
                0,
                r.lines().stream()
                        .filter(l -> !l.contains("ead-only") && !l.contains("nonexistent") && !l.contains("No such"))
                        .count(),
                r.output());
    }

    @Test
    void devices_are_the_six_and_others_cannot_be_used() throws Exception {
        Sandbox.Result r = box.sh(
                "ls /dev; mknod /tmp/vda b 254 0 && dd if=/tmp/vda count=1 of=/dev/null; echo $?; rm -f /tmp/vda; mknod /tmp/fuse c 10 229 && cat /tmp/fuse; rm -f /tmp/fuse; head -c 3 /dev/zero | wc -c");
        assertTrue(
                r.output()
                        .startsWith(
                                "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"),
                r.output());
        assertTrue(r.output().contains("dd: can't open '/tmp/vda': Operation not permitted"), r.output());
        assertTrue(r.output().contains("can't open '/tmp/fuse': Operation not permitted"), r.output());
        assertTrue(r.output().endsWith("3\n"));
    }

    @Test
    void it_is_alone_in_its_pid_namespace_with_its_own_names() throws Exception {
        Sandbox.Result r = box.run(box.shell("ps -o pid,comm; hostname; dnsdomainname; cat /proc/sys/kernel/domainname")
                .domainname("dom"));
        assertTrue(r.output().contains("1 sh"), r.output());
        assertEquals(3, r.lines().stream().filter(l -> l.matches(" *\\d+ .*")).count() + 1, r.output());
        assertTrue(r.output().contains("\nbox\n"));
        assertTrue(r.output().endsWith("dom\n"));
    }

    @Test
    void mounting_and_unsharing_are_refused() throws Exception {
        Sandbox.Result r = box.sh("mount -t tmpfs x /tmp; unshare -U true; unshare -m true; umount /proc");
        assertEquals(
                4,
                r.lines().stream()
                        .filter(l -> l.contains("Operation not permitted")
                                || l.contains("ermission denied")
                                || l.contains("can't umount"))
                        .count(),
                r.output());
    }

    @Test
    void a_read_only_root_refuses_writes_but_dev_takes_them() throws Exception {
        Sandbox.Result r =
                box.run(box.shell("touch /x; touch /dev/shm/y && echo fine").readonlyRoot(true));
        assertEquals("touch: /x: Read-only file system\nfine\n", r.output());
    }

    @Test
    void a_privileged_one_has_all_rights_and_devices() throws Exception {
        Sandbox.Result r = box.run(box.shell(
                        "cat /proc/self/status; mount -t tmpfs x /tmp && echo mounted; ls /dev; grep -c . /proc/keys >/dev/null && echo unmasked")
                .privileged());
        assertEquals(
                Files.readAllLines(Path.of("/proc/self/status")).stream()
                        .filter(l -> l.startsWith("CapBnd:"))
                        .findFirst()
                        .orElseThrow()
                        .substring(7)
                        .strip(),
                r.line("CapEff:"));
        assertEquals("0", r.line("Seccomp:"));
        assertTrue(r.output().contains("mounted\n"), r.output());
        assertTrue(r.output().contains("unmasked\n"), r.output());
        assertTrue(r.output().contains("kmsg\n"), r.output());
    }

    @Test
    void the_control_groups_it_sees_begin_at_its_own() throws Exception {
        Sandbox.Result r = box.run(box.shell(
                        "cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes; cat /sys/fs/cgroup/memory/cgroup.procs | wc -l")
                .resources(new Resources(
                        List.of(),
                        java.util.Optional.of(Resources.Memory.of(
                                java.util.OptionalLong.of(32 << 20),
                                java.util.OptionalLong.empty(),
                                java.util.OptionalLong.empty())),
                        java.util.Optional.empty(),
                        java.util.Optional.empty(),
                        java.util.Optional.empty(),
                        Map.of())));
        for (String line : r.lines().subList(0, r.lines().size() - 2)) {
            assertTrue(line.endsWith(":/"), line);
        }
        assertTrue(r.output().contains("33554432\n"), r.output());
    }

    @Test
    void without_a_cgroup_namespace_it_sees_its_own_groups_all_the_same() throws Exception {
        Sandbox.Result r = box.run(box.shell("cat /sys/fs/cgroup/memory/cgroup.procs | wc -l; cat /proc/self/cgroup")
                .hostNamespace("cgroup"));
        assertTrue(Integer.parseInt(r.lines().getFirst().strip()) >= 3, r.output());
        assertTrue(r.output().contains(":memory:" + box.parent), r.output());
    }

    @Test
    void the_hosts_namespaces_are_shared_on_request() throws Exception {
        Sandbox.Result r =
                box.run(box.shell("readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid")
                        .hostNamespace("network")
                        .hostNamespace("ipc")
                        .hostNamespace("pid"));
        for (String name : List.of("net", "ipc", "pid")) {
            assertTrue(
                    r.output()
                            .contains(Files.readSymbolicLink(Path.of("/proc/self/ns/" + name))
                                    .toString()),
                    name);
        }
    }

    @Test
    void nothing_of_the_host_is_reachable_and_nothing_of_it_has_changed() throws Exception {
        String before = Files.readString(Path.of("/proc/self/mountinfo"));
        Sandbox.Result r = box.sh(
                "cd ..; cd ..; ls; ls /proc/1/root; readlink /proc/1/exe; chroot /proc/1/root ls /bin | head -1");
        assertFalse(r.output().contains("boot"), r.output());
        assertEquals(before, Files.readString(Path.of("/proc/self/mountinfo")));
    }

    @Test
    void a_volume_is_mounted_read_only_and_private() throws Exception {
        Path volume = Files.createDirectory(dir.resolve("volume"));
        Files.writeString(volume.resolve("f"), "content\n");
        try (Fd tree = box.linux.openTree(Fd.CWD, volume.toString(), Flags.OPEN_TREE_CLONE)) {
            Spec spec = box.shell("cat /data/sub/f; touch /data/sub/g; grep /data /proc/self/mountinfo")
                    .mounts(List.of(Mount.bind("volume", "/data/sub", List.of("rbind", "ro"))))
                    .build();
            Sandbox.Result r = box.start(spec, Map.of("/data/sub", tree)).await();
            assertTrue(r.output().startsWith("content\ntouch: /data/sub/g: Read-only file system\n"), r.output());
        }
    }
}
