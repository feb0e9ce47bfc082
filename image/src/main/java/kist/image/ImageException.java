package kist.image;

import kist.kernel.Errno;
import kist.kernel.KernelException;

/** A request to the image store that failed. Unchecked; the message names the thing at fault. */
public final class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The closed set of ways a request can fail. */
    public enum Kind {
        /** The image, snapshot or reference named does not exist. */
        NOT_FOUND,
        /** The archive, document, reference or argument is wrong. */
        INVALID,
        /** The object is in use or taken. */
        CONFLICT,
        /** What is to be written to is mounted read-only. */
        READ_ONLY,
        /** The disk, or a bound set for the store, has no room. */
        NO_SPACE,
        /** Well-formed, but neither this version nor this kernel can do it. */
        UNSUPPORTED,
        /** The store itself is damaged, or the kernel refused for a reason of its own. */
        INTERNAL
    }

    private final Kind kind;

    /** Makes an exception of this kind with a message for the user. */
    public ImageException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** Makes an exception of this kind with a message for the user and the cause for the log. */
    public ImageException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** How the request failed. */
    public Kind kind() {
        return kind;
    }

    static ImageException invalid(String message) {
        return new ImageException(Kind.INVALID, message);
    }

    /** What a failed system call means; {@code doing} completes the sentence "cannot ...". */
    static ImageException of(String doing, KernelException e) {
        Kind kind = switch (e.errno()) {
            case Errno.ENOSPC, Errno.EDQUOT -> Kind.NO_SPACE;
            case Errno.EROFS -> Kind.READ_ONLY;
            default -> Kind.INTERNAL;
        };
        return new ImageException(kind, "cannot " + doing + ": " + e.getMessage(), e);
    }
}
