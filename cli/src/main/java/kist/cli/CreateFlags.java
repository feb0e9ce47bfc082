package kist.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The flags of {@code kist run} and {@code kist create}, and the request that they make; see also {@link HostFlags}. */
final class CreateFlags {
    private CreateFlags() {}

    /** What the engine looks at to restart a container that its health check calls unhealthy. */
    static final String RESTART_ON_UNHEALTHY = "io.kist.restart-on-unhealthy";

    /** Adds the flags that both commands have. */
    static Flags declare(Flags flags) {
        flags.stopAtFirstArgument()
                .list("attach", 'a', "list", "Attach to STDIN, STDOUT or STDERR")
                .text("cidfile", 0, "string", "Write the container ID to the file")
                .bool("disable-content-trust", 0, "Skip image verification (the engine's policy file decides)")
                .text("domainname", 0, "string", "Container NIS domain name")
                .text("entrypoint", 0, "string", "Overwrite the default ENTRYPOINT of the image")
                .list("env", 'e', "list", "Set environment variables")
                .list("env-file", 0, "list", "Read in a file of environment variables")
                .list("expose", 0, "list", "Expose a port or a range of ports")
                .text("health-cmd", 0, "string", "Command to run to check health")
                .text("health-interval", 0, "duration", "Time between running the check (ms|s|m|h)")
                .text("health-retries", 0, "int", "Consecutive failures needed to report unhealthy")
                .text("health-start-interval", 0, "duration", "Time between checks during the start period (ms|s|m|h)")
                .text("health-start-period", 0, "duration", "Time to start in which failures do not count (ms|s|m|h)")
                .text("health-timeout", 0, "duration", "Maximum time to allow one check to run (ms|s|m|h)")
                .text("hostname", 'h', "string", "Container host name")
                .bool("interactive", 'i', "Keep STDIN open even if not attached")
                .text("ip", 0, "string", "IPv4 address (e.g., 172.30.100.104)")
                .text("ip6", 0, "string", "IPv6 address (e.g., 2001:db8::33)")
                .list("label", 'l', "list", "Set meta data on a container")
                .list("label-file", 0, "list", "Read in a line delimited file of labels")
                .list("link", 0, "list", "Add link to another container")
                .list("link-local-ip", 0, "list", "Container IPv4/IPv6 link-local addresses")
                .text("mac-address", 0, "string", "Container MAC address (e.g., 92:d0:c6:0a:29:33)")
                .text("name", 0, "string", "Assign a name to the container")
                .list("network", 0, "network", "Connect a container to a network")
                .also("net", "network")
                .list("network-alias", 0, "list", "Add network-scoped alias for the container")
                .also("net-alias", "network-alias")
                .bool("no-healthcheck", 0, "Disable any container-specified HEALTHCHECK")
                .bool("quiet", 'q', "Suppress the pull output")
                .text("platform", 0, "string", "Set platform if server is multi-platform capable")
                .list("publish", 'p', "list", "Publish a container's port(s) to the host")
                .text("pull", 0, "string", "Pull image before running (\"always\", \"missing\", \"never\")")
                .bool("restart-on-unhealthy", 0, "Restart the container when its health check calls it unhealthy")
                .text("stop-signal", 0, "string", "Signal to stop the container")
                .text("stop-timeout", 0, "int", "Seconds to wait before the container is killed")
                .bool("tty", 't', "Allocate a pseudo-TTY")
                .text("user", 'u', "string", "Username or UID (format: <name|uid>[:<group|gid>])")
                .list("volume", 'v', "list", "Bind mount a volume or directory")
                .text("workdir", 'w', "string", "Working directory inside the container")
                .without("cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops")
                .withoutSwitches("use-api-socket");
        return HostFlags.declare(flags);
    }

