package kist.image;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * The file systems of containers, each on top of an image: {@code snapshots/<id>} with what the container has written and
 * the link {@code image}, whose target is the image's id. Thread-safe.
 *
 * <p>They are kept in one of two ways ({@link Snapshotter}), which the store was opened with; containers that were made
 * in the other way go on as they are.
 *
 * <p>All methods throw {@link ImageException}.
 */
public final class Snapshots {
    private static final System.Logger LOG = System.getLogger(Snapshots.class.getName());
    private static final String IMAGE = "image";

    private final StoreFiles files;
    private final Linux linux;
    private final Overlay overlay;
    private final Catalog catalog;
    private final ImageLayers layers;
    private final OverlaySnapshots overlays;
    private final CopySnapshots copies;
    private final SnapshotForm form;
    private final Map<String, Snapshot> snapshots = new ConcurrentHashMap<>();

    private record Snapshot(String imageId, SnapshotForm form) {}

    Snapshots(StoreFiles files, Overlay overlay, Catalog catalog) {
        this.files = files;
        this.linux = files.linux;
        this.overlay = overlay;
        this.catalog = catalog;
        this.layers = new ImageLayers(files, catalog);
        this.overlays = new OverlaySnapshots(files, overlay, layers);
        this.copies = new CopySnapshots(files, overlay, layers);
        this.form = overlay.isUsable() ? overlays : copies;
    }

