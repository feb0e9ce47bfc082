package kist.image;

import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Copies single entries with all their attributes; holes stay holes, and blocks are shared where they can be. */
final class Copies {
    private static final long STEP = 1L << 30;

    private final Linux linux;
    private final Attributes attributes;
    private Optional<byte[]> buffer = Optional.empty();

    Copies(Linux linux, Attributes attributes) {
        this.linux = linux;
        this.attributes = attributes;
    }

    /** Copies anything but a directory to a place that is free; false for what no layer has, such as a socket. */
    boolean copy(Fd source, String name, Linux.Stat stat, Fd target) {
        switch (stat.type()) {
            case Flags.S_IFREG -> file(source, name, stat, target);
            case Flags.S_IFLNK -> linux.symlinkat(linux.readlinkat(source, name), target, name);
            case Flags.S_IFCHR, Flags.S_IFBLK, Flags.S_IFIFO ->
                linux.mknodat(target, name, stat.type() | 0600, stat.rdevMajor(), stat.rdevMinor());
            default -> {
                return false;
            }
        }
        try (Fd made = linux.openat2(target, name, Flags.O_PATH | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            attributes.copy(source, name, stat, target, name, made);
        }
        return true;
    }

    private void file(Fd source, String name, Linux.Stat stat, Fd target) {
        long create = Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL | Flags.O_NOFOLLOW;
        try (Fd in = linux.openat2(source, name, Flags.O_RDONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
                Fd out = linux.openat2(target, name, create, 0600, Trees.INSIDE)) {
            long size = stat.size();
            if (stat.blocks() * 512 >= size) {
                range(in, out, 0, size);
                return;
            }
            for (long at = 0; at < size; ) {
                long data = linux.seek(in, at, false);
                if (data < 0) {
                    break;
                }
                long hole = linux.seek(in, data, true);
                long end = hole < 0 ? size : Math.min(size, hole);
                range(in, out, data, end);
                at = end;
            }
            linux.truncate(out, size);
        }
    }

    private void range(Fd in, Fd out, long from, long end) {
        long at = from;
        try {
            while (at < end) {
                long n = linux.copyRange(in, at, out, at, Math.min(STEP, end - at));
                if (n == 0) {
                    return;
                }
                at += n;
            }
        } catch (KernelException e) {
            switch (e.errno()) {
                case Errno.ENOSYS, Errno.EXDEV, Errno.EINVAL, Errno.EOPNOTSUPP -> byHand(in, out, at, end);
                default -> throw e;
            }
        }
    }

    private void byHand(Fd in, Fd out, long from, long end) {
        byte[] piece = buffer.orElseGet(() -> new byte[1 << 20]);
        buffer = Optional.of(piece);
        long at = from;
        for (int n;
                at < end && (n = linux.pread(in, piece, 0, (int) Math.min(piece.length, end - at), at)) > 0;
                at += n) {
            linux.pwrite(out, piece, 0, n, at);
        }
    }
}
