package kist.registry;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Semaphore;

/** Transfers of blobs side by side; when one fails the others are broken off. Closing it waits until none is left. */
final class Transfers implements AutoCloseable {
    private final ExecutorService threads;
    private final Semaphore places;
    private final ExecutorCompletionService<Boolean> done;
    private int begun;

    /** One transfer. */
    interface Transfer {
        void run() throws InterruptedException;
    }

    /**
     * Makes none yet.
     *
     * @param threads to run on; closed with this
     * @param places how many may go on at a time, all pulls or pushes together
     */
    Transfers(ExecutorService threads, Semaphore places) {
        this.threads = threads;
        this.places = places;
        this.done = new ExecutorCompletionService<>(threads);
    }

    /** Begins one as soon as there is a place. */
    void begin(Transfer transfer) {
        Callable<Boolean> placed = () -> {
            places.acquire();
            try {
                transfer.run();
            } finally {
                places.release();
            }
            return true;
        };
        done.submit(placed);
        begun++;
    }

    /** Waits for all of them; throws what the first that fails throws. */
    void await() throws InterruptedException {
        try {
            for (; begun > 0; begun--) {
                done.take().get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failed) {
                throw failed;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new InterruptedException(String.valueOf(e.getCause()));
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
    }
}
