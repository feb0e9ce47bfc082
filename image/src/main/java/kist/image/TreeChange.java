package kist.image;

import java.util.Optional;
import kist.kernel.Flags;
import kist.kernel.Linux;

/**
 * A path at which two images differ.
 *
 * @param path absolute
 * @param before what the first image has there
 * @param after what the second image has there
 */
public record TreeChange(Change.Kind kind, String path, Optional<Side> before, Optional<Side> after) {
    /** What is at a path. */
    public enum Type {
        /** Regular file. */
        FILE,
        /** Directory. */
        DIRECTORY,
        /** Symbolic link. */
        LINK,
        /** Character device. */
        CHARACTER_DEVICE,
        /** Block device. */
        BLOCK_DEVICE,
        /** Named pipe. */
        FIFO
    }

    /**
     * What one image has at a path.
     *
     * @param size bytes of a regular file, 0 for anything else
     * @param mode permission bits with set-id and sticky bits
     */
    public record Side(Type type, long size, int mode, long uid, long gid) {
        private static Side of(Linux.Stat stat) {
            Type type = switch (stat.type()) {
                case Flags.S_IFREG -> Type.FILE;
                case Flags.S_IFDIR -> Type.DIRECTORY;
                case Flags.S_IFLNK -> Type.LINK;
                case Flags.S_IFCHR -> Type.CHARACTER_DEVICE;
                case Flags.S_IFBLK -> Type.BLOCK_DEVICE;
                default -> Type.FIFO;
            };
            return new Side(type, type == Type.FILE ? stat.size() : 0, stat.mode() & 07777, stat.uid(), stat.gid());
        }
    }

    static TreeChange of(Difference difference) {
        return new TreeChange(
                difference.kind(),
                "/" + difference.path(),
                difference.before().map(Side::of),
                difference.after().map(Side::of));
    }
}
