package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CreateFlagsTest {
    private static Doc body(String... args) throws IOException {
        return body(true, args);
    }

    private static Doc body(boolean attached, String... args) throws IOException {
        var context = new Context(
                Settings.of(Path.of("/r"), Path.of("/r"), ""),
                new ByteArrayInputStream(new byte[0]),
                OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(),
                Map.of("HERE", "there"),
                "",
                "");
        var parsed = CreateFlags.declare(new Flags("run", "", "")).parse(List.of(args));
        return Doc.parse(Doc.json(CreateFlags.body(parsed, context, attached)));
    }

    @Test
    void the_least_says_nothing_but_image_and_streams() throws IOException {
        var body = body("busybox", "true");
        assertEquals("busybox", body.text("Image"));
        assertEquals(List.of("true"), body.strings("Cmd"));
        assertEquals(List.of("NetworkMode"), List.copyOf(body.map("HostConfig").keySet()));
        assertFalse(body.flag("AttachStdin"));
        assertTrue(body.flag("AttachStdout"));
    }

    @Test
    void streams_follow_i_t_d_and_a() throws IOException {
        var interactive = body("-it", "x");
        assertTrue(interactive.flag("Tty") && interactive.flag("OpenStdin") && interactive.flag("StdinOnce"));
        assertTrue(interactive.flag("AttachStdin"));
        var detached = body(false, "-i", "x");
        assertTrue(detached.flag("OpenStdin"));
        assertFalse(detached.flag("StdinOnce") || detached.flag("AttachStdin") || detached.flag("AttachStdout"));
        var chosen = body("-a", "stderr", "x");
        assertTrue(chosen.flag("AttachStderr"));
        assertFalse(chosen.flag("AttachStdout"));
    }

    @Test
    void limits_become_numbers() throws IOException {
        var host = body(
                        "-m",
                        "64m",
                        "--memory-swap",
                        "-1",
                        "--cpus",
                        "0.5",
                        "--pids-limit",
                        "20",
                        "--shm-size=1m",
                        "--cpu-shares",
                        "512",
                        "x")
                .at("HostConfig");
        assertEquals(64L << 20, host.number("Memory"));
        assertEquals(-1, host.number("MemorySwap"));
        assertEquals(500_000_000, host.number("NanoCpus"));
        assertEquals(20, host.number("PidsLimit"));
        assertEquals(1 << 20, host.number("ShmSize"));
        assertEquals(512, host.number("CpuShares"));
    }

    @Test
    void mounts_of_each_kind_are_carried_over() throws IOException {
        var host = body(
                        "-v",
                        "/a:/b:ro",
                        "--tmpfs",
                        "/t:size=1m",
                        "--tmpfs",
                        "/u",
                        "--mount",
                        "type=bind,source=/c,target=/d,readonly,bind-propagation=rslave",
                        "--mount",
                        "type=tmpfs,dst=/e,tmpfs-size=1m,tmpfs-mode=1770",
                        "x")
                .at("HostConfig");
        assertEquals(List.of("/a:/b:ro"), host.strings("Binds"));
        assertEquals("size=1m", host.text("Tmpfs", "/t"));
        assertEquals("", host.text("Tmpfs", "/u"));
        var mounts = host.list("Mounts");
        assertEquals("bind", mounts.getFirst().text("Type"));
        assertTrue(mounts.getFirst().flag("ReadOnly"));
        assertEquals("rslave", mounts.getFirst().text("BindOptions", "Propagation"));
        assertEquals(01770, mounts.getLast().number("TmpfsOptions", "Mode"));
    }

    @Test
    void a_relative_source_is_the_commands_own_directory() throws IOException {
        var host = body("-v", "./x:/y", "img").at("HostConfig");
        assertEquals(List.of(Path.of("x").toAbsolutePath() + ":/y"), host.strings("Binds"));
    }

    @Test
    void variables_come_from_flags_files_and_the_own_environment(@TempDir Path directory) throws IOException {
        var file = Files.writeString(directory.resolve("env"), "# comment\nF=1 2\n\nHERE\n");
        var body = body("-e", "A=B=C", "-e", "HERE", "-e", "NOT_SET", "--env-file", file.toString(), "x");
        assertEquals(List.of("F=1 2", "HERE=there", "A=B=C", "HERE=there", "NOT_SET"), body.strings("Env"));
        assertThrows(Failure.class, () -> body("-e", "=x", "x"));
        assertThrows(Failure.class, () -> body("--env-file", directory + "/none", "x"));
    }

    @Test
    void an_empty_entrypoint_takes_the_images_away() throws IOException {
        assertEquals(List.of(""), body("--entrypoint", "", "x").strings("Entrypoint"));
        assertEquals(List.of("/bin/sh"), body("--entrypoint=/bin/sh", "x").strings("Entrypoint"));
    }

    @Test
    void wrong_values_are_refused_and_named() {
        for (var args : List.of(
                List.of("-m", "lots"),
                List.of("--cpus", "a"),
                List.of("--pids-limit", "1.5"),
                List.of("--ulimit", "nofile"),
                List.of("--ulimit", "nofile=20:10"),
                List.of("--sysctl", "x"),
                List.of("--mount", "type=bind,source=/a"),
                List.of("--mount", "type=bind,target=/a,colour=red"),
                List.of("-l", "=x"),
                List.of("-a", "stdlog"))) {
            var all = new java.util.ArrayList<>(args);
            all.add("x");
            var failure = assertThrows(Failure.class, () -> body(all.toArray(String[]::new)), args::toString);
            assertEquals(125, failure.status());
            assertTrue(failure.text().contains(args.get(1)), failure.text());
        }
    }

    @Test
    void ports_are_exposed_and_bound_singly_and_in_ranges() throws IOException {
        var body = body(
                "--expose",
                "80",
                "--expose",
                "90-91/udp",
                "-p",
                "8080:81",
                "-p",
                "127.0.0.1:82:82/udp",
                "-p",
                "[::1]:83:83",
                "-p",
                "127.0.0.1::84",
                "-p",
                "1000-1001:2000-2001",
                "-p",
                "3000-3005:85",
                "-p",
                "80",
                "-p",
                "target=86,published=8086,protocol=sctp",
                "-P",
                "x");
        assertEquals(
                List.of(
                        "2000/tcp",
                        "2001/tcp",
                        "80/tcp",
                        "81/tcp",
                        "82/udp",
                        "83/tcp",
                        "84/tcp",
                        "85/tcp",
                        "86/sctp",
                        "90/udp",
                        "91/udp"),
                List.copyOf(body.map("ExposedPorts").keySet()));
        var host = body.at("HostConfig");
        assertTrue(host.flag("PublishAllPorts"));
        for (var expected : Map.of(
                        "81/tcp", ":8080",
                        "82/udp", "127.0.0.1:82",
                        "83/tcp", "::1:83",
                        "84/tcp", "127.0.0.1:",
                        "2001/tcp", ":1001",
                        "85/tcp", ":3000-3005",
                        "80/tcp", ":",
                        "86/sctp", ":8086")
                .entrySet()) {
            var binding = host.list("PortBindings", expected.getKey()).getFirst();
            assertEquals(
                    expected.getValue(), binding.text("HostIp") + ":" + binding.text("HostPort"), expected::getKey);
        }
    }

    @Test
    void networks_have_addresses_and_names_by_flags_or_in_long_form() throws IOException {
        var body = body(
                "--network",
                "name=foo,alias=a,alias=b,ip=10.0.0.2,driver-opt=x=y,gw-priority=5",
                "--network",
                "bar",
                "--mac-address",
                "02:00:00:00:00:01",
                "--link",
                "db:sql",
                "x");
        assertEquals("foo", body.text("HostConfig", "NetworkMode"));
        var endpoints = body.at("NetworkingConfig", "EndpointsConfig");
        assertEquals(List.of("foo", "bar"), List.copyOf(endpoints.map().keySet()));
        var foo = endpoints.at("foo");
        assertEquals(List.of("a", "b"), foo.strings("Aliases"));
        assertEquals("10.0.0.2", foo.text("IPAMConfig", "IPv4Address"));
        assertEquals("y", foo.text("DriverOpts", "x"));
        assertEquals(5, foo.number("GwPriority"));
        assertEquals("02:00:00:00:00:01", foo.text("MacAddress"));
        assertEquals(List.of("db:sql"), foo.strings("Links"));
        assertFalse(body("--network", "host", "x").at("NetworkingConfig").present());
        assertEquals(
                "1.2.3.4",
                body("--network", "foo", "--ip", "1.2.3.4", "x")
                        .text("NetworkingConfig", "EndpointsConfig", "foo", "IPAMConfig", "IPv4Address"));
    }

    @Test
    void devices_have_modes_rates_and_rules() throws IOException {
        var host = body(
                        "--device",
                        "/dev/null",
                        "--device",
                        "/dev/zero:/dev/z",
                        "--device",
                        "/dev/full:/dev/f:rw",
                        "--device",
                        "/dev/full:r",
                        "--device",
                        "vendor.com/gpu=a",
                        "--device-cgroup-rule",
                        "c 1:3 rw",
                        "--device-read-bps",
                        "/dev/sda:1mb",
                        "--device-write-iops",
                        "/dev/sda:7",
                        "--gpus",
                        "\"device=0,1\",driver=n",
                        "--blkio-weight",
                        "10",
                        "x")
                .at("HostConfig");
        var shown = new java.util.ArrayList<String>();
        for (var device : host.list("Devices")) {
            shown.add(device.text("PathOnHost") + ">" + device.text("PathInContainer") + ">"
                    + device.text("CgroupPermissions"));
        }
        assertEquals(
                List.of(
                        "/dev/null>/dev/null>rwm",
                        "/dev/zero>/dev/z>rwm",
                        "/dev/full>/dev/f>rw",
                        "/dev/full>/dev/full>r"),
                shown);
        assertEquals("cdi", host.list("DeviceRequests").getFirst().text("Driver"));
        assertEquals(List.of("0", "1"), host.list("DeviceRequests").getLast().strings("DeviceIDs"));
        assertEquals(1 << 20, host.list("BlkioDeviceReadBps").getFirst().number("Rate"));
        assertEquals(7, host.list("BlkioDeviceWriteIOps").getFirst().number("Rate"));
        assertEquals(10, host.number("BlkioWeight"));
    }

    @Test
    void health_checks_have_their_times_in_nanoseconds() throws IOException {
        var health = body(
                "--health-cmd",
                "curl x",
                "--health-interval",
                "5s",
                "--health-retries",
                "3",
                "--health-start-interval",
                "1s",
                "--health-start-period",
                "1m30s",
                "--health-timeout",
                "100ms",
                "--restart-on-unhealthy",
                "x");
        assertEquals(List.of("CMD-SHELL", "curl x"), health.strings("Healthcheck", "Test"));
        assertEquals(5_000_000_000L, health.number("Healthcheck", "Interval"));
        assertEquals(90_000_000_000L, health.number("Healthcheck", "StartPeriod"));
        assertEquals(100_000_000L, health.number("Healthcheck", "Timeout"));
        assertEquals(3, health.number("Healthcheck", "Retries"));
        assertEquals("true", health.text("Labels", "io.kist.restart-on-unhealthy"));
        assertEquals(List.of("NONE"), body("--no-healthcheck", "x").strings("Healthcheck", "Test"));
    }

    @Test
    void security_options_carry_the_text_of_a_profile(@TempDir Path directory) throws IOException {
        var file = Files.writeString(directory.resolve("p.json"), "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n");
        var host = body(
                        "--security-opt",
                        "seccomp=" + file,
                        "--security-opt",
                        "no-new-privileges",
                        "--security-opt",
                        "label:disable",
                        "--security-opt",
                        "systempaths=unconfined",
                        "x")
                .at("HostConfig");
        assertEquals(
                List.of("seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "no-new-privileges", "label:disable"),
                host.strings("SecurityOpt"));
        assertTrue(host.at("MaskedPaths").present() && host.list("MaskedPaths").isEmpty());
        assertEquals(
                List.of("seccomp=unconfined"),
                body("--security-opt", "seccomp=unconfined", "x").strings("HostConfig", "SecurityOpt"));
    }

    @Test
    void the_rest_of_the_hosts_side_is_carried_over() throws IOException {
        var body = body(
                "--annotation",
                "a=b",
                "--log-driver",
                "syslog",
                "--log-opt",
                "tag=x",
                "--restart",
                "on-failure:5",
                "--init",
                "--sysctl",
                "net.x=1",
                "--storage-opt",
                "size=5G",
                "--ipc",
                "host",
                "--pid",
                "container:y",
                "--uts",
                "host",
                "--userns",
                "host",
                "--cgroupns",
                "private",
                "--cgroup-parent",
                "/p",
                "--dns",
                "1.1.1.1",
                "--dns-opt",
                "ndots:1",
                "--dns-search",
                "a.b",
                "--group-add",
                "5",
                "--oom-score-adj",
                "-5",
                "--oom-kill-disable",
                "--memory-swappiness",
                "0",
                "--runtime",
                "kist",
                "--volumes-from",
                "v:ro",
                "--volume-driver",
                "local",
                "--add-host",
                "h:[::1]",
                "--add-host",
                "g=host-gateway",
                "-v",
                "/data",
                "--cpu-rt-period",
                "7",
                "--mount",
                "\"type=volume\",src=v,dst=/v,\"volume-opt=o=a,b\",volume-nocopy",
                "x");
        assertEquals(List.of("/data"), List.copyOf(body.map("Volumes").keySet()));
        var host = body.at("HostConfig");
        assertEquals("b", host.text("Annotations", "a"));
        assertEquals("x", host.text("LogConfig", "Config", "tag"));
        assertEquals("on-failure", host.text("RestartPolicy", "Name"));
        assertEquals(5, host.number("RestartPolicy", "MaximumRetryCount"));
        assertTrue(host.flag("Init") && host.flag("OomKillDisable"));
        assertTrue(host.at("MemorySwappiness").present());
        assertEquals("host", host.text("IpcMode") + host.text("X"));
        assertEquals("container:y", host.text("PidMode"));
        assertEquals("private", host.text("CgroupnsMode"));
        assertEquals(List.of("ndots:1"), host.strings("DnsOptions"));
        assertEquals(-5, host.number("OomScoreAdj"));
        assertEquals(List.of("h:::1", "g:host-gateway"), host.strings("ExtraHosts"));
        var mount = host.list("Mounts").getFirst();
        assertEquals("a,b", mount.text("VolumeOptions", "DriverConfig", "Options", "o"));
        assertTrue(mount.flag("VolumeOptions", "NoCopy"));
        assertTrue(body("--init=false", "x").at("HostConfig", "Init").present());
    }

    @Test
    void what_cannot_be_meant_is_refused_before_anybody_is_asked() {
        for (var args : List.of(
                List.of("-p", "80:80/xyz"),
                List.of("-p", "abc"),
                List.of("-p", "70000:80"),
                List.of("-p", "1-3:80-81"),
                List.of("-p", "::1:80:80"),
                List.of("-p", "target=80,colour=red"),
                List.of("--expose", "80:80"),
                List.of("--add-host", "x:nope"),
                List.of("--device", "/dev/x:/dev/y:z"),
                List.of("--device-cgroup-rule", "x 1:1 r"),
                List.of("--network", "name=foo,bad=x"),
                List.of("--mount", "type=bind,src=/a,dst=/b,volume-nocopy"),
                List.of("--mount", "type=bind,src=/a,dst=/b,bind-recursive=maybe"),
                List.of("--security-opt", "foo"),
                List.of("--security-opt", "seccomp=/nonexistent"),
                List.of("--restart", "on-failure:x"),
                List.of("--health-interval", "soon"),
                List.of("--health-retries", "-1"),
                List.of("--blkio-weight-device", "sda:5"),
                List.of("--gpus", "colour=red"),
                List.of("--storage-opt", "size"),
                List.of("--log-opt", "x"))) {
            var all = new java.util.ArrayList<>(args);
            all.add("x");
            var failure = assertThrows(Failure.class, () -> body(all.toArray(String[]::new)), args::toString);
            assertEquals(125, failure.status());
            assertTrue(failure.text().contains(args.get(1)), failure.text());
        }
        for (var args : List.of(
                List.of("--restart", "always", "--rm"),
                List.of("--health-cmd", "x", "--no-healthcheck"),
                List.of("--log-driver", "none", "--log-opt", "a=b"),
                List.of("--network", "foo", "--network", "foo"),
                List.of("--network", "name=foo,ip=1.2.3.4", "--ip", "1.2.3.5"),
                List.of("--disable-content-trust=false"),
                List.of("--cpu-count", "1"))) {
            var all = new java.util.ArrayList<>(args);
            all.add("x");
            var failure = assertThrows(Failure.class, () -> body(all.toArray(String[]::new)), args::toString);
            assertEquals(125, failure.status(), failure::text);
        }
    }
}
