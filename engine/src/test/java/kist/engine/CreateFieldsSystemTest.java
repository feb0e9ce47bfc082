package kist.engine;

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
import java.util.OptionalInt;
import kist.engine.HostConfig.DeviceRate;
import kist.engine.HostConfig.DeviceWish;
import kist.engine.HostConfig.Rlimit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each setting of a container does to the container, on the real kernel. */
final class CreateFieldsSystemTest {
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

    private static HostConfigBuilder host() {
        return HostConfigBuilder.builder();
    }

    private static String link(String namespace) throws Exception {
        return Files.readSymbolicLink(Path.of("/proc/self/ns/" + namespace)).toString();
    }

    private static String refused(HostConfigBuilder host) {
        EngineException e = assertThrows(EngineException.class, () -> box.start(host));
        assertTrue(e.kind() != EngineException.Kind.INTERNAL, e.getMessage());
        return String.valueOf(e.getMessage());
    }

    @Test
    void namespaces_are_the_hosts_where_asked_for() throws Exception {
        String script = "for n in ipc pid uts cgroup; do readlink /proc/self/ns/$n; done; hostname; echo $HOSTNAME";
        List<String> own = box.run(host(), script).lines().toList();
        for (String type : List.of("ipc", "pid", "uts", "cgroup")) {
            assertFalse(own.contains(link(type)), type);
        }
        assertNotEquals(HostFacts.hostname(), own.get(4));
        List<String> hosts = box.run(
                        host().ipcMode("host").pidMode("host").utsMode("host").cgroupnsMode("host"), script)
                .lines()
                .toList();
        assertEquals(
                List.of(
                        link("ipc"),
                        link("pid"),
                        link("uts"),
                        link("cgroup"),
                        HostFacts.hostname(),
                        HostFacts.hostname(),
                        "=0"),
                hosts);
    }

    @Test
    void a_container_joins_the_ipc_and_pid_namespaces_of_another() throws Exception {
        String donor = box.start(host().ipcMode("shareable"));
        String shy = box.start(host());
        try {
            assertEquals("=0", box.exec(donor, "echo word > /dev/shm/f"));
            String joined = box.run(
                    host().ipcMode("container:" + box.inspect(donor).name()).pidMode("container:" + donor),
                    "cat /dev/shm/f; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid; ps -o args | grep -c '^sleep 600'");
            assertEquals(
                    "word\n"
                            + box.exec(donor, "readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid")
                                    .replace("=0", "")
                            + "1\n=0",
                    joined);
            assertTrue(
                    refused(host().ipcMode("container:" + shy))
                            .contains("non-shareable IPC (hint: use IpcMode:shareable"),
                    "private is the default");
            assertEquals("invalid IPC mode: container:", refused(host().ipcMode("container:")));
            assertTrue(refused(host().pidMode("container:nosuch")).contains("No such container: nosuch"));
            box.call(new Request.KillContainer(donor, "KILL"));
            assertTrue(refused(host().pidMode("container:" + donor))
                    .contains("cannot join PID of a non running container: " + donor));
        } finally {
            box.remove(donor);
            box.remove(shy);
        }
    }

    @Test
    void shared_memory_is_sized_or_absent() throws Exception {
        assertEquals("1\n=0", box.run(host().shmSize(8 << 20), "grep -c '/dev/shm tmpfs.*size=8192k' /proc/mounts"));
        assertEquals("0\n=1", box.run(host().ipcMode("none"), "grep -c /dev/shm /proc/mounts"));
        Request.Created created = box.call(new Request.CreateContainer(
                "",
                ContainerConfig.of("box", "true")
                        .withHost(host().ipcMode("host").shmSize(1 << 20).build())));
        assertEquals(
                List.of("the size of /dev/shm has no effect: the IPC mode host brings its own or none"),
                created.warnings());
        box.remove(created.id());
    }

    @Test
    void an_init_is_the_first_process_and_ends_as_the_program_does() throws Exception {
        assertEquals(
                "/sbin/docker-init -- sh -c tr '\\0' ' ' < /proc/1/cmdline; ls /sbin | wc -l; exit 3 0\n=3",
                box.run(host().init(Optional.of(true)), "tr '\\0' ' ' < /proc/1/cmdline; ls /sbin | wc -l; exit 3"));
        String id = box.create(host().init(Optional.of(true)), "sleep", "600");
        box.call(new Request.StartContainer(id));
        long before = System.nanoTime();
        box.call(new Request.StopContainer(id, OptionalInt.of(10), ""));
        assertTrue(System.nanoTime() - before < 5_000_000_000L, "sleep as pid 1 would not have ended on SIGTERM");
        assertEquals(143, box.inspect(id).exitCode());
        box.remove(id);
    }

