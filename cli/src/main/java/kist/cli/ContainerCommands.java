package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Commands that do one thing to each container named: stop, restart, kill, rm, pause, unpause, rename, wait, top. */
final class ContainerCommands {
    private static final String EACH = "CONTAINER [CONTAINER...]";

    private final Context context;
    private final Engine engine;

    ContainerCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    /** What is done to one container. */
    interface Action {
        void on(String container) throws IOException;
    }

    /** Goes on after a failure, so that one wrong name does not spare the others; status 1 if any failed. */
    int each(List<String> containers, Action action) throws IOException {
        int status = 0;
        for (var container : containers) {
            try {
                action.on(container);
                context.line(container);
            } catch (EngineError e) {
                context.error(e.line());
                status = 1;
            }
        }
        return status;
    }

    int stop(List<String> args) throws IOException {
        return stopLike("stop", "Stop one or more running containers", args);
    }

    int restart(List<String> args) throws IOException {
        return stopLike("restart", "Restart one or more containers", args);
    }

    private int stopLike(String command, String summary, List<String> args) throws IOException {
        var parsed = new Flags(command, EACH, summary)
                .text("signal", 's', "string", "Signal to send to the container")
                .text("timeout", 't', "int", "Seconds to wait before killing the container")
                .text("time", 0, "int", "The same as --timeout")
                .parse(args)
                .expect(1, -1);
        var query = new StringBuilder();
        parsed.number("timeout")
                .or(() -> parsed.number("time"))
                .ifPresent(seconds -> query.append("?t=").append(seconds));
        parsed.text("signal")
                .ifPresent(signal -> query.append(query.isEmpty() ? "?" : "&")
                        .append("signal=")
                        .append(Engine.quote(signal)));
        return each(parsed.arguments(), name -> engine.post(Engine.container(name) + "/" + command + query));
    }

    int kill(List<String> args) throws IOException {
        var parsed = new Flags("kill", EACH, "Kill one or more running containers")
                .text("signal", 's', "string", "Signal to send to the container (default KILL)")
                .parse(args)
                .expect(1, -1);
        var query = parsed.text("signal").map(s -> "?signal=" + Engine.quote(s)).orElse("");
        return each(parsed.arguments(), name -> engine.post(Engine.container(name) + "/kill" + query));
    }

    int remove(List<String> args) throws IOException {
        var parsed = new Flags("rm", EACH, "Remove one or more containers")
                .bool("force", 'f', "Force the removal of a running container (uses SIGKILL)")
                .bool("volumes", 'v', "Remove anonymous volumes associated with the container")
                .withoutSwitches("link")
                .parse(args)
                .expect(1, -1);
        boolean force = parsed.on("force");
        var query = (force ? "?force=1" : "?force=0") + (parsed.on("volumes") ? "&v=1" : "");
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                engine.delete(Engine.container(name) + query);
                context.line(name);
            } catch (EngineError e) {
                context.error(e.line());
                // with -f it is no failure that there is nothing to remove
                status = force && e.status() == 404 ? status : 1;
            }
        }
        return status;
    }

    int pause(List<String> args) throws IOException {
        return plain("pause", "Pause all processes within one or more containers", args);
    }

    int unpause(List<String> args) throws IOException {
        return plain("unpause", "Unpause all processes within one or more containers", args);
    }

    private int plain(String command, String summary, List<String> args) throws IOException {
        var parsed = new Flags(command, EACH, summary).parse(args).expect(1, -1);
        return each(parsed.arguments(), name -> engine.post(Engine.container(name) + "/" + command));
    }

    int rename(List<String> args) throws IOException {
        var names = new Flags("rename", "CONTAINER NEW_NAME", "Rename a container")
                .parse(args)
                .expect(2, 2)
                .arguments();
        engine.post(Engine.container(names.getFirst()) + "/rename?name=" + Engine.quote(names.getLast()));
        return 0;
    }

    int await(List<String> args) throws IOException {
        var parsed = new Flags("wait", EACH, "Block until one or more containers stop, then print their exit codes")
                .parse(args)
                .expect(1, -1);
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                context.line(engine.post(Engine.container(name) + "/wait").text("StatusCode"));
            } catch (EngineError e) {
                context.error(e.line());
                status = 1;
            }
        }
        return status;
    }

    int top(List<String> args) throws IOException {
        var parsed = new Flags("top", "CONTAINER [ps OPTIONS]", "Display the running processes of a container")
                .stopAtFirstArgument()
                .parse(args)
                .expect(1, -1);
        var arguments = parsed.arguments();
        var query = arguments.size() > 1
                ? "?ps_args=" + Engine.quote(String.join(" ", arguments.subList(1, arguments.size())))
                : "";
        var answer = engine.get(Engine.container(arguments.getFirst()) + "/top" + query);
        var table = new Table(20).row(answer.strings("Titles").toArray(String[]::new));
        for (var process : answer.list("Processes")) {
            table.row(process.strings().toArray(String[]::new));
        }
        context.print(table.toString());
        return 0;
    }

    int inspect(List<String> args) throws IOException {
        var parsed = new Flags(
                        "inspect", "NAME|ID [NAME|ID...]", "Return low-level information on containers and images")
                .text("format", 'f', "string", "Format output using a template, or 'json'")
                .bool("size", 's', "Display total file sizes of a container")
                .text("platform", 0, "string", "Inspect this platform of a multi-platform image")
                .text("type", 0, "string", "Only look for a container or an image")
                .parse(args)
                .expect(1, -1);
        var type = parsed.text("type").orElse("");
        if (!type.isEmpty() && !type.equals("container") && !type.equals("image")) {
            throw parsed.invalid("type", type, "container and image are known");
        }
        if (parsed.given("platform") && !type.equals("image")) {
            throw parsed.wrong("--platform goes with --type=image alone");
        }
        var platform = parsed.text("platform")
                .map(p -> "?platform=" + Engine.quote(TransferCommands.platformJson(p)))
                .orElse("");
        var found = new ArrayList<Doc>();
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                found.add(find(name, type, parsed.on("size"), platform));
            } catch (EngineError e) {
                context.error("Error: " + e.message());
                status = 1;
            }
        }
        var format = parsed.text("format").orElse("");
        var out = new StringBuilder();
        if (format.isEmpty()) {
            var values = new ArrayList<Object>();
            for (var doc : found) {
                values.add(java.util.Objects.requireNonNull(doc.value()));
            }
            out.append(new Doc(values).pretty()).append('\n');
        } else {
            for (var doc : found) {
                out.append(format.equals("json") ? Doc.json(doc.value()) : Template.render(format, doc))
                        .append('\n');
            }
        }
        context.print(out.toString());
        return status;
    }

    private Doc find(String name, String type, boolean size, String platform) throws IOException {
        var image = Engine.image(name) + "/json" + platform;
        if (type.equals("image")) {
            return engine.get(image);
        }
        try {
            return engine.get(Engine.container(name) + "/json" + (size ? "?size=1" : ""));
        } catch (EngineError e) {
            if (e.status() != 404 || type.equals("container")) {
                throw e;
            }
        }
        try {
            return engine.get(image);
        } catch (EngineError e) {
            throw e.status() == 404 ? new EngineError(404, "No such object: " + name) : e;
        }
    }
}
