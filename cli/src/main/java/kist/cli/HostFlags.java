package kist.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Flags of {@code kist run}, {@code create} and {@code update} that make the request's HostConfig. */
final class HostFlags {
    private HostFlags() {}

    /** Limits, which {@code kist update} has too. */
    static Flags declareLimits(Flags flags) {
        return flags.text(
                        "blkio-weight", 0, "uint16", "Block IO (relative weight), between 10 and 1000, or 0 to disable")
                .text("cpu-period", 0, "int", "Limit CPU CFS (Completely Fair Scheduler) period in microseconds")
                .text("cpu-quota", 0, "int", "Limit CPU CFS (Completely Fair Scheduler) quota in microseconds")
                .text("cpu-rt-period", 0, "int", "Limit CPU real-time period in microseconds")
                .text("cpu-rt-runtime", 0, "int", "Limit CPU real-time runtime in microseconds")
                .text("cpu-shares", 'c', "int", "CPU shares (relative weight)")
                .text("cpus", 0, "decimal", "Number of CPUs")
                .text("cpuset-cpus", 0, "string", "CPUs in which to allow execution (0-3, 0,1)")
                .text("cpuset-mems", 0, "string", "Memory nodes in which to allow execution (0-3, 0,1)")
                .text("kernel-memory", 0, "bytes", "Kernel memory limit (no kernel of today has one)")
                .text("memory", 'm', "bytes", "Memory limit")
                .text("memory-reservation", 0, "bytes", "Memory soft limit")
                .text("memory-swap", 0, "bytes", "Limit of memory plus swap: '-1' for no limit of swap")
                .text("pids-limit", 0, "int", "Limit of processes (-1 for unlimited)")
                .text("restart", 0, "string", "Restart policy to apply when a container exits");
    }

    static Flags declare(Flags flags) {
        return declareLimits(flags)
                .list("add-host", 0, "list", "Add a custom host-to-IP mapping (host:ip)")
                .list("annotation", 0, "map", "Add an annotation to the container (passed through to the OCI runtime)")
                .list("blkio-weight-device", 0, "list", "Block IO weight (relative device weight)")
                .list("cap-add", 0, "list", "Add Linux capabilities")
                .list("cap-drop", 0, "list", "Drop Linux capabilities")
                .text("cgroup-parent", 0, "string", "Parent cgroup for the container")
                .text("cgroupns", 0, "string", "Cgroup namespace to use (host|private)")
                .list("device", 0, "list", "Add a host device to the container")
                .list("device-cgroup-rule", 0, "list", "Add a rule to the cgroup allowed devices list")
                .list("device-read-bps", 0, "list", "Limit read rate (bytes per second) from a device")
                .list("device-read-iops", 0, "list", "Limit read rate (IO per second) from a device")
                .list("device-write-bps", 0, "list", "Limit write rate (bytes per second) to a device")
                .list("device-write-iops", 0, "list", "Limit write rate (IO per second) to a device")
                .list("dns", 0, "list", "Set custom DNS servers")
                .list("dns-option", 0, "list", "Set DNS options")
                .also("dns-opt", "dns-option")
                .list("dns-search", 0, "list", "Set custom DNS search domains")
                .list("gpus", 0, "gpu-request", "GPU devices to add to the container ('all' to pass all GPUs)")
                .list("group-add", 0, "list", "Add additional groups to join")
                .bool("init", 0, "Run an init inside the container that forwards signals and reaps processes")
                .text("ipc", 0, "string", "IPC mode to use")
                .text("isolation", 0, "string", "Container isolation technology")
                .text("log-driver", 0, "string", "Logging driver for the container")
                .list("log-opt", 0, "list", "Log driver options")
                .text("memory-swappiness", 0, "int", "Tune container memory swappiness (0 to 100)")
                .list("mount", 0, "mount", "Attach a filesystem mount to the container")
                .bool("oom-kill-disable", 0, "Disable OOM Killer")
                .text("oom-score-adj", 0, "int", "Tune host's OOM preferences (-1000 to 1000)")
                .text("pid", 0, "string", "PID namespace to use")
                .bool("privileged", 0, "Give extended privileges to this container")
                .bool("publish-all", 'P', "Publish all exposed ports to random ports")
                .bool("read-only", 0, "Mount the container's root filesystem as read only")
                .bool("rm", 0, "Remove the container and its anonymous volumes when it exits")
                .text("runtime", 0, "string", "Runtime to use for this container")
                .list("security-opt", 0, "list", "Security options")
                .text("shm-size", 0, "bytes", "Size of /dev/shm")
                .list("storage-opt", 0, "list", "Storage driver options for the container")
                .list("sysctl", 0, "map", "Kernel parameters of the container's namespaces")
                .list("tmpfs", 0, "list", "Mount a tmpfs directory")
                .list("ulimit", 0, "ulimit", "Ulimit options")
                .text("userns", 0, "string", "User namespace to use")
                .text("uts", 0, "string", "UTS namespace to use")
                .text("volume-driver", 0, "string", "Volume driver for the container")
                .list("volumes-from", 0, "list", "Mount volumes from the specified container(s)");
    }

