package kist.engine;

/** A request that failed. The class says how a door answers it; the message names the object and the value at fault. */
public final class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The closed set of ways a request can fail; each door maps them to its wire form in one place. */
    public enum Kind {
        /** The object named does not exist. */
        NOT_FOUND,
        /** An object of that name exists already. */
        ALREADY_EXISTS,
        /** The request itself is wrong. */
        INVALID_ARGUMENT,
        /** The object is in a state that forbids the request. */
        CONFLICT,
        /** The caller may not do this. */
        PERMISSION_DENIED,
        /** The caller is not known. */
        UNAUTHENTICATED,
        /** Cannot be done now; may work later. */
        UNAVAILABLE,
        /** Understood, but neither this version nor this kernel can do it. */
        UNSUPPORTED,
        /** Out of disk, memory, addresses or another finite thing. */
        EXHAUSTED,
        /** The command of a container is not there (exit code 127). */
        COMMAND_NOT_FOUND,
        /** The command of a container cannot be executed (exit code 126). */
        COMMAND_NOT_EXECUTABLE,
        /** A fault of the engine. */
        INTERNAL
    }

    private final Kind kind;

    /** Makes an exception of this kind with a message for the user. */
    public EngineException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** Makes an exception of this kind with a message for the user and the cause for the log. */
    public EngineException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** How the request failed. */
    public Kind kind() {
        return kind;
    }
}
