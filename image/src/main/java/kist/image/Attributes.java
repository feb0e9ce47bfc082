package kist.image;

import java.util.Map;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Gives unpacked entries their owner, mode, times and extended attributes. Not thread-safe. */
final class Attributes {
    private static final long MAXIMUM_ID = 0xfffffffeL;
    /** Far beyond what any file system stores, and no overflow in the kernel. */
    private static final long MAXIMUM_TIME = 1L << 40;

    private static final String OVERLAY = "user.overlay.";

    private final Linux linux;
    private final String what;

    Attributes(Linux linux, String what) {
        this.linux = linux;
        this.what = what;
    }

    /** Refuses what must not be set, before anything is made. */
    void check(TarEntry entry) {
        if (entry.uid() < 0 || entry.uid() > MAXIMUM_ID || entry.gid() < 0 || entry.gid() > MAXIMUM_ID) {
            throw ImageException.invalid(what + ": entry " + Text.quote(entry.name())
                    + " belongs to the impossible user " + entry.uid() + ":" + entry.gid());
        }
        if (entry.mtimeSec() < -MAXIMUM_TIME || entry.mtimeSec() > MAXIMUM_TIME) {
            throw ImageException.invalid(what + ": entry " + Text.quote(entry.name()) + " has an impossible time, "
                    + entry.mtimeSec() + " seconds after 1970");
        }
        for (String attribute : entry.xattrs().keySet()) {
            if (!isAllowed(attribute) && !isHostLabel(attribute)) {
                throw ImageException.invalid(what + ": entry " + Text.quote(entry.name())
                        + " has the extended attribute " + Text.quote(attribute)
                        + "; only user.*, security.capability and access control lists may come from an archive");
            }
        }
    }

    static boolean isAllowed(String attribute) {
        return attribute.startsWith("user.") && !attribute.startsWith(OVERLAY)
                || attribute.equals("security.capability")
                || attribute.equals("system.posix_acl_access")
                || attribute.equals("system.posix_acl_default");
    }

    /**
     * A label of the machine that made the archive says nothing on this one; tar leaves it out as well. Overlay's marks of
     * an engine without root get into archives by mistake, and would steer an overlay in a user namespace here.
     */
    private static boolean isHostLabel(String attribute) {
        return attribute.equals("security.selinux") || attribute.startsWith(OVERLAY);
    }

    private void chown(Fd dir, String name, long uid, long gid, String entry) {
        try {
            linux.fchownat(dir, name, uid, gid);
        } catch (KernelException e) {
            if (e.errno() != Errno.EINVAL) {
                throw e;
            }
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    what + ": entry " + Text.quote(entry) + " belongs to " + uid + ":" + gid
                            + ", which this user namespace does not map (/proc/self/uid_map); give it more subordinate ids"
                            + " (subuid(5), subgid(5))",
                    e);
        }
    }

    /** Of an open file. */
    void apply(Fd file, Fd parent, String name, TarEntry entry) {
        chown(file, "", entry.uid(), entry.gid(), entry.name());
        // after the owner, whose change clears capabilities and set-id bits
        xattrs(parent, name, entry.xattrs());
        linux.chmod(file, entry.mode());
        time(file, "", entry);
    }

    /** Of a link, device or fifo. */
    void apply(Fd parent, String name, TarEntry entry) {
        chown(parent, name, entry.uid(), entry.gid(), entry.name());
        xattrs(parent, name, entry.xattrs());
        if (entry.type() != TarEntry.Type.SYMBOLIC_LINK) {
            try (Fd node = linux.openat2(parent, name, Flags.O_PATH | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
                linux.chmod(node, entry.mode());
            }
        }
        time(parent, name, entry);
    }

    /** Of a directory. */
    void applyToDirectory(Fd directory, TarEntry entry) {
        chown(directory, "", entry.uid(), entry.gid(), entry.name());
        xattrs(directory, "", entry.xattrs());
        linux.chmod(directory, entry.mode());
        time(directory, "", entry);
    }

    private void xattrs(Fd parent, String name, Map<String, byte[]> xattrs) {
        if (xattrs.isEmpty()) {
            return;
        }
        xattrs.forEach((attribute, value) -> {
            if (isAllowed(attribute)) {
                linux.setxattr(parent, name, attribute, value);
            }
        });
    }

    private void time(Fd dir, String name, TarEntry entry) {
        linux.utimensat(dir, name, entry.mtimeSec(), entry.mtimeNsec(), entry.mtimeSec(), entry.mtimeNsec());
    }

    /** Copies all from one entry to another, which is an open file or directory where {@code toName} is empty. */
    void copy(Fd fromDir, String fromName, Linux.Stat stat, Fd toDir, String toName, Fd to) {
        chown(to, "", stat.uid(), stat.gid(), toName);
        for (String attribute : linux.listxattr(fromDir, fromName)) {
            if (isAllowed(attribute)) {
                linux.getxattr(fromDir, fromName, attribute)
                        .ifPresent(value -> linux.setxattr(toDir, toName, attribute, value));
            }
        }
        if (stat.type() != Flags.S_IFLNK) {
            linux.chmod(to, stat.mode() & 07777);
        }
        linux.utimensat(to, "", stat.mtimeSec(), stat.mtimeNsec(), stat.mtimeSec(), stat.mtimeNsec());
    }
}
