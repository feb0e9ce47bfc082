package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code kist pull}, {@code push} and {@code search}: what goes between the engine and registries. */
final class TransferCommands {
    private final Context context;
    private final Engine engine;

    TransferCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int pull(List<String> args) throws IOException {
        var parsed = new Flags("pull", "NAME[:TAG|@DIGEST]", "Download an image from a registry")
                .bool("all-tags", 'a', "Download all tagged images in the repository")
                .text("platform", 0, "string", "Set platform if server is multi-platform capable")
                .bool("quiet", 'q', "Suppress verbose output")
                .withoutSwitches("disable-content-trust")
                .parse(args)
                .expect(1, 1);
        boolean quiet = parsed.on("quiet");
        var name = tagged(ImageName.parse(parsed.arguments().getFirst()), parsed.on("all-tags"), quiet);
        pull(name, parsed.text("platform").orElse(""), quiet, context);
        context.line(name.whole());
        return 0;
    }

    /** The name with the tag that silence means, unless all tags are wanted. */
    private ImageName tagged(ImageName name, boolean all, boolean quiet) throws IOException {
        if (all && !name.bare()) {
            throw new Failure(1, "kist: tag can't be used with --all-tags/-a");
        }
        if (all || !name.bare()) {
            return name;
        }
        if (!quiet) {
            context.line("Using default tag: latest");
        }
        return name.withTag("latest");
    }

    /**
     * Pulls an image and shows how it goes.
     *
     * @param shown where the progress goes: for {@code run} it is not standard output
     */
    void pull(ImageName name, String platform, boolean quiet, Context shown) throws IOException {
        var tag = name.digest().isEmpty() ? name.tag() : name.digest();
        var query = "?fromImage=" + Engine.quote(name.familiar()) + (tag.isEmpty() ? "" : "&tag=" + Engine.quote(tag))
                + (platform.isEmpty() ? "" : "&platform=" + Engine.quote(platform));
        try (var answer = engine.stream("POST", "/images/create" + query, new Logins(context).header(name.domain()))) {
            show(answer, quiet, shown, aux -> {});
        }
    }

    private static void show(Engine.Streaming answer, boolean quiet, Context shown, ProgressView.Auxiliary auxiliary)
            throws IOException {
        var to = quiet ? shown.silent() : shown;
        new ProgressView(to, !quiet && shown.stdoutIsTerminal()).show(answer.response(), auxiliary);
    }

    int push(List<String> args) throws IOException {
        var parsed = new Flags("push", "NAME[:TAG]", "Upload an image to a registry")
                .bool("all-tags", 'a', "Push all tags of an image to the repository")
                .text("platform", 0, "string", "Push a platform-specific manifest as a single-platform image")
                .bool("quiet", 'q', "Suppress verbose output")
                .withoutSwitches("disable-content-trust")
                .parse(args)
                .expect(1, 1);
        boolean quiet = parsed.on("quiet");
        var name = tagged(ImageName.parse(parsed.arguments().getFirst()), parsed.on("all-tags"), quiet);
        if (!name.digest().isEmpty()) {
            throw new Failure(1, "kist: cannot push a digest reference");
        }
        var query = new StringBuilder("/images/")
                .append(Engine.quote(name.familiar()))
                .append("/push");
        query.append(name.tag().isEmpty() ? "" : "?tag=" + Engine.quote(name.tag()));
        parsed.text("platform")
                .ifPresent(p -> query.append(query.indexOf("?") < 0 ? "?" : "&")
                        .append("platform=")
                        .append(Engine.quote(platformJson(p))));
        try (var answer = engine.stream("POST", query.toString(), new Logins(context).header(name.domain()))) {
            show(answer, quiet, context, aux -> {});
        }
        if (quiet) {
            context.line(name.whole());
        }
        return 0;
    }

    /** A platform as an object, which is how some requests of the API want it. */
    static String platformJson(String platform) {
        var parts = platform.split("/", -1);
        var json = new TreeMap<String, Object>();
        json.put("os", parts[0]);
        if (parts.length > 1) {
            json.put("architecture", parts[1]);
        }
        if (parts.length > 2) {
            json.put("variant", parts[2]);
        }
        return Doc.json(json);
    }

    int search(List<String> args) throws IOException {
        var parsed = new Flags("search", "TERM", "Search a registry for images")
                .list("filter", 'f', "filter", "Filter output based on conditions provided")
                .text("format", 0, "string", "'json', 'table TEMPLATE' or a template such as '{{.Name}}'")
                .text("limit", 0, "int", "Max number of search results")
                .bool("no-trunc", 0, "Don't truncate output")
                .parse(args)
                .expect(1, 1);
        var term = parsed.arguments().getFirst();
        var query = new StringBuilder("/images/search?term=").append(Engine.quote(term));
        parsed.number("limit").ifPresent(limit -> query.append("&limit=").append(limit));
        query.append(ListCommands.filters(parsed));
        int slash = term.indexOf('/');
        var domain = slash < 0 ? "docker.io" : ImageName.parse(term).domain();
        var rows = new ArrayList<Map<String, Object>>();
        for (var found : Doc.parse(engine.fetch(query.toString(), new Logins(context).header(domain)))
                .list()) {
            var row = new TreeMap<String, Object>();
            var description = found.text("description").replace('\n', ' ').replace('\r', ' ');
            row.put("Name", found.text("name"));
            row.put("Description", parsed.on("no-trunc") ? description : ListCommands.ellipsis(description, 45));
            row.put("StarCount", found.text("star_count"));
            row.put("IsOfficial", found.flag("is_official") ? "[OK]" : "");
            rows.add(row);
        }
        var header = ListCommands.header(
                "Name", "NAME", "Description", "DESCRIPTION", "StarCount", "STARS", "IsOfficial", "OFFICIAL");
        ListCommands.print(context, parsed, header, rows, "Name", "Description", "StarCount", "IsOfficial");
        return 0;
    }
}
