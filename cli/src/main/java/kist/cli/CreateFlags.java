package kist.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** The flags of {@code kist run} and {@code kist create}, and the request that they make. */
final class CreateFlags {
    private CreateFlags() {}

    /** Adds the flags that both commands have. */
    static Flags declare(Flags flags) {
        return flags.stopAtFirstArgument()
                .list("add-host", 0, "list", "Add a line to /etc/hosts (host:address)")
                .list("attach", 'a', "list", "Attach to STDIN, STDOUT or STDERR")
                .list("cap-add", 0, "list", "Add Linux capabilities")
                .list("cap-drop", 0, "list", "Drop Linux capabilities")
                .text("cidfile", 0, "string", "Write the container ID to the file")
                .text("cpu-period", 0, "int", "CPU period in microseconds")
                .text("cpu-quota", 0, "int", "CPU time in each period in microseconds")
                .text("cpu-shares", 'c', "int", "CPU shares (relative weight)")
                .text("cpus", 0, "decimal", "Number of CPUs")
                .text("cpuset-cpus", 0, "string", "CPUs in which to allow execution (0-3, 0,1)")
                .text("cpuset-mems", 0, "string", "Memory nodes in which to allow execution (0-3, 0,1)")
                .text("domainname", 0, "string", "Container NIS domain name")
                .text("entrypoint", 0, "string", "Overwrite the default ENTRYPOINT of the image")
                .list("env", 'e', "list", "Set environment variables")
                .list("env-file", 0, "list", "Read in a file of environment variables")
                .text("hostname", 'h', "string", "Container host name")
                .bool("interactive", 'i', "Keep STDIN open even if not attached")
                .list("label", 'l', "list", "Set meta data on a container")
                .list("label-file", 0, "list", "Read in a line delimited file of labels")
                .text("memory", 'm', "bytes", "Memory limit")
                .text("memory-reservation", 0, "bytes", "Memory soft limit")
                .text("memory-swap", 0, "bytes", "Limit of memory plus swap: '-1' for no limit of swap")
                .list("mount", 0, "mount", "Attach a filesystem mount to the container")
                .text("name", 0, "string", "Assign a name to the container")
                .text("network", 0, "network", "Connect a container to a network: bridge, host or none")
                .text("net", 0, "network", "The same as --network")
                .text("pids-limit", 0, "int", "Limit of processes (-1 for unlimited)")
                .bool("privileged", 0, "Give extended privileges to this container")
                .bool("quiet", 'q', "Suppress the pull output")
                .text("platform", 0, "string", "Set platform if server is multi-platform capable")
                .text("pull", 0, "string", "Pull image before running (\"always\", \"missing\", \"never\")")
                .bool("read-only", 0, "Mount the container's root filesystem as read only")
                .bool("rm", 0, "Remove the container when it exits")
                .list("security-opt", 0, "list", "Security options")
                .text("shm-size", 0, "bytes", "Size of /dev/shm")
                .text("stop-signal", 0, "string", "Signal to stop the container")
                .text("stop-timeout", 0, "int", "Seconds to wait before the container is killed")
                .list("sysctl", 0, "map", "Kernel parameters of the container's namespaces")
                .list("tmpfs", 0, "list", "Mount a tmpfs directory")
                .bool("tty", 't', "Allocate a pseudo-TTY")
                .list("ulimit", 0, "ulimit", "Ulimit options")
                .text("user", 'u', "string", "Username or UID (format: <name|uid>[:<group|gid>])")
                .list("volume", 'v', "list", "Bind mount a directory")
                .text("workdir", 'w', "string", "Working directory inside the container")
                .without("annotation", "blkio-weight", "blkio-weight-device", "cgroup-parent", "cgroupns")
                .without("cpu-rt-period", "cpu-rt-runtime", "device", "device-cgroup-rule", "device-read-bps")
                .without("device-read-iops", "device-write-bps", "device-write-iops", "dns", "dns-option", "dns-search")
                .without("expose", "gpus", "group-add", "health-cmd", "health-interval", "health-retries")
                .without("health-start-period", "health-timeout", "ip", "ip6", "ipc", "isolation", "kernel-memory")
                .without("link", "link-local-ip", "log-driver", "log-opt", "mac-address", "memory-swappiness")
                .without("network-alias", "oom-score-adj", "pid", "p=publish", "restart", "runtime")
                .without("storage-opt", "userns", "uts", "volume-driver", "volumes-from")
                .withoutSwitches("disable-content-trust", "init", "no-healthcheck", "oom-kill-disable", "publish-all");
    }