    /** The limits that were given, and the restart policy. */
    static Map<String, Object> limits(Flags.Parsed flags) {
        var host = new LinkedHashMap<String, Object>();
        putBytes(host, "Memory", flags, "memory");
        putBytes(host, "MemoryReservation", flags, "memory-reservation");
        putBytes(host, "KernelMemory", flags, "kernel-memory");
        if (flags.text("memory-swap").orElse("").equals("-1")) {
            host.put("MemorySwap", -1L);
        } else {
            putBytes(host, "MemorySwap", flags, "memory-swap");
        }
        flags.text("cpus").ifPresent(cpus -> {
            var nanos = Units.nanoCpus(cpus);
            host.put(
                    "NanoCpus",
                    nanos.orElseThrow(() -> flags.invalid("cpus", cpus, "not a number of CPUs such as 1.5")));
        });
        putNumber(host, "BlkioWeight", flags, "blkio-weight");
        putNumber(host, "CpuShares", flags, "cpu-shares");
        putNumber(host, "CpuPeriod", flags, "cpu-period");
        putNumber(host, "CpuQuota", flags, "cpu-quota");
        putNumber(host, "CpuRealtimePeriod", flags, "cpu-rt-period");
        putNumber(host, "CpuRealtimeRuntime", flags, "cpu-rt-runtime");
        putNumber(host, "PidsLimit", flags, "pids-limit");
        CreateFlags.putText(host, "CpusetCpus", flags, "cpuset-cpus");
        CreateFlags.putText(host, "CpusetMems", flags, "cpuset-mems");
        flags.text("restart")
                .filter(value -> !value.isEmpty())
                .ifPresent(value -> host.put("RestartPolicy", restart(flags, value)));
        return host;
    }

    private static Map<String, Object> restart(Flags.Parsed flags, String value) {
        int colon = value.indexOf(':');
        var policy = new LinkedHashMap<String, Object>();
        policy.put("Name", colon < 0 ? value : value.substring(0, colon));
        if (colon >= 0) {
            try {
                policy.put("MaximumRetryCount", Long.parseLong(value.substring(colon + 1)));
            } catch (NumberFormatException e) {
                throw flags.invalid("restart", value, "maximum retry count must be an integer");
            }
        }
        return policy;
    }

