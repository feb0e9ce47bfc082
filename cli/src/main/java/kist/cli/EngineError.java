package kist.cli;

/** The engine answered with an error. */
final class EngineError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String message;

    /**
     * Makes an error.
     *
     * @param status of HTTP
     * @param message the engine's own words
     */
    EngineError(int status, String message) {
        super(message, null, false, false);
        this.status = status;
        this.message = message;
    }

    int status() {
        return status;
    }

    String message() {
        return message;
    }

    /** The line for the user. */
    String line() {
        return "Error response from engine: " + message;
    }
}
