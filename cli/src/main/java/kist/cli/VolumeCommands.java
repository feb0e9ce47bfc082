package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code kist volume create|inspect|ls|prune|rm}. */
final class VolumeCommands {
    private final Context context;
    private final Engine engine;

    VolumeCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int run(List<String> args) throws IOException {
        return new Group("volume", "Manage volumes")
                .add("create", "Create a volume", this::create)
                .add("inspect", "Display detailed information on one or more volumes", this::inspect)
                .add("ls", "List volumes", this::list)
                .add("prune", "Remove unused local volumes", this::prune)
                .add("rm", "Remove one or more volumes", this::remove)
                .also("list", "ls")
                .also("remove", "rm")
                .run(context, args);
    }

    private int create(List<String> args) throws IOException {
        var parsed = new Flags("volume create", "[VOLUME]", "Create a volume")
                .text("driver", 'd', "string", "Specify volume driver name (default \"local\")")
                .list("label", 0, "list", "Set metadata for a volume")
                .text("name", 0, "string", "Specify volume name")
                .list("opt", 'o', "map", "Set driver specific options: type, o and device as mount(8) has them")
                .without("availability", "group", "limit-bytes", "required-bytes", "scope", "secret", "sharing", "type")
                .without("topology-preferred", "topology-required")
                .parse(args)
                .expect(0, 1);
        var name = parsed.text("name").orElse("");
        if (!parsed.arguments().isEmpty()) {
            if (!name.isEmpty()) {
                throw new Failure(
                        1,
                        "kist: conflicting options: cannot specify a volume-name through both --name and as a"
                                + " positional arg");
            }
            name = parsed.arguments().getFirst();
        }
        var body = new LinkedHashMap<String, Object>();
        body.put("Name", name);
        body.put("Driver", parsed.text("driver").orElse("local"));
        body.put("DriverOpts", pairs(parsed.all("opt")));
        body.put("Labels", pairs(parsed.all("label")));
        context.line(engine.post("/volumes/create", body).text("Name"));
        return 0;
    }

    private static Map<String, Object> pairs(List<String> texts) {
        var pairs = new LinkedHashMap<String, Object>();
        for (var text : texts) {
            int equals = text.indexOf('=');
            pairs.put(equals < 0 ? text : text.substring(0, equals), equals < 0 ? "" : text.substring(equals + 1));
        }
        return pairs;
    }

    private int inspect(List<String> args) throws IOException {
        return new InspectCommand(context).run("volume", args);
    }

    private int list(List<String> args) throws IOException {
        var parsed = new Flags("volume ls", "", "List volumes")
                .list("filter", 'f', "filter", "Provide filter values (e.g. \"dangling=true\")")
                .text("format", 0, "string", ListCommands.FORMAT_HELP)
                .bool("quiet", 'q', "Only display volume names")
                .withoutSwitches("cluster")
                .parse(args)
                .expect(0, 0);
        var filters = ListCommands.filters(parsed);
        var rows = new ArrayList<Map<String, Object>>();
        for (var volume : engine.get("/volumes" + (filters.isEmpty() ? "" : "?" + filters.substring(1)))
                .list("Volumes")) {
            rows.add(row(volume));
        }
        var header = ListCommands.header(
                "Driver", "DRIVER",
                "Name", "VOLUME NAME",
                "Mountpoint", "MOUNTPOINT",
                "Scope", "SCOPE",
                "Labels", "LABELS",
                "Links", "LINKS",
                "Size", "SIZE");
        if (parsed.on("quiet") && !parsed.given("format")) {
            for (var row : rows) {
                context.line(String.valueOf(row.get("Name")));
            }
            return 0;
        }
        ListCommands.print(context, parsed, header, rows, "Driver", "Name");
        return 0;
    }

    private static Map<String, Object> row(Doc volume) {
        var labels = new ArrayList<String>();
        volume.map("Labels").forEach((name, value) -> labels.add(name + "=" + value.text()));
        var row = new LinkedHashMap<String, Object>();
        row.put("Driver", volume.text("Driver"));
        row.put("Name", volume.text("Name"));
        row.put("Mountpoint", volume.text("Mountpoint"));
        row.put("Scope", volume.text("Scope"));
        row.put("Labels", String.join(",", labels));
        // only system df knows
        row.put("Links", "N/A");
        row.put("Size", "N/A");
        row.put("Availability", "N/A");
        row.put("Group", "N/A");
        row.put("Status", "N/A");
        return row;
    }

    private int prune(List<String> args) throws IOException {
        var parsed = new Flags("volume prune", "", "Remove unused local volumes")
                .bool("all", 'a', "Remove all unused volumes, not just anonymous ones")
                .list("filter", 0, "filter", "Provide filter values (e.g. \"label=<label>\")")
                .bool("force", 'f', "Do not prompt for confirmation")
                .parse(args)
                .expect(0, 0);
        boolean all = parsed.on("all");
        var warning = "WARNING! This will remove " + (all ? "all" : "anonymous")
                + " local volumes not used by at least one container.\n";
        if (!parsed.on("force") && !PruneCommands.confirmed(context, warning)) {
            throw new Failure(1, "kist: volume prune has been cancelled");
        }
        var filters = all ? ListCommands.filters(parsed, "all=true") : ListCommands.filters(parsed);
        Doc answer;
        try (var waiting = Waiting.begin(context, "Removing volumes")) {
            answer = engine.post("/volumes/prune" + (filters.isEmpty() ? "" : "?" + filters.substring(1)));
        }
        var removed = answer.strings("VolumesDeleted");
        if (!removed.isEmpty()) {
            context.line("Deleted Volumes:");
            for (var name : removed) {
                context.line(name);
            }
            context.line("");
        }
        context.line("Total reclaimed space: " + Units.size(answer.number("SpaceReclaimed")));
        return 0;
    }

    private int remove(List<String> args) throws IOException {
        var parsed = new Flags("volume rm", "VOLUME [VOLUME...]", "Remove one or more volumes")
                .bool("force", 'f', "Force the removal of one or more volumes")
                .parse(args)
                .expect(1, -1);
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                engine.delete(Engine.named("volume", name) + (parsed.on("force") ? "?force=1" : ""));
                context.line(name);
            } catch (EngineError e) {
                context.error(e.line());
                status = 1;
            }
        }
        return status;
    }
}
