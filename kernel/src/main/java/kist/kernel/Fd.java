package kist.kernel;

/**
 * An open file descriptor, owned by whoever holds this object. Closing twice is harmless. Thread-safe.
 */
public final class Fd implements AutoCloseable {
    /** Paths are relative to the working directory (openat(2)). */
    public static final Fd CWD = new Fd(-100, false);

    private int number;
    private final boolean owned;

    private Fd(int number, boolean owned) {
        this.number = number;
        this.owned = owned;
    }

    /** Takes charge of a descriptor number. */
    public static Fd owned(int number) {
        return new Fd(number, true);
    }

    /** Names a descriptor that somebody else closes. */
    public static Fd borrowed(int number) {
        return new Fd(number, false);
    }

    /**
     * The number.
     *
     * @throws IllegalStateException if it was closed
     */
    public synchronized int number() {
        if (number == -1) {
            throw new IllegalStateException("descriptor is closed");
        }
        return number;
    }

    /** The path under which this process can reach what the descriptor names (proc_pid_fd(5)). */
    public String procPath() {
        return "/proc/self/fd/" + number();
    }

    /** Whether it has not been closed. */
    public synchronized boolean isOpen() {
        return number != -1;
    }

    @Override
    public void close() {
        int n;
        synchronized (this) {
            n = number;
            if (owned) {
                number = -1;
            }
        }
        if (owned && n >= 0) {
            NativeLinux.close(n);
        }
    }

    @Override
    public String toString() {
        return "fd " + number;
    }
}
