package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;

/** How much of the disk single containers take, and the removal of those that do not run. Thread-safe. */
final class Prunes {
    private final ImageStore images;
    private final Registry registry;
    private final Lifecycle lifecycle;
    private final Events events;

    Prunes(ImageStore images, Registry registry, Lifecycle lifecycle, Events events) {
        this.images = images;
        this.registry = registry;
        this.lifecycle = lifecycle;
        this.events = events;
    }

    Request.ContainerSize measure(Container c) {
        long written = images.snapshots().usage(c.id());
        long image = images.find(c.stored.imageId()).map(Image::size).orElse(0L);
        return new Request.ContainerSize(written, image + written);
    }

    Request.PrunedContainers prune(Request.PruneContainers wish) throws InterruptedException {
        List<String> removed = new ArrayList<>();
        long bytes = 0;
        for (Container c : registry.all()) {
            if (!wanted(c, wish)) {
                continue;
            }
            try {
                long written = written(c);
                lifecycle.remove(c, false, false);
                removed.add(c.id());
                bytes += written;
            } catch (EngineException e) {
                // started or removed by someone else meanwhile: then it is not ours to prune
                if (e.kind() != EngineException.Kind.NOT_FOUND && e.kind() != EngineException.Kind.CONFLICT) {
                    throw e;
                }
            }
        }
        events.publish("container", "prune", "", Map.of("reclaimed", Long.toString(bytes)));
        return new Request.PrunedContainers(removed, bytes);
    }

    private static boolean wanted(Container c, Request.PruneContainers wish) {
        StoredState.Phase phase = c.state.phase();
        return (phase == StoredState.Phase.CREATED || phase == StoredState.Phase.EXITED)
                && !c.restarting
                && !c.removing
                && (wish.untilNanos() == 0 || c.stored.createdNanos() < wish.untilNanos())
                && wish.labels().stream().allMatch(l -> holds(c.stored.labels(), l))
                && wish.unwantedLabels().stream().noneMatch(l -> holds(c.stored.labels(), l));
    }

    /** Whether labels hold a {@code name} or a {@code name=value}. */
    static boolean holds(Map<String, String> labels, String wanted) {
        int equals = wanted.indexOf('=');
        if (equals < 0) {
            return labels.containsKey(wanted);
        }
        return wanted.substring(equals + 1).equals(labels.get(wanted.substring(0, equals)));
    }

    private long written(Container c) {
        try {
            return images.snapshots().usage(c.id());
        } catch (ImageException e) {
            return 0;
        }
    }
}
