package kist.image;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * Unpacks an archive into a tree that others may change at the same time, and that may be mounts above mounts. Every path is
 * resolved by the kernel within the tree's root. An entry is made under a name of its own and appears whole by a rename, in
 * place of what had its name before. For use once; not thread-safe.
 */
final class TreeUnpack implements AutoCloseable {
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    /** One name in a directory, be something mounted on it or not. */
    private static final long ONE_NAME = Trees.INSIDE & ~Flags.RESOLVE_NO_XDEV;

    private static final int HELD = 32;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Linux linux;
    private final Fd root;
    private final String base;
    private final FileTree.Unpacking how;
    private final Attributes attributes;
    private final Budget budget;
    private final String what;
    private final byte[] piece = new byte[256 << 10];
    private final Map<String, TarEntry> directories = new LinkedHashMap<>();
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

    /**
     * Makes one.
     *
     * @param base the directory below the root that the archive's names are relative to
     */
    TreeUnpack(Linux linux, Fd root, String base, FileTree.Unpacking how, String what) {
        this.linux = linux;
        this.root = root;
        this.base = base;
        this.how = how;
        this.what = what;
        this.attributes = new Attributes(linux, what);
        this.budget = new Budget(linux, root, new Limits(Long.MAX_VALUE, Long.MAX_VALUE, 0));
    }

    void apply(TarReader tar) throws IOException {
        for (Optional<TarEntry> next = tar.next(); next.isPresent(); next = tar.next()) {
            TarEntry entry = fit(next.get());
            String path = EntryPath.normalise(entry.name(), what);
            try {
                entry(tar, entry, path);
            } catch (KernelException e) {
                throw failed(path, e);
            }
        }
        directories.forEach(this::time);
    }

    /** The entry as its maker may have it: with the owner who was asked for, without what only its own host understands. */
    private TarEntry fit(TarEntry e) {
        Map<String, byte[]> xattrs = new LinkedHashMap<>(e.xattrs());
        xattrs.keySet().removeIf(x -> !Attributes.isAllowed(x));
        Optional<FileTree.Owner> owner = how.owner();
        TarEntry fit = new TarEntry(
                e.name(),
                e.linkName(),
                e.type(),
                e.mode(),
                owner.map(FileTree.Owner::uid).orElse(e.uid()),
                owner.map(FileTree.Owner::gid).orElse(e.gid()),
                e.size(),
                e.mtimeSec(),
                e.mtimeNsec(),
                e.devMajor(),
                e.devMinor(),
                xattrs,
                e.sparse());
        attributes.check(fit);
        return fit;
    }

    private void entry(TarReader tar, TarEntry entry, String path) throws IOException {
        if (path.isEmpty()) {
            if (entry.type() != TarEntry.Type.DIRECTORY) {
                throw ImageException.invalid(what + ": the root of the archive is not a directory");
            }
            return; // the directory that is copied into stays as it is
        }
        String name = EntryPath.name(path);
        Fd parent = directory(EntryPath.parent(path));
        Optional<Linux.Stat> there = stat(parent, name);
        boolean isDirectory = there.filter(Linux.Stat::isDirectory).isPresent();
        boolean wantsDirectory = entry.type() == TarEntry.Type.DIRECTORY;
        if (there.isPresent() && isDirectory != wantsDirectory) {
            if (how.keepsKind()) {
                throw ImageException.invalid(
                        wantsDirectory
                                ? "cannot overwrite non-directory " + shown(path) + " with directory "
                                        + Text.quote(entry.name())
                                : "cannot overwrite directory " + shown(path) + " with non-directory "
                                        + Text.quote(entry.name()));
            }
            forget();
            parent = directory(EntryPath.parent(path));
            Trees.delete(linux, parent, name);
        }
        switch (entry.type()) {
            case DIRECTORY -> makeDirectory(parent, path, entry, isDirectory);
            case FILE -> file(tar, entry, parent, name, path);
            default -> put(parent, name, temporary -> make(entry, directory(EntryPath.parent(path)), temporary));
        }
    }

    private String shown(String path) {
        return Text.quote("/" + Directories.join(base, path));
    }

