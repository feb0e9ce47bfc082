package kist.engine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import kist.image.Snapshots;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.Attachments;
import kist.runtime.Cgroup;
import kist.runtime.Cgroups;
import kist.runtime.ContainerRuntime;
import kist.runtime.Spec;
import kist.runtime.SpecException;
import kist.runtime.StartException;

/**
 * The steps of a container's life, each with its undo. A step holds the container's lock; state.json says before each
 * what is begun, so that {@link Reconciler} can finish it or take it back.
 */
final class Lifecycle {
    private static final int DEFAULT_GRACE_SECONDS = 10;
    /** How often a forced removal kills what its policy starts again. */
    private static final int MOST_REMOVALS = 5;

    private static final long COPY_PATIENCE_SECONDS = 10;
    private static final long KILL_PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private final Linux linux;
    private final Keeper keeper;
    private final ContainerStore store;
    private final Registry registry;
    private final Snapshots snapshots;
    private final Connections connections;
    private final Cgroups cgroups;
    private final ContainerRuntime runtime;
    private final Events events;
    private final SpecFactory specs;
    private final ContainerStreams streams;
    private final Sharing sharing;
    private final InitProgram init;
    private final VolumeMounts volumes;
    private final Timers timers;
    private final Restarts restarts;
    private final Health.Probe probe;
    private final Fd null0;

    Lifecycle(
            Linux linux,
            Keeper keeper,
            ContainerStore store,
            Registry registry,
            Snapshots snapshots,
            Connections connections,
            Cgroups cgroups,
            ContainerRuntime runtime,
            Events events,
            SpecFactory specs,
            ContainerStreams streams,
            Sharing sharing,
            InitProgram init,
            VolumeMounts volumes,
            Timers timers,
            Health.Probe probe) {
        this.linux = linux;
        this.keeper = keeper;
        this.store = store;
        this.registry = registry;
        this.snapshots = snapshots;
        this.connections = connections;
        this.cgroups = cgroups;
        this.runtime = runtime;
        this.events = events;
        this.specs = specs;
        this.streams = streams;
        this.sharing = sharing;
        this.init = init;
        this.volumes = volumes;
        this.timers = timers;
        this.restarts = new Restarts(timers, this::startAgain);
        this.probe = probe;
        this.null0 = linux.open(Path.of("/dev/null"), Flags.O_RDWR, 0);
    }

    /** Starts; false where it runs already. */
    boolean start(Container c) {
        c.lock.lock();
        try {
            StoredState.Phase before = c.state.phase();
            if (before == StoredState.Phase.RUNNING) {
                return false;
            }
            if (before == StoredState.Phase.PAUSED) {
                throw conflict("cannot start a paused container, try unpause instead");
            }
            if (c.removing) {
                throw conflict("container is marked for removal and cannot be started");
            }
            Lock files = untouched(c); // a copy that goes on is no start that failed
            restarts.cancel(c);
            if (before == StoredState.Phase.RESTARTING) {
                c.state = c.state.phase(StoredState.Phase.EXITED);
            }
            c.state = c.state.wanted();
            StoredState was = c.state;
            try {
                run(c, files);
            } catch (EngineException e) {
                c.state = failed(c, was, e);
                c.run.end(false, c.state.exitCode());
                over(c);
                throw e;
            }
            return true;
        } finally {
            c.lock.unlock();
        }
    }

    /** @param files held, and let go of here */
    private void run(Container c, Lock files) {
        try (VolumeMounts.Sharing sharing = volumes.share(c.stored);
                Undo undo = new Undo()) {
            begin(c, undo);
            undo.commit();
        } finally {
            files.unlock();
        }
        volumes.tell(c, true);
        c.health = check(c).map(check -> Health.begin(c, check, timers, probe, this::healthChanged));
        events.publish("container", "start", c.id(), c.attributes());
    }

