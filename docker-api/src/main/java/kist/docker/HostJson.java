package kist.docker;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import kist.engine.ContainerConfig;
import kist.engine.HostConfig;
import kist.engine.HostConfig.DeviceRate;
import kist.engine.HostConfig.LogConfig;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.PortBinding;
import kist.engine.HostConfig.VolumeOptions;
import org.jspecify.annotations.Nullable;

/** What a container takes from its host, as inspect shows it: the object HostConfig. */
final class HostJson {
    private static final long DEFAULT_SHM = 64L << 20;

    private HostJson() {}

    static String networkMode(HostConfig host) {
        return host.network().isEmpty() ? "default" : host.network();
    }

    static @Nullable Object orNull(List<String> list) {
        return list.isEmpty() ? null : list;
    }

    static Map<String, @Nullable Object> host(ContainerConfig config) {
        HostConfig h = config.host();
        LogConfig log = h.log();
        Map<String, @Nullable Object> host = Json.object(
                "Binds", orNull(binds(h)),
                "ContainerIDFile", "",
                "LogConfig",
                        Json.object(
                                "Type", log.driver().isEmpty() ? "json-file" : log.driver(), "Config", log.options()),
                "NetworkMode", networkMode(h),
                "PortBindings", ports(h.ports()),
                "RestartPolicy", restart(h.restart()),
                "AutoRemove", h.autoRemove(),
                "VolumeDriver", h.volumeDriver(),
                "VolumesFrom", orNull(h.volumesFrom()),
                "ConsoleSize", List.of(config.consoleRows(), config.consoleColumns()),
                "CapAdd", orNull(h.capAdd()),
                "CapDrop", orNull(h.capDrop()),
                "CgroupnsMode", h.cgroupnsMode().isEmpty() ? "private" : h.cgroupnsMode(),
                "Dns", h.dns(),
                "DnsOptions", h.dnsOptions(),
                "DnsSearch", h.dnsSearch(),
                "ExtraHosts", orNull(h.extraHosts()),
                "GroupAdd", orNull(h.groupAdd()),
                "IpcMode", h.ipcMode().isEmpty() ? "private" : h.ipcMode(),
                "Cgroup", "",
                "Links", orNull(h.links()),
                "OomScoreAdj", h.oomScoreAdj(),
                "PidMode", h.pidMode(),
                "Privileged", h.privileged(),
                "PublishAllPorts", h.publishAllPorts(),
                "ReadonlyRootfs", h.readonlyRootfs(),
                "SecurityOpt", orNull(h.securityOpt()),
                "UTSMode", h.utsMode(),
                "UsernsMode", h.usernsMode(),
                "ShmSize", h.shmSize() == 0 ? DEFAULT_SHM : h.shmSize(),
                "Runtime", h.runtime().isEmpty() ? "kist" : h.runtime(),
                "Isolation", "");
        limits(h, host);
        List<Object> mounts = mounts(h);
        if (!mounts.isEmpty()) {
            host.put("Mounts", mounts);
        }
        Map<String, Object> tmpfs = new LinkedHashMap<>();
        for (MountSpec mount : h.mounts()) {
            if (mount.type().equals("tmpfs") && mount.shortForm()) {
                tmpfs.put(mount.target(), mode(mount));
            }
        }
        putUnlessEmpty(host, "Tmpfs", tmpfs);
        putUnlessEmpty(host, "Sysctls", h.sysctls());
        putUnlessEmpty(host, "StorageOpt", h.storageOptions());
        putUnlessEmpty(host, "Annotations", h.annotations());
        h.init().ifPresent(init -> host.put("Init", init));
        boolean all = h.privileged() && h.maskedPaths().isEmpty();
        host.put("MaskedPaths", all ? null : h.hiddenPaths());
        host.put("ReadonlyPaths", h.privileged() && h.readonlyPaths().isEmpty() ? null : h.unwritablePaths());
        return host;
    }

    private static void limits(HostConfig h, Map<String, @Nullable Object> host) {
        OptionalInt swappiness = h.memorySwappiness();
        host.putAll(Json.object(
                "CpuShares", h.cpuShares(),
                "Memory", h.memory(),
                "NanoCpus", h.nanoCpus(),
                "CgroupParent", h.cgroupParent(),
                "BlkioWeight", h.blkioWeight(),
                "BlkioWeightDevice",
                        list(h.blkioWeightDevices(), d -> Json.object("Path", d.path(), "Weight", d.weight())),
                "BlkioDeviceReadBps", rates(h.blkioReadBps()),
                "BlkioDeviceWriteBps", rates(h.blkioWriteBps()),
                "BlkioDeviceReadIOps", rates(h.blkioReadIops()),
                "BlkioDeviceWriteIOps", rates(h.blkioWriteIops()),
                "CpuPeriod", h.cpuPeriod(),
                "CpuQuota", h.cpuQuota(),
                "CpuRealtimePeriod", h.cpuRealtimePeriod(),
                "CpuRealtimeRuntime", h.cpuRealtimeRuntime(),
                "CpusetCpus", h.cpusetCpus(),
                "CpusetMems", h.cpusetMems(),
                "Devices",
                        list(
                                h.devices(),
                                d -> Json.object(
                                        "PathOnHost", d.source(),
                                        "PathInContainer", d.target().isEmpty() ? d.source() : d.target(),
                                        "CgroupPermissions", d.permissions().isEmpty() ? "rwm" : d.permissions())),
                "DeviceCgroupRules", orNull(h.deviceRules()),
                "DeviceRequests",
                        h.deviceRequests().isEmpty()
                                ? null
                                : list(
                                        h.deviceRequests(),
                                        r -> Json.object(
                                                "Driver", r.driver(),
                                                "Count", r.count(),
                                                "DeviceIDs", r.ids(),
                                                "Capabilities", r.capabilities(),
                                                "Options", r.options())),
                "MemoryReservation", h.memoryReservation(),
                "MemorySwap", h.memorySwap(),
                "MemorySwappiness", swappiness.isPresent() ? (Integer) swappiness.getAsInt() : null,
                "OomKillDisable", h.oomKillDisable(),
                "PidsLimit", h.pidsLimit() == 0 ? null : (Long) Math.max(0, h.pidsLimit()),
                "Ulimits", list(h.rlimits(), l -> Json.object("Name", l.name(), "Hard", l.hard(), "Soft", l.soft())),
                "CpuCount", 0,
                "CpuPercent", 0,
                "IOMaximumIOps", 0,
                "IOMaximumBandwidth", 0));
    }

