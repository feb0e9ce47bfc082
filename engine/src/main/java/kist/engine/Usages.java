package kist.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import kist.image.DiskUsage;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;

/** How much of the disk images and containers take. Thread-safe. */
final class Usages {
    private final ImageStore store;
    private final Registry containers;
    private final Function<Container, ContainerView> views;
    private final ToLongFunction<Container> logs;

    Usages(
            ImageStore store,
            Registry containers,
            Function<Container, ContainerView> views,
            ToLongFunction<Container> logs) {
        this.store = store;
        this.containers = containers;
        this.views = views;
        this.logs = logs;
    }

    ImageRequest.Usage measure(ImageRequest.DiskUsage r) {
        Optional<DiskUsage> usage = r.images() ? Optional.of(store.usage()) : Optional.empty();
        Map<String, Image> byId = new HashMap<>();
        store.list().forEach(image -> byId.put(image.id(), image));
        List<Container> all = containers.all().stream()
                .sorted(Comparator.comparingLong((Container c) -> c.stored.createdNanos())
                        .reversed())
                .toList();
        List<ImageRequest.ImageUsage> images = new ArrayList<>();
        for (DiskUsage.ImageUsage one : usage.map(DiskUsage::images).orElse(List.of())) {
            int users = (int) all.stream()
                    .filter(c -> c.stored.imageId().equals(one.image().id()))
                    .count();
            images.add(new ImageRequest.ImageUsage(one.image(), one.shared(), users));
        }
        List<ImageRequest.ContainerUsage> used = new ArrayList<>();
        if (r.containers()) {
            for (Container c : all) {
                long image = Optional.ofNullable(byId.get(c.stored.imageId()))
                        .map(Image::size)
                        .orElse(0L);
                written(c)
                        .ifPresent(w -> used.add(
                                new ImageRequest.ContainerUsage(views.apply(c), w, image, logs.applyAsLong(c))));
            }
        }
        return new ImageRequest.Usage(
                usage.map(DiskUsage::layers).orElse(0L),
                usage.map(DiskUsage::blobs).orElse(0L),
                images,
                used);
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
