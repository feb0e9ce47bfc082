package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * The images of one engine: documents by their digest, layers unpacked once each, names. Thread-safe; one store at a time
 * on a directory. Whatever a killed engine was doing is either done or leaves nothing after the next {@link #open}.
 *
 * <p>All methods throw {@link ImageException}.
 */
public final class ImageStore implements AutoCloseable {
    private final StoreFiles files;
    private final Limits limits;
    private final Overlay overlay;
    private final Catalog catalog;

    private ImageStore(StoreFiles files, Limits limits, Overlay overlay) {
        this.files = files;
        this.limits = limits;
        this.overlay = overlay;
        this.catalog = new Catalog(files, overlay, limits);
    }

    /** Opens the store in a directory, which is made if it is not there, with {@link Limits#DEFAULT}. */
    public static ImageStore open(Path directory, Linux linux) {
        return open(directory, linux, Limits.DEFAULT);
    }

    /**
     * Opens the store in a directory, which is made if it is not there.
     *
     * @throws ImageException CONFLICT if another engine uses it; INTERNAL if its index cannot be read, in which case
     *     nothing was changed
     */
    public static ImageStore open(Path directory, Linux linux, Limits limits) {
        return open(directory, linux, limits, Snapshotter.AUTO);
    }

    /**
     * The same, saying how the file systems of containers are made. What containers have already stays as it is.
     *
     * @throws ImageException also where overlay is asked for and does not work in that directory
     */
    public static ImageStore open(Path directory, Linux linux, Limits limits, Snapshotter snapshotter) {
        StoreFiles files = new StoreFiles(directory, linux);
        boolean opened = false;
        try {
            ImageStore store = new ImageStore(files, limits, Overlay.find(files, snapshotter));
            store.catalog.load();
            opened = true;
            return store;
        } catch (KernelException e) {
            throw ImageException.of("open the image store " + files.where, e);
        } finally {
            if (!opened) {
                files.close();
            }
        }
    }

    /**
     * Makes an image of one layer from the tar of a root file system, plain or compressed with gzip, zstd or bzip2.
     *
     * @param reference name it gets, empty for none
     * @param changes instructions such as {@code CMD ["/bin/sh"]}, see the Dockerfile reference
     * @param message what the image's history says, empty for a default
     */
    public Image importRootfs(InputStream tar, String reference, List<String> changes, String message) {
        List<Reference> references = reference.isEmpty() ? List.of() : List.of(Reference.parse(reference));
        ImageConfig config = Changes.parse(changes);
        String comment = message.isEmpty() ? "Imported from -" : message;
        return guarded("import the archive", () -> {
            PendingLayer layer = PendingLayer.unpack(
                    files, tar, new Budget(files.linux, files.temporary, limits), "the archive", true);
            try (layer) {
                Instant now = Instant.now();
                ImageDocument document = new ImageDocument(
                        now,
                        ArchiveLoader.architecture(),
                        "linux",
                        "",
                        comment,
                        List.of(layer.diffId()),
                        config,
                        List.of(new Image.History(now, "", "", comment, false)));
                return commit(List.of(new NewImage(document.toJson(), document, List.of(layer), references)))
                        .getFirst()
                        .image();
            }
        });
    }

    /**
     * Reads images from a docker-archive or an OCI layout in a tar, plain or compressed. Either all images of the archive
     * are there afterwards, or none that was not there before.
     */
    public List<Loaded> load(InputStream tar) {
        return guarded("load the archive", () -> {
            try (ArchiveLoader loader = new ArchiveLoader(files, new Budget(files.linux, files.temporary, limits))) {
                return commit(loader.read(tar));
            }
        });
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private static <T> T guarded(String doing, Work<T> work) {
        try {
            return work.run();
        } catch (IOException e) {
            throw new ImageException(
                    ImageException.Kind.INVALID,
                    "cannot " + doing + ": " + (e.getMessage() == null ? "it cannot be read" : e.getMessage()),
                    e);
        } catch (KernelException e) {
            throw ImageException.of(doing, e);
        }
    }

    private List<Loaded> commit(List<NewImage> images) {
        return new Commit(files, catalog, overlay, images).run();
    }

    /**
     * An image by name ({@code latest} where no tag is said), by its full id with or without {@code sha256:}, or by a
     * unique beginning of its id.
     *
     * @throws ImageException INVALID where the beginning is that of several
     */
    public Optional<Image> find(String nameOrId) {
        return catalog.find(nameOrId);
    }

    /** All images, newest first. */
    public List<Image> list() {
        return catalog.list();
    }

    /** Gives an image a further name; an image that had the name loses it. */
    public void tag(String nameOrId, String newReference) {
        Reference reference = Reference.parse(newReference);
        guarded(
                "tag " + Text.quote(nameOrId),
                () -> catalog.locked(() -> {
                    Map<String, Index.Entry> entries = catalog.entries();
                    Catalog.move(
                            entries, reference.toString(), catalog.get(nameOrId).id());
                    catalog.change(entries);
                    return entries;
                }));
    }

    /**
     * Takes a name from an image and removes the image with its last name, as the docker command does it.
     *
     * @param force removes a name that a container was made from, all names of an image given by its id, and an image that
     *     stopped containers use
     * @param imageIdsInUse ids of images that containers, running or not, were made from
     */
    public Removed remove(String nameOrId, boolean force, Set<String> imageIdsInUse) {
        return remove(
                nameOrId,
                force,
                imageIdsInUse.stream().map(id -> new ImageUse(id, "", false)).toList());
    }

    /** The same with what is known of the containers, so that messages can name them. */
    public Removed remove(String nameOrId, boolean force, List<ImageUse> uses) {
        return guarded(
                "remove image " + Text.quote(nameOrId),
                () -> catalog.locked(() -> new Removal(catalog, nameOrId, force, uses).run()));
    }

    /** The blobs of all images, and of whatever else is held by a {@link Lease}. */
    public Content content() {
        return catalog.content();
    }

    /**
     * Makes a lease that keeps blobs and layers that belong to no image yet.
     *
     * @param purpose says what it is for, for the reader of its file
     * @param timeToLive after which it ends by itself, also after a crash
     */
    public Lease lease(String purpose, Duration timeToLive) {
        return catalog.leases().temporary(purpose, timeToLive);
    }

    /** The permanent lease of an id, any text: the same one again after a restart. */
    public Lease permanentLease(String id) {
        return catalog.leases().permanent(id);
    }

    public void fetchLayer(Lease lease, Descriptor blob, String diffId, BlobSource source, TransferListener listener)
            throws InterruptedException {
        throw new UnsupportedOperationException();
    }

    public Image addImage(
            Lease lease,
            Manifest.Single manifest,
            byte[] config,
            Optional<Manifest.Index> index,
            List<Reference> names,
            List<Reference> digests) {
        throw new UnsupportedOperationException();
    }

    public Optional<Image> find(String nameOrId, Platform platform) {
        throw new UnsupportedOperationException();
    }

    public Manifest.Single pushable(String imageId, Lease lease, TransferListener listener) {
        throw new UnsupportedOperationException();
    }

    public Optional<Manifest.Index> index(Reference name) {
        throw new UnsupportedOperationException();
    }

    public void recordDigest(String imageId, Reference nameAtDigest) {
        throw new UnsupportedOperationException();
    }

    /** The writable layers of containers. */
    public Snapshots snapshots() {
        return catalog.snapshots();
    }

    /** Waits until what was removed is off the disk. */
    void awaitDeletions() throws InterruptedException {
        files.awaitDeletions();
    }

    /** Frees the directory for another engine; containers go on. */
    @Override
    public void close() {
        files.close();
    }
}