    private Optional<Linux.Stat> stat(Fd parent, String name) {
        try {
            return Optional.of(linux.stat(parent, name));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private void makeDirectory(Fd parent, String path, TarEntry entry, boolean there) {
        String name = EntryPath.name(path);
        if (!there) {
            linux.mkdirat(parent, name, 0700);
        }
        try (Fd made =
                linux.openat2(parent, name, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, ONE_NAME)) {
            attributes.applyToDirectory(made, entry);
        }
        budget.remember(what, 2L * path.length());
        directories.put(path, entry);
    }

    private interface Maker {
        void make(String name) throws IOException;
    }

    /** Makes an entry aside and puts it in its place, or leaves nothing of it. */
    private void put(Fd parent, String name, Maker maker) throws IOException {
        String temporary = ".kist-cp-" + HexFormat.of().toHexDigits(RANDOM.nextLong());
        boolean done = false;
        try {
            maker.make(temporary);
            linux.renameat2(parent, temporary, parent, name, 0);
            done = true;
        } finally {
            if (!done) {
                Trees.delete(linux, parent, temporary);
            }
        }
    }

    private void make(TarEntry entry, Fd parent, String name) {
        switch (entry.type()) {
            case HARD_LINK -> {
                String target = EntryPath.normalise(entry.linkName(), what);
                if (target.isEmpty()) {
                    throw ImageException.invalid(
                            what + ": hard link " + Text.quote(entry.name()) + " has no valid target");
                }
                try (Fd from = find(EntryPath.parent(target))) {
                    linux.linkat(from, EntryPath.name(target), parent, name);
                }
                return; // the file that it names keeps its owner and mode
            }
            case SYMBOLIC_LINK -> {
                if (entry.linkName().isEmpty() || entry.linkName().indexOf('\0') >= 0) {
                    throw ImageException.invalid(
                            what + ": symbolic link " + Text.quote(entry.name()) + " has no valid target");
                }
                linux.symlinkat(entry.linkName(), parent, name);
            }
            case CHARACTER_DEVICE -> linux.mknodat(parent, name, Flags.S_IFCHR, entry.devMajor(), entry.devMinor());
            case BLOCK_DEVICE -> linux.mknodat(parent, name, Flags.S_IFBLK, entry.devMajor(), entry.devMinor());
            default -> linux.mknodat(parent, name, Flags.S_IFIFO, 0, 0);
        }
        attributes.apply(parent, name, entry);
    }

    private void file(TarReader tar, TarEntry entry, Fd parent, String name, String path) throws IOException {
        String temporary = ".kist-cp-" + HexFormat.of().toHexDigits(RANDOM.nextLong());
        boolean done = false;
        try (Fd file = linux.openat2(
                parent, temporary, Flags.O_RDWR | Flags.O_CREAT | Flags.O_EXCL | Flags.O_NOFOLLOW, 0600, ONE_NAME)) {
            tar.content(piece, (bytes, length, position) -> linux.pwrite(file, bytes, 0, length, position));
            if (linux.stat(file, "").size() != entry.size()) {
                linux.truncate(file, entry.size());
            }
            attributes.apply(file, parent, temporary, entry);
            try {
                linux.renameat2(parent, temporary, parent, name, 0);
                done = true;
            } catch (KernelException e) {
                if (e.errno() != Errno.EBUSY) {
                    throw e;
                }
                overwrite(file, entry, parent, name, path);
            }
        } finally {
            if (!done) {
                Trees.delete(linux, parent, temporary);
            }
        }
    }

    /** A file that something is mounted on, such as /etc/hosts, cannot be replaced, but its content can. */
    private void overwrite(Fd from, TarEntry entry, Fd parent, String name, String path) {
        long flags = Flags.O_WRONLY | Flags.O_NOFOLLOW | Flags.O_NONBLOCK | Flags.O_NOCTTY;
        try (Fd to = linux.openat2(parent, name, flags, 0, ONE_NAME)) {
            if (linux.stat(to, "").type() != Flags.S_IFREG) {
                throw ImageException.invalid(shown(path) + " is a mount point and no regular file");
            }
            linux.truncate(to, 0);
            long at = 0;
            for (int n; at < entry.size() && (n = linux.pread(from, piece, 0, piece.length, at)) > 0; at += n) {
                linux.pwrite(to, piece, 0, n, at);
            }
        }
    }

    /** An O_PATH descriptor of a directory that is there. */
    private Fd find(String path) {
        String whole = path.isEmpty() ? base : Directories.join(base, path);
        return linux.openat2(root, whole.isEmpty() ? "." : whole, Flags.O_PATH | Flags.O_DIRECTORY, 0, IN_ROOT);
    }

    /** The same, made with its parents where it is not there; closed by this object, valid until others were asked for. */
    private Fd directory(String path) {
        Fd there = open.get(path);
        if (there != null) {
            return there;
        }
        Fd fd;
        try {
            fd = find(path);
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT || path.isEmpty()) {
                throw e;
            }
            Fd parent = directory(EntryPath.parent(path));
            try {
                linux.mkdirat(parent, EntryPath.name(path), 0755);
            } catch (KernelException late) {
                // a link to nowhere, or somebody was quicker
                if (late.errno() != Errno.EEXIST) {
                    throw late;
                }
            }
            fd = find(path);
            how.owner().ifPresent(o -> linux.fchownat(open(path), "", o.uid(), o.gid()));
        }
        if (PseudoFiles.isOne(linux, fd)) {
            fd.close();
            throw ImageException.invalid(shown(path)
                    + " is in a file system of the kernel's own, such as /proc or /sys: nothing can be copied there");
        }
        open.put(path, fd);
        return fd;
    }

    private Fd open(String path) {
        Fd fd = find(path);
        open.put(path, fd);
        return fd;
    }

    private void forget() {
        open.values().forEach(Fd::close);
        open.clear();
    }

    /** Last, as what is put into a directory changes its time. */
    private void time(String path, TarEntry entry) {
        try (Fd directory = find(path)) {
            linux.utimensat(directory, "", entry.mtimeSec(), entry.mtimeNsec(), entry.mtimeSec(), entry.mtimeNsec());
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENOTDIR && e.errno() != Errno.ELOOP) {
                throw failed(path, e);
            }
        }
    }

    private ImageException failed(String path, KernelException e) {
        ImageException.Kind kind = switch (e.errno()) {
            case Errno.ENOSPC, Errno.EDQUOT -> ImageException.Kind.NO_SPACE;
            case Errno.EROFS -> ImageException.Kind.READ_ONLY;
            case Errno.ENAMETOOLONG, Errno.ELOOP, Errno.ENOTDIR, Errno.EISDIR, Errno.ENOENT, Errno.EXDEV, Errno.EFBIG ->
                ImageException.Kind.INVALID;
            case Errno.EBUSY, Errno.ENOTEMPTY, Errno.EEXIST -> ImageException.Kind.CONFLICT;
            case Errno.EOPNOTSUPP -> ImageException.Kind.UNSUPPORTED;
            default -> ImageException.Kind.INTERNAL;
        };
        return new ImageException(kind, "cannot copy to " + shown(path) + ": " + e.getMessage(), e);
    }

    @Override
    public void close() {
        forget();
    }
}
