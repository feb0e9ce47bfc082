package kist.image;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Copies a tree that nobody changes meanwhile into an empty directory. For use once; not thread-safe. */
final class TreeCopy implements Walk.Visitor<Boolean, RuntimeException> {
    private final Linux linux;
    private final Fd source;
    private final Fd target;
    private final Attributes attributes;
    private final Copies copies;
    private final Map<Long, String> names = new HashMap<>();
    private final Directories from;
    private final Directories to;

    TreeCopy(Linux linux, Fd source, Fd target, String what) {
        this.linux = linux;
        this.source = source;
        this.target = target;
        this.attributes = new Attributes(linux, what);
        this.copies = new Copies(linux, attributes);
        this.from = new Directories(linux, source);
        this.to = new Directories(linux, target);
    }

    void run() {
        try (from;
                to) {
            Walk.over(true, this);
        }
        attributes.copy(source, "", linux.stat(source, ""), target, "", target);
    }

    @Override
    public Collection<String> names(String directory, Boolean state) {
        return from.names(directory);
    }

    @Override
    public Optional<Boolean> enter(String directory, String name, Boolean state) {
        Linux.Stat stat = from.stat(directory, name).orElseThrow(() -> changed(directory));
        Fd parent = open(to, directory);
        if (stat.isDirectory()) {
            linux.mkdirat(parent, name, 0700);
            return Optional.of(true);
        }
        if (stat.links() > 1) {
            String first = names.get(stat.inode());
            if (first != null && linked(first, parent, name)) {
                return Optional.empty();
            }
            names.put(stat.inode(), Directories.join(directory, name));
        }
        copies.copy(open(from, directory), name, stat, open(to, directory));
        return Optional.empty();
    }

    /** Makes a hard link; false where the file has as many as the file system allows. */
    private boolean linked(String first, Fd parent, String name) {
        try {
            linux.linkat(open(to, EntryPath.parent(first)), EntryPath.name(first), parent, name);
            return true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EMLINK) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void leave(String path, Boolean state) {
        // last, as its time changes with each entry
        String directory = EntryPath.parent(path);
        String name = EntryPath.name(path);
        Linux.Stat stat = from.stat(directory, name).orElseThrow(() -> changed(path));
        Fd parent = open(to, directory);
        try (Fd made =
                linux.openat2(parent, name, Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            attributes.copy(open(from, directory), name, stat, parent, name, made);
        }
    }

    private static Fd open(Directories tree, String path) {
        return tree.find(path).orElseThrow(() -> changed(path));
    }

    private static ImageException changed(String path) {
        return new ImageException(
                ImageException.Kind.CONFLICT, "something changed " + Text.quote("/" + path) + " while it was copied");
    }
}
