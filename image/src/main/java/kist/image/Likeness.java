package kist.image;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Compares entries of two trees. Not thread-safe. */
final class Likeness {
    private final Linux linux;
    private final byte[] one = new byte[64 << 10];
    private final byte[] other = new byte[64 << 10];

    Likeness(Linux linux) {
        this.linux = linux;
    }

    /**
     * Whether type, owner, mode, time, size, device, link and extended attributes are the same. The size of a directory says
     * nothing.
     */
    boolean same(Fd dir, String name, Linux.Stat a, Fd otherDir, String otherName, Linux.Stat b) {
        return a.mtimeSec() == b.mtimeSec()
                && a.mtimeNsec() == b.mtimeNsec()
                && sameButTime(dir, name, a, otherDir, otherName, b);
    }

    /** The same without the time. */
    boolean sameButTime(Fd dir, String name, Linux.Stat a, Fd otherDir, String otherName, Linux.Stat b) {
        return sameOwner(a, b)
                && (a.isDirectory() || a.size() == b.size())
                && a.rdevMajor() == b.rdevMajor()
                && a.rdevMinor() == b.rdevMinor()
                && (a.type() != Flags.S_IFLNK
                        || linux.readlinkat(dir, name).equals(linux.readlinkat(otherDir, otherName)))
                && sameXattrs(dir, name, otherDir, otherName);
    }

    /** Whether type, permissions and owner are the same. */
    static boolean sameOwner(Linux.Stat a, Linux.Stat b) {
        return a.mode() == b.mode() && a.uid() == b.uid() && a.gid() == b.gid();
    }

    /** Whether the extended attributes that a layer can have are the same. */
    boolean sameXattrs(Fd dir, String name, Fd otherDir, String otherName) {
        Map<String, byte[]> a = xattrs(linux, dir, name);
        Map<String, byte[]> b = xattrs(linux, otherDir, otherName);
        return a.keySet().equals(b.keySet())
                && a.entrySet().stream()
                        .allMatch(e -> java.util.Arrays.equals(e.getValue(), b.getOrDefault(e.getKey(), new byte[0])));
    }

    /** The extended attributes that a layer can have. */
    static Map<String, byte[]> xattrs(Linux linux, Fd dir, String name) {
        Map<String, byte[]> all = new TreeMap<>();
        for (String attribute : linux.listxattr(dir, name)) {
            if (Attributes.isAllowed(attribute)) {
                linux.getxattr(dir, name, attribute).ifPresent(v -> all.put(attribute, v));
            }
        }
        return all;
    }

    /** Whether two regular files of the same size have the same content. */
    boolean sameContent(Fd dir, String name, Fd otherDir) {
        Optional<Fd> left = file(dir, name);
        Optional<Fd> right = file(otherDir, name);
        try {
            if (left.isEmpty() || right.isEmpty()) {
                return false;
            }
            for (long at = 0; ; ) {
                int n = full(left.get(), one, at);
                if (n != full(right.get(), other, at) || !java.util.Arrays.equals(one, 0, n, other, 0, n)) {
                    return false;
                }
                if (n < one.length) {
                    return true;
                }
                at += n;
            }
        } finally {
            left.ifPresent(Fd::close);
            right.ifPresent(Fd::close);
        }
    }

    private int full(Fd file, byte[] into, long position) {
        int at = 0;
        for (int n;
                at < into.length && (n = linux.pread(file, into, at, into.length - at, position + at)) > 0;
                at += n) {}
        return at;
    }

    private Optional<Fd> file(Fd dir, String name) {
        return openFile(linux, dir, name);
    }

    /** Opens a regular file for reading, whatever somebody puts in its place meanwhile; empty where it is none. */
    static Optional<Fd> openFile(Linux linux, Fd dir, String name) {
        return openFile(linux, dir, name, Trees.INSIDE);
    }

    /** The same, resolved in another way. */
    static Optional<Fd> openFile(Linux linux, Fd dir, String name, long resolve) {
        Fd file;
        try {
            // without O_NONBLOCK a fifo would wait for its other end
            file = linux.openat2(
                    dir, name, Flags.O_RDONLY | Flags.O_NOFOLLOW | Flags.O_NONBLOCK | Flags.O_NOCTTY, 0, resolve);
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENXIO -> Optional.empty();
                default -> throw e;
            };
        }
        boolean regular = false;
        try {
            regular = linux.stat(file, "").type() == Flags.S_IFREG;
            return regular ? Optional.of(file) : Optional.empty();
        } finally {
            if (!regular) {
                file.close();
            }
        }
    }
}