    void load() {
        linux.scan(files.snapshots, e -> {
            try (Fd dir = files.openPath(files.snapshots, e.name())) {
                SnapshotForm made = files.exists(dir, CopySnapshots.TREE) ? copies : overlays;
                snapshots.put(e.name(), new Snapshot(linux.readlinkat(dir, IMAGE), made));
            } catch (KernelException damaged) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the file system of container {0} is damaged: {1}",
                        e.name(),
                        damaged.getMessage());
            }
        });
        sweep();
    }

    /** Drops what was kept for images that are gone. */
    void sweep() {
        copies.sweep();
    }

    boolean uses(String imageId) {
        return snapshots.values().stream().anyMatch(s -> s.imageId().equals(imageId));
    }

    /**
     * Makes the file system of a container, as its image has it; nothing is left of it on failure. It is durable when the
     * caller has synced its own record of the container, on the same file system: a journal is committed in order.
     *
     * @param id up to 128 letters, digits, {@code _}, {@code .} and {@code -}, beginning with a letter or digit
     * @throws ImageException CONFLICT if there is one of that id, NOT_FOUND if there is no such image
     */
    public void prepare(String id, String imageId) {
        checkId(id);
        if (snapshots.containsKey(id)) {
            throw taken(id);
        }
        // the layers must stay while they are copied
        List<String> pins = new ArrayList<>();
        String temporary = files.unique();
        boolean done = false;
        try {
            if (form == copies) {
                catalog.locked(() -> {
                    checkImage(imageId);
                    pins.add(imageId);
                    pins.addAll(layers.directories(imageId));
                    pins.forEach(catalog::pin);
                    return pins;
                });
            }
            linux.mkdirat(files.temporary, temporary, 0700);
            try (Fd dir = files.openPath(files.temporary, temporary)) {
                form.make(dir, imageId);
                linux.symlinkat(imageId, dir, IMAGE);
            }
            catalog.locked(() -> {
                checkImage(imageId);
                linux.renameat2(files.temporary, temporary, files.snapshots, id, StoreFiles.RENAME_NOREPLACE);
                return snapshots.put(id, new Snapshot(imageId, form)) == null;
            });
            done = true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST) {
                throw taken(id);
            }
            throw ImageException.of("make the file system of container " + id, e);
        } finally {
            if (!done) {
                files.discard(files.temporary, temporary);
            }
            if (!pins.isEmpty()) {
                catalog.unpin(pins);
            }
        }
    }

    private void checkImage(String imageId) {
        if (!catalog.has(imageId)) {
            throw new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + imageId);
        }
    }

    private static ImageException taken(String id) {
        return new ImageException(
                ImageException.Kind.CONFLICT, "a container of the id " + id + " has a file system already");
    }

    /**
     * Makes the root file system of a container as a detached mount, which the caller closes; it appears in no mount table
     * until it is attached.
     *
     * @param readOnly whether the mount refuses writes
     * @param isVolatile whether nothing needs to be on disk after a crash of the machine: for containers that are removed
     *     when they end. After such a crash it can be mounted again, but nobody knows what it holds. Copies do not heed it
     */
    public Fd mount(String id, boolean readOnly, boolean isVolatile) {
        Snapshot snapshot = get(id);
        return guarded(id, "mount", () -> usable(snapshot).mount(id, snapshot.imageId(), readOnly, isVolatile));
    }

    /** The same to be read only, as a detached mount that disturbs no other one; the container may run or be started. */
    public Fd mountForReading(String id) {
        Snapshot snapshot = get(id);
        return guarded(id, "mount", () -> usable(snapshot).mountForReading(id, snapshot.imageId()));
    }

    /** The file system of an image, read-only, as a detached mount, which the caller closes. */
    public Fd mountImage(String imageId) {
        try {
            return form.mountImage(imageId);
        } catch (KernelException e) {
            throw ImageException.of("mount image " + imageId, e);
        }
    }

    private SnapshotForm usable(Snapshot snapshot) {
        if (snapshot.form() == overlays && !overlay.isUsable()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "this container lies on an overlay, which does not work here or was switched off; open the store with"
                            + " the storage driver overlay, or make the container anew");
        }
        return snapshot.form();
    }

    /**
     * Removes the file system of a container; nothing happens where there is none. It is out of sight at once, and off the
     * disk soon after, also under a mount that is still open.
     */
    public void remove(String id) {
        checkId(id);
        try {
            files.discard(files.snapshots, id);
        } catch (KernelException e) {
            throw ImageException.of("remove the file system of container " + id, e);
        }
        Snapshot snapshot = snapshots.remove(id);
        if (snapshot != null) {
            catalog.released(snapshot.imageId());
        }
    }

    /** The containers that have a file system. */
    public List<String> ids() {
        return List.copyOf(snapshots.keySet());
    }

    /** The image that a container's file system lies on. */
    public String imageOf(String id) {
        return get(id).imageId();
    }

    /** Bytes of the regular files that a container has written or changed, files with several names once. */
    public long usage(String id) {
        Snapshot snapshot = get(id);
        return guarded(id, "measure", () -> snapshot.form().usage(id, snapshot.imageId()));
    }

    /** Bytes that the file systems of all containers take on disk, beside the layers of their images. */
    public long totalUsage() {
        long sum = 0;
        for (String id : ids()) {
            try (Fd changed = get(id).form().openChanged(id)) {
                sum += Trees.size(linux, changed);
            } catch (ImageException | KernelException gone) {
                LOG.log(System.Logger.Level.DEBUG, "container {0} is not measured: {1}", id, gone.getMessage());
            }
        }
        return sum;
    }

    /**
     * What a container has changed in its image's file system, in the order of the paths, each directory before what is in
     * it. The container may run. A directory whose entries have come or gone is modified; below one that was deleted
     * nothing is told. What only the engine has put there for something to be mounted on is none.
     */
    public List<Change> changes(String id) {
        List<Change> changes = new ArrayList<>();
        try {
            differences(id, (tree, visitor) -> d -> changes.add(new Change(d.kind(), "/" + d.path())));
        } catch (IOException e) {
            throw new IllegalStateException("nothing is written here", e);
        }
        return List.copyOf(changes);
    }

    /**
     * Writes what a container has changed as the tar of a layer, uncompressed (OCI image spec, layer.md); the same changes
     * always give the same bytes. The container may run: then each file is as it is when it is read.
     *
     * @param out neither buffered nor closed here
     * @throws IOException what {@code out} throws
     * @throws ImageException UNSUPPORTED for what no layer can hold, such as a file named {@code .wh.x}
     */
    public void diff(String id, OutputStream out) throws IOException {
        TarWriter tar = new TarWriter(out);
        differences(id, (tree, nothing) -> new LayerDiff(linux, tree, tar));
        tar.finish();
    }

    private interface Writer {
        Difference.Visitor over(Directories tree, String id);
    }

    private void differences(String id, Writer writer) throws IOException {
        Snapshot snapshot = get(id);
        SnapshotForm how = usable(snapshot);
        guardedIo(id, "read", () -> {
            try (Fd changed = how.openChanged(id);
                    Fd image = how.mountImage(snapshot.imageId());
                    Directories after = new Directories(linux, changed);
                    Directories before = new Directories(linux, image)) {
                Difference.Visitor visitor = writer.over(after, id);
                root(snapshot.imageId(), changed, visitor);
                how.differences(after, before, visitor);
            }
        });
    }

    /** The root directory counts only where somebody has changed its owner or mode. */
    private void root(String imageId, Fd changed, Difference.Visitor visitor) throws IOException {
        ImageLayers.Root root = layers.root(imageId);
        Linux.Stat stat = linux.stat(changed, "");
        if (stat.uid() != root.uid() || stat.gid() != root.gid() || (stat.mode() & 07777) != root.mode()) {
            visitor.found(new Difference(
                    Change.Kind.MODIFIED, "", java.util.Optional.of(stat), java.util.Optional.of(stat), false, false));
        }
    }

    /**
     * Writes the whole file system of a container as a tar, uncompressed. The container may run: then each file is as it is
     * when it is read.
     *
     * @param out neither buffered nor closed here
     * @throws IOException what {@code out} throws
     */
    public void export(String id, OutputStream out) throws IOException {
        Snapshot snapshot = get(id);
        SnapshotForm how = usable(snapshot);
        guardedIo(id, "read", () -> {
            try (Fd root = how.mountForReading(id, snapshot.imageId());
                    Directories tree = new Directories(linux, root)) {
                TarWriter tar = new TarWriter(out);
                new TreeTar(linux, tree, tar).all();
                tar.finish();
            }
        });
    }

    /**
     * Tells in what the file system of one image differs from another's, in the order of the paths. Content counts, times do
     * not. Layers that both have at the bottom are passed over, and so is what no other layer touches.
     *
     * @param sink is called on this thread; what it throws ends the comparison
     */
    public void compare(String beforeImage, String afterImage, Consumer<TreeChange> sink) {
        try (Fd before = mountImage(beforeImage);
                Fd after = mountImage(afterImage);
                Directories from = new Directories(linux, before);
                Directories to = new Directories(linux, after)) {
            TreeComparison comparison =
                    new TreeComparison(linux, from, to, d -> sink.accept(TreeChange.of(d))).everything();
            List<Fd> open = new ArrayList<>();
            List<Directories> unshared = new ArrayList<>();
            try {
                for (String directory : unshared(beforeImage, afterImage)) {
                    Fd layer = catalog.openLayer(directory);
                    open.add(layer);
                    unshared.add(new Directories(linux, layer));
                }
                comparison.only(overlay, unshared).run();
            } finally {
                unshared.forEach(Directories::close);
                open.forEach(Fd::close);
            }
        } catch (KernelException e) {
            throw ImageException.of("compare the images " + beforeImage + " and " + afterImage, e);
        } catch (IOException e) {
            throw new IllegalStateException("nothing is written here", e);
        }
    }

    /** The layers above those that both images begin with. */
    private List<String> unshared(String one, String other) {
        List<String> a = layers.directories(one).reversed();
        List<String> b = layers.directories(other).reversed();
        int same = 0;
        while (same < a.size() && same < b.size() && a.get(same).equals(b.get(same))) {
            same++;
        }
        List<String> unshared = new ArrayList<>(a.subList(same, a.size()));
        unshared.addAll(b.subList(same, b.size()));
        return unshared;
    }

    private interface Work<T> {
        T run();
    }

    private interface IoWork {
        void run() throws IOException;
    }

    private static <T> T guarded(String id, String doing, Work<T> work) {
        try {
            return work.run();
        } catch (KernelException e) {
            throw failed(id, doing, e);
        }
    }

    private static void guardedIo(String id, String doing, IoWork work) throws IOException {
        try {
            work.run();
        } catch (KernelException e) {
            throw failed(id, doing, e);
        }
    }

    private static ImageException failed(String id, String doing, KernelException e) {
        return e.errno() == Errno.ENOENT
                ? notFound(id)
                : ImageException.of(doing + " the file system of container " + id, e);
    }

    private Snapshot get(String id) {
        checkId(id);
        Snapshot snapshot = snapshots.get(id);
        if (snapshot == null) {
            throw notFound(id);
        }
        return snapshot;
    }

    private static ImageException notFound(String id) {
        return new ImageException(ImageException.Kind.NOT_FOUND, "container " + id + " has no file system");
    }

    private static void checkId(String id) {
        boolean good = !id.isEmpty() && id.length() <= 128;
        for (int i = 0; good && i < id.length(); i++) {
            char c = id.charAt(i);
            boolean word = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
            good = word || i > 0 && (c == '_' || c == '.' || c == '-');
        }
        if (!good) {
            throw ImageException.invalid(Text.quote(id)
                    + " is not an id: up to 128 letters, digits, '_', '.', '-', the first a letter or digit");
        }
    }
}
