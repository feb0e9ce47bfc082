package kist.network;

/** A port of the host that somebody else has; the message says which, in the words that Docker's clients look for. */
public final class PortTakenException extends NetworkException {
    private static final long serialVersionUID = 1L;

    /** With a whole sentence. */
    public PortTakenException(String message) {
        super(message);
    }
}
