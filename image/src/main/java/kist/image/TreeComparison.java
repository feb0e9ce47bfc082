package kist.image;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;

/**
 * Finds in what two trees differ, in the order of the paths, with memory for one directory on each level. Not thread-safe.
 */
final class TreeComparison implements Walk.Visitor<TreeComparison.Reach, IOException> {
    private final Linux linux;
    private final Directories before;
    private final Directories after;
    private final Difference.Visitor visitor;
    private final Likeness likeness;
    private Optional<Directories> placeholders = Optional.empty();
    private Optional<Layers> layers = Optional.empty();
    private boolean everything;

    /** The layers that are not the same in both trees. */
    private record Layers(Overlay overlay, List<Directories> trees) {}

    TreeComparison(Linux linux, Directories before, Directories after, Difference.Visitor visitor) {
        this.linux = linux;
        this.before = before;
        this.after = after;
        this.visitor = visitor;
        this.likeness = new Likeness(linux);
    }

    /** Passes over what stands in the tree after only for something to be mounted on. */
    TreeComparison ignoring(Directories mountpoints) {
        placeholders = Optional.of(mountpoints);
        return this;
    }

    /** Looks only at paths that one of these layers has something at: the trees are the same elsewhere. */
    TreeComparison only(Overlay overlay, List<Directories> unshared) {
        layers = Optional.of(new Layers(overlay, unshared));
        return this;
    }

    /** Goes below directories that are gone, and heeds the content of files rather than times: for images. */
    TreeComparison everything() {
        everything = true;
        return this;
    }

    /** Visits everything below the root. */
    void run() throws IOException {
        Walk.over(new Reach(layers.map(Layers::trees).orElse(List.of()), layers.isEmpty()), this);
    }

    /** The layers that have a directory; all of it is looked at where {@code all} is set. */
    record Reach(List<Directories> touched, boolean all) {}

    @Override
    public Collection<String> names(String path, Reach reach) {
        TreeSet<String> names = new TreeSet<>();
        if (reach.all()) {
            names.addAll(before.names(path));
            names.addAll(after.names(path));
        } else {
            reach.touched().forEach(layer -> names.addAll(layer.names(path)));
        }
        return names;
    }

    @Override
    public Optional<Reach> enter(String directory, String name, Reach reach) throws IOException {
        String path = Directories.join(directory, name);
        Optional<Linux.Stat> a = before.stat(directory, name);
        Optional<Linux.Stat> b = after.stat(directory, name);
        boolean below = b.isPresent() && b.get().isDirectory();
        if (a.isPresent() && b.isPresent()) {
            if (!same(directory, name, a.get(), b.get())) {
                visitor.found(new Difference(Change.Kind.MODIFIED, path, a, b, false, false));
            }
            below |= everything && a.get().isDirectory();
        } else if (b.isPresent()) {
            if (!isPlaceholder(directory, name, b.get())) {
                visitor.found(new Difference(Change.Kind.ADDED, path, a, b, false, false));
            }
        } else if (a.isPresent()) {
            visitor.found(new Difference(Change.Kind.DELETED, path, a, b, false, false));
            below = everything && a.get().isDirectory();
        }
        return below ? Optional.of(below(directory, name, reach)) : Optional.empty();
    }

    /** Everything below matters where a layer hides or replaces the directory. */
    private Reach below(String directory, String name, Reach reach) {
        List<Directories> touched = new ArrayList<>();
        boolean all = reach.all();
        for (Directories layer : reach.touched()) {
            Optional<Linux.Stat> stat = layer.stat(directory, name);
            Optional<Fd> dir = layer.find(directory);
            if (stat.isPresent() && dir.isPresent()) {
                if (stat.get().isDirectory()) {
                    touched.add(layer);
                }
                all |= !stat.get().isDirectory()
                        || layers.orElseThrow().overlay().isOpaque(dir.get(), name);
            }
        }
        return new Reach(touched, all);
    }

    private boolean isPlaceholder(String directory, String name, Linux.Stat stat) {
        if (placeholders.isEmpty()) {
            return false;
        }
        Optional<Linux.Stat> stands = placeholders.get().stat(directory, name);
        return stands.isPresent()
                && Likeness.sameOwner(stands.get(), stat)
                && stands.get().mtimeSec() == stat.mtimeSec()
                && stands.get().mtimeNsec() == stat.mtimeNsec()
                && (stat.isDirectory() || stands.get().size() == stat.size());
    }

    private boolean same(String directory, String name, Linux.Stat a, Linux.Stat b) {
        Optional<Fd> from = before.find(directory);
        Optional<Fd> to = after.find(directory);
        if (from.isEmpty() || to.isEmpty()) {
            return false;
        }
        if (!everything) {
            return likeness.same(from.get(), name, a, to.get(), name, b);
        }
        // the very same file below two overlays
        boolean identical = !a.isDirectory()
                && a.inode() == b.inode()
                && a.mtimeSec() == b.mtimeSec()
                && a.mtimeNsec() == b.mtimeNsec();
        return likeness.sameButTime(from.get(), name, a, to.get(), name, b)
                && (identical || a.type() != Flags.S_IFREG || likeness.sameContent(from.get(), name, to.get()));
    }
}
