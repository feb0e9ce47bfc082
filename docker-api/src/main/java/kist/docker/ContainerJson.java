package kist.docker;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import kist.engine.ContainerConfig;
import kist.engine.ContainerView;
import kist.engine.ContainerView.State;
import kist.engine.HostConfig;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.Rlimit;
import kist.network.Endpoint;
import org.jspecify.annotations.Nullable;

/** Containers as Docker's inspect and list show them. */
final class ContainerJson {
    private static final long DEFAULT_SHM = 64L << 20;

    private ContainerJson() {}

    static boolean isRunning(ContainerView c) {
        return c.state() == State.RUNNING || c.state() == State.PAUSED || c.state() == State.RESTARTING;
    }

    static String state(ContainerView c) {
        return c.state().name().toLowerCase(Locale.ROOT);
    }

    /** The body of {@code GET /containers/{id}/json}. */
    static Map<String, @Nullable Object> inspect(ContainerView c, String driver) {
        List<String> argv = c.argv();
        return Json.object(
                "Id",
                c.id(),
                "Created",
                Times.rfc3339(c.createdNanos()),
                "Path",
                argv.isEmpty() ? "" : argv.getFirst(),
                "Args",
                argv.isEmpty() ? argv : argv.subList(1, argv.size()),
                "State",
                stateObject(c),
                "Image",
                c.imageId(),
                "LogPath",
                c.logPath(),
                "Name",
                "/" + c.name(),
                "RestartCount",
                0,
                "Driver",
                driver,
                "Platform",
                "linux",
                "MountLabel",
                "",
                "ProcessLabel",
                "",
                "AppArmorProfile",
                "",
                "ExecIDs",
                c.execs().isEmpty() ? null : c.execs(),
                "HostConfig",
                host(c.config()),
                "GraphDriver",
                Json.object("Data", null, "Name", driver),
                "Mounts",
                mounts(c.config().host()),
                "Config",
                config(c),
                "NetworkSettings",
                networkSettings(c));
    }

    private static Map<String, @Nullable Object> stateObject(ContainerView c) {
        return Json.object(
                "Status", state(c),
                "Running", isRunning(c),
                "Paused", c.state() == State.PAUSED,
                "Restarting", c.state() == State.RESTARTING,
                "OOMKilled", c.oomKilled(),
                "Dead", c.state() == State.DEAD,
                "Pid", c.pid(),
                "ExitCode", c.exitCode(),
                "Error", c.error(),
                "StartedAt", Times.rfc3339(c.startedNanos()),
                "FinishedAt", Times.rfc3339(c.finishedNanos()));
    }

    private static Map<String, @Nullable Object> config(ContainerView c) {
        ContainerConfig asked = c.config();
        Map<String, @Nullable Object> config = Json.object(
                "Hostname", asked.hostname().isEmpty() ? shortId(c) : asked.hostname(),
                "Domainname", asked.domainname(),
                "User", c.user(),
                "AttachStdin", asked.attachStdin(),
                "AttachStdout", asked.attachStdout(),
                "AttachStderr", asked.attachStderr(),
                "Tty", asked.tty(),
                "OpenStdin", asked.openStdin(),
                "StdinOnce", asked.stdinOnce(),
                "Env", c.environment(),
                "Cmd", asked.command().orElse(null),
                "Image", asked.image(),
                "Volumes", null,
                "WorkingDir", c.workingDir(),
                "Entrypoint", asked.entrypoint().orElse(null),
                "OnBuild", null,
                "Labels", c.labels());
        split(c, config);
        if (!c.stopSignal().isEmpty()) {
            config.put("StopSignal", c.stopSignal());
        }
        OptionalInt timeout = c.stopTimeout();
        if (timeout.isPresent()) {
            config.put("StopTimeout", timeout.getAsInt());
        }
        return config;
    }

    /** Where the user left entry point or command to the image, shows what came of it: argv is the two in one. */
    private static void split(ContainerView c, Map<String, @Nullable Object> config) {
        List<String> entrypoint = c.config().entrypoint().orElse(List.of());
        boolean noEntrypoint = entrypoint.isEmpty() || entrypoint.equals(List.of(""));
        if (c.config().command().isEmpty() && noEntrypoint) {
            config.put("Cmd", c.argv());
        } else if (c.config().entrypoint().isEmpty()) {
            int own = c.argv().size() - c.config().command().orElse(List.of()).size();
            config.put("Entrypoint", own > 0 ? c.argv().subList(0, own) : null);
        }
    }

    private static String shortId(ContainerView c) {
        return c.id().substring(0, Math.min(12, c.id().length()));
    }

    private static String networkMode(HostConfig host) {
        return host.network().isEmpty() ? "default" : host.network();
    }

