package kist.docker;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.PatternSyntaxException;
import kist.engine.EngineException;
import kist.engine.ImageRequest;
import kist.image.Image;
import org.jspecify.annotations.Nullable;

/** {@code /images/...}. */
final class ImageRoutes {
    private static final Set<String> LIST_FILTERS =
            Set.of("reference", "dangling", "label", "label!", "before", "since", "until");
    private static final Set<String> PRUNE_FILTERS = Set.of("dangling", "label", "label!", "until");

    private ImageRoutes() {}

    /** Answers a call under {@code /images}; {@code false} where there is no such thing. */
    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() == 2) {
            switch (call.request().method() + " " + call.part(1)) {
                case "GET json" -> list(call);
                case "POST create" -> {
                    if (call.request().hasParameter("fromImage")) {
                        TransferRoutes.pull(call);
                    } else {
                        ArchiveRoutes.importTar(call);
                    }
                }
                case "POST load" -> ArchiveRoutes.load(call);
                case "GET get" -> ArchiveRoutes.save(call, call.request().parameters("names"));
                case "GET search" -> TransferRoutes.search(call);
                case "POST prune" -> prune(call);
                default -> {
                    return call.is("DELETE") && delete(call);
                }
            }
            return true;
        }
        if (call.parts() < 3) {
            return false;
        }
        if (call.is("DELETE")) {
            return delete(call);
        }
        String name = Names.familiar(call.parts(1, call.parts() - 1));
        switch (call.request().method() + " " + call.part(call.parts() - 1)) {
            case "GET json" -> inspect(call, name);
            case "GET history" ->
                call.answer(200, ImageJson.history(call.ask(new ImageRequest.InspectImage(name, Platforms.of(call)))));
            case "POST tag" -> {
                String repository = Names.reference(call.parameter("repo"), call.parameter("tag"));
                if (repository.isEmpty()) {
                    throw Errors.invalid("parameter repo is empty: name the new reference of image " + name);
                }
                call.ask(new ImageRequest.TagImage(name, repository));
                call.answer(201);
            }
            case "POST push" -> TransferRoutes.push(call, name);
            case "GET get" -> ArchiveRoutes.save(call, List.of(name));
            case "GET attestations" -> throw Errors.unsupported("/images/{name}/attestations");
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void inspect(Call call, String name) throws IOException, InterruptedException {
        Optional<kist.image.Platform> platform = Platforms.of(call);
        boolean manifests = call.flag("manifests");
        if (manifests && platform.isPresent()) {
            throw Errors.invalid("conflicting options: manifests and platform options cannot both be set");
        }
        Image image = call.ask(new ImageRequest.InspectImage(name, platform));
        ImageRequest.Variants variants = call.ask(new ImageRequest.ListVariants(name));
        call.answer(200, ImageJson.inspect(image, variants, manifests, call));
    }

    private static boolean delete(Call call) throws IOException, InterruptedException {
        ImageRequest.RemovedImage removed = call.ask(new ImageRequest.RemoveImage(
                Names.familiar(call.parts(1, call.parts())),
                call.flag("force"),
                !call.flag("noprune"),
                Platforms.all(call, "platforms")));
        call.answer(200, ImageJson.removed(List.of(removed)));
        return true;
    }

    private static void prune(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, PRUNE_FILTERS);
        boolean dangling = filters.truth("dangling", true);
        List<String> until = filters.get("until");
        if (until.size() > 1) {
            throw Errors.invalid("more than one until filter specified");
        }
        ImageRequest.Pruned pruned = call.ask(new ImageRequest.PruneImages(
                dangling,
                until.stream().findFirst().map(text -> Times.instant(Times.moment("until", text))),
                filters.get("label"),
                filters.get("label!")));
        List<Object> removed = ImageJson.removed(pruned.removed());
        call.answer(
                200,
                Json.object("ImagesDeleted", removed.isEmpty() ? null : removed, "SpaceReclaimed", pruned.reclaimed()));
    }

    private static void list(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, LIST_FILTERS);
        Instant after = createdOf(call, filters, "since", Instant.MIN);
        Instant before = createdOf(call, filters, "before", Instant.MAX);
        Instant until = filters.has("until")
                ? Instant.EPOCH.plusNanos(
                        Times.moment("until", filters.get("until").getFirst()))
                : Instant.MAX;
        boolean manifests = call.flag("manifests") && call.atLeast(47);
        Map<String, Long> shared = call.flag("shared-size") ? shared(call) : Map.of();
        List<Image> images = call.ask(new ImageRequest.ListImages());
        Set<String> parents = new HashSet<>();
        images.forEach(image -> parents.add(image.parent()));
        List<Object> shown = new ArrayList<>();
        for (Image image : images) {
            Instant created = image.created();
            List<String> names = named(image.references(), filters.get("reference"));
            List<String> digests = named(image.digests(), filters.get("reference"));
            boolean dangling = image.references().isEmpty();
            boolean inner = dangling && image.digests().isEmpty() && parents.contains(image.id());
            boolean wanted = filters.truth("dangling", dangling)
                    && (!inner || call.flag("all"))
                    && filters.labels(image.config().labels())
                    && created.isAfter(after)
                    && created.isBefore(before)
                    && created.isBefore(until)
                    && (!filters.has("reference") || !names.isEmpty() || !digests.isEmpty());
            if (wanted) {
                Map<String, @Nullable Object> summary = ImageJson.summary(image, names, digests, call);
                summary.put("SharedSize", shared.getOrDefault(image.id(), -1L));
                if (manifests) {
                    Optional<ImageRequest.Variants> variants = variants(call, image);
                    if (variants.isEmpty()) {
                        continue;
                    }
                    summary.put("Manifests", ImageJson.manifests(variants.get()));
                }
                shown.add(summary);
            }
        }
        call.answer(200, shown);
    }

    /** Empty where the image was removed since it was listed. */
    private static Optional<ImageRequest.Variants> variants(Call call, Image image) throws InterruptedException {
        try {
            return Optional.of(call.ask(new ImageRequest.ListVariants(image.id())));
        } catch (EngineException e) {
            if (e.kind() == EngineException.Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static Map<String, Long> shared(Call call) throws InterruptedException {
        Map<String, Long> shared = new HashMap<>();
        for (ImageRequest.ImageUsage usage :
                call.ask(new ImageRequest.DiskUsage(true, false)).images()) {
            shared.put(usage.image().id(), usage.shared());
        }
        return shared;
    }

    private static Instant createdOf(Call call, Filters filters, String key, Instant silence)
            throws InterruptedException {
        return filters.has(key)
                ? call.ask(new ImageRequest.InspectImage(
                                Names.familiar(filters.get(key).getFirst())))
                        .created()
                : silence;
    }

    /** The references that fit one of the patterns, with or without their tag. */
    private static List<String> named(List<String> references, List<String> patterns) {
        if (patterns.isEmpty()) {
            return references;
        }
        List<String> fitting = new ArrayList<>();
        for (String reference : references) {
            int at = reference.indexOf('@');
            int colon = reference.lastIndexOf(':');
            String bare = at > 0
                    ? reference.substring(0, at)
                    : colon > reference.lastIndexOf('/') ? reference.substring(0, colon) : reference;
            for (String pattern : patterns) {
                PathMatcher matcher = matcher(Names.familiar(pattern));
                if (!fitting.contains(reference)
                        && (matcher.matches(Path.of(reference)) || matcher.matches(Path.of(bare)))) {
                    fitting.add(reference);
                }
            }
        }
        return fitting;
    }

    private static PathMatcher matcher(String pattern) {
        try {
            return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        } catch (PatternSyntaxException e) {
            throw Errors.invalid("invalid filter 'reference=" + pattern + "'");
        }
    }
}
