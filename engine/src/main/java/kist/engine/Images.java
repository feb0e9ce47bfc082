package kist.engine;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.ImageUse;
import kist.image.Manifest;
import kist.image.Platform;
import kist.image.PruneRequest;
import kist.image.Reference;
import kist.image.Removed;
import kist.registry.Found;
import kist.registry.Registries;
import kist.registry.RegistryException;
import kist.registry.Remote;

/** What is asked of images and registries, and of containers as the images they may become. Thread-safe. */
final class Images implements AutoCloseable {
    private static final String HELLO = "hello";
    private static final int BUFFER = 256 << 10;

    private final ImageStore store;
    private final Registries registries;
    private final Registry containers;
    private final Events events;
    private final Optional<Path> hello;
    private final Commits commits;
    private final Usages usages;
    private final Variants variants;
    private final RegistryDoor door;
    private final Engine engine;

    Images(
            ImageStore store,
            EngineOptions options,
            Registry containers,
            Function<Container, ContainerView> views,
            ToLongFunction<Container> logs,
            Events events,
            RegistryDoor door,
            Engine engine) {
        this.store = store;
        this.registries = new Registries(store, options.registries());
        this.containers = containers;
        this.events = events;
        this.hello = options.helloImage();
        this.commits = new Commits(store, events);
        this.usages = new Usages(store, containers, views, logs);
        this.variants = new Variants(store, containers);
        this.door = door;
        this.engine = engine;
    }

    Object perform(ImageRequest<?> request) throws InterruptedException {
        return switch (request) {
            case ImageRequest.ListImages r -> store.list();
            case ImageRequest.InspectImage r -> find(r.name(), r.platform());
            case ImageRequest.ListVariants r -> variants.of(image(r.name()), r.name());
            case ImageRequest.ImportImage r -> imported(r);
            case ImageRequest.LoadImages r -> loaded(r);
            case ImageRequest.SaveImages r -> saved(r);
            case ImageRequest.TagImage r -> tagged(r);
            case ImageRequest.RemoveImage r -> removed(r);
            case ImageRequest.PruneImages r -> pruned(r);
            case ImageRequest.PullImage r -> pulled(r);
            case ImageRequest.ListTags r ->
                registries.tags(Reference.parse(r.reference()), Optional.of(r.credentials()));
            case ImageRequest.PushImage r -> pushed(r);
            case ImageRequest.SearchImages r -> searched(r);
            case ImageRequest.InspectDistribution r -> {
                Remote remote = registries.inspect(Reference.parseAny(r.reference()), Optional.of(r.credentials()));
                yield new ImageRequest.Distribution(remote.descriptor(), remote.platforms(), remote.content());
            }
            case ImageRequest.Login r -> registries.login(r.credentials());
            case ImageRequest.DiffImages r -> {
                String before = image(r.from()).id();
                String after = image(r.to()).id();
                store.snapshots().compare(before, after, r.found());
                yield Request.Done.DONE;
            }
            case ImageRequest.ContainerChanges r ->
                store.snapshots().changes(containers.get(r.ref()).id());
            case ImageRequest.ExportContainer r -> exported(r);
            case ImageRequest.CommitContainer r -> commits.commit(containers.get(r.ref()), r);
            case ImageRequest.DiskUsage r -> usages.measure(r);
            case ImageRequest.ServeRegistry r -> served(r.service());
        };
    }

    /** An image by name or id; the one that ships with Kist is loaded when it is first asked for. */
    Image image(String name) {
        Optional<Image> found = store.find(name);
        if (found.isEmpty() && isHello(name)) {
            loadHello();
            found = store.find(name);
        }
        return found.orElseThrow(() -> noSuch(name));
    }

    /** The same for a platform, if one is wanted. */
    Image find(String name, Optional<Platform> platform) {
        Image any = image(name);
        return platform.isEmpty() ? any : store.find(name, platform.get()).orElseThrow(() -> noSuch(name));
    }

    private static boolean isHello(String name) {
        return name.equals(HELLO) || name.equals(HELLO + ":latest");
    }

    /** In Docker's words, which its command line takes as the sign to pull. */
    private static EngineException noSuch(String name) {
        String shown = name;
        try {
            shown = Reference.parseAny(name).familiar();
        } catch (ImageException isAnId) {
            shown = name;
        }
        return new EngineException(EngineException.Kind.NOT_FOUND, "No such image: " + Names.printable(shown));
    }

