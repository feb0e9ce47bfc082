package kist.image;

import java.nio.channels.SeekableByteChannel;
import java.util.Optional;

/** Blobs by their digest. Thread-safe. */
public final class Content {
    private Content() {}

    /** Bytes of a blob; empty if it is not there. */
    public Optional<Long> size(String digest) {
        throw new UnsupportedOperationException();
    }

    /** A small blob. */
    public byte[] read(String digest, int maximum) {
        throw new UnsupportedOperationException();
    }

    /** A blob for reading. */
    public SeekableByteChannel open(String digest) {
        throw new UnsupportedOperationException();
    }

    /** Stores a small blob. */
    public void put(Lease lease, byte[] content) {
        throw new UnsupportedOperationException();
    }

    /** Begins a blob. */
    public Upload begin(Lease lease) {
        throw new UnsupportedOperationException();
    }

    /** Goes on with one. */
    public Upload resume(String uploadId) {
        throw new UnsupportedOperationException();
    }

    /** Adds a blob to a lease; false if it is not there. */
    public boolean keep(Lease lease, String digest) {
        throw new UnsupportedOperationException();
    }
}
