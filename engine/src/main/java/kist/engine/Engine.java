package kist.engine;

/**
 * The one way in: every door turns what it hears into a typed {@link Request} and calls this. The policy gate decides
 * and writes an audit line before anything happens. Thread-safe; calls block, so make them on virtual threads.
 */
public interface Engine extends AutoCloseable {
    /**
     * Decides on and performs a request.
     *
     * @throws EngineException if the gate refuses or the request fails
     * @throws InterruptedException if the calling thread is interrupted while it waits
     */
    <R> R call(Caller caller, Request<R> request) throws InterruptedException;

    /** How the roots of new containers are made, {@code overlay} or {@code copy}; the same as long as the engine runs. */
    String storageDriver();

    /** Stops serving and writes what is not yet on disk. Containers go on running. */
    @Override
    void close();
}
