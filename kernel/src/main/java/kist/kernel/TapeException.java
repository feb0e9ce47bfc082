package kist.kernel;

/** A tape that ended at a line that failed; the process is gone. The message says what the line stood for. */
public final class TapeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String what;
    private final int line;
    private final int errno;

    /** Makes an exception for a line. */
    public TapeException(String what, int line, int errno) {
        super(what + ": " + Errno.describe(errno));
        this.what = what;
        this.line = line;
        this.errno = errno;
    }

    /** What the line stood for. */
    public String what() {
        return what;
    }

    /** Number of the line. */
    public int line() {
        return line;
    }

    /** The kernel's reason. */
    public int errno() {
        return errno;
    }
}
