package kist.image;

import kist.kernel.Fd;
import kist.kernel.Linux;

/** What an archive has used of its {@link Limits}. Thread-safe. */
final class Budget {
    /** Free space is asked for so seldom that asking costs nothing. */
    private static final long STEP = 32L << 20;
    /** Of the heap: directories of half a million can be remembered until their layers are complete. */
    private static final long MEMORY = 96L << 20;
    /** What a name costs beside its characters. */
    private static final long NAME = 160;

    private final Linux linux;
    private final Fd disk;
    private final Limits limits;
    private long entries;
    private long bytes;
    private long remembered;
    private long unchecked = STEP;

    Budget(Linux linux, Fd disk, Limits limits) {
        this.linux = linux;
        this.disk = disk;
        this.limits = limits;
    }

    /** Counts an entry with content of this size before anything of it is written. */
    synchronized void entry(String what, long size) {
        if (++entries > limits.entries()) {
            throw new ImageException(
                    ImageException.Kind.NO_SPACE,
                    what + " has more than " + limits.entries() + " entries, the limit of this store");
        }
        if (size < 0 || size > limits.bytes() - bytes) {
            throw new ImageException(
                    ImageException.Kind.NO_SPACE,
                    what + " unpacks to more than " + limits.bytes() + " bytes, the limit of this store");
        }
        bytes += size;
    }

    /** Counts what has to be kept in memory of an entry until its layer is complete. */
    synchronized void remember(String what, long length) {
        remembered += NAME + length;
        if (remembered > MEMORY) {
            throw new ImageException(
                    ImageException.Kind.NO_SPACE,
                    what + " has more directories than can be remembered, or longer names and attributes of them: "
                            + (MEMORY >> 20) + " MiB are the limit of this store");
        }
    }

    /** Counts bytes of a blob of which there are some already, before they are written. */
    synchronized void entry(String what, long size, long before) {
        if (size > limits.bytes() - before) {
            throw new ImageException(
                    ImageException.Kind.NO_SPACE,
                    what + " has more than " + limits.bytes() + " bytes, the limit of this store");
        }
    }

    /** Says that so many bytes are about to be written. */
    synchronized void writing(String what, long count) {
        unchecked += count;
        if (unchecked >= STEP) {
            unchecked = 0;
            long available = linux.availableBytes(disk);
            if (available < limits.reserve()) {
                throw new ImageException(
                        ImageException.Kind.NO_SPACE,
                        "no space left on the disk of the image store while unpacking " + what + ": " + available
                                + " bytes are free, " + limits.reserve() + " are kept in reserve");
            }
        }
    }
}
