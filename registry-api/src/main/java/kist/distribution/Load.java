package kist.distribution;

import java.util.concurrent.Semaphore;

/**
 * Keeps the memory flat that many clients at once could take: so many write blobs, and so many send long manifests, at a time;
 * others wait, with their bytes still on their side of the connection. Thread-safe.
 */
final class Load {
    /** Manifests up to this length are read without waiting: nearly all are a hundredth of it. */
    private static final int SHORT_MANIFEST = 256 << 10;

    private final Semaphore uploads = new Semaphore(64);
    private final Semaphore manifests = new Semaphore(4);

    /** A permission, given back by closing it. */
    interface Permit extends AutoCloseable {
        @Override
        void close();
    }

    private static Permit take(Semaphore places) throws InterruptedException {
        places.acquire();
        return places::release;
    }

    /** To read the body of a blob. */
    Permit upload() throws InterruptedException {
        return take(uploads);
    }

    /**
     * To read a manifest.
     *
     * @param length the field Content-Length, perhaps empty or nonsense
     */
    Permit manifest(String length) throws InterruptedException {
        boolean brief = !length.isEmpty() && length.length() <= 6 && Integer.parseInt(length) <= SHORT_MANIFEST;
        return brief ? () -> {} : take(manifests);
    }
}
