package kist.image;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Has new images written to disk behind the back of who made them. Until that is done the index calls them unsynced, and after
 * a crash of the machine, not of the engine, they are left out, as nobody knows what of them is there. Thread-safe.
 */
final class Syncer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Syncer.class.getName());

    /** Not at once, as whoever made an image is about to use it, and to sync holds up all that makes files. */
    private static final long DELAY_SECONDS = 3;

    private final Runnable work;
    private final AtomicBoolean asked = new AtomicBoolean();
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("kist-image-sync").factory());

    Syncer(Runnable work) {
        this.work = work;
    }

    /** Has all that was done so far synced soon. */
    void schedule() {
        if (asked.compareAndSet(false, true)) {
            thread.schedule(this::run, DELAY_SECONDS, TimeUnit.SECONDS);
        }
    }

    private void run() {
        if (asked.getAndSet(false)) {
            try {
                work.run();
            } catch (RuntimeException e) {
                // they stay unsynced; the next one tries again
                LOG.log(System.Logger.Level.WARNING, "cannot sync the image store: {0}", e.getMessage());
            }
        }
    }

    /** Does now what was scheduled, and waits for it. */
    void await() throws InterruptedException {
        try {
            thread.submit(this::run).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e);
        }
    }

    /** Waits for what goes on; what has not begun is left to the next engine. */
    @Override
    public void close() {
        thread.shutdownNow();
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