    static Map<String, Object> body(Flags.Parsed flags) throws IOException {
        if (flags.on("rm")
                && flags.text("restart")
                        .filter(policy -> !policy.equals("no") && !policy.isEmpty())
                        .isPresent()) {
            throw flags.wrong("conflicting options: cannot specify both --restart and --rm");
        }
        var host = limits(flags);
        putSwitch(host, "AutoRemove", flags, "rm");
        putSwitch(host, "Privileged", flags, "privileged");
        putSwitch(host, "ReadonlyRootfs", flags, "read-only");
        putSwitch(host, "PublishAllPorts", flags, "publish-all");
        putSwitch(host, "OomKillDisable", flags, "oom-kill-disable");
        if (flags.given("init")) {
            host.put("Init", flags.on("init"));
        }
        putBytes(host, "ShmSize", flags, "shm-size");
        putNumber(host, "OomScoreAdj", flags, "oom-score-adj");
        putNumber(host, "MemorySwappiness", flags, "memory-swappiness");
        CreateFlags.putText(host, "CgroupParent", flags, "cgroup-parent");
        CreateFlags.putText(host, "CgroupnsMode", flags, "cgroupns");
        CreateFlags.putText(host, "IpcMode", flags, "ipc");
        CreateFlags.putText(host, "PidMode", flags, "pid");
        CreateFlags.putText(host, "UTSMode", flags, "uts");
        CreateFlags.putText(host, "UsernsMode", flags, "userns");
        CreateFlags.putText(host, "Isolation", flags, "isolation");
        CreateFlags.putText(host, "Runtime", flags, "runtime");
        CreateFlags.putText(host, "VolumeDriver", flags, "volume-driver");
        CreateFlags.putList(host, "CapAdd", flags.all("cap-add"));
        CreateFlags.putList(host, "CapDrop", flags.all("cap-drop"));
        CreateFlags.putList(host, "GroupAdd", flags.all("group-add"));
        CreateFlags.putList(host, "Dns", flags.all("dns"));
        CreateFlags.putList(host, "DnsOptions", flags.all("dns-option"));
        CreateFlags.putList(host, "DnsSearch", flags.all("dns-search"));
        CreateFlags.putList(host, "VolumesFrom", flags.all("volumes-from"));
        CreateFlags.putList(host, "ExtraHosts", extraHosts(flags));
        CreateFlags.putList(host, "Binds", binds(flags));
        security(host, flags);
        DeviceFlags.put(host, flags);
        putMap(host, "Annotations", flags, "annotation");
        putMap(host, "StorageOpt", flags, "storage-opt");
        putMap(host, "Sysctls", flags, "sysctl");
        logging(host, flags);
        if (flags.given("tmpfs")) {
            var tmpfs = new LinkedHashMap<String, Object>();
            for (var value : flags.all("tmpfs")) {
                int colon = value.indexOf(':');
                tmpfs.put(colon < 0 ? value : value.substring(0, colon), colon < 0 ? "" : value.substring(colon + 1));
            }
            host.put("Tmpfs", tmpfs);
        }
        if (flags.given("mount")) {
            var mounts = new ArrayList<Object>();
            for (var value : flags.all("mount")) {
                mounts.add(MountFlag.parse(flags, value));
            }
            host.put("Mounts", mounts);
        }
        if (flags.given("ulimit")) {
            var limits = new ArrayList<Object>();
            for (var value : flags.all("ulimit")) {
                limits.add(ulimit(flags, value));
            }
            host.put("Ulimits", limits);
        }
        return host;
    }

    private static void logging(Map<String, Object> host, Flags.Parsed flags) {
        if (!flags.given("log-driver") && !flags.given("log-opt")) {
            return;
        }
        var driver = flags.text("log-driver").orElse("");
        if (driver.equals("none") && flags.given("log-opt")) {
            throw flags.wrong("invalid logging opts for driver none: it keeps nothing that options could change");
        }
        var options = new LinkedHashMap<String, Object>();
        for (var value : flags.all("log-opt")) {
            int equals = value.indexOf('=');
            if (equals <= 0) {
                throw flags.invalid("log-opt", value, "name=value would be right");
            }
            options.put(value.substring(0, equals), value.substring(equals + 1));
        }
        host.put("LogConfig", Map.of("Type", driver, "Config", options));
    }

    /** The engine cannot read this command's files, so a profile travels as its text. */
    private static void security(Map<String, Object> host, Flags.Parsed flags) throws IOException {
        var options = new ArrayList<String>();
        for (var value : flags.all("security-opt")) {
            int split = value.indexOf('=');
            // the colon is docker's form of old
            split = split < 0 ? value.indexOf(':') : split;
            var name = split < 0 ? value : value.substring(0, split);
            var what = split < 0 ? "" : value.substring(split + 1);
            if (split < 0 && !name.equals("no-new-privileges") && !name.equals("writable-cgroups")) {
                throw flags.invalid("security-opt", value, "name=value would be right");
            }
            if (name.equals("seccomp")
                    && !what.equals("unconfined")
                    && !what.equals("builtin")
                    && !what.startsWith("{")) {
                try {
                    value = "seccomp=" + compact(flags, value, Files.readString(Path.of(what)));
                } catch (IOException e) {
                    throw flags.invalid("security-opt", value, "the profile " + what + " cannot be read (" + e + ")");
                }
            }
            if (name.equals("systempaths")) {
                if (!what.equals("unconfined")) {
                    throw flags.invalid("security-opt", value, "systempaths=unconfined is known");
                }
                host.put("MaskedPaths", List.of());
                host.put("ReadonlyPaths", List.of());
                continue;
            }
            options.add(value);
        }
        CreateFlags.putList(host, "SecurityOpt", options);
    }

