package kist.cli;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code kist import}, {@code load}, {@code rmi}, {@code tag}, {@code history}. */
final class ImageCommands {
    private final Context context;
    private final Engine engine;

    ImageCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int importTar(List<String> args) throws IOException {
        var parsed = new Flags(
                        "import",
                        "file|- [REPOSITORY[:TAG]]",
                        "Import the contents from a tarball to create a filesystem image")
                .list("change", 'c', "list", "Apply Dockerfile instruction to the created image")
                .text("message", 'm', "string", "Set commit message for imported image")
                .without("platform")
                .parse(args)
                .expect(1, 2);
        var arguments = parsed.arguments();
        var source = arguments.getFirst();
        if (source.startsWith("http://") || source.startsWith("https://")) {
            throw parsed.wrong("import takes a file or - for standard input, not the address " + source);
        }
        var query = new StringBuilder("/images/create?fromSrc=-");
        if (arguments.size() > 1) {
            query.append(reference(arguments.get(1)));
        }
        parsed.text("message").ifPresent(m -> query.append("&message=").append(Engine.quote(m)));
        for (var change : parsed.all("change")) {
            query.append("&changes=").append(Engine.quote(change));
        }
        try (var in = open(source);
                var answer = engine.upload(query.toString(), in)) {
            return progress(answer);
        }
    }

    int load(List<String> args) throws IOException {
        var parsed = new Flags("load", "", "Load an image from a tar archive or STDIN")
                .text("input", 'i', "string", "Read from tar archive file, instead of STDIN")
                .bool("quiet", 'q', "Suppress the load output")
                .without("platform")
                .parse(args)
                .expect(0, 0);
        var source = parsed.text("input").orElse("-");
        if (source.equals("-") && context.stdinIsTerminal()) {
            throw new Failure(1, "kist: requested load from stdin, but stdin is empty");
        }
        try (var in = open(source);
                var answer = engine.upload("/images/load?quiet=1", in)) {
            return progress(answer);
        }
    }

    private InputStream open(String source) throws IOException {
        if (source.equals("-")) {
            return context.in();
        }
        try {
            return new FileInputStream(source);
        } catch (java.io.FileNotFoundException e) {
            throw new Failure(1, "kist: open " + e.getMessage());
        }
    }

    /** Prints the lines of a progress stream; an error among them is the command's. */
    private int progress(Engine.Streaming answer) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(answer.response().stream(), StandardCharsets.UTF_8));
        for (var line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.isBlank()) {
                continue;
            }
            var message = Doc.parse(line);
            var error = message.text("error");
            if (!error.isEmpty()) {
                throw new Failure(1, "kist: " + error);
            }
            var text = message.text("stream");
            if (!text.isEmpty()) {
                context.print(text);
            } else if (!message.text("status").isEmpty() && message.text("id").isEmpty()) {
                context.line(message.text("status"));
            }
        }
        return 0;
    }

    /** {@code &repo=...&tag=...} of NAME[:TAG]; a colon before the last slash belongs to a port. */
    private static String reference(String name) {
        int colon = name.lastIndexOf(':');
        return colon > name.lastIndexOf('/')
                ? "&repo=" + Engine.quote(name.substring(0, colon)) + "&tag=" + Engine.quote(name.substring(colon + 1))
                : "&repo=" + Engine.quote(name);
    }

    int remove(List<String> args) throws IOException {
        var parsed = new Flags("rmi", "IMAGE [IMAGE...]", "Remove one or more images")
                .bool("force", 'f', "Force removal of the image")
                .bool("no-prune", 0, "Do not delete untagged parents")
                .without("platform")
                .parse(args)
                .expect(1, -1);
        boolean force = parsed.on("force");
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                var query = "?force=" + (force ? 1 : 0) + (parsed.on("no-prune") ? "&noprune=1" : "");
                for (var change :
                        engine.delete("/images/" + Engine.quote(name) + query).list()) {
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
        engine.post("/images/" + Engine.quote(names.getFirst()) + "/tag?"
                + reference(names.getLast()).substring(1));
        return 0;
    }

    int history(List<String> args) throws IOException {
        var parsed = new Flags("history", "IMAGE", "Show the history of an image")
                .bool("no-trunc", 0, "Don't truncate output")
                .bool("quiet", 'q', "Only show image IDs")
                .parse(args)
                .expect(1, 1);
        boolean whole = parsed.on("no-trunc");
        var table = new Table().row("IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT");
        var ids = new StringBuilder();
        for (var step : engine.get("/images/" + Engine.quote(parsed.arguments().getFirst()) + "/history")
                .list()) {
            var id = step.text("Id");
            var shown = whole ? id : ListCommands.shortId(id);
            ids.append(shown).append('\n');
            var by = step.text("CreatedBy").replace('\t', ' ');
            table.row(
                    shown,
                    Units.ago(step.number("Created")),
                    whole ? by : ListCommands.ellipsis(by, 45),
                    Units.size(step.number("Size")),
                    step.text("Comment"));
        }
        context.print(parsed.on("quiet") ? ids.toString() : table.toString());
        return 0;
    }
}
