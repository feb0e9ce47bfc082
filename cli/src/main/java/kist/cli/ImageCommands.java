package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code kist rmi}, {@code tag}, {@code history}, {@code diff}, {@code image prune}, {@code image diff}. */
final class ImageCommands {
    private final Context context;
    private final Engine engine;

    ImageCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int remove(List<String> args) throws IOException {
        var parsed = new Flags("rmi", "IMAGE [IMAGE...]", "Remove one or more images")
                .bool("force", 'f', "Force removal of the image")
                .bool("no-prune", 0, "Do not delete untagged parents")
                .list("platform", 0, "string", "Remove only this platform of a multi-platform image")
                .parse(args)
                .expect(1, -1);
        boolean force = parsed.on("force");
        var query =
                new StringBuilder("?force=").append(force ? 1 : 0).append(parsed.on("no-prune") ? "&noprune=1" : "");
        for (var platform : parsed.all("platform")) {
            query.append("&platforms=").append(Engine.quote(TransferCommands.platformJson(platform)));
        }
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                for (var change : engine.delete(Engine.image(name) + query).list()) {
                    var untagged = change.text("Untagged");
                    context.line(untagged.isEmpty() ? "Deleted: " + change.text("Deleted") : "Untagged: " + untagged);
                }
            } catch (EngineError e) {
                context.error(e.line());
                status = force && e.status() == 404 ? status : 1;
            }
        }
        return status;
    }

    int tag(List<String> args) throws IOException {
        var names = new Flags(
                        "tag",
                        "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
                        "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE")
                .parse(args)
                .expect(2, 2)
                .arguments();
        engine.post(Engine.image(names.getFirst()) + "/tag?"
                + ImageName.asQuery(names.getLast()).substring(1));
        return 0;
    }

    int history(List<String> args) throws IOException {
        var parsed = new Flags("history", "IMAGE", "Show the history of an image")
                .text("format", 0, "string", "'json', 'table TEMPLATE' or a template such as '{{.CreatedBy}}'")
                .bool("human", 'H', "Print sizes and dates in human readable format (default true)")
                .bool("no-trunc", 0, "Don't truncate output")
                .text("platform", 0, "string", "Show history for the given platform")
                .bool("quiet", 'q', "Only show image IDs")
                .parse(args)
                .expect(1, 1);
        boolean whole = parsed.on("no-trunc");
        boolean human = !parsed.given("human") || parsed.on("human");
        var path = Engine.image(parsed.arguments().getFirst()) + "/history"
                + parsed.text("platform")
                        .map(p -> "?platform=" + Engine.quote(TransferCommands.platformJson(p)))
                        .orElse("");
        var rows = new ArrayList<Map<String, Object>>();
        for (var step : engine.get(path).list()) {
            var row = new TreeMap<String, Object>();
            var by = step.text("CreatedBy").replace('\t', ' ');
            long created = step.number("Created");
            row.put("ID", whole ? step.text("Id") : ListCommands.shortId(step.text("Id")));
            row.put("CreatedSince", human ? Units.ago(created) : Units.isoDate(created));
            if (parsed.given("format")) {
                row.put("CreatedAt", Units.isoDate(created));
            }
            row.put("CreatedBy", whole ? by : ListCommands.ellipsis(by, 45));
            row.put("Size", human ? Units.size(step.number("Size")) : step.text("Size"));
            row.put("Comment", step.text("Comment"));
            rows.add(row);
        }
        var header = ListCommands.header(
                "ID", "IMAGE",
                "CreatedSince", "CREATED",
                "CreatedAt", "CREATED AT",
                "CreatedBy", "CREATED BY",
                "Size", "SIZE",
                "Comment", "COMMENT");
        ListCommands.print(context, parsed, header, rows, "ID", "CreatedSince", "CreatedBy", "Size", "Comment");
        return 0;
    }

    int prune(List<String> args) throws IOException {
        var parsed = new Flags("image prune", "", "Remove unused images")
                .bool("all", 'a', "Remove all unused images, not just dangling ones")
                .list("filter", 0, "filter", "Provide filter values (e.g. \"until=<timestamp>\")")
                .bool("force", 'f', "Do not prompt for confirmation")
                .parse(args)
                .expect(0, 0);
        boolean all = parsed.on("all");
        if (!parsed.on("force")
                && !PruneCommands.confirmed(
                        context,
                        all
                                ? "WARNING! This will remove all images without at least one container associated to them.\n"
                                : "WARNING! This will remove all dangling images.\n")) {
            throw new Failure(1, "kist: image prune has been cancelled");
        }
        var query = ListCommands.filters(parsed, "dangling=" + !all).substring(1);
        var answer = engine.post("/images/prune?" + query);
        var deleted = answer.list("ImagesDeleted");
        if (!deleted.isEmpty()) {
            context.line("Deleted Images:");
            for (var change : deleted) {
                var untagged = change.text("Untagged");
                context.line(untagged.isEmpty() ? "deleted: " + change.text("Deleted") : "untagged: " + untagged);
            }
            context.line("");
        }
        context.line("Total reclaimed space: " + Units.size(answer.number("SpaceReclaimed")));
        return 0;
    }

    /** What a container has changed of its image. */
    int changes(List<String> args) throws IOException {
        var parsed = new Flags(
                        "diff", "CONTAINER", "Inspect changes to files or directories on a container's filesystem")
                .parse(args)
                .expect(1, 1);
        for (var change : engine.get(Engine.container(parsed.arguments().getFirst()) + "/changes")
                .list()) {
            context.line(letter(change.number("Kind")) + " " + change.text("Path"));
        }
        return 0;
    }

    private static String letter(long kind) {
        return kind == 0 ? "C" : kind == 1 ? "A" : "D";
    }

    /** What differs between two images. */
    int diff(List<String> args) throws IOException {
        var parsed = new Flags("image diff", "FROM TO", "Show what differs between the files of two images")
                .text("format", 0, "string", "'json' or a template such as '{{.Kind}} {{.Path}}'")
                .parse(args)
                .expect(2, 2);
        var format = parsed.text("format").orElse("");
        var names = parsed.arguments();
        var path = "/kist/images/diff?from=" + Engine.quote(names.getFirst()) + "&to=" + Engine.quote(names.getLast());
        try (var answer = engine.stream("GET", path)) {
            Lines.each(answer.response(), line -> {
                var change = Doc.parse(line);
                if (change.at("error").present()) {
                    throw new Failure(1, "kist: " + change.text("error"));
                }
                context.line(
                        format.equals("json")
                                ? line
                                : format.isEmpty() ? describe(change) : Template.render(format, change));
            });
        }
        return 0;
    }

    private static String describe(Doc change) {
        var what = new ArrayList<String>();
        for (var detail : change.map("Details").entrySet()) {
            var from = detail.getValue().text("From");
            var to = detail.getValue().text("To");
            what.add(detail.getKey() + (from.isEmpty() && to.isEmpty() ? "" : " " + from + " -> " + to));
        }
        return letter(change.number("Kind")) + " " + change.text("Path")
                + (what.isEmpty() ? "" : "  (" + String.join(", ", what) + ")");
    }

    /** What a registry says of an image: its digest and platforms. */
    int distribution(List<String> args) throws IOException {
        var summary = "Show what a registry says of an image: digest and platforms";
        return new Group("distribution", "What registries say of images")
                .add("inspect", summary, rest -> {
                    var name = new Flags("distribution inspect", "IMAGE", summary)
                            .parse(rest)
                            .expect(1, 1)
                            .arguments()
                            .getFirst();
                    var fields =
                            new Logins(context).header(ImageName.parse(name).domain());
                    context.line(Doc.parse(engine.fetch("/distribution/" + Engine.quote(name) + "/json", fields))
                            .pretty());
                    return 0;
                })
                .run(context, args);
    }

    /** An image's manifest as its registry has it. */
    int manifest(List<String> args) throws IOException {
        return new Group("manifest", "Images' manifests as their registries have them")
                .add("inspect", "Display an image manifest, or manifest list", this::inspectManifest)
                .run(context, args);
    }

    private int inspectManifest(List<String> args) throws IOException {
        var parsed = new Flags("manifest inspect", "IMAGE", "Display an image manifest, or manifest list")
                .bool(
                        "insecure",
                        0,
                        "Allow communication with an insecure registry (settled by the engine's configuration)")
                .bool("verbose", 'v', "Output additional info including layers and platform")
                .parse(args)
                .expect(1, 1);
        var name = ImageName.parse(parsed.arguments().getFirst());
        name = name.bare() ? name.withTag("latest") : name;
        var found = fetch(name);
        if (!parsed.on("verbose")) {
            context.line(found.manifest().pretty());
            return 0;
        }
        var listed = found.manifest().list("manifests");
        if (listed.isEmpty()) {
            context.line(new Doc(verbose(name, found, Map.of())).pretty());
            return 0;
        }
        var all = new ArrayList<Object>();
        for (var one : listed) {
            var part = new ImageName(name.domain(), name.path(), "", one.text("digest"));
            all.add(verbose(part, fetch(part), one.at("platform").map()));
        }
        context.line(new Doc(all).pretty());
        return 0;
    }

    private record Found(Doc manifest, String mediaType, String digest, long size) {}

    private Found fetch(ImageName name) throws IOException {
        var fields = new Logins(context).header(name.domain());
        try (var answer = engine.stream("GET", "/kist/images/manifest?name=" + Engine.quote(name.whole()), fields)) {
            var text = answer.response().text();
            var response = answer.response();
            return new Found(
                    Doc.parse(text),
                    response.header("content-type"),
                    response.header("docker-content-digest"),
                    text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length);
        }
    }

    private static Map<String, Object> verbose(ImageName name, Found found, Map<String, Doc> platform) {
        var descriptor = new LinkedHashMap<String, Object>();
        descriptor.put("mediaType", found.mediaType());
        descriptor.put("digest", found.digest());
        descriptor.put("size", found.size());
        if (!platform.isEmpty()) {
            var said = new LinkedHashMap<String, Object>();
            platform.forEach((key, value) -> said.put(key, value.text()));
            descriptor.put("platform", said);
        }
        var all = new LinkedHashMap<String, Object>();
        all.put("Ref", name.whole());
        all.put("Descriptor", descriptor);
        var manifest = found.manifest().value();
        all.put(
                found.mediaType().contains("docker") ? "SchemaV2Manifest" : "OCIManifest",
                manifest == null ? Map.of() : manifest);
        return all;
    }
}
