package kist.image;

import java.io.IOException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * Writes entries of a tree, which may change meanwhile, into a tar. What vanishes before it is read is left out, a file
 * has the size that it had when it was opened. Sockets are left out, as no archive has them. Not thread-safe.
 */
final class TreeTar implements Walk.Visitor<Long, IOException> {
    private static final Map<String, byte[]> NONE = Map.of();

    private final Linux linux;
    private final Directories tree;
    private final TarWriter tar;
    private final String top;
    private final byte[] piece = new byte[256 << 10];
    private final Map<Inode, String> names = new HashMap<>();

    private record Inode(int deviceMajor, int deviceMinor, long number) {}

    TreeTar(Linux linux, Directories tree, TarWriter tar) {
        this(linux, tree, tar, "");
    }

    /** @param top the name that the root has in the archive; empty for none */
    TreeTar(Linux linux, Directories tree, TarWriter tar, String top) {
        this.linux = linux;
        this.tree = tree;
        this.tar = tar;
        this.top = top;
    }

    /** Writes everything below the root in the order of the paths. */
    void all() throws IOException {
        Optional<Linux.Stat> root = tree.stat("", ".");
        if (root.isPresent()) {
            add("", root.get());
            Walk.over(root.get().mountId(), this);
        }
    }

    @Override
    public Collection<String> names(String directory, Long mount) {
        return tree.names(directory);
    }

    @Override
    public Optional<Long> enter(String directory, String name, Long mount) throws IOException {
        Optional<Linux.Stat> stat = tree.stat(directory, name);
        if (stat.isPresent()) {
            add(Directories.join(directory, name), stat.get());
        }
        return stat.filter(Linux.Stat::isDirectory)
                .map(Linux.Stat::mountId)
                .filter(id -> id.equals(mount) || hasFiles(Directories.join(directory, name)));
    }

    /** What the kernel only makes look like files is not walked through; it has no end and reading it may do things. */
    private boolean hasFiles(String mountpoint) {
        return tree.find(mountpoint).map(fd -> !PseudoFiles.isOne(linux, fd)).orElse(false);
    }

    /** Writes one entry. */
    void add(String path, Linux.Stat stat) throws IOException {
        String name = path.isEmpty() ? "." : EntryPath.name(path);
        Optional<Fd> parent = tree.find(EntryPath.parent(path));
        if (parent.isEmpty() || stat.type() == Flags.S_IFSOCK) {
            return;
        }
        try {
            if (stat.type() != Flags.S_IFDIR && stat.links() > 1) {
                Inode inode = new Inode(stat.deviceMajor(), stat.deviceMinor(), stat.inode());
                String first = names.get(inode);
                if (first != null) {
                    tar.begin(entry(archived(path), first, TarEntry.Type.HARD_LINK, stat, NONE));
                    return;
                }
                if (write(parent.get(), name, path, stat)) {
                    names.put(inode, archived(path));
                }
            } else {
                write(parent.get(), name, path, stat);
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENOTDIR) {
                throw e;
            }
        }
    }

    private boolean write(Fd parent, String name, String path, Linux.Stat stat) throws IOException {
        if (stat.type() == Flags.S_IFREG) {
            Optional<Fd> file = Likeness.openFile(linux, parent, name, tree.resolve);
            if (file.isEmpty()) {
                return false;
            }
            try (Fd fd = file.get()) {
                content(fd, entry(archived(path), "", TarEntry.Type.FILE, linux.stat(fd, ""), xattrs(parent, name)));
            }
            return true;
        }
        String link = stat.type() == Flags.S_IFLNK ? linux.readlinkat(parent, name) : "";
        TarEntry.Type type = switch (stat.type()) {
            case Flags.S_IFDIR -> TarEntry.Type.DIRECTORY;
            case Flags.S_IFLNK -> TarEntry.Type.SYMBOLIC_LINK;
            case Flags.S_IFCHR -> TarEntry.Type.CHARACTER_DEVICE;
            case Flags.S_IFBLK -> TarEntry.Type.BLOCK_DEVICE;
            default -> TarEntry.Type.FIFO;
        };
        tar.begin(
                entry(path.isEmpty() && top.isEmpty() ? "./" : archived(path), link, type, stat, xattrs(parent, name)));
        return true;
    }

    private String archived(String path) {
        if (top.isEmpty() || path.isEmpty()) {
            return path.isEmpty() ? top : path;
        }
        return top.equals("/") ? top + path : top + "/" + path;
    }

    private Map<String, byte[]> xattrs(Fd parent, String name) {
        return Likeness.xattrs(linux, parent, name);
    }

    /** A file that has grown is cut, one that has shrunk is filled with zeros: the header is written already. */
    private void content(Fd file, TarEntry entry) throws IOException {
        tar.begin(entry);
        long at = 0;
        while (at < entry.size()) {
            int n = linux.pread(file, piece, 0, (int) Math.min(piece.length, entry.size() - at), at);
            if (n <= 0) {
                break;
            }
            tar.content(piece, n);
            at += n;
        }
        if (at < entry.size()) {
            Arrays.fill(piece, (byte) 0);
            while (at < entry.size()) {
                int n = (int) Math.min(piece.length, entry.size() - at);
                tar.content(piece, n);
                at += n;
            }
        }
    }

    private static TarEntry entry(
            String path, String link, TarEntry.Type type, Linux.Stat stat, Map<String, byte[]> xattrs) {
        return new TarEntry(
                path,
                link,
                type,
                stat.mode() & 07777,
                stat.uid(),
                stat.gid(),
                type == TarEntry.Type.FILE ? stat.size() : 0,
                stat.mtimeSec(),
                (int) stat.mtimeNsec(),
                stat.rdevMajor(),
                stat.rdevMinor(),
                xattrs,
                new long[0]);
    }
}
