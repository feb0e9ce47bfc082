package kist.docker;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.PatternSyntaxException;
import kist.engine.EngineException;
import kist.engine.Request;
import kist.http.ResponseStream;
import kist.image.Image;
import kist.image.ImageConfig;
import org.jspecify.annotations.Nullable;

/** {@code /images/...}. */
final class ImageRoutes {
    private static final Set<String> LIST_FILTERS =
            Set.of("reference", "dangling", "label", "label!", "before", "since");

    private ImageRoutes() {}

    /** Answers a call under {@code /images}; {@code false} where there is no such thing. */
    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() == 2) {
            switch (call.request().method() + " " + call.part(1)) {
                case "GET json" -> list(call);
                case "POST create" -> create(call);
                case "POST load" -> load(call);
                case "GET search", "POST prune", "GET get" -> throw Errors.unsupported("/images/" + call.part(1));
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
            case "GET json" -> {
                call.refuse("manifests");
                call.answer(200, inspect(call.ask(new Request.InspectImage(name)), call));
            }
            case "GET history" -> call.answer(200, history(call.ask(new Request.InspectImage(name))));
            case "POST tag" -> {
                String repository = Names.reference(call.parameter("repo"), call.parameter("tag"));
                if (repository.isEmpty()) {
                    throw Errors.invalid("parameter repo is empty: name the new reference of image " + name);
                }
                call.ask(new Request.TagImage(name, repository));
                call.answer(201);
            }
            case "POST push", "GET get", "GET attestations" ->
                throw Errors.unsupported("/images/{name}/" + call.part(call.parts() - 1));
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean delete(Call call) throws IOException, InterruptedException {
        if (!call.parameter("platforms").isEmpty()) {
            throw Errors.unsupported("removing a part of an image by platform");
        }
        Request.RemovedImage removed =
                call.ask(new Request.RemoveImage(Names.familiar(call.parts(1, call.parts())), call.flag("force")));
        List<Object> answer = new ArrayList<>();
        for (String name : removed.untagged()) {
            answer.add(Json.object("Untagged", name));
        }
        for (String id : removed.deleted()) {
            answer.add(Json.object("Deleted", id));
        }
        call.answer(200, answer);
        return true;
    }

    private static void list(Call call) throws IOException, InterruptedException {
        call.refuse("shared-size");
        call.refuse("manifests");
        Filters filters = Filters.of(call, LIST_FILTERS);
        long after = createdOf(call, filters, "since");
        long before = createdOf(call, filters, "before");
        List<Object> shown = new ArrayList<>();
        for (Image image : call.ask(new Request.ListImages())) {
            long created = image.created().getEpochSecond();
            List<String> names = named(image.references(), filters.get("reference"));
            boolean wanted = filters.truth("dangling", image.references().isEmpty())
                    && filters.labels(image.config().labels())
                    && (!filters.has("since") || created > after)
                    && (!filters.has("before") || created < before)
                    && (!filters.has("reference") || !names.isEmpty());
            if (wanted) {
                shown.add(summary(image, names, call));
            }
        }
        call.answer(200, shown);
    }

    private static long createdOf(Call call, Filters filters, String key) throws InterruptedException {
        return filters.has(key)
                ? call.ask(new Request.InspectImage(
                                Names.familiar(filters.get(key).getFirst())))
                        .created()
                        .getEpochSecond()
                : 0;
    }

    /** The references that fit one of the patterns, with or without their tag. */
    private static List<String> named(List<String> references, List<String> patterns) {
        if (patterns.isEmpty()) {
            return references;
        }
        List<String> fitting = new ArrayList<>();
        for (String reference : references) {
            int colon = reference.lastIndexOf(':');
            String bare = colon > reference.lastIndexOf('/') ? reference.substring(0, colon) : reference;
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

    private static Map<String, @Nullable Object> summary(Image image, List<String> names, Call call) {
        boolean dangling = image.references().isEmpty();
        Map<String, String> labels = image.config().labels();
        Map<String, @Nullable Object> summary = Json.object(
                "Containers",
                -1,
                "Created",
                image.created().getEpochSecond(),
                "Id",
                image.id(),
                "Labels",
                labels.isEmpty() ? null : labels,
                "ParentId",
                "",
                "RepoDigests",
                dangling && !call.atLeast(43) ? List.of("<none>@<none>") : List.of(),
                "RepoTags",
                dangling && !call.atLeast(43) ? List.of("<none>:<none>") : names,
                "SharedSize",
                -1,
                "Size",
                image.size());
        if (!call.atLeast(44)) {
            summary.put("VirtualSize", image.size());
        }
        return summary;
    }

    private static Map<String, @Nullable Object> inspect(Image image, Call call) {
        Map<String, @Nullable Object> shown = Json.object(
                "Id", image.id(),
                "RepoTags", image.references(),
                "RepoDigests", List.of(),
                "Parent", "",
                "Comment", image.comment(),
                "Created", image.created().toString(),
                "DockerVersion", "",
                "Author", image.author(),
                "Config", config(image.config()),
                "Architecture", image.architecture(),
                "Os", image.os(),
                "Size", image.size(),
                "GraphDriver", Json.object("Data", null, "Name", "overlayfs"),
                "RootFS", Json.object("Type", "layers", "Layers", image.layers()),
                "Metadata", Json.object("LastTagTime", Times.rfc3339(0)));
        if (!call.atLeast(44)) {
            shown.put("VirtualSize", image.size());
        }
        return shown;
    }

    private static Map<String, @Nullable Object> config(ImageConfig c) {
        return Json.object(
                "Hostname",
                "",
                "Domainname",
                "",
                "User",
                c.user(),
                "AttachStdin",
                false,
                "AttachStdout",
                false,
                "AttachStderr",
                false,
                "ExposedPorts",
                keys(c.exposedPorts()),
                "Tty",
                false,
                "OpenStdin",
                false,
                "StdinOnce",
                false,
                "Env",
                orNull(c.environment()),
                "Cmd",
                orNull(c.command()),
                "Image",
                "",
                "Volumes",
                keys(c.volumes()),
                "WorkingDir",
                c.workingDir(),
                "Entrypoint",
                orNull(c.entrypoint()),
                "OnBuild",
                null,
                "Labels",
                c.labels().isEmpty() ? null : c.labels(),
                "StopSignal",
                c.stopSignal());
    }

    private static @Nullable Object orNull(List<String> list) {
        return list.isEmpty() ? null : list;
    }

    private static @Nullable Object keys(List<String> names) {
        Map<String, Object> keys = new LinkedHashMap<>();
        for (String name : names) {
            keys.put(name, Map.of());
        }
        return keys.isEmpty() ? null : keys;
    }

    /** Newest first. The size of a step is known only where one layer has the whole of it; else it is -1. */
    private static List<Object> history(Image image) {
        List<Object> steps = new ArrayList<>();
        for (int i = image.history().size() - 1; i >= 0; i--) {
            Image.History step = image.history().get(i);
            boolean newest = steps.isEmpty();
            long size = step.emptyLayer() ? 0 : image.layers().size() == 1 ? image.size() : -1;
            steps.add(Json.object(
                    "Id",
                    newest ? image.id() : "<missing>",
                    "Created",
                    step.created().getEpochSecond(),
                    "CreatedBy",
                    step.createdBy(),
                    "Tags",
                    newest && !image.references().isEmpty() ? image.references() : null,
                    "Size",
                    size,
                    "Comment",
                    step.comment()));
        }
        return steps;
    }

    private static void create(Call call) throws IOException, InterruptedException {
        ContainerRoutes.platform(call);
        String tag = call.parameter("tag");
        if (call.request().hasParameter("fromImage")) {
            pull(call, Names.tagged(Names.reference(call.parameter("fromImage"), tag)));
            return;
        }
        String source = call.parameter("fromSrc");
        if (!source.equals("-")) {
            throw source.isEmpty()
                    ? Errors.invalid("one of fromImage and fromSrc must be given")
                    : Errors.unsupported("importing from the address \"" + source + "\"");
        }
        Image image = call.ask(new Request.ImportImage(
                call.exchange().body(),
                Names.reference(call.parameter("repo"), tag),
                call.request().parameters("changes"),
                call.parameter("message")));
        progress(call, Json.object("status", image.id()));
    }

    /** There are no registries yet; an image that is here already is up to date. */
    private static void pull(Call call, String reference) throws IOException, InterruptedException {
        try {
            call.ask(new Request.InspectImage(reference));
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.NOT_FOUND) {
                throw e;
            }
            throw Errors.notFound("no image " + reference
                    + " on this host, and this version of Kist cannot pull from registries: bring it in with import or"
                    + " load");
        }
        progress(call, Json.object("status", "Status: Image is up to date for " + reference));
    }

    private static void load(Call call) throws IOException, InterruptedException {
        if (!call.parameter("platform").isEmpty()) {
            ContainerRoutes.platform(call);
        }
        List<Object> lines = new ArrayList<>();
        for (Request.Loaded loaded :
                call.ask(new Request.LoadImages(call.exchange().body()))) {
            for (String name : loaded.references()) {
                lines.add(Json.object("stream", "Loaded image: " + name + "\n"));
            }
            if (loaded.references().isEmpty()) {
                lines.add(Json.object(
                        "stream", "Loaded image ID: " + loaded.image().id() + "\n"));
            }
        }
        progress(call, lines.toArray());
    }

    /** A stream of JSON objects, one a line. */
    private static void progress(Call call, Object... lines) throws IOException {
        try (ResponseStream out = call.exchange().stream(200, "application/json")) {
            for (Object line : lines) {
                out.write(Json.bytes(line));
                out.write('\r');
                out.write('\n');
            }
        }
    }
}
