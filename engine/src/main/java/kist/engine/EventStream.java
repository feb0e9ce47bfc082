package kist.engine;

import java.util.Optional;

/** Events, oldest first. */
public interface EventStream extends AutoCloseable {
    /** The next event, or empty when there will be no more. Blocks. */
    Optional<Event> read() throws InterruptedException;

    /** Ends the stream and wakes a blocked {@link #read}. */
    @Override
    void close();
}
