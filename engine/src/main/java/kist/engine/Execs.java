package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.Linux;
import kist.kernel.Poller;
import kist.runtime.Attachments;
import kist.runtime.Cgroup;
import kist.runtime.Cgroups;
import kist.runtime.ContainerRuntime;
import kist.runtime.Process;
import kist.runtime.Spec;

/** Further processes in running containers: made ready, started, joined to their client, ended. */
final class Execs {
    private static final int LONGEST_TOLD = 4096;

    private final Linux linux;
    private final Registry registry;
    private final Cgroups cgroups;
    private final ContainerRuntime runtime;
    private final Poller poller;
    private final Events events;
    private final Lifecycle lifecycle;
    private final ContainerStreams terminals;
    private final SpecFactory specs;
    private final Fd null0;

    Execs(
            Linux linux,
            Registry registry,
            Cgroups cgroups,
            ContainerRuntime runtime,
            Poller poller,
            Events events,
            Lifecycle lifecycle,
            ContainerStreams terminals,
            SpecFactory specs) {
        this.linux = linux;
        this.registry = registry;
        this.cgroups = cgroups;
        this.runtime = runtime;
        this.poller = poller;
        this.events = events;
        this.lifecycle = lifecycle;
        this.terminals = terminals;
        this.specs = specs;
        this.null0 = linux.open(java.nio.file.Path.of("/dev/null"), Flags.O_RDWR, 0);
    }

    String create(Container c, ExecConfig config) {
        if (config.command().isEmpty() || config.command().getFirst().isEmpty()) {
            throw Creation.invalid("No exec command specified");
        }
        check(config);
        requireRunning(c);
        Exec exec = new Exec(Ids.random(), c, config, false);
        registry.add(exec);
        publish(exec, "exec_create: " + shown(config));
        return exec.id;
    }

    /** A command as events tell it: they are kept, so not all of one that is endless. */
    private static String shown(ExecConfig config) {
        String whole = String.join(" ", config.command());
        return whole.length() <= LONGEST_TOLD ? whole : whole.substring(0, LONGEST_TOLD) + "…";
    }

    /** One of the engine's own: without events, and not among the container's. To be discarded. */
    Exec createQuietly(Container c, ExecConfig config) {
        requireRunning(c);
        Exec exec = new Exec(Ids.random(), c, config, true);
        registry.addQuietly(exec);
        return exec;
    }

    /** Nobody asks for it any more; it is forgotten when it has ended. */
    void discard(Exec exec) {
        if (exec.discard()) {
            registry.remove(exec);
        }
    }

    private static void check(ExecConfig config) {
        List<String> texts = new ArrayList<>(config.command());
        texts.addAll(config.environment());
        texts.addAll(List.of(config.workingDir(), config.user()));
        for (String t : texts) {
            if (t.indexOf(0) >= 0) {
                throw Creation.invalid("a NUL byte in " + Names.printable(t));
            }
        }
        if (!config.workingDir().isEmpty() && !config.workingDir().startsWith("/")) {
            throw Creation.invalid("the working directory '" + Names.printable(config.workingDir())
                    + "' is invalid, it needs to be an absolute path");
        }
        Creation.environment(List.of(), config.environment()); // refuses what is no variable
    }

    private static void requireRunning(Container c) {
        if (c.restarting || c.state.phase() == StoredState.Phase.RESTARTING) {
            throw Lifecycle.conflict("Container " + c.id() + " is restarting, wait until the container is running");
        }
        if (c.state.phase() == StoredState.Phase.PAUSED) {
            throw Lifecycle.conflict("Container " + c.name() + " is paused, unpause the container before exec");
        }
        if (c.state.phase() != StoredState.Phase.RUNNING) {
            throw Lifecycle.conflict("container " + c.id() + " is not running");
        }
    }

    private void publish(Exec exec, String action) {
        if (exec.quiet) {
            return;
        }
        Map<String, String> attributes = exec.container.attributes();
        attributes.put("execID", exec.id);
        events.publish("container", action, exec.container.id(), attributes);
    }

    Optional<Attachment> start(Exec exec, boolean detach, int rows, int columns) {
        Container c = exec.container;
        exec.claimStart();
        boolean tty = exec.config.tty();
        try {
            requireRunning(c);
            Keeper.Spawned init =
                    c.run.process().orElseThrow(() -> Lifecycle.conflict("container " + c.id() + " is not running"));
            boolean input = exec.config.attachStdin() && !detach;
            try (Cgroup cgroup = cgroups.open(specs.cgroupPath(c.stored));
                    Streams streams = detach && !tty ? Streams.none(null0) : Streams.open(linux, tty, input, null0)) {
                Spec spec = specs.execSpec(c.stored);
                boolean said = rows > 0 && columns > 0;
                Process process = specs.process(spec, c.stored, exec.config)
                        .with(new Process.ConsoleSize(
                                said ? rows : exec.config.consoleRows(),
                                said ? columns : exec.config.consoleColumns()));
                // before its end can be told
                publish(exec, "exec_start: " + shown(exec.config));
                Keeper.Spawned spawned = runtime.exec(
                        exec.id,
                        init.pidfd(),
                        spec,
                        process,
                        Attachments.NONE
                                .withCgroup(cgroup)
                                .withStreams(streams.childInput(), streams.childOutput(), streams.childError()));
                Optional<PipeAttachment> attachment = Optional.empty();
                if (!detach) {
                    Optional<Fd> in = tty ? spawned.terminal() : streams.takeInput();
                    in.ifPresent(linux::setNonBlocking);
                    attachment = Optional.of(new PipeAttachment(
                            linux,
                            poller,
                            tty,
                            tty ? spawned.terminal().map(linux::duplicate) : in,
                            tty ? spawned.terminal().map(linux::duplicate) : streams.takeOutput(),
                            streams.takeError(),
                            () -> publish(exec, "exec_detach")));
                }
                exec.started(spawned, attachment);
                return attachment.map(a -> a);
            }
        } catch (RuntimeException e) {
            EngineException explained = Lifecycle.explain(e);
            exec.ended(
                    switch (explained.kind()) {
                        case COMMAND_NOT_FOUND -> 127;
                        case COMMAND_NOT_EXECUTABLE -> 126;
                        default -> 128;
                    });
            throw explained;
        }
    }

    void exited(Exec exec, int status) {
        exec.ended(status);
        if (exec.quiet) {
            registry.remove(exec);
        } else {
            registry.retire(exec);
        }
        lifecycle.forget(exec.id);
        if (exec.quiet) {
            return;
        }
        Map<String, String> attributes = exec.container.attributes();
        attributes.put("execID", exec.id);
        attributes.put("exitCode", Integer.toString(status));
        events.publish("container", "exec_die", exec.container.id(), attributes);
    }

    void resize(Exec exec, int rows, int columns) {
        terminals.resize(
                exec.process().flatMap(Keeper.Spawned::terminal),
                rows,
                columns,
                "exec " + exec.id + (exec.over() ? " has ended" : " has no terminal"));
    }
}
