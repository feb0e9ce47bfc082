package kist.registry;

/**
 * A request to the hosted registry that failed, with the code that a registry's client knows it by (OCI distribution spec,
 * error codes). Unchecked; the message names the thing at fault.
 */
public final class RepositoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The closed set of codes, with the HTTP status that goes with each. */
    public enum Code {
        /** No such blob in the repository. */
        BLOB_UNKNOWN(404),
        /** An upload that cannot go on, such as one that another request is writing to. */
        BLOB_UPLOAD_INVALID(409),
        /** No such upload in the repository. */
        BLOB_UPLOAD_UNKNOWN(404),
        /** A digest breaks its grammar or is not that of the content. */
        DIGEST_INVALID(400),
        /** A manifest names a blob or manifest that the repository does not have. */
        MANIFEST_BLOB_UNKNOWN(404),
        /** A manifest that is none. */
        MANIFEST_INVALID(400),
        /** No such manifest or tag in the repository. */
        MANIFEST_UNKNOWN(404),
        /** A repository's name breaks its grammar. */
        NAME_INVALID(400),
        /** No such repository. */
        NAME_UNKNOWN(404),
        /** A chunk does not begin where the last one ended. */
        RANGE_INVALID(416),
        /** Content is longer or shorter than was said, or than is allowed. */
        SIZE_INVALID(400),
        /** A tag breaks its grammar. */
        TAG_INVALID(400),
        /** More uploads at once than there may be. */
        TOOMANYREQUESTS(429),
        /** The disk is full. */
        NO_SPACE(507);

        private final int status;

        Code(int status) {
            this.status = status;
        }

        /** The HTTP status that goes with it. */
        public int status() {
            return status;
        }
    }

    private final Code code;

    RepositoryException(Code code, String message) {
        super(message);
        this.code = code;
    }

    RepositoryException(Code code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** How the request failed. */
    public Code code() {
        return code;
    }
}
