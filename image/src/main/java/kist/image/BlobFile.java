package kist.image;

import java.security.MessageDigest;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Trees;

/** A blob that is being written below the store's temporary directory; closing it removes it unless it was installed. Not thread-safe. */
final class BlobFile implements AutoCloseable {
    private final StoreFiles files;
    private final Budget budget;
    private final String what;
    private final String name;
    private final Fd file;
    private final MessageDigest running = Digest.sha256();
    private long size;
    private String digest = "";
    private boolean installed;

    BlobFile(StoreFiles files, Budget budget, String what) {
        this.files = files;
        this.budget = budget;
        this.what = what;
        this.name = files.unique();
        this.file = files.linux.openat2(
                files.temporary, name, Flags.O_RDWR | Flags.O_CREAT | Flags.O_EXCL, 0600, Trees.INSIDE);
    }

    void write(byte[] bytes, int offset, int length) {
        budget.writing(what, length);
        running.update(bytes, offset, length);
        files.linux.pwrite(file, bytes, offset, length, size);
        size += length;
    }

    /** Ends it; answers its digest. */
    String finish() {
        if (digest.isEmpty()) {
            digest = Digest.finish(running);
        }
        return digest;
    }

    String digest() {
        return digest;
    }

    long size() {
        return size;
    }

    Fd file() {
        return file;
    }

    /** Moves it among the blobs; something must hold it. The caller cares for its durability. */
    void install(Content content) {
        content.install(files.temporary, name, digest, size);
        installed = true;
    }

    @Override
    public void close() {
        file.close();
        if (!installed) {
            files.discard(files.temporary, name);
        }
    }
}
