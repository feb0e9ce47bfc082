package kist.docker;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import kist.engine.ContainerConfig;
import kist.engine.HostConfig;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.Rlimit;

/**
 * The body of a container's creation. Every field of the specification is named here: it is mapped, or refused by name as soon
 * as it says anything but "nothing"; none is accepted and ignored.
 */
final class CreateBody {
    private static final Set<String> PROPAGATIONS =
            Set.of("private", "rprivate", "shared", "rshared", "slave", "rslave");
    private static final Set<String> CONSISTENCIES = Set.of("default", "consistent", "cached", "delegated");

    private CreateBody() {}

    static ContainerConfig parse(Fields body) {
        Fields host = body.object("HostConfig");
        List<Integer> console = consoleSize(host);
        HostConfig hostConfig = host(host);
        networking(body.object("NetworkingConfig"), hostConfig.network());
        health(body.object("Healthcheck"));
        // ports come with published ports, volumes with the volume module
        body.nothing("ExposedPorts", "Volumes", "NetworkDisabled", "ArgsEscaped", "OnBuild", "Shell", "MacAddress");

        Optional<List<String>> entrypoint = body.stringsOrOne("Entrypoint");
        // an empty list of arguments means the image's, as silence does; an empty entry point means none
        Optional<List<String>> command = body.stringsOrOne("Cmd").filter(list -> !list.isEmpty());
        OptionalLong timeout = body.number("StopTimeout");
        String image = body.string("Image");
        if (image.isEmpty()) {
            throw Errors.invalid("Image is empty: name the image to make the container from");
        }
        ContainerConfig config = new ContainerConfig(
                Names.familiar(image),
                command,
                entrypoint,
                body.strings("Env"),
                body.string("WorkingDir"),
                body.string("User"),
                body.string("Hostname"),
                body.string("Domainname"),
                body.map("Labels"),
                body.bool("Tty"),
                body.bool("OpenStdin"),
                body.bool("StdinOnce"),
                body.bool("AttachStdin"),
                body.bool("AttachStdout"),
                body.bool("AttachStderr"),
                body.string("StopSignal"),
                timeout.isPresent() ? OptionalInt.of(small("StopTimeout", timeout.getAsLong())) : OptionalInt.empty(),
                console.get(0),
                console.get(1),
                hostConfig);
        body.end();
        return config;
    }

    private static int small(String field, long value) {
        if (value != (int) value) {
            throw Errors.invalid(field + " is " + value + ", which is out of range");
        }
        return (int) value;
    }

