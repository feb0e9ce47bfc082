package kist.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import kist.image.DiskUsage;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;

/** How much of the disk images and containers take. Thread-safe. */
final class Usages {
    private final ImageStore store;
    private final Registry containers;
    private final Function<Container, ContainerView> views;

    Usages(ImageStore store, Registry containers, Function<Container, ContainerView> views) {
        this.store = store;
        this.containers = containers;
        this.views = views;
    }

    ImageRequest.Usage measure(ImageRequest.DiskUsage r) {
        DiskUsage usage = r.images() ? store.usage() : new DiskUsage(0, 0, Map.of());
        Map<String, Image> byId = new HashMap<>();
        store.list().forEach(image -> byId.put(image.id(), image));
        List<Container> all = containers.all();
        List<ImageRequest.ImageUsage> images = new ArrayList<>();
        if (r.images()) {
            for (Image image : store.list()) {
                int users = (int) all.stream()
                        .filter(c -> c.stored.imageId().equals(image.id()))
                        .count();
                images.add(new ImageRequest.ImageUsage(image, usage.shared().getOrDefault(image.id(), 0L), users));
            }
        }
        List<ImageRequest.ContainerUsage> used = new ArrayList<>();
        if (r.containers()) {
            for (Container c : all) {
                long image = Optional.ofNullable(byId.get(c.stored.imageId()))
                        .map(Image::size)
                        .orElse(0L);
                written(c).ifPresent(w -> used.add(new ImageRequest.ContainerUsage(views.apply(c), w, image)));
            }
        }
        return new ImageRequest.Usage(usage.layers(), usage.blobs(), images, used);
    }

    /** Nothing where the container was removed meanwhile. */
    private Optional<Long> written(Container c) {
        try {
            return Optional.of(store.snapshots().usage(c.id()));
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
