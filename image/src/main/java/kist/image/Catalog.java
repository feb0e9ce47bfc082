package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
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

    private volatile State state = new State(new Index(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Set.of());

    /**
     * What the index says, and what follows from it; never changed, only replaced.
     *
     * @param names ids by name with tag and by name with digest
     * @param variants ids of the images for other platforms behind a name
     * @param archives what is kept of a layer, by its diff id
     * @param diffIds by the digest of the archive
     * @param plainSizes of all layers that are there
     */
    private record State(
            Index index,
            Map<String, Image> images,
            Map<String, String> names,
            Map<String, List<String>> variants,
            Map<String, LayerBlob> archives,
            Map<String, String> diffIds,
            Set<Long> plainSizes) {}

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
        state = build(index);
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

    private State build(Index index) {
        Map<String, Image> images = new HashMap<>();
        Map<String, String> names = new HashMap<>();
        Map<String, String> byManifest = new HashMap<>();
        Map<String, LayerBlob> archives = new HashMap<>();
        Map<String, String> diffIds = new HashMap<>();
        for (Index.Entry entry : index.entries.values()) {
            ImageDocument d = documents.get(entry.id());
            if (d == null) {
                continue;
            }
            for (int i = 0; i < Math.min(entry.blobs().size(), d.diffIds().size()); i++) {
                LayerBlob blob = entry.blobs().get(i);
                if (blob.isKept()) {
                    // what came from elsewhere is worth more than our own form
                    diffIds.put(blob.digest(), d.diffIds().get(i));
                    archives.merge(d.diffIds().get(i), blob, (a, b) -> a.isOwn() ? b : a);
                }
            }
            if (entry.removed()) {
                continue;
            }
            entry.references().forEach(r -> names.put(r, entry.id()));
            entry.digests().forEach(r -> names.put(r, entry.id()));
            entry.manifests().forEach(m -> byManifest.put(m.digest(), entry.id()));
            images.put(entry.id(), image(entry, d));
        }
        Map<String, List<String>> variants = new HashMap<>();
        index.lists.forEach((name, list) -> {
            Manifest.Index manifests = lists.get(list.digest());
            if (manifests != null && names.containsKey(name)) {
                variants.put(
                        name,
                        manifests.manifests().stream()
                                .flatMap(m -> Optional.ofNullable(byManifest.get(m.digest())).stream())
                                .distinct()
                                .toList());
            }
        });
        Set<Long> plainSizes = new HashSet<>();
        layers.values().forEach(l -> plainSizes.add(l.plainSize()));
        return new State(index, images, names, variants, archives, diffIds, plainSizes);
    }

    private Image image(Index.Entry entry, ImageDocument d) {
        List<Long> sizes = new ArrayList<>();
        for (String directory : entry.layers()) {
            Layer layer = layers.get(directory);
            sizes.add(layer == null ? 0 : layer.size());
        }
        return new Image(
                entry.id(),
                familiar(entry.references()),
                familiar(entry.digests()),
                d.created(),
                d.architecture(),
                d.variant(),
                d.os(),
                d.author(),
                d.comment(),
                sizes.stream().mapToLong(Long::longValue).sum(),
                d.diffIds(),
                List.copyOf(sizes),
                entry.parent(),
                d.config(),
                d.history());
    }

    private static List<String> familiar(List<String> references) {
        return references.stream()
                .map(r -> Reference.parseAny(r).familiar())
                .sorted()
                .toList();
    }

    /** Makes a new index the truth, on disk first. The lock is held. */
    void change(Index changed) {
        changed.lists
                .keySet()
                .removeIf(name -> changed.entries.values().stream()
                        .noneMatch(e -> e.references().contains(name)));
        State next = build(changed);
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

    /** Whether a layer whose plain tar has this size is there, so that an archive of it may be too. */
    boolean knowsPlainSize(long size) {
        return state.plainSizes().contains(size);
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
        List<Image> images = new ArrayList<>(state.images().values());
        images.sort(Comparator.comparing(Image::created).reversed().thenComparing(Image::id));
        return images;
    }

    /** An image by its id. */
    Image byId(String id) {
        Image image = state.images().get(id);
        if (image == null) {
            throw notFound(id);
        }
        return image;
    }

    /**
     * An image by name ({@code latest} where no tag is said), by its full id with or without {@code sha256:}, or by a
     * unique beginning of its id.
     *
     * @throws ImageException INVALID where the beginning is that of several
     */
    Optional<Image> find(String nameOrId) {
        State now = state;
        Optional<Reference> reference = reference(nameOrId);
        if (reference.isPresent()) {
            Optional<Image> named = byName(now, reference.get());
            if (named.isPresent()) {
                return named;
            }
        }
        String hex = nameOrId.startsWith("sha256:") ? nameOrId.substring(7) : nameOrId;
        if (hex.length() > 64 || !Digest.isHexPrefix(hex)) {
            return Optional.empty();
        }
        List<Image> found = new ArrayList<>();
        now.images().forEach((id, image) -> {
            if (id.startsWith(hex, 7)) {
                found.add(image);
            }
        });
        if (found.size() > 1) {
            throw ImageException.invalid(
                    Text.quote(nameOrId) + " is the beginning of " + found.size() + " image ids; say more of it");
        }
        if (found.isEmpty() && Digest.isDigest(nameOrId)) {
            return byManifest(now, nameOrId, image -> true);
        }
        return found.stream().findFirst();
    }

    /** Empty where the text is no name, but an id perhaps. */
    private static Optional<Reference> reference(String nameOrId) {
        try {
            return Optional.of(Reference.parseAny(nameOrId));
        } catch (ImageException notAName) {
            return Optional.empty();
        }
    }

    private static Optional<Image> byName(State now, Reference reference) {
        if (reference.digest().isEmpty()) {
            return Optional.ofNullable(now.names().get(reference.toString())).map(id -> byId(now, id));
        }
        // where a tag is said beside the digest, the digest decides
        String id = now.names().get(reference.at(reference.digest()).toString());
        if (id != null) {
            return Optional.of(byId(now, id));
        }
        return byManifest(
                now,
                reference.digest(),
                image -> Stream.concat(image.references().stream(), image.digests().stream())
                        .anyMatch(r -> Reference.parseAny(r).repository().equals(reference.repository())));
    }

    private static Optional<Image> byManifest(State now, String digest, Predicate<Image> also) {
        return now.index().entries.values().stream()
                .filter(e -> e.hasManifest(digest))
                .flatMap(e -> Optional.ofNullable(now.images().get(e.id())).stream())
                .filter(also)
                .findFirst();
    }

    /** The image for a platform that a name or id stands for. */
    Optional<Image> find(String nameOrId, Platform platform) {
        Optional<Image> found = find(nameOrId);
        if (found.isEmpty() || platform.accepts(found.get().platform())) {
            return found;
        }
        State now = state;
        String name = reference(nameOrId).map(Reference::toString).orElse("");
        for (String id : now.variants().getOrDefault(name, List.of())) {
            Image image = now.images().get(id);
            if (image != null && platform.accepts(image.platform())) {
                return Optional.of(image);
            }
        }
        throw new ImageException(
                ImageException.Kind.NOT_FOUND,
                "image with reference " + nameOrId + " was found but does not match the specified platform: wanted "
                        + platform + ", actual: " + found.get().platform());
    }

    /** The images for all platforms that are here behind a name, the one that the name itself stands for first. */
    List<Image> variants(String name) {
        State now = state;
        Image primary = get(name);
        Set<Image> all = new LinkedHashSet<>();
        all.add(primary);
        String full = reference(name).map(Reference::toString).orElse("");
        for (String id : now.variants().getOrDefault(full, List.of())) {
            Optional.ofNullable(now.images().get(id)).ifPresent(all::add);
        }
        return List.copyOf(all);
    }

    /** Whether some name stands for an image, if only for its platform. */
    boolean isVariant(String id) {
        return state.variants().values().stream().anyMatch(ids -> ids.contains(id));
    }

    /** The same by what an index that is not the truth yet says. */
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
        return reference(nameOrId).flatMap(this::list);
    }

    /** The names that a name without tag stands for when an image is saved; what was said where it is something else. */
    List<String> tagsOf(String name) {
        Optional<Reference> said = reference(name);
        boolean bare =
                said.isPresent() && said.get().digest().isEmpty() && name.indexOf(':', name.lastIndexOf('/') + 1) < 0;
        if (!bare) {
            return List.of(name);
        }
        List<String> tags = state.images().values().stream()
                .flatMap(i -> i.references().stream())
                .filter(r -> Reference.parse(r).repository().equals(said.get().repository()))
                .sorted()
                .toList();
        return tags.isEmpty() ? List.of(name) : tags;
    }

    /** The name with a tag that was said; empty where it was an id or a digest. */
    static Optional<Reference> tag(String nameOrId) {
        return reference(nameOrId).filter(r -> r.digest().isEmpty());
    }

    /** Ids of the images that were made from an image here. */
    List<String> children(String id) {
        return state.images().values().stream()
                .filter(i -> i.parent().equals(id))
                .map(Image::id)
                .toList();
    }

    /** What the configuration of an image says beyond what {@link Image} has. */
    Optional<ImageDocument> document(String id) {
        return locked(() -> Optional.ofNullable(documents.get(id)));
    }

    /** All layers that are unpacked. */
    List<Layer> layers() {
        return locked(() -> List.copyOf(layers.values()));
    }

    private static Image byId(State state, String id) {
        Image image = state.images().get(id);
        if (image == null) {
            throw notFound(id);
        }
        return image;
    }

    /** The same, where there must be one. */
    Image get(String nameOrId) {
        return find(nameOrId).orElseThrow(() -> notFound(nameOrId));
    }

    private static ImageException notFound(String nameOrId) {
        String shown = nameOrId;
        try {
            shown = Reference.parseAny(nameOrId).familiar();
        } catch (ImageException notAName) {
            // shown as it was said
        }
        return new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + shown);
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
            throw notFound(imageId);
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
