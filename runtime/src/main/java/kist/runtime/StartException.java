package kist.runtime;

import kist.kernel.Errno;

/** A process that did not start. Nothing is left of it. The message is a sentence for the one who asked. */
public final class StartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;
    private final int errno;

    StartException(String message, int exitCode, int errno, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
        this.errno = errno;
    }

    /** The exit code that stands for it: 127 no such command, 126 it cannot be executed, 125 anything else. */
    public int exitCode() {
        return exitCode;
    }

    /** The kernel's reason, see {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The C library's sentence for a number without its symbol, in lower case, as other engines print it. */
    static String reason(int errno) {
        String text = Errno.describe(errno);
        int symbol = text.indexOf(" (");
        text = symbol < 0 ? text : text.substring(0, symbol);
        return Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
