package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import org.jspecify.annotations.Nullable;

/**
 * What the store holds: images by id and name, layers by directory; in memory and, first, on disk. Thread-safe; methods
 * that say so want the lock held.
 */
final class Catalog {
    private static final System.Logger LOG = System.getLogger(Catalog.class.getName());

    private final StoreFiles files;
    private final Snapshots snapshots;

    /** Held while the index changes, never while layers are unpacked. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Map<String, Layer> layers = new HashMap<>();
    private final Map<String, ImageDocument> documents = new HashMap<>();
    /** Indexes of several platforms that names point to, as far as they can be read. */
    private final Map<String, Manifest.Index> lists = new HashMap<>();
    /** How many commits under way need a layer's directory, a layer's archive or an image's document, which then must not go. */
    private final Map<String, Integer> pins = new HashMap<>();

    private final Leases leases;
    private final Content content;
    private final Unpacked unpacked = new Unpacked();
    private final Syncer syncer = new Syncer(this::sync);
    /** Held by one commit at a time, so that a layer which two need is completed once. */
    private final ReentrantLock committing = new ReentrantLock();

    private volatile CatalogState state = CatalogState.EMPTY;

    Catalog(StoreFiles files, Overlay overlay, Limits limits) {
        this.files = files;
        this.leases = new Leases(files, lock, limits, this::collect, unpacked::release);
        this.content = new Content(files, lock, leases, limits);
        this.snapshots = new Snapshots(files, overlay, this);
    }

    Leases leases() {
        return leases;
    }

    Content content() {
        return content;
    }

    /** Layers that belong to no image yet; to be used with the lock held. */
    Unpacked unpacked() {
        return unpacked;
    }

    Snapshots snapshots() {
        return snapshots;
    }

    /** Held during a commit. */
    ReentrantLock committing() {
        return committing;
    }

