package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;

/**
 * Takes unpacked images into the store: completes their layers, moves them and their archives into place and only then names
 * them in the index, as unsynced until all is on disk. Not thread-safe; one at a time completes its layers.
 */
final class Commit {
    private final StoreFiles files;
    private final Catalog catalog;
    private final Overlay overlay;
    private final Budget budget;
    private final List<NewImage> images;
    private final List<String> pinned = new ArrayList<>();
    private final Map<String, PendingLayer> pending = new LinkedHashMap<>();
    private final List<PendingLayer> taken = new ArrayList<>();
    private final Map<String, List<String>> directories = new LinkedHashMap<>();
    private final Map<String, List<LayerBlob>> blobs = new LinkedHashMap<>();
    private boolean installed;

    Commit(StoreFiles files, Catalog catalog, Overlay overlay, Budget budget, List<NewImage> images) {
        this.files = files;
        this.catalog = catalog;
        this.overlay = overlay;
        this.budget = budget;
        this.images = images;
    }

    /** All images are there afterwards, or none that was not there before. */
    List<Loaded> run() {
        catalog.committing().lock();
        try {
            for (NewImage image : images) {
                pin(image.id());
                directories.put(image.id(), chain(image));
            }
            for (NewImage image : images) {
                catalog.add(image.id(), image.document());
                catalog.content().putUnsynced(image.id(), image.config());
                image.manifest().ifPresent(this::keep);
                image.index().ifPresent(index -> {
                    keep(index);
                    catalog.add(index);
                });
                blobs.put(image.id(), archives(image));
            }
            if (files.boot.isEmpty()) {
                files.linux.syncfs(files.layers);
            }
            return catalog.locked(this::publish);
        } finally {
            catalog.committing().unlock();
            taken.forEach(PendingLayer::close);
            catalog.unpin(pinned);
        }
    }

    private void pin(String name) {
        catalog.pin(name);
        pinned.add(name);
    }

    private void keep(Manifest manifest) {
        pin(manifest.digest());
        catalog.content().putUnsynced(manifest.digest(), manifest.content());
    }

    /** The directories of an image's layers, those of new ones after completing them. */
    private List<String> chain(NewImage image) {
        List<String> directories = new ArrayList<>();
        String chain = "";
        for (NewImage.NewLayer layer : image.layers()) {
            chain = Digest.chain(chain, layer.diffId());
            boolean lowest = directories.isEmpty();
            String own = Digest.hex(layer.diffId(), "the layer");
            String chained = Digest.hex(chain, "the layer");
            pin(own);
            pin(chained);
            Optional<String> there = existing(own, chained, lowest);
            directories.add(
                    there.isPresent() ? there.get() : complete(unpacked(layer), chain, List.copyOf(directories)));
        }
        return directories;
    }

    /** The tree of a layer that is not complete yet. */
    private PendingLayer unpacked(NewImage.NewLayer layer) {
        Optional<PendingLayer> own = layer.unpacked().filter(l -> l.finished().isEmpty());
        if (own.isPresent()) {
            return own.get();
        }
        Optional<PendingLayer> given = catalog.locked(() -> catalog.unpacked().take(layer.diffId()));
        PendingLayer found = given.orElseGet(() -> again(layer));
        taken.add(found);
        return found;
    }

    /** Another commit took the tree, or it is wanted above different layers; the archive is there still. */
    private PendingLayer again(NewImage.NewLayer layer) {
        Optional<BlobFile> archive = layer.unpacked().flatMap(PendingLayer::archive);
        if (archive.isPresent()) {
            String what = "layer " + layer.diffId();
            try (FdStream in = new FdStream(
                    files.linux, files.linux.duplicate(archive.get().file()))) {
                return catalog.unpack(in, what, layer.diffId(), budget);
            } catch (java.io.IOException e) {
                throw new ImageException(ImageException.Kind.INTERNAL, "cannot read the archive of " + what, e);
            }
        }
        for (LayerBlob blob : List.of(layer.blob(), catalog.archive(layer.diffId()))) {
            if (blob.isKept()) {
                pin(blob.digest());
                if (catalog.content().size(blob.digest()).isPresent()) {
                    return catalog.unpackBlob(blob.digest(), layer.diffId(), budget);
                }
            }
        }
        throw new ImageException(
                ImageException.Kind.NOT_FOUND,
                "layer " + layer.diffId() + " is neither unpacked nor among the blobs; fetch it first");
    }

    private String complete(PendingLayer layer, String chain, List<String> lower) {
        List<Fd> below = new ArrayList<>();
        try {
            for (String directory : new LinkedHashSet<>(lower.reversed())) {
                PendingLayer other = pending.get(directory);
                below.add(other == null ? catalog.openLayer(directory) : other.openRoot());
                Optional<Layer> known = other == null ? catalog.layer(directory) : other.finished();
                if (known.isPresent() && known.get().opaque()) {
                    break;
                }
            }
            Layer done = layer.finish(overlay, chain, below);
            pending.put(done.directory(), layer);
            return done.directory();
        } finally {
            below.forEach(Fd::close);
        }
    }

