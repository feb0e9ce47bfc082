package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Users, working directories, terminals, limits, further processes, and what is said when a start fails. */
final class ProcessSystemTest {
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

    private static StartException fails(DefaultSpec spec) {
        int before = box.keeper.list().size();
        StartException e = assertThrows(StartException.class, () -> box.start(spec));
        assertEquals(before, box.keeper.list().size(), "nothing is left of the process");
        return e;
    }

    @Test
    void a_user_has_the_groups_and_the_home_of_its_image_and_no_capabilities() throws Exception {
        Sandbox.Result r =
                box.run(box.shell("id; echo $HOME; grep Cap /proc/self/status; echo out > /dev/stdout; touch /x")
                        .user(User.named("user", List.of("77"))));
        assertTrue(
                r.output()
                        .startsWith(
                                "uid=1000(user) gid=1001(users) groups=10(wheel),50(staff),77,1001(users)\n/home/user\n"),
                r.output());
        assertEquals("0000000000000000", r.line("CapEff:"));
        assertEquals("0000000000000000", r.line("CapPrm:"));
        assertEquals("00000000a80425fb", r.line("CapBnd:"));
        assertTrue(r.output().contains("out\ntouch: /x: Permission denied\n"), r.output());
    }

    @Test
    void a_user_and_group_by_number_have_exactly_those() throws Exception {
        assertEquals(
                "uid=5 gid=6 groups=6\n",
                box.run(box.spec("id").user(User.named("5:6", List.of()))).output());
    }

    @ParameterizedTest
    @ValueSource(strings = {"4294967295", "000", "root:", "nobody-here"})
    void users_that_are_none_do_not_start(String user) {
        assertThrows(SpecException.class, () -> box.start(box.spec("id").user(User.named(user, List.of()))));
    }

