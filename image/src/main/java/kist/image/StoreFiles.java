package kist.image;

import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * The directories of the store on disk and the few ways in which anything appears in or leaves them, each of which a crash
 * finds either done or not begun. Thread-safe.
 */
final class StoreFiles implements AutoCloseable {
    static final int RENAME_NOREPLACE = 1;

    private static final System.Logger LOG = System.getLogger(StoreFiles.class.getName());
    private static final HexFormat HEX = HexFormat.of();

    final Linux linux;
    final String where;
    final Fd root;
    /** What is being made; its content is worthless after a crash. */
    final Fd temporary;
    /** What is being deleted. */
    final Fd trash;
    /** One directory a layer. */
    final Fd layers;
    /** Content by its digest. */
    final Fd blobs;
    /** Downloads that are not complete, by the digest that they should have. */
    final Fd ingest;
    /** One directory an upload. */
    final Fd uploads;
    /** One file a lease. */
    final Fd leases;
    /** One directory a container. */
    final Fd snapshots;
    /**
     * Two empty directories that stand for layers where an image has too few, and {@code mountpoints}: what every container
     * has something mounted on, at the bottom of all layers, so that it need not be made for each container anew.
     */
    final Fd empty;

    /** This run of the machine; empty where it does not say. */
    final String boot;

    static final String MOUNTPOINTS = "mountpoints";

