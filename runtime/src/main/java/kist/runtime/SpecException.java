package kist.runtime;

/** A spec that cannot be honoured. The message names the field, what is wrong with it and what would be right. */
public final class SpecException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String field;

    /** For a field, such as {@code process.cwd}, a sentence without a full stop. */
    public SpecException(String field, String sentence) {
        super(field + ": " + sentence);
        this.field = field;
    }

    /** The path of the field at fault. */
    public String field() {
        return field;
    }
}
