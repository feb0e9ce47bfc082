package kist.image;

import java.io.IOException;
import java.util.Optional;
import kist.kernel.Linux;

/**
 * Something in which one tree differs from the one before.
 *
 * @param path below the root, which is empty itself
 * @param before what was there
 * @param after what is there now
 * @param opaque whether it is a directory that hides what the one before had
 * @param hidden whether an opaque directory above it says so already
 */
record Difference(
        Change.Kind kind,
        String path,
        Optional<Linux.Stat> before,
        Optional<Linux.Stat> after,
        boolean opaque,
        boolean hidden) {

    /** Takes differences in the order of their paths, a directory before what is in it. */
    interface Visitor {
        void found(Difference difference) throws IOException;
    }
}
