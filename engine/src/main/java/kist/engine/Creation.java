package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import kist.image.Image;
import kist.image.ImageConfig;

/** What a container becomes when what its user asked for is laid over what its image says; and what is refused. */
final class Creation {
    private static final long LEAST_MEMORY = 6L << 20;
    private static final int MOST_LABELS_AND_VARIABLES = 10_000;

    private Creation() {}

    static StoredContainer merge(String id, String name, ContainerConfig config, Image image, long createdNanos) {
        check(config);
        ImageConfig from = image.config();
        List<String> entrypoint = config.entrypoint().orElse(from.entrypoint());
        if (entrypoint.size() == 1 && entrypoint.getFirst().isEmpty()) {
            entrypoint = List.of();
        }
        // an entry point of one's own does away with the image's arguments too
        List<String> command = config.command()
                .filter(c -> !c.isEmpty())
                .orElse(config.entrypoint().isPresent() ? List.of() : from.command());
        List<String> argv = new ArrayList<>(entrypoint);
        argv.addAll(command);
        if (argv.isEmpty()) {
            throw invalid("No command specified");
        }
        if (argv.getFirst().isEmpty()) {
            throw invalid("the command is an empty string");
        }
        Map<String, String> labels = new LinkedHashMap<>(from.labels());
        labels.putAll(config.labels());
        String signal = config.stopSignal().isEmpty() ? from.stopSignal() : config.stopSignal();
        return new StoredContainer(
                StoredContainer.FORMAT,
                id,
                name,
                config,
                image.id(),
                createdNanos,
                List.copyOf(argv),
                environment(from.environment(), config.environment()),
                first(config.workingDir(), from.workingDir(), "/"),
                first(config.user(), from.user(), ""),
                labels,
                signal.isEmpty() ? "SIGTERM" : checkedSignal(signal),
                config.stopTimeout());
    }

    private static String checkedSignal(String signal) {
        Signals.number(signal);
        return signal;
    }

    private static String first(String wanted, String image, String otherwise) {
        return !wanted.isEmpty() ? wanted : !image.isEmpty() ? image : otherwise;
    }

