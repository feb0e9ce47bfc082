package kist.image;

/** Keeps blobs and layers from being collected. */
public final class Lease implements AutoCloseable {
    private Lease() {}

    /** Its name on disk. */
    public String id() {
        throw new UnsupportedOperationException();
    }

    /** Keeps a blob no longer. */
    public void drop(String digest) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
