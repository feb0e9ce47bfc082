package kist.image;

import java.util.Map;

/**
 * A header of a tar archive with all its extensions applied; nothing in it has been checked but its form.
 *
 * @param name as the archive says it, see {@link kist.kernel.FileNames}
 * @param size bytes of the content with all holes
 * @param xattrs extended attributes by their full name
 * @param sparse offset and length of each stored region in turn; empty where the content is stored as it is
 */
record TarEntry(
        String name,
        String linkName,
        Type type,
        int mode,
        long uid,
        long gid,
        long size,
        long mtimeSec,
        int mtimeNsec,
        int devMajor,
        int devMinor,
        Map<String, byte[]> xattrs,
        long[] sparse) {

    /** What an entry makes. */
    enum Type {
        FILE,
        HARD_LINK,
        SYMBOLIC_LINK,
        CHARACTER_DEVICE,
        BLOCK_DEVICE,
        DIRECTORY,
        FIFO
    }
}
