package kist.engine;

import java.util.Map;
import java.util.Optional;

/** Log lines, oldest first. */
public interface LogStream extends AutoCloseable {
    /** Whether the process has a terminal: then output is not framed. */
    boolean tty();

    /** What {@code --details} tells beside each line: labels, environment and tag that the log options name. */
    default Map<String, String> details() {
        return Map.of();
    }

    /** The next line with its line end, if it has one yet; empty when there will be no more. Blocks when following. */
    Optional<Output> read() throws InterruptedException;

    /** Ends the stream and wakes a blocked {@link #read}. */
    @Override
    void close();
}
