package kist.kernel;

/** A system call that failed. Unchecked; the message names the call, its object and the kernel's reason. */
public final class KernelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;

    /**
     * Makes an exception for a call that answered this errno.
     *
     * @param call the call and what it was about, such as {@code mkdirat etc}
     */
    public KernelException(String call, int errno) {
        super(call + ": " + Errno.describe(errno));
        this.call = call;
        this.errno = errno;
    }

    /** The call and what it was about. */
    public String call() {
        return call;
    }

    /** The kernel's reason, see {@link Errno}. */
    public int errno() {
        return errno;
    }
}
