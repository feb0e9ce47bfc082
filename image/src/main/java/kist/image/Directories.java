package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * The directories of a tree by their path below its root, however deep and however often it changes meanwhile: only so
 * many are open at a time, and no link is followed on the way. Not thread-safe.
 */
final class Directories implements AutoCloseable {
    private static final int HELD = 32;

    private final Linux linux;
    private final Fd root;
    /** How paths are resolved: on one mount, or through those that are below the root. */
    final long resolve;

    private final LinkedHashMap<String, Fd> open = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Fd> eldest) {
            if (size() <= HELD) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    /** Makes one; the root is not closed with it. */
    Directories(Linux linux, Fd root) {
        this(linux, root, Trees.INSIDE);
    }

    private Directories(Linux linux, Fd root, long resolve) {
        this.linux = linux;
        this.root = root;
        this.resolve = resolve;
    }

    /** One that goes on in what is mounted below the root. */
    static Directories throughMounts(Linux linux, Fd root) {
        return new Directories(linux, root, Trees.INSIDE & ~Flags.RESOLVE_NO_XDEV);
    }

    /**
     * A descriptor of a directory, the root's path being empty; valid for the next few calls. Empty where there is no such
     * directory.
     *
     * @throws ImageException UNSUPPORTED for a path longer than Linux takes
     */
    Optional<Fd> find(String path) {
        Fd there = open.get(path);
        if (there != null) {
            return Optional.of(there);
        }
        try {
            Fd fd = linux.openat2(
                    root,
                    path.isEmpty() ? "." : path,
                    Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW,
                    0,
                    resolve);
            open.put(path, fd);
            return Optional.of(fd);
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP -> Optional.empty();
                case Errno.ENAMETOOLONG -> throw tooDeep(path);
                default -> throw e;
            };
        }
    }

    /** What an entry of a directory is; empty where it is not there. */
    Optional<Linux.Stat> stat(String directory, String name) {
        Optional<Fd> dir = find(directory);
        if (dir.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(linux.stat(dir.get(), name));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** The names in a directory in order; none where there is no such directory. */
    List<String> names(String directory) {
        List<String> names = new ArrayList<>();
        find(directory).ifPresent(dir -> linux.scan(dir, e -> names.add(e.name())));
        names.sort(null);
        return names;
    }

    private static ImageException tooDeep(String path) {
        return new ImageException(
                ImageException.Kind.UNSUPPORTED,
                "the path " + Text.quote(path) + " has " + path.length()
                        + " characters; no archive can hold one of more than 4095 bytes");
    }

    /** A path below another one. */
    static String join(String directory, String name) {
        return directory.isEmpty() ? name : directory + "/" + name;
    }

    @Override
    public void close() {
        open.values().forEach(Fd::close);
        open.clear();
    }
}
