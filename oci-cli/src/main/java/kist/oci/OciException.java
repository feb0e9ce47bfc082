package kist.oci;

/** A command that failed; the message is a sentence for the one who gave it. */
final class OciException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OciException(String message) {
        super(message);
    }
}
