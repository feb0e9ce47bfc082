package kist.image;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Makes one tree of stacked layers without overlay, heeding their whiteouts. For use once; not thread-safe. */
final class TreeMerge implements AutoCloseable {
    private final Linux linux;
    private final Overlay overlay;
    private final List<Directories> layers = new ArrayList<>();
    private final Attributes attributes;
    private final Copies copies;
    private final Map<Long, String> names = new HashMap<>();

    /** Makes one; {@code lowers} are the layers' trees, topmost first, on one file system. */
    TreeMerge(Linux linux, Overlay overlay, List<Fd> lowers) {
        this.linux = linux;
        this.overlay = overlay;
        this.attributes = new Attributes(linux, "the image");
        this.copies = new Copies(linux, attributes);
        lowers.forEach(l -> layers.add(new Directories(linux, l)));
    }

    /** Fills an empty directory with copies. */
    void copyInto(Fd target) {
        run(target, false);
    }

    /** Fills an empty directory of the same file system with hard links: only for trees that nobody writes to. */
    void linkInto(Fd target) {
        run(target, true);
    }

    private void run(Fd target, boolean link) {
        try (this;
                Directories tree = new Directories(linux, target)) {
            Walk.over(layers, new Walk.Visitor<List<Directories>, RuntimeException>() {
                @Override
                public Collection<String> names(String path, List<Directories> from) {
                    TreeSet<String> names = new TreeSet<>();
                    from.forEach(layer -> names.addAll(layer.names(path)));
                    return names;
                }

                @Override
                public Optional<List<Directories>> enter(String path, String name, List<Directories> from) {
                    return merge(path, name, from, tree, link);
                }

                @Override
                public void leave(String path, List<Directories> from) {
                    // last, as its time changes with each entry
                    attributes(path, from.getFirst(), tree);
                }
            });
        }
    }

    private Optional<List<Directories>> merge(
            String path, String name, List<Directories> from, Directories tree, boolean link) {
        for (int i = 0; i < from.size(); i++) {
            Optional<Linux.Stat> stat = from.get(i).stat(path, name);
            if (stat.isPresent()) {
                if (stat.get().isDirectory()) {
                    linux.mkdirat(open(tree, path), name, 0700);
                    return Optional.of(below(path, name, from, i));
                }
                if (!LayerTree.isWhiteout(stat.get())) {
                    entry(path, name, stat.get(), from.get(i), tree, link);
                }
                return Optional.empty();
            }
        }
        throw changed(path);
    }

    private void attributes(String path, Directories from, Directories tree) {
        String directory = EntryPath.parent(path);
        String name = EntryPath.name(path);
        Linux.Stat stat = from.stat(directory, name).orElseThrow(() -> changed(path));
        Fd parent = open(tree, directory);
        try (Fd made =
                linux.openat2(parent, name, Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            attributes.copy(open(from, directory), name, stat, parent, name, made);
        }
    }

    /** The layers whose directory of this name shows. */
    private List<Directories> below(String path, String name, List<Directories> from, int first) {
        List<Directories> below = new ArrayList<>();
        for (Directories layer : from.subList(first, from.size())) {
            Optional<Linux.Stat> stat = layer.stat(path, name);
            if (stat.isPresent()) {
                if (!stat.get().isDirectory()) {
                    break;
                }
                below.add(layer);
                if (overlay.isOpaque(open(layer, path), name)) {
                    break;
                }
            }
        }
        return below;
    }

    private void entry(String path, String name, Linux.Stat stat, Directories from, Directories tree, boolean link) {
        Fd source = open(from, path);
        Fd target = open(tree, path);
        if (link && linked(source, name, target, name)) {
            return;
        }
        if (stat.links() > 1) {
            String first = names.get(stat.inode());
            if (first != null && linked(open(tree, EntryPath.parent(first)), EntryPath.name(first), target, name)) {
                return;
            }
            names.put(stat.inode(), Directories.join(path, name));
        }
        copies.copy(source, name, stat, target);
    }

    /** Makes a hard link; false where the file has as many as the file system allows. */
    private boolean linked(Fd from, String name, Fd to, String newName) {
        try {
            linux.linkat(from, name, to, newName);
            return true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EMLINK) {
                return false;
            }
            throw e;
        }
    }

    private static Fd open(Directories tree, String path) {
        return tree.find(path).orElseThrow(() -> changed(path));
    }

    private static ImageException changed(String path) {
        return new ImageException(
                ImageException.Kind.INTERNAL, "a layer was removed while " + Text.quote("/" + path) + " was read");
    }

    @Override
    public void close() {
        layers.forEach(Directories::close);
    }
}