    private static HostConfig host(Fields host) {
        Fields log = host.object("LogConfig");
        log.only("Type", "", "json-file");
        log.nothing("Config");
        log.end();
        Fields restart = host.object("RestartPolicy");
        restart.only("Name", "", "no");
        restart.nothing("MaximumRetryCount");
        restart.end();
        host.only("CgroupnsMode", "", "private");
        host.only("IpcMode", "", "private");
        // no user namespaces are remapped yet, so "host" says what is so anyway
        host.only("UsernsMode", "", "host");
        host.only("Isolation", "", "default");
        host.only("Runtime", "", "kist");
        host.only("MemorySwappiness", -1L);
        // an empty list would unmask everything: only null says nothing
        host.only("MaskedPaths");
        host.only("ReadonlyPaths");
        host.nothing("PortBindings", "PublishAllPorts", "VolumeDriver", "VolumesFrom", "Annotations", "Dns");
        host.nothing("DnsOptions", "DnsSearch", "GroupAdd", "Cgroup", "Links", "OomScoreAdj", "PidMode");
        host.nothing("StorageOpt", "UTSMode", "CgroupParent", "BlkioWeight", "BlkioWeightDevice");
        host.nothing("BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps");
        host.nothing("CpuRealtimePeriod", "CpuRealtimeRuntime", "Devices", "DeviceCgroupRules", "DeviceRequests");
        host.nothing("OomKillDisable", "Init", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth");
        host.nothing("KernelMemory", "KernelMemoryTCP", "Capabilities", "DiskQuota");
        // the client writes this file itself
        host.clientsOwn("ContainerIDFile");

        List<MountSpec> mounts = new ArrayList<>();
        for (String bind : host.strings("Binds")) {
            mounts.add(bind(bind));
        }
        for (Fields mount : host.objects("Mounts")) {
            mounts.add(mount(mount));
        }
        for (Map.Entry<String, String> entry : host.map("Tmpfs").entrySet()) {
            mounts.add(tmpfs(entry.getKey(), entry.getValue()));
        }
        List<Rlimit> rlimits = new ArrayList<>();
        for (Fields limit : host.objects("Ulimits")) {
            rlimits.add(new Rlimit(
                    limit.string("Name"),
                    limit.number("Soft").orElse(0),
                    limit.number("Hard").orElse(0)));
            limit.end();
        }
        HostConfig config = new HostConfig(
                host.string("NetworkMode"),
                host.number("Memory").orElse(0),
                host.number("MemorySwap").orElse(0),
                host.number("MemoryReservation").orElse(0),
                host.number("NanoCpus").orElse(0),
                host.number("CpuShares").orElse(0),
                host.number("CpuPeriod").orElse(0),
                host.number("CpuQuota").orElse(0),
                host.string("CpusetCpus"),
                host.string("CpusetMems"),
                host.number("PidsLimit").orElse(0),
                host.strings("CapAdd"),
                host.strings("CapDrop"),
                host.bool("Privileged"),
                host.bool("ReadonlyRootfs"),
                host.strings("SecurityOpt"),
                List.copyOf(mounts),
                host.bool("AutoRemove"),
                host.number("ShmSize").orElse(0),
                List.copyOf(rlimits),
                host.strings("ExtraHosts"),
                host.map("Sysctls"));
        host.end();
        return config;
    }

    /** Rows and columns of the terminal, zeros where they are not said. */
    static List<Integer> consoleSize(Fields fields) {
        List<Long> size = fields.numbers("ConsoleSize");
        if (size.isEmpty()) {
            return List.of(0, 0);
        }
        if (size.size() != 2 || size.get(0) < 0 || size.get(0) > 0xffff || size.get(1) < 0 || size.get(1) > 0xffff) {
            throw Errors.invalid("ConsoleSize is not rows and columns of a terminal");
        }
        return List.of(size.get(0).intValue(), size.get(1).intValue());
    }

    private static void health(Fields health) {
        List<String> test = health.strings("Test");
        if (!test.isEmpty() && !test.equals(List.of("NONE"))) {
            throw Errors.unsupported("Healthcheck");
        }
        health.nothing("Interval", "Timeout", "Retries", "StartPeriod", "StartInterval");
        health.end();
    }

    /** The one network that a container can join is named by the network mode; settings in it come later. */
    private static void networking(Fields networking, String mode) {
        String joined = mode.isEmpty() || mode.equals("default") ? "bridge" : mode;
        for (Map.Entry<String, Fields> entry :
                networking.object("EndpointsConfig").entries().entrySet()) {
            String network = entry.getKey().equals("default") ? "bridge" : entry.getKey();
            if (!network.equals(joined)) {
                throw Errors.unsupported(
                        "joining the network " + network + " besides " + joined + " of HostConfig.NetworkMode");
            }
            Fields endpoint = entry.getValue();
            Fields address = endpoint.object("IPAMConfig");
            address.nothing("IPv4Address", "IPv6Address", "LinkLocalIPs");
            address.end();
            endpoint.nothing("Links", "Aliases", "MacAddress", "DriverOpts", "GwPriority");
            // what inspect shows of a running container; clients send it back empty
            endpoint.nothing("NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway");
            endpoint.nothing("GlobalIPv6Address", "GlobalIPv6PrefixLen", "DNSNames");
            endpoint.end();
        }
        networking.end();
    }

    /** A bind in the short form {@code source:target[:options]}. */
    static MountSpec bind(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length > 3) {
            throw Errors.invalid("invalid bind \"" + text + "\": it is not source:target[:options]");
        }
        if (parts.length == 1) {
            throw Errors.unsupported("the anonymous volume of bind \"" + text + "\"");
        }
        if (!parts[0].startsWith("/")) {
            throw parts[0].startsWith(".") || parts[0].contains("/")
                    ? Errors.invalid(
                            "invalid bind \"" + text + "\": the source \"" + parts[0] + "\" is not an absolute path")
                    : Errors.unsupported("the volume \"" + parts[0] + "\" of bind \"" + text + "\"");
        }
        if (!parts[1].startsWith("/")) {
            throw Errors.invalid(
                    "invalid bind \"" + text + "\": the target \"" + parts[1] + "\" is not an absolute path");
        }
        boolean readOnly = false;
        boolean modeSaid = false;
        String propagation = "";
        if (parts.length == 3 && !parts[2].isEmpty()) {
            for (String option : parts[2].split(",", -1)) {
                if (option.equals("ro") || option.equals("rw")) {
                    if (modeSaid) {
                        throw Errors.invalid("invalid bind \"" + text + "\": ro or rw is said twice");
                    }
                    modeSaid = true;
                    readOnly = option.equals("ro");
                } else if (PROPAGATIONS.contains(option)) {
                    if (!propagation.isEmpty()) {
                        throw Errors.invalid("invalid bind \"" + text + "\": two propagation modes");
                    }
                    propagation = option;
                } else if (option.equals("z") || option.equals("Z")) {
                    refuseLabel(text);
                } else if (!CONSISTENCIES.contains(option)) {
                    throw Errors.invalid("invalid bind \"" + text + "\": option \"" + option + "\" is not known");
                }
            }
        }
        return new MountSpec("bind", parts[0], parts[1], readOnly, true, propagation, List.of());
    }

