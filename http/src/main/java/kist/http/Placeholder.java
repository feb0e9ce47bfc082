package kist.http;

/** Placeholder to be replaced by the first real class. */
final class Placeholder {
    private Placeholder() {}
}