    @Test
    void devices_come_with_their_rules_alone_or_by_directory() throws Exception {
        Path devices = Files.createDirectories(directory.resolve("devices"));
        new ProcessBuilder("mknod", devices.resolve("mine").toString(), "c", "1", "5")
                .start()
                .waitFor();
        // reading an interface that is not set up fails, but only after it could be opened
        String read = "head -c 1 /dev/my/tun 2>&1";
        String out = box.run(
                host().devices(List.of(
                        new DeviceWish(devices.toString(), "/dev/sub", "r"),
                        new DeviceWish("/dev/net/tun", "/dev/my/tun", ""))),
                "echo $(stat -c %t:%T /dev/sub/mine /dev/my/tun); " + read);
        assertTrue(out.startsWith("1:5 a:c8\n") && out.contains("Input/output error"), out);
        String made = "mkdir /dev/my; mknod /dev/my/tun c 10 200; " + read;
        assertTrue(box.run(host(), made).contains("not permitted"));
        assertTrue(box.run(host().deviceRules(List.of("c 10:200 rw")), made).contains("Input/output error"));
        assertTrue(refused(host().devices(List.of(new DeviceWish("/dev/nosuch", "", ""))))
                .contains("error gathering device information while adding custom device \"/dev/nosuch\""));
        assertTrue(refused(host().devices(List.of(new DeviceWish("/etc/passwd", "", ""))))
                .contains("not a device node"));
        assertTrue(refused(host().devices(List.of(new DeviceWish("/dev/null", "", "rwx"))))
                .contains("invalid device mode: rwx"));
        assertTrue(refused(host().deviceRules(List.of("c 1:11 rwx")))
                .contains("invalid device cgroup rule format: 'c 1:11 rwx'"));
        assertEquals(
                "could not select device driver \"nvidia\" with capabilities: [[gpu]]",
                refused(host().deviceRequests(List.of(
                        new HostConfig.DeviceRequest("nvidia", -1, List.of(), List.of(List.of("gpu")), Map.of())))));
    }

    @Test
    void limits_are_in_the_control_group() throws Exception {
        String own =
                "for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"
                        + " /sys/fs/cgroup/memory/memory.swappiness /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
                        + " /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/pids/pids.max; do cat $f; done;"
                        + " grep oom_kill_disable /sys/fs/cgroup/memory/memory.oom_control; cat /proc/self/oom_score_adj";
        assertEquals(
                "67108864\n134217728\n10\n512\n50000\n0\n33\noom_kill_disable 1\n500\n=0",
                box.run(
                        host().memory(64 << 20)
                                .memorySwappiness(OptionalInt.of(10))
                                .cpuShares(512)
                                .nanoCpus(500_000_000)
                                .cpusetCpus("0")
                                .pidsLimit(33)
                                .oomKillDisable(true)
                                .oomScoreAdj(500),
                        own));
        assertTrue(refused(host().oomScoreAdj(1001)).contains("range for oom score adj is [-1000, 1000]"));
        assertTrue(refused(host().memorySwappiness(OptionalInt.of(101)))
                .contains("valid memory swappiness range is 0-100"));
        assertTrue(refused(host().cpusetMems("7")).contains("Requested memory nodes are not available - requested 7"));
        assertEquals("Invalid value 1-42,, for cpuset cpus", refused(host().cpusetCpus("1-42,,")));
        assertEquals("Invalid value 42-3,1-- for cpuset mems", refused(host().cpusetMems("42-3,1--")));
        assertEquals("invalid CPU shares (-1): value must be a positive integer", refused(host().cpuShares(-1)));
        assertTrue(refused(host().blkioWeight(5)).contains("Range of blkio weight is from 10 to 1000"));
        assertTrue(refused(host().cpuRealtimePeriod(5).cpuRealtimeRuntime(6)).contains("real-time runtime"));
    }

    @Test
    void realtime_shares_are_handed_down() throws Exception {
        assertEquals(
                "100000\n950000\n=0",
                box.run(
                        host().cpuRealtimePeriod(100_000).cpuRealtimeRuntime(95_000),
                        "cat /sys/fs/cgroup/cpu/cpu.rt_period_us; echo $(cat /sys/fs/cgroup/cpu/cpu.rt_runtime_us)0"));
    }

