package kist.image;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * The files that a container sees, for others to look at, to copy out and to copy in, while the container may do its worst to
 * them. Paths are those of the container, resolved by the kernel within the root (openat2(2), RESOLVE_IN_ROOT), through
 * whatever is mounted below it. What the kernel only makes look like files, as in /proc, is not there. Memory does not grow
 * with what is copied. Thread-safe; the calls may block as long as the file systems do.
 *
 * <p>All methods throw {@link ImageException}: NOT_FOUND where a path leads nowhere, INVALID where it is of the wrong kind.
 */
public final class FileTree {
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    private static final long ONE_NAME = Trees.INSIDE & ~Flags.RESOLVE_NO_XDEV;
    private static final String ARCHIVE = "the archive";
    /** What is behind the end of an archive is read and left, for the sake of clients that send it; but not for ever. */
    private static final long MOST_BEHIND = 64L << 20;

    private final Linux linux;
    private final Fd root;

    /** The tree below a directory, which is not closed by this. */
    public FileTree(Linux linux, Fd root) {
        this.linux = linux;
        this.root = root;
    }

    /** Who shall own what is copied in. */
    public record Owner(long uid, long gid) {}

    /**
     * How an archive is unpacked.
     *
     * @param keepsKind refuse what would put a directory in place of something else, or something else in place of one
     * @param owner of everything; empty for what the archive says
     */
    public record Unpacking(boolean keepsKind, Optional<Owner> owner) {}

    /** Something in the tree that is about to be copied out. Not thread-safe. */
    public final class Source implements AutoCloseable {
        private final Fd directory;
        private final TreePath path;
        private final Linux.Stat stat;

        private Source(Fd directory, TreePath path, Linux.Stat stat) {
            this.directory = directory;
            this.path = path;
            this.stat = stat;
        }

        /** What it is. */
        public PathStat stat() {
            String target = stat.type() == Flags.S_IFLNK ? TreePath.target(linux, root, path.whole()) : "";
            return new PathStat(
                    path.shown(), stat.size(), stat.mode(), stat.mtimeSec(), (int) stat.mtimeNsec(), target);
        }

        /**
         * Writes it, and if it is a directory all that is in it, as a tar. Each file is as it is when it is read.
         *
         * @param out neither buffered nor closed here
         * @throws IOException what {@code out} throws
         */
        public void tar(OutputStream out) throws IOException {
            TarWriter tar = new TarWriter(out);
            try {
                if (stat.isDirectory()) {
                    whole(tar);
                } else {
                    try (Directories parent = Directories.throughMounts(linux, directory)) {
                        new TreeTar(linux, parent, tar).add(path.name(), stat);
                    }
                }
            } catch (KernelException e) {
                throw ImageException.of("read " + Text.quote("/" + path.whole()), e);
            }
            tar.finish();
        }

        private void whole(TarWriter tar) throws IOException {
            try (Fd top = linux.openat2(
                            directory, path.name(), Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, ONE_NAME);
                    Directories tree = Directories.throughMounts(linux, top)) {
                TreeTar all = new TreeTar(linux, tree, tar, path.shown());
                if (PseudoFiles.isOne(linux, top)) {
                    all.add("", stat);
                } else {
                    all.all();
                }
            }
        }

        @Override
        public void close() {
            directory.close();
        }
    }

    /** Finds something; a link in the last place is not followed unless the path ends with a slash or {@code /.}. */
    public Source open(String path) {
        TreePath parsed = TreePath.parse(path);
        Fd directory = directory(parsed.directory(), path);
        boolean done = false;
        try {
            // what the kernel's own directories are mounted on is there, what is in them is not
            if (!parsed.name().equals(".") && PseudoFiles.isOne(linux, directory)) {
                throw notFound(path);
            }
            Linux.Stat stat = linux.stat(directory, parsed.name());
            done = true;
            return new Source(directory, parsed, stat);
        } catch (KernelException e) {
            throw failed(path, e);
        } finally {
            if (!done) {
                directory.close();
            }
        }
    }