    private final List<Fd> open = new ArrayList<>();
    private final SecureRandom random = new SecureRandom();
    private final ExecutorService deleting = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("kist-image-trash").factory());

    StoreFiles(Path directory, Linux linux) {
        this.linux = linux;
        this.where = directory.toString();
        this.boot = bootId();
        boolean opened = false;
        try {
            java.nio.file.Files.createDirectories(directory);
            root = keep(linux.open(directory, Flags.O_RDONLY | Flags.O_DIRECTORY, 0));
            // set-id files of images must not be reachable from the host
            linux.chmod(root, 0700);
            Fd lock = keep(
                    linux.openat2(root, "lock", Flags.O_RDWR | Flags.O_CREAT | Flags.O_NOFOLLOW, 0600, Trees.INSIDE));
            if (!linux.flock(lock, true)) {
                throw new ImageException(
                        ImageException.Kind.CONFLICT, "the image store " + where + " is in use by another engine");
            }
            temporary = directory("tmp");
            trash = directory("trash");
            // every layer is made here: far from one another, and from the inodes that were just deleted, they are made
            // faster
            linux.spreadDirectories(temporary);
            layers = directory("layers");
            blobs = directory("blobs");
            ingest = directory("ingest");
            uploads = directory("uploads");
            leases = directory("leases");
            snapshots = directory("snapshots");
            empty = directory("empty");
            makeDirectory(empty, "1", 0755);
            makeDirectory(empty, "2", 0755);
            mountpoints();
            linux.sync(root, true);
            opened = true;
        } catch (java.io.IOException e) {
            throw new ImageException(
                    ImageException.Kind.INTERNAL, "cannot make the image store " + where + ": " + e, e);
        } catch (KernelException e) {
            throw ImageException.of("open the image store " + where, e);
        } finally {
            if (!opened) {
                open.forEach(Fd::close);
            }
        }
        // what an engine was making or deleting when it was killed
        linux.scan(temporary, e -> linux.renameat2(temporary, e.name(), trash, unique(), 0));
        linux.scan(trash, e -> deleteLater(e.name()));
    }

    /** proc_sys_kernel(5), random/boot_id. */
    private static String bootId() {
        try {
            return java.nio.file.Files.readString(Path.of("/proc/sys/kernel/random/boot_id"))
                    .strip();
        } catch (java.io.IOException e) {
            return "";
        }
    }

    private void mountpoints() {
        makeDirectory(empty, MOUNTPOINTS, 0755);
        try (Fd bottom = openPath(empty, MOUNTPOINTS)) {
            for (String name : List.of("proc", "sys", "dev", "etc")) {
                makeDirectory(bottom, name, 0755);
            }
            for (String name : List.of("etc/hosts", "etc/hostname", "etc/resolv.conf")) {
                linux.openat2(bottom, name, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_NOFOLLOW, 0644, Trees.INSIDE)
                        .close();
            }
        }
    }

    private Fd directory(String name) {
        makeDirectory(root, name, 0700);
        return keep(linux.openat2(root, name, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE));
    }

    /** Has a descriptor closed with the store. */
    private Fd keep(Fd fd) {
        open.add(fd);
        return fd;
    }

    private void makeDirectory(Fd parent, String name, int mode) {
        try {
            linux.mkdirat(parent, name, mode);
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
        }
    }

    /** A name that nothing in the store has. */
    String unique() {
        byte[] bytes = new byte[12];
        random.nextBytes(bytes);
        return HEX.formatHex(bytes);
    }

    /** Makes a new directory below {@link #temporary} and answers its name. */
    String newTemporary() {
        String name = unique();
        linux.mkdirat(temporary, name, 0700);
        return name;
    }

    /** Opens a directory to be used as a path's root, without the right to read it. */
    Fd openPath(Fd dir, String path) {
        return linux.openat2(dir, path, Flags.O_PATH | Flags.O_DIRECTORY, 0, Trees.INSIDE);
    }

    /** Opens a directory to be read and synced. */
    Fd openDirectory(Fd dir, String name) {
        return linux.openat2(dir, name, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
    }

    /** Whether a directory has such an entry. */
    boolean exists(Fd dir, String name) {
        try {
            linux.stat(dir, name);
            return true;
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    /** Takes an entry out of sight at once and deletes it with all below it soon; nothing happens where it is not there. */
    void discard(Fd dir, String name) {
        String grave = unique();
        try {
            linux.renameat2(dir, name, trash, grave, RENAME_NOREPLACE);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return;
            }
            throw e;
        }
        deleteLater(grave);
    }

    private void deleteLater(String name) {
        deleting.execute(() -> {
            try {
                Trees.delete(linux, trash, name);
            } catch (RuntimeException e) {
                // it stays out of sight; the next engine tries again
                LOG.log(System.Logger.Level.WARNING, "cannot delete {0}/trash/{1}: {2}", where, name, e.getMessage());
            }
        });
    }

    /** Writes a file that a crash leaves either as it was or complete. */
    void write(Fd dir, String name, byte[] content) {
        write(dir, name, content, true);
    }

    /** The same for what may be lost, or empty, after a crash of the machine, though not after one of the engine. */
    void writeUnsynced(Fd dir, String name, byte[] content) {
        write(dir, name, content, false);
    }

    private void write(Fd dir, String name, byte[] content, boolean durable) {
        String unfinished = unique();
        boolean done = false;
        try {
            try (Fd file = linux.openat2(
                    temporary, unfinished, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL, 0600, Trees.INSIDE)) {
                linux.write(file, content, 0, content.length);
                if (durable) {
                    linux.sync(file, true);
                }
            }
            linux.renameat2(temporary, unfinished, dir, name, 0);
            done = true;
        } finally {
            if (!done) {
                Trees.delete(linux, temporary, unfinished);
            }
        }
        if (durable) {
            linux.sync(dir, true);
        }
    }

    /** Reads a file of the store. */
    byte[] read(Fd dir, String name, int maximum) {
        try (Fd file = linux.openat2(dir, name, Flags.O_RDONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            byte[] content =
                    new byte[(int) Math.min(maximum, linux.stat(file, "").size()) + 1];
            int length = 0;
            for (int n;
                    length < content.length && (n = linux.read(file, content, length, content.length - length)) > 0; ) {
                length += n;
            }
            if (length > maximum) {
                throw new ImageException(
                        ImageException.Kind.INTERNAL, name + " in " + where + " has more than " + maximum + " bytes");
            }
            return java.util.Arrays.copyOf(content, length);
        }
    }

    /** Waits until everything discarded so far is deleted. */
    void awaitDeletions() throws InterruptedException {
        try {
            deleting.submit(() -> {}).get();
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        deleting.shutdown();
        boolean ended = false;
        try {
            ended = deleting.awaitTermination(2, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (ended) {
            open.forEach(Fd::close);
        } else {
            // what is left stays in the trash for the next engine; descriptors must not be reused under the thread
            deleting.shutdownNow();
            // but the lock must not outlive the store: it was opened second
            open.get(1).close();
        }
    }
}
