package kist.registry;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.concurrent.locks.ReentrantLock;
import kist.image.Digest;
import kist.image.ImageException;
import kist.image.Upload;

/**
 * A blob on its way into a repository. One request writes to it at a time; a second one is refused. What has arrived
 * survives a lost connection and the engine's end. Thread-safe.
 */
public final class UploadSession {
    private final Repositories repositories;
    private final String name;
    private final Upload upload;
    private final ReentrantLock writing = new ReentrantLock();
    private volatile Instant used = Instant.now();
    private volatile long arrived;

    UploadSession(Repositories repositories, String name, Upload upload) {
        this.repositories = repositories;
        this.name = name;
        this.upload = upload;
    }

    /** Its name in the address of the upload. */
    public String id() {
        return upload.id();
    }

    /** The repository that it belongs to. */
    public String repository() {
        return name;
    }

    /** Bytes that have arrived; while a request writes, those before it. */
    public long size() {
        return writing.isLocked() ? arrived : upload.size();
    }

    /** When somebody last wrote to it. */
    Instant used() {
        return used;
    }

    boolean isBusy() {
        return writing.isLocked();
    }

    /**
     * Appends a stream to its end. If the stream breaks, what has come of it stays.
     *
     * @param from offset that the first byte must have; -1 for wherever the last request ended
     * @return {@link #size} afterwards
     * @throws IOException what the stream throws
     * @throws RepositoryException RANGE_INVALID if {@code from} is not {@link #size}; BLOB_UPLOAD_INVALID if another request
     *     is writing
     */
    public long append(InputStream in, long from) throws IOException {
        lock();
        try {
            if (from >= 0 && from != upload.size()) {
                throw new RepositoryException(
                        RepositoryException.Code.RANGE_INVALID,
                        "the chunk begins at " + from + ", but " + upload.size() + " bytes have arrived");
            }
            arrived = upload.size();
            upload.write(in, Long.MAX_VALUE - upload.size());
            used = Instant.now();
            return upload.size();
        } catch (ImageException e) {
            throw Repositories.translate(e, RepositoryException.Code.BLOB_UPLOAD_INVALID);
        } finally {
            writing.unlock();
        }
    }

    /**
     * Makes what has arrived a blob of the repository, and ends the session.
     *
     * @throws RepositoryException DIGEST_INVALID if it has another digest; the session is over then too
     */
    public void finish(String digest) {
        if (!Digest.isDigest(digest)) {
            throw Repositories.invalidDigest(digest);
        }
        lock();
        try {
            upload.finish(digest);
            repositories.link(name, digest);
        } catch (ImageException e) {
            upload.cancel();
            throw Repositories.translate(e, RepositoryException.Code.DIGEST_INVALID);
        } finally {
            writing.unlock();
            repositories.forget(this);
        }
    }

    /** Gives the upload up. */
    public void cancel() {
        lock();
        try {
            upload.cancel();
        } finally {
            writing.unlock();
            repositories.forget(this);
        }
    }

    private void lock() {
        if (!writing.tryLock()) {
            throw new RepositoryException(
                    RepositoryException.Code.BLOB_UPLOAD_INVALID,
                    "another request is writing to the upload " + upload.id());
        }
    }
}
