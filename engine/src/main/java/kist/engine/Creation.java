package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.image.Image;
import kist.image.ImageConfig;
import kist.runtime.Capability;

/** What a container becomes when what its user asked for is laid over what its image says; and what is refused. */
final class Creation {
    private static final int MOST_LABELS_AND_VARIABLES = 10_000;

    private Creation() {}

    static StoredContainer merge(String id, String name, ContainerConfig asked, Image image, long createdNanos) {
        ImageConfig from = image.config();
        check(asked);
        ContainerConfig config = ContainerConfigBuilder.builder(withDefaults(asked))
                .health(HealthCheck.merge(asked.health(), from))
                .shell(asked.shell().isEmpty() ? from.shell() : asked.shell())
                .build();
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
        HealthCheck.check(config, labels);
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

    /** What silence means, said, where clients of Docker find it said. */
    private static ContainerConfig withDefaults(ContainerConfig config) {
        HostConfig host = config.host();
        boolean unsaid = host.memory() > 0 && host.memorySwap() == 0;
        boolean bare = !SecurityOptions.of(host).systemPaths();
        return config.withHost(HostConfigBuilder.builder(host)
                .network(config.networkDisabled() ? "none" : host.network())
                .memorySwap(unsaid ? 2 * host.memory() : host.memorySwap())
                .pidsLimit(Math.max(0, host.pidsLimit()))
                .maskedPaths(bare ? Optional.of(List.of()) : host.maskedPaths())
                .readonlyPaths(bare ? Optional.of(List.of()) : host.readonlyPaths())
                .capAdd(Capability.fullNames(host.capAdd()))
                .capDrop(Capability.fullNames(host.capDrop()))
                .build());
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
        return List.copyOf(all.values());
    }

    private static void check(ContainerConfig config) {
        HostConfig host = config.host();
        LogOptions.of(host.log());
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
        noNul(config);
        if (host.network().equals("host") && !config.hostname().isEmpty() && host.privileged()) {
            throw invalid("a privileged container on the host's network shares its name; leave out the hostname");
        }
        ResourceLimits.check(host);
        Devices.check(host);
        Sharing.check(config);
        Restarts.check(host);
        SecurityOptions.of(host);
        refuse(host);
        host.extraHosts().forEach(HostFiles::checkExtraHost);
        host.mounts().forEach(MountPlan::check);
    }

    /** What no part of this version can do, and names that are none. */
    private static void refuse(HostConfig host) {
        if (!host.storageOptions().isEmpty()) {
            String option = host.storageOptions().keySet().iterator().next();
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED,
                    "the storage option " + Names.printable(option)
                            + " is not supported: the file systems of containers have no quota in this version");
        }
        // clients may name the runtimes that Docker calls its default
        if (!List.of("", "kist", "runc", "io.containerd.runc.v2").contains(host.runtime())) {
            throw invalid("unknown or invalid runtime name: " + Names.printable(host.runtime()));
        }
        for (List<String> paths : List.of(
                host.maskedPaths().orElse(List.of()), host.readonlyPaths().orElse(List.of()))) {
            for (String path : paths) {
                if (!path.startsWith("/") || path.equals("/")) {
                    throw invalid("a path to be masked or read-only must be absolute and not the root: '"
                            + Names.printable(path) + "'");
                }
            }
        }
        capabilities("CapAdd", host.capAdd());
        capabilities("CapDrop", host.capDrop());
        if (host.annotations().containsKey("")) {
            throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
        }
        for (String group : host.groupAdd()) {
            if (group.isBlank()) {
                throw invalid("a group to be added has no name");
            }
        }
    }

    private static void capabilities(String field, List<String> names) {
        for (String name : names) {
            if (!Capability.isKnown(name)) {
                throw invalid("invalid " + field + ": unknown capability: \""
                        + Names.printable(Capability.fullNames(List.of(name)).getFirst()) + "\"");
            }
        }
    }

    /** No text that reaches the kernel may have a NUL inside: it would end there, unseen. */
    private static void noNul(ContainerConfig config) {
        HostConfig host = config.host();
        List<String> texts = new ArrayList<>(config.environment());
        config.command().ifPresent(texts::addAll);
        config.entrypoint().ifPresent(texts::addAll);
        texts.addAll(List.of(config.workingDir(), config.user(), host.cgroupParent(), host.cpusetCpus()));
        texts.addAll(host.groupAdd());
        host.maskedPaths().ifPresent(texts::addAll);
        host.readonlyPaths().ifPresent(texts::addAll);
        host.sysctls().forEach((name, value) -> texts.addAll(List.of(name, value)));
        host.devices().forEach(d -> texts.addAll(List.of(d.source(), d.target())));
        host.mounts().forEach(m -> {
            texts.addAll(List.of(m.source(), m.target()));
            texts.addAll(m.options());
        });
        for (String t : texts) {
            if (t.indexOf(0) >= 0) {
                throw invalid("a NUL byte in " + Names.printable(t));
            }
        }
    }

    static EngineException invalid(String message) {
        return new EngineException(EngineException.Kind.INVALID_ARGUMENT, message);
    }

    static OptionalInt stopTimeout(StoredContainer stored, OptionalInt asked) {
        return asked.isPresent() ? asked : stored.stopTimeout();
    }
}
