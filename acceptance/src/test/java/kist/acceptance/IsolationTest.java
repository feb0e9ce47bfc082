package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What a container is kept from, seen from inside and from the host. */
@Tag("peer")
class IsolationTest {
    private static final String DEFAULT_CAPABILITIES = "00000000a80425fb";

    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command run(String... arguments) {
        return engine.docker("run", "--rm", "--network", "none").with(arguments);
    }

    private static String sh(String script) {
        return run("busybox", "sh", "-c", script).ok();
    }

    /** A running container's first process, as the host numbers it. */
    private static long sleeper(String... flags) {
        var id = engine.docker("run", "-d", "--network", "none")
                .with(flags)
                .with("busybox", "sleep", "600")
                .ok();
        return engine.pid(id);
    }

    @Test
    void every_namespace_but_the_users_is_its_own() throws IOException {
        long pid = sleeper();
        for (var name : List.of("pid", "mnt", "ipc", "uts", "net", "cgroup")) {
            if (name.equals("cgroup") && !engine.isKist()) {
                // dockerd shares it on version 1 of the control groups
                continue;
            }
            assertNotEquals(
                    Files.readSymbolicLink(Path.of("/proc/self/ns", name)),
                    Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns", name)),
                    name);
        }
        long other = sleeper();
        for (var name : List.of("pid", "mnt", "ipc", "uts", "net")) {
            assertNotEquals(
                    Files.readSymbolicLink(Path.of("/proc/" + other + "/ns", name)),
                    Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns", name)),
                    name);
        }
    }

    @Test
    void it_is_process_1_and_sees_only_its_own() {
        assertEquals("1", sh("echo $$"));
        var pids = sh("ls /proc | grep '^[0-9]'").split("\n");
        assertTrue(pids.length <= 3, Arrays.toString(pids));
    }

    @Test
    void nothing_is_open_but_the_standard_streams() throws IOException {
        long pid = sleeper();
        var open = new TreeSet<String>();
        try (var descriptors = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            descriptors.forEach(descriptor -> open.add(descriptor.getFileName().toString()));
        }
        assertEquals(List.of("0", "1", "2"), List.copyOf(open));
    }

    @Test
    void it_has_dockers_fourteen_capabilities_and_can_inherit_none() {
        long pid = sleeper();
        assertEquals(DEFAULT_CAPABILITIES, Processes.status(pid, "CapEff"));
        assertEquals(DEFAULT_CAPABILITIES, Processes.status(pid, "CapPrm"));
        assertEquals(DEFAULT_CAPABILITIES, Processes.status(pid, "CapBnd"));
        assertEquals("0000000000000000", Processes.status(pid, "CapInh"));
        assertEquals("0000000000000000", Processes.status(pid, "CapAmb"));
    }

    @Test
    void another_user_has_none_of_them() {
        long pid = sleeper("-u", "1000:1000");
        assertEquals("0000000000000000", Processes.status(pid, "CapEff"));
        assertEquals("0000000000000000", Processes.status(pid, "CapPrm"));
        assertEquals(DEFAULT_CAPABILITIES, Processes.status(pid, "CapBnd"));
        assertEquals("0000000000000000", Processes.status(pid, "CapAmb"));
        assertEquals("", Processes.status(pid, "Groups").replace("1000", "").strip());
    }

    @Test
    void capabilities_are_added_and_dropped_by_name() {
        long pid = sleeper("--cap-add", "SYS_TIME", "--cap-drop", "CAP_KILL", "--cap-drop", "mknod");
        long expected = (Long.parseLong(DEFAULT_CAPABILITIES, 16) | 1L << 25) & ~(1L << 5) & ~(1L << 27);
        assertEquals(String.format("%016x", expected), Processes.status(pid, "CapEff"));
        assertEquals("0000000000000000", Processes.status(sleeper("--cap-drop", "ALL"), "CapBnd"));
        long one = sleeper("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE");
        assertEquals(String.format("%016x", 1L << 10), Processes.status(one, "CapEff"));
    }

