package kist.daemon;

/** Why the engine does not start, as one sentence for the person who started it. */
final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
        super(message);
    }
}
