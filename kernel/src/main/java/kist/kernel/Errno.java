package kist.kernel;

/** Error numbers of Linux (errno(3)); the same on every architecture that Kist runs on. */
public final class Errno {
    /** Operation not permitted. */
    public static final int EPERM = 1;

    /** No such file or directory. */
    public static final int ENOENT = 2;

    /** No such process. */
    public static final int ESRCH = 3;

    /** Interrupted system call. */
    public static final int EINTR = 4;

    /** Input/output error. */
    public static final int EIO = 5;

    /** No such device or address. */
    public static final int ENXIO = 6;

    /** Argument list too long. */
    public static final int E2BIG = 7;

    /** Exec format error. */
    public static final int ENOEXEC = 8;

    /** Bad file descriptor. */
    public static final int EBADF = 9;

    /** No child processes. */
    public static final int ECHILD = 10;

    /** Resource temporarily unavailable. */
    public static final int EAGAIN = 11;

    /** Cannot allocate memory. */
    public static final int ENOMEM = 12;

    /** Permission denied. */
    public static final int EACCES = 13;

    /** Bad address. */
    public static final int EFAULT = 14;

    /** Block device required. */
    public static final int ENOTBLK = 15;

    /** Device or resource busy. */
    public static final int EBUSY = 16;

    /** File exists. */
    public static final int EEXIST = 17;

    /** Invalid cross-device link. */
    public static final int EXDEV = 18;

    /** No such device. */
    public static final int ENODEV = 19;

    /** Not a directory. */
    public static final int ENOTDIR = 20;

    /** Is a directory. */
    public static final int EISDIR = 21;

    /** Invalid argument. */
    public static final int EINVAL = 22;

    /** Too many open files in system. */
    public static final int ENFILE = 23;

    /** Too many open files. */
    public static final int EMFILE = 24;

    /** Inappropriate ioctl for device. */
    public static final int ENOTTY = 25;

    /** Text file busy. */
    public static final int ETXTBSY = 26;

    /** File too large. */
    public static final int EFBIG = 27;

    /** No space left on device. */
    public static final int ENOSPC = 28;

    /** Illegal seek. */
    public static final int ESPIPE = 29;

    /** Read-only file system. */
    public static final int EROFS = 30;

    /** Too many links. */
    public static final int EMLINK = 31;

    /** Broken pipe. */
    public static final int EPIPE = 32;

    /** Numerical result out of range. */
    public static final int ERANGE = 34;

    /** File name too long. */
    public static final int ENAMETOOLONG = 36;

    /** Function not implemented. */
    public static final int ENOSYS = 38;

    /** Directory not empty. */
    public static final int ENOTEMPTY = 39;

    /** Too many levels of symbolic links. */
    public static final int ELOOP = 40;

    /** No data available. */
    public static final int ENODATA = 61;

    /** Protocol error. */
    public static final int EPROTO = 71;

    /** Value too large for defined data type. */
    public static final int EOVERFLOW = 75;

    /** Socket operation on non-socket. */
    public static final int ENOTSOCK = 88;

    /** Operation not supported. */
    public static final int EOPNOTSUPP = 95;

    /** Address already in use. */
    public static final int EADDRINUSE = 98;

    /** Network is unreachable. */
    public static final int ENETUNREACH = 101;

    /** Connection reset by peer. */
    public static final int ECONNRESET = 104;

    /** Transport endpoint is already connected. */
    public static final int EISCONN = 106;

    /** Transport endpoint is not connected. */
    public static final int ENOTCONN = 107;

    /** Connection timed out. */
    public static final int ETIMEDOUT = 110;

    /** Connection refused. */
    public static final int ECONNREFUSED = 111;

    /** Disk quota exceeded. */
    public static final int EDQUOT = 122;

    private Errno() {}

    /** The C library's sentence for a number and its symbol, such as {@code No such file or directory (ENOENT)}. */
    public static String describe(int errno) {
        return switch (errno) {
            case EPERM -> "Operation not permitted (EPERM)";
            case ENOENT -> "No such file or directory (ENOENT)";
            case ESRCH -> "No such process (ESRCH)";
            case EINTR -> "Interrupted system call (EINTR)";
            case EIO -> "Input/output error (EIO)";
            case ENXIO -> "No such device or address (ENXIO)";
            case E2BIG -> "Argument list too long (E2BIG)";
            case ENOEXEC -> "Exec format error (ENOEXEC)";
            case EBADF -> "Bad file descriptor (EBADF)";
            case ECHILD -> "No child processes (ECHILD)";
            case EAGAIN -> "Resource temporarily unavailable (EAGAIN)";
            case ENOMEM -> "Cannot allocate memory (ENOMEM)";
            case EACCES -> "Permission denied (EACCES)";
            case EFAULT -> "Bad address (EFAULT)";
            case ENOTBLK -> "Block device required (ENOTBLK)";
            case EBUSY -> "Device or resource busy (EBUSY)";
            case EEXIST -> "File exists (EEXIST)";
            case EXDEV -> "Invalid cross-device link (EXDEV)";
            case ENODEV -> "No such device (ENODEV)";
            case ENOTDIR -> "Not a directory (ENOTDIR)";
            case EISDIR -> "Is a directory (EISDIR)";
            case EINVAL -> "Invalid argument (EINVAL)";
            case ENFILE -> "Too many open files in system (ENFILE)";
            case EMFILE -> "Too many open files (EMFILE)";
            case ENOTTY -> "Inappropriate ioctl for device (ENOTTY)";
            case ETXTBSY -> "Text file busy (ETXTBSY)";
            case EFBIG -> "File too large (EFBIG)";
            case ENOSPC -> "No space left on device (ENOSPC)";
            case ESPIPE -> "Illegal seek (ESPIPE)";
            case EROFS -> "Read-only file system (EROFS)";
            case EMLINK -> "Too many links (EMLINK)";
            case EPIPE -> "Broken pipe (EPIPE)";
            case ERANGE -> "Numerical result out of range (ERANGE)";
            case ENAMETOOLONG -> "File name too long (ENAMETOOLONG)";
            case ENOSYS -> "Function not implemented (ENOSYS)";
            case ENOTEMPTY -> "Directory not empty (ENOTEMPTY)";
            case ELOOP -> "Too many levels of symbolic links (ELOOP)";
            case ENODATA -> "No data available (ENODATA)";
            case EPROTO -> "Protocol error (EPROTO)";
            case EOVERFLOW -> "Value too large for defined data type (EOVERFLOW)";
            case ENOTSOCK -> "Socket operation on non-socket (ENOTSOCK)";
            case EOPNOTSUPP -> "Operation not supported (EOPNOTSUPP)";
            case EADDRINUSE -> "Address already in use (EADDRINUSE)";
            case ENETUNREACH -> "Network is unreachable (ENETUNREACH)";
            case ECONNRESET -> "Connection reset by peer (ECONNRESET)";
            case EISCONN -> "Transport endpoint is already connected (EISCONN)";
            case ENOTCONN -> "Transport endpoint is not connected (ENOTCONN)";
            case ETIMEDOUT -> "Connection timed out (ETIMEDOUT)";
            case ECONNREFUSED -> "Connection refused (ECONNREFUSED)";
            case EDQUOT -> "Disk quota exceeded (EDQUOT)";
            default -> "error number " + errno;
        };
    }
}
