package kist.image;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Trees;

/**
 * The blobs of a store, each in a file named by its digest: configurations, manifests, layers as they came, and whatever else
 * a registry keeps. A blob is there whole or not at all, and stays as long as an image or a {@link Lease} holds it.
 * Thread-safe.
 *
 * <p>All methods throw {@link ImageException}: INVALID where a digest breaks the grammar.
 */
public final class Content {
    /** Half-written files that nobody touched for so long are removed. */
    private static final long UPLOAD_DAYS = 7;

    private static final long INGEST_DAYS = 1;

    private final StoreFiles files;
    private final ReentrantLock lock;
    private final Leases leases;
    private final Limits limits;
    /** Sizes by the digits of the digest; changed with the lock held. */
    private final Map<String, Long> blobs = new ConcurrentHashMap<>();

    private final Map<String, Upload> uploads = new HashMap<>();

    Content(StoreFiles files, ReentrantLock lock, Leases leases, Limits limits) {
        this.files = files;
        this.lock = lock;
        this.leases = leases;
        this.limits = limits;
    }

    /** Finds out what is there. */
    void load() {
        files.linux.scan(
                files.blobs,
                e -> blobs.put(e.name(), files.linux.stat(files.blobs, e.name()).size()));
        long now = System.currentTimeMillis() / 1000;
        sweep(files.uploads, Upload.DATA_BELOW, now - UPLOAD_DAYS * 86_400);
        sweep(files.ingest, "", now - INGEST_DAYS * 86_400);
    }

    private void sweep(Fd dir, String below, long oldest) {
        files.linux.scan(dir, e -> {
            boolean wanted = false;
            try {
                wanted = files.linux.stat(dir, e.name() + below).mtimeSec() >= oldest;
            } catch (KernelException gone) {
                if (gone.errno() != Errno.ENOENT) {
                    throw gone;
                }
            }
            if (!wanted) {
                files.discard(dir, e.name());
            }
        });
    }

    /** Bytes of a blob; empty where it is not there. */
    public Optional<Long> size(String digest) {
        return Optional.ofNullable(blobs.get(Digest.hex(digest, "the blob")));
    }

    /**
     * A whole small blob.
     *
     * @throws ImageException NOT_FOUND where it is not there, INVALID where it has more bytes than {@code maximum}
     */
    public byte[] read(String digest, int maximum) {
        String hex = Digest.hex(digest, "the blob");
        if (size(digest).orElseThrow(() -> missing(digest)) > maximum) {
            throw ImageException.invalid("blob " + digest + " has more than " + maximum + " bytes");
        }
        try {
            return files.read(files.blobs, hex, maximum);
        } catch (KernelException e) {
            throw failed(digest, e);
        }
    }

    /**
     * Opens a blob to be read; it stays readable until it is closed, even if it is removed meanwhile.
     *
     * @throws ImageException NOT_FOUND where it is not there
     */
    public SeekableByteChannel open(String digest) {
        try (Fd file = openFd(digest)) {
            return FileChannel.open(Path.of(file.procPath()), StandardOpenOption.READ);
        } catch (IOException e) {
            throw new ImageException(ImageException.Kind.INTERNAL, "cannot open blob " + digest + ": " + e, e);
        }
    }