    /**
     * The body of a create request.
     *
     * @param attached whether the command stays attached, so that the streams are asked for
     */
    static Map<String, Object> body(Flags.Parsed flags, Context context, boolean attached) throws IOException {
        var arguments = flags.arguments();
        var body = new LinkedHashMap<String, Object>();
        body.put("Image", arguments.getFirst());
        if (arguments.size() > 1) {
            body.put("Cmd", List.copyOf(arguments.subList(1, arguments.size())));
        }
        flags.text("entrypoint").ifPresent(value -> body.put("Entrypoint", List.of(value)));
        putText(body, "Hostname", flags, "hostname");
        putText(body, "Domainname", flags, "domainname");
        putText(body, "User", flags, "user");
        putText(body, "WorkingDir", flags, "workdir");
        putText(body, "StopSignal", flags, "stop-signal");
        flags.number("stop-timeout").ifPresent(seconds -> body.put("StopTimeout", seconds));
        var environment = environment(flags, context.environment());
        if (!environment.isEmpty()) {
            body.put("Env", environment);
        }
        var labels = labels(flags);
        if (!labels.isEmpty()) {
            body.put("Labels", labels);
        }
        boolean stdin = flags.on("interactive");
        body.put("Tty", flags.on("tty"));
        body.put("OpenStdin", stdin);
        body.put("StdinOnce", stdin && attached);
        body.put("AttachStdin", attached && attachesTo(flags, "stdin"));
        body.put("AttachStdout", attached && attachesTo(flags, "stdout"));
        body.put("AttachStderr", attached && attachesTo(flags, "stderr"));
        body.put("HostConfig", host(flags));
        return body;
    }

    /** Which streams an attached run joins: those of {@code -a}, or output always and input with {@code -i}. */
    static boolean attachesTo(Flags.Parsed flags, String stream) {
        var chosen = flags.all("attach");
        if (chosen.isEmpty()) {
            return !stream.equals("stdin") || flags.on("interactive");
        }
        for (var one : chosen) {
            if (!one.equalsIgnoreCase("stdin") && !one.equalsIgnoreCase("stdout") && !one.equalsIgnoreCase("stderr")) {
                throw flags.invalid("attach", one, "valid streams are STDIN, STDOUT and STDERR");
            }
            if (one.equalsIgnoreCase(stream)) {
                return true;
            }
        }
        return false;
    }

