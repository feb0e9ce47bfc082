package kist.engine;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import kist.kernel.Fd;
import kist.kernel.Keeper;

/**
 * What followers of a container wait for: its log to grow, its runs to begin and to end, its removal. Runs are counted,
 * so that one who came before a start ends with the run that follows. Thread-safe.
 */
final class Run {
    /** For the one case that has no signal: a keeper that was lost. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(30);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ToKeeper keeper;
    private final Map<Object, Long> holds = new IdentityHashMap<>();
    private final Set<LogReader> readers = Collections.newSetFromMap(new IdentityHashMap<>());
    private final ReentrantLock telling = new ReentrantLock();
    private long told = Keeper.NO_HOLD;
    private long ordered = Keeper.NO_HOLD;
    private long begun;
    private long ended;
    private int exitCode;
    private boolean removed;
    private long logLength;
    private Optional<Keeper.Spawned> process = Optional.empty();

    /** What is said to the keeper of one container's log; neither blocks. */
    interface ToKeeper {
        /** It shall tell when the log is longer than that. */
        void watch(long known);

        /** It shall not delete what is at this offset or behind; {@link Keeper#NO_HOLD} lets go. */
        default void hold(long offset) {}
    }

    Run(ToKeeper keeper) {
        this.keeper = keeper;
    }

    /** Somebody reads the log. */
    void reading(LogReader log) {
        lock.lock();
        try {
            readers.add(log);
        } finally {
            lock.unlock();
        }
    }

    /** Nobody reads with that any more. */
    void read(LogReader log) {
        lock.lock();
        try {
            readers.remove(log);
        } finally {
            lock.unlock();
        }
    }

    /** Lets all who read the log go on to its end, though it is deleted next. */
    void pinReaders() {
        List<LogReader> all;
        lock.lock();
        try {
            all = List.copyOf(readers);
        } finally {
            lock.unlock();
        }
        all.forEach(LogReader::pin);
    }

    /** Says where a reader is that must not lose anything; the keeper deletes only what all have read. */
    void hold(Object reader, long offset) {
        lock.lock();
        try {
            holds.put(reader, offset);
        } finally {
            lock.unlock();
        }
        tellHolds();
    }

    /** A reader needs no more. */
    void release(Object reader) {
        lock.lock();
        try {
            holds.remove(reader);
        } finally {
            lock.unlock();
        }
        tellHolds();
    }

    private void tellHolds() {
        // in order, but not under the lock, which whoever hears the keeper needs: the two would wait for each other
        telling.lock();
        try {
            long lowest = held();
            if (lowest != told) {
                told = lowest;
                keeper.hold(lowest);
            }
        } finally {
            telling.unlock();
        }
    }

    /** The offset that must not be deleted now. */
    long held() {
        lock.lock();
        try {
            long lowest = Keeper.NO_HOLD;
            for (long offset : holds.values()) {
                lowest = Math.min(lowest, offset);
            }
            return lowest;
        } finally {
            lock.unlock();
        }
    }

    /** The offset that must not be deleted now, for the order that makes the next process. */
    long holdForOrder() {
        telling.lock();
        try {
            ordered = held();
            return ordered;
        } finally {
            telling.unlock();
        }
    }

    /** The number of the run that is going on, or of the next one. */
    long current() {
        lock.lock();
        try {
            return begun > ended ? begun : begun + 1;
        } finally {
            lock.unlock();
        }
    }

    void begin(Keeper.Spawned spawned) {
        lock.lock();
        try {
            begun++;
            process = Optional.of(spawned);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        telling.lock();
        try {
            told = ordered; // what was said between the order and now found no process
            ordered = Keeper.NO_HOLD;
        } finally {
            telling.unlock();
        }
        tellHolds();
    }

    /** A run has ended, or a start has failed, which counts as one. */
    void end(boolean started, int code) {
        Optional<Keeper.Spawned> gone;
        lock.lock();
        try {
            if (!started) {
                begun++;
            }
            ended = begun;
            exitCode = code;
            gone = process;
            process = Optional.empty();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        gone.ifPresent(Keeper.Spawned::close);
    }

    void remove() {
        lock.lock();
        try {
            removed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void grown(long length) {
        lock.lock();
        try {
            logLength = Math.max(logLength, length);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Wakes all who wait, so that they look at what concerns them. */
    void nudge() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    boolean over(long run) {
        lock.lock();
        try {
            return removed || ended >= run;
        } finally {
            lock.unlock();
        }
    }

    int exitCode() {
        lock.lock();
        try {
            return exitCode;
        } finally {
            lock.unlock();
        }
    }

    /** Blocks until this run has ended or the container is gone. */
    void awaitEnd(long run) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!removed && ended < run) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The same with a limit in nanoseconds (negative: none); false where it passed. */
    boolean awaitEnd(long run, long nanos) throws InterruptedException {
        if (nanos < 0) {
            awaitEnd(run);
            return true;
        }
        lock.lockInterruptibly();
        try {
            long left = nanos;
            while (!removed && ended < run) {
                if (left <= 0) {
                    return false;
                }
                left = changed.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Blocks until a condition holds, which is looked at again at each change and nudge. */
    void await(BooleanSupplier condition) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!condition.getAsBoolean()) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    boolean removed() {
        lock.lock();
        try {
            return removed;
        } finally {
            lock.unlock();
        }
    }

    void awaitRemoval() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!removed) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Blocks until the log may be longer than this, the run is over, or somebody nudges. */
    void awaitLog(long known, long run) throws InterruptedException {
        awaitLog(known, run, PATIENCE);
    }

    /** The same with a limit in nanoseconds. */
    void awaitLog(long known, long run, long nanos) throws InterruptedException {
        boolean running;
        lock.lockInterruptibly();
        try {
            if (logLength > known || removed || ended >= run) {
                return;
            }
            running = begun > ended;
        } finally {
            lock.unlock();
        }
        if (running) {
            keeper.watch(known);
        }
        lock.lockInterruptibly();
        try {
            if (logLength <= known && !removed && ended < run && (begun > ended) == running) {
                changed.awaitNanos(Math.min(nanos, PATIENCE));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Where to write for the process's standard input, once this run has begun; empty where it is over. */
    Optional<Fd> awaitInput(long run, boolean tty) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!removed && ended < run && begun < run) {
                changed.await();
            }
            return process.flatMap(p -> tty ? p.terminal() : p.input()).filter(Fd::isOpen);
        } finally {
            lock.unlock();
        }
    }

    Optional<Keeper.Spawned> process() {
        lock.lock();
        try {
            return process;
        } finally {
            lock.unlock();
        }
    }
}
