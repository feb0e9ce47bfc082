package kist.network;

/** A network that cannot be had as asked; the message names what is at fault and what would be right. Unchecked. */
public sealed class NetworkException extends RuntimeException permits PortTakenException {
    private static final long serialVersionUID = 1L;

    /** With a whole sentence. */
    public NetworkException(String message) {
        super(message);
    }

    /** With a whole sentence and what lies behind it. */
    public NetworkException(String message, Throwable cause) {
        super(message, cause);
    }
}