    /** The same as a descriptor, which the caller closes. */
    Fd openFd(String digest) {
        String hex = Digest.hex(digest, "the blob");
        if (!blobs.containsKey(hex)) {
            throw missing(digest);
        }
        try {
            return files.linux.openat2(files.blobs, hex, Flags.O_RDONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
        } catch (KernelException e) {
            throw failed(digest, e);
        }
    }

    private static ImageException missing(String digest) {
        return new ImageException(ImageException.Kind.NOT_FOUND, "blob unknown: " + digest);
    }

    private static ImageException failed(String digest, KernelException e) {
        return e.errno() == Errno.ENOENT ? missing(digest) : ImageException.of("read blob " + digest, e);
    }

    /** Keeps a small blob, which the lease then holds; one that is there but damaged is replaced. */
    public void put(Lease lease, byte[] content) {
        String digest = Digest.of(content);
        leases.add(lease, digest);
        put(digest, content, true);
    }

    /** The same where a pin holds it already, and where the caller cares for its durability. */
    void putUnsynced(String digest, byte[] content) {
        put(digest, content, false);
    }

    private void put(String digest, byte[] content, boolean durable) {
        String hex = Digest.hex(digest, "the blob");
        try {
            if (blobs.containsKey(hex) && isWhole(hex, content)) {
                return;
            }
            if (durable) {
                files.write(files.blobs, hex, content);
            } else {
                files.writeUnsynced(files.blobs, hex, content);
            }
        } catch (KernelException e) {
            throw ImageException.of("write blob " + digest, e);
        }
        locked(() -> {
            blobs.put(hex, (long) content.length);
        });
    }

    private boolean isWhole(String hex, byte[] content) {
        try {
            return java.util.Arrays.equals(content, files.read(files.blobs, hex, content.length));
        } catch (KernelException | ImageException damaged) {
            return false;
        }
    }

    /**
     * Takes a finished file into the blobs, durable as it is. Something must hold it already.
     *
     * @param name the file in {@code dir}, which is gone from there afterwards
     */
    void install(Fd dir, String name, String digest, long size) {
        String hex = Digest.hex(digest, "the blob");
        locked(() -> {
            if (blobs.containsKey(hex)) {
                files.discard(dir, name);
            } else {
                files.linux.renameat2(dir, name, files.blobs, hex, 0);
                blobs.put(hex, size);
            }
        });
    }

    /** Begins a blob whose digest is told at its end. What was uploaded so far survives a crash. */
    public Upload begin(Lease lease) {
        String id = files.unique();
        return locked(() -> {
            Upload upload = Upload.create(files, this, lease, id, limits);
            uploads.put(id, upload);
            return upload;
        });
    }

    /**
     * Goes on with an upload, also after a restart.
     *
     * @param id what {@link Upload#id} said
     * @throws ImageException NOT_FOUND if there is no such upload, or if its lease ended
     */
    public Upload resume(String id) {
        if (id.length() != 24 || !Digest.isHexPrefix(id)) {
            throw Upload.unknown(id);
        }
        return locked(() -> {
            Upload upload = uploads.get(id);
            if (upload == null) {
                upload = Upload.reopen(files, this, leases, id, limits);
                uploads.put(id, upload);
            }
            return upload;
        });
    }

    void ended(Upload upload) {
        locked(() -> {
            uploads.remove(upload.id());
        });
    }

    void hold(Lease lease, String digest) {
        leases.add(lease, digest);
    }

    /** Has the lease hold a blob; false where it is not there. */
    public boolean keep(Lease lease, String digest) {
        String hex = Digest.hex(digest, "the blob");
        if (lease.permanent() && blobs.containsKey(hex)) {
            // it may have come with an image that is not on disk yet
            try (Fd file = openFd(digest)) {
                files.linux.sync(file, false);
                files.linux.sync(files.blobs, true);
            } catch (ImageException gone) {
                if (gone.kind() == ImageException.Kind.NOT_FOUND) {
                    return false;
                }
                throw gone;
            }
        }
        return locked(() -> {
            if (!blobs.containsKey(hex)) {
                return false;
            }
            leases.add(lease, digest);
            return true;
        });
    }

    /** Removes all blobs but these digests. The lock is held. */
    void retain(Set<String> wanted) {
        for (String hex : List.copyOf(blobs.keySet())) {
            if (!wanted.contains("sha256:" + hex)) {
                blobs.remove(hex);
                files.discard(files.blobs, hex);
            }
        }
    }

    /** Bytes of all blobs. */
    long total() {
        return blobs.values().stream().mapToLong(Long::longValue).sum();
    }

    private interface Work<T> {
        T run();
    }

    private void locked(Runnable work) {
        locked(() -> {
            work.run();
            return true;
        });
    }

    private <T> T locked(Work<T> work) {
        lock.lock();
        try {
            return work.run();
        } catch (KernelException e) {
            throw ImageException.of("change the blobs of " + files.where, e);
        } finally {
            lock.unlock();
        }
    }
}
