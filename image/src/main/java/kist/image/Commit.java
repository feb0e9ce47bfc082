package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;

/**
 * Takes unpacked images into the store: completes their layers, makes them durable, moves them into place and only then
 * names them in the index. Not thread-safe; several may run at once.
 */
final class Commit {
    private final StoreFiles files;
    private final Catalog catalog;
    private final Overlay overlay;
    private final List<NewImage> images;
    private final List<String> pinned = new ArrayList<>();
    private final Map<String, PendingLayer> pending = new LinkedHashMap<>();
    private final Map<String, List<String>> directories = new LinkedHashMap<>();

    Commit(StoreFiles files, Catalog catalog, Overlay overlay, List<NewImage> images) {
        this.files = files;
        this.catalog = catalog;
        this.overlay = overlay;
        this.images = images;
    }

    /** All images are there afterwards, or none that was not there before. */
    List<Loaded> run() {
        try {
            for (NewImage image : images) {
                pin(image.id());
                directories.put(image.id(), chain(image));
            }
            if (!pending.isEmpty()) {
                files.linux.syncfs(files.layers);
            }
            for (NewImage image : images) {
                catalog.add(image.id(), image.document());
                catalog.content().put(image.id(), image.config());
            }
            return catalog.locked(this::publish);
        } finally {
            catalog.unpin(pinned);
        }
    }

    private void pin(String name) {
        catalog.pin(name);
        pinned.add(name);
    }

    /** The directories of an image's layers, those of new ones after completing them. */
    private List<String> chain(NewImage image) {
        List<String> directories = new ArrayList<>();
        String chain = "";
        for (PendingLayer layer : image.layers()) {
            chain = Digest.chain(chain, layer.diffId());
            boolean lowest = directories.isEmpty();
            String own = Digest.hex(layer.diffId(), "the layer");
            String chained = Digest.hex(chain, "the layer");
            pin(own);
            pin(chained);
            Optional<String> there = existing(own, chained, lowest);
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
                for (String directory : new LinkedHashSet<>(directories.reversed())) {
                    PendingLayer other = pending.get(directory);
                    below.add(other == null ? catalog.openLayer(directory) : other.openRoot());
                    Optional<Layer> known = other == null ? catalog.layer(directory) : other.finished();
                    if (known.isPresent() && known.get().opaque()) {
                        break;
                    }
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

    private Optional<String> existing(String own, String chained, boolean lowest) {
        for (String name : List.of(chained, own)) {
            Optional<Layer> layer = catalog.layer(name);
            PendingLayer unpacked = pending.get(name);
            if (layer.isEmpty() && unpacked != null) {
                layer = unpacked.finished();
            }
            // one that took nothing from below only because it was the lowest would take something above others
            if (layer.isPresent()
                    && (!layer.get().dependent() || name.equals(chained) && (lowest || !own.equals(chained)))) {
                return Optional.of(name);
            }
        }
        return Optional.empty();
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
        files.linux.sync(files.layers, true);
        Map<String, Index.Entry> entries = catalog.entries();
        for (NewImage image : images) {
            Index.Entry old = entries.get(image.id());
            List<String> references = old == null || old.removed() ? List.of() : old.references();
            entries.put(
                    image.id(),
                    new Index.Entry(image.id(), references, directories.getOrDefault(image.id(), List.of()), false));
            for (Reference reference : image.references()) {
                Catalog.move(entries, reference.toString(), image.id());
            }
        }
        catalog.change(entries);
        List<Loaded> loaded = new ArrayList<>();
        for (NewImage image : images) {
            loaded.add(new Loaded(
                    catalog.byId(image.id()),
                    image.references().stream().map(Reference::familiar).toList()));
        }
        return loaded;
    }
}
