package kist.engine;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import kist.kernel.Fd;
import kist.kernel.Keeper;

/**
 * What followers of a container wait for: its log to grow, its runs to begin and to end, its removal. Runs are counted,
 * so that one who came before a start ends with the run that follows. Thread-safe.
 */
final class Run {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final LongConsumer watch;
    private long begun;
    private long ended;
    private int exitCode;
    private boolean removed;
    private long logLength;
    private Optional<Keeper.Spawned> process = Optional.empty();

    /** @param watch asks the keeper to tell when the log is longer than that */
    Run(LongConsumer watch) {
        this.watch = watch;
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
            watch.accept(known);
        }
        lock.lockInterruptibly();
        try {
            if (logLength <= known && !removed && ended < run && (begun > ended) == running) {
                // the limit is for the one case that has no signal: a keeper that was lost
                changed.await(30, TimeUnit.SECONDS);
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