    /** Nobody may write to its files by a mount that the container will not know of. */
    private static Lock untouched(Container c) {
        try {
            if (c.files.writeLock().tryLock(COPY_PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                return c.files.writeLock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw conflict("cannot start container " + c.name() + ": files are being copied into it; try again when that is"
                + " done");
    }

    /** Starts by policy; where that fails, its policy goes on. The lock is held. */
    private void startAgain(Container c) {
        StoredState was = c.state.phase(StoredState.Phase.EXITED);
        try {
            run(c, untouched(c));
            if (c.reviving) {
                events.publish("container", "restart", c.id(), c.attributes());
            }
        } catch (EngineException e) {
            System.getLogger("kist")
                    .log(System.Logger.Level.WARNING, "cannot restart " + c.id() + ": " + e.getMessage());
            boolean waits = settle(c, failed(c, was, e), false);
            c.run.end(false, c.state.exitCode());
            if (!waits) {
                over(c);
            }
        } finally {
            c.reviving = false;
        }
    }

    /** It does not run and will not by itself. The lock is held. */
    private void over(Container c) {
        save(c);
        if (c.host().autoRemove()) {
            remove(c, true);
        }
    }

    /** Leaves a container ended, or waiting for the next start where the policy says so, which is answered. */
    private boolean settle(Container c, StoredState ended, boolean ran) {
        OptionalLong delay = c.reviving && ran && !ended.stopped()
                ? OptionalLong.of(0)
                : Restarts.delay(c.host().restart(), ended, ran);
        if (delay.isEmpty() || c.restarting || c.removing) {
            c.state = ended;
            return false;
        }
        // at once, so that nobody sees it ended in between
        c.state = ended.waiting(delay.getAsLong());
        save(c);
        restarts.schedule(c, delay.getAsLong());
        return true;
    }

    /**
     * For the start of the engine: goes on waiting for a restart, or starts what is to run whenever the engine does.
     * The lock is held.
     */
    void resume(Container c) {
        if (c.state.phase() == StoredState.Phase.RESTARTING) {
            restarts.schedule(c, c.state.backoffNanos());
        } else if (Restarts.startsWithEngine(c.host().restart(), c.state)) {
            c.state = c.state.wanted().phase(StoredState.Phase.RESTARTING);
            restarts.schedule(c, 0);
        }
    }

    /** One whose process was taken over is checked as before. The lock is held. */
    void resumeChecks(Container c) {
        c.health = check(c).map(check -> Health.resume(c, check, timers, probe, this::healthChanged));
    }

    private static Optional<HealthCheck> check(Container c) {
        return HealthCheck.of(c.config(), c.stored.labels());
    }

    private void healthChanged(Container c, Health health) {
        HealthView now = health.view();
        long run;
        c.lock.lock();
        try {
            if (!c.state.alive() || c.health.filter(h -> h == health).isEmpty()) {
                return;
            }
            run = c.run.current();
            c.state = c.state.health(now.status(), now.failingStreak());
            save(c);
        } finally {
            c.lock.unlock();
        }
        c.run.nudge();
        events.publish("container", "health_status: " + now.status(), c.id(), c.attributes());
        if (now.status().equals(HealthView.UNHEALTHY) && health.restarts()) {
            restartUnhealthy(c, run);
        }
    }

    /** Ends a run that is unhealthy, so that the next begins, unless somebody else ends it. */
    private void restartUnhealthy(Container c, long run) {
        c.lock.lock();
        try {
            if (c.restarting || c.state.stopped() || !c.state.alive() || c.run.current() != run) {
                return;
            }
            c.reviving = true;
        } finally {
            c.lock.unlock();
        }
        try {
            end(c, run, OptionalInt.empty(), "");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static StoredState failed(Container c, StoredState was, EngineException e) {
        int code = switch (e.kind()) {
            case COMMAND_NOT_FOUND -> 127;
            case COMMAND_NOT_EXECUTABLE -> 126;
            default -> 128;
        };
        c.network = Optional.empty();
        c.cgroup = Optional.empty();
        return was.failed(code, String.valueOf(e.getMessage()));
    }

    /** Writes the state where that can be done; where the disk is full, memory has it, and the next start of the engine. */
    private boolean save(Container c) {
        try {
            store.update(c.id(), c.state);
            return true;
        } catch (EngineException e) {
            System.getLogger("kist").log(System.Logger.Level.ERROR, "state of " + c.id(), e);
            return false;
        }
    }

    private void begin(Container c, Undo undo) {
        outcome(c.cleaning);
        try {
            Optional<Fd> namespace = connections.begin(c, undo);
            undo.push(() -> closeBorrowed(c, namespace));
            c.state = c.state.starting(c.places.stored(), timers.now(), check(c).isPresent());
            store.update(c.id(), c.state);
            Spec spec = specs.spec(connections.linked(c));
            // beside the mounts, which take as long
            FutureTask<Cgroup> making = new FutureTask<>(() ->
                    cgroups.create(spec.linux().cgroupsPath(), spec.linux().resources()));
            Thread.ofVirtual().start(making);
            undo.push(() -> outcome(making).remove());
            Keeper.Spawned spawned = spawn(c, spec, making, namespace);
            Cgroup cgroup = outcome(making);
            c.cgroup = Optional.of(cgroup);
            undo.push(() -> abandon(c, spawned));
            // STARTING on disk and a process with the keeper mean that it runs; no need to write that again
            c.state = c.state.running(spawned.pid(), c.state.startedNanos());
            spawned.input().ifPresent(linux::setNonBlocking);
            c.run.begin(spawned);
            closeBorrowed(c, namespace);
            streams.forward(c);
            cgroup.close(); // an idle container holds no descriptors of its groups
        } catch (RuntimeException | IOException e) {
            throw explain(e);
        }
    }

    private static void closeBorrowed(Container c, Optional<Fd> namespace) {
        if (Connections.isBorrowed(c)) {
            namespace.ifPresent(Fd::close);
        }
    }

    private void abandon(Container c, Keeper.Spawned spawned) {
        linux.pidfdSignal(spawned.pidfd(), Signals.KILL);
        spawned.close();
        System.getLogger("kist").log(System.Logger.Level.WARNING, "took back the start of " + c.id());
    }

    /** What a task gave or threw; waits for it even when interrupted, since what it made must not be lost. */
    private static <T> T outcome(FutureTask<T> task) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Keeper.Spawned spawn(Container c, Spec spec, FutureTask<Cgroup> cgroup, Optional<Fd> namespace)
            throws IOException {
        ContainerConfig config = c.config();
        Path directory = store.directory(c.id());
        Map<String, Fd> mounts = new HashMap<>();
        try (Sharing.Joining others = sharing.open(c.host());
                Streams ends = Streams.open(linux, config.tty(), config.openStdin(), null0);
                Fd rootfs = snapshots.mount(c.id(), false, c.host().autoRemove());
                Keeper.Log log = streams.openLog(c)) {
            connections.writeFiles(c, directory, SpecFactory.hostname(c.stored));
            volumes.open(c.stored, directory, mounts);
            return runtime.start(
                    c.id(),
                    spec,
                    new Attachments(
                            Optional.of(rootfs),
                            Optional.of(outcome(cgroup)),
                            namespace,
                            ends.childInput(),
                            ends.childOutput(),
                            ends.childError(),
                            ends.input(),
                            ends.output(),
                            ends.error(),
                            Optional.of(log),
                            mounts,
                            false,
                            init.of(c.host()),
                            others.joined()));
        } finally {
            mounts.values().forEach(Fd::close);
        }
    }

    /** Turns what went wrong below into a sentence for the user, in the words that Docker's clients look for. */
    static EngineException explain(Exception e) {
        return switch (e) {
            case EngineException mine -> mine;
            case StartException t -> startFailure(t);
            case SpecException s -> new EngineException(EngineException.Kind.INVALID_ARGUMENT, message(s), s);
            case KernelException k
            when k.errno() == Errno.ENOSPC || k.errno() == Errno.EDQUOT ->
                new EngineException(EngineException.Kind.EXHAUSTED, "failed to start container: " + message(k), k);
            default ->
                new EngineException(EngineException.Kind.INTERNAL, "failed to start container: " + message(e), e);
        };
    }

    private static EngineException startFailure(StartException e) {
        EngineException.Kind kind = switch (e.exitCode()) {
            case 127 -> EngineException.Kind.COMMAND_NOT_FOUND;
            case 126 -> EngineException.Kind.COMMAND_NOT_EXECUTABLE;
            default -> e.errno() == Errno.ENOSPC ? EngineException.Kind.EXHAUSTED : EngineException.Kind.INTERNAL;
        };
        return new EngineException(kind, "failed to create task for container: " + message(e) + ": unknown", e);
    }

    private static String message(Exception e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    /** A container's first process has ended. Harmless where that is known already. */
    void exited(Container c, int status) {
        c.lock.lock();
        try {
            if (c.state.alive() || c.state.phase() == StoredState.Phase.STARTING) {
                finish(c, status, "");
            }
        } finally {
            c.lock.unlock();
        }
    }

    /** Ends a run: notes how, lets go of what it held. The lock is held. */
    void finish(Container c, int status, String why) {
        boolean oom = c.cgroup.map(Cgroup::oomKilled).orElse(false);
        c.health.ifPresent(Health::end);
        boolean waits = settle(c, c.state.exited(status, oom, timers.now(), why), true);
        boolean goes = c.host().autoRemove() && !c.restarting && !waits;
        Map<String, String> attributes = c.attributes();
        attributes.put("exitCode", Integer.toString(status));
        attributes.put("execDuration", Long.toString(seconds(c.state.finishedNanos() - c.state.startedNanos())));
        // who waits is told first: were the engine killed here, the keeper would still know
        c.run.end(true, status);
        // one that is removed next needs no last words
        boolean saved = goes || waits || save(c);
        Optional<Cgroup> group = c.cgroup;
        c.cgroup = Optional.empty();
        connections.release(c, false);
        // nobody waits for this but the next start of the same container
        c.cleaning = new FutureTask<>(() -> cleanUp(c.id(), group, saved), c);
        Thread.ofVirtual().start(c.cleaning);
        if (oom) {
            events.publish("container", "oom", c.id(), c.attributes());
        }
        events.publish("container", "die", c.id(), attributes);
        volumes.tell(c, false);
        if (goes) {
            remove(c, true);
        }
    }

    private void cleanUp(String id, Optional<Cgroup> group, boolean saved) {
        try {
            group.ifPresent(g -> {
                g.killAll();
                g.remove();
            });
        } catch (KernelException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "the control group of " + id + " stays", e);
        }
        if (saved) {
            forget(id); // not before the end is on disk: the keeper is the only other one who knows
        }
    }

    void forget(String id) {
        try {
            keeper.forget(id);
        } catch (KernelException | IllegalStateException e) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "forget " + id, e);
        }
    }

    /** Whether a container could not have changed its network namespace, so that the next one may have it. */
    static boolean recyclable(HostConfig host) {
        return !host.privileged()
                && host.sysctls().keySet().stream().noneMatch(k -> k.startsWith("net"))
                && host.capAdd().stream()
                        .map(cap -> cap.toUpperCase(java.util.Locale.ROOT).replaceFirst("^CAP_", ""))
                        .noneMatch(cap -> cap.equals("ALL") || cap.equals("NET_ADMIN") || cap.equals("SYS_ADMIN"));
    }

    private static long seconds(long nanos) {
        return Math.max(0, nanos) / 1_000_000_000L;
    }

    /** Stops; false where it was not running. */
    boolean stop(Container c, OptionalInt timeout, String signal) throws InterruptedException {
        long run;
        c.lock.lock();
        try {
            if (giveUp(c)) {
                events.publish("container", "stop", c.id(), c.attributes());
                return true;
            }
            if (!c.state.alive()) {
                return false;
            }
            run = c.run.current();
            unwanted(c);
        } finally {
            c.lock.unlock();
        }
        end(c, run, timeout, signal);
        return true;
    }

    /** Whether it was waiting for a restart, which it no longer does. The lock is held. */
    private boolean giveUp(Container c) {
        if (c.state.phase() != StoredState.Phase.RESTARTING) {
            return false;
        }
        restarts.cancel(c);
        c.state = c.state.phase(StoredState.Phase.EXITED).unwanted();
        save(c);
        c.run.nudge();
        return true;
    }

    /** From now on its end is what its user wants; on disk before the signal goes out. The lock is held. */
    private void unwanted(Container c) {
        c.state = c.state.unwanted();
        if (Restarts.restarts(c.host().restart())) {
            save(c);
        }
    }

    /** Ends a run: the signal, and SIGKILL when the time of grace is over. */
    private void end(Container c, long run, OptionalInt timeout, String signal) throws InterruptedException {
        if (c.state.phase() == StoredState.Phase.PAUSED) {
            pause(c, false);
        }
        int grace = Creation.stopTimeout(c.stored, timeout).orElse(DEFAULT_GRACE_SECONDS);
        int number = Signals.number(signal.isEmpty() ? c.stored.stopSignal() : signal);
        if (send(c, number)) {
            publishKill(c, number);
        }
        if (!c.run.awaitEnd(run, grace < 0 ? -1 : TimeUnit.SECONDS.toNanos(grace))) {
            if (send(c, Signals.KILL)) {
                publishKill(c, Signals.KILL);
            }
            if (!c.run.awaitEnd(run, KILL_PATIENCE)) {
                throw new EngineException(
                        EngineException.Kind.INTERNAL,
                        "container " + c.id() + " does not end on SIGKILL; its process " + c.state.pid()
                                + " is stuck in the kernel");
            }
        }
        c.lock.lock(); // who waits is told of the end before the event is out
        try {
            events.publish("container", "stop", c.id(), c.attributes());
        } finally {
            c.lock.unlock();
        }
    }

    private void publishKill(Container c, int signal) {
        Map<String, String> attributes = c.attributes();
        attributes.put("signal", Integer.toString(signal));
        events.publish("container", "kill", c.id(), attributes);
    }

    private boolean send(Container c, int signal) {
        Optional<Keeper.Spawned> process = c.run.process();
        try {
            if (process.isPresent()) {
                linux.pidfdSignal(process.get().pidfd(), signal);
                return true;
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.ESRCH) {
                throw e;
            }
        } catch (IllegalStateException endedMeanwhile) {
            return false;
        }
        return false;
    }

    void kill(Container c, String signal) throws InterruptedException {
        int number = signal.isEmpty() ? Signals.KILL : Signals.number(signal);
        long run;
        c.lock.lock();
        try {
            run = c.run.current();
            boolean ends = number == Signals.KILL || number == Signals.number(c.stored.stopSignal());
            if (ends && giveUp(c)) {
                return;
            }
            if (c.state.alive() && ends) {
                unwanted(c);
            }
        } finally {
            c.lock.unlock();
        }
        if (!c.state.alive() || !send(c, number)) {
            throw conflict("cannot kill container: " + c.name() + ": container " + c.id() + " is not running");
        }
        publishKill(c, number);
        if (number == Signals.KILL) {
            if (c.state.phase() == StoredState.Phase.PAUSED) {
                pause(c, false); // a frozen process does not see its death on cgroup v1
            }
            c.run.awaitEnd(run, KILL_PATIENCE);
        }
    }

    void restart(Container c, OptionalInt timeout, String signal) throws InterruptedException {
        c.restarting = true;
        try {
            // not as its user's stop: were the engine killed now, the policy would count
            long run = c.run.current();
            if (c.state.alive()) {
                end(c, run, timeout, signal);
            }
        } finally {
            c.restarting = false;
        }
        start(c);
        events.publish("container", "restart", c.id(), c.attributes());
    }

    void pause(Container c, boolean freeze) {
        c.lock.lock();
        try {
            StoredState.Phase phase = c.state.phase();
            if (phase == StoredState.Phase.RESTARTING) {
                throw conflict("Container " + c.id() + " is restarting, wait until the container is running");
            }
            if (!c.state.alive() || c.cgroup.isEmpty()) {
                throw conflict("container " + c.name() + " is not running");
            }
            if (freeze == (phase == StoredState.Phase.PAUSED)) {
                throw conflict("Container " + c.id() + (freeze ? " is already paused" : " is not paused"));
            }
            if (freeze) {
                c.health.ifPresent(Health::paused);
                c.cgroup.get().freeze();
            } else {
                c.cgroup.get().thaw();
                c.health.ifPresent(Health::unpaused);
            }
            c.state = c.state.phase(freeze ? StoredState.Phase.PAUSED : StoredState.Phase.RUNNING);
            save(c);
            events.publish("container", freeze ? "pause" : "unpause", c.id(), c.attributes());
        } finally {
            c.lock.unlock();
        }
    }

    void remove(Container c, boolean force, boolean ownVolumes) throws InterruptedException {
        for (int attempt = 1; !removeOnce(c, force, ownVolumes); attempt++) {
            if (!force || attempt == MOST_REMOVALS) {
                throw conflict("container " + c.name() + " was started meanwhile");
            }
        }
    }

    /** False where it runs again by the time that it should go. */
    private boolean removeOnce(Container c, boolean force, boolean ownVolumes) throws InterruptedException {
        if (c.state.active()) {
            if (!force) {
                throw conflict("cannot remove container \"/" + c.name() + "\": container is "
                        + switch (c.state.phase()) {
                            case PAUSED -> "paused and must be unpaused first";
                            case RESTARTING -> "restarting: stop the container before removing or force remove";
                            default -> "running: stop the container before removing or force remove";
                        });
            }
            try {
                kill(c, "KILL");
            } catch (EngineException e) {
                if (e.kind() != EngineException.Kind.CONFLICT) {
                    throw e;
                }
            }
        }
        c.lock.lock();
        try {
            if (c.state.active()) {
                return false;
            }
            remove(c, ownVolumes || c.host().autoRemove());
            return true;
        } finally {
            c.lock.unlock();
        }
    }

    /**
     * Removes what is left of a container that does not run. The lock is held.
     *
     * @param ownVolumes whether volumes go with it that were made for it alone; they go first, so that whoever is asked again
     *     after a crash finds the container still there
     */
    private void remove(Container c, boolean ownVolumes) {
        if (c.removing) {
            return;
        }
        c.removing = true;
        streams.drain(c);
        Path remains;
        try {
            if (ownVolumes) {
                volumes.release(c.stored, true);
            }
            c.run.pinReaders(); // docker run --rm: who is attached may not have begun to read
            remains = store.remove(c.id());
        } catch (RuntimeException e) {
            c.removing = false;
            volumes.hold(c.stored);
            throw e;
        }
        // it is gone from here on; what cannot be cleared away now is swept when the engine starts
        try {
            volumes.release(c.stored, false);
            snapshots.remove(c.id());
        } catch (RuntimeException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "something is left of " + c.id(), e);
        }
        c.execs.values().stream().filter(exec -> !exec.over()).forEach(exec -> exec.ended(128 + Signals.KILL));
        registry.remove(c);
        c.run.remove();
        events.publish("container", "destroy", c.id(), c.attributes());
        Thread.ofVirtual().start(() -> {
            store.dispose(remains);
            streams.removed(c.id());
        });
    }

    /** Removes, where that can be done; for the start of the engine. The lock is held. */
    void removeQuietly(Container c) {
        try {
            remove(c, c.host().autoRemove());
        } catch (RuntimeException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "cannot remove " + c.id(), e);
        }
    }

    void rename(Container c, String newName) {
        String name = newName.startsWith("/") ? newName.substring(1) : newName;
        Names.check(name);
        c.lock.lock();
        try {
            String old = c.name();
            if (old.equals(name)) {
                throw Creation.invalid("Renaming a container with the same name as its current name");
            }
            registry.reserveName(name, c.id());
            try {
                store.update(c.stored.withName(name));
            } catch (RuntimeException e) {
                registry.releaseName(name, c.id());
                throw e;
            }
            c.stored = c.stored.withName(name);
            connections.renamed(c);
            registry.releaseName(old, c.id());
            Map<String, String> attributes = c.attributes();
            attributes.put("oldName", "/" + old);
            events.publish("container", "rename", c.id(), attributes);
        } finally {
            c.lock.unlock();
        }
    }

    List<Long> processes(Container c) {
        return c.cgroup.map(Cgroup::processes).orElseThrow(() -> conflict("container " + c.id() + " is not running"));
    }

    static EngineException conflict(String message) {
        return new EngineException(EngineException.Kind.CONFLICT, message);
    }
}
