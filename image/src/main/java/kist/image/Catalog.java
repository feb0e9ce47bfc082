package kist.image;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;

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
    /** How many commits under way need a layer's directory or an image's document, which then must not go. */
    private final Map<String, Integer> pins = new HashMap<>();

    private final Leases leases;
    private final Content content;

    private volatile State state = new State(Map.of(), Map.of(), Map.of());

    /** What the index says, and what follows from it; never changed, only replaced. */
    private record State(Map<String, Index.Entry> entries, Map<String, Image> images, Map<String, String> names) {}

    Catalog(StoreFiles files, Overlay overlay, Limits limits) {
        this.files = files;
        this.leases = new Leases(files, lock, this::collect);
        this.content = new Content(files, lock, leases, limits);
        this.snapshots = new Snapshots(files, overlay, this);
    }

    Leases leases() {
        return leases;
    }

    Content content() {
        return content;
    }

    Snapshots snapshots() {
        return snapshots;
    }

    /** Runs something while no image comes or goes. */
    <T> T locked(Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Reads the store and sweeps out what belongs to no image. */
    void load() {
        Map<String, Index.Entry> entries = readIndex();
        for (Index.Entry entry : entries.values()) {
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
        state = build(entries.values());
        snapshots.load();
        leases.load();
        content.load();
        Set<String> wanted = new HashSet<>();
        entries.values().forEach(e -> wanted.addAll(e.layers()));
        files.linux.scan(files.layers, e -> {
            if (!wanted.contains(e.name())) {
                files.discard(files.layers, e.name());
            }
        });
        locked(() -> {
            collect();
            return wanted;
        });
        for (Index.Entry entry : List.copyOf(entries.values())) {
            released(entry.id());
        }
    }

    private Map<String, Index.Entry> readIndex() {
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
            files.write(files.root, Index.FILE, Index.write(List.of()));
            return Map.of();
        }
        try {
            return Index.parse(files.read(files.root, Index.FILE, Index.MAXIMUM_SIZE), what);
        } catch (ImageException e) {
            throw new ImageException(ImageException.Kind.INTERNAL, "the image store is damaged: " + e.getMessage(), e);
        }
    }

    private State build(Collection<Index.Entry> entries) {
        Map<String, Index.Entry> byId = new LinkedHashMap<>();
        Map<String, Image> images = new HashMap<>();
        Map<String, String> names = new HashMap<>();
        for (Index.Entry entry : entries) {
            byId.put(entry.id(), entry);
            ImageDocument d = documents.get(entry.id());
            if (d == null || entry.removed()) {
                continue;
            }
            long size = 0;
            for (String directory : entry.layers()) {
                Layer layer = layers.get(directory);
                size += layer == null ? 0 : layer.size();
            }
            TreeSet<String> familiar = new TreeSet<>();
            for (String reference : entry.references()) {
                names.put(reference, entry.id());
                familiar.add(Reference.parse(reference).familiar());
            }
            images.put(
                    entry.id(),
                    new Image(
                            entry.id(),
                            List.copyOf(familiar),
                            d.created(),
                            d.architecture(),
                            d.os(),
                            d.author(),
                            d.comment(),
                            size,
                            d.diffIds(),
                            d.config(),
                            d.history()));
        }
        return new State(byId, images, names);
    }

    /** Makes the new entries the truth, on disk first. The lock is held. */
    void change(Map<String, Index.Entry> entries) {
        State next = build(entries.values());
        files.write(files.root, Index.FILE, Index.write(entries.values()));
        state = next;
    }

    /** Removes layers and documents that no image and no commit under way needs. The lock is held. */
    void collect() {
        Set<String> wanted = new HashSet<>(pins.keySet());
        for (Index.Entry entry : state.entries().values()) {
            wanted.add(entry.id());
            wanted.addAll(entry.layers());
        }
        layers.keySet().removeIf(directory -> {
            boolean gone = !wanted.contains(directory);
            if (gone) {
                files.discard(files.layers, directory);
            }
            return gone;
        });
        documents.keySet().retainAll(wanted);
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

    /** A copy of the entries to be given to {@link #change}. The lock is held. */
    Map<String, Index.Entry> entries() {
        return new LinkedHashMap<>(state.entries());
    }

    /** Gives a name to an image and takes it from whichever had it. */
    static void move(Map<String, Index.Entry> entries, String reference, String id) {
        entries.replaceAll((k, entry) -> {
            List<String> references = new ArrayList<>(entry.references());
            boolean changed = references.remove(reference);
            if (k.equals(id)) {
                changed = references.add(reference);
            }
            return changed ? entry.withReferences(references) : entry;
        });
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
        try {
            String id = now.names().get(Reference.parse(nameOrId).toString());
            if (id != null) {
                return Optional.of(byId(now, id));
            }
        } catch (ImageException notAName) {
            // an id, then, or nothing
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
        return found.stream().findFirst();
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
            shown = Reference.parse(nameOrId).familiar();
        } catch (ImageException notAName) {
            // shown as it was said
        }
        return new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + shown);
    }

    /** Drops an image that was kept only for its containers, after the last of them is gone. */
    void released(String imageId) {
        locked(() -> {
            Index.Entry entry = state.entries().get(imageId);
            if (entry != null && entry.removed() && !snapshots.uses(imageId)) {
                Map<String, Index.Entry> entries = entries();
                entries.remove(imageId);
                change(entries);
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
        Index.Entry entry = state.entries().get(imageId);
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
