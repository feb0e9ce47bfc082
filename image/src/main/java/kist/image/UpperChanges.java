package kist.image;

import java.io.IOException;
import java.util.Collection;
import java.util.Optional;
import java.util.TreeSet;
import kist.kernel.Fd;
import kist.kernel.Linux;

/**
 * Finds what a container has changed from the upper directory of its overlay, without looking at what it has not touched.
 * Not thread-safe.
 */
final class UpperChanges implements Walk.Visitor<Boolean, IOException> {
    private final Overlay overlay;
    private final Directories upper;
    private final Directories lower;
    private final Likeness likeness;
    private final Difference.Visitor visitor;

    /** Makes one; {@code lower} is the image's file system. */
    UpperChanges(Linux linux, Overlay overlay, Directories upper, Directories lower, Difference.Visitor visitor) {
        this.overlay = overlay;
        this.upper = upper;
        this.lower = lower;
        this.likeness = new Likeness(linux);
        this.visitor = visitor;
    }

    /** Visits everything below the root. */
    void run() throws IOException {
        Walk.over(false, this);
    }

    /** {@code hidden} says whether an opaque directory above hides what the image has. */
    @Override
    public Collection<String> names(String directory, Boolean hidden) {
        TreeSet<String> names = new TreeSet<>(upper.names(directory));
        if (hidden) {
            names.addAll(lower.names(directory));
        }
        return names;
    }

    @Override
    public Optional<Boolean> enter(String directory, String name, Boolean hidden) throws IOException {
        String path = Directories.join(directory, name);
        Optional<Linux.Stat> before = lower.stat(directory, name);
        Optional<Linux.Stat> after = upper.stat(directory, name).filter(s -> !LayerTree.isWhiteout(s));
        if (after.isEmpty()) {
            // a whiteout of what only the engine's own mount points have is none of the image's
            if (before.isPresent()) {
                visitor.found(new Difference(Change.Kind.DELETED, path, before, after, false, hidden));
            }
            return Optional.empty();
        }
        Change.Kind kind = before.isPresent() ? Change.Kind.MODIFIED : Change.Kind.ADDED;
        if (!after.get().isDirectory()) {
            visitor.found(new Difference(kind, path, before, after, false, hidden));
            return Optional.empty();
        }
        boolean merged = before.isPresent() && before.get().isDirectory();
        Optional<Fd> above = upper.find(directory);
        // overlay marks every new directory; only one that hides something is of interest
        boolean opaque = merged && !hidden && above.isPresent() && overlay.isOpaque(above.get(), name);
        if (!merged || opaque || !same(directory, name, before.get(), after.get())) {
            visitor.found(new Difference(kind, path, before, after, opaque, hidden));
        }
        return Optional.of(hidden || opaque);
    }

    private boolean same(String directory, String name, Linux.Stat before, Linux.Stat after) {
        Optional<Fd> from = lower.find(directory);
        Optional<Fd> to = upper.find(directory);
        return from.isPresent() && to.isPresent() && likeness.same(from.get(), name, before, to.get(), name, after);
    }
}