    private static Map<String, Object> host(Flags.Parsed flags) {
        var host = new LinkedHashMap<String, Object>();
        host.put(
                "NetworkMode", flags.text("network").or(() -> flags.text("net")).orElse("default"));
        if (flags.on("rm")) {
            host.put("AutoRemove", true);
        }
        putBytes(host, "Memory", flags, "memory");
        putBytes(host, "MemoryReservation", flags, "memory-reservation");
        if (flags.text("memory-swap").orElse("").equals("-1")) {
            host.put("MemorySwap", -1L);
        } else {
            putBytes(host, "MemorySwap", flags, "memory-swap");
        }
        putBytes(host, "ShmSize", flags, "shm-size");
        flags.text("cpus").ifPresent(cpus -> {
            OptionalLong nanos = Units.nanoCpus(cpus);
            host.put(
                    "NanoCpus",
                    nanos.orElseThrow(() -> flags.invalid("cpus", cpus, "not a number of CPUs such as 1.5")));
        });
        flags.number("cpu-shares").ifPresent(value -> host.put("CpuShares", value));
        flags.number("cpu-period").ifPresent(value -> host.put("CpuPeriod", value));
        flags.number("cpu-quota").ifPresent(value -> host.put("CpuQuota", value));
        flags.number("pids-limit").ifPresent(value -> host.put("PidsLimit", value));
        putText(host, "CpusetCpus", flags, "cpuset-cpus");
        putText(host, "CpusetMems", flags, "cpuset-mems");
        putList(host, "CapAdd", flags.all("cap-add"));
        putList(host, "CapDrop", flags.all("cap-drop"));
        putList(host, "SecurityOpt", flags.all("security-opt"));
        putList(host, "ExtraHosts", flags.all("add-host"));
        putList(host, "Binds", binds(flags));
        if (flags.on("privileged")) {
            host.put("Privileged", true);
        }
        if (flags.on("read-only")) {
            host.put("ReadonlyRootfs", true);
        }
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
        if (flags.given("sysctl")) {
            var sysctls = new LinkedHashMap<String, Object>();
            for (var value : flags.all("sysctl")) {
                int equals = value.indexOf('=');
                if (equals <= 0) {
                    throw flags.invalid("sysctl", value, "name=value would be right");
                }
                sysctls.put(value.substring(0, equals), value.substring(equals + 1));
            }
            host.put("Sysctls", sysctls);
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

    /** A relative source means the directory of this command, which the engine cannot know. */
    private static List<String> binds(Flags.Parsed flags) {
        var binds = new ArrayList<String>();
        for (var value : flags.all("volume")) {
            boolean relative = value.startsWith("./")
                    || value.startsWith("../")
                    || value.equals(".")
                    || value.equals("..")
                    || value.startsWith(".:")
                    || value.startsWith("..:");
            int colon = value.indexOf(':');
            binds.add(
                    relative && colon > 0
                            ? Path.of(value.substring(0, colon))
                                            .toAbsolutePath()
                                            .normalize()
                                    + value.substring(colon)
                            : value);
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
            if (limits.length > 2 || soft > hard && hard != -1) {
                throw flags.invalid("ulimit", value, "the soft limit must not be above the hard one");
            }
            return Map.of("Name", value.substring(0, equals), "Soft", soft, "Hard", hard);
        } catch (NumberFormatException e) {
            throw flags.invalid("ulimit", value, "name=soft[:hard] with whole numbers would be right");
        }
    }

    /** NAME=value as given; a bare NAME takes this command's value and is left out where there is none. */
    static List<String> environment(Flags.Parsed flags, Map<String, String> own) throws IOException {
        var result = new ArrayList<String>();
        for (var file : flags.all("env-file")) {
            for (var line : lines(flags, "env-file", file)) {
                addVariable(flags, "env-file", result, line, own);
            }
        }
        for (var value : flags.all("env")) {
            addVariable(flags, "env", result, value, own);
        }
        return result;
    }

    private static void addVariable(
            Flags.Parsed flags, String flag, List<String> result, String value, Map<String, String> own) {
        int equals = value.indexOf('=');
        if (equals == 0 || value.isEmpty()) {
            throw flags.invalid(flag, value, "a variable needs a name");
        }
        if (equals > 0) {
            result.add(value);
        } else if (own.containsKey(value)) {
            result.add(value + "=" + own.get(value));
        }
    }

    private static Map<String, Object> labels(Flags.Parsed flags) throws IOException {
        var given = new ArrayList<String>();
        for (var file : flags.all("label-file")) {
            given.addAll(lines(flags, "label-file", file));
        }
        given.addAll(flags.all("label"));
        var labels = new LinkedHashMap<String, Object>();
        for (var value : given) {
            int equals = value.indexOf('=');
            if (equals == 0 || value.isEmpty()) {
                throw flags.invalid("label", value, "a label needs a name");
            }
            labels.put(equals < 0 ? value : value.substring(0, equals), equals < 0 ? "" : value.substring(equals + 1));
        }
        return labels;
    }

    /** Lines that say something: neither empty nor comments. */
    private static List<String> lines(Flags.Parsed flags, String flag, String file) throws IOException {
        List<String> all;
        try {
            all = Files.readAllLines(Path.of(file));
        } catch (IOException e) {
            throw flags.invalid(flag, file, "cannot be read (" + e + ")");
        }
        var result = new ArrayList<String>();
        for (var line : all) {
            if (!line.isBlank() && !line.startsWith("#")) {
                result.add(line.stripLeading());
            }
        }
        return result;
    }

    private static void putText(Map<String, Object> body, String field, Flags.Parsed flags, String flag) {
        flags.text(flag).filter(value -> !value.isEmpty()).ifPresent(value -> body.put(field, value));
    }

    private static void putList(Map<String, Object> body, String field, List<String> values) {
        if (!values.isEmpty()) {
            body.put(field, values);
        }
    }

    private static void putBytes(Map<String, Object> body, String field, Flags.Parsed flags, String flag) {
        flags.text(flag).ifPresent(value -> {
            var bytes = Units.bytes(value);
            body.put(field, bytes.orElseThrow(() -> flags.invalid(flag, value, "not a size such as 64m or 1.5g")));
        });
    }
}
