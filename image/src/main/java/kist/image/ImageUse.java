package kist.image;

/**
 * A container that was made from an image.
 *
 * @param containerId 64 hexadecimal digits
 * @param running whether it runs now; such an image cannot be removed, not even by force
 */
public record ImageUse(String imageId, String containerId, boolean running) {}
