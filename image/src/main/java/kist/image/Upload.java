package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * A blob that arrives bit by bit: {@code uploads/ID/data} with the id of its lease beside it. Thread-safe; one writer at a
 * time, others wait.
 *
 * <p>All methods throw {@link ImageException}: NOT_FOUND after {@link #finish} or {@link #cancel}.
 */
public final class Upload {
    private static final String DATA = "data";
    static final String DATA_BELOW = "/" + DATA;
    private static final String LEASE = "lease";
    private static final int PIECE = 256 << 10;

    private final StoreFiles files;
    private final Content content;
    private final Lease lease;
    private final String id;
    private final Budget budget;
    /** Of all bytes so far; empty where an earlier engine received some of them. */
    private Optional<MessageDigest> running;

    private long size;
    private boolean ended;

    private Upload(
            StoreFiles files,
            Content content,
            Lease lease,
            String id,
            Limits limits,
            Optional<MessageDigest> running,
            long size) {
        this.files = files;
        this.content = content;
        this.lease = lease;
        this.id = id;
        this.budget = new Budget(files.linux, files.temporary, limits);
        this.running = running;
        this.size = size;
    }

    static Upload create(StoreFiles files, Content content, Lease lease, String id, Limits limits) {
        String temporary = files.newTemporary();
        boolean done = false;
        try (Fd dir = files.openDirectory(files.temporary, temporary)) {
            write(files.linux, dir, LEASE, lease.id().getBytes(StandardCharsets.UTF_8));
            write(files.linux, dir, DATA, new byte[0]);
            files.linux.renameat2(files.temporary, temporary, files.uploads, id, StoreFiles.RENAME_NOREPLACE);
            done = true;
        } finally {
            if (!done) {
                files.discard(files.temporary, temporary);
            }
        }
        return new Upload(files, content, lease, id, limits, Optional.of(Digest.sha256()), 0);
    }

    private static void write(Linux linux, Fd dir, String name, byte[] bytes) {
        try (Fd file = linux.openat2(dir, name, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL, 0600, Trees.INSIDE)) {
            linux.write(file, bytes, 0, bytes.length);
        }
    }

    static Upload reopen(StoreFiles files, Content content, Leases leases, String id, Limits limits) {
        try (Fd dir = files.openDirectory(files.uploads, id)) {
            Lease lease = leases.get(new String(files.read(dir, LEASE, 4096), StandardCharsets.UTF_8));
            long size = files.linux.stat(dir, DATA).size();
            Optional<MessageDigest> fresh = size == 0 ? Optional.of(Digest.sha256()) : Optional.empty();
            return new Upload(files, content, lease, id, limits, fresh, size);
        } catch (KernelException e) {
            throw e.errno() == Errno.ENOENT ? unknown(id) : ImageException.of("read upload " + id, e);
        }
    }

    static ImageException unknown(String id) {
        return new ImageException(ImageException.Kind.NOT_FOUND, "upload unknown: " + Text.quote(id));
    }

    /** What it is resumed by: 24 hexadecimal digits. */
    public String id() {
        return id;
    }

    /** Bytes so far. */
    public synchronized long size() {
        return size;
    }

    /**
     * Appends what a stream brings until it ends; what arrived before an exception stays.
     *
     * @param maximum bytes that the stream may bring
     * @return bytes so far
     * @throws IOException of the stream
     * @throws ImageException INVALID where the stream brings more; NO_SPACE
     */
    public synchronized long write(InputStream in, long maximum) throws IOException {
        check();
        byte[] piece = new byte[PIECE];
        long left = maximum;
        try (Fd dir = files.openDirectory(files.uploads, id);
                Fd file = files.linux.openat2(dir, DATA, Flags.O_WRONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            for (int n; (n = in.read(piece, 0, (int) Math.min(piece.length, Math.max(1, left)))) >= 0; ) {
                if (n > left) {
                    throw ImageException.invalid(
                            "upload " + id + " brings more than the " + maximum + " bytes announced");
                }
                budget.entry("upload " + id, n, size);
                budget.writing("upload " + id, n);
                files.linux.pwrite(file, piece, 0, n, size);
                if (running.isPresent()) {
                    running.get().update(piece, 0, n);
                }
                size += n;
                left -= n;
            }
        } catch (KernelException e) {
            // what is in the file may be more than what was digested
            running = Optional.empty();
            throw ImageException.of("write upload " + id, e);
        }
        return size;
    }

    /**
     * Makes the blob of what was uploaded, durable, and held by the lease.
     *
     * @param digest what its digest must be
     * @throws ImageException INVALID where it is another; the upload goes on then
     */
    public synchronized void finish(String digest) {
        check();
        Digest.hex(digest, "the digest of upload " + id);
        try (Fd dir = files.openDirectory(files.uploads, id)) {
            try (Fd file = files.linux.openat2(dir, DATA, Flags.O_RDWR | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
                files.linux.truncate(file, size);
                String found = running.isPresent() ? copy(running.get()) : digest(file);
                if (!found.equals(digest)) {
                    throw ImageException.invalid(
                            "digest mismatch: upload " + id + " has the digest " + found + ", not " + digest);
                }
                files.linux.sync(file, false);
            }
            content.hold(lease, digest);
            content.install(dir, DATA, digest, size);
            files.linux.sync(files.blobs, true);
        } catch (KernelException e) {
            throw ImageException.of("finish upload " + id, e);
        }
        cancel();
    }

    private static String copy(MessageDigest digest) {
        try {
            return Digest.finish((MessageDigest) digest.clone());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("SHA-256 of the platform can be copied", e);
        }
    }

    private String digest(Fd file) {
        MessageDigest digest = Digest.sha256();
        byte[] piece = new byte[PIECE];
        long at = 0;
        for (int n;
                at < size
                        && (n = files.linux.pread(file, piece, 0, (int) Math.min(piece.length, size - at), at)) > 0; ) {
            digest.update(piece, 0, n);
            at += n;
        }
        running = Optional.of(digest);
        return copy(digest);
    }

    /** Gives it up; nothing of it stays. Harmless when repeated. */
    public synchronized void cancel() {
        if (!ended) {
            ended = true;
            content.ended(this);
            files.discard(files.uploads, id);
        }
    }

    private void check() {
        if (ended) {
            throw unknown(id);
        }
    }
}
