package kist.network;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;

/**
 * Destroys namespaces, many at a time: the kernel takes the lock of all links for tens of milliseconds, whether for one
 * namespace or for fifty. An address is free again only when its link is gone. Thread-safe.
 */
final class Disposal implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist.network");
    private static final int BATCH = 48;
    private static final long BATCH_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    /** When the link is still there so long after the container, somebody else holds the namespace. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Linux linux;
    private final Fd home;
    private final Consumer<Endpoint> free;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final List<Old> pending = new ArrayList<>();
    private long firstPending;
    private boolean closed;

    private record Old(Optional<Prepared> namespace, Optional<Endpoint> endpoint) {}

    private record Fading(Endpoint endpoint, long since) {}

    /** @param free told of each endpoint whose link is gone, so that its address can be another's */
    Disposal(Linux linux, Fd home, Consumer<Endpoint> free) {
        this.linux = linux;
        this.home = home;
        this.free = free;
        thread = Thread.ofPlatform().daemon().name("kist-network-disposal").unstarted(this::run);
        thread.start();
    }

    /** A namespace with what it holds. */
    void add(Prepared prepared) {
        add(new Old(Optional.of(prepared), prepared.claimed().endpoint()));
    }

    /** A place on the bridge whose namespace goes with the last process in it. */
    void add(Endpoint endpoint) {
        add(new Old(Optional.empty(), Optional.of(endpoint)));
    }

    private void add(Old old) {
        lock.lock();
        try {
            if (!closed) {
                if (pending.isEmpty()) {
                    firstPending = System.nanoTime();
                }
                pending.add(old);
                if (pending.size() == 1 || pending.size() == BATCH) {
                    work.signal();
                }
                return;
            }
        } finally {
            lock.unlock();
        }
        old.namespace().ifPresent(Prepared::close);
    }

    private void run() {
        linux.setns(home, Flags.CLONE_NEWNET);
        List<Fading> fading = new ArrayList<>();
        try (Netlink host = Netlink.open(linux, Netlink.ROUTE)) {
            while (true) {
                Optional<List<Old>> batch = next(!fading.isEmpty());
                if (batch.isEmpty()) {
                    return;
                }
                for (Old old : batch.get()) {
                    old.namespace().ifPresent(Prepared::close);
                    old.endpoint().ifPresent(e -> fading.add(new Fading(e, System.nanoTime())));
                }
                fading.removeIf(f -> isGone(host, f));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What is to be destroyed now, perhaps nothing; empty when this is closed. */
    private Optional<List<Old>> next(boolean looking) throws InterruptedException {
        lock.lock();
        try {
            long lookAt = System.nanoTime() + LOOK_NANOS;
            while (true) {
                long now = System.nanoTime();
                boolean due = !pending.isEmpty() && now - firstPending >= BATCH_NANOS;
                if (due || closed || pending.size() >= BATCH || (looking && now >= lookAt)) {
                    boolean take = due || closed || pending.size() >= BATCH;
                    List<Old> batch = take ? List.copyOf(pending) : List.of();
                    if (take) {
                        pending.clear();
                    }
                    if (closed) {
                        batch.forEach(old -> old.namespace().ifPresent(Prepared::close));
                        return Optional.empty();
                    }
                    return Optional.of(batch);
                }
                long wait = pending.isEmpty() ? Long.MAX_VALUE : firstPending + BATCH_NANOS - now;
                if (looking) {
                    wait = Math.min(wait, lookAt - now);
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

    private boolean isGone(Netlink host, Fading fading) {
        String link = fading.endpoint().hostInterface();
        try {
            if (NetlinkRoute.findLink(host, link).isPresent()) {
                if (System.nanoTime() - fading.since() < PATIENCE_NANOS) {
                    return false;
                }
                LOG.log(System.Logger.Level.INFO, "{0} outlived its container and is removed", link);
                host.execute(NetlinkRoute.deleteLink(link));
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.ENODEV) {
                LOG.log(System.Logger.Level.WARNING, "Cannot remove {0}: {1}", link, e.getMessage());
                return false;
            }
        }
        free.accept(fading.endpoint());
        return true;
    }

    /** Closes what is to be destroyed; the kernel goes on by itself. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            work.signal();
        } finally {
            lock.unlock();
        }
        Threads.join(thread);
    }
}
