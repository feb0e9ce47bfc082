package kist.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Linux;
import kist.runtime.Attachments;
import kist.runtime.DefaultSpec;

/** The namespaces that a container shares with its host or with another container. */
final class Sharing {
    private static final String CONTAINER = "container:";

    private final Linux linux;
    private final Registry registry;

    Sharing(Linux linux, Registry registry) {
        this.linux = linux;
        this.registry = registry;
    }

    /** What a start takes from other containers; to be closed when it has answered. */
    record Joining(Attachments.Joined joined, List<Fd> opened) implements AutoCloseable {
        @Override
        public void close() {
            opened.forEach(Fd::close);
        }
    }

    /** Refuses modes that are none and what contradicts them. */
    static void check(ContainerConfig config) {
        HostConfig host = config.host();
        switch (host.ipcMode()) {
            case "", "private", "shareable", "none", "host" -> {}
            default -> requireContainer("IPC mode", host.ipcMode());
        }
        switch (host.pidMode()) {
            case "", "host" -> {}
            default -> requireContainer("PID mode", host.pidMode());
        }
        one("UTS mode", host.utsMode(), "host");
        one("user namespace mode", host.usernsMode(), "host");
        one("cgroup namespace mode", host.cgroupnsMode(), "host", "private");
        if (host.utsMode().equals("host")) {
            if (!config.hostname().isEmpty()) {
                throw Creation.invalid("conflicting options: hostname and the UTS mode");
            }
            if (!config.domainname().isEmpty()) {
                throw Creation.invalid("conflicting options: domainname and the UTS mode");
            }
        }
    }

    /** Sentences about settings that have no effect beside others. */
    static List<String> warnings(HostConfig host) {
        return host.shmSize() != 0 && !List.of("", "private", "shareable").contains(host.ipcMode())
                ? List.of("the size of /dev/shm has no effect: the IPC mode " + host.ipcMode()
                        + " brings its own or none")
                : List.of();
    }

    private static void requireContainer(String what, String mode) {
        if (!mode.startsWith(CONTAINER) || mode.length() == CONTAINER.length()) {
            throw Creation.invalid("invalid " + what + ": " + Names.printable(mode));
        }
    }

    private static void one(String what, String mode, String... modes) {
        if (!mode.isEmpty() && !List.of(modes).contains(mode)) {
            throw Creation.invalid("invalid " + what + ": " + Names.printable(mode));
        }
    }

    /** The same with the ids of the containers that were named: they may be given other names. */
    ContainerConfig resolve(ContainerConfig config) {
        HostConfig host = config.host();
        String ipc = resolve(host.ipcMode());
        String pid = resolve(host.pidMode());
        return ipc.equals(host.ipcMode()) && pid.equals(host.pidMode())
                ? config
                : config.withHost(HostConfigBuilder.builder(host)
                        .ipcMode(ipc)
                        .pidMode(pid)
                        .build());
    }

    private String resolve(String mode) {
        return mode.startsWith(CONTAINER) && mode.length() > CONTAINER.length()
                ? CONTAINER + other(mode).id()
                : mode;
    }

    private Container other(String mode) {
        try {
            return registry.get(mode.substring(CONTAINER.length()));
        } catch (EngineException e) {
            // not "not found": clients would take it for the image and pull it
            throw new EngineException(EngineException.Kind.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
        }
    }

    /** Puts the modes into a spec. */
    static void apply(DefaultSpec spec, HostConfig host) {
        String ipc = host.ipcMode();
        if (ipc.equals("none")) {
            spec.noSharedMemory();
        } else if (ipc.equals("host")) {
            spec.hostNamespace("ipc").hostSharedMemory();
        } else if (ipc.startsWith(CONTAINER)) {
            spec.joinNamespace("ipc", ipc).joinedSharedMemory();
        }
        if (host.pidMode().equals("host")) {
            spec.hostNamespace("pid");
        } else if (!host.pidMode().isEmpty()) {
            spec.joinNamespace("pid", host.pidMode());
        }
        if (host.utsMode().equals("host")) {
            spec.hostNamespace("uts");
        }
        if (host.cgroupnsMode().equals("host")) {
            spec.hostNamespace("cgroup");
        }
    }

    /**
     * Opens what a container that starts now shares with others.
     *
     * @throws EngineException where the other one does not run or does not share
     */
    Joining open(HostConfig host) {
        List<Fd> opened = new ArrayList<>();
        try {
            Map<String, Fd> namespaces = new HashMap<>();
            Optional<Fd> memory = Optional.empty();
            if (host.ipcMode().startsWith(CONTAINER)) {
                Container donor = other(host.ipcMode());
                Fd process = process("IPC", donor, opened);
                if (List.of("", "private", "none").contains(donor.host().ipcMode())) {
                    throw Lifecycle.conflict("cannot join IPC of a container " + donor.id()
                            + ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
                }
                namespaces.put("ipc", process);
                memory = Optional.of(process);
            }
            if (host.pidMode().startsWith(CONTAINER)) {
                namespaces.put("pid", process("PID", other(host.pidMode()), opened));
            }
            return new Joining(new Attachments.Joined(namespaces, memory), opened);
        } catch (RuntimeException e) {
            opened.forEach(Fd::close);
            throw e;
        }
    }

    private Fd process(String what, Container donor, List<Fd> opened) {
        try {
            if (donor.state.alive() && donor.run.process().isPresent()) {
                // its own is closed when that container ends
                Fd fd = linux.duplicate(donor.run.process().orElseThrow().pidfd());
                opened.add(fd);
                return fd;
            }
        } catch (IllegalStateException | java.util.NoSuchElementException endedMeanwhile) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "ended: " + donor.id(), endedMeanwhile);
        }
        throw Lifecycle.conflict("cannot join " + what + " of a non running container: " + donor.id());
    }
}
