package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.engine.ContainerConfig;
import kist.engine.EngineException;
import kist.engine.HostConfig;
import kist.engine.HostConfig.MountSpec;
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

    @Test
    void everyMappedFieldArrives() {
        ContainerConfig config = parse("{\"Image\":\"x\",\"Cmd\":\"a b\",\"Entrypoint\":[],\"Env\":[\"A=b\",\"C\"],"
                + "\"WorkingDir\":\"/w\",\"User\":\"u:g\",\"Hostname\":\"h\",\"Domainname\":\"d\","
                + "\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"INT\",\"StopTimeout\":-1,\"HostConfig\":{"
                + "\"NetworkMode\":\"none\",\"Memory\":1,\"MemorySwap\":-1,\"MemoryReservation\":3,\"NanoCpus\":4,"
                + "\"CpuShares\":5,\"CpuPeriod\":6,\"CpuQuota\":7,\"CpusetCpus\":\"0\",\"CpusetMems\":\"1\","
                + "\"PidsLimit\":8,\"CapAdd\":[\"NET_ADMIN\"],\"CapDrop\":[\"ALL\"],\"Privileged\":true,"
                + "\"ReadonlyRootfs\":true,\"SecurityOpt\":[\"no-new-privileges\"],\"AutoRemove\":true,\"ShmSize\":9,"
                + "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":10,\"Hard\":11}],\"ExtraHosts\":[\"a:1.2.3.4\"],"
                + "\"Sysctls\":{\"net.x\":\"1\"}},\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":null}}}");
        assertEquals(
                new ContainerConfig(
                        "x",
                        Optional.of(List.of("a b")),
                        Optional.of(List.of()),
                        List.of("A=b", "C"),
                        "/w",
                        "u:g",
                        "h",
                        "d",
                        Map.of("k", "v"),
                        false,
                        false,
                        false,
                        false,
                        false,
                        false,
                        "INT",
                        OptionalInt.of(-1),
                        new HostConfig(
                                "none",
                                1,
                                -1,
                                3,
                                4,
                                5,
                                6,
                                7,
                                "0",
                                "1",
                                8,
                                List.of("NET_ADMIN"),
                                List.of("ALL"),
                                true,
                                true,
                                List.of("no-new-privileges"),
                                List.of(),
                                true,
                                9,
                                List.of(new HostConfig.Rlimit("nofile", 10, 11)),
                                List.of("a:1.2.3.4"),
                                Map.of("net.x", "1"))),
                config);
    }

    @Test
    void mountsOfEveryFormArrive() {
        assertEquals(
                List.of(
                        new MountSpec("bind", "/a", "/b", false, true, "", List.of()),
                        new MountSpec("bind", "/c", "/d", true, true, "rslave", List.of()),
                        new MountSpec("bind", "/e", "/f", true, false, "shared", List.of()),
                        new MountSpec("bind", "/g", "/h", false, true, "", List.of()),
                        new MountSpec(
                                "tmpfs",
                                "",
                                "/i",
                                false,
                                false,
                                "",
                                List.of("size=1048576", "mode=1770", "noexec", "uid=5")),
                        new MountSpec("tmpfs", "", "/j", true, false, "", List.of("size=1m", "noexec"))),
                host("\"Binds\":[\"/a:/b\",\"/c:/d:ro,rslave\"],\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/e\","
                                + "\"Target\":\"/f\",\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":\"shared\"}},"
                                + "{\"Type\":\"bind\",\"Source\":\"/g\",\"Target\":\"/h\",\"BindOptions\":"
                                + "{\"CreateMountpoint\":true}},{\"Type\":\"tmpfs\",\"Target\":\"/i\",\"TmpfsOptions\":"
                                + "{\"SizeBytes\":1048576,\"Mode\":1016,\"Options\":[[\"noexec\"],[\"uid\",\"5\"]]}}],"
                                + "\"Tmpfs\":{\"/j\":\"ro,size=1m,noexec\"}")
                        .mounts());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "PortBindings | {\"80/tcp\":[{\"HostPort\":\"80\"}]}",
                "PublishAllPorts | true",
                "RestartPolicy.Name | {\"Name\":\"always\"}",
                "LogConfig.Type | {\"Type\":\"syslog\"}",
                "LogConfig.Config | {\"Type\":\"json-file\",\"Config\":{\"max-size\":\"1m\"}}",
                "VolumeDriver | \"local\"",
                "VolumesFrom | [\"x\"]",
                "Annotations | {\"a\":\"b\"}",
                "CgroupnsMode | \"host\"",
                "Dns | [\"1.1.1.1\"]",
                "DnsOptions | [\"x\"]",
                "DnsSearch | [\"x\"]",
                "GroupAdd | [\"5\"]",
                "IpcMode | \"host\"",
                "Cgroup | \"x\"",
                "Links | [\"x\"]",
                "OomScoreAdj | 1",
                "PidMode | \"host\"",
                "StorageOpt | {\"size\":\"1G\"}",
                "UTSMode | \"host\"",
                "UsernsMode | \"private\"",
                "Runtime | \"runc\"",
                "Isolation | \"hyperv\"",
                "MaskedPaths | []",
                "ReadonlyPaths | []",
                "CgroupParent | \"x\"",
                "BlkioWeight | 5",
                "BlkioWeightDevice | [{}]",
                "BlkioDeviceReadBps | [{}]",
                "BlkioDeviceWriteBps | [{}]",
                "BlkioDeviceReadIOps | [{}]",
                "BlkioDeviceWriteIOps | [{}]",
                "CpuRealtimePeriod | 1",
                "CpuRealtimeRuntime | 1",
                "Devices | [{}]",
                "DeviceCgroupRules | [\"x\"]",
                "DeviceRequests | [{}]",
                "MemorySwappiness | 0",
                "OomKillDisable | true",
                "Init | true",
                "KernelMemory | 1",
                "CpuCount | 1",
                "CpuPercent | 1",
                "IOMaximumIOps | 1",
                "IOMaximumBandwidth | 1",
                "Mounts[0].BindOptions.NonRecursive | [{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"BindOptions\":{\"NonRecursive\":true}}]",
            })
    void aHostSettingThatCannotBeHonouredIsRefusedByName(String field, String value) {
        String name = field.replaceAll("[.\\[].*", "");
        EngineException e = refused("{\"Image\":\"x\",\"HostConfig\":{\"" + name + "\":" + value + "}}");
        assertEquals(EngineException.Kind.UNSUPPORTED, e.kind());
        assertTrue(String.valueOf(e.getMessage()).startsWith("HostConfig." + field), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ExposedPorts | {\"80/tcp\":{}}",
                "Volumes | {\"/data\":{}}",
                "NetworkDisabled | true",
                "ArgsEscaped | true",
                "OnBuild | [\"x\"]",
                "Shell | [\"x\"]",
                "MacAddress | \"02:42:ac:11:00:09\"",
                "Healthcheck | {\"Test\":[\"CMD\",\"true\"]}",
                "HostConfig.Mounts[0] volume | {}",
            })
    void aSettingThatCannotBeHonouredIsRefusedByName(String field, String value) {
        if (field.startsWith("HostConfig")) {
            field = "HostConfig";
            value = "{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/x\"}]}";
        }
        EngineException e = refused("{\"Image\":\"x\",\"" + field + "\":" + value + "}");
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
                "{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"/a:/b:ro:x\"]}}"
            })
    void whatIsWrongInItselfIsRefusedAsSuch(String json) {
        EngineException e = refused(json);
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind(), e.getMessage());
    }

    @Test
    void volumesAndOtherNetworksAreRefusedByName() {
        assertTrue(String.valueOf(refused("{\"Image\":\"x\",\"HostConfig\":{\"Binds\":[\"data:/b\"]}}")
                        .getMessage())
                .contains("the volume \"data\""));
        assertTrue(String.valueOf(refused("{\"Image\":\"x\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"mine\":{}}}}")
                        .getMessage())
                .contains("the network mine"));
    }

    @Test
    void fieldNamesAreUnderstoodInAnyCase() {
        assertEquals(
                "x", parse("{\"image\":\"x\",\"hostconfig\":{\"memory\":0}}").image());
    }
}
