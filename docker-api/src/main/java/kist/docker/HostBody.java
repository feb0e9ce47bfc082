package kist.docker;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import kist.engine.HostConfig;
import kist.engine.HostConfig.DeviceRate;
import kist.engine.HostConfig.DeviceRequest;
import kist.engine.HostConfig.DeviceWeight;
import kist.engine.HostConfig.DeviceWish;
import kist.engine.HostConfig.LogConfig;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.PortBinding;
import kist.engine.HostConfig.RestartPolicy;
import kist.engine.HostConfig.Rlimit;
import kist.engine.HostConfigBuilder;

/** What a container takes from its host: the object HostConfig of its creation. */
final class HostBody {
    private HostBody() {}

    static HostConfig parse(Fields host) {
        host.only("Isolation", "", "default");
        // for Windows, and limits of kernel memory that Linux no longer has
        host.nothing(
                "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth", "KernelMemory", "KernelMemoryTCP");
        host.nothing("Cgroup", "Capabilities", "DiskQuota");
        // the client writes this file itself
        host.clientsOwn("ContainerIDFile");
        HostConfig config = HostConfigBuilder.builder()
                .network(host.string("NetworkMode"))
                .memory(host.number("Memory").orElse(0))
                .memorySwap(host.number("MemorySwap").orElse(0))
                .memoryReservation(host.number("MemoryReservation").orElse(0))
                .memorySwappiness(swappiness(host))
                .nanoCpus(host.number("NanoCpus").orElse(0))
                .cpuShares(host.number("CpuShares").orElse(0))
                .cpuPeriod(host.number("CpuPeriod").orElse(0))
                .cpuQuota(host.number("CpuQuota").orElse(0))
                .cpuRealtimePeriod(host.number("CpuRealtimePeriod").orElse(0))
                .cpuRealtimeRuntime(host.number("CpuRealtimeRuntime").orElse(0))
                .cpusetCpus(host.string("CpusetCpus"))
                .cpusetMems(host.string("CpusetMems"))
                .pidsLimit(host.number("PidsLimit").orElse(0))
                .blkioWeight(CreateBody.small(
                        "BlkioWeight", host.number("BlkioWeight").orElse(0)))
                .blkioWeightDevices(weights(host))
                .blkioReadBps(rates(host, "BlkioDeviceReadBps"))
                .blkioWriteBps(rates(host, "BlkioDeviceWriteBps"))
                .blkioReadIops(rates(host, "BlkioDeviceReadIOps"))
                .blkioWriteIops(rates(host, "BlkioDeviceWriteIOps"))
                .oomKillDisable(host.bool("OomKillDisable"))
                .oomScoreAdj(CreateBody.small(
                        "OomScoreAdj", host.number("OomScoreAdj").orElse(0)))
                .capAdd(host.stringsOrOne("CapAdd").orElse(List.of()))
                .capDrop(host.stringsOrOne("CapDrop").orElse(List.of()))
                .privileged(host.bool("Privileged"))
                .readonlyRootfs(host.bool("ReadonlyRootfs"))
                .securityOpt(host.strings("SecurityOpt"))
                .groupAdd(host.strings("GroupAdd"))
                .maskedPaths(host.stringsIfGiven("MaskedPaths"))
                .readonlyPaths(host.stringsIfGiven("ReadonlyPaths"))
                .mounts(mounts(host))
                .volumesFrom(host.strings("VolumesFrom"))
                .volumeDriver(host.string("VolumeDriver"))
                .autoRemove(host.bool("AutoRemove"))
                .restart(restart(host.object("RestartPolicy")))
                .log(log(host.object("LogConfig")))
                .init(host.maybe("Init"))
                .shmSize(host.number("ShmSize").orElse(0))
                .rlimits(rlimits(host))
                .devices(devices(host))
                .deviceRules(host.strings("DeviceCgroupRules"))
                .deviceRequests(requests(host))
                .extraHosts(host.strings("ExtraHosts"))
                .dns(host.strings("Dns"))
                .dnsOptions(host.strings("DnsOptions"))
                .dnsSearch(host.strings("DnsSearch"))
                .links(host.strings("Links"))
                .ports(ports(host.object("PortBindings")))
                .publishAllPorts(host.bool("PublishAllPorts"))
                .sysctls(host.map("Sysctls"))
                .ipcMode(host.string("IpcMode"))
                .pidMode(host.string("PidMode"))
                .utsMode(host.string("UTSMode"))
                .usernsMode(host.string("UsernsMode"))
                .cgroupnsMode(host.string("CgroupnsMode"))
                .cgroupParent(host.string("CgroupParent"))
                .storageOptions(host.map("StorageOpt"))
                .annotations(host.map("Annotations"))
                .runtime(host.string("Runtime"))
                .build();
        host.end();
        return config;
    }