    private static void putUnlessEmpty(Map<String, @Nullable Object> host, String field, Map<String, ?> value) {
        if (!value.isEmpty()) {
            host.put(field, value);
        }
    }

    private static <T> List<Object> list(List<T> elements, Function<T, Object> shown) {
        return elements.stream().map(shown).toList();
    }

    private static List<Object> rates(List<DeviceRate> rates) {
        return list(rates, r -> Json.object("Path", r.path(), "Rate", r.rate()));
    }

    private static Map<String, @Nullable Object> restart(HostConfig.RestartPolicy policy) {
        return Json.object(
                "Name", policy.name().isEmpty() ? "no" : policy.name(), "MaximumRetryCount", policy.maximumRetries());
    }

    private static Map<String, Object> ports(List<PortBinding> bindings) {
        Map<String, List<Object>> ports = new LinkedHashMap<>();
        for (PortBinding b : bindings) {
            ports.computeIfAbsent(b.port(), port -> new ArrayList<>())
                    .add(Json.object("HostIp", b.hostAddress(), "HostPort", b.hostPort()));
        }
        return new LinkedHashMap<>(ports);
    }

    private static List<String> binds(HostConfig h) {
        List<String> binds = new ArrayList<>();
        for (MountSpec mount : h.mounts()) {
            if (mount.shortForm() && !mount.type().equals("tmpfs")) {
                String mode = mode(mount);
                binds.add((mount.source().isEmpty() ? "" : mount.source() + ":")
                        + mount.target()
                        + (mode.isEmpty() ? "" : ":" + mode));
            }
        }
        return binds;
    }

    /** Mount options in the short form. */
    private static String mode(MountSpec mount) {
        List<String> options = new ArrayList<>();
        if (mount.readOnly()) {
            options.add("ro");
        }
        if (!mount.propagation().isEmpty()) {
            options.add(mount.propagation());
        }
        if (mount.volume().map(VolumeOptions::noCopy).orElse(false)) {
            options.add("nocopy");
        }
        options.addAll(mount.options());
        return String.join(",", options);
    }

    private static List<Object> mounts(HostConfig h) {
        List<Object> mounts = new ArrayList<>();
        for (MountSpec mount : h.mounts()) {
            if (!mount.shortForm()) {
                mounts.add(mount(mount));
            }
        }
        return mounts;
    }

    private static Map<String, @Nullable Object> mount(MountSpec mount) {
        Map<String, @Nullable Object> shown = Json.object("Type", mount.type());
        if (!mount.source().isEmpty()) {
            shown.put("Source", mount.source());
        }
        shown.put("Target", mount.target());
        if (mount.readOnly()) {
            shown.put("ReadOnly", true);
        }
        Map<String, Object> options = new LinkedHashMap<>();
        putIf(options, "Propagation", mount.propagation(), !mount.propagation().isEmpty());
        putIf(options, "NonRecursive", true, mount.nonRecursive());
        putIf(options, "CreateMountpoint", true, mount.createSource());
        putIf(options, "ReadOnlyNonRecursive", true, mount.readOnlyNonRecursive());
        putIf(options, "ReadOnlyForceRecursive", true, mount.readOnlyForceRecursive());
        mount.volume().ifPresent(v -> {
            putIf(options, "NoCopy", true, v.noCopy());
            putIf(options, "Labels", v.labels(), !v.labels().isEmpty());
            putIf(options, "Subpath", v.subpath(), !v.subpath().isEmpty());
            putIf(
                    options,
                    "DriverConfig",
                    Json.object("Name", v.driver(), "Options", v.driverOptions()),
                    !v.driver().isEmpty() || !v.driverOptions().isEmpty());
        });
        tmpfsOptions(mount, options);
        if (!options.isEmpty()) {
            shown.put(
                    Character.toUpperCase(mount.type().charAt(0)) + mount.type().substring(1) + "Options", options);
        }
        return shown;
    }

    private static void tmpfsOptions(MountSpec mount, Map<String, Object> options) {
        List<List<String>> others = new ArrayList<>();
        for (String option : mount.options()) {
            if (option.matches("size=[0-9]{1,18}")) {
                options.put("SizeBytes", Long.parseLong(option.substring(5)));
            } else if (option.matches("mode=[0-7]{1,5}")) {
                options.put("Mode", Integer.parseInt(option.substring(5), 8));
            } else {
                others.add(List.of(option.split("=", 2)));
            }
        }
        putIf(options, "Options", others, !others.isEmpty());
    }

    private static void putIf(Map<String, Object> map, String field, Object value, boolean said) {
        if (said) {
            map.put(field, value);
        }
    }
}
