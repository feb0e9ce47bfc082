package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import kist.engine.ContainerConfig;
import kist.engine.ContainerConfigBuilder;
import kist.engine.EngineException;
import kist.engine.HostConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CreateBodyTest {
    private static ContainerConfig parse(String json) {
        return CreateBody.parse(new Fields("", Json.parse(json.getBytes(StandardCharsets.UTF_8))));
    }

    private static HostConfig host(String members) {
        return parse("{\"Image\":\"x\",\"HostConfig\":{" + members + "}}").host();
    }

    private static EngineException refused(String json) {
        return assertThrows(EngineException.class, () -> parse(json));
    }

    /** What docker 28 sends for {@code docker run -it} with nothing else said. */
    @Test
    void whatTheDockerCommandSendsByDefaultSaysNothing() {
        ContainerConfig config = parse("{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":true,"
                + "\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":true,\"OpenStdin\":true,\"StdinOnce\":true,"
                + "\"Env\":null,\"Cmd\":[\"cat\"],\"Image\":\"docker.io/library/busybox\",\"Volumes\":{},"
                + "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{},\"HostConfig\":{\"Binds\":null,"
                + "\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"default\","
                + "\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":true,"
                + "\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"ConsoleSize\":[40,120],\"CapAdd\":null,\"CapDrop\":null,"
                + "\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,"
                + "\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
                + "\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,\"SecurityOpt\":null,"
                + "\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,"
                + "\"NanoCpus\":0,\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],"
                + "\"BlkioDeviceReadBps\":[],\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],"
                + "\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,"
                + "\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],"
                + "\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
                + "\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"PidsLimit\":0,\"Ulimits\":[],\"CpuCount\":0,"
                + "\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,\"MaskedPaths\":null,"
                + "\"ReadonlyPaths\":null},\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":{\"IPAMConfig\":null,"
                + "\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\",\"DriverOpts\":null,\"GwPriority\":0,"
                + "\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,"
                + "\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}}}}");
        assertEquals("busybox", config.image());
        assertEquals(Optional.of(List.of("cat")), config.command());
        assertEquals(Optional.empty(), config.entrypoint());
        assertTrue(config.tty() && config.openStdin() && config.stdinOnce());
        assertEquals(40, config.consoleRows());
        assertEquals(120, config.consoleColumns());
        assertEquals("default", config.host().network());
        assertTrue(config.host().autoRemove());
        assertEquals(List.of(), config.host().mounts());
    }

    /** All that HostConfig can say on Linux. */
    static final String EVERYTHING = """
            {"Binds":["/a:/b","/c:/d:ro,rslave","data:/e:nocopy","/anonymous"],
             "LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"NetworkMode":"mine",
             "PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"},{"HostIp":"","HostPort":""}]},
             "RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3},"AutoRemove":true,"VolumeDriver":"local",
             "VolumesFrom":["x:ro"],"ConsoleSize":[40,120],"CapAdd":["NET_ADMIN"],"CapDrop":["ALL"],"CgroupnsMode":"host",
             "Dns":["1.1.1.1"],"DnsOptions":["ndots:2"],"DnsSearch":["example.org"],"ExtraHosts":["a:1.2.3.4"],
             "GroupAdd":["5"],"IpcMode":"host","Links":["db:db"],"OomScoreAdj":7,"PidMode":"host","Privileged":true,
             "PublishAllPorts":true,"ReadonlyRootfs":true,"SecurityOpt":["no-new-privileges"],"UTSMode":"host",
             "UsernsMode":"host","ShmSize":9,"Runtime":"kist","CpuShares":5,"Memory":1,"NanoCpus":4,
             "CgroupParent":"/mine","BlkioWeight":10,"BlkioWeightDevice":[{"Path":"/dev/sda","Weight":20}],
             "BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1}],"BlkioDeviceWriteBps":[{"Path":"/dev/sda","Rate":2}],
             "BlkioDeviceReadIOps":[{"Path":"/dev/sda","Rate":3}],"BlkioDeviceWriteIOps":[{"Path":"/dev/sda","Rate":4}],
             "CpuPeriod":6,"CpuQuota":7,"CpuRealtimePeriod":8,"CpuRealtimeRuntime":9,"CpusetCpus":"0","CpusetMems":"1",
             "Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/f","CgroupPermissions":"rw"}],
             "DeviceCgroupRules":["c 1:3 rwm"],
             "DeviceRequests":[{"Driver":"d","Count":-1,"DeviceIDs":["0"],"Capabilities":[["gpu","x"]],"Options":{"o":"p"}}],
             "MemoryReservation":3,"MemorySwap":-1,"MemorySwappiness":0,"OomKillDisable":true,"PidsLimit":8,
             "Ulimits":[{"Name":"nofile","Soft":10,"Hard":11}],
             "Mounts":[
               {"Type":"bind","Source":"/e","Target":"/f","ReadOnly":true,"BindOptions":{"Propagation":"shared",
                "NonRecursive":true,"CreateMountpoint":true,"ReadOnlyNonRecursive":true,"ReadOnlyForceRecursive":true}},
               {"Type":"tmpfs","Target":"/i","TmpfsOptions":{"SizeBytes":1048576,"Mode":1016,"Options":[["noexec"],["uid","5"]]}},
               {"Type":"volume","Source":"v","Target":"/v","VolumeOptions":{"NoCopy":true,"Labels":{"a":"b"},"Subpath":"s",
                "DriverConfig":{"Name":"local","Options":{"type":"tmpfs"}}}},
               {"Type":"image","Source":"busybox","Target":"/w","ImageOptions":{"Subpath":"bin"}}],
             "Tmpfs":{"/j":"ro,size=1m,noexec"},"Sysctls":{"net.x":"1"},"StorageOpt":{"size":"1G"},
             "Annotations":{"k":"v"},"Init":true,"MaskedPaths":["/m"],"ReadonlyPaths":["/r"]}
            """;

    /** What inspect shows is what was sent, so no field was dropped on the way there or back. */
    @Test
    void everyHostSettingArrivesAndIsShown() {
        Map<String, Object> sent = Json.parse(EVERYTHING.getBytes(StandardCharsets.UTF_8));
        ContainerConfig config = parse("{\"Image\":\"x\",\"HostConfig\":" + EVERYTHING + "}");
        Map<String, Object> shown = Json.parse(Json.bytes(HostJson.host(config)));
        sent.forEach((field, value) -> assertEquals(value, shown.get(field), field));
        for (String field : shown.keySet()) {
            assertTrue(sent.containsKey(field) || NOT_OF_LINUX.contains(field), field + " is shown and cannot be sent");
        }
    }

    private static final Set<String> NOT_OF_LINUX = Set.of(
            "ContainerIDFile", "Cgroup", "Isolation", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth");

    @Test
    void everySettingOfTheContainerArrives() {
        ContainerConfig config = parse("""
                {"Image":"x","Cmd":"a b","Entrypoint":[],"Env":["A=b","C"],"WorkingDir":"/w","User":"u:g","Hostname":"h",
                 "Domainname":"d","Labels":{"k":"v"},"StopSignal":"INT","StopTimeout":-1,"Volumes":{"/data":{}},
                 "ExposedPorts":{"80/tcp":{}},"NetworkDisabled":true,"MacAddress":"02:42:ac:11:00:09","Shell":["/bin/ash"],
                 "OnBuild":["RUN x"],"Healthcheck":{"Test":["CMD","true"],"Interval":1000000,"Timeout":2000000,
                 "StartPeriod":3000000,"StartInterval":4000000,"Retries":5},
                 "NetworkingConfig":{"EndpointsConfig":{"mine":{"IPAMConfig":{"IPv4Address":"10.0.0.5","IPv6Address":"fd00::5",
                 "LinkLocalIPs":["169.254.1.1"]},"Links":["db:d"],"Aliases":["web"],"MacAddress":"02:42:ac:11:00:0a",
                 "DriverOpts":{"o":"p"},"GwPriority":3}}}}
                """);
        assertEquals(
                ContainerConfigBuilder.builder()
                        .image("x")
                        .command(Optional.of(List.of("a b")))
                        .entrypoint(Optional.of(List.of()))
                        .environment(List.of("A=b", "C"))
                        .workingDir("/w")
                        .user("u:g")
                        .hostname("h")
                        .domainname("d")
                        .labels(Map.of("k", "v"))
                        .stopSignal("INT")
                        .stopTimeout(OptionalInt.of(-1))
                        .volumes(List.of("/data"))
                        .exposedPorts(List.of("80/tcp"))
                        .networkDisabled(true)
                        .macAddress("02:42:ac:11:00:09")
                        .shell(List.of("/bin/ash"))
                        .onBuild(List.of("RUN x"))
                        .health(Optional.of(new ContainerConfig.HealthConfig(
                                List.of("CMD", "true"), 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5)))
                        .endpoints(Map.of(
                                "mine",
                                new ContainerConfig.EndpointConfig(
                                        "10.0.0.5",
                                        "fd00::5",
                                        List.of("169.254.1.1"),
                                        List.of("db:d"),
                                        List.of("web"),
                                        "02:42:ac:11:00:0a",
                                        Map.of("o", "p"),
                                        3)))
                        .build(),
                config);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Cgroup | \"x\"",
                "Isolation | \"hyperv\"",
                "KernelMemory | 1",
                "CpuCount | 1",
                "CpuPercent | 1",
                "IOMaximumIOps | 1",
                "IOMaximumBandwidth | 1",
            })
    void aHostSettingOfAnotherSystemIsRefusedByName(String field, String value) {
        EngineException e = refused("{\"Image\":\"x\",\"HostConfig\":{\"" + field + "\":" + value + "}}");
        assertEquals(EngineException.Kind.UNSUPPORTED, e.kind());
        assertTrue(String.valueOf(e.getMessage()).startsWith("HostConfig." + field), e.getMessage());
    }

    @Test
    void windowsEscapingIsRefusedByName() {
        EngineException e = refused("{\"Image\":\"x\",\"ArgsEscaped\":true}");
        assertEquals(EngineException.Kind.UNSUPPORTED, e.kind());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"Image\":5}",
                "{\"Image\":\"x\",\"Tty\":\"yes\"}",
                "{\"Image\":\"x\",\"Env\":\"A=b\"}",
                "{\"Image\":\"x\",\"Env\":[5]}",
                "{\"Image\":\"x\",\"Env\":[null]}",
                "{\"Image\":\"x\",\"Labels\":{\"a\":1}}",
                "{\"Image\":\"x\",\"Colour\":\"red\"}",
                "{\"Image\":\"x\",\"StopTimeout\":99999999999}",
                "{\"Image\":\"x\",\"HostConfig\":[]}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":1.5}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":9223372036854775808}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":1e999999999}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":\"1\"}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Colour\":\"red\"}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/x\"}]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"x\"}]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"ConsoleSize\":[1]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"/a:b\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"./a:/b\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"/a:/b:ro,rw\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"/a:/b:sideways\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"/a:/b:ro:x\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\":/b\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"data:/b:rslave\"]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"\",\"Target\":\"/x\"}]}}",
                "{\"Image\":\"x\",\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":80}]}}}",
                "{\"Image\":\"x\",\"Volumes\":[\"/a\"]}",
                "{\"Image\":\"x\",\"Volumes\":{\"/a\":{\"b\":1}}}"
            })
    void whatIsWrongInItselfIsRefusedAsSuch(String json) {
        EngineException e = refused(json);
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind(), e.getMessage());
    }

    @Test
    void fieldNamesAreUnderstoodInAnyCase() {
        assertEquals(
                "x", parse("{\"image\":\"x\",\"hostconfig\":{\"memory\":0}}").image());
    }
}