    private void loadHello() {
        if (hello.isEmpty()) {
            return;
        }
        try (var in = Files.newInputStream(hello.get())) {
            store.load(in);
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.INTERNAL,
                    "cannot read the image that ships with Kist, " + hello.get() + ": " + e.getMessage(),
                    e);
        }
    }

    private Image imported(ImageRequest.ImportImage r) {
        Image image = store.importRootfs(
                r.tar(), r.reference(), r.changes(), r.message(), r.platform().orElse(Platform.HOST));
        publish("import", image.id());
        if (!r.reference().isEmpty()) {
            publish("tag", image.id(), r.reference());
        }
        return image;
    }

    private List<ImageRequest.Loaded> loaded(ImageRequest.LoadImages r) {
        // which of the two it is shows only inside
        registries.admitArchive("docker-archive");
        registries.admitArchive("oci-archive");
        List<ImageRequest.Loaded> all = new ArrayList<>();
        for (kist.image.Loaded l : store.load(r.tar(), r.platform())) {
            all.add(new ImageRequest.Loaded(l.image(), l.references()));
            publish("load", l.image().id());
        }
        return all;
    }

    private Request.Done saved(ImageRequest.SaveImages r) {
        List<Image> images = r.names().stream().map(this::image).toList();
        try {
            store.save(r.names(), r.platform(), r.out());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        images.forEach(image -> publish("save", image.id()));
        return Request.Done.DONE;
    }

    private Request.Done tagged(ImageRequest.TagImage r) {
        Image image = image(r.name());
        store.tag(r.name(), r.newReference());
        publish("tag", image.id(), Reference.parse(r.newReference()).familiar());
        return Request.Done.DONE;
    }

    private List<ImageUse> uses() {
        List<ImageUse> uses = new ArrayList<>();
        for (Container c : containers.all()) {
            uses.add(new ImageUse(c.stored.imageId(), c.id(), c.state.active()));
        }
        return uses;
    }

    private ImageRequest.RemovedImage removed(ImageRequest.RemoveImage r) {
        if (!r.platforms().isEmpty()) {
            return removedPlatforms(r);
        }
        String id = store.find(r.name()).map(Image::id).orElse(r.name());
        return removed(id, store.remove(r.name(), r.force(), r.pruneParents(), uses()));
    }

    /** Images of some platforms only; the one that the name itself stands for goes when no other is left behind it. */
    private ImageRequest.RemovedImage removedPlatforms(ImageRequest.RemoveImage r) {
        List<String> untagged = new ArrayList<>();
        List<String> deleted = new ArrayList<>();
        Image main = image(r.name());
        for (Platform platform : r.platforms()) {
            String id = find(r.name(), Optional.of(platform)).id();
            long here = variants.of(main, r.name()).variants().stream()
                    .filter(v -> v.image().isPresent())
                    .count();
            if (id.equals(main.id()) && here > 1) {
                throw new EngineException(
                        EngineException.Kind.CONFLICT,
                        "cannot remove " + platform + " of " + Names.printable(r.name())
                                + ": the name stands for it on this machine; remove the other platforms first, or the"
                                + " whole image");
            }
            ImageRequest.RemovedImage removed = removed(
                    id, store.remove(id.equals(main.id()) ? r.name() : id, r.force(), r.pruneParents(), uses()));
            untagged.addAll(removed.untagged());
            deleted.addAll(removed.deleted());
        }
        return new ImageRequest.RemovedImage(untagged, deleted);
    }

    private ImageRequest.RemovedImage removed(String id, Removed removed) {
        // digests go along with the last name in silence
        long names =
                removed.untagged().stream().filter(name -> !name.contains("@")).count();
        for (long i = 0; i < Math.max(names, removed.untagged().isEmpty() ? 0 : 1); i++) {
            publish("untag", id);
        }
        removed.deleted().stream().limit(1).forEach(deleted -> publish("delete", id));
        return new ImageRequest.RemovedImage(removed.untagged(), removed.deleted());
    }

    private ImageRequest.Pruned pruned(ImageRequest.PruneImages r) {
        kist.image.Pruned pruned =
                store.prune(new PruneRequest(!r.dangling(), r.until(), r.labels(), r.notLabels()), uses());
        List<ImageRequest.RemovedImage> all = new ArrayList<>();
        for (Removed removed : pruned.removed()) {
            String id = removed.deleted().stream().findFirst().orElse("");
            all.add(removed(id, removed));
        }
        events.publish("image", "prune", "", Map.of("reclaimed", Long.toString(pruned.reclaimed())));
        return new ImageRequest.Pruned(all, pruned.reclaimed());
    }

    private ImageRequest.Pulled pulled(ImageRequest.PullImage r) throws InterruptedException {
        Reference reference = Reference.parseAny(r.reference());
        Optional<String> before = here(reference, r.platform());
        Image image;
        try {
            image = registries.pull(reference, r.platform(), Optional.of(r.credentials()), r.progress());
        } catch (RegistryException e) {
            // Docker tells who may not see it that it is not there
            throw e.kind() == RegistryException.Kind.DENIED
                    ? new EngineException(EngineException.Kind.NOT_FOUND, String.valueOf(e.getMessage()), e)
                    : e;
        }
        Map<String, String> attributes = new LinkedHashMap<>(image.config().labels());
        attributes.put("name", reference.familiarName());
        events.publish("image", "pull", reference.familiar(), attributes);
        return new ImageRequest.Pulled(image, digest(reference, image), !before.equals(Optional.of(image.id())));
    }

    private Optional<String> here(Reference reference, Optional<Platform> platform) {
        try {
            String name = reference.toString();
            return (platform.isEmpty() ? store.find(name) : store.find(name, platform.get())).map(Image::id);
        } catch (ImageException forAnotherPlatform) {
            return Optional.empty();
        }
    }

    /** What a name stands for at its registry: the index where there is one, else the image's manifest. */
    private String digest(Reference reference, Image image) {
        if (!reference.digest().isEmpty()) {
            return reference.digest();
        }
        Optional<Manifest.Index> index = store.index(reference);
        String prefix = reference.familiarName() + "@";
        return index.map(Manifest.Index::digest)
                .or(() -> image.digests().stream()
                        .filter(d -> d.startsWith(prefix))
                        .map(d -> d.substring(prefix.length()))
                        .findFirst())
                .orElse("");
    }

    private List<ImageRequest.Pushed> pushed(ImageRequest.PushImage r) throws InterruptedException {
        Reference reference = Reference.parse(r.reference());
        List<ImageRequest.Pushed> all = new ArrayList<>();
        for (Registries.Pushed p :
                registries.push(reference, r.platform(), Optional.of(r.credentials()), r.progress())) {
            all.add(new ImageRequest.Pushed(p.tag(), p.digest(), p.size()));
        }
        events.publish("image", "push", reference.familiar(), Map.of("name", reference.familiarName()));
        return all;
    }

    private List<ImageRequest.Found> searched(ImageRequest.SearchImages r) throws InterruptedException {
        List<ImageRequest.Found> all = new ArrayList<>();
        for (Found f : registries.search(r.term(), r.limit(), r.filters(), Optional.of(r.credentials()))) {
            all.add(new ImageRequest.Found(f.name(), f.description(), f.stars(), f.official()));
        }
        return all;
    }

    private Request.Done exported(ImageRequest.ExportContainer r) {
        Container c = containers.get(r.ref());
        try {
            OutputStream out = new BufferedOutputStream(r.out(), BUFFER);
            store.snapshots().export(c.id(), out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        events.publish("container", "export", c.id(), c.attributes());
        return Request.Done.DONE;
    }

    private ImageRequest.Served served(ImageRequest.RegistryService service) {
        try {
            return door.open(service, engine);
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "cannot serve a registry at " + Names.printable(service.listen()) + ": "
                            + (e instanceof NoSuchFileException missing
                                    ? missing.getFile() + " does not exist"
                                    : e.getMessage()),
                    e);
        } catch (IllegalArgumentException e) {
            throw new EngineException(EngineException.Kind.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
        }
    }

    private void publish(String action, String id) {
        publish(action, id, id);
    }

    private void publish(String action, String id, String name) {
        events.publish("image", action, id, Map.of("name", name));
    }

    /** What a failure of a registry means to who asked. */
    static EngineException failure(RegistryException e) {
        EngineException.Kind kind = switch (e.kind()) {
            case NOT_FOUND -> EngineException.Kind.NOT_FOUND;
            case DENIED -> EngineException.Kind.UNAUTHENTICATED;
            case RATE_LIMITED, UNAVAILABLE, INVALID -> EngineException.Kind.UNAVAILABLE;
            case UNSUPPORTED -> EngineException.Kind.UNSUPPORTED;
            case REFUSED_BY_POLICY -> EngineException.Kind.PERMISSION_DENIED;
        };
        return new EngineException(kind, String.valueOf(e.getMessage()), e);
    }

    /** What a failure of the store means to who asked. */
    static EngineException failure(ImageException e) {
        EngineException.Kind kind = switch (e.kind()) {
            case NOT_FOUND -> EngineException.Kind.NOT_FOUND;
            case INVALID -> EngineException.Kind.INVALID_ARGUMENT;
            case CONFLICT -> EngineException.Kind.CONFLICT;
            case NO_SPACE -> EngineException.Kind.EXHAUSTED;
            case READ_ONLY -> EngineException.Kind.PERMISSION_DENIED;
            case UNSUPPORTED -> EngineException.Kind.UNSUPPORTED;
            case INTERNAL -> EngineException.Kind.INTERNAL;
        };
        return new EngineException(kind, String.valueOf(e.getMessage()), e);
    }

    @Override
    public void close() {
        registries.close();
    }
}
