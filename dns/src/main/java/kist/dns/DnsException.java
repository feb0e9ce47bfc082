package kist.dns;

/** A server that cannot listen; the message says where and why. Unchecked. */
public final class DnsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** With a whole sentence and what lies behind it. */
    public DnsException(String message, Throwable cause) {
        super(message, cause);
    }
}
