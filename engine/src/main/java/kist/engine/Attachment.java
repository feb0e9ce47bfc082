package kist.engine;

import java.util.Optional;

/** The standard streams of a process, joined by one client. One thread may read while another writes. */
public interface Attachment extends AutoCloseable {
    /** Whether the process has a terminal: then output is not framed. */
    boolean tty();

    /** The next output, or empty when there will be no more. Blocks. */
    Optional<Output> read() throws InterruptedException;

    /** Writes to standard input; blocks while the process does not read. Bytes for a process that is gone are dropped. */
    void write(byte[] bytes, int offset, int length);

    /** The client will write no more; the process sees the end of its input unless it is kept open for others. */
    void closeInput();

    /** Leaves, as the client has typed the keys for that. */
    default void detach() {
        close();
    }

    /** Leaves; the process goes on. Wakes a blocked {@link #read}. */
    @Override
    void close();
}
