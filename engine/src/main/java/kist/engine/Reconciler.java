package kist.engine;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import kist.image.Snapshots;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.Cgroup;
import kist.runtime.Cgroups;

/**
 * Makes an engine that starts agree with what it finds: its files against the keeper against the kernel. What was begun
 * is finished or taken back, what runs is taken over, what nobody owns is removed.
 */
final class Reconciler {
    private static final System.Logger LOG = System.getLogger("kist");
    /** Exit code of a container whose end nobody saw. */
    private static final int UNKNOWN = 255;

    private final Linux linux;
    private final Keeper keeper;
    private final ContainerStore store;
    private final Registry registry;
    private final Snapshots snapshots;
    private final Connections connections;
    private final Cgroups cgroups;
    private final Lifecycle lifecycle;
    private final SpecFactory specs;
    private final ContainerStreams streams;
    private final VolumeMounts volumes;
    private final String cgroupParent;
    private final boolean newKeeper;

    Reconciler(
            Linux linux,
            Keeper keeper,
            ContainerStore store,
            Registry registry,
            Snapshots snapshots,
            Connections connections,
            Cgroups cgroups,
            Lifecycle lifecycle,
            SpecFactory specs,
            ContainerStreams streams,
            VolumeMounts volumes,
            String cgroupParent,
            boolean newKeeper) {
        this.linux = linux;
        this.keeper = keeper;
        this.store = store;
        this.registry = registry;
        this.snapshots = snapshots;
        this.connections = connections;
        this.cgroups = cgroups;
        this.lifecycle = lifecycle;
        this.specs = specs;
        this.streams = streams;
        this.volumes = volumes;
        this.cgroupParent = cgroupParent;
        this.newKeeper = newKeeper;
    }

    void run() {
        Map<String, Keeper.Held> held = new HashMap<>();
        for (Keeper.Held h : keeper.list()) {
            held.put(h.id(), h);
        }
        Set<String> known = new HashSet<>();
        int taken = 0;
        int ended = 0;
        List<ContainerStore.Found> all = store.load();
        // first of all: one that goes now must not take along what another has too
        all.forEach(found -> volumes.hold(found.container()));
        for (ContainerStore.Found found : all) {
            String id = found.container().id();
            Container c = new Container(found.container(), found.state(), streams.toKeeper(id));
            known.add(id);
            registry.add(c);
            Optional<Keeper.Held> process = Optional.ofNullable(held.remove(id));
            if (reconcile(c, process)) {
                taken++;
            } else if (found.state().phase() != c.state.phase()) {
                ended++;
            }
        }
        held.values().forEach(this::orphan);
        sweep(known);
        if (taken + ended > 0) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "took over {0} running containers; {1} had ended meanwhile",
                    taken,
                    ended);
        }
    }

    /** True where it runs on. */
    private boolean reconcile(Container c, Optional<Keeper.Held> process) {
        StoredState.Phase phase = c.state.phase();
        boolean wasAlive = c.state.alive() || phase == StoredState.Phase.STARTING;
        c.lock.lock();
        try {
            if (process.isPresent() && process.get().exitStatus().isEmpty()) {
                if (!wasAlive) {
                    kill(c.id()); // its end is on disk, so this is a process that nobody wants
                    return false;
                }
                return takeOver(c, process.get());
            }
            if (wasAlive) {
                held(c);
                OptionalInt status = process.map(Keeper.Held::exitStatus).orElse(OptionalInt.empty());
                // a keeper that was there would know of it
                boolean neverRan = phase == StoredState.Phase.STARTING && process.isEmpty() && !newKeeper;
                lifecycle.finish(
                        c,
                        status.orElse(neverRan ? 128 : UNKNOWN),
                        status.isPresent()
                                ? ""
                                : neverRan
                                        ? "the engine was killed while it started the container"
                                        : "the container ended with the host or its keeper; its exit code is not known");
            } else if (process.isPresent()) {
                forget(c.id());
            }
            lifecycle.resume(c);
            if (c.host().autoRemove() && c.state.phase() == StoredState.Phase.EXITED && !c.removing) {
                lifecycle.removeQuietly(c);
            }
            return false;
        } finally {
            c.lock.unlock();
        }
    }

    /** Finds again what the container holds of the kernel, so that its end can let go of it. */
    private void held(Container c) {
        c.cgroup = Optional.of(cgroups.open(specs.cgroupPath(c.stored)));
        try {
            connections.adopt(c);
        } catch (RuntimeException e) {
            // an address that two of them claim must not keep the engine from starting
            LOG.log(System.Logger.Level.ERROR, "the networks of " + c.id() + " are not known any more", e);
        }
    }

    private boolean takeOver(Container c, Keeper.Held process) {
        Keeper.Spawned spawned = keeper.take(c.id());
        held(c);
        if (c.state.phase() != StoredState.Phase.PAUSED) {
            // an engine killed in the middle of a commit has left it frozen
            c.cgroup.filter(Cgroup::isFrozen).ifPresent(Cgroup::thaw);
        }
        c.network = connections.claimed(c, process.pid());
        if (c.state.phase() == StoredState.Phase.STARTING) {
            c.state = c.state.running(process.pid(), c.state.startedNanos());
        }
        spawned.input().ifPresent(linux::setNonBlocking);
        c.run.begin(spawned);
        lifecycle.resumeChecks(c);
        return true;
    }

    /** A process exec'ed by an engine before this one: it goes on with its container, and its end is of interest to nobody. */
    private void orphan(Keeper.Held held) {
        if (held.exitStatus().isPresent()) {
            forget(held.id());
        }
    }

    private void kill(String id) {
        try (Keeper.Spawned s = keeper.take(id)) {
            linux.pidfdSignal(s.pidfd(), Signals.KILL);
        } catch (KernelException e) {
            LOG.log(System.Logger.Level.DEBUG, "it has ended: " + id, e);
        }
    }

    private void forget(String id) {
        try {
            keeper.forget(id);
        } catch (KernelException e) {
            LOG.log(System.Logger.Level.DEBUG, "forget " + id, e);
        }
    }

    private void sweep(Set<String> known) {
        streams.sweep(known);
        for (String id : snapshots.ids()) {
            if (!known.contains(id)) {
                snapshots.remove(id);
            }
        }
        for (String id : cgroups.children(cgroupParent)) {
            if (!known.contains(id)) {
                try (Cgroup left = cgroups.open(specs.cgroupPath(id))) {
                    left.killAll();
                    left.remove();
                } catch (KernelException e) {
                    LOG.log(System.Logger.Level.WARNING, "cannot remove the control group of " + id, e);
                }
            }
        }
    }
}
