package kist.image;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the images take, and the removal of those that nobody needs. The catalog's lock is held. */
final class Housekeeping {
    private final Catalog catalog;

    Housekeeping(Catalog catalog) {
        this.catalog = catalog;
    }

    DiskUsage usage() {
        Map<String, Integer> owners = new HashMap<>();
        List<Image> images = catalog.list();
        for (Image image : images) {
            new HashSet<>(directories(image)).forEach(d -> owners.merge(d, 1, Integer::sum));
        }
        List<DiskUsage.ImageUsage> usages = new ArrayList<>();
        for (Image image : images) {
            List<String> directories = directories(image);
            long shared = 0;
            for (int i = 0; i < directories.size(); i++) {
                shared += owners.getOrDefault(directories.get(i), 0) > 1
                        ? image.layerSizes().get(i)
                        : 0;
            }
            usages.add(new DiskUsage.ImageUsage(image, image.size(), shared));
        }
        return new DiskUsage(List.copyOf(usages), layers(), catalog.content().total());
    }

    private List<String> directories(Image image) {
        return catalog.entry(image.id()).map(Index.Entry::layers).orElse(List.of());
    }

    private long layers() {
        return catalog.layers().stream().mapToLong(Layer::size).sum();
    }

    Pruned prune(PruneRequest request, List<ImageUse> uses) {
        long before = layers() + catalog.content().total();
        Set<String> used = new HashSet<>();
        uses.forEach(u -> used.add(u.imageId()));
        List<Removed> removed = new ArrayList<>();
        for (Image image : catalog.list()) {
            boolean hasChildren = !catalog.children(image.id()).isEmpty();
            boolean named = !image.references().isEmpty() || catalog.isVariant(image.id());
            boolean wanted = request.all() ? named || !hasChildren : !named && !hasChildren;
            // one before may have taken it along
            if (wanted && catalog.has(image.id()) && !used.contains(image.id()) && matches(image, request)) {
                removed.addAll(remove(image, uses));
            }
        }
        return new Pruned(
                List.copyOf(removed),
                Math.max(0, before - layers() - catalog.content().total()));
    }

    private static boolean matches(Image image, PruneRequest request) {
        return request.until().map(u -> image.created().isBefore(u)).orElse(true)
                && request.labels().stream().allMatch(l -> has(image, l))
                && request.withoutLabels().stream().noneMatch(l -> has(image, l));
    }

    private static boolean has(Image image, String label) {
        int equals = label.indexOf('=');
        String value = image.config().labels().get(equals < 0 ? label : label.substring(0, equals));
        return value != null && (equals < 0 || value.equals(label.substring(equals + 1)));
    }

    private List<Removed> remove(Image image, List<ImageUse> uses) {
        List<String> names = new ArrayList<>(image.references());
        names.addAll(image.digests());
        if (names.isEmpty()) {
            names.add(image.id());
        }
        List<Removed> removed = new ArrayList<>();
        for (String name : names) {
            if (catalog.find(name).filter(i -> i.id().equals(image.id())).isPresent()) {
                try {
                    removed.add(new Removal(catalog, name, false, true, uses).run());
                } catch (ImageException e) {
                    // what stands against its removal is no failure of pruning
                    if (e.kind() != ImageException.Kind.CONFLICT) {
                        throw e;
                    }
                }
            }
        }
        return removed;
    }
}
