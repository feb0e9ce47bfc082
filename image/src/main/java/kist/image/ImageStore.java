package kist.image;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
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
    /** The digest of an archive without entries: 1024 zeros. */
    private static final String EMPTY_TAR = Digest.of(new byte[1024]);

    private final StoreFiles files;
    private final Limits limits;
    private final Overlay overlay;
    private final Catalog catalog;
    private final Fetches fetches;
    private final Pushing pushing;

    private ImageStore(StoreFiles files, Limits limits, Overlay overlay) {
        this.files = files;
        this.limits = limits;
        this.overlay = overlay;
        this.catalog = new Catalog(files, overlay, limits);
        this.fetches = new Fetches(files, catalog);
        this.pushing = new Pushing(files, catalog);
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

    /** How the file systems of new containers are made: overlay or copy. */
    public Snapshotter snapshotter() {
        return overlay.isUsable() ? Snapshotter.OVERLAY : Snapshotter.COPY;
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
        return importRootfs(tar, reference, changes, message, Platform.HOST);
    }

    /**
     * The same for another machine.
     *
     * @param platform what the programs in it run on
     */
    public Image importRootfs(
            InputStream tar, String reference, List<String> changes, String message, Platform platform) {
        if (!platform.os().equals("linux")) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, "images for linux can be made, not for " + platform.os());
        }
        List<Reference> references = reference.isEmpty() ? List.of() : List.of(Reference.parse(reference));
        ImageConfig config = Changes.parse(changes);
        String comment = message.isEmpty() ? "Imported from -" : message;
        return guarded("import the archive", () -> {
            Budget budget = budget();
            PendingLayer layer = PendingLayer.unpack(files, tar, budget, "the archive", true, true);
            try (layer) {
                Instant now = Instant.now();
                ImageDocument document = new ImageDocument(
                        now,
                        platform.architecture(),
                        platform.variant(),
                        platform.os(),
                        "",
                        comment,
                        List.of(layer.diffId()),
                        config,
                        List.of(new Image.History(now, "", "", comment, false)));
                NewImage image = new NewImage(
                        document.toJson(),
                        document,
                        List.of(NewImage.NewLayer.of(layer)),
                        references,
                        List.of(),
                        Optional.empty(),
                        Optional.empty(),
                        "");
                return commit(budget, List.of(image)).getFirst().image();
            }
        });
    }

    /**
     * Reads images from a docker-archive or an OCI layout in a tar, plain or compressed. Either all images of the archive
     * are there afterwards, or none that was not there before.
     */
    public List<Loaded> load(InputStream tar) {
        return load(tar, Optional.empty());
    }

    /**
     * The same.
     *
     * @param platform the only platform whose images are loaded; empty for all that the archive holds
     */
    public List<Loaded> load(InputStream tar, Optional<Platform> platform) {
        return guarded("load the archive", () -> {
            Budget budget = budget();
            try (ArchiveLoader loader = new ArchiveLoader(files, catalog, budget, platform)) {
                return commit(budget, loader.read(tar));
            }
        });
    }

    /**
     * Writes images as one tar that is a docker-archive and an OCI layout at once; the same images always give the same bytes,
     * and nothing is compressed anew.
     *
     * @param names names, ids, or repositories without a tag, which stand for all their tags
     * @param platform the platform to be written; empty for all that are here behind a name
     * @param out not closed
     * @throws IOException of the stream
     * @throws ImageException NOT_FOUND before anything is written
     */
    public void save(List<String> names, Optional<Platform> platform, OutputStream out) throws IOException {
        try (ArchiveWriter writer = new ArchiveWriter(files, catalog)) {
            writer.write(ArchiveWriter.items(catalog, names, platform), out);
        } catch (KernelException e) {
            throw ImageException.of("save the images", e);
        }
    }

    /**
     * The manifest of an image with every blob that it names in the content store, held by the lease. Layers that came as plain
     * tars are compressed with gzip the first time and stay so: the same image always has the same manifest afterwards.
     *
     * @param listener is told of layers that are prepared
     */
    public Manifest.Single pushable(String imageId, Lease lease, TransferListener listener) {
        return guarded("prepare image " + imageId, () -> pushing.pushable(imageId, lease, listener));
    }

    /** Notes under which name and digest a registry has an image now. */
    public void recordDigest(String imageId, Reference nameAtDigest) {
        Digest.hex(nameAtDigest.digest(), "the digest of " + nameAtDigest.familiar());
        String full = nameAtDigest.at(nameAtDigest.digest()).toString();
        guarded(
                "note the digest of image " + imageId,
                () -> catalog.locked(() -> {
                    Index index = catalog.draft();
                    index.moveDigest(full, catalog.get(imageId).id());
                    catalog.change(index);
                    return index;
                }));
    }

    /** Makes an image of what a container has changed. What the caller knows to go on in it, it has paused. */
    public Image commit(CommitRequest request) {
        String parentId = snapshots().imageOf(request.container());
        return guarded("commit container " + request.container(), () -> {
            Budget budget = budget();
            ImageDocument parent = catalog.document(parentId)
                    .orElseThrow(() -> new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + parentId));
            String what = "the changes of container " + request.container();
            try (BlobFile spool = new BlobFile(files, budget, what)) {
                OutputStream out = new OutputStream() {
                    @Override
                    public void write(int b) {
                        write(new byte[] {(byte) b}, 0, 1);
                    }

                    @Override
                    public void write(byte[] bytes, int offset, int length) {
                        spool.write(bytes, offset, length);
                    }
                };
                try (BufferedOutputStream buffered = new BufferedOutputStream(out, 256 << 10)) {
                    snapshots().diff(request.container(), buffered);
                }
                try (FdStream in = new FdStream(files.linux, linux().duplicate(spool.file()));
                        PendingLayer layer = PendingLayer.unpack(files, in, budget, what, true, true)) {
                    return commit(budget, List.of(committed(request, parentId, parent, layer)))
                            .getFirst()
                            .image();
                }
            }
        });
    }

    private Linux linux() {
        return files.linux;
    }

    private NewImage committed(CommitRequest request, String parentId, ImageDocument parent, PendingLayer top) {
        boolean empty = top.diffId().equals(EMPTY_TAR);
        List<NewImage.NewLayer> layers = new ArrayList<>();
        parent.diffIds().forEach(d -> layers.add(new NewImage.NewLayer(d, Optional.empty(), LayerBlob.NONE)));
        if (!empty) {
            layers.add(NewImage.NewLayer.of(top));
        }
        Instant now = Instant.now();
        List<Image.History> history = new ArrayList<>(parent.history());
        history.add(new Image.History(now, request.createdBy(), request.author(), request.comment(), empty));
        ImageDocument document = new ImageDocument(
                now,
                parent.architecture(),
                parent.variant(),
                parent.os(),
                request.author(),
                request.comment(),
                layers.stream().map(NewImage.NewLayer::diffId).toList(),
                request.config(),
                List.copyOf(history));
        // one that was removed by force and is only kept for its containers is nobody's parent
        String known = catalog.has(parentId) ? parentId : "";
        return new NewImage(
                document.toJson(),
                document,
                layers,
                request.references(),
                List.of(),
                Optional.empty(),
                Optional.empty(),
                known);
    }

    /** What the configuration of an image says, byte for byte as it came. */
    public byte[] config(String imageId) {
        return content().read(catalog.get(imageId).id(), Document.MAXIMUM_SIZE);
    }

    /** Removes the images that nobody needs, by the rules of {@code docker image prune}. */
    public Pruned prune(PruneRequest request, List<ImageUse> uses) {
        return guarded("prune the images", () -> catalog.locked(() -> new Housekeeping(catalog).prune(request, uses)));
    }

    /** What the images take on disk. */
    public DiskUsage usage() {
        return catalog.locked(() -> new Housekeeping(catalog).usage());
    }

    private Budget budget() {
        return new Budget(files.linux, files.temporary, limits);
    }

    /** Whether a layer is unpacked and can lie above those, lowest first, so that it need not be fetched. */
    public boolean hasLayer(String diffId, List<String> diffIdsBelow) {
        String chain = "";
        for (String below : diffIdsBelow) {
            Digest.hex(below, "the layer");
            chain = Digest.chain(chain, below);
        }
        Digest.hex(diffId, "the layer");
        return catalog.existing(diffId, Digest.chain(chain, diffId), diffIdsBelow.isEmpty())
                .isPresent();
    }

    /**
     * Has a lease hold the archive of a layer that need not be fetched: it is unpacked here, and known to be what that archive
     * holds. Should the layer be removed meanwhile, it is made from the archive again.
     */
    public boolean keepLayer(Lease lease, String blobDigest, String diffId, List<String> diffIdsBelow) {
        return hasLayer(diffId, diffIdsBelow)
                && catalog.isArchiveOf(blobDigest, diffId)
                && content().keep(lease, blobDigest);
    }

    /**
     * Brings a layer into the store: downloads its archive, goes on where an earlier download ended, holds it against its digest
     * and size, and unpacks it meanwhile. However many ask for the same one, it is fetched once. The lease holds the archive and
     * the unpacked layer afterwards; the archive is kept for a day even if the lease ends. Blocks; system calls pin a virtual
     * thread to its carrier, so platform threads do better.
     *
     * @param diffId what the digest of the plain tar must be
     * @param listener is told of this transfer, whoever began it
     * @throws ImageException INVALID where what came is not what the descriptor or the diff id says; nothing of it is kept
     * @throws java.io.UncheckedIOException where the source failed again and again; what came is kept for the next time
     * @throws InterruptedException if the thread is to give up; what came is kept for the next time
     */
    public void fetchLayer(Lease lease, Descriptor blob, String diffId, BlobSource source, TransferListener listener)
            throws InterruptedException {
        fetches.fetch(lease, blob, diffId, source, listener);
    }

    /**
     * Makes an image of layers that are unpacked here already, or that the lease holds.
     *
     * @param manifest what describes it
     * @param config its configuration, byte for byte
     * @param index what its names point to at the registry, if that is not the manifest
     * @param names tags it gets
     * @param digests names with a digest by which it was found
     * @throws ImageException INVALID where manifest and configuration do not fit; NOT_FOUND where a layer is missing
     */
    public Image addImage(
            Lease lease,
            Manifest.Single manifest,
            byte[] config,
            Optional<Manifest.Index> index,
            List<Reference> names,
            List<Reference> digests) {
        String what = "manifest " + manifest.digest();
        if (!manifest.config().digest().equals(Digest.of(config))
                || manifest.config().size() != config.length) {
            throw ImageException.invalid(what + " does not name the configuration that came with it");
        }
        if (!manifest.isImage()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    what + " is no image but an artifact of type "
                            + Text.quote(manifest.config().mediaType()));
        }
        ImageDocument document = ImageDocument.parse(config, "image configuration " + Digest.of(config));
        List<NewImage.NewLayer> layers = ArchiveLoader.layers(document, manifest, what);
        return guarded("add image " + Digest.of(config), () -> {
            NewImage image = new NewImage(
                    config,
                    document,
                    layers,
                    names,
                    digests.stream().map(d -> d.at(d.digest())).toList(),
                    Optional.of(manifest),
                    index,
                    "");
            Image added = commit(lease.budget(), List.of(image)).getFirst().image();
            fetches.settled(manifest.layers().stream().map(Descriptor::digest).toList());
            return added;
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

    private List<Loaded> commit(Budget budget, List<NewImage> images) {
        return new Commit(files, catalog, overlay, budget, images).run();
    }

    /**
     * An image by name ({@code latest} where no tag is said), by {@code NAME@DIGEST} with the digest of a manifest or index, by
     * its full id with or without {@code sha256:}, by a unique beginning of its id, or by the digest of its manifest.
     *
     * @throws ImageException INVALID where the beginning is that of several
     */
    public Optional<Image> find(String nameOrId) {
        return catalog.find(nameOrId);
    }

    /**
     * The image for a platform that a name or id stands for; a name may stand for several.
     *
     * @throws ImageException NOT_FOUND where there is one, but only for another platform
     */
    public Optional<Image> find(String nameOrId, Platform platform) {
        return catalog.find(nameOrId, platform);
    }

    /** The index of several platforms that a name with a tag points to; not all that it lists need be here. */
    public Optional<Manifest.Index> index(Reference name) {
        return catalog.list(name);
    }

    /** When an image last got a name here; empty if never. */
    public Optional<Instant> lastTagged(String imageId) {
        return catalog.lastTagged(imageId);
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
                    Image image = catalog.get(nameOrId);
                    Optional<Manifest.Index> list = catalog.listOf(nameOrId);
                    Index index = catalog.draft();
                    index.move(reference.toString(), image.id());
                    index.lists.remove(reference.toString());
                    list.ifPresent(
                            l -> index.lists.put(reference.toString(), new Index.Stored(l.digest(), l.mediaType())));
                    catalog.change(index);
                    return index;
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
        return remove(nameOrId, force, true, uses);
    }

    /**
     * The same.
     *
     * @param pruneParents whether images that this one was made from go with it, if they have no name
     */
    public Removed remove(String nameOrId, boolean force, boolean pruneParents, List<ImageUse> uses) {
        return guarded(
                "remove image " + Text.quote(nameOrId),
                () -> catalog.locked(() -> new Removal(catalog, nameOrId, force, pruneParents, uses).run()));
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

    /** The writable layers of containers. */
    public Snapshots snapshots() {
        return catalog.snapshots();
    }

    /** Waits until what was removed is off the disk. */
    void awaitDeletions() throws InterruptedException {
        files.awaitDeletions();
    }

    /** Waits until the images that are there are on disk. */
    void awaitSync() throws InterruptedException {
        catalog.awaitSync();
    }

    /** Frees the directory for another engine; containers go on. */
    @Override
    public void close() {
        catalog.close();
        files.close();
    }
}