    @Test
    void a_working_directory_is_made_and_entered() throws Exception {
        assertEquals("/a/b\n", box.run(box.spec("pwd").cwd("/a/b")).output());
        Files.createSymbolicLink(box.root.resolve("link"), Path.of("/../../run"));
        assertEquals("/run\n", box.run(box.spec("pwd").cwd("/var/run")).output());
        assertEquals(
                "/run\n",
                box.run(box.spec("sh", "-c", "cd -P .; pwd").cwd("/link")).output());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/proc/self/fd/3", "/proc/self/fd/8", "/proc/self/fd/30", "/proc/1/root", "/proc/self/cwd/.."})
    void a_working_directory_through_a_descriptor_is_refused(String cwd) throws Exception {
        fails(box.spec("pwd").cwd(cwd));
        try (Sandbox.Running c = box.start(box.spec("sleep", "100"))) {
            StartException e = assertThrows(
                    StartException.class,
                    () -> c.exec(c.spec.process().execOf(List.of("pwd"), List.of(), cwd, User.ROOT, false)));
            assertTrue(
                    e.getMessage().contains("chdir to cwd (\"" + cwd + "\") set in config.json failed"),
                    e.getMessage());
        }
    }

    @Test
    void the_path_is_searched_and_arguments_arrive_as_they_are() throws Exception {
        Sandbox.Result r = box.run(
                box.spec("sh", "-c", "echo \"$0|$1|$2\"", "a b", "", "ü\n").env(List.of("PATH=/nowhere:/bin")));
        assertEquals("a b||ü\n\n", r.output());
    }

    @Test
    void a_command_that_is_not_there_or_cannot_be_executed_is_told_apart() throws Exception {
        StartException e = fails(box.spec("nosuch"));
        assertEquals(
                "unable to start container process: exec: \"nosuch\": executable file not found in $PATH",
                e.getMessage());
        assertEquals(127, e.exitCode());
        e = fails(box.spec("/no/such"));
        assertEquals(
                "unable to start container process: exec: \"/no/such\": stat /no/such: no such file or directory",
                e.getMessage());
        assertEquals(127, e.exitCode());
        e = fails(box.spec("/etc/passwd"));
        assertEquals("unable to start container process: exec: \"/etc/passwd\": permission denied", e.getMessage());
        assertEquals(126, e.exitCode());
        e = fails(box.spec("/etc"));
        assertEquals(126, e.exitCode());
        e = fails(box.spec(""));
        assertEquals(127, e.exitCode());
    }

    @Test
    void exit_codes_and_signals_come_back() throws Exception {
        assertEquals(7, box.sh("exit 7").status());
        assertEquals(
                137,
                box.sh("kill -9 $$ & sleep 1; busybox sh -c 'kill -9 $$'; exit $?")
                        .status());
    }

    @Test
    void limits_are_set_and_what_the_machine_forbids_is_said() throws Exception {
        Sandbox.Result r = box.run(box.shell("ulimit -n; ulimit -Hn; ulimit -c")
                .rlimits(List.of(Rlimit.of("nofile", 100, 200), Rlimit.of("core", 0, 0))));
        assertEquals("100\n200\n0\n", r.output());
        if (!Capability.isHeld(24)) {
            StartException e =
                    fails(box.spec("true").rlimits(List.of(Rlimit.of("core", 0, 0), Rlimit.of("core", -1, -1))));
            assertTrue(
                    e.getMessage()
                            .contains(
                                    "RLIMIT_CORE to unlimited:unlimited (to raise a hard limit needs CAP_SYS_RESOURCE): operation not permitted"),
                    e.getMessage());
        }
        assertThrows(SpecException.class, () -> box.start(box.spec("true").rlimits(List.of(Rlimit.of("files", 1, 1)))));
    }

    @Test
    void the_oom_score_is_set_through_a_procfs_of_its_own() throws Exception {
        assertEquals(
                "500\n",
                box.run(box.spec("cat", "/proc/self/oom_score_adj").oomScoreAdj(500))
                        .output());
    }

    @Test
    void parameters_of_its_namespaces_are_set_and_others_refused() throws Exception {
        Sandbox.Result r = box.run(box.shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax")
                .sysctls(Map.of("net.ipv4.ip_forward", "1", "kernel.msgmax", "4096")));
        assertEquals("1\n4096\n", r.output());
        for (String name : List.of("kernel.core_pattern", "vm.swappiness", "net..x", "net/../kernel/core_pattern")) {
            assertThrows(SpecException.class, () -> box.start(box.spec("true").sysctls(Map.of(name, "1"))), name);
        }
        assertThrows(
                SpecException.class,
                () -> box.start(box.spec("true").hostNamespace("network").sysctls(Map.of("net.ipv4.ip_forward", "1"))));
    }

    @Test
    void a_terminal_is_the_containers_own_with_its_size_and_shown_as_console() throws Exception {
        DefaultSpec spec = box.shell(
                        "tty; stty size; ls -l /dev/console /dev/pts; [ /dev/tty -ef /dev/tty ] && echo x > /dev/tty; cat")
                .terminal(true)
                .consoleSize(33, 99);
        Cgroup cgroup =
                box.cgroups.create(box.parent + "/tty", spec.build().linux().resources());
        try (Fd rootfs = box.linux.openTree(Fd.CWD, box.root.toString(), Flags.OPEN_TREE_CLONE)) {
            Keeper.Spawned s = box.runtime.start(
                    "tty", spec.build(), Attachments.NONE.withRootfs(rootfs).withCgroup(cgroup));
            try (Sandbox.Running c = box.new Running("tty", spec.build(), s, cgroup, Optional.empty())) {
                Fd master = s.terminal().orElseThrow();
                box.linux.setNonBlocking(master);
                box.linux.setWindowSize(master, 40, 100);
                byte[] typed = "typed\n\004".getBytes(StandardCharsets.UTF_8);
                String text = readUntil(master, "x\r\n");
                assertTrue(text.startsWith("/dev/pts/0\r\n"), text);
                assertTrue(text.contains("33 99") || text.contains("40 100"), text);
                assertTrue(text.contains("/dev/console"), text);
                box.linux.write(master, typed, 0, typed.length);
                assertTrue(readUntil(master, "typed\r\ntyped\r\n").endsWith("typed\r\ntyped\r\n"));
            }
        }
    }

    private static String readUntil(Fd master, String end) {
        StringBuilder all = new StringBuilder();
        byte[] buffer = new byte[4096];
        long until = System.nanoTime() + 10_000_000_000L;
        while (all.indexOf(end) < 0 && System.nanoTime() < until) {
            try {
                int n = box.linux.read(master, buffer, 0, buffer.length);
                if (n > 0) {
                    all.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
                } else {
                    Thread.sleep(5);
                }
            } catch (KernelException | InterruptedException e) {
                break;
            }
        }
        return all.toString();
    }

    @Test
    void a_further_process_is_in_the_same_namespaces_and_groups_with_the_same_filter() throws Exception {
        try (Sandbox.Running c = box.start(box.spec("sleep", "100"))) {
            String list = "for n in pid net mnt ipc uts cgroup; do readlink /proc/%s/ns/$n; done";
            Sandbox.Result r = c.exec(c.spec.process()
                    .execOf(
                            List.of(
                                    "sh",
                                    "-c",
                                    "[ \"$(" + list.formatted("self") + ")\" = \"$(" + list.formatted("1")
                                            + ")\" ] && echo same; cat /proc/self/status /proc/self/cgroup; hostname; exit 3"),
                            c.spec.process().env(),
                            "/",
                            User.ROOT,
                            false));
            assertEquals(3, r.status());
            assertTrue(r.output().startsWith("same\n"), r.output());
            assertEquals("00000000a80425fb", r.line("CapBnd:"));
            assertEquals("00000000a80425fb", r.line("CapEff:"));
            assertEquals("0000000000000000", r.line("CapInh:"));
            assertEquals("2", r.line("Seccomp:"));
            assertTrue(r.output().contains(":memory:/\n"), r.output());
            assertTrue(r.output().endsWith("box\n"), r.output());
        }
    }

    @Test
    void a_further_process_has_its_own_user_and_directory() throws Exception {
        try (Sandbox.Running c = box.start(box.spec("sleep", "100"))) {
            Sandbox.Result r = c.exec(c.spec.process()
                    .execOf(
                            List.of("sh", "-c", "id; pwd; echo $HOME"),
                            c.spec.process().env(),
                            "/tmp",
                            User.named("user:staff", List.of()),
                            false));
            assertEquals("uid=1000(user) gid=50(staff) groups=50(staff)\n/tmp\n/home/user\n", r.output());
            StartException e = assertThrows(
                    StartException.class,
                    () -> c.exec(c.spec.process().execOf(List.of("nosuch"), List.of(), "/", User.ROOT, false)));
            assertEquals(127, e.exitCode());
        }
    }

    @Test
    void a_further_process_of_a_container_that_has_ended_is_refused() throws Exception {
        Sandbox.Running c = box.start(box.spec("true"));
        Spec spec = c.spec;
        Fd pidfd = box.linux.duplicate(c.spawned.pidfd());
        c.await();
        StartException e = assertThrows(
                StartException.class, () -> box.runtime.exec("late", pidfd, spec, spec.process(), Attachments.NONE));
        assertEquals(Errno.ESRCH, e.errno());
        pidfd.close();
    }

    @Test
    void a_start_that_waits_goes_on_when_told_to() throws Exception {
        Spec spec = box.shell("touch /tmp/started").build();
        Cgroup cgroup = box.cgroups.create(box.parent + "/w", spec.linux().resources());
        try (Fd rootfs = box.linux.openTree(Fd.CWD, box.root.toString(), Flags.OPEN_TREE_CLONE)) {
            Keeper.Spawned s = box.runtime.start(
                    "w",
                    spec,
                    Attachments.NONE.withRootfs(rootfs).withCgroup(cgroup).withWaitForStart());
            Sandbox.Running c = box.new Running("w", spec, s, cgroup, Optional.empty());
            assertTrue(box.keeper.list().stream().anyMatch(h -> h.id().equals("w") && h.waiting()));
            assertTrue(Files.notExists(box.root.resolve("tmp/started")));
            box.runtime.proceed("w", spec.process());
            assertEquals(0, c.await().status());
            assertTrue(Files.exists(box.root.resolve("tmp/started")));
        }
    }

    @Test
    void a_start_that_waited_for_a_command_that_is_not_there_says_so() throws Exception {
        Spec spec = box.spec("/no/such").build();
        Cgroup cgroup = box.cgroups.create(box.parent + "/v", spec.linux().resources());
        try (Fd rootfs = box.linux.openTree(Fd.CWD, box.root.toString(), Flags.OPEN_TREE_CLONE)) {
            box.runtime
                    .start(
                            "v",
                            spec,
                            Attachments.NONE
                                    .withRootfs(rootfs)
                                    .withCgroup(cgroup)
                                    .withWaitForStart())
                    .close();
            StartException e = assertThrows(StartException.class, () -> box.runtime.proceed("v", spec.process()));
            assertEquals(127, e.exitCode());
            assertTrue(e.getMessage().endsWith("exec: \"/no/such\": stat /no/such: no such file or directory"));
            cgroup.remove();
        }
    }
}
