package kist.volume;

import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * Volumes on disk, a directory each: {@code NAME/_data} with the content and {@code NAME/volume.json}. Each appears and
 * vanishes by one rename, so a crash leaves it whole or not at all. What an image puts into an empty volume that exists
 * already is made in {@code NAME/fill}, which becomes {@code NAME/full} when it is whole, and is then moved into
 * {@code _data}. Thread-safe for different volumes.
 */
final class VolumeFiles implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist");
    private static final String NEW = ".new-";
    private static final String GONE = ".gone-";
    private static final String DATA = "_data";
    private static final String RECORD = "volume.json";
    private static final String FILL = "fill";
    private static final String FULL = "full";
    private static final int RENAME_NOREPLACE = 1;
    private static final int MAXIMUM_RECORD = 16 << 20;

    private final Linux linux;
    private final Path directory;
    private final Fd root;
    private final JsonType<StoredVolume> records = Jsonb.builder().build().type(StoredVolume.class);
    private final AtomicLong graves = new AtomicLong();
    private final ExecutorService deleting = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("kist-volume-trash").factory());

    VolumeFiles(Path directory, Linux linux) throws IOException {
        this.linux = linux;
        this.directory = directory;
        Files.createDirectories(directory);
        root = linux.open(directory, Flags.O_RDONLY | Flags.O_DIRECTORY, 0);
        // set-id files of containers must not be reachable from the host
        linux.chmod(root, 0700);
    }

    Path data(String name) {
        return directory.resolve(name).resolve(DATA);
    }

    /** Reads all volumes; finishes or takes back what a crash left half done. */
    List<StoredVolume> load() {
        List<StoredVolume> found = new ArrayList<>();
        List<String> left = new ArrayList<>();
        linux.scan(root, e -> {
            if (e.name().startsWith(NEW) || e.name().startsWith(GONE)) {
                left.add(e.name());
            } else {
                try (Fd volume = open(root, e.name())) {
                    found.add(read(volume, e.name()));
                    settle(volume);
                } catch (KernelException | IllegalStateException damaged) {
                    LOG.log(
                            System.Logger.Level.ERROR,
                            "the volume in {0}/{1} cannot be read ({2}); it is left as it is: repair or move it away",
                            directory,
                            e.name(),
                            damaged.getMessage());
                }
            }
        });
        left.forEach(this::deleteLater);
        return found;
    }

    private StoredVolume read(Fd volume, String name) {
        byte[] bytes;
        try (Fd file = linux.openat2(volume, RECORD, Flags.O_RDONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            long size = linux.stat(file, "").size();
            if (size > MAXIMUM_RECORD) {
                throw new IllegalStateException(RECORD + " has " + size + " bytes");
            }
            bytes = new byte[(int) size];
            for (int at = 0, n; at < bytes.length && (n = linux.read(file, bytes, at, bytes.length - at)) > 0; ) {
                at += n;
            }
        }
        StoredVolume stored;
        try {
            stored = records.fromJson(new String(bytes, StandardCharsets.UTF_8));
        } catch (RuntimeException e) {
            throw new IllegalStateException(RECORD + " is damaged: " + e.getMessage(), e);
        }
        if (stored.format() < 1 || stored.format() > StoredVolume.FORMAT) {
            throw new IllegalStateException("its format " + stored.format()
                    + " is not one that this version knows (up to " + StoredVolume.FORMAT + "); a newer Kist wrote it");
        }
        if (!stored.name().equals(name)) {
            throw new IllegalStateException("its record is of the volume " + VolumeName.printable(stored.name()));
        }
        return stored;
    }

    private void settle(Fd volume) {
        Trees.delete(linux, volume, FILL);
        moveIn(volume);
    }

    private Fd open(Fd dir, String name) {
        return linux.openat2(dir, name, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
    }

    /**
     * Makes a volume on disk.
     *
     * @param durable whether a crash of the host must not lose it
     */
    void create(StoredVolume volume, boolean durable, Volumes.Filler filler) {
        String temporary = NEW + volume.name();
        boolean done = false;
        try {
            linux.mkdirat(root, temporary, 0700);
            try (Fd dir = open(root, temporary)) {
                linux.mkdirat(dir, DATA, 0755);
                try (Fd data = open(dir, DATA)) {
                    linux.chmod(data, 0755); // whatever the umask says
                    filler.fill(data);
                }
                byte[] json = records.toJson(volume).getBytes(StandardCharsets.UTF_8);
                try (Fd file =
                        linux.openat2(dir, RECORD, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL, 0600, Trees.INSIDE)) {
                    linux.write(file, json, 0, json.length);
                    if (durable) {
                        linux.sync(file, true);
                        linux.sync(dir, true);
                    }
                }
            }
            linux.renameat2(root, temporary, root, volume.name(), RENAME_NOREPLACE);
            if (durable) {
                linux.sync(root, true);
            }
            done = true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST) {
                throw new VolumeException(
                        VolumeException.Kind.CONFLICT,
                        "there is something in " + directory.resolve(volume.name())
                                + " that this engine could not read when it started; repair or move it away",
                        e);
            }
            throw VolumeException.of("make the volume " + volume.name(), e);
        } finally {
            if (!done) {
                discard(temporary);
            }
        }
    }

    /** Whether there is nothing in a volume. */
    boolean isEmpty(String name) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(data(name))) {
            return !entries.iterator().hasNext();
        } catch (IOException e) {
            throw new VolumeException(
                    VolumeException.Kind.INTERNAL, "cannot read the volume " + name + ": " + e.getMessage(), e);
        }
    }

    /** Fills an empty volume that others may use already; a crash leaves it empty or full. */
    void fill(String name, Volumes.Filler filler) {
        try (Fd volume = open(root, name)) {
            Trees.delete(linux, volume, FILL);
            linux.mkdirat(volume, FILL, 0755);
            boolean whole = false;
            try (Fd fill = open(volume, FILL)) {
                linux.chmod(fill, 0755);
                filler.fill(fill);
                linux.renameat2(volume, FILL, volume, FULL, RENAME_NOREPLACE);
                whole = true;
            } finally {
                if (!whole) {
                    Trees.delete(linux, volume, FILL);
                }
            }
            moveIn(volume);
        } catch (KernelException e) {
            throw VolumeException.of("fill the volume " + name, e);
        }
    }

    private void moveIn(Fd volume) {
        Fd full;
        try {
            full = open(volume, FULL);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return;
            }
            throw e;
        }
        try (full;
                Fd data = open(volume, DATA)) {
            for (Linux.DirEntry e : linux.list(full)) {
                try {
                    linux.renameat2(full, e.name(), data, e.name(), RENAME_NOREPLACE);
                } catch (KernelException taken) {
                    if (taken.errno() != Errno.EEXIST) {
                        throw taken;
                    }
                    // a container was quicker: what it wrote stays
                }
            }
            Linux.Stat like = linux.stat(full, "");
            linux.fchownat(data, "", like.uid(), like.gid());
            linux.chmod(data, like.mode() & 07777);
        }
        Trees.delete(linux, volume, FULL);
    }

    /** Takes a volume out of sight at once and deletes it soon. */
    void discard(String name) {
        String grave = GONE + Long.toHexString(System.nanoTime()) + "-" + graves.incrementAndGet();
        try {
            linux.renameat2(root, name, root, grave, RENAME_NOREPLACE);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return;
            }
            throw VolumeException.of("remove the volume " + name, e);
        }
        deleteLater(grave);
    }

    private void deleteLater(String name) {
        deleting.execute(() -> {
            try {
                Trees.delete(linux, root, name);
            } catch (RuntimeException e) {
                // it stays out of sight; the next engine tries again
                LOG.log(System.Logger.Level.WARNING, "cannot delete {0}/{1}: {2}", directory, name, e.getMessage());
            }
        });
    }

    /** Waits until everything discarded so far is deleted. */
    void awaitDeletions() throws InterruptedException {
        try {
            deleting.submit(() -> {}).get();
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The content, or with a subpath a part of it, as a detached mount. */
    Fd mount(String name, String subpath) {
        long below = Flags.RESOLVE_BENEATH | Flags.RESOLVE_NO_MAGICLINKS;
        try (Fd volume = open(root, name);
                Fd data = open(volume, DATA);
                Fd at = linux.openat2(data, subpath.isEmpty() ? "." : subpath, Flags.O_PATH, 0, below)) {
            return linux.openTree(at, "", Flags.OPEN_TREE_CLONE | (long) Flags.AT_EMPTY_PATH);
        } catch (KernelException e) {
            if (subpath.isEmpty()) {
                throw VolumeException.of("mount the volume " + name, e);
            }
            throw new VolumeException(
                    VolumeException.Kind.INVALID,
                    "cannot access path " + VolumeName.printable(subpath) + " of the volume " + name + ": "
                            + (e.errno() == Errno.EXDEV ? "it leads out of the volume" : Errno.describe(e.errno())),
                    e);
        }
    }

    /** Bytes of the regular files. */
    long size(String name) {
        try (Fd data = linux.openat2(
                root, name + "/" + DATA, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            return Trees.size(linux, data);
        } catch (KernelException e) {
            throw VolumeException.of("measure the volume " + name, e);
        }
    }

    StoredVolume record(Wanted wanted, long createdNanos) {
        return new StoredVolume(
                StoredVolume.FORMAT,
                wanted.name(),
                createdNanos,
                Map.copyOf(wanted.labels()),
                Map.copyOf(wanted.options()));
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
            root.close();
        } else {
            deleting.shutdownNow(); // what is left is deleted by the next engine; the descriptor must not be reused
            // under it
        }
    }
}
