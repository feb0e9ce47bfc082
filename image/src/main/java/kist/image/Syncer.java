package kist.image;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Has new images written to disk behind the back of who made them. Until that is done the index calls them unsynced, and after
 * a crash of the machine, not of the engine, they are left out, as nobody knows what of them is there. Thread-safe.
 */
final class Syncer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Syncer.class.getName());

    private final Runnable work;
    private final AtomicBoolean asked = new AtomicBoolean();
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("kist-image-sync").factory());

    Syncer(Runnable work) {
        this.work = work;
    }

    /** Has all that was done so far synced soon. */
    void schedule() {
        if (asked.compareAndSet(false, true)) {
            thread.execute(() -> {
                asked.set(false);
                try {
                    work.run();
                } catch (RuntimeException e) {
                    // they stay unsynced; the next one tries again
                    LOG.log(System.Logger.Level.WARNING, "cannot sync the image store: {0}", e.getMessage());
                }
            });
        }
    }

    /** Waits for what was scheduled. */
    void await() throws InterruptedException {
        try {
            thread.submit(() -> {}).get();
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        thread.shutdown();
        boolean interrupted = false;
        for (boolean ended = false; !ended; ) {
            try {
                ended = thread.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