    @Test
    void no_new_privileges_on_request() {
        assertEquals("0", Processes.status(sleeper(), "NoNewPrivs"));
        assertEquals("1", Processes.status(sleeper("--security-opt", "no-new-privileges"), "NoNewPrivs"));
    }

    @Test
    void a_seccomp_filter_is_on_unless_switched_off() {
        assertEquals("2", Processes.status(sleeper(), "Seccomp"));
        assertEquals("0", Processes.status(sleeper("--security-opt", "seccomp=unconfined"), "Seccomp"));
    }

    @Test
    void the_filter_refuses_what_a_container_has_no_business_with() {
        run("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "busybox", "unshare", "-m", "true")
                .ok();
        run("busybox", "unshare", "-m", "true").run().exits(1).says("Operation not permitted");
        run("busybox", "unshare", "-U", "true").run().exits(1).says("Operation not permitted");
        run("busybox", "mount", "-t", "tmpfs", "none", "/tmp").run().exits(1).says("denied");
        run("busybox", "date", "-s", "2020-01-01").run().says("Operation not permitted");
        run("busybox", "dmesg", "-n", "1").run().exits(1).says("Operation not permitted");
        run("busybox", "reboot", "-f").run().says("Operation not permitted");
    }

    @Test
    void what_tells_about_the_host_is_masked() {
        assertEquals("0", sh("cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c"));
        if (engine.isKist()) {
            // younger than Debian's dockerd: the times of keys and packets can be read off it
            assertEquals("0", sh("cat /proc/interrupts | wc -c"));
        }
        assertEquals("", sh("ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v :"));
        run("busybox", "sh", "-c", "touch /proc/acpi/x").run().exits(1);
        for (var masked : List.of("/proc/kcore", "/proc/timer_list")) {
            if (Files.exists(Path.of(masked))) {
                assertEquals(
                        "1:3", run("busybox", "stat", "-c", "%t:%T", masked).ok(), masked);
            }
        }
    }

    @Test
    void the_kernels_settings_are_read_only() {
        for (var path : List.of("/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity")) {
            if (Files.exists(Path.of(path))) {
                run("busybox", "sh", "-c", "echo 1 >" + path).run().exits(1).says("Read-only");
            }
        }
        assertTrue(sh("grep ' /sys/fs/cgroup' /proc/mounts | cut -d' ' -f4 | cut -d, -f1 | sort -u")
                .matches(engine.isKist() ? "ro" : "ro|ro\nrw|rw"));
        run("busybox", "sh", "-c", "cd /sys/fs/cgroup/memory && mkdir x")
                .run()
                .exits(1)
                .says("Read-only");
        run("busybox", "sh", "-c", "echo 1 >/sys/kernel/profiling")
                .run()
                .exits(1)
                .says("Read-only");
    }

    @Test
    void dev_has_the_usual_devices_and_no_others() {
        var devices = new TreeSet<>(
                Arrays.asList(sh("find /dev -type c -o -type b | sort").split("\n")));
        devices.removeIf(name -> name.startsWith("/dev/pts/"));
        assertEquals(
                new TreeSet<>(
                        List.of("/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero")),
                devices);
        assertEquals(
                "/proc/self/fd /proc/self/fd/0 pts/ptmx",
                sh("echo $(readlink /dev/fd) $(readlink /dev/stdin) $(readlink /dev/ptmx)"));
        assertEquals("1777", sh("stat -c %a /dev/shm"));
    }

    @Test
    void devices_that_it_makes_itself_do_not_open() {
        run("busybox", "sh", "-c", "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg")
                .run()
                .exits(1)
                .says("not permitted");
        run("busybox", "sh", "-c", "mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem")
                .run()
                .exits(1)
                .says("not permitted");
        assertEquals("1", sh("mknod /tmp/zero c 1 5 && head -c 1 /tmp/zero | wc -c"));
    }

    @Test
    void the_mounts_are_those_of_the_oci_defaults() {
        var mounts = new ArrayList<>(List.of(sh("cut -d' ' -f2,3 /proc/mounts").split("\n")));
        assertEquals("/ overlay", mounts.getFirst());
        for (var expected : List.of(
                "/proc proc", "/dev tmpfs", "/dev/pts devpts", "/sys sysfs", "/dev/mqueue mqueue", "/dev/shm tmpfs")) {
            assertTrue(mounts.contains(expected), expected + " in " + mounts);
        }
        var options = sh("grep -E ' /(proc|sys|dev) ' /proc/mounts | cut -d' ' -f2,4");
        assertTrue(options.contains("/proc rw,nosuid,nodev,noexec"), options);
        assertTrue(options.contains("/sys ro,nosuid,nodev,noexec"), options);
        assertTrue(options.contains("/dev rw,nosuid"), options);
    }

    @Test
    void nothing_of_the_host_is_mounted_in_it() throws IOException {
        long pid = sleeper();
        var inside = Files.readString(Path.of("/proc/" + pid + "/mountinfo"));
        for (var line : inside.split("\n")) {
            var point = line.split(" ")[4];
            assertFalse(point.contains("oldroot") || point.startsWith("/r/"), line);
        }
        // the root is the overlay and nothing lies under it
        assertEquals(
                1, inside.lines().filter(line -> line.split(" ")[4].equals("/")).count(), inside);
    }

    @Test
    void mounts_of_the_host_do_not_appear_in_it_and_its_own_not_on_the_host(@TempDir Path directory)
            throws IOException {
        var id = engine.docker(
                        "run",
                        "-d",
                        "--cap-add",
                        "SYS_ADMIN",
                        "--security-opt",
                        "seccomp=unconfined",
                        "--network",
                        "none",
                        "-v",
                        directory + ":/data",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
        engine.docker("exec", id, "sh", "-c", "mkdir /data/in && mount -t tmpfs inside /data/in && touch /data/in/file")
                .ok();
        assertFalse(Files.exists(directory.resolve("in/file")));
        assertFalse(Files.readString(Path.of("/proc/self/mountinfo")).contains(directory + "/in"));
        Files.createDirectory(directory.resolve("out"));
        Command.of("mount", "-t", "tmpfs", "outside", directory.resolve("out").toString())
                .ok();
        try {
            Files.createFile(directory.resolve("out/file"));
            assertEquals("", engine.docker("exec", id, "ls", "/data/out").ok());
        } finally {
            Command.of("umount", directory.resolve("out").toString()).ok();
        }
    }

    @Test
    void what_it_writes_stays_in_it() {
        sh("echo changed >/etc/data; rm /bin/wget");
        assertEquals("not a program", sh("cat /etc/data"));
        assertEquals("/bin/wget", sh("ls /bin/wget"));
    }

    @Test
    void signals_are_as_a_fresh_program_expects_them() {
        long pid = sleeper();
        assertEquals("0000000000000000", Processes.status(pid, "SigBlk"));
        if (engine.isKist()) {
            // runc hands on what Go's runtime ignores
            assertEquals("0000000000000000", Processes.status(pid, "SigIgn"));
        }
        assertEquals("0022", Processes.status(pid, "Umask"));
    }

    @Test
    void the_hosts_name_cannot_be_changed_from_inside() {
        var host = Command.of("hostname").ok();
        run("--cap-add", "SYS_ADMIN", "busybox", "hostname", "changed").ok();
        assertEquals(host, Command.of("hostname").ok());
    }

    @Test
    void links_in_the_root_lead_nowhere_else(@TempDir Path directory) throws IOException {
        // an image whose mount points are links to directories of the host
        var tar = directory.resolve("links.tar");
        var target = Files.createDirectory(directory.resolve("target"));
        Files.write(tar, Images.tar(content -> {
            Images.busybox(content);
            content.symlink("data", target.toString()).symlink("work", target.toString());
        }));
        engine.docker("import", tar.toString(), "links:latest").ok();
        var source = Files.createDirectory(directory.resolve("source"));
        run("-v", source + ":/data", "-w", "/work", "links", "sh", "-c", "touch /data/here file")
                .ok();
        try (var made = Files.list(target)) {
            assertEquals(List.of(), made.toList());
        }
        assertTrue(Files.exists(source.resolve("here")));
        engine.docker("rmi", "-f", "links").ok();
    }
}