    private Optional<String> existing(String own, String chained, boolean lowest) {
        for (String name : List.of(chained, own)) {
            Optional<Layer> layer = catalog.layer(name);
            PendingLayer unpacked = pending.get(name);
            if (layer.isEmpty() && unpacked != null) {
                layer = unpacked.finished();
            }
            if (layer.isPresent() && Catalog.fits(layer.get(), own, chained, lowest)) {
                return Optional.of(name);
            }
        }
        return Optional.empty();
    }

    /** The archives of an image's layers, those of new ones among the blobs afterwards. */
    private List<LayerBlob> archives(NewImage image) {
        List<LayerBlob> found = new ArrayList<>();
        for (NewImage.NewLayer layer : image.layers()) {
            found.add(archive(layer));
        }
        return found;
    }

    private LayerBlob archive(NewImage.NewLayer layer) {
        if (isThere(layer.blob())) {
            return layer.blob();
        }
        LayerBlob brought = layer.unpacked().map(PendingLayer::blob).orElse(LayerBlob.NONE);
        LayerBlob known = catalog.archive(layer.diffId());
        if ((!brought.isKept() || brought.isOwn()) && isThere(known)) {
            return known;
        }
        if (brought.isKept() && !isThere(brought)) {
            layer.unpacked().flatMap(PendingLayer::archive).orElseThrow().install(catalog.content());
            installed = true;
        }
        return brought;
    }

    /** Whether an archive is among the blobs; it stays there then. */
    private boolean isThere(LayerBlob blob) {
        if (!blob.isKept()) {
            return false;
        }
        pin(blob.digest());
        return catalog.content().size(blob.digest()).isPresent();
    }

    private List<Loaded> publish() {
        for (Map.Entry<String, PendingLayer> layer : pending.entrySet()) {
            if (catalog.layer(layer.getKey()).isEmpty()) {
                Layer done = layer.getValue().finished().orElseThrow();
                // one that is there nevertheless is damaged
                files.discard(files.layers, done.directory());
                layer.getValue().install(done);
                catalog.add(done);
            }
        }
        Index before = catalog.draft();
        Index index = catalog.draft();
        for (NewImage image : images) {
            index.entries.put(image.id(), entry(image, Optional.ofNullable(index.entries.get(image.id()))));
            for (Reference reference : image.references()) {
                index.move(reference.toString(), image.id());
                index.lists.remove(reference.toString());
                image.index()
                        .ifPresent(i ->
                                index.lists.put(reference.toString(), new Index.Stored(i.digest(), i.mediaType())));
            }
            image.digests().forEach(d -> index.moveDigest(d.toString(), image.id()));
        }
        boolean damaged = images.stream().anyMatch(i -> !catalog.has(i.id()));
        if (damaged || installed || !pending.isEmpty() || !index.same(before)) {
            catalog.change(index);
            catalog.syncSoon();
        }
        List<Loaded> loaded = new ArrayList<>();
        for (NewImage image : images) {
            loaded.add(new Loaded(
                    catalog.byId(image.id()),
                    image.references().stream().map(Reference::familiar).toList()));
        }
        return loaded;
    }

    private Index.Entry entry(NewImage image, Optional<Index.Entry> before) {
        Optional<Index.Entry> old = before.filter(e -> !e.removed());
        List<Index.Stored> manifests = new ArrayList<>();
        image.manifest().ifPresent(m -> manifests.add(new Index.Stored(m.digest(), m.mediaType())));
        old.stream()
                .flatMap(e -> e.manifests().stream())
                .filter(m -> !manifests.contains(m))
                .forEach(manifests::add);
        List<LayerBlob> archives = new ArrayList<>(blobs.getOrDefault(image.id(), List.of()));
        for (int i = 0; old.isPresent() && i < archives.size(); i++) {
            // what a manifest of the image names is not given up for another form
            LayerBlob kept = old.get().blobs().get(i);
            if (image.manifest().isEmpty()
                    && kept.isKept()
                    && catalog.content().size(kept.digest()).isPresent()) {
                archives.set(i, kept);
            }
        }
        boolean nothingNew = pending.isEmpty() && !installed && old.isPresent();
        return new Index.Entry(
                image.id(),
                old.map(Index.Entry::references).orElse(List.of()),
                old.map(Index.Entry::digests).orElse(List.of()),
                directories.getOrDefault(image.id(), List.of()),
                List.copyOf(archives),
                List.copyOf(manifests),
                image.parent().isEmpty() ? old.map(Index.Entry::parent).orElse("") : image.parent(),
                false,
                nothingNew ? old.get().unsynced() : files.boot);
    }
}