    /** Without SELinux there is nothing to label, in Docker neither. */
    private static void refuseLabel(String bind) {
        if (Files.exists(Path.of("/sys/fs/selinux/enforce"))) {
            throw Errors.unsupported("the SELinux label of bind \"" + bind + "\"");
        }
    }

    private static MountSpec mount(Fields mount) {
        String type = mount.string("Type");
        String target = mount.string("Target");
        String source = mount.string("Source");
        boolean readOnly = mount.bool("ReadOnly");
        mount.only("Consistency", "", "default", "consistent", "cached", "delegated");
        if (!type.equals("bind") && !type.equals("tmpfs")) {
            throw type.isEmpty()
                    ? Errors.invalid("a mount has no Type: bind or tmpfs is wanted")
                    : Errors.unsupported("a mount of type " + type);
        }
        if (!target.startsWith("/")) {
            throw Errors.invalid("invalid mount target \"" + target + "\": an absolute path is wanted");
        }
        mount.nothing("VolumeOptions", "ImageOptions", "ClusterOptions");
        boolean bind = type.equals("bind");
        if (bind && !source.startsWith("/")) {
            throw Errors.invalid(
                    "invalid mount source \"" + source + "\" for " + target + ": an absolute path is wanted");
        }
        if (!bind && !source.isEmpty()) {
            throw Errors.invalid("the tmpfs at " + target + " has the source \"" + source + "\": it can have none");
        }
        mount.nothing(bind ? "TmpfsOptions" : "BindOptions");
        MountSpec made = bind
                ? bound(mount.object("BindOptions"), source, target, readOnly)
                : new MountSpec(
                        type, "", target, readOnly, false, "", tmpfsOptions(mount.object("TmpfsOptions"), target));
        mount.end();
        return made;
    }

    private static MountSpec bound(Fields options, String source, String target, boolean readOnly) {
        String propagation = options.string("Propagation");
        if (!propagation.isEmpty() && !PROPAGATIONS.contains(propagation)) {
            throw Errors.invalid("the propagation \"" + propagation + "\" of the mount at " + target + " is not known");
        }
        boolean create = options.bool("CreateMountpoint");
        options.nothing("NonRecursive", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive");
        options.end();
        return new MountSpec("bind", source, target, readOnly, create, propagation, List.of());
    }

    private static List<String> tmpfsOptions(Fields options, String target) {
        List<String> made = new ArrayList<>();
        OptionalLong size = options.number("SizeBytes");
        if (size.isPresent() && size.getAsLong() != 0) {
            made.add("size=" + size.getAsLong());
        }
        OptionalLong mode = options.number("Mode");
        if (mode.isPresent() && mode.getAsLong() != 0) {
            made.add("mode=" + Long.toOctalString(mode.getAsLong()));
        }
        for (List<String> option : options.stringLists("Options")) {
            if (option.isEmpty() || option.size() > 2) {
                throw Errors.invalid("an option of the tmpfs at " + target + " is not a name or a name and a value");
            }
            made.add(String.join("=", option));
        }
        options.end();
        return List.copyOf(made);
    }

    /** A tmpfs in the short form: its path and comma-separated mount options. */
    private static MountSpec tmpfs(String target, String text) {
        if (!target.startsWith("/")) {
            throw Errors.invalid("invalid tmpfs target \"" + target + "\": an absolute path is wanted");
        }
        boolean readOnly = false;
        List<String> options = new ArrayList<>();
        for (String option : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            if (option.equals("ro") || option.equals("rw")) {
                readOnly = option.equals("ro");
            } else if (!option.isEmpty()) {
                options.add(option);
            }
        }
        return new MountSpec("tmpfs", "", target, readOnly, false, "", List.copyOf(options));
    }
}