    private static @Nullable Object orNull(List<String> list) {
        return list.isEmpty() ? null : list;
    }

    private static Map<String, @Nullable Object> host(ContainerConfig config) {
        HostConfig h = config.host();
        List<String> binds = new ArrayList<>();
        List<Object> mounts = new ArrayList<>();
        Map<String, Object> tmpfs = new LinkedHashMap<>();
        for (MountSpec mount : h.mounts()) {
            if (mount.type().equals("tmpfs")) {
                tmpfs.put(mount.target(), mode(mount));
            } else if (mount.createSource()) {
                String mode = mode(mount);
                binds.add(mount.source() + ":" + mount.target() + (mode.isEmpty() ? "" : ":" + mode));
            } else {
                Map<String, @Nullable Object> shown =
                        Json.object("Type", mount.type(), "Source", mount.source(), "Target", mount.target());
                if (mount.readOnly()) {
                    shown.put("ReadOnly", true);
                }
                if (!mount.propagation().isEmpty()) {
                    shown.put("BindOptions", Json.object("Propagation", mount.propagation()));
                }
                mounts.add(shown);
            }
        }
        List<Object> ulimits = new ArrayList<>();
        for (Rlimit limit : h.rlimits()) {
            ulimits.add(Json.object("Name", limit.name(), "Hard", limit.hard(), "Soft", limit.soft()));
        }
        List<Integer> console = List.of(config.consoleRows(), config.consoleColumns());
        List<Object> none = List.of();
        Map<String, @Nullable Object> host = Json.object(
                "Binds",
                orNull(binds),
                "ContainerIDFile",
                "",
                "LogConfig",
                Json.object("Type", "json-file", "Config", Map.of()),
                "NetworkMode",
                networkMode(h),
                "PortBindings",
                Map.of(),
                "RestartPolicy",
                Json.object("Name", "no", "MaximumRetryCount", 0),
                "AutoRemove",
                h.autoRemove(),
                "VolumeDriver",
                "",
                "VolumesFrom",
                null,
                "ConsoleSize",
                console,
                "CapAdd",
                orNull(h.capAdd()),
                "CapDrop",
                orNull(h.capDrop()),
                "CgroupnsMode",
                "private",
                "Dns",
                none,
                "DnsOptions",
                none,
                "DnsSearch",
                none,
                "ExtraHosts",
                orNull(h.extraHosts()),
                "GroupAdd",
                null,
                "IpcMode",
                "private",
                "Cgroup",
                "",
                "Links",
                null,
                "OomScoreAdj",
                0,
                "PidMode",
                "",
                "Privileged",
                h.privileged(),
                "PublishAllPorts",
                false,
                "ReadonlyRootfs",
                h.readonlyRootfs(),
                "SecurityOpt",
                orNull(h.securityOpt()),
                "UTSMode",
                "",
                "UsernsMode",
                "",
                "ShmSize",
                h.shmSize() == 0 ? DEFAULT_SHM : h.shmSize(),
                "Runtime",
                "kist",
                "Isolation",
                "",
                "CpuShares",
                h.cpuShares(),
                "Memory",
                h.memory(),
                "NanoCpus",
                h.nanoCpus(),
                "CgroupParent",
                "",
                "BlkioWeight",
                0,
                "BlkioWeightDevice",
                none,
                "BlkioDeviceReadBps",
                none,
                "BlkioDeviceWriteBps",
                none,
                "BlkioDeviceReadIOps",
                none,
                "BlkioDeviceWriteIOps",
                none,
                "CpuPeriod",
                h.cpuPeriod(),
                "CpuQuota",
                h.cpuQuota(),
                "CpuRealtimePeriod",
                0,
                "CpuRealtimeRuntime",
                0,
                "CpusetCpus",
                h.cpusetCpus(),
                "CpusetMems",
                h.cpusetMems(),
                "Devices",
                none,
                "DeviceCgroupRules",
                null,
                "DeviceRequests",
                null,
                "MemoryReservation",
                h.memoryReservation(),
                "MemorySwap",
                h.memorySwap(),
                "MemorySwappiness",
                null,
                "OomKillDisable",
                false,
                "PidsLimit",
                h.pidsLimit() <= 0 ? null : (Long) h.pidsLimit(),
                "Ulimits",
                ulimits,
                "CpuCount",
                0,
                "CpuPercent",
                0,
                "IOMaximumIOps",
                0,
                "IOMaximumBandwidth",
                0);
        if (!mounts.isEmpty()) {
            host.put("Mounts", mounts);
        }
        if (!tmpfs.isEmpty()) {
            host.put("Tmpfs", tmpfs);
        }
        if (!h.sysctls().isEmpty()) {
            host.put("Sysctls", h.sysctls());
        }
        return host;
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
        options.addAll(mount.options());
        return String.join(",", options);
    }

