package kist.network;

/** Waiting for threads. */
final class Threads {
    private Threads() {}

    /** Waits until a thread ended; an interruption is kept for the caller and does not cut the wait short. */
    static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
