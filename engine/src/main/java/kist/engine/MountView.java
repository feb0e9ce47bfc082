package kist.engine;

/**
 * A mount of a container as it is shown.
 *
 * @param type {@code bind}, {@code volume}, {@code tmpfs} or {@code image}
 * @param name of the volume, else empty
 * @param source path on the host, or the id of an image
 * @param target path in the container
 * @param driver of the volume, else empty
 * @param mode the options of the short form
 * @param writable whether the container may write to it
 * @param propagation such as {@code rprivate}, empty where it does not matter
 */
public record MountView(
        String type,
        String name,
        String source,
        String target,
        String driver,
        String mode,
        boolean writable,
        String propagation) {}