    /** Later entries replace earlier ones of the same name; a name without = takes one out. */
    static List<String> environment(List<String> image, List<String> own) {
        Map<String, String> all = new LinkedHashMap<>();
        for (List<String> list : List.of(image, own)) {
            for (String entry : list) {
                int equals = entry.indexOf('=');
                if (equals == 0 || entry.isEmpty()) {
                    throw invalid("invalid environment variable: " + Names.printable(entry));
                }
                if (equals < 0) {
                    all.remove(entry);
                } else {
                    all.put(entry.substring(0, equals), entry);
                }
            }
        }
        if (all.keySet().stream().noneMatch("PATH"::equals)) {
            all.put("PATH", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        return List.copyOf(all.values());
    }

    private static void check(ContainerConfig config) {
        HostConfig host = config.host();
        if (!config.workingDir().isEmpty() && !config.workingDir().startsWith("/")) {
            throw invalid("the working directory '" + Names.printable(config.workingDir())
                    + "' is invalid, it needs to be an absolute path");
        }
        if (config.stopTimeout().isPresent() && config.stopTimeout().getAsInt() < -1) {
            throw invalid("the stop timeout must be a number of seconds, or -1 for none");
        }
        for (String h : List.of(config.hostname(), config.domainname())) {
            if (h.length() > 63 || !h.chars().allMatch(c -> c > ' ' && c < 127 && c != '/' && c != ':')) {
                throw invalid("invalid hostname format: " + Names.printable(h));
            }
        }
        if (config.labels().size() + config.environment().size() > MOST_LABELS_AND_VARIABLES) {
            throw invalid("more than " + MOST_LABELS_AND_VARIABLES + " labels and environment variables");
        }
        for (List<String> texts : List.of(
                config.environment(),
                config.command().orElse(List.of()),
                config.entrypoint().orElse(List.of()))) {
            for (String t : texts) {
                if (t.indexOf(0) >= 0) {
                    throw invalid("a NUL byte in " + Names.printable(t));
                }
            }
        }
        if (host.network().equals("host") && !config.hostname().isEmpty() && host.privileged()) {
            throw invalid("a privileged container on the host's network shares its name; leave out the hostname");
        }
        limits(host);
        host.extraHosts().forEach(HostFiles::checkExtraHost);
        for (HostConfig.MountSpec m : host.mounts()) {
            mount(m);
        }
        for (String option : host.securityOpt()) {
            securityOption(option);
        }
    }

    private static void limits(HostConfig host) {
        if (host.memory() != 0 && host.memory() < LEAST_MEMORY) {
            throw invalid("Minimum memory limit allowed is 6MB");
        }
        if (host.memorySwap() > 0 && host.memory() == 0) {
            throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
        }
        if (host.memorySwap() > 0 && host.memorySwap() < host.memory()) {
            throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
        }
        if (host.memorySwap() < -1) {
            throw invalid("the limit of memory and swap must be a number of bytes, or -1 for none");
        }
        if (host.memoryReservation() != 0 && host.memory() != 0 && host.memoryReservation() > host.memory()) {
            throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
        }
        int cpus = Runtime.getRuntime().availableProcessors();
        if (host.nanoCpus() < 0 || host.nanoCpus() > cpus * 1_000_000_000L) {
            throw invalid(
                    "Range of CPUs is from 0.01 to " + cpus + ".00, as there are only " + cpus + " CPUs available");
        }
        if (host.nanoCpus() > 0 && (host.cpuPeriod() > 0 || host.cpuQuota() > 0)) {
            throw invalid("Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set");
        }
        if (host.cpuPeriod() != 0 && (host.cpuPeriod() < 1000 || host.cpuPeriod() > 1_000_000)) {
            throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
        }
        if (host.cpuQuota() > 0 && host.cpuQuota() < 1000) {
            throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
        }
        if (host.cpuShares() < 0 || host.cpuShares() == 1 || host.cpuShares() > 262_144) {
            throw invalid("CPU shares must be from 2 to 262144, not " + host.cpuShares());
        }
        if (host.shmSize() < 0) {
            throw invalid("SHM size can not be less than 0");
        }
    }

    private static void mount(HostConfig.MountSpec m) {
        if (!m.target().startsWith("/") || m.target().equals("/")) {
            throw invalid("invalid mount path: '" + Names.printable(m.target())
                    + "' mount path must be absolute and not the root");
        }
        if (m.type().equals("bind") && !m.source().startsWith("/")) {
            throw invalid("invalid mount source: '" + Names.printable(m.source()) + "' must be an absolute path");
        }
        if (!m.type().equals("bind") && !m.type().equals("tmpfs")) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED,
                    "mounts of type " + Names.printable(m.type())
                            + " are not supported by this version, only bind and tmpfs");
        }
    }

    /** Accepts {@code no-new-privileges[=true|false]} and {@code seccomp=unconfined}, with = or : between. */
    static boolean noNewPrivileges(List<String> options) {
        boolean on = false;
        for (String option : options) {
            String o = option.replaceFirst(":", "=");
            if (o.equals("no-new-privileges") || o.equals("no-new-privileges=true")) {
                on = true;
            } else if (o.equals("no-new-privileges=false")) {
                on = false;
            }
        }
        return on;
    }

    static boolean seccompUnconfined(List<String> options) {
        return options.stream().map(o -> o.replaceFirst(":", "=")).anyMatch("seccomp=unconfined"::equals);
    }

    private static void securityOption(String option) {
        switch (option.replaceFirst(":", "=")) {
            case "no-new-privileges",
                    "no-new-privileges=true",
                    "no-new-privileges=false",
                    "seccomp=unconfined",
                    "seccomp=builtin",
                    "apparmor=unconfined",
                    "label=disable" -> {}
            default ->
                throw new EngineException(
                        EngineException.Kind.UNSUPPORTED,
                        "security option " + Names.printable(option)
                                + " is not supported by this version; there are no-new-privileges, seccomp=unconfined and"
                                + " seccomp=builtin");
        }
    }

    static EngineException invalid(String message) {
        return new EngineException(EngineException.Kind.INVALID_ARGUMENT, message);
    }

    static OptionalInt stopTimeout(StoredContainer stored, OptionalInt asked) {
        return asked.isPresent() ? asked : stored.stopTimeout();
    }
}
