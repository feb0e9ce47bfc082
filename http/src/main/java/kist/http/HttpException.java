package kist.http;

/** A request that breaks HTTP or a limit of the server; carries the status to answer with. */
public final class HttpException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    /** Makes an exception with an HTTP status (RFC 9110 section 15) and a sentence for the client. */
    public HttpException(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    /** The status to answer with. */
    public int status() {
        return status;
    }
}