    /** Mounts as list and inspect show them. */
    static List<Object> mounts(HostConfig host) {
        List<Object> shown = new ArrayList<>();
        for (MountSpec mount : host.mounts()) {
            boolean tmpfs = mount.type().equals("tmpfs");
            shown.add(Json.object(
                    "Type",
                    mount.type(),
                    "Source",
                    mount.source(),
                    "Destination",
                    mount.target(),
                    "Mode",
                    tmpfs ? String.join(",", mount.options()) : mount.readOnly() ? "ro" : "",
                    "RW",
                    !mount.readOnly(),
                    "Propagation",
                    tmpfs ? "" : mount.propagation().isEmpty() ? "rprivate" : mount.propagation()));
        }
        return shown;
    }

    private static Map<String, @Nullable Object> networkSettings(ContainerView c) {
        Endpoint e = endpoint(c);
        return Json.object(
                "Bridge",
                "",
                "SandboxID",
                "",
                "SandboxKey",
                c.pid() > 0 ? "/proc/" + c.pid() + "/ns/net" : "",
                "HairpinMode",
                false,
                "LinkLocalIPv6Address",
                "",
                "LinkLocalIPv6PrefixLen",
                0,
                "Ports",
                Map.of(),
                "SecondaryIPAddresses",
                null,
                "SecondaryIPv6Addresses",
                null,
                "EndpointID",
                e.endpointId(),
                "Gateway",
                e.gateway(),
                "GlobalIPv6Address",
                "",
                "GlobalIPv6PrefixLen",
                0,
                "IPAddress",
                e.address(),
                "IPPrefixLen",
                e.prefixLength(),
                "IPv6Gateway",
                "",
                "MacAddress",
                e.mac(),
                "Networks",
                networks(c));
    }

    private static Endpoint endpoint(ContainerView c) {
        String mode = networkMode(c.config().host());
        String name = mode.equals("default") ? "bridge" : mode;
        return c.endpoint().orElse(new Endpoint(name, "", "", "", "", 0, "", ""));
    }

    /** The networks of a container by name. */
    static Map<String, @Nullable Object> networks(ContainerView c) {
        Endpoint e = endpoint(c);
        return Json.object(
                e.network(),
                Json.object(
                        "IPAMConfig",
                        null,
                        "Links",
                        null,
                        "Aliases",
                        null,
                        "MacAddress",
                        e.mac(),
                        "DriverOpts",
                        null,
                        "GwPriority",
                        0,
                        "NetworkID",
                        e.networkId(),
                        "EndpointID",
                        e.endpointId(),
                        "Gateway",
                        e.gateway(),
                        "IPAddress",
                        e.address(),
                        "IPPrefixLen",
                        e.prefixLength(),
                        "IPv6Gateway",
                        "",
                        "GlobalIPv6Address",
                        "",
                        "GlobalIPv6PrefixLen",
                        0,
                        "DNSNames",
                        null));
    }

    /** One element of {@code GET /containers/json}. */
    static Map<String, @Nullable Object> summary(ContainerView c, long nowNanos) {
        return Json.object(
                "Id", c.id(),
                "Names", List.of("/" + c.name()),
                "Image", c.config().image(),
                "ImageID", c.imageId(),
                "Command", command(c.argv()),
                "Created", Math.floorDiv(c.createdNanos(), 1_000_000_000L),
                "Ports", List.of(),
                "Labels", c.labels(),
                "State", state(c),
                "Status", status(c, nowNanos),
                "HostConfig", Json.object("NetworkMode", networkMode(c.config().host())),
                "NetworkSettings", Json.object("Networks", networks(c)),
                "Mounts", mounts(c.config().host()));
    }

    private static String command(List<String> argv) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < argv.size(); i++) {
            String word = argv.get(i);
            boolean quoted = i > 0 && word.contains(" ");
            text.append(i == 0 ? "" : " ")
                    .append(quoted ? "'" : "")
                    .append(word)
                    .append(quoted ? "'" : "");
        }
        return text.toString();
    }

    /** The state in Docker's words, such as {@code Up 3 seconds}. */
    static String status(ContainerView c, long nowNanos) {
        return switch (c.state()) {
            case CREATED -> "Created";
            case RUNNING -> "Up " + Times.words(nowNanos - c.startedNanos());
            case PAUSED -> "Up " + Times.words(nowNanos - c.startedNanos()) + " (Paused)";
            case RESTARTING ->
                "Restarting (" + c.exitCode() + ") " + Times.words(nowNanos - c.finishedNanos()) + " ago";
            case EXITED -> "Exited (" + c.exitCode() + ") " + Times.words(nowNanos - c.finishedNanos()) + " ago";
            case REMOVING -> "Removal In Progress";
            case DEAD -> "Dead";
        };
    }
}