    /**
     * The body of a create request.
     *
     * @param attached whether the command stays attached, so that the streams are asked for
     */
    static Map<String, Object> body(Flags.Parsed flags, Context context, boolean attached) throws IOException {
        if (flags.given("disable-content-trust") && !flags.on("disable-content-trust")) {
            throw flags.invalid(
                    "disable-content-trust", "false", "which images may run is settled by the engine's policy file");
        }
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
        if (flags.on("restart-on-unhealthy")) {
            labels.put(RESTART_ON_UNHEALTHY, "true");
        }
        if (!labels.isEmpty()) {
            body.put("Labels", labels);
        }
        var health = health(flags);
        if (!health.isEmpty()) {
            body.put("Healthcheck", health);
        }
        boolean stdin = flags.on("interactive");
        body.put("Tty", flags.on("tty"));
        body.put("OpenStdin", stdin);
        body.put("StdinOnce", stdin && attached);
        body.put("AttachStdin", attached && attachesTo(flags, "stdin"));
        body.put("AttachStdout", attached && attachesTo(flags, "stdout"));
        body.put("AttachStderr", attached && attachesTo(flags, "stderr"));
        var volumes = new TreeMap<String, Object>();
        for (var value : flags.all("volume")) {
            if (value.indexOf(':') < 0) {
                volumes.put(value, Map.of());
            }
        }
        if (!volumes.isEmpty()) {
            body.put("Volumes", volumes);
        }
        var host = HostFlags.body(flags);
        if (flags.given("expose") || flags.given("publish")) {
            var ports = new PortFlags(flags);
            body.put("ExposedPorts", ports.exposed());
            if (!ports.bindings().isEmpty()) {
                host.put("PortBindings", ports.bindings());
            }
        }
        EndpointFlags.put(flags, body, host);
        body.put("HostConfig", host);
        return body;
    }

    private static Map<String, Object> health(Flags.Parsed flags) {
        var health = new LinkedHashMap<String, Object>();
        flags.text("health-cmd")
                .filter(command -> !command.isEmpty())
                .ifPresent(command -> health.put("Test", List.of("CMD-SHELL", command)));
        putDuration(health, "Interval", flags, "health-interval");
        putDuration(health, "Timeout", flags, "health-timeout");
        putDuration(health, "StartPeriod", flags, "health-start-period");
        putDuration(health, "StartInterval", flags, "health-start-interval");
        flags.number("health-retries").ifPresent(count -> {
            if (count < 0) {
                throw flags.invalid("health-retries", Long.toString(count), "must not be negative");
            }
            health.put("Retries", count);
        });
        if (flags.on("no-healthcheck")) {
            if (!health.isEmpty()) {
                throw flags.wrong("--no-healthcheck conflicts with --health-* options");
            }
            return Map.of("Test", List.of("NONE"));
        }
        return health;
    }

    private static void putDuration(Map<String, Object> body, String field, Flags.Parsed flags, String flag) {
        flags.text(flag).ifPresent(value -> {
            var nanos = value.equals("0") ? java.util.OptionalLong.of(0) : Units.goDuration(value);
            body.put(
                    field, nanos.orElseThrow(() -> flags.invalid(flag, value, "a span such as 30s or 1m30s would be")));
        });
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

    /** NAME=value as given; a bare NAME takes this command's value, and where there is none of a flag is sent bare. */
    static List<String> environment(Flags.Parsed flags, Map<String, String> own) throws IOException {
        var result = new ArrayList<String>();
        for (var file : flags.all("env-file")) {
            for (var line : lines(flags, "env-file", file)) {
                int equals = line.indexOf('=');
                var name = equals < 0 ? line : line.substring(0, equals);
                if (name.chars().anyMatch(Character::isWhitespace)) {
                    throw flags.invalid("env-file", file, "the variable '" + name + "' contains whitespaces");
                }
                addVariable(flags, "env-file", result, line, own);
            }
        }
        for (var value : flags.all("env")) {
            addVariable(flags, "env", result, value, own);
            if (value.indexOf('=') < 0 && !own.containsKey(value)) {
                // takes the image's away
                result.add(value);
            }
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
            var text = result.isEmpty() && line.startsWith("\uFEFF") ? line.substring(1) : line;
            if (!text.isBlank() && !text.stripLeading().startsWith("#")) {
                result.add(text.stripLeading());
            }
        }
        return result;
    }

    static void putText(Map<String, Object> body, String field, Flags.Parsed flags, String flag) {
        flags.text(flag).filter(value -> !value.isEmpty()).ifPresent(value -> body.put(field, value));
    }

    static void putList(Map<String, Object> body, String field, List<String> values) {
        if (!values.isEmpty()) {
            body.put(field, values);
        }
    }
}