    /** -1 is how older clients say nothing. */
    private static OptionalInt swappiness(Fields host) {
        long value = host.number("MemorySwappiness").orElse(-1);
        return value == -1 ? OptionalInt.empty() : OptionalInt.of(CreateBody.small("MemorySwappiness", value));
    }

    /** Weights of devices, in the words that create and update share. */
    static List<DeviceWeight> weights(Fields host) {
        List<DeviceWeight> weights = new ArrayList<>();
        for (Fields device : host.objects("BlkioWeightDevice")) {
            weights.add(new DeviceWeight(
                    device.string("Path"),
                    CreateBody.small(
                            "BlkioWeightDevice.Weight", device.number("Weight").orElse(0))));
            device.end();
        }
        return weights;
    }

    /** Limits of devices, in the words that create and update share. */
    static List<DeviceRate> rates(Fields host, String field) {
        List<DeviceRate> rates = new ArrayList<>();
        for (Fields device : host.objects(field)) {
            rates.add(
                    new DeviceRate(device.string("Path"), device.number("Rate").orElse(0)));
            device.end();
        }
        return rates;
    }

    private static List<MountSpec> mounts(Fields host) {
        List<MountSpec> mounts = new ArrayList<>();
        for (String bind : host.strings("Binds")) {
            mounts.add(MountBody.bind(bind));
        }
        for (Fields mount : host.objects("Mounts")) {
            mounts.add(MountBody.mount(mount));
        }
        for (Map.Entry<String, String> entry : host.map("Tmpfs").entrySet()) {
            mounts.add(MountBody.tmpfs(entry.getKey(), entry.getValue()));
        }
        return mounts;
    }

    /** When to start again, in the words that create and update share. */
    static RestartPolicy restart(Fields policy) {
        RestartPolicy made = new RestartPolicy(
                policy.string("Name"),
                CreateBody.small(
                        "MaximumRetryCount", policy.number("MaximumRetryCount").orElse(0)));
        policy.end();
        return made;
    }

    private static LogConfig log(Fields log) {
        LogConfig made = new LogConfig(log.string("Type"), log.map("Config"));
        log.end();
        return made;
    }

    private static List<Rlimit> rlimits(Fields host) {
        List<Rlimit> rlimits = new ArrayList<>();
        for (Fields limit : host.objects("Ulimits")) {
            rlimits.add(new Rlimit(
                    limit.string("Name"),
                    limit.number("Soft").orElse(0),
                    limit.number("Hard").orElse(0)));
            limit.end();
        }
        return rlimits;
    }

    private static List<DeviceWish> devices(Fields host) {
        List<DeviceWish> devices = new ArrayList<>();
        for (Fields device : host.objects("Devices")) {
            devices.add(new DeviceWish(
                    device.string("PathOnHost"), device.string("PathInContainer"), device.string("CgroupPermissions")));
            device.end();
        }
        return devices;
    }

    private static List<DeviceRequest> requests(Fields host) {
        List<DeviceRequest> requests = new ArrayList<>();
        for (Fields request : host.objects("DeviceRequests")) {
            requests.add(new DeviceRequest(
                    request.string("Driver"),
                    CreateBody.small(
                            "DeviceRequests.Count", request.number("Count").orElse(0)),
                    request.strings("DeviceIDs"),
                    request.stringLists("Capabilities"),
                    request.map("Options")));
            request.end();
        }
        return requests;
    }

    /** Ports with their protocol; a port with an empty list is not published, as in dockerd. */
    private static List<PortBinding> ports(Fields bindings) {
        List<PortBinding> ports = new ArrayList<>();
        for (String port : bindings.names()) {
            for (Fields place : bindings.objects(port)) {
                ports.add(new PortBinding(port, place.string("HostIp"), place.string("HostPort")));
                place.end();
            }
        }
        return ports;
    }
}
