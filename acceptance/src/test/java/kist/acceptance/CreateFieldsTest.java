package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What each field of a create request brings, seen from inside the container. */
@Tag("peer")
class CreateFieldsTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static Command run(String... arguments) {
        return docker("run", "--rm", "--network", "none").with(arguments);
    }

    /** What a script prints in a container with these flags. */
    private static String in(String script, String... flags) {
        return run(flags).with("busybox", "sh", "-c", script).ok();
    }

    private static String sleeper(String name, String... flags) {
        return docker("run", "-d", "--name", name, "--network", "none")
                .with(flags)
                .with("busybox", "sleep", "600")
                .ok();
    }

    private static String namespace(String kind) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/ns", kind)).toString();
    }

    private static String own(String kind, String... flags) {
        return in("readlink /proc/self/ns/" + kind, flags);
    }

    @Test
    void ipc_private_shareable_shared_none_and_of_the_host() throws IOException {
        assertNotEquals(namespace("ipc"), own("ipc"));
        assertNotEquals(namespace("ipc"), own("ipc", "--ipc", "private"));
        assertEquals(namespace("ipc"), own("ipc", "--ipc", "host"));
        sleeper("giver", "--ipc", "shareable");
        var giver = docker("exec", "giver", "readlink", "/proc/1/ns/ipc").ok();
        assertEquals(giver, own("ipc", "--ipc", "container:giver"));
        docker("exec", "giver", "sh", "-c", "echo shared >/dev/shm/file").ok();
        assertEquals("shared", in("cat /dev/shm/file", "--ipc", "container:giver"));
        assertEquals("0", in("grep -c ' /dev/shm ' /proc/mounts || true", "--ipc", "none"));
        sleeper("miser", "--ipc", "private");
        run("--ipc", "container:miser", "busybox", "true").run().exits(125).says("non-shareable IPC");
        run("--ipc", "container:missing", "busybox", "true").run().exits(125).says("missing");
    }

    @Test
    void pid_of_the_host_and_of_another_container() throws IOException {
        assertEquals(namespace("pid"), own("pid", "--pid", "host"));
        long self = ProcessHandle.current().pid();
        assertEquals("java", in("cat /proc/" + self + "/comm", "--pid", "host"));
        sleeper("giver");
        assertEquals("sleep", in("cat /proc/1/comm", "--pid", "container:giver"));
        run("--pid", "container:missing", "busybox", "true").run().exits(125).says("missing");
    }

    @Test
    void uts_of_the_host() throws IOException {
        assertEquals(namespace("uts"), own("uts", "--uts", "host"));
        assertEquals(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip(), in("hostname", "--uts", "host"));
        run("--uts", "host", "--hostname", "x", "busybox").run().exits(125).says("hostname", "UTS");
    }

    @Test
    void cgroup_namespace_private_and_of_the_host() throws IOException {
        assertEquals(namespace("cgroup"), own("cgroup", "--cgroupns", "host"));
        assertNotEquals(namespace("cgroup"), own("cgroup", "--cgroupns", "private"));
    }

    @Test
    void hostname_and_domain_name() {
        assertEquals(
                "box example.org box",
                in(
                        "echo $(hostname) $(cat /proc/sys/kernel/domainname /etc/hostname)",
                        "--hostname",
                        "box",
                        "--domainname",
                        "example.org"));
        assertTrue(docker(
                        "run",
                        "--rm",
                        "--hostname",
                        "box",
                        "--domainname",
                        "example.org",
                        "busybox",
                        "cat",
                        "/etc/hosts")
                .ok()
                .contains("\tbox.example.org box"));
    }

    @Test
    void a_device_under_another_name_with_the_access_allowed() {
        var use = "true </dev/mine && echo reads; true >/dev/mine && echo writes; stat -c '%t:%T' /dev/mine";
        assertEquals("reads\nwrites\na:ed", in(use, "--device", "/dev/loop-control:/dev/mine"));
        var only = run("--device", "/dev/loop-control:/dev/mine:r", "busybox", "sh", "-c", use)
                .run();
        assertEquals("reads\na:ed", only.out());
        only.says("Operation not permitted");
        run("--device", "/dev/nonesuch", "busybox", "true").run().tells("/dev/nonesuch", "no such file");
        run("--device", "/dev/null:/dev/x:z", "busybox", "true").run().exits(125);
    }

    @Test
    void a_rule_for_devices_allows_what_is_made_by_hand() {
        var use = "mknod /tmp/dev c 10 237 && true </tmp/dev && echo reads";
        run("busybox", "sh", "-c", use).run().exits(1).says("Operation not permitted");
        assertEquals("reads", in(use, "--device-cgroup-rule", "c 10:237 rwm"));
        run("--device-cgroup-rule", "nonsense", "busybox").run().exits(125).says("nonsense");
    }

    @Test
    void sysctls_of_the_containers_own_namespaces() {
        assertEquals("1", in("cat /proc/sys/net/ipv4/ip_forward", "--sysctl", "net.ipv4.ip_forward=1"));
        assertEquals("4096", in("cat /proc/sys/kernel/msgmax", "--sysctl", "kernel.msgmax=4096"));
        run("--sysctl", "vm.swappiness=1", "busybox", "true").run().tells("vm.swappiness");
        docker("run", "--rm", "--network", "host", "--sysctl", "net.ipv4.ip_forward=1", "busybox", "true")
                .run()
                .tells("net.ipv4.ip_forward", "host");
        run("--ipc", "host", "--sysctl", "kernel.msgmax=4096", "busybox", "true")
                .run()
                .tells("kernel.msgmax");
    }

    @Test
    void ulimits() {
        assertEquals(
                "100 200 0",
                in(
                        "echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -c)",
                        "--ulimit",
                        "nofile=100:200",
                        "--ulimit",
                        "core=0"));
        assertTrue(in("grep '^Max processes' /proc/self/limits", "--ulimit", "nproc=50:60")
                .matches("Max processes +50 +60 .*"));
        run("--ulimit", "nonesuch=1", "busybox").run().exits(125).says("nonesuch");
        run("--ulimit", "nofile=20:10", "busybox").run().exits(125).says("ulimit");
    }

    @Test
    void groups_beside_the_users_own() {
        assertEquals("0 29 777", in("id -G", "--group-add", "audio", "--group-add", "777"));
        assertEquals("1000 29 777", in("id -G", "-u", "tester", "--group-add", "777"));
        run("--group-add", "nonesuch", "busybox", "true").run().tells("nonesuch");
    }

    @Test
    void oom_score() {
        assertEquals("321", in("cat /proc/self/oom_score_adj", "--oom-score-adj", "321"));
        run("--oom-score-adj", "2000", "busybox").run().exits(125).says("2000", "1000");
    }

    @Test
    void an_init_reaps_forwards_and_exits_as_its_child() {
        assertNotEquals("1", in("echo $$", "--init"));
        assertEquals("0", in("(sleep 0.1 &); sleep 0.5; grep -l '^State:.*Z' /proc/[0-9]*/status | wc -l", "--init"));
        run("--init", "busybox", "sh", "-c", "exit 7").run().exits(7);
        run("--init", "busybox", "sh", "-c", "kill -TERM $$").run().exits(143);
        sleeper("box", "--init");
        var stopped = docker("stop", "box").run();
        stopped.ok();
        // sleep has no handler; as process 1 it would have waited for SIGKILL
        assertTrue(stopped.took().toSeconds() < 8, stopped.toString());
        assertEquals(143, engine.inspect("box").number("State", "ExitCode"));
        run("--init", "busybox", "nonesuch").run().tells("nonesuch");
    }

    @Test
    void masked_and_read_only_paths_by_default_of_ones_own_and_none() {
        assertEquals("0", in("ls /proc/scsi /sys/firmware | grep -v : | grep -c . || true"));
        run("busybox", "sh", "-c", "echo 1 >/proc/sys/kernel/msgmax")
                .run()
                .exits(1)
                .says("Read-only");
        assertEquals(
                "0", in("grep -c ' /proc/[a-z]' /proc/mounts || true", "--security-opt", "systempaths=unconfined"));
        assertNotEquals("0", in("grep -c ' /proc/[a-z]' /proc/mounts"));
        var id = engine.api()
                .run("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"cat /etc/data; touch /tmp/x; ls /root\"],"
                        + "\"HostConfig\":{\"NetworkMode\":\"none\",\"MaskedPaths\":[\"/etc/data\",\"/root\"],"
                        + "\"ReadonlyPaths\":[\"/tmp\"]}}");
        docker("wait", id).ok();
        assertEquals("", docker("logs", id).ok());
        docker("logs", id).run().says("Read-only file system");
        assertEquals(List.of("/etc/data", "/root"), engine.inspect(id).texts("HostConfig", "MaskedPaths"));
    }

    @Test
    void tmpfs_with_options() {
        var mount = in("grep ' /t ' /proc/mounts; stat -c '%a %u' /t", "--tmpfs", "/t:size=1m,mode=0711,uid=5");
        assertTrue(mount.startsWith("tmpfs /t tmpfs rw,nosuid,nodev,noexec"), mount);
        assertTrue(mount.contains("size=1024k"), mount);
        assertTrue(mount.endsWith("711 5"), mount);
        run("--tmpfs", "/t:size=100k", "busybox", "dd", "if=/dev/zero", "of=/t/f", "bs=1k", "count=200")
                .run()
                .exits(1)
                .says("No space left");
        assertFalse(in("grep ' /t ' /proc/mounts", "--tmpfs", "/t:exec").contains("noexec"));
        run("--tmpfs", "/t:nonesuch", "busybox").run().exits(125).says("nonesuch");
        var wanted = in(
                "grep ' /t ' /proc/mounts; stat -c %a /t",
                "--mount", "type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=0750");
        assertTrue(wanted.contains("size=2048k") && wanted.endsWith("750"), wanted);
    }

    @Test
    void shared_memory_of_the_size_asked_for() {
        assertTrue(in("grep ' /dev/shm ' /proc/mounts").contains("size=65536k"));
        assertTrue(in("grep ' /dev/shm ' /proc/mounts", "--shm-size", "8m").contains("size=8192k"));
    }

    @Test
    void names_and_servers_of_names() {
        var resolv = docker(
                        "run",
                        "--rm",
                        "--dns",
                        "10.9.9.9",
                        "--dns",
                        "10.9.9.8",
                        "--dns-search",
                        "example.org",
                        "--dns-option",
                        "ndots:3",
                        "busybox",
                        "cat",
                        "/etc/resolv.conf")
                .ok();
        assertTrue(resolv.contains("nameserver 10.9.9.9\nnameserver 10.9.9.8"), resolv);
        assertTrue(resolv.contains("search example.org"), resolv);
        assertTrue(resolv.contains("options ndots:3"), resolv);
        var hosts = docker(
                        "run",
                        "--rm",
                        "--name",
                        "named",
                        "--add-host",
                        "other:10.8.8.8",
                        "--add-host",
                        "outside:host-gateway",
                        "busybox",
                        "cat",
                        "/etc/hosts")
                .ok();
        assertTrue(hosts.contains("10.8.8.8\tother"), hosts);
        assertTrue(hosts.matches("(?s).*\\d+\\.\\d+\\.\\d+\\.\\d+\toutside.*"), hosts);
        assertTrue(hosts.startsWith("127.0.0.1\tlocalhost"), hosts);
    }

    @Test
    void a_link_brings_a_name_and_variables() {
        docker("run", "-d", "--name", "giver", "--expose", "80", "-e", "COLOR=green", "busybox", "sleep", "600")
                .ok();
        var address = engine.inspect("giver").text("NetworkSettings", "IPAddress");
        var out = docker(
                        "run",
                        "--rm",
                        "--link",
                        "giver:friend",
                        "busybox",
                        "sh",
                        "-c",
                        "grep friend /etc/hosts; env | grep ^FRIEND | sort")
                .ok();
        assertTrue(out.contains(address + "\tfriend"), out);
        assertTrue(out.contains("FRIEND_ENV_COLOR=green"), out);
        assertTrue(out.contains("FRIEND_PORT=tcp://" + address + ":80"), out);
        docker("run", "--rm", "--link", "missing:x", "busybox").run().exits(125).says("missing");
    }

    @Test
    void a_hardware_address_of_ones_own_and_ports_at_random() {
        // as clients say it up to API 1.43
        var id = engine.api()
                .post(
                        "/v1.41/containers/create",
                        "{\"Image\":\"busybox\",\"MacAddress\":\"02:42:ac:11:12:13\",\"Cmd\":[\"cat\",\"/sys/class/net/eth0/address\"]}")
                .expect(201)
                .json()
                .text("Id");
        assertEquals("02:42:ac:11:12:13", docker("start", "-a", id).ok());
        docker("run", "-d", "--name", "open", "-P", "--expose", "80", "--expose", "53/udp", "busybox", "sleep", "600")
                .ok();
        assertTrue(
                docker("port", "open").ok().matches("(?s)53/udp -> 0\\.0\\.0\\.0:\\d+.*80/tcp -> 0\\.0\\.0\\.0:\\d+.*"),
                docker("port", "open").ok());
    }

    @Test
    void processors_and_a_parent_of_the_control_group() {
        assertEquals("0", in("sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status", "--cpuset-cpus", "0"));
        sleeper("box", "--cgroup-parent", "/kist-acceptance");
        assertTrue(
                Processes.read(engine.pid("box"), "cgroup").contains("/kist-acceptance/"),
                Processes.read(engine.pid("box"), "cgroup"));
        docker("rm", "-f", "box").ok();
        Command.of("sh", "-c", "find /sys/fs/cgroup -depth -type d -name kist-acceptance -exec rmdir {} +")
                .run();
    }

    @Test
    void security_options() throws IOException {
        assertEquals(
                "1",
                in("sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status", "--security-opt", "no-new-privileges"));
        assertEquals(
                "0",
                in(
                        "sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status",
                        "--security-opt",
                        "no-new-privileges:false"));
        assertEquals("2", in("sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status"));
        assertEquals(
                "0",
                in("sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status", "--security-opt", "seccomp=unconfined"));
        assertEquals("fine", in("echo fine", "--security-opt", "label=disable"));
        run("--security-opt", "nonesuch=1", "busybox").run().exits(125).says("nonesuch");
    }

    @Test
    void a_seccomp_profile_from_a_file(@TempDir Path directory) throws IOException {
        var profile = directory.resolve("profile.json");
        Files.writeString(
                profile,
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}");
        run("--security-opt", "seccomp=" + profile, "busybox", "mkdir", "/tmp/x")
                .run()
                .exits(1)
                .says("Operation not permitted");
        assertEquals("fine", in("touch /tmp/x && echo fine", "--security-opt", "seccomp=" + profile));
        Files.writeString(profile, "{\"defaultAction\":\"SCMP_ACT_NONESUCH\"}");
        var wrong =
                run("--security-opt", "seccomp=" + profile, "busybox", "true").run();
        assertTrue(wrong.exit() != 0, wrong.toString());
        Files.writeString(profile, "{");
        run("--security-opt", "seccomp=" + profile, "busybox", "true")
                .run()
                .exits(125)
                .says("json");
    }

    @Test
    void the_stop_signal_and_its_patience() {
        docker(
                        "run",
                        "-d",
                        "--name",
                        "box",
                        "--stop-signal",
                        "USR1",
                        "--stop-timeout",
                        "7",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "trap 'exit 6' USR1; while :; do sleep 0.05; done")
                .ok();
        docker("stop", "box").ok();
        assertEquals(6, engine.inspect("box").number("State", "ExitCode"));
        assertEquals(7, engine.inspect("box").number("Config", "StopTimeout"));
        sleeper("deaf", "--stop-timeout", "1");
        var stopped = docker("stop", "deaf").run();
        stopped.ok();
        assertTrue(stopped.took().toMillis() > 900 && stopped.took().toSeconds() < 8, stopped.toString());
    }

    @Test
    void the_runtime_by_name() {
        assertEquals("fine", in("echo fine", "--runtime", "runc"));
        run("--runtime", "nonesuch", "busybox").run().exits(125).says("nonesuch");
    }

    @Test
    void a_read_only_root_with_volumes_that_are_not() {
        assertEquals(
                "fine",
                in(
                        "touch /x 2>/dev/null || touch /v/x /t/x /dev/shm/x && echo fine",
                        "--read-only",
                        "-v",
                        "/v",
                        "--tmpfs",
                        "/t"));
    }

    @Test
    void everything_at_once_and_inspect_tells_it_all() {
        var flags = new String[] {
            "--hostname",
            "all",
            "--ipc",
            "shareable",
            "--init",
            "--shm-size",
            "8m",
            "--tmpfs",
            "/t",
            "--ulimit",
            "nofile=100",
            "--group-add",
            "audio",
            "--oom-score-adj",
            "5",
            "--sysctl",
            "kernel.msgmax=4096",
            "--cap-add",
            "SYS_TIME",
            "--cap-drop",
            "KILL",
            "--read-only",
            "-m",
            "64m",
            "--memory-swap",
            "64m",
            "--cpus",
            "0.5",
            "--pids-limit",
            "99",
            "--device",
            "/dev/loop-control",
            "--security-opt",
            "no-new-privileges",
            "-v",
            "/var/tmp:/host:ro",
            "--restart",
            "no",
            "--log-opt",
            "max-size=1m",
            "--stop-signal",
            "INT",
            "--health-cmd",
            "true",
            "--label",
            "a=b",
            "--expose",
            "99"
        };
        sleeper("all", flags);
        var host = engine.inspect("all").at("HostConfig");
        var config = engine.inspect("all").at("Config");
        assertEquals("shareable", host.text("IpcMode"));
        assertTrue(host.flag("Init") && host.flag("ReadonlyRootfs"));
        assertEquals(8 << 20, host.number("ShmSize"));
        assertEquals(List.of("audio"), host.texts("GroupAdd"));
        assertEquals(5, host.number("OomScoreAdj"));
        assertEquals(
                "4096", new Json(((java.util.Map<?, ?>) host.at("Sysctls").value()).get("kernel.msgmax")).toString());
        assertEquals(99, host.number("PidsLimit"));
        assertEquals("/dev/loop-control", host.list("Devices").getFirst().text("PathOnHost"));
        assertEquals("rwm", host.list("Devices").getFirst().text("CgroupPermissions"));
        assertEquals("nofile", host.list("Ulimits").getFirst().text("Name"));
        assertEquals(List.of("no-new-privileges"), host.texts("SecurityOpt"));
        assertEquals(List.of("/var/tmp:/host:ro"), host.texts("Binds"));
        assertEquals("INT", config.text("StopSignal"));
        assertEquals(List.of("CMD-SHELL", "true"), config.texts("Healthcheck", "Test"));
        assertEquals("b", config.text("Labels", "a"));
        assertTrue(config.keys("ExposedPorts").contains("99/tcp"));
        assertEquals("fine", docker("exec", "all", "echo", "fine").ok());
    }
}
