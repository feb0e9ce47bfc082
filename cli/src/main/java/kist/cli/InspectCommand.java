package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** {@code kist inspect}: what the engine knows of a container, an image, a network or a volume. */
final class InspectCommand {
    private static final List<String> TYPES = List.of("container", "image", "network", "volume");

    private final Context context;
    private final Engine engine;

    InspectCommand(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    /** {@code kist inspect}. */
    int run(List<String> args) throws IOException {
        return run(
                new Flags("inspect", "NAME|ID [NAME|ID...]", "Return low-level information on Kist's objects"),
                "",
                args);
    }

    /** {@code kist container inspect} and the like. */
    int run(String type, List<String> args) throws IOException {
        var name = type.toUpperCase(java.util.Locale.ROOT);
        var summary = "Display detailed information on one or more " + type + "s";
        return run(new Flags(type + " inspect", name + " [" + name + "...]", summary), type, args);
    }

    private int run(Flags flags, String only, List<String> args) throws IOException {
        flags.text("format", 'f', "string", "Format output using a template, or 'json'");
        if (only.isEmpty() || only.equals("container")) {
            flags.bool("size", 's', "Display total file sizes if the type is container");
        }
        if (only.isEmpty() || only.equals("image")) {
            flags.text("platform", 0, "string", "Inspect this platform of a multi-platform image");
        }
        if (only.isEmpty()) {
            flags.text("type", 0, "string", "Only inspect objects of the given type");
        }
        var parsed = flags.parse(args).expect(1, -1);
        var type = only.isEmpty() ? parsed.text("type").orElse("") : only;
        if (!type.isEmpty() && !TYPES.contains(type) || parsed.given("type") && type.isEmpty()) {
            throw new Failure(
                    1, "kist: unknown type: \"" + type + "\": it must be one of container, image, network and volume");
        }
        if (parsed.given("platform") && !type.equals("image")) {
            throw parsed.wrong("--platform goes with --type=image alone");
        }
        if (parsed.on("size") && !type.isEmpty() && !type.equals("container")) {
            throw parsed.wrong("--size goes with containers alone");
        }
        var platform = parsed.text("platform")
                .map(p -> "?platform=" + Engine.quote(TransferCommands.platformJson(p)))
                .orElse("");
        var format = parsed.text("format").orElse("");
        boolean json = format.isEmpty() || format.equals("json");
        var template = json ? Optional.<Template>empty() : Optional.of(template(format));
        var found = new ArrayList<Doc>();
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                found.add(find(name, type, parsed.on("size"), platform));
            } catch (EngineError e) {
                context.error(only.isEmpty() ? "Error: " + e.message() : e.line());
                status = 1;
            }
        }
        var out = new StringBuilder();
        if (template.isPresent()) {
            for (var doc : found) {
                out.append(template.get().render(doc.value())).append('\n');
            }
        } else if (format.isEmpty()) {
            var values = new ArrayList<Object>();
            for (var doc : found) {
                values.add(Objects.requireNonNull(doc.value()));
            }
            out.append(new Doc(values).pretty()).append('\n');
        } else {
            for (var doc : found) {
                out.append(Doc.json(doc.value())).append('\n');
            }
        }
        context.print(out.toString());
        return status;
    }

    private static Template template(String format) {
        try {
            return Template.parse(format);
        } catch (Failure e) {
            throw new Failure(64, e.text());
        }
    }

    private Doc find(String name, String only, boolean size, String platform) throws IOException {
        for (var type : only.isEmpty() ? TYPES : List.of(only)) {
            try {
                return engine.get(
                        switch (type) {
                            case "container" -> Engine.container(name) + "/json" + (size ? "?size=1" : "");
                            case "image" -> Engine.image(name) + "/json" + platform;
                            default -> Engine.named(type, name);
                        });
            } catch (EngineError e) {
                // an engine without such objects knows no page for them either
                if (e.status() != 404 || !only.isEmpty()) {
                    throw e;
                }
            }
        }
        throw new EngineError(404, "No such object: " + name);
    }
}
