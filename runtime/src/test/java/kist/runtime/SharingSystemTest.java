package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;
import kist.runtime.Attachments.Joined;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Namespaces and shared memory of other containers and of the host, the init, devices, profiles of one's own. */
final class SharingSystemTest {
    @TempDir
    static Path dir;

    private static Sandbox box;

    @BeforeAll
    static void open() throws Exception {
        box = new Sandbox(dir);
    }

    @AfterAll
    static void close() throws Exception {
        box.close();
    }

    private static Attachments joined(Map<String, Fd> namespaces, Optional<Fd> memory) {
        return Attachments.NONE.with(Optional.empty(), new Joined(namespaces, memory));
    }

    private static Fd init() throws IOException {
        return box.linux.sealedMemfd("docker-init", Files.readAllBytes(Path.of(System.getProperty("kist.keeper"))));
    }

    @Test
    void a_container_joins_the_namespaces_and_the_shared_memory_of_another() throws Exception {
        try (Sandbox.Running first =
                box.start(box.shell("echo secret > /dev/shm/word; mount -t tmpfs x /tmp; hostname donor; exec sleep 60")
                        .capabilities(List.of("SYS_ADMIN"), List.of()))) {
            Fd process = first.spawned.pidfd();
            while (!first.exec(first.spec.process().execOf(List.of("hostname"), List.of(), "/", User.ROOT, false))
                    .output()
                    .contains("donor")) {
                Thread.onSpinWait();
            }
            DefaultSpec second = DefaultSpec.docker()
                    .args(List.of(
                            "sh",
                            "-c",
                            "hostname; cat /dev/shm/word; ps -o pid,args; echo back > /dev/shm/word;"
                                    + " for n in ipc uts pid mnt; do readlink /proc/self/ns/$n; done"))
                    .joinNamespace("ipc", "container:first")
                    .joinNamespace("uts", "container:first")
                    .joinNamespace("pid", "container:first")
                    .joinedSharedMemory();
            Sandbox.Result result = box.start(
                            second.build(),
                            joined(Map.of("ipc", process, "uts", process, "pid", process), Optional.of(process)))
                    .await();
            List<String> lines = result.lines();
            assertEquals("donor", lines.get(0), result.output());
            assertEquals("secret", lines.get(1), result.output());
            assertTrue(result.output().contains("sleep 60"), result.output());
            for (String type : List.of("ipc", "uts", "pid", "mnt")) {
                String donors = Files.readSymbolicLink(Path.of("/proc/" + first.spawned.pid() + "/ns/" + type))
                        .toString();
                assertEquals(!type.equals("mnt"), lines.contains(donors), type + " in " + result.output());
            }
            assertEquals(
                    "back",
                    first.exec(first.spec
                                    .process()
                                    .execOf(List.of("cat", "/dev/shm/word"), List.of(), "/", User.ROOT, false))
                            .output()
                            .strip());
        }
    }

    @Test
    void the_namespaces_of_the_host_can_be_had() throws Exception {
        DefaultSpec spec = DefaultSpec.docker()
                .args(
                        List.of(
                                "sh",
                                "-c",
                                "for n in ipc uts pid cgroup; do readlink /proc/self/ns/$n; done; grep -c /dev/shm /proc/mounts"))
                .hostNamespace("ipc")
                .hostNamespace("uts")
                .hostNamespace("pid")
                .hostNamespace("cgroup")
                .hostSharedMemory();
        Sandbox.Result result = box.run(spec);
        List<String> lines = result.lines();
        for (String type : List.of("ipc", "uts", "pid", "cgroup")) {
            String host =
                    Files.readSymbolicLink(Path.of("/proc/self/ns/" + type)).toString();
            assertTrue(lines.contains(host), type + ": " + result.output());
        }
        assertEquals("1", lines.getLast(), result.output());
        assertEquals(
                "0",
                box.run(DefaultSpec.docker()
                                .args(List.of("grep", "-c", "/dev/shm", "/proc/mounts"))
                                .noSharedMemory())
                        .output()
                        .strip());
    }

    @Test
    void an_init_reaps_what_is_orphaned_and_hands_signals_on() throws Exception {
        String script = "(sleep 0.05 & exec true) & trap 'echo got it; exit 5' USR1; sleep 0.3;"
                + " cat /proc/1/cmdline | tr '\\0' ' '; echo; grep -h State /proc/[0-9]*/status | grep -c zombie;"
                + " echo $$; kill -USR1 1; sleep 5";
        try (Fd init = init()) {
            Sandbox.Running r =
                    box.start(box.shell(script).build(), Attachments.NONE.with(Optional.of(init), Joined.NOTHING));
            Sandbox.Result result = r.await();
            List<String> lines = result.lines();
            assertTrue(lines.getFirst().startsWith("/sbin/docker-init -- sh -c"), result.output());
            assertEquals(
                    List.of("0", "2", "got it"),
                    lines.subList(1, lines.size()).stream()
                            .filter(l -> !l.isBlank())
                            .toList());
            assertEquals(5, result.status());
        }
    }