    private static String compact(Flags.Parsed flags, String value, String profile) {
        try {
            return Doc.json(Doc.parse(profile).value());
        } catch (Failure e) {
            throw flags.invalid("security-opt", value, "the profile is not JSON");
        }
    }

    private static List<String> extraHosts(Flags.Parsed flags) {
        var hosts = new ArrayList<String>();
        for (var value : flags.all("add-host")) {
            int equals = value.indexOf('=');
            int split = equals < 0 ? value.indexOf(':') : equals;
            if (split <= 0 || split == value.length() - 1) {
                throw flags.invalid("add-host", value, "bad format for add-host: host:address would be right");
            }
            var address = value.substring(split + 1);
            if (address.startsWith("[") && address.endsWith("]")) {
                address = address.substring(1, address.length() - 1);
            }
            if (!address.equals("host-gateway") && !isAddress(address)) {
                throw flags.invalid("add-host", value, "invalid IP address in add-host: \"" + address + "\"");
            }
            hosts.add(value.substring(0, split) + ":" + address);
        }
        return hosts;
    }

    /** By its looks; the engine parses it. */
    private static boolean isAddress(String text) {
        boolean six = text.indexOf(':') >= 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '.' && c != ':' && Character.digit(c, six ? 16 : 10) < 0 && c != '%') {
                return false;
            }
        }
        return six || text.chars().filter(c -> c == '.').count() == 3;
    }

    /** A relative source means the directory of this command, which the engine cannot know. */
    private static List<String> binds(Flags.Parsed flags) {
        var binds = new ArrayList<String>();
        for (var value : flags.all("volume")) {
            int colon = value.indexOf(':');
            if (colon < 0) {
                // an anonymous volume, see CreateFlags
                continue;
            }
            var source = value.substring(0, colon);
            boolean relative =
                    source.startsWith("./") || source.startsWith("../") || source.equals(".") || source.equals("..");
            binds.add(relative ? Path.of(source).toAbsolutePath().normalize() + value.substring(colon) : value);
        }
        return binds;
    }

    private static Map<String, Object> ulimit(Flags.Parsed flags, String value) {
        int equals = value.indexOf('=');
        if (equals <= 0) {
            throw flags.invalid("ulimit", value, "name=soft[:hard] would be right");
        }
        var limits = value.substring(equals + 1).split(":", -1);
        try {
            long soft = Long.parseLong(limits[0]);
            long hard = limits.length > 1 ? Long.parseLong(limits[1]) : soft;
            if (limits.length > 2 || hard != -1 && (soft > hard || soft == -1)) {
                throw flags.invalid("ulimit", value, "the soft limit must not be above the hard one");
            }
            return Map.of("Name", value.substring(0, equals), "Soft", soft, "Hard", hard);
        } catch (NumberFormatException e) {
            throw flags.invalid("ulimit", value, "name=soft[:hard] with whole numbers would be right");
        }
    }

    private static void putMap(Map<String, Object> host, String field, Flags.Parsed flags, String flag) {
        var map = new LinkedHashMap<String, Object>();
        for (var value : flags.all(flag)) {
            int equals = value.indexOf('=');
            if (equals <= 0) {
                throw flags.invalid(flag, value, "name=value would be right");
            }
            map.put(value.substring(0, equals), value.substring(equals + 1));
        }
        if (!map.isEmpty()) {
            host.put(field, map);
        }
    }

    private static void putSwitch(Map<String, Object> host, String field, Flags.Parsed flags, String flag) {
        if (flags.on(flag)) {
            host.put(field, true);
        }
    }

    private static void putNumber(Map<String, Object> host, String field, Flags.Parsed flags, String flag) {
        flags.number(flag).ifPresent(value -> host.put(field, value));
    }

    private static void putBytes(Map<String, Object> body, String field, Flags.Parsed flags, String flag) {
        flags.text(flag).ifPresent(value -> {
            var bytes = Units.bytes(value);
            body.put(field, bytes.orElseThrow(() -> flags.invalid(flag, value, "not a size such as 64m or 1.5g")));
        });
    }
}
