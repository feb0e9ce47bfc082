package kist.registry;

/** A request to a registry that failed. Unchecked; the message names the registry or the image at fault. */
public final class RegistryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The closed set of ways a request can fail. */
    public enum Kind {
        /** The registry does not have what was asked for. */
        NOT_FOUND,
        /** The registry wants credentials, other credentials, or does not allow it with them. */
        DENIED,
        /** The registry has had too many requests; the message says when to try again, if the registry did. */
        RATE_LIMITED,
        /** The registry cannot be reached, is broken, or is too slow. */
        UNAVAILABLE,
        /** What the registry says is wrong or contradicts itself, or the configuration is wrong. */
        INVALID,
        /** Neither this version nor, it may be, the registry can do it. */
        UNSUPPORTED,
        /** The configuration or the trust policy forbids it. */
        REFUSED_BY_POLICY
    }

    private final Kind kind;

    RegistryException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    RegistryException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** How the request failed. */
    public Kind kind() {
        return kind;
    }

    static RegistryException invalid(String message) {
        return new RegistryException(Kind.INVALID, message);
    }
}
