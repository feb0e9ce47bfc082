package kist.network;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Ready namespaces, and the one thread that makes them: the kernel makes links under one lock, so that a second thread
 * would only wait. Whoever waits for a namespace is served before the pool is filled. Thread-safe.
 */
final class Pool implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist.network");
    private static final int LARGEST = 16;
    /** After a claim a container is about to start: its processor time comes first while the pool is half full. */
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** Closed sockets are counted until the kernel's next read-copy-update, tens of milliseconds later. */
    private static final long RECYCLE_NANOS = TimeUnit.MILLISECONDS.toNanos(40);

    private static final int RECYCLE_TRIES = 4;
    private static final long BACK_OFF_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long SHRINK_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final int low;
    private final int high;
    private final Disposal disposal;
    private final Thread maker;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final Map<Mode, Deque<Prepared>> ready = new EnumMap<>(Mode.class);
    private final Map<Mode, Integer> target = new EnumMap<>(Mode.class);
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private final Deque<Used> used = new ArrayDeque<>();
    private boolean filling;
    private boolean closed;
    private long lastClaim = System.nanoTime();
    private long lastMiss = lastClaim;
    private long notBefore = lastClaim;

    private record Waiting(Mode mode, Optional<String> mac, CompletableFuture<Prepared> result) {}

    /** A namespace to be recycled, but not before a time. */
    private record Used(Prepared prepared, int tries, long notBefore) {}

    private sealed interface Job {
        record Serve(Waiting waiting) implements Job {}

        record Recycle(Used used) implements Job {}

        record Make(Mode mode) implements Job {}

        record Stop() implements Job {}
    }

    Pool(int size, Disposal disposal, Supplier<Namespaces> namespaces) {
        this.low = size;
        this.high = size == 0 ? 0 : Math.max(LARGEST, size);
        this.disposal = disposal;
        for (Mode mode : Mode.values()) {
            ready.put(mode, new ArrayDeque<>());
            target.put(mode, low);
        }
        maker = Thread.ofPlatform().daemon().name("kist-network-maker").unstarted(() -> run(namespaces));
        maker.start();
    }

    /** Begins to fill the pool in the background. */
    void fill() {
        lock.lock();
        try {
            filling = true;
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    /** A ready namespace at once, or else one that is made now. */
    Prepared claim(Mode mode, Optional<String> mac) {
        Waiting request = new Waiting(mode, mac, new CompletableFuture<>());
        lock.lock();
        try {
            if (closed) {
                throw new NetworkException("The networks of this engine are closed.");
            }
            filling = true;
            lastClaim = System.nanoTime();
            Prepared found = mac.isPresent() ? null : queue(mode).poll();
            work.signal();
            if (found != null) {
                return found;
            }
            if (mac.isEmpty()) {
                lastMiss = lastClaim;
                target.put(mode, Math.min(high, target(mode) * 2));
            }
            waiting.add(request);
        } finally {
            lock.unlock();
        }
        try {
            return request.result().join();
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw cause instanceof NetworkException n
                    ? n
                    : new NetworkException("Cannot make a network namespace: " + cause.getMessage() + ".", cause);
        }
    }

    /** Takes a used namespace, to be made new; more than the pool can hold are destroyed. */
    void giveBack(Prepared prepared) {
        lock.lock();
        try {
            if (!closed && used.size() + queue(prepared.mode()).size() < high) {
                used.add(new Used(prepared, 0, System.nanoTime()));
                work.signal();
                return;
            }
        } finally {
            lock.unlock();
        }
        disposal.add(prepared);
    }

    /** How many of a kind are ready. */
    int ready(Mode mode) {
        lock.lock();
        try {
            return queue(mode).size();
        } finally {
            lock.unlock();
        }
    }

    private Deque<Prepared> queue(Mode mode) {
        return ready.getOrDefault(mode, new ArrayDeque<>());
    }

    private int target(Mode mode) {
        return target.getOrDefault(mode, low);
    }

    private void run(Supplier<Namespaces> supplier) {
        try (Namespaces namespaces = supplier.get()) {
            while (true) {
                switch (next()) {
                    case Job.Stop s -> {
                        return;
                    }
                    case Job.Serve(Waiting w) -> serve(namespaces, w);
                    case Job.Recycle(Used u) -> recycle(namespaces, u).ifPresent(fresh -> keep(fresh.mode(), fresh));
                    case Job.Make(Mode mode) -> {
                        try {
                            keep(mode, namespaces.make(mode, Optional.empty()));
                        } catch (RuntimeException e) {
                            backOff(e);
                        }
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "No more network namespaces can be made", e);
        } finally {
            // also after an error nobody foresaw: no claim shall wait for a thread that is gone
            close();
        }
    }

    private Job next() throws InterruptedException {
        lock.lock();
        try {
            while (true) {
                if (closed) {
                    return new Job.Stop();
                }
                Waiting first = waiting.poll();
                if (first != null) {
                    return new Job.Serve(first);
                }
                long now = System.nanoTime();
                shrink(now);
                long wait = Long.MAX_VALUE;
                boolean dirty = false;
                Used next = used.peek();
                if (next != null) {
                    // one that has to wait does not keep a new one from being made
                    dirty = next.notBefore() - now <= 0;
                    wait = Math.max(delay(next.prepared().mode(), now), next.notBefore() - now);
                    if (wait <= 0) {
                        return new Job.Recycle(used.remove());
                    }
                }
                for (Mode mode : Mode.values()) {
                    boolean recycling =
                            dirty && next != null && mode == next.prepared().mode();
                    if (filling && !recycling && queue(mode).size() < target(mode)) {
                        long delay = Math.max(delay(mode, now), notBefore - now);
                        if (delay <= 0) {
                            return new Job.Make(mode);
                        }
                        wait = Math.min(wait, delay);
                    } else if (target(mode) > low) {
                        wait = Math.min(wait, SHRINK_NANOS);
                    }
                }
                if (wait == Long.MAX_VALUE) {
                    work.await();
                } else {
                    work.awaitNanos(wait);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private long delay(Mode mode, long now) {
        return queue(mode).size() * 2 < target(mode) ? 0 : lastClaim + QUIET_NANOS - now;
    }

    private void shrink(long now) {
        if (now - lastMiss < SHRINK_NANOS) {
            return;
        }
        for (Mode mode : Mode.values()) {
            target.put(mode, low);
            while (queue(mode).size() > low) {
                disposal.add(queue(mode).removeLast());
            }
        }
    }

    private void serve(Namespaces namespaces, Waiting request) {
        try {
            Optional<Prepared> made = Optional.empty();
            while (made.isEmpty() && request.mac().isEmpty()) {
                Optional<Used> old = takeUsed(request.mode());
                if (old.isEmpty()) {
                    break;
                }
                made = recycle(namespaces, old.get());
            }
            request.result().complete(made.orElseGet(() -> namespaces.make(request.mode(), request.mac())));
        } catch (RuntimeException e) {
            request.result().completeExceptionally(e);
        }
    }

    private Optional<Used> takeUsed(Mode mode) {
        lock.lock();
        try {
            Used first = used.peek();
            if (first == null || first.prepared().mode() != mode || first.notBefore() - System.nanoTime() > 0) {
                return Optional.empty();
            }
            return Optional.of(used.remove());
        } finally {
            lock.unlock();
        }
    }

    private Optional<Prepared> recycle(Namespaces namespaces, Used old) {
        try {
            switch (namespaces.recycle(old.prepared())) {
                case Namespaces.Recycled.Fresh(Prepared fresh) -> {
                    return Optional.of(fresh);
                }
                case Namespaces.Recycled.Later later -> {
                    if (old.tries() < RECYCLE_TRIES && later(old)) {
                        return Optional.empty();
                    }
                }
                case Namespaces.Recycled.Never never -> {}
            }
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.DEBUG, "A used namespace is destroyed rather than recycled", e);
        }
        disposal.add(old.prepared());
        return Optional.empty();
    }

    private boolean later(Used old) {
        lock.lock();
        try {
            if (!closed) {
                used.add(new Used(old.prepared(), old.tries() + 1, System.nanoTime() + RECYCLE_NANOS));
            }
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private void keep(Mode mode, Prepared fresh) {
        lock.lock();
        try {
            if (!closed) {
                queue(mode).add(fresh);
                return;
            }
        } finally {
            lock.unlock();
        }
        fresh.close();
    }

    private void backOff(RuntimeException e) {
        LOG.log(System.Logger.Level.WARNING, "Cannot keep network namespaces ready: {0}", e.getMessage());
        lock.lock();
        try {
            notBefore = System.nanoTime() + BACK_OFF_NANOS;
        } finally {
            lock.unlock();
        }
    }

    /** Closes what is ready; the kernel destroys it. Claimed namespaces stay. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            work.signal();
            for (Waiting w : waiting) {
                w.result().completeExceptionally(new NetworkException("The networks of this engine are closed."));
            }
            waiting.clear();
            ready.values().forEach(queue -> {
                queue.forEach(Prepared::close);
                queue.clear();
            });
            used.forEach(u -> u.prepared().close());
            used.clear();
        } finally {
            lock.unlock();
        }
        if (Thread.currentThread() != maker) {
            Threads.join(maker);
        }
    }
}
