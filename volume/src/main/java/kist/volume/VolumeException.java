package kist.volume;

import kist.kernel.Errno;
import kist.kernel.KernelException;

/** A request for a volume that failed. Unchecked; the message names the volume and what is wrong. */
public final class VolumeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The closed set of ways a request can fail. */
    public enum Kind {
        /** There is no such volume. */
        NOT_FOUND,
        /** The name or an option is wrong. */
        INVALID,
        /** The volume is in use. */
        CONFLICT,
        /** The disk has no room. */
        NO_SPACE,
        /** Well-formed, but neither this version nor this kernel can do it. */
        UNSUPPORTED,
        /** The state on disk is damaged, or the kernel refused for a reason of its own. */
        INTERNAL
    }

    private final Kind kind;

    /** Makes an exception of this kind with a message for the user. */
    public VolumeException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** Makes an exception of this kind with a message for the user and the cause for the log. */
    public VolumeException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** How the request failed. */
    public Kind kind() {
        return kind;
    }

    static VolumeException invalid(String message) {
        return new VolumeException(Kind.INVALID, message);
    }

    static VolumeException notFound(String name) {
        return new VolumeException(Kind.NOT_FOUND, "get " + name + ": no such volume");
    }

    /** What a failed system call means; {@code doing} completes the sentence "cannot ...". */
    static VolumeException of(String doing, KernelException e) {
        Kind kind = switch (e.errno()) {
            case Errno.ENOSPC, Errno.EDQUOT -> Kind.NO_SPACE;
            default -> Kind.INTERNAL;
        };
        return new VolumeException(kind, "cannot " + doing + ": " + e.getMessage(), e);
    }
}
