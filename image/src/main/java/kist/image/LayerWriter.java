package kist.image;

import java.io.IOException;
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
 * Unpacks the tar of one layer into an empty directory, whiteouts in overlay's form (OCI image spec, layer.md). Trusts
 * nothing in the archive. First {@link #apply}, then {@link #finish} as soon as the layers below are known. Not
 * thread-safe.
 */
final class LayerWriter implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(LayerWriter.class.getName());
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";
    private static final long ONE_NAME = Trees.INSIDE;
    private static final int HOLE = 64 << 10;
    /** What an attribute costs in memory beside its bytes. */
    private static final int NAME = 100;

    private static final byte[] ZEROS = new byte[HOLE];

    private final Linux linux;
    private final Fd root;
    private final Budget budget;
    private final String what;
    private final LayerTree tree;
    private final Attributes attributes;
    private final Map<String, TarEntry> directories = new LinkedHashMap<>();
    private final List<MissingLink> missing = new ArrayList<>();
    private final byte[] piece = new byte[1 << 20];
    private Optional<TarEntry> rootEntry = Optional.empty();
    private boolean opaqueRoot;
    private long size;

    /** A hard link whose target is not in this layer. */
    private record MissingLink(String path, String target) {}

    /**
     * Makes a writer.
     *
     * @param root the empty directory, open with O_PATH; not closed
     * @param what names the layer in messages
     */
    LayerWriter(Linux linux, Fd root, Budget budget, String what) {
        this.linux = linux;
        this.root = root;
        this.budget = budget;
        this.what = what;
        this.tree = new LayerTree(linux, root, budget, what);
        this.attributes = new Attributes(linux, what);
    }

    /** Bytes of the regular files. */
    long size() {
        return size;
    }

    /** Whether the archive says what owner and mode the root directory has. */
    boolean hasRoot() {
        return rootEntry.isPresent();
    }

    /** Whether nothing of the layers below shows. */
    boolean opaqueRoot() {
        return opaqueRoot;
    }

    /** Whether the result depends on the layers below: a link into them, or a directory that the archive leaves out. */
    boolean needsLower() {
        return !missing.isEmpty() || !tree.implied().isEmpty();
    }

    /** Unpacks to the end of the archive. */
    void apply(TarReader tar) throws IOException {
        for (Optional<TarEntry> next = tar.next(); next.isPresent(); next = tar.next()) {
            TarEntry entry = next.get();
            String path = EntryPath.normalise(entry.name(), what);
            budget.entry(what, entry.size());
            try {
                entry(tar, entry, path);
            } catch (KernelException e) {
                throw failed(path, e);
            }
            tree.settle();
        }
        tar.drain();
        // it may be long until the layers below are known
        tree.forget();
    }

    private void entry(TarReader tar, TarEntry entry, String path) throws IOException {
        attributes.check(entry);
        if (path.isEmpty()) {
            if (entry.type() != TarEntry.Type.DIRECTORY) {
                throw ImageException.invalid(what + ": the root of the archive is not a directory");
            }
            rootEntry = Optional.of(entry);
            return;
        }
        if (EntryPath.parent(path).startsWith(WHITEOUT)
                || EntryPath.parent(path).contains("/" + WHITEOUT)) {
            throw reserved(path);
        }
        String name = EntryPath.name(path);
        Fd parent = tree.directory(EntryPath.parent(path));
        if (name.startsWith(WHITEOUT)) {
            whiteout(parent, path, name);
            return;
        }
        switch (entry.type()) {
            case DIRECTORY -> {
                tree.makeDirectory(parent, name, path, true);
                tree.implied().remove(path);
                long attributes = 0;
                for (Map.Entry<String, byte[]> attribute : entry.xattrs().entrySet()) {
                    attributes += NAME + attribute.getKey().length() + attribute.getValue().length;
                }
                budget.remember(what, 2L * path.length() + attributes);
                directories.put(path, entry);
            }
            case FILE -> file(tar, entry, parent, name);
            case HARD_LINK -> hardLink(entry, parent, path);
            case SYMBOLIC_LINK -> {
                if (entry.linkName().isEmpty() || entry.linkName().indexOf('\0') >= 0) {
                    throw ImageException.invalid(what + ": symbolic link " + Text.quote(path) + " has no valid target");
                }
                make(parent, name, () -> linux.symlinkat(entry.linkName(), parent, name));
                attributes.apply(parent, name, entry);
            }
            case CHARACTER_DEVICE, BLOCK_DEVICE, FIFO -> node(entry, parent, path);
        }
    }

    private void node(TarEntry entry, Fd parent, String path) {
        String name = EntryPath.name(path);
        int type = switch (entry.type()) {
            case CHARACTER_DEVICE -> Flags.S_IFCHR;
            case BLOCK_DEVICE -> Flags.S_IFBLK;
            default -> Flags.S_IFIFO;
        };
        if (type == Flags.S_IFCHR && entry.devMajor() == 0 && entry.devMinor() == 0) {
            throw ImageException.invalid(what + ": " + Text.quote(path)
                    + " is a device 0:0, which hides files of the layers below; a layer says that with a whiteout");
        }
        try {
            make(parent, name, () -> linux.mknodat(parent, name, type, entry.devMajor(), entry.devMinor()));
        } catch (KernelException e) {
            if (e.errno() != Errno.EPERM || type == Flags.S_IFIFO) {
                throw e;
            }
            // in a user namespace nobody can make devices, and containers get their own /dev anyway
            LOG.log(System.Logger.Level.WARNING, "{0}: the device {1} is left out: {2}", what, path, e.getMessage());
            return;
        }
        attributes.apply(parent, name, entry);
    }

    private void file(TarReader tar, TarEntry entry, Fd parent, String name) throws IOException {
        try (Fd file = create(parent, name)) {
            long[] end = {0};
            if (entry.size() > 0) {
                tar.content(piece, (bytes, length, position) -> {
                    budget.writing(what, length);
                    end[0] = write(file, bytes, length, position);
                });
            }
            if (end[0] != entry.size()) {
                linux.truncate(file, entry.size());
            }
            attributes.apply(file, parent, name, entry);
        }
        size += entry.size();
    }

    /** Leaves out runs of zeros, which become holes; answers up to where the file now reaches. */
    private long write(Fd file, byte[] bytes, int length, long position) {
        if (length <= HOLE) {
            linux.pwrite(file, bytes, 0, length, position);
            return position + length;
        }
        int from = 0;
        long reached = 0;
        for (int at = 0; at < length; at += HOLE) {
            int n = Math.min(HOLE, length - at);
            if (java.util.Arrays.equals(bytes, at, at + n, ZEROS, 0, n)) {
                if (from < at) {
                    linux.pwrite(file, bytes, from, at - from, position + from);
                    reached = position + at;
                }
                from = at + n;
            }
        }
        if (from < length) {
            linux.pwrite(file, bytes, from, length - from, position + from);
            reached = position + length;
        }
        return reached;
    }

    private Fd create(Fd parent, String name) {
        long flags = Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL | Flags.O_NOFOLLOW;
        try {
            return linux.openat2(parent, name, flags, 0600, ONE_NAME);
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            tree.replace(parent, name);
            return linux.openat2(parent, name, flags, 0600, ONE_NAME);
        }
    }

    /** Makes an entry; what an earlier entry of the same name made is removed. */
    private void make(Fd parent, String name, Runnable call) {
        try {
            call.run();
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            tree.replace(parent, name);
            call.run();
        }
    }

    private void whiteout(Fd parent, String path, String name) {
        if (name.equals(OPAQUE)) {
            if (EntryPath.parent(path).isEmpty()) {
                opaqueRoot = true;
            } else {
                tree.makeOpaque(parent);
            }
            return;
        }
        String hidden = name.substring(WHITEOUT.length());
        if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..") || hidden.startsWith(WHITEOUT)) {
            throw reserved(path);
        }
        try {
            linux.mknodat(parent, hidden, Flags.S_IFCHR, 0, 0);
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            // a whiteout hides the layers below, never what this layer brings itself
            if (linux.stat(parent, hidden).isDirectory()) {
                Overlay.mark(linux, parent, hidden);
            }
        }
    }

    private ImageException reserved(String path) {
        return ImageException.invalid(what + ": " + Text.quote(path)
                + " is not a whiteout, yet names that begin with .wh. are reserved for them");
    }

    private void hardLink(TarEntry entry, Fd parent, String path) {
        String target = EntryPath.normalise(entry.linkName(), what);
        if (target.isEmpty() || target.equals(path)) {
            throw ImageException.invalid(what + ": hard link " + Text.quote(path) + " has no valid target");
        }
        if (!link(path, target)) {
            budget.remember(what, path.length() + target.length());
            missing.add(new MissingLink(path, target));
        }
    }

    /** Makes a hard link; false where the target is not in this layer. */
    private boolean link(String path, String target) {
        Optional<Fd> from = tree.existing(EntryPath.parent(target));
        if (from.isEmpty()) {
            return false;
        }
        String targetName = EntryPath.name(target);
        Linux.Stat stat;
        try {
            stat = linux.stat(from.get(), targetName);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
        if (stat.isDirectory() || LayerTree.isWhiteout(stat)) {
            throw ImageException.invalid(what + ": hard link " + Text.quote(path) + " to " + Text.quote(target)
                    + ", which is " + (stat.isDirectory() ? "a directory" : "deleted in this layer"));
        }
        Fd parent = tree.directory(EntryPath.parent(path));
        String name = EntryPath.name(path);
        make(parent, name, () -> linux.linkat(from.get(), targetName, parent, name));
        return true;
    }

    /**
     * Makes what depended on the layers below and gives directories their owners, modes and times.
     *
     * @param lower a read-only mount of all layers below, empty for the lowest
     */
    void finish(Optional<Fd> lower) {
        String at = "";
        try {
            for (MissingLink link : missing) {
                at = link.path();
                finishLink(link, lower);
                tree.settle();
            }
            for (String path : tree.implied()) {
                at = path;
                finishImplied(path, lower);
            }
            for (Map.Entry<String, TarEntry> directory : directories.entrySet()) {
                at = directory.getKey();
                finishDirectory(at, directory.getValue());
            }
            at = "/";
            if (rootEntry.isPresent()) {
                attributes.applyToDirectory(root, rootEntry.get());
            } else {
                linux.chmod(root, 0755);
            }
        } catch (KernelException e) {
            throw failed(at, e);
        }
    }

    private void finishLink(MissingLink link, Optional<Fd> lower) {
        if (link(link.path(), link.target())) {
            return;
        }
        boolean copied =
                lower.isPresent() && new CopyUp(linux, lower.get(), tree, attributes, budget, what).copy(link.target());
        if (!copied || !link(link.path(), link.target())) {
            throw ImageException.invalid(what + ": hard link " + Text.quote(link.path()) + " to "
                    + Text.quote(link.target()) + ", which neither this layer nor one below it has");
        }
    }

    private void finishImplied(String path, Optional<Fd> lower) {
        Optional<Fd> directory = openForAttributes(path);
        if (directory.isEmpty()) {
            return;
        }
        try (Fd fd = directory.get()) {
            if (lower.isEmpty()
                    || !new CopyUp(linux, lower.get(), tree, attributes, budget, what).attributes(path, fd)) {
                linux.chmod(fd, 0755);
            }
        }
    }

    private void finishDirectory(String path, TarEntry entry) {
        Optional<Fd> directory = openForAttributes(path);
        if (directory.isEmpty()) {
            return;
        }
        try (Fd fd = directory.get()) {
            attributes.applyToDirectory(fd, entry);
        }
    }

    /** Empty where a later entry put something else in the directory's place. */
    private Optional<Fd> openForAttributes(String path) {
        Optional<Fd> parent = tree.existing(EntryPath.parent(path));
        if (parent.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(linux.openat2(
                    parent.get(),
                    EntryPath.name(path),
                    Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_NOFOLLOW,
                    0,
                    ONE_NAME));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private ImageException failed(String path, KernelException e) {
        ImageException.Kind kind = switch (e.errno()) {
            case Errno.ENOSPC, Errno.EDQUOT -> ImageException.Kind.NO_SPACE;
            case Errno.ENAMETOOLONG, Errno.ELOOP, Errno.ENOTDIR, Errno.EISDIR -> ImageException.Kind.INVALID;
            case Errno.EOPNOTSUPP -> ImageException.Kind.UNSUPPORTED;
            default -> ImageException.Kind.INTERNAL;
        };
        return new ImageException(kind, "cannot unpack " + Text.quote(path) + " of " + what + ": " + e.getMessage(), e);
    }

    @Override
    public void close() {
        tree.close();
    }
}
