package kist.image;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * The directories of a layer that is being unpacked. Every path is resolved by the kernel inside the layer's own root, so
 * that no link that the archive made leads out of it. Directories are 0700 until the layer is finished. Not thread-safe.
 */
final class LayerTree implements AutoCloseable {
    private static final int CACHED = 48;
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS | Flags.RESOLVE_NO_XDEV;

    private final Linux linux;
    private final Fd root;
    private final Budget budget;
    private final String what;
    private final Set<String> implied = new LinkedHashSet<>();
    private boolean stale;
    private final LinkedHashMap<String, Fd> open = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Fd> eldest) {
            if (size() <= CACHED) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    LayerTree(Linux linux, Fd root, Budget budget, String what) {
        this.linux = linux;
        this.root = root;
        this.budget = budget;
        this.what = what;
    }

    /** Directories that were made only because something lies in them; the archive says nothing about them. */
    Set<String> implied() {
        return implied;
    }

    /** An O_PATH descriptor of a directory, made with its parents where it is not there; valid until the next call. */
    Fd directory(String path) {
        Optional<Fd> there = existing(path);
        if (there.isPresent()) {
            return there.get();
        }
        Fd parent = directory(EntryPath.parent(path));
        String name = EntryPath.name(path);
        // one entry can bring two thousand of them
        budget.entry(what, 0);
        budget.remember(what, path.length());
        makeDirectory(parent, name, path, false);
        implied.add(path);
        return existing(path).orElseThrow(() -> notDirectory(path));
    }

    /** The same without making anything; empty where it, or a parent, is not there. */
    Optional<Fd> existing(String path) {
        if (path.isEmpty()) {
            return Optional.of(root);
        }
        Fd cached = open.get(path);
        if (cached != null) {
            return Optional.of(cached);
        }
        try {
            Fd fd = linux.openat2(root, path, Flags.O_PATH | Flags.O_DIRECTORY, 0, IN_ROOT);
            open.put(path, fd);
            return Optional.of(fd);
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR -> Optional.empty();
                case Errno.ELOOP -> throw notDirectory(path);
                default -> throw e;
            };
        }
    }

    /**
     * Makes a directory; one that is there stays, a whiteout becomes an opaque directory.
     *
     * @param replace whether anything else in its place is removed, rather than the archive refused
     */
    void makeDirectory(Fd parent, String name, String path, boolean replace) {
        try {
            linux.mkdirat(parent, name, 0700);
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            Linux.Stat stat = linux.stat(parent, name);
            if (stat.isDirectory()) {
                return;
            }
            boolean whiteout = isWhiteout(stat);
            if (!whiteout && !replace) {
                throw notDirectory(path);
            }
            linux.unlinkat(parent, name, false);
            stale = true;
            linux.mkdirat(parent, name, 0700);
            if (whiteout) {
                Overlay.mark(linux, parent, name);
            }
        }
    }

    /** Says that nothing of the layers below shows in this directory. */
    void makeOpaque(Fd directory) {
        Overlay.mark(linux, directory, "");
    }

    /** Removes an entry that a later one of the same name replaces. */
    void replace(Fd parent, String name) {
        // not forgotten at once: the caller still uses descriptors of this tree
        Trees.delete(linux, parent, name);
        stale = true;
    }

    /** Drops what is remembered of directories; called between entries. */
    void settle() {
        if (stale) {
            forget();
            stale = false;
        }
    }

    /** Closes what is open; it is opened again where it is needed again. */
    void forget() {
        open.values().forEach(Fd::close);
        open.clear();
    }

    static boolean isWhiteout(Linux.Stat stat) {
        return stat.type() == Flags.S_IFCHR && stat.rdevMajor() == 0 && stat.rdevMinor() == 0;
    }

    private ImageException notDirectory(String path) {
        return ImageException.invalid(what + ": " + Text.quote(path) + " is used as a directory but is not one");
    }

    @Override
    public void close() {
        forget();
    }
}
