package kist.image;

/** How the file systems of containers are made from the layers of their images (setting {@code storageDriver}). */
public enum Snapshotter {
    /** Overlay where it works, else copies. */
    AUTO,
    /** Overlay (Linux Documentation/filesystems/overlayfs.rst): layers are shared, a container holds its changes alone. */
    OVERLAY,
    /** Each container gets a copy of its image's files; needs nothing of the kernel, but time and space. */
    COPY
}