    @Test
    void an_init_ends_as_its_program_does_and_is_no_file_of_the_host() throws Exception {
        try (Fd init = init()) {
            Attachments with = Attachments.NONE.with(Optional.of(init), Joined.NOTHING);
            assertEquals(
                    42, box.start(box.shell("exit 42").build(), with).await().status());
            assertEquals(
                    137,
                    box.start(box.shell("kill -9 $$").build(), with).await().status());
            Sandbox.Result missing = box.start(box.spec("nosuch").build(), with).await();
            assertEquals(127, missing.status());
            assertTrue(missing.output().contains("\"nosuch\": No such file or directory"), missing.output());
            Sandbox.Result self = box.start(
                            box.shell("readlink /proc/1/exe; (echo x > /proc/1/exe) 2>&1; ls /proc/1/fd | wc -l")
                                    .build(),
                            with)
                    .await();
            assertTrue(self.output().contains("memfd:docker-init"), self.output());
            assertTrue(
                    self.output().contains("Text file busy")
                            || self.output().contains("ermission denied")
                            || self.output().contains("not permitted"),
                    self.output());
            assertEquals("3", self.lines().getLast(), self.output());
            // a filter that knows execve alone, and a user without rights
            String profile =
                    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"execveat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
            assertEquals(
                    3,
                    box.start(
                                    box.shell("exit 3")
                                            .user(User.named("user", List.of()))
                                            .seccomp(SeccompProfile.read(profile, List.of()))
                                            .build(),
                                    with)
                            .await()
                            .status());
        }
    }

    @Test
    void devices_of_a_directory_come_below_the_wanted_path() throws Exception {
        List<Device> mem = HostDevices.at(Path.of("/dev/null"));
        assertEquals(1, mem.size());
        assertEquals(3, mem.getFirst().minor());
        assertThrows(IOException.class, () -> HostDevices.at(Path.of("/dev/nosuch")));
        Sandbox.Result result =
                box.run(box.shell("stat -c '%t:%T %F' /dev/mine /dev/sub/zero; echo x > /dev/mine && echo wrote")
                        .devices(List.of(
                                mem.getFirst().at("/dev/mine"),
                                HostDevices.at(Path.of("/dev/zero")).getFirst().at("/dev/sub/zero"))));
        assertEquals(List.of("1:3 character special file", "1:5 character special file", "wrote"), result.lines());
    }

    @Test
    void a_profile_of_the_users_own_filters_calls() throws Exception {
        String profile = """
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}""";
        Sandbox.Result result = box.run(box.shell("mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status")
                .seccomp(SeccompProfile.read(profile, List.of())));
        assertTrue(result.output().contains("No space left on device"), result.output());
        assertEquals("2", result.line("Seccomp:"));
    }

    @Test
    void an_apparmor_profile_is_refused_where_the_kernel_has_none() throws Exception {
        if (AppArmor.isEnabled()) {
            assertThrows(StartException.class, () -> box.start(box.spec("true").apparmorProfile("no-such-profile")));
        } else {
            SpecException e = assertThrows(
                    SpecException.class, () -> box.start(box.spec("true").apparmorProfile("no-such-profile")));
            assertTrue(e.getMessage().contains("AppArmor is not enabled on this host"), e.getMessage());
        }
        assertEquals(0, box.run(box.spec("true").apparmorProfile("unconfined")).status());
    }

    @Test
    void masks_and_read_only_paths_can_be_the_users_own() throws Exception {
        Sandbox.Result result =
                box.run(box.shell("cat /etc/group | wc -c; (echo 1 > /home/user/x) 2>&1; ls /proc/kcore")
                        .maskedPaths(List.of("/etc/group"))
                        .readonlyPaths(List.of("/home")));
        assertEquals("0", result.lines().getFirst());
        assertTrue(result.output().contains("Read-only file system"), result.output());
        assertTrue(result.output().contains("/proc/kcore"), result.output());
    }

    @Test
    void groups_by_name_are_those_of_the_image() throws Exception {
        Sandbox.Result result = box.run(box.spec("id", "-G").user(User.named("user:users", List.of("staff", "1234"))));
        assertEquals("1001 50 1234", result.output().strip());
        SpecException e = assertThrows(
                SpecException.class, () -> box.start(box.spec("id").user(User.named("user", List.of("nosuchgroup")))));
        assertTrue(e.getMessage().contains("Unable to find group nosuchgroup"), e.getMessage());
    }
}
