package kist.engine;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import kist.network.Claimed;
import kist.runtime.Cgroup;

/**
 * A container in memory. The lock is held through each step of its life, so steps never overlap; readers look without it
 * at fields that are replaced whole.
 */
final class Container {
    final ReentrantLock lock = new ReentrantLock(true);
    final Run run;
    final Map<String, Exec> execs = new ConcurrentHashMap<>();
    /** Those of them that have ended, oldest first. */
    final LinkedBlockingQueue<String> endedExecs = new LinkedBlockingQueue<>();

    /**
     * Held while somebody writes to its files: shared by those who do it through its own mounts, alone by who mounts them
     * anew.
     */
    final ReentrantReadWriteLock files = new ReentrantReadWriteLock();

    volatile StoredContainer stored;
    volatile StoredState state;
    volatile boolean restarting;
    volatile boolean removing;
    /** Whether this run is ended only to begin the next, because it is unhealthy; guarded by the lock. */
    boolean reviving;

    /** What it holds while it runs; guarded by the lock. */
    Optional<Claimed> network = Optional.empty();

    /** Where it is in networks while it runs. */
    volatile Places places = Places.NONE;

    /** Whether another container has been in its network namespace; guarded by the lock. */
    volatile boolean networkShared;

    Optional<Cgroup> cgroup = Optional.empty();

    /** The checks of this run, or of the last one. */
    volatile Optional<Health> health = Optional.empty();

    /** What starts it again, where it waits for that; counted, so that one that comes too late is known. */
    Timers.Timer retry = Timers.Timer.NONE;

    long retries;

    /** What is still being let go of from the last run. */
    FutureTask<Container> cleaning = nothing();

    Container(StoredContainer stored, StoredState state, Run.ToKeeper keeper) {
        this.stored = stored;
        this.state = state;
        this.run = new Run(keeper);
    }

    private FutureTask<Container> nothing() {
        FutureTask<Container> done = new FutureTask<>(() -> {}, this);
        done.run();
        return done;
    }

    String id() {
        return stored.id();
    }

    String name() {
        return stored.name();
    }

    ContainerConfig config() {
        return stored.config();
    }

    HostConfig host() {
        return stored.config().host();
    }

    /** Attributes that its events carry. */
    Map<String, String> attributes() {
        Map<String, String> all = new java.util.LinkedHashMap<>(stored.labels());
        all.put("image", stored.config().image());
        all.put("name", stored.name());
        return all;
    }
}
