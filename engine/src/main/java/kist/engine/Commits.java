package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.Changes;
import kist.image.CommitRequest;
import kist.image.Image;
import kist.image.ImageConfig;
import kist.image.ImageStore;
import kist.image.Reference;
import kist.runtime.Cgroup;

/** Makes images of containers. Thread-safe. */
final class Commits {
    private final ImageStore store;
    private final Events events;

    Commits(ImageStore store, Events events) {
        this.store = store;
        this.events = events;
    }

    Image commit(Container c, ImageRequest.CommitContainer r) {
        ImageConfig image = store.find(c.stored.imageId()).map(Image::config).orElse(ImageConfig.EMPTY);
        List<Reference> names = r.reference().isEmpty() ? List.of() : List.of(Reference.parse(r.reference()));
        CommitRequest request = new CommitRequest(
                c.id(),
                Changes.apply(over(r.config(), of(c.stored, image)), r.changes()),
                r.author(),
                r.comment(),
                String.join(" ", c.stored.argv()),
                names);
        Image made = made(c, request, r.pause());
        Map<String, String> attributes = new LinkedHashMap<>(c.attributes());
        attributes.put("comment", r.comment());
        attributes.put("imageID", made.id());
        attributes.put("imageRef", r.reference());
        events.publish("container", "commit", c.id(), attributes);
        if (!r.reference().isEmpty()) {
            events.publish(
                    "image",
                    "tag",
                    made.id(),
                    Map.of("name", Reference.parse(r.reference()).familiar()));
        }
        return made;
    }

    /**
     * Commits while nobody removes the container and, where wanted, its processes stand still. On disk it is running all the
     * time: if the engine is killed here, the next one lets it go on.
     */
    private Image made(Container c, CommitRequest request, boolean still) {
        c.lock.lock();
        try {
            boolean runs = c.state.phase() == StoredState.Phase.RUNNING;
            Optional<Cgroup> group = still && runs ? c.cgroup : Optional.empty();
            try {
                group.ifPresent(Cgroup::freeze);
                return store.commit(request);
            } finally {
                group.ifPresent(Cgroup::thaw);
            }
        } finally {
            c.lock.unlock();
        }
    }

    /** What a container was made with, as an image says it. */
    static ImageConfig of(StoredContainer stored, ImageConfig image) {
        ContainerConfig own = stored.config();
        List<String> command = own.command()
                .filter(c -> !c.isEmpty())
                .orElse(own.entrypoint().isPresent() ? List.of() : image.command());
        return new ImageConfig(
                own.entrypoint().orElse(image.entrypoint()),
                command,
                stored.environment(),
                own.workingDir().isEmpty() ? image.workingDir() : own.workingDir(),
                stored.user(),
                union(image.exposedPorts(), own.exposedPorts()),
                union(image.volumes(), own.volumes()),
                stored.labels(),
                own.stopSignal().isEmpty() ? image.stopSignal() : own.stopSignal(),
                own.health().map(HealthCheck::ofImage).or(image::healthcheck),
                List.of(),
                own.shell(),
                false);
    }

    /** What a request says, and where it is silent what the container says. */
    static ImageConfig over(ImageConfig said, ImageConfig otherwise) {
        Map<String, String> environment = new LinkedHashMap<>();
        for (List<String> list : List.of(otherwise.environment(), said.environment())) {
            list.forEach(e -> environment.put(e.split("=", 2)[0], e));
        }
        Map<String, String> labels = new LinkedHashMap<>(otherwise.labels());
        labels.putAll(said.labels());
        boolean ownEntrypoint = !said.entrypoint().isEmpty();
        return new ImageConfig(
                ownEntrypoint ? said.entrypoint() : otherwise.entrypoint(),
                ownEntrypoint || !said.command().isEmpty() ? said.command() : otherwise.command(),
                List.copyOf(environment.values()),
                first(said.workingDir(), otherwise.workingDir()),
                first(said.user(), otherwise.user()),
                union(otherwise.exposedPorts(), said.exposedPorts()),
                union(otherwise.volumes(), said.volumes()),
                labels,
                first(said.stopSignal(), otherwise.stopSignal()),
                said.healthcheck().or(otherwise::healthcheck),
                said.onBuild().isEmpty() ? otherwise.onBuild() : said.onBuild(),
                said.shell().isEmpty() ? otherwise.shell() : said.shell(),
                said.argsEscaped() || otherwise.argsEscaped());
    }

    private static String first(String said, String otherwise) {
        return said.isEmpty() ? otherwise : said;
    }

    private static List<String> union(List<String> a, List<String> b) {
        List<String> all = new ArrayList<>(a);
        b.stream().filter(e -> !a.contains(e)).forEach(all::add);
        return List.copyOf(all);
    }
}
