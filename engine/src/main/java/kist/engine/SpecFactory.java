package kist.engine;

import java.util.ArrayList;
import java.util.List;
import kist.runtime.DefaultSpec;
import kist.runtime.Process;
import kist.runtime.Rlimit;
import kist.runtime.Spec;
import kist.runtime.SpecException;
import kist.runtime.User;

/** Says in the words of the OCI runtime spec what a container of the engine is. */
final class SpecFactory {
    private final String cgroupParent;

    /** @param cgroupParent where the containers' control groups are, below each hierarchy */
    SpecFactory(String cgroupParent) {
        this.cgroupParent = cgroupParent;
    }

    /** The group of a container, below its own parent or the engine's. */
    String cgroupPath(StoredContainer c) {
        String wanted = c.config().host().cgroupParent();
        String parent = wanted.isEmpty() ? cgroupParent : wanted.startsWith("/") ? wanted : "/" + wanted;
        return parent + "/" + c.id();
    }

    /** The group of a container that nothing else is known of. */
    String cgroupPath(String id) {
        return cgroupParent + "/" + id;
    }

    /** The name that a container finds itself to have. */
    static String hostname(StoredContainer c) {
        HostConfig host = c.config().host();
        if (!c.config().hostname().isEmpty()) {
            return c.config().hostname();
        }
        boolean hosts = host.network().equals("host") || host.utsMode().equals("host");
        return hosts ? HostFacts.hostname() : c.id().substring(0, 12);
    }

    /** All of a container; devices have the numbers that they have on the host now. */
    Spec spec(StoredContainer c) {
        HostConfig host = c.config().host();
        return process(c)
                .resources(ResourceLimits.resources(host))
                .devices(Devices.nodes(host))
                .build();
    }

    /** What a further process takes from its container: neither limits nor devices, which may be gone from the host. */
    Spec execSpec(StoredContainer c) {
        return process(c).build();
    }

    private DefaultSpec process(StoredContainer c) {
        HostConfig host = c.config().host();
        boolean hostUts = host.utsMode().equals("host");
        String hostname = hostname(c);
        List<String> environment = new ArrayList<>(c.environment());
        if (environment.stream().noneMatch(e -> e.startsWith("PATH="))) {
            environment.addFirst("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        if (environment.stream().noneMatch(e -> e.startsWith("HOSTNAME="))) {
            environment.addFirst("HOSTNAME=" + hostname);
        }
        DefaultSpec spec = DefaultSpec.docker()
                .args(c.argv())
                .env(environment)
                .cwd(c.workingDir())
                .user(User.named(c.user(), host.groupAdd()))
                .terminal(c.config().tty())
                .hostname(hostUts ? "" : hostname)
                // the parameter, set later by its other name, would be lost
                .domainname(
                        host.sysctls().containsKey("kernel.domainname")
                                ? ""
                                : c.config().domainname())
                .capabilities(host.capAdd(), host.capDrop())
                .readonlyRoot(host.readonlyRootfs())
                .shmSize(host.shmSize())
                .mounts(VolumeMounts.spec(c.mountPoints()))
                .rlimits(host.rlimits().stream()
                        .map(r -> Rlimit.of(r.name(), r.soft(), r.hard()))
                        .toList())
                .sysctls(host.sysctls())
                .annotations(host.annotations())
                .cgroupsPath(cgroupPath(c));
        if (host.oomScoreAdj() != 0) {
            spec.oomScoreAdj(host.oomScoreAdj());
        }
        if (c.config().tty() && c.config().consoleRows() > 0 && c.config().consoleColumns() > 0) {
            spec.consoleSize(c.config().consoleRows(), c.config().consoleColumns());
        }
        if (host.privileged()) {
            spec.privileged();
        }
        if (host.network().equals("host")) {
            spec.hostNamespace("network");
        }
        Sharing.apply(spec, host);
        host.maskedPaths().ifPresent(spec::maskedPaths);
        host.readonlyPaths().ifPresent(spec::readonlyPaths);
        SecurityOptions.of(host).apply(spec);
        return spec;
    }

    /**
     * Refuses what a start would refuse, so that a container is not made in vain: capabilities and limits that are none,
     * processors that the host has not, sources of mounts that are not there.
     */
    void check(StoredContainer c) {
        HostConfig host = c.config().host();
        checkCgroupParent(host.cgroupParent());
        VolumeMounts.checkSources(c.mountPoints());
        try {
            spec(c);
        } catch (SpecException e) {
            throw Lifecycle.explain(e);
        }
    }

    private void checkCgroupParent(String wanted) {
        if (wanted.isEmpty()) {
            return;
        }
        List<String> parts =
                List.of(wanted.split("/")).stream().filter(p -> !p.isEmpty()).toList();
        if (parts.isEmpty() || parts.contains("..") || parts.contains(".") || wanted.length() > 1024) {
            throw Creation.invalid("invalid cgroup parent: " + Names.printable(wanted));
        }
        // groups below the engine's own that are no container's are swept when it starts
        if (("/" + String.join("/", parts)).startsWith(cgroupParent + "/")) {
            throw Creation.invalid("invalid cgroup parent: " + Names.printable(wanted) + " lies below " + cgroupParent
                    + ", which is the engine's own");
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
                User.named(user, c.config().host().groupAdd()),
                exec.tty());
        return exec.privileged() ? process.privileged() : process;
    }
}