    @Test
    void block_rates_are_those_of_the_device() throws Exception {
        String disk = Files.readAllLines(Path.of("/proc/partitions")).stream()
                .skip(2)
                .map(l -> "/dev/" + l.strip().split("\\s+")[3])
                .filter(p -> Files.exists(Path.of(p)))
                .findFirst()
                .orElseThrow();
        String out = box.run(
                host().blkioReadBps(List.of(new DeviceRate(disk, 1 << 20)))
                        .blkioWriteIops(List.of(new DeviceRate(disk, 50))),
                "cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device /sys/fs/cgroup/blkio/blkio.throttle.write_iops_device");
        assertTrue(out.matches("(?s)\\d+:\\d+ 1048576\n\\d+:\\d+ 50\n=0"), out);
        assertTrue(refused(host().blkioReadBps(List.of(new DeviceRate("/dev/null", 1))))
                .contains("not a block device"));
        assertTrue(refused(host().blkioReadBps(List.of(new DeviceRate("/dev/nosuch", 1))))
                .contains("cannot be found"));
    }

    @Test
    void a_control_group_has_the_wanted_parent() throws Exception {
        String parent = box.groups() + "-parent";
        String id = box.start(host().cgroupParent(parent));
        try {
            assertTrue(Files.exists(Path.of("/sys/fs/cgroup/memory" + parent + "/" + id)));
            assertEquals("hello\n=0", box.exec(id, "echo hello"));
            box.restart();
            assertEquals("again\n=0", box.exec(id, "echo again"));
            box.call(new Request.PauseContainer(id));
            box.call(new Request.UnpauseContainer(id));
        } finally {
            box.remove(id);
            try (var hierarchies = Files.list(Path.of("/sys/fs/cgroup"))) {
                for (Path h : hierarchies.toList()) {
                    Path left = h.resolve(parent.substring(1));
                    for (int i = 0; i < 100 && Files.exists(left.resolve(id)); i++) {
                        Thread.sleep(20); // it goes beside the removal
                    }
                    assertFalse(Files.exists(left.resolve(id)), left.toString());
                    new ProcessBuilder("rmdir", left.toString()).start().waitFor();
                }
            }
        }
        for (String bad : List.of("/", "..", "/a/../b", box.groups() + "/below")) {
            assertTrue(refused(host().cgroupParent(bad)).contains("invalid cgroup parent: "), bad);
        }
    }

    @Test
    void security_options_do_what_they_say() throws Exception {
        String filter =
                "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; cat /proc/timer_list 2>/dev/null | wc -c";
        assertEquals("NoNewPrivs:0 Seccomp:2 0\n=0", box.run(host(), filter));
        assertEquals(
                "NoNewPrivs:1 Seccomp:0 0\n=0",
                box.run(host().securityOpt(List.of("no-new-privileges", "seccomp=unconfined")), filter));
        assertEquals(
                "NoNewPrivs:1 Seccomp:0 0\n=0",
                box.run(host().securityOpt(List.of("no-new-privileges:true", "seccomp:unconfined")), filter));
        assertTrue(box.run(
                        host().securityOpt(
                                        List.of(
                                                "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"mkdir\",\"action\":\"SCMP_ACT_ERRNO\"}]}")),
                        "mkdir /tmp/x")
                .contains("Operation not permitted"));
        String masked = "(echo 9000 > /proc/sys/kernel/msgmax) 2>/dev/null && echo writable";
        assertFalse(box.run(host(), masked).contains("writable"));
        assertTrue(box.run(host().securityOpt(List.of("systempaths=unconfined")), masked)
                .contains("writable"));
        assertEquals(
                "1\n=0",
                box.run(
                        host().securityOpt(List.of("writable-cgroups=true")),
                        "grep -c '/sys/fs/cgroup/memory cgroup rw' /proc/mounts"));
        assertEquals("0\n=1", box.run(host(), "grep -c '/sys/fs/cgroup/memory cgroup rw' /proc/mounts"));
        assertEquals("=0", box.run(host().securityOpt(List.of("label=disable", "apparmor=unconfined")), "true"));
        for (Map.Entry<String, String> bad : Map.of(
                        "seccomp=/no/json", "Decoding seccomp profile failed",
                        "seccomp={}", "Decoding seccomp profile failed",
                        "nonsense", "invalid --security-opt",
                        "no-new-privileges=perhaps", "true or false",
                        "systempaths=x", "invalid --security-opt",
                        "label=type:container_t", "SELinux is not supported",
                        "writable-cgroups=2", "true or false")
                .entrySet()) {
            String said = refused(host().securityOpt(List.of(bad.getKey())));
            assertTrue(said.contains(bad.getValue()), said);
        }
        if (!kist.runtime.AppArmor.isEnabled()) {
            assertTrue(refused(host().securityOpt(List.of("apparmor=docker-default")))
                    .contains("AppArmor is not enabled"));
        }
    }