    /** Runs something while no image comes or goes. */
    <T extends @Nullable Object> T locked(Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Reads the store and sweeps out what belongs to no image. */
    void load() {
        Index index = readIndex();
        boolean unsynced = false;
        for (Index.Entry entry : List.copyOf(index.entries.values())) {
            if (!entry.unsynced().isEmpty() && !entry.unsynced().equals(files.boot)) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "image {0} is left out, as the machine went down before it was on disk",
                        entry.id());
                index.entries.remove(entry.id());
                continue;
            }
            unsynced |= !entry.unsynced().isEmpty();
            try {
                for (String directory : entry.layers()) {
                    if (!layers.containsKey(directory)) {
                        layers.put(directory, Layer.read(files, directory));
                    }
                }
                byte[] config = files.read(files.blobs, entry.id().substring(7), Document.MAXIMUM_SIZE);
                if (!Digest.of(config).equals(entry.id())) {
                    throw ImageException.invalid("its document does not have its digest");
                }
                documents.put(entry.id(), ImageDocument.parse(config, "image " + entry.id()));
            } catch (KernelException | ImageException e) {
                // kept in the index, so that nothing of it is deleted and a repair is possible
                LOG.log(System.Logger.Level.WARNING, "image {0} is damaged: {1}", entry.id(), e.getMessage());
            }
        }
        content.load();
        for (Index.Stored list : index.lists.values()) {
            try {
                readList(list);
            } catch (ImageException e) {
                LOG.log(System.Logger.Level.WARNING, "index {0} is damaged: {1}", list.digest(), e.getMessage());
            }
        }
        state = CatalogState.of(index, documents, layers, lists);
        snapshots.load();
        leases.load();
        Set<String> wanted = new HashSet<>();
        index.entries.values().forEach(e -> wanted.addAll(e.layers()));
        files.linux.scan(files.layers, e -> {
            if (!wanted.contains(e.name())) {
                files.discard(files.layers, e.name());
            }
        });
        locked(() -> {
            collect();
            return wanted;
        });
        for (Index.Entry entry : List.copyOf(index.entries.values())) {
            released(entry.id());
        }
        if (unsynced) {
            syncer.schedule();
        }
    }

    private void readList(Index.Stored list) {
        if (!lists.containsKey(list.digest())
                && Manifest.parse(
                                content.read(list.digest(), Manifest.MAXIMUM_SIZE),
                                list.mediaType(),
                                "index " + list.digest())
                        instanceof Manifest.Index index) {
            lists.put(list.digest(), index);
        }
    }

    private Index readIndex() {
        String what = files.where + "/" + Index.FILE;
        if (!files.exists(files.root, Index.FILE)) {
            for (Fd dir : List.of(files.blobs, files.layers, files.snapshots)) {
                if (!files.linux.list(dir).isEmpty()) {
                    throw new ImageException(
                            ImageException.Kind.INTERNAL,
                            what + " is missing although the store is not empty; put it back from a copy, or move "
                                    + files.where + " away to begin with an empty store");
                }
            }
            // before anything else, so that a missing index is always told from a new store
            Index none = new Index();
            files.write(files.root, Index.FILE, none.write());
            return none;
        }
        try {
            return Index.parse(files.read(files.root, Index.FILE, Index.MAXIMUM_SIZE), what);
        } catch (ImageException e) {
            throw new ImageException(ImageException.Kind.INTERNAL, "the image store is damaged: " + e.getMessage(), e);
        }
    }

    /** Makes a new index the truth, on disk first. The lock is held. */
    void change(Index changed) {
        changed.lists
                .keySet()
                .removeIf(name -> changed.entries.values().stream()
                        .noneMatch(e -> e.references().contains(name)));
        CatalogState next = CatalogState.of(changed, documents, layers, lists);
        files.write(files.root, Index.FILE, changed.write());
        state = next;
    }

    /** Knows an index that a name is to point to. */
    void add(Manifest.Index index) {
        locked(() -> lists.put(index.digest(), index));
    }

    /** Has images that are called unsynced made durable soon. */
    void syncSoon() {
        syncer.schedule();
    }

    private void sync() {
        List<String> unsynced = locked(() -> state.index().entries.values().stream()
                .filter(e -> !e.unsynced().isEmpty())
                .map(Index.Entry::id)
                .toList());
        if (unsynced.isEmpty()) {
            return;
        }
        files.linux.syncfs(files.root);
        locked(() -> {
            Index index = draft();
            unsynced.forEach(id -> index.entries.computeIfPresent(id, (k, e) -> e.withSynced()));
            change(index);
            return index;
        });
    }

    /** Whether all that the index says is known to be on disk. The lock is held. */
    boolean synced() {
        return state.index().entries.values().stream()
                .allMatch(e -> e.unsynced().isEmpty());
    }

    void awaitSync() throws InterruptedException {
        syncer.await();
    }

    /** Ends what goes on in the background. */
    void close() {
        syncer.close();
        locked(() -> {
            unpacked.closeAll();
            return unpacked;
        });
    }

    /** Removes layers, blobs and documents that no image, no lease and no commit under way needs. The lock is held. */
    void collect() {
        Set<String> wanted = new HashSet<>(pins.keySet());
        for (Index.Entry entry : state.index().entries.values()) {
            wanted.add(entry.id());
            wanted.addAll(entry.layers());
            entry.blobs().forEach(b -> wanted.add(b.digest()));
            entry.manifests().forEach(m -> wanted.add(m.digest()));
        }
        state.index().lists.values().forEach(l -> wanted.add(l.digest()));
        layers.keySet().removeIf(directory -> {
            boolean gone = !wanted.contains(directory);
            if (gone) {
                files.discard(files.layers, directory);
            }
            return gone;
        });
        documents.keySet().retainAll(wanted);
        lists.keySet().retainAll(wanted);
        if (leases.holdings(wanted)) {
            content.retain(wanted);
        }
        snapshots.sweep();
    }

    /** Names of layers and ids of images that must not go until {@link #unpin}, whether they are there or not. */
    void pin(String name) {
        locked(() -> pins.merge(name, 1, Integer::sum));
    }

    /** Takes pins back and removes what only they kept. */
    void unpin(List<String> names) {
        locked(() -> {
            for (String name : names) {
                pins.computeIfPresent(name, (k, n) -> n == 1 ? null : n - 1);
            }
            collect();
            return names;
        });
    }

    /** A layer that is part of the store. */
    Optional<Layer> layer(String directory) {
        return locked(() -> Optional.ofNullable(layers.get(directory)));
    }

    /** Takes a layer in whose directory is in place. The lock is held. */
    void add(Layer layer) {
        layers.put(layer.directory(), layer);
    }

    /** Knows a document, which is forgotten again with the last pin unless it becomes part of an image. */
    void add(String id, ImageDocument document) {
        locked(() -> documents.put(id, document));
    }

    /** A copy of the index to be given to {@link #change}. The lock is held. */
    Index draft() {
        return state.index().copy();
    }

    /** When an image last got a name here. */
    Optional<Instant> lastTagged(String id) {
        return Optional.ofNullable(state.index().tagged.get(id)).map(Instant::ofEpochMilli);
    }

    /** What the index says of an image, also of one that is kept only for its containers. */
    Optional<Index.Entry> entry(String id) {
        return Optional.ofNullable(state.index().entries.get(id));
    }

    /** The archive of a layer that some image keeps. */
    LayerBlob archive(String diffId) {
        LayerBlob blob = state.archives().getOrDefault(diffId, LayerBlob.NONE);
        return blob.isKept() && content.size(blob.digest()).isPresent() ? blob : LayerBlob.NONE;
    }

    /** The same; rather the one of this digest, if it is kept. */
    LayerBlob archive(String diffId, String digest) {
        for (Index.Entry entry : state.index().entries.values()) {
            for (LayerBlob blob : entry.blobs()) {
                if (blob.digest().equals(digest) && content.size(digest).isPresent()) {
                    return blob;
                }
            }
        }
        return archive(diffId);
    }

    /** The digest of the plain tar in an archive that some image keeps. */
    Optional<String> diffIdOf(String digest) {
        return Optional.ofNullable(state.diffIds().get(digest));
    }

    /** Whether it is known what layer an archive holds, as that was unpacked from it, and that it is this one. */
    boolean isArchiveOf(String digest, String diffId) {
        return diffIdOf(digest).filter(diffId::equals).isPresent() || locked(() -> unpacked.isFrom(diffId, digest));
    }

    /** Diff ids of the layers whose plain tar has this size. */
    List<String> plainSized(long size) {
        return state.plainSizes().getOrDefault(size, List.of());
    }

    /** Whether a layer is unpacked, above whichever others. */
    boolean hasUnpacked(String diffId) {
        return locked(() -> layers.values().stream().anyMatch(l -> l.diffId().equals(diffId)));
    }

    /** The unpacked layer of a chain, if there is one. */
    Optional<Layer> existing(String diffId, String chain, boolean lowest) {
        String own = Digest.hex(diffId, "the layer");
        String chained = Digest.hex(chain, "the layer");
        for (String name : List.of(chained, own)) {
            Optional<Layer> layer = layer(name);
            if (layer.isPresent() && fits(layer.get(), own, chained, lowest)) {
                return layer;
            }
        }
        return Optional.empty();
    }

    /** One that took nothing from below only because it was the lowest would take something above others. */
    static boolean fits(Layer layer, String own, String chained, boolean lowest) {
        return !layer.dependent() || layer.directory().equals(chained) && (lowest || !own.equals(chained));
    }

    /** Unpacks the archive of a layer without keeping it, and holds it against its digest. */
    PendingLayer unpack(InputStream in, String what, String diffId, Budget budget) throws IOException {
        PendingLayer layer = PendingLayer.unpack(files, in, budget, what, false, false);
        if (!layer.diffId().equals(diffId)) {
            layer.close();
            throw ImageException.invalid(what + " has the uncompressed digest " + layer.diffId() + ", not " + diffId
                    + " as the configuration of the image says");
        }
        return layer;
    }

    /** Unpacks a layer from its archive among the blobs. */
    PendingLayer unpackBlob(String digest, String diffId, Budget budget) {
        try (FdStream in = new FdStream(files.linux, content.openFd(digest))) {
            return unpack(in, "layer " + digest, diffId, budget);
        } catch (IOException e) {
            throw new ImageException(
                    ImageException.Kind.INVALID,
                    "layer " + digest + " cannot be unpacked: "
                            + (e.getMessage() == null ? e.toString() : e.getMessage()),
                    e);
        }
    }

    /** All images, newest first. */
    List<Image> list() {
        return state.list();
    }

    /** An image by its id. */
    Image byId(String id) {
        return state.byId(id);
    }

    /** An image by name or id. */
    Optional<Image> find(String nameOrId) {
        return state.find(nameOrId);
    }

    /** The image for a platform that a name or id stands for. */
    Optional<Image> find(String nameOrId, Platform platform) {
        return state.find(nameOrId, platform);
    }

    /** An image by name or id, where there must be one. */
    Image get(String nameOrId) {
        return state.get(nameOrId);
    }

    /** The images for all platforms that are here behind a name, the one that the name itself stands for first. */
    List<Image> variants(String name) {
        return state.variants(name);
    }

    /** Whether some name stands for an image, if only for its platform. */
    boolean isVariant(String id) {
        return state.isVariant(id);
    }

    /** The names that a name without tag stands for when an image is saved. */
    List<String> tagsOf(String name) {
        return state.tagsOf(name);
    }

    /** Ids of the images that were made from an image here. */
    List<String> children(String id) {
        return state.children(id);
    }

    /** Whether the same is so by what an index that is not the truth yet says. */
    boolean isVariantOf(Index index, String id) {
        Index.Entry entry = index.entries.get(id);
        return entry != null
                && index.lists.values().stream()
                        .flatMap(l -> Optional.ofNullable(lists.get(l.digest())).stream())
                        .flatMap(l -> l.manifests().stream())
                        .anyMatch(m -> entry.hasManifest(m.digest()));
    }

    /** The index of several platforms that a name points to. */
    Optional<Manifest.Index> list(Reference name) {
        return locked(() -> Optional.ofNullable(state.index().lists.get(name.toString()))
                .flatMap(l -> Optional.ofNullable(lists.get(l.digest()))));
    }

    /** The same of a name or an id; an id points to none. */
    Optional<Manifest.Index> listOf(String nameOrId) {
        return CatalogState.reference(nameOrId).flatMap(this::list);
    }

    /** What the configuration of an image says beyond what {@link Image} has. */
    Optional<ImageDocument> document(String id) {
        return locked(() -> Optional.ofNullable(documents.get(id)));
    }

    /** All layers that are unpacked. */
    List<Layer> layers() {
        return locked(() -> List.copyOf(layers.values()));
    }

    /** Drops an image that was kept only for its containers, after the last of them is gone. */
    void released(String imageId) {
        locked(() -> {
            Index.Entry entry = state.index().entries.get(imageId);
            if (entry != null && entry.removed() && !snapshots.uses(imageId)) {
                Index index = draft();
                index.entries.remove(imageId);
                change(index);
                collect();
            }
            return imageId;
        });
    }

    /** Whether a new container may be made from an image. */
    boolean has(String imageId) {
        return state.images().containsKey(imageId);
    }

    /** The layers that show, topmost first; also of an image that is kept only for its containers. */
    List<Layer> layersOf(String imageId) {
        Index.Entry entry = state.index().entries.get(imageId);
        if (entry == null) {
            throw CatalogState.notFound(imageId);
        }
        List<Layer> visible = new ArrayList<>();
        lock.lock();
        try {
            for (String directory : entry.layers().reversed()) {
                Layer layer = layers.get(directory);
                if (layer == null) {
                    throw new ImageException(
                            ImageException.Kind.INTERNAL,
                            "layer " + directory + " of image " + imageId + " is missing or damaged in " + files.where);
                }
                // overlay takes no directory twice; a layer's second application hides its first one altogether
                if (!visible.contains(layer)) {
                    visible.add(layer);
                }
                if (layer.opaque()) {
                    break;
                }
            }
        } finally {
            lock.unlock();
        }
        return visible;
    }

    /** A descriptor of a layer's tree. */
    Fd openLayer(String directory) {
        try {
            return files.openPath(files.layers, directory + "/diff");
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                throw new ImageException(
                        ImageException.Kind.INTERNAL, "layer " + directory + " is missing in " + files.where, e);
            }
            throw e;
        }
    }
}