    /** An O_PATH descriptor of a directory, links followed; the caller closes it. */
    private Fd directory(String inRoot, String shown) {
        try {
            return linux.openat2(root, inRoot.isEmpty() ? "." : inRoot, Flags.O_PATH | Flags.O_DIRECTORY, 0, IN_ROOT);
        } catch (KernelException e) {
            throw failed(shown, e);
        }
    }

    /** What something is, see {@link #open}. */
    public PathStat stat(String path) {
        try (Source source = open(path)) {
            return source.stat();
        }
    }

    /** What is mounted where a directory is, as {@link Linux.Stat#mountId}. */
    public long mountOf(String directory) {
        try (Fd fd = directory(TreePath.parse(directory).whole(), directory)) {
            return linux.stat(fd, "").mountId();
        }
    }

    /**
     * Unpacks an archive into a directory, links to which are followed.
     *
     * @param archive a tar, plain or compressed with gzip, bzip2, xz or zstd; decompressed in this process. Read to its end
     *     and not closed
     * @throws IOException what {@code archive} throws
     * @throws ImageException READ_ONLY, NO_SPACE, CONFLICT (something is mounted there) too; what was unpacked until then
     *     stays, each entry whole
     */
    public void unpack(String directory, InputStream archive, Unpacking how) throws IOException {
        checkDirectory(directory);
        BufferedInputStream in = new BufferedInputStream(archive, 64 << 10);
        in.mark(Compression.HEAD);
        byte[] head = in.readNBytes(Compression.HEAD);
        in.reset();
        if (head.length > 0) {
            try (TreeUnpack unpack =
                    new TreeUnpack(linux, root, TreePath.parse(directory).whole(), how, ARCHIVE)) {
                unpack.apply(new TarReader(Compression.detect(head).open(in, ARCHIVE), ARCHIVE));
            }
        }
        byte[] rest = new byte[16 << 10];
        long left = MOST_BEHIND;
        for (int n; left > 0 && (n = in.read(rest)) >= 0; ) {
            left -= n;
        }
    }

    private void checkDirectory(String path) {
        try (Fd fd = linux.openat2(root, place(path), Flags.O_PATH, 0, IN_ROOT)) {
            if (!linux.stat(fd, "").isDirectory()) {
                throw ImageException.invalid("extraction point is not a directory");
            }
        } catch (KernelException e) {
            throw failed(path, e);
        }
    }

    /**
     * Copies what is in a directory, links to which are followed, into another one that is empty, and gives that the same
     * owner, mode and extended attributes. Hard links between files stay such.
     *
     * @param target open for reading
     * @return false where there is no such directory; then nothing is done
     */
    public boolean copy(String directory, Fd target) {
        Fd from;
        try {
            from = linux.openat2(root, place(directory), Flags.O_RDONLY | Flags.O_DIRECTORY, 0, IN_ROOT);
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP -> false;
                default -> throw failed(directory, e);
            };
        }
        try (from) {
            new TreeCopy(linux, from, target, directory).run();
            return true;
        } catch (KernelException e) {
            throw ImageException.of("copy " + Text.quote(directory) + " of the image", e);
        }
    }

    /** A path as openat2(2) takes it. */
    private static String place(String path) {
        String whole = TreePath.parse(path).whole();
        return whole.isEmpty() ? "." : whole;
    }

    private static ImageException notFound(String path) {
        return new ImageException(ImageException.Kind.NOT_FOUND, Text.quote(path) + ": no such file or directory");
    }

    private static ImageException failed(String path, KernelException e) {
        return switch (e.errno()) {
            // a link of /proc, which leads wherever a process is
            case Errno.ENOENT, Errno.EXDEV -> notFound(path);
            case Errno.ENOTDIR -> ImageException.invalid(Text.quote(path) + ": not a directory");
            case Errno.ELOOP -> ImageException.invalid(Text.quote(path) + ": too many levels of symbolic links");
            case Errno.ENAMETOOLONG -> ImageException.invalid(Text.quote(path) + ": file name too long");
            case Errno.EACCES -> ImageException.invalid(Text.quote(path) + ": permission denied");
            default -> ImageException.of("open " + Text.quote(path), e);
        };
    }
}