    @Test
    void paths_can_be_masked_and_read_only_by_the_user() throws Exception {
        assertEquals(
                "0\nro\n=0",
                box.run(
                        host().maskedPaths(Optional.of(List.of("/etc/group")))
                                .readonlyPaths(Optional.of(List.of("/home"))),
                        "wc -c < /etc/group; touch /home/x 2>/dev/null || echo ro"));
        assertTrue(box.run(
                        host().readonlyPaths(Optional.of(List.of())),
                        "(echo 9000 > /proc/sys/kernel/msgmax) && echo rw")
                .contains("rw"));
        assertTrue(refused(host().maskedPaths(Optional.of(List.of("etc")))).contains("must be absolute"));
    }

    @Test
    void users_and_groups_are_those_of_the_image() throws Exception {
        ContainerConfigBuilder user = ContainerConfigBuilder.builder(ContainerConfig.of("box", "id", "-G"))
                .user("user:users");
        assertEquals("1001 50 77\n=0", box.run(user, host().groupAdd(List.of("staff", "77"))));
        String id = box.start(host().groupAdd(List.of("staff")));
        assertEquals("0 50\n=0", box.exec(id, "id -G").replace("0 10 50", "0 50"));
        box.remove(id);
        assertTrue(refused(host().groupAdd(List.of("nosuch"))).contains("Unable to find group nosuch"));
    }

    @Test
    void limits_of_a_process_and_sysctls_hold() throws Exception {
        assertEquals(
                "100\n200\n=0",
                box.run(host().rlimits(List.of(new Rlimit("nofile", 100, 200))), "ulimit -Sn; ulimit -Hn"));
        assertTrue(refused(host().rlimits(List.of(new Rlimit("nofile", 5, 4))))
                .contains("soft limit must be less than or equal"));
        assertTrue(refused(host().rlimits(List.of(new Rlimit("nosuch", 1, 2)))).contains("NOSUCH"));
        assertEquals(
                "9000\n1\n=0",
                box.run(
                        host().sysctls(Map.of("kernel.msgmax", "9000", "net.ipv4.ip_forward", "1")),
                        "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward"));
        for (HostConfigBuilder bad : List.of(
                host().sysctls(Map.of("kernel.panic", "1")),
                host().sysctls(Map.of("kernel.msgmax", "1")).ipcMode("host"),
                host().sysctls(Map.of("net.ipv4.ip_forward", "1")).network("host"),
                host().sysctls(Map.of("kernel.domainname", "x")).utsMode("host"),
                host().sysctls(Map.of("net.../x", "1")))) {
            assertTrue(refused(bad).contains("linux.sysctl"), refused(bad));
        }
    }

    @Test
    void a_privileged_container_has_all_there_is() throws Exception {
        String out = box.run(
                host().privileged(true),
                "grep -c . /dev/null; (echo 9000 > /proc/sys/kernel/msgmax) && echo w; test -c /dev/kmsg && echo kmsg;"
                        + " grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp && echo mounted");
        for (String wanted : List.of("w\n", "kmsg\n", "Seccomp:\t0", "mounted\n")) {
            assertTrue(out.contains(wanted), out);
        }
    }

    private static HostConfig.MountSpec tmpfs(String... options) {
        return HostConfigMountSpecBuilder.builder()
                .type("tmpfs")
                .target("/t")
                .options(List.of(options))
                .build();
    }

    @Test
    void a_tmpfs_has_the_options_that_were_said() throws Exception {
        String out = box.run(
                host().mounts(List.of(tmpfs("size=4m", "mode=0700", "uid=1000", "exec")))
                        .readonlyRootfs(true),
                "grep ' /t ' /proc/mounts; stat -c %a:%u /t; touch /t/x && echo written; touch /y 2>/dev/null || echo read-only");
        assertTrue(out.contains("nosuid,nodev,relatime,size=4096k,mode=700,uid=1000"), out);
        assertTrue(out.endsWith("700:1000\nwritten\nread-only\n=0"), out);
    }

