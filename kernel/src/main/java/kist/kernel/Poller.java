package kist.kernel;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets virtual threads wait for descriptors that are not JDK channels (pipes, terminals) without holding a carrier: one
 * platform thread sits in epoll_wait(2) for all of them. A descriptor may be waited for by one thread at a time, and
 * must be non-blocking. Thread-safe.
 */
public final class Poller implements AutoCloseable {
    private static final int EPOLLIN = 1;
    private static final int EPOLLOUT = 4;

    private final Linux linux;
    private final Fd epoll;
    private final Map<Integer, Waiter> waiters = new ConcurrentHashMap<>();

    private static final class Waiter {
        final Thread thread = Thread.currentThread();
        volatile boolean ready;
    }

    /** Starts the thread. */
    public Poller(Linux linux) {
        this.linux = linux;
        this.epoll = linux.epollCreate();
        Thread.ofPlatform().daemon().name("poller").start(this::run);
    }

    /** Blocks until a read would answer. */
    public void awaitReadable(Fd fd) throws InterruptedException {
        await(fd, EPOLLIN);
    }

    /** Blocks until a write would be taken. */
    public void awaitWritable(Fd fd) throws InterruptedException {
        await(fd, EPOLLOUT);
    }

    private void await(Fd fd, int events) throws InterruptedException {
        int number = fd.number();
        Waiter waiter = new Waiter();
        waiters.put(number, waiter);
        try {
            linux.epollArm(epoll, number, events);
            while (!waiter.ready) {
                LockSupport.park(this);
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
        } finally {
            waiters.remove(number, waiter);
            linux.epollRemove(epoll, number);
        }
    }

    private void run() {
        while (true) {
            int[] ready;
            try {
                ready = linux.epollWait(epoll, 64);
            } catch (KernelException | IllegalStateException closed) {
                return;
            }
            for (int number : ready) {
                Waiter w = waiters.get(number);
                if (w != null) {
                    w.ready = true;
                    LockSupport.unpark(w.thread);
                }
            }
        }
    }

    /** Stops; threads that wait go on waiting, so end them first. */
    @Override
    public void close() {
        epoll.close();
    }
}
