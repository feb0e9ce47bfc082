package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.DefaultSpec;
import kist.runtime.Mount;
import kist.runtime.Process;
import kist.runtime.Resources;
import kist.runtime.Rlimit;
import kist.runtime.Spec;
import kist.runtime.SpecException;
import kist.runtime.User;

/** Says in the words of the OCI runtime spec what a container of the engine is. */
final class SpecFactory {
    private static final long PERIOD_MICROSECONDS = 100_000;

    private final String cgroupParent;

    /** @param cgroupParent where the containers' control groups are, below each hierarchy */
    SpecFactory(String cgroupParent) {
        this.cgroupParent = cgroupParent;
    }

    String cgroupPath(String id) {
        return cgroupParent + "/" + id;
    }

    Spec spec(StoredContainer c) {
        HostConfig host = c.config().host();
        boolean hostNetwork = host.network().equals("host");
        String hostname = !c.config().hostname().isEmpty()
                ? c.config().hostname()
                : hostNetwork ? HostFacts.hostname() : c.id().substring(0, 12);
        DefaultSpec spec = DefaultSpec.docker()
                .args(c.argv())
                .env(c.environment())
                .cwd(c.workingDir())
                .user(User.named(c.user(), List.of()))
                .terminal(c.config().tty())
                .hostname(hostname)
                .domainname(c.config().domainname())
                .capabilities(host.capAdd(), host.capDrop())
                .noNewPrivileges(Creation.noNewPrivileges(host.securityOpt()))
                .readonlyRoot(host.readonlyRootfs())
                .shmSize(host.shmSize())
                .mounts(mounts(host))
                .resources(resources(host))
                .rlimits(host.rlimits().stream()
                        .map(r -> Rlimit.of(r.name(), r.soft(), r.hard()))
                        .toList())
                .sysctls(host.sysctls())
                .cgroupsPath(cgroupPath(c.id()));
        if (c.config().tty() && c.config().consoleRows() > 0 && c.config().consoleColumns() > 0) {
            spec.consoleSize(c.config().consoleRows(), c.config().consoleColumns());
        }
        if (host.privileged()) {
            spec.privileged();
        }
        if (Creation.seccompUnconfined(host.securityOpt())) {
            spec.unconfined();
        }
        if (hostNetwork) {
            spec.hostNamespace("network");
        }
        return spec.build();
    }

    /**
     * Refuses what a start would refuse, so that a container is not made in vain: capabilities and limits that are none,
     * processors that the host has not, sources of mounts that are not there.
     */
    void check(StoredContainer c) {
        HostConfig host = c.config().host();
        HostFacts.checkProcessors(host.cpusetCpus());
        for (HostConfig.MountSpec m : host.mounts()) {
            if (m.type().equals("bind") && !m.createSource()) {
                checkSource(m);
            }
        }
        try {
            spec(c);
        } catch (SpecException e) {
            throw Lifecycle.explain(e);
        }
    }

    private static void checkSource(HostConfig.MountSpec m) {
        if (!Files.exists(Path.of(m.source()))) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "invalid mount config for type \"bind\": bind source path does not exist: " + m.source());
        }
    }

    /** A further process: the container's environment and identity with what was asked for laid over them. */
    Process process(Spec spec, StoredContainer c, ExecConfig exec) {
        Process init = spec.process();
        String user = exec.user().isEmpty() ? c.user() : exec.user();
        Process process = init.execOf(
                exec.command(),
                Creation.environment(init.env(), exec.environment()),
                exec.workingDir().isEmpty() ? c.workingDir() : exec.workingDir(),
                User.named(user, List.of()),
                exec.tty());
        return exec.privileged() ? process.with(kist.runtime.Capabilities.of(kist.runtime.Capability.all())) : process;
    }

    private static List<Mount> mounts(HostConfig host) {
        List<Mount> mounts = new ArrayList<>();
        for (HostConfig.MountSpec m : host.mounts()) {
            List<String> options = new ArrayList<>(m.options());
            options.add(m.readOnly() ? "ro" : "rw");
            if (m.type().equals("bind")) {
                options.add("rbind");
                options.add(m.propagation().isEmpty() ? "rprivate" : m.propagation());
                mounts.add(Mount.bind(m.source(), m.target(), options));
            } else {
                for (String usual : List.of("nosuid", "nodev", "noexec")) {
                    String opposite = usual.substring(2);
                    if (!options.contains(usual) && !options.contains(opposite)) {
                        options.add(usual);
                    }
                }
                mounts.add(new Mount(m.target(), "tmpfs", "tmpfs", options));
            }
        }
        return mounts;
    }

    private static Resources resources(HostConfig host) {
        OptionalLong swap = host.memorySwap() != 0
                ? OptionalLong.of(host.memorySwap())
                : host.memory() > 0 ? OptionalLong.of(2 * host.memory()) : OptionalLong.empty();
        boolean memory = host.memory() > 0 || host.memoryReservation() > 0;
        OptionalLong quota = some(host.cpuQuota());
        OptionalLong period = some(host.cpuPeriod());
        if (host.nanoCpus() > 0) {
            period = OptionalLong.of(PERIOD_MICROSECONDS);
            quota = OptionalLong.of(host.nanoCpus() * PERIOD_MICROSECONDS / 1_000_000_000L);
        }
        boolean cpu = quota.isPresent()
                || period.isPresent()
                || host.cpuShares() > 0
                || !host.cpusetCpus().isEmpty()
                || !host.cpusetMems().isEmpty();
        return new Resources(
                List.of(),
                memory
                        ? Optional.of(Resources.Memory.of(some(host.memory()), swap, some(host.memoryReservation())))
                        : Optional.empty(),
                cpu
                        ? Optional.of(Resources.Cpu.of(
                                some(host.cpuShares()), quota, period, host.cpusetCpus(), host.cpusetMems()))
                        : Optional.empty(),
                host.pidsLimit() > 0 ? Optional.of(new Resources.Pids(host.pidsLimit())) : Optional.empty(),
                Optional.empty(),
                Map.of());
    }

    private static OptionalLong some(long value) {
        return value == 0 ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * Opens what the container gets from the host, as detached mounts by destination. What was opened is in the map even
     * where this fails.
     */
    void open(Linux linux, StoredContainer c, Path directory, Map<String, Fd> into) throws IOException {
        List<HostConfig.MountSpec> wanted = c.config().host().mounts();
        for (HostConfig.MountSpec m : wanted) {
            if (m.type().equals("bind")) {
                into.put(m.target(), clone(linux, m));
            }
        }
        for (String file : List.of("resolv.conf", "hostname", "hosts")) {
            String target = "/etc/" + file;
            if (!into.containsKey(target)) {
                into.put(target, linux.openTree(Fd.CWD, directory.resolve(file).toString(), Flags.OPEN_TREE_CLONE));
            }
        }
    }

    private static Fd clone(Linux linux, HostConfig.MountSpec m) throws IOException {
        Path source = Path.of(m.source());
        if (!m.createSource()) {
            checkSource(m);
        } else if (!Files.exists(source)) {
            Files.createDirectories(source);
        }
        try {
            return linux.openTree(Fd.CWD, m.source(), Flags.OPEN_TREE_CLONE | Flags.AT_RECURSIVE);
        } catch (KernelException e) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT, "cannot mount " + m.source() + ": " + e.getMessage(), e);
        }
    }
}