    @Test
    void what_a_container_of_the_hosts_pid_namespace_leaves_behind_ends_with_it() throws Exception {
        assertEquals("ok\n=0", box.run(host().pidMode("host"), "sleep 98765 & echo ok"));
        for (int i = 0; i < 200; i++) {
            boolean there = ProcessHandle.allProcesses()
                    .anyMatch(p -> p.info().commandLine().orElse("").contains("sleep 98765"));
            if (!there) {
                return;
            }
            Thread.sleep(10);
        }
        throw new AssertionError("sleep 98765 lives on");
    }

    @Test
    void a_further_process_does_not_need_the_devices_that_its_container_began_with() throws Exception {
        Path node = directory.resolve("unplugged");
        new ProcessBuilder("mknod", node.toString(), "c", "1", "5").start().waitFor();
        String id = box.start(host().devices(List.of(new DeviceWish(node.toString(), "/dev/gone", ""))));
        try {
            Files.delete(node);
            assertEquals("1:5\n=0", box.exec(id, "stat -c %t:%T /dev/gone"));
            box.call(new Request.UpdateContainer(
                    id,
                    ContainerUpdateBuilder.builder()
                            .cpuShares(java.util.OptionalLong.of(100))
                            .build()));
            // CVE-2022-24769, CVE-2022-29162, CVE-2022-27649: nothing inheritable, nothing ambient
            assertEquals(
                    "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n=0",
                    box.exec(id, "grep -E 'CapInh|CapAmb' /proc/self/status"));
            // CVE-2024-21626: no descriptor but the three, and none can be the working directory
            assertEquals("0 1 2 3\n=0", box.exec(id, "echo $(ls /proc/self/fd)"), "3 is ls reading the directory");
            for (int fd = 3; fd < 12; fd++) {
                ExecConfig leaked = new ExecConfig(
                        List.of("pwd"), List.of(), "/proc/self/fd/" + fd, "", false, false, true, true, false);
                assertThrows(EngineException.class, () -> box.exec(id, leaked), "descriptor " + fd);
            }
            // CVE-2024-40635, CVE-2026-30892: none of these is root
            for (String user :
                    List.of("4294967295", "2147483648", "1000:-1", "+0", "0x0", "000", "root ", "user:", "nosuch")) {
                ExecConfig wrong = new ExecConfig(List.of("id"), List.of(), "", user, false, false, true, true, false);
                assertThrows(EngineException.class, () -> box.exec(id, wrong), user);
            }
        } finally {
            box.remove(id);
        }
    }

    @Test
    void a_client_loses_nothing_of_a_container_that_is_removed_when_it_ends() throws Exception {
        for (int i = 0; i < 100; i++) {
            String id = box.create(host().autoRemove(true), "echo", "line " + i);
            assertEquals("line " + i + "\n", box.output(id));
        }
    }

    @Test
    void what_cannot_be_had_is_refused_by_name() {
        assertTrue(refused(host().storageOptions(Map.of("size", "1G"))).contains("storage option size"));
        assertEquals("unknown or invalid runtime name: crun", refused(host().runtime("crun")));
        assertEquals("invalid UTS mode: x", refused(host().utsMode("x")));
        assertEquals("invalid user namespace mode: keep-id", refused(host().usernsMode("keep-id")));
        assertEquals("invalid cgroup namespace mode: x", refused(host().cgroupnsMode("x")));
        assertEquals("invalid PID mode: x", refused(host().pidMode("x")));
        assertEquals("invalid CapAdd: unknown capability: \"CAP_NOSUCH\"", refused(host().capAdd(List.of("NOSUCH"))));
        assertEquals("invalid CapDrop: unknown capability: \"CAP_\"", refused(host().capDrop(List.of("CAP_"))));
        for (String option :
                List.of("foo", "size=x", "mode=9", "uid=-1", "size", "ro=1", "remount", "", "huge=always")) {
            assertEquals("invalid tmpfs option [\"" + option + "\"]", refused(host().mounts(List.of(tmpfs(option)))));
        }
        assertTrue(refused(host().groupAdd(List.of("a\0b"))).contains("a NUL byte"));
    }
}
