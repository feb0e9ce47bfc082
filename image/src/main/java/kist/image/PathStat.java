package kist.image;

/**
 * What a path of a container is.
 *
 * @param name its last part; {@code /} for the root
 * @param size in bytes
 * @param mode type and permission bits (inode(7))
 * @param mtimeSeconds when its content last changed, Unix time
 * @param mtimeNanos nanoseconds within the second
 * @param linkTarget of a symbolic link where it leads, as a path from the root, whether there is something or not; else empty
 */
public record PathStat(String name, long size, int mode, long mtimeSeconds, int mtimeNanos, String linkTarget) {}
