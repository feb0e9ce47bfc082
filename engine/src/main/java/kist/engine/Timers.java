package kist.engine;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** What is to be done later. Tests have one whose time they make. Thread-safe. */
interface Timers extends AutoCloseable {
    /** Something that is to be done later. */
    interface Timer {
        /** A timer of nothing. */
        Timer NONE = () -> {};

        /** Does not do it, if it has not been begun. */
        void cancel();
    }

    /** Does something in so many nanoseconds, on a thread where it may block. */
    Timer after(long nanos, Runnable task);

    /** Unix time in nanoseconds. */
    long now();

    /** Begins; what was due before is done now. */
    void begin();

    /** Does nothing that is not begun. */
    @Override
    void close();

    /** Those of an engine: one thread waits for all of them, and hands what is due to virtual threads. To be begun. */
    static Timers system() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name("timers").factory());
        executor.setRemoveOnCancelPolicy(true);
        CountDownLatch begun = new CountDownLatch(1);
        return new Timers() {
            @Override
            public Timer after(long nanos, Runnable task) {
                try {
                    Future<?> future = executor.schedule(
                            () -> {
                                Thread.ofVirtual().start(() -> {
                                    try {
                                        begun.await();
                                        task.run();
                                    } catch (InterruptedException e) {
                                        Thread.currentThread().interrupt();
                                    }
                                });
                            },
                            nanos,
                            TimeUnit.NANOSECONDS);
                    return () -> future.cancel(false);
                } catch (RejectedExecutionException closed) {
                    return Timer.NONE;
                }
            }

            @Override
            public long now() {
                return Clock.nanos();
            }

            @Override
            public void begin() {
                begun.countDown();
            }

            @Override
            public void close() {
                executor.shutdownNow();
            }
        };
    }
}
