package kist.image;

/**
 * Something in which a container's file system differs from its image's, or an image's from another's.
 *
 * @param path absolute; bytes that are no UTF-8 as {@link kist.kernel.FileNames} has them
 */
public record Change(Kind kind, String path) {
    /** What happened to it. */
    public enum Kind {
        /** It was not there before. */
        ADDED,
        /** It was there, with another content or other attributes. */
        MODIFIED,
        /** It is not there any more, nor what was below it. */
        DELETED
    }
}
