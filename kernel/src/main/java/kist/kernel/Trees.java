package kist.kernel;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Walks over trees whose content nobody vouches for: by descriptors alone, never through a link, at any depth. Thread-safe
 * for different trees; all methods throw {@link KernelException}.
 */
public final class Trees {
    private static final int DIRECTORY = 4;
    private static final int UNKNOWN = 0;
    private static final int MAXIMUM_DESCRIPTORS = 64;
    private static final AtomicLong MOVED = new AtomicLong();

    /** How a path below a directory is resolved (openat2(2)): beneath it, without links, on its own mount. */
    public static final long INSIDE =
            Flags.RESOLVE_BENEATH | Flags.RESOLVE_NO_SYMLINKS | Flags.RESOLVE_NO_MAGICLINKS | Flags.RESOLVE_NO_XDEV;

    private Trees() {}

    /**
     * Deletes an entry of a directory with all below it; nothing happens where it is not there. What lies deeper than the
     * descriptors that this may hold is first moved up into {@code dir}.
     */
    public static void delete(Linux linux, Fd dir, String name) {
        Deque<String> left = new ArrayDeque<>();
        left.push(name);
        while (!left.isEmpty()) {
            remove(linux, dir, left.pop(), UNKNOWN, 0, dir, left);
        }
    }

    private static void remove(Linux linux, Fd parent, String name, int type, int depth, Fd top, Deque<String> left) {
        try {
            if (type == UNKNOWN ? !linux.stat(parent, name).isDirectory() : type != DIRECTORY) {
                linux.unlinkat(parent, name, false);
                return;
            }
            if (depth == MAXIMUM_DESCRIPTORS) {
                String moved = "deep-" + Long.toHexString(System.nanoTime()) + "-" + MOVED.incrementAndGet();
                linux.renameat2(parent, name, top, moved, 0);
                left.push(moved);
                return;
            }
            try (Fd dir =
                    linux.openat2(parent, name, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, INSIDE)) {
                linux.scan(dir, e -> remove(linux, dir, e.name(), e.type(), depth + 1, top, left));
            }
            linux.unlinkat(parent, name, true);
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    /**
     * Bytes of all regular files below a directory, files with several names once. The tree may change meanwhile.
     * Directories deeper than 512 are left out.
     */
    public static long size(Linux linux, Fd dir) {
        long[] sum = {0};
        size(linux, dir, 0, new HashSet<>(), sum);
        return sum[0];
    }

    private static void size(Linux linux, Fd dir, int depth, Set<Long> seen, long[] sum) {
        linux.scan(dir, e -> {
            try {
                Linux.Stat stat = linux.stat(dir, e.name());
                if (stat.isDirectory() && depth < 512) {
                    try (Fd child = linux.openat2(
                            dir, e.name(), Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, INSIDE)) {
                        size(linux, child, depth + 1, seen, sum);
                    }
                } else if (stat.type() == Flags.S_IFREG && (stat.links() == 1 || seen.add(stat.inode()))) {
                    sum[0] += stat.size();
                }
            } catch (KernelException gone) {
                if (gone.errno() != Errno.ENOENT && gone.errno() != Errno.ENOTDIR && gone.errno() != Errno.ELOOP) {
                    throw gone;
                }
            }
        });
    }
}
