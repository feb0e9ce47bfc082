package kist.cli;

/** Ends the command: what to print on standard error and the exit status. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String text;

    /**
     * Makes a failure.
     *
     * @param status exit status
     * @param text printed as it is, with a line end; nothing is printed when empty
     */
    Failure(int status, String text) {
        super(text, null, false, false);
        this.status = status;
        this.text = text;
    }

    int status() {
        return status;
    }

    String text() {
        return text;
    }
}
