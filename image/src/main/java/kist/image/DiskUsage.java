package kist.image;

import java.util.List;

/**
 * What the images take on disk, in bytes.
 *
 * @param images one entry an image, newest first
 * @param layers all unpacked layers, each once
 * @param blobs all archives and documents, those that belong to no image too
 */
public record DiskUsage(List<ImageUsage> images, long layers, long blobs) {
    /**
     * What one image takes.
     *
     * @param size of all its unpacked layers
     * @param shared of those layers that other images have too
     */
    public record ImageUsage(Image image, long size, long shared) {
        /** Bytes of the layers that no other image has. */
        public long unique() {
            return size - shared;
        }
    }
}
