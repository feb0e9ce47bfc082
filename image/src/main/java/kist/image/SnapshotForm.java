package kist.image;

import java.io.IOException;
import kist.kernel.Fd;

/**
 * One way to keep the file systems of containers in {@code snapshots/<id>}. Thread-safe. What fails in the kernel is
 * thrown as {@link kist.kernel.KernelException}; ENOENT means that the container is gone.
 */
sealed interface SnapshotForm permits OverlaySnapshots, CopySnapshots {
    /** Fills a new directory that nobody sees yet. */
    void make(Fd directory, String imageId);

    /** The root of a container as a detached mount; what {@code isVolatile} asks for may be nothing here. */
    Fd mount(String id, String imageId, boolean readOnly, boolean isVolatile);

    /** The root of a container, read-only, as a detached mount that disturbs no other one. */
    Fd mountForReading(String id, String imageId);

    /** The file system of an image, read-only, as a detached mount. */
    Fd mountImage(String imageId);

    /** A readable descriptor of the directory that has at least everything that the container has written. */
    Fd openChanged(String id);

    /**
     * Visits what the container has changed.
     *
     * @param changed from {@link #openChanged}
     * @param image from {@link #mountImage}
     */
    void differences(Directories changed, Directories image, Difference.Visitor visitor) throws IOException;

    /** Bytes of the regular files that the container has written or changed. */
    long usage(String id, String imageId);

    /** Drops what was kept for images that are gone. */
    void sweep();
}
