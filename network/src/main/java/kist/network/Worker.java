package kist.network;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * One platform thread in the host's network namespace, which does one thing after another: the kernel makes links under
 * one lock anyway, and netlink would hold up virtual threads. Thread-safe.
 */
final class Worker implements AutoCloseable {
    private static final long LOOK_MILLIS = 500;

    private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
    private final Thread thread;
    private volatile boolean closed;

    /** @param idle done now and then, however much else there is to do */
    Worker(Linux linux, Fd home, Runnable idle) {
        thread = Thread.ofPlatform().daemon().name("kist-network-worker").unstarted(() -> run(linux, home, idle));
        thread.start();
    }

    private void run(Linux linux, Fd home, Runnable idle) {
        linux.setns(home, Flags.CLONE_NEWNET);
        try {
            long looked = System.nanoTime();
            while (!closed || !tasks.isEmpty()) {
                Runnable task = tasks.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                if (task != null) {
                    task.run();
                }
                if (task == null || System.nanoTime() - looked > TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS)) {
                    idle.run();
                    looked = System.nanoTime();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Has the thread do something when it comes to it; what goes wrong is logged. */
    void start(Runnable task) {
        tasks.add(() -> {
            try {
                task.run();
            } catch (RuntimeException e) {
                System.getLogger("kist.network")
                        .log(System.Logger.Level.WARNING, "networks of running containers: " + e.getMessage());
            }
        });
    }

    /**
     * Has the thread do something and answers what came of it.
     *
     * @throws NetworkException as the task threw it, or for what else went wrong
     */
    <T> T call(Callable<T> task) {
        CompletableFuture<T> result = new CompletableFuture<>();
        if (closed) {
            throw new NetworkException("The networks of this engine are closed.");
        }
        tasks.add(() -> {
            try {
                result.complete(task.call());
            } catch (Exception e) {
                result.completeExceptionally(e);
            }
        });
        try {
            return result.join();
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            if (cause instanceof NetworkException n) {
                throw n;
            }
            if (cause instanceof KernelException k) {
                throw new NetworkException("The kernel refuses a network: " + k.getMessage() + ".", k);
            }
            throw new NetworkException("Cannot change a network: " + cause.getMessage() + ".", cause);
        }
    }

    /** Does what was asked for, then ends. */
    @Override
    public void close() {
        closed = true;
        tasks.add(() -> {});
        Threads.join(thread);
    }
}
