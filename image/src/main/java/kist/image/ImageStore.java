package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
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
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * The images of one engine: documents by their digest, layers unpacked once each, names. Thread-safe; one store at a time
 * on a directory. Whatever a killed engine was doing is either done or leaves nothing after the next {@link #open}.
 *
 * <p>All methods throw {@link ImageException}.
 */
public final class ImageStore implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ImageStore.class.getName());

    private final StoreFiles files;
    private final Limits limits;
    private final Overlay overlay;
    private final Snapshots snapshots;

    /** Held while the index changes, never while layers are unpacked. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Map<String, Layer> layers = new HashMap<>();
    private final Map<String, ImageDocument> documents = new HashMap<>();
    /** How many commits under way need a layer's directory or an image's document, which then must not go. */
    private final Map<String, Integer> pins = new HashMap<>();

    private volatile State state = new State(Map.of(), Map.of(), Map.of());

    /** What the index says, and what follows from it; never changed, only replaced. */
    private record State(Map<String, Index.Entry> entries, Map<String, Image> images, Map<String, String> names) {}

    private ImageStore(StoreFiles files, Limits limits, Overlay overlay) {
        this.files = files;
        this.limits = limits;
        this.overlay = overlay;
        this.snapshots = new Snapshots(files, overlay, this);
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
        StoreFiles files = new StoreFiles(directory, linux);
        boolean opened = false;
        try {
            ImageStore store = new ImageStore(files, limits, new Overlay(linux));
            store.load();
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

    private void load() {
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
        Set<String> wanted = new HashSet<>();
        entries.values().forEach(e -> wanted.addAll(e.layers()));
        files.linux.scan(files.layers, e -> {
            if (!wanted.contains(e.name())) {
                files.discard(files.layers, e.name());
            }
        });
        files.linux.scan(files.blobs, e -> {
            if (!entries.containsKey("sha256:" + e.name())) {
                files.discard(files.blobs, e.name());
            }
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
    private void change(Map<String, Index.Entry> entries) {
        State next = build(entries.values());
        files.write(files.root, Index.FILE, Index.write(entries.values()));
        state = next;
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
        List<String> pinned = new ArrayList<>();
        Map<String, PendingLayer> pending = new LinkedHashMap<>();
        try {
            Map<String, List<String>> directories = new LinkedHashMap<>();
            for (NewImage image : images) {
                pin(image.id(), pinned);
                directories.put(image.id(), chain(image, pending, pinned));
            }
            if (!pending.isEmpty()) {
                files.linux.syncfs(files.layers);
            }
            for (NewImage image : images) {
                locked(() -> documents.put(image.id(), image.document()));
                files.write(files.blobs, image.id().substring(7), image.config());
            }
            return publish(images, directories, pending);
        } finally {
            lock.lock();
            try {
                for (String name : pinned) {
                    pins.computeIfPresent(name, (k, n) -> n == 1 ? null : n - 1);
                }
                collect();
            } finally {
                lock.unlock();
            }
        }
    }

    private void pin(String name, List<String> pinned) {
        lock.lock();
        try {
            pins.merge(name, 1, Integer::sum);
            pinned.add(name);
        } finally {
            lock.unlock();
        }
    }

    /** The directories of an image's layers, those of new ones after completing them. */
    private List<String> chain(NewImage image, Map<String, PendingLayer> pending, List<String> pinned) {
        List<String> directories = new ArrayList<>();
        String chain = "";
        for (PendingLayer layer : image.layers()) {
            chain = Digest.chain(chain, layer.diffId());
            boolean lowest = directories.isEmpty();
            String own = Digest.hex(layer.diffId(), "the layer");
            String chained = Digest.hex(chain, "the layer");
            pin(own, pinned);
            pin(chained, pinned);
            Optional<String> there = existing(own, chained, lowest, pending);
            if (there.isPresent()) {
                directories.add(there.get());
                continue;
            }
            if (layer.finished().isPresent()) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        "layer " + layer.diffId() + " takes files from the layers below it and is used above different"
                                + " ones in one archive; load its images one by one");
            }
            List<Fd> below = new ArrayList<>();
            try {
                for (String directory : directories.reversed()) {
                    PendingLayer other = pending.get(directory);
                    below.add(other == null ? openLayer(directory) : other.openRoot());
                }
                Layer done = layer.finish(overlay, chain, below);
                pending.put(done.directory(), layer);
                directories.add(done.directory());
            } finally {
                below.forEach(Fd::close);
            }
        }
        return directories;
    }

    private Optional<String> existing(String own, String chained, boolean lowest, Map<String, PendingLayer> pending) {
        lock.lock();
        try {
            for (String name : List.of(chained, own)) {
                Optional<Layer> layer = Optional.ofNullable(layers.get(name));
                if (layer.isEmpty() && pending.containsKey(name)) {
                    layer = pending.get(name).finished();
                }
                // one that took nothing from below, because it was the lowest, would have above others
                if (layer.isPresent() && (name.equals(chained) && (lowest || !own.equals(chained))
                        || !layer.get().dependent())) {
                    return Optional.of(name);
                }
            }
            return Optional.empty();
        } finally {
            lock.unlock();
        }
    }

    private List<Loaded> publish(
            List<NewImage> images, Map<String, List<String>> directories, Map<String, PendingLayer> pending) {
        lock.lock();
        try {
            for (Map.Entry<String, PendingLayer> layer : pending.entrySet()) {
                if (!layers.containsKey(layer.getKey())) {
                    Layer done = layer.getValue().finished().orElseThrow();
                    // one that is there nevertheless is damaged
                    files.discard(files.layers, done.directory());
                    layer.getValue().install(done);
                    layers.put(layer.getKey(), done);
                }
            }
            files.linux.sync(files.layers, true);
            Map<String, Index.Entry> entries = new LinkedHashMap<>(state.entries());
            for (NewImage image : images) {
                Index.Entry old = entries.get(image.id());
                List<String> references = old == null || old.removed() ? List.of() : old.references();
                entries.put(
                        image.id(),
                        new Index.Entry(image.id(), references, directories.getOrDefault(image.id(), List.of()), false));
                for (Reference reference : image.references()) {
                    move(entries, reference.toString(), image.id());
                }
            }
            change(entries);
            List<Loaded> loaded = new ArrayList<>();
            for (NewImage image : images) {
                loaded.add(new Loaded(
                        byId(image.id()),
                        image.references().stream().map(Reference::familiar).toList()));
            }
            return loaded;
        } finally {
            lock.unlock();
        }
    }

    /** Gives a name to an image and takes it from whichever had it. */
    private static void move(Map<String, Index.Entry> entries, String reference, String id) {
        entries.replaceAll((k, entry) -> {
            List<String> references = new ArrayList<>(entry.references());
            boolean changed = references.remove(reference);
            if (k.equals(id)) {
                changed = references.add(reference);
            }
            return changed ? entry.withReferences(references) : entry;
        });
    }

    /** Removes layers and documents that no image and no commit under way needs. The lock is held. */
    private void collect() {
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
        documents.keySet().removeIf(id -> {
            boolean gone = !wanted.contains(id);
            if (gone) {
                files.discard(files.blobs, id.substring(7));
            }
            return gone;
        });
    }

    private Image byId(String id) {
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
    public Optional<Image> find(String nameOrId) {
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

    private Image get(String nameOrId) {
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

    /** All images, newest first. */
    public List<Image> list() {
        List<Image> images = new ArrayList<>(state.images().values());
        images.sort(Comparator.comparing(Image::created).reversed().thenComparing(Image::id));
        return images;
    }

    /** Gives an image a further name; an image that had the name loses it. */
    public void tag(String nameOrId, String newReference) {
        Reference reference = Reference.parse(newReference);
        guarded("tag " + Text.quote(nameOrId), () -> {
            lock.lock();
            try {
                Map<String, Index.Entry> entries = new LinkedHashMap<>(state.entries());
                move(entries, reference.toString(), get(nameOrId).id());
                change(entries);
                return true;
            } finally {
                lock.unlock();
            }
        });
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
        return guarded("remove image " + Text.quote(nameOrId), () -> {
            lock.lock();
            try {
                return new Removal(nameOrId, force, uses).run();
            } finally {
                lock.unlock();
            }
        });
    }

    /** One removal, by the rules of the docker command. The lock is held. */
    private final class Removal {
        private final Image image;
        private final boolean force;
        private final List<ImageUse> uses;
        private final Optional<String> name;
        private final List<String> untagged = new ArrayList<>();

        Removal(String nameOrId, boolean force, List<ImageUse> uses) {
            this.image = get(nameOrId);
            this.force = force;
            this.uses = uses.stream().filter(u -> u.imageId().equals(image.id())).toList();
            this.name = nameSaid(nameOrId);
        }

        /** The name that was said, where it was not an id. */
        private Optional<String> nameSaid(String nameOrId) {
            try {
                String familiar = Reference.parse(nameOrId).familiar();
                return image.references().contains(familiar) ? Optional.of(familiar) : Optional.empty();
            } catch (ImageException id) {
                return Optional.empty();
            }
        }

        Removed run() {
            Map<String, Index.Entry> entries = new LinkedHashMap<>(state.entries());
            Optional<ImageUse> running = uses.stream().filter(ImageUse::running).findFirst();
            Optional<ImageUse> stopped = uses.stream().filter(u -> !u.running()).findFirst();
            if (name.isPresent()) {
                boolean last = image.references().size() == 1;
                if (last && !force && !uses.isEmpty()) {
                    throw conflict("unable to remove repository reference " + Text.quote(name.get())
                            + " (must force) - " + container(uses.getFirst(), "container ")
                            + " is using its referenced image " + shortId(image.id()));
                }
                untag(entries, name.get());
                if (!last || !uses.isEmpty() && running.isPresent()) {
                    change(entries);
                    return new Removed(untagged, List.of());
                }
                return delete(entries);
            }
            if (running.isPresent()) {
                throw conflict("unable to delete " + shortId(image.id())
                        + " (cannot be forced) - image is being used by "
                        + container(running.get(), "running container "));
            }
            if (!force && names(image.references()) > 1) {
                throw conflict("unable to delete " + shortId(image.id())
                        + " (must be forced) - image is referenced in multiple repositories");
            }
            if (!force && stopped.isPresent()) {
                throw conflict("unable to delete " + shortId(image.id())
                        + " (must be forced) - image is being used by "
                        + container(stopped.get(), "stopped container "));
            }
            image.references().forEach(r -> untag(entries, r));
            return delete(entries);
        }

        private void untag(Map<String, Index.Entry> entries, String familiar) {
            String full = Reference.parse(familiar).toString();
            entries.computeIfPresent(image.id(), (k, e) -> e.withReferences(
                    e.references().stream().filter(r -> !r.equals(full)).toList()));
            untagged.add(familiar);
        }

        private Removed delete(Map<String, Index.Entry> entries) {
            Index.Entry entry = entries.getOrDefault(image.id(), new Index.Entry(image.id(), List.of(), List.of(), false));
            if (snapshots.uses(image.id())) {
                entries.put(image.id(), new Index.Entry(image.id(), List.of(), entry.layers(), true));
            } else {
                entries.remove(image.id());
            }
            Set<String> before = Set.copyOf(layers.keySet());
            change(entries);
            collect();
            List<String> deleted = new ArrayList<>();
            deleted.add(image.id());
            for (String directory : entry.layers().reversed()) {
                if (before.contains(directory) && !layers.containsKey(directory)) {
                    deleted.add("sha256:" + directory);
                }
            }
            return new Removed(List.copyOf(untagged), List.copyOf(deleted));
        }

        private static long names(List<String> references) {
            return references.stream()
                    .map(r -> Reference.parse(r).familiarName())
                    .distinct()
                    .count();
        }

        private static String container(ImageUse use, String kind) {
            return use.containerId().isEmpty() ? "a container" : kind + shortId(use.containerId());
        }

        private static String shortId(String id) {
            String hex = id.startsWith("sha256:") ? id.substring(7) : id;
            return hex.length() > 12 ? hex.substring(0, 12) : hex;
        }

        private static ImageException conflict(String why) {
            return new ImageException(ImageException.Kind.CONFLICT, "conflict: " + why);
        }
    }

    /** The writable layers of containers. */
    public Snapshots snapshots() {
        return snapshots;
    }

    /** Waits until what was removed is off the disk. */
    void awaitDeletions() throws InterruptedException {
        files.awaitDeletions();
    }

    /** Runs something while no image comes or goes. */
    void locked(Runnable work) {
        lock.lock();
        try {
            work.run();
        } finally {
            lock.unlock();
        }
    }

    /** Drops an image that was kept only for its containers, after the last of them is gone. */
    void released(String imageId) {
        locked(() -> {
            Index.Entry entry = state.entries().get(imageId);
            if (entry != null && entry.removed() && !snapshots.uses(imageId)) {
                Map<String, Index.Entry> entries = new LinkedHashMap<>(state.entries());
                entries.remove(imageId);
                change(entries);
                collect();
            }
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
                visible.add(layer);
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

    /** Frees the directory for another engine; containers go on. */
    @Override
    public void close() {
        files.close();
    }
}
