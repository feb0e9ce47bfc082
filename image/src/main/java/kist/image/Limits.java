package kist.image;

/**
 * Bounds on what an archive may cost, whatever it says of itself.
 *
 * @param entries files, directories and other entries of one archive, all layers together
 * @param bytes unpacked size of one archive in bytes, holes of sparse files counted as if written
 * @param reserve bytes that stay free on the disk: an unpack that would take them ends
 */
public record Limits(long entries, long bytes, long reserve) {
    /** Two million entries, 256 GiB, 64 MiB left free. */
    public static final Limits DEFAULT = new Limits(2_000_000, 256L << 30, 64L << 20);
}
