package kist.config;

import io.avaje.json.JsonException;
import io.avaje.json.mapper.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Which engine is meant and where it lives. For each value the first of these that says something wins: a flag, an
 * environment variable, the configuration file, the default.
 *
 * <table>
 * <caption>Names</caption>
 * <tr><th>flag</th><th>environment</th><th>file</th><th>default</th></tr>
 * <tr><td>--root</td><td>KIST_ROOT</td><td>root</td><td>/var/lib/kist</td></tr>
 * <tr><td>--run-dir</td><td>KIST_RUN_DIR</td><td>runDir</td><td>/run/kist</td></tr>
 * <tr><td>--host</td><td>KIST_HOST</td><td>host</td><td>the Docker door in the run directory</td></tr>
 * <tr><td>--bridge</td><td>KIST_BRIDGE</td><td>bridge</td><td>kist0; where root is not the default, a name made of it</td></tr>
 * <tr><td>--subnet</td><td>KIST_SUBNET</td><td>subnet</td><td>a free one, if it can be 172.29.0.0/16</td></tr>
 * <tr><td>--registries-dir</td><td>KIST_REGISTRIES_DIR</td><td>registriesDir</td><td>/etc/kist/registries.d, which need not exist</td></tr>
 * <tr><td>--policy-file</td><td>KIST_POLICY_FILE</td><td>policyFile</td><td>/etc/kist/policy.json, which need not exist</td></tr>
 * <tr><td>--storage-driver</td><td>KIST_STORAGE_DRIVER</td><td>storageDriver</td><td>auto</td></tr>
 * <tr><td>--config</td><td>KIST_CONFIG</td><td></td><td>/etc/kist/config.json, which need not exist</td></tr>
 * </table>
 *
 * Immutable, so safe for any thread.
 *
 * @param root directory of what outlives a reboot: images, containers, logs; absolute
 * @param runDir directory of sockets, pid file and what dies with a reboot; absolute
 * @param host address of the engine a client talks to, {@code unix:///path} or {@code tcp://host:port}; empty for the
 *     engine that lives in {@code runDir}
 * @param bridge name of the bridge's interface; engines with different roots have different ones by default
 * @param subnet of the bridge in CIDR notation; empty to let the engine choose
 * @param registriesDir directory of what is to be known of registries: mirrors, certificates, which may be insecure; absolute
 * @param policyFile which images may be pulled and whose signatures they need; absolute
 * @param storageDriver how the layers of a container are put together: {@code overlay}, {@code copy}, or {@code auto} for
 *     overlay where the kernel has it
 */
public record Settings(
        Path root,
        Path runDir,
        String host,
        String bridge,
        Optional<String> subnet,
        Path registriesDir,
        Path policyFile,
        String storageDriver) {
    /** Names of the flags that {@link #resolve} takes, without the dashes. */
    public static final java.util.List<String> FLAGS = java.util.List.of(
            "root", "run-dir", "host", "bridge", "subnet", "registries-dir", "policy-file", "storage-driver", "config");

    private static final java.util.List<String> KEYS = java.util.List.of(
            "root", "runDir", "host", "bridge", "subnet", "registriesDir", "policyFile", "storageDriver");
    private static final java.util.List<String> DRIVERS = java.util.List.of("overlay", "copy", "auto");
    private static final String DEFAULT_ROOT = "/var/lib/kist";
    private static final String DEFAULT_FILE = "/etc/kist/config.json";

    /** Longest path a Unix socket can have: sun_path has 108 bytes with the final NUL, see unix(7). */
    private static final int MAX_SOCKET_PATH = 107;

    /**
     * Settles the settings.
     *
     * @param flags values given on the command line, by the names of {@link #FLAGS}
     * @param environment usually {@link System#getenv()}
     * @throws IllegalArgumentException with a sentence that names the value at fault and where it came from
     */
    public static Settings resolve(Map<String, String> flags, Map<String, String> environment) {
        var file = readFile(flags, environment);
        var root = path("root", pick(flags, "root", environment, "KIST_ROOT", file, "root", DEFAULT_ROOT));
        var runDir = path("run-dir", pick(flags, "run-dir", environment, "KIST_RUN_DIR", file, "runDir", "/run/kist"));
        var host = pick(flags, "host", environment, "KIST_HOST", file, "host", "");
        var bridge = pick(flags, "bridge", environment, "KIST_BRIDGE", file, "bridge", bridgeOf(root));
        var subnet = pick(flags, "subnet", environment, "KIST_SUBNET", file, "subnet", "");
        var registries = path(
                "registries-dir",
                pick(
                        flags,
                        "registries-dir",
                        environment,
                        "KIST_REGISTRIES_DIR",
                        file,
                        "registriesDir",
                        "/etc/kist/registries.d"));
        var policy = path(
                "policy-file",
                pick(
                        flags,
                        "policy-file",
                        environment,
                        "KIST_POLICY_FILE",
                        file,
                        "policyFile",
                        "/etc/kist/policy.json"));
        var driver = pick(flags, "storage-driver", environment, "KIST_STORAGE_DRIVER", file, "storageDriver", "auto");
        if (!DRIVERS.contains(driver)) {
            throw new IllegalArgumentException(
                    "the storage driver \"" + driver + "\" is not known; there are " + String.join(", ", DRIVERS));
        }
        var settings = new Settings(
                root,
                runDir,
                host,
                bridge,
                subnet.isEmpty() ? Optional.empty() : Optional.of(subnet),
                registries,
                policy,
                driver);
        if (host.isEmpty()) {
            var socket = settings.dockerSocket().toString();
            if (socket.getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH) {
                throw new IllegalArgumentException("the run directory's path is too long: " + socket + " has more than "
                        + MAX_SOCKET_PATH + " bytes, which is all a Unix socket can have");
            }
        }
        return settings;
    }

    /** Engines on one machine must not share a bridge, so a root of one's own makes a name of one's own. */
    private static String bridgeOf(Path root) {
        return root.toString().equals(DEFAULT_ROOT) ? "kist0" : "kist" + Integer.toHexString(root.hashCode());
    }

    /** Settings of an engine in these directories with defaults for all else. */
    public static Settings of(Path root, Path runDir, String host) {
        return new Settings(
                root,
                runDir,
                host,
                bridgeOf(root),
                Optional.empty(),
                Path.of("/etc/kist/registries.d"),
                Path.of("/etc/kist/policy.json"),
                "auto");
    }

    /** The socket of the Docker door. */
    public Path dockerSocket() {
        return runDir.resolve("docker.sock");
    }

    /** Where a running engine writes its process id. */
    public Path pidFile() {
        return runDir.resolve("kist.pid");
    }

    /** Where an engine started in the background writes what it has to say. */
    public Path logFile() {
        return root.resolve("engine.log");
    }

    /** Whether the engine meant is the one that lives in {@link #runDir}, so that it may be started when it is not up. */
    public boolean local() {
        return host.isEmpty() || host.equals("unix://" + dockerSocket());
    }

    /** The engine's address in the form that clients of the Docker API take as DOCKER_HOST. */
    public String address() {
        return host.isEmpty() ? "unix://" + dockerSocket() : host;
    }

    private static String pick(
            Map<String, String> flags,
            String flag,
            Map<String, String> environment,
            String variable,
            Map<String, String> file,
            String key,
            String otherwise) {
        return first(flags, flag)
                .or(() -> first(environment, variable))
                .or(() -> first(file, key))
                .orElse(otherwise);
    }

    private static Optional<String> first(Map<String, String> from, String key) {
        return Optional.ofNullable(from.get(key)).filter(s -> !s.isEmpty());
    }

    private static Path path(String what, String value) {
        if (value.indexOf('\0') >= 0 || value.indexOf('\n') >= 0) {
            throw new IllegalArgumentException("the " + what + " must be a path without line breaks");
        }
        return Path.of(value).toAbsolutePath().normalize();
    }

    private static Map<String, String> readFile(Map<String, String> flags, Map<String, String> environment) {
        var named = first(flags, "config").or(() -> first(environment, "KIST_CONFIG"));
        var path = Path.of(named.orElse(DEFAULT_FILE));
        String text;
        try {
            text = Files.readString(path);
        } catch (NoSuchFileException e) {
            if (named.isPresent()) {
                throw new IllegalArgumentException("there is no configuration file " + path, e);
            }
            return Map.of();
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read the configuration file " + path + ": " + e, e);
        }
        return parse(path, text);
    }

    private static Map<String, String> parse(Path path, String text) {
        Map<String, Object> raw;
        try {
            raw = JsonMapper.builder().build().map().fromJson(text);
        } catch (JsonException | IllegalStateException e) {
            throw new IllegalArgumentException(
                    "the configuration file " + path + " is not a JSON object: " + e.getMessage(), e);
        }
        var result = new java.util.HashMap<String, String>();
        for (var entry : raw.entrySet()) {
            var key = entry.getKey();
            if (!KEYS.contains(key)) {
                throw new IllegalArgumentException("the configuration file " + path + " has an unknown key \"" + key
                        + "\"; known are " + String.join(", ", KEYS));
            }
            if (!(entry.getValue() instanceof String value)) {
                throw new IllegalArgumentException(
                        "the configuration file " + path + " must give \"" + key + "\" as a string");
            }
            result.put(key, value);
        }
        return result;
    }
}
