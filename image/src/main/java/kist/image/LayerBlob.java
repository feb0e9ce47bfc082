package kist.image;

/**
 * The archive of a layer as the store keeps it.
 *
 * @param digest of the file among the blobs; empty where none is kept, as with images of an older store
 * @param size bytes of that file
 * @param plainSize bytes of the tar that it holds; 0 where that is not known
 * @param form how it is compressed
 */
record LayerBlob(String digest, long size, long plainSize, Form form) {
    /** How an archive is kept. */
    enum Form {
        /** As it came, with gzip or not compressed at all. */
        AS_CAME,
        /** As it came, with zstd. */
        ZSTD,
        /** It came as a plain tar, or with something that no registry takes, and is kept compressed with zstd. */
        OWN
    }

    /** No archive is kept. */
    static final LayerBlob NONE = new LayerBlob("", 0, 0, Form.AS_CAME);

    boolean isKept() {
        return !digest.isEmpty();
    }

    boolean isOwn() {
        return form == Form.OWN;
    }
}
