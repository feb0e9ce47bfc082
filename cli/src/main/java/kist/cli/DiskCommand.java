package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code kist system df}: what takes how much of the disk, and how much of it nobody uses. */
final class DiskCommand {
    private final Context context;

    DiskCommand(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        var parsed = new Flags("system df", "", "Show disk usage")
                .text("format", 0, "string", "'json', 'table TEMPLATE' or a template such as '{{.Type}} {{.Size}}'")
                .bool("verbose", 'v', "Show detailed information on space usage")
                .parse(args)
                .expect(0, 0);
        if (parsed.on("verbose") && parsed.given("format")) {
            throw parsed.wrong("the format of the verbose form is fixed");
        }
        var usage = context.engine().get("/system/df");
        if (parsed.on("verbose")) {
            verbose(usage);
            return 0;
        }
        var rows = new ArrayList<Map<String, Object>>();
        rows.add(images(usage));
        rows.add(containers(usage));
        rows.add(row("Local Volumes", usage.list("Volumes").size(), 0, 0, 0));
        rows.add(row("Build Cache", usage.list("BuildCache").size(), 0, 0, 0));
        var header = ListCommands.header(
                "Type",
                "TYPE",
                "TotalCount",
                "TOTAL",
                "Active",
                "ACTIVE",
                "Size",
                "SIZE",
                "Reclaimable",
                "RECLAIMABLE");
        ListCommands.print(context, parsed, header, rows, "Type", "TotalCount", "Active", "Size", "Reclaimable");
        return 0;
    }

    private static Map<String, Object> images(Doc usage) {
        long total = usage.number("LayersSize");
        long used = 0;
        int active = 0;
        for (var image : usage.list("Images")) {
            if (image.number("Containers") > 0) {
                active++;
                used += image.number("Size") - Math.max(0, image.number("SharedSize"));
            }
        }
        return row("Images", usage.list("Images").size(), active, total, Math.max(0, total - used));
    }

    private static final Set<String> ALIVE = Set.of("running", "paused", "restarting");

    private static Map<String, Object> containers(Doc usage) {
        long total = 0;
        long reclaimable = 0;
        int active = 0;
        for (var container : usage.list("Containers")) {
            total += container.number("SizeRw");
            if (ALIVE.contains(container.text("State"))) {
                active++;
            } else {
                reclaimable += container.number("SizeRw");
            }
        }
        return row("Containers", usage.list("Containers").size(), active, total, reclaimable);
    }

    private static Map<String, Object> row(String type, int count, int active, long size, long reclaimable) {
        var row = new LinkedHashMap<String, Object>();
        row.put("Type", type);
        row.put("TotalCount", Integer.toString(count));
        row.put("Active", Integer.toString(active));
        row.put("Size", Units.size(size));
        row.put("Reclaimable", Units.size(reclaimable) + (size > 0 ? " (" + reclaimable * 100 / size + "%)" : ""));
        return row;
    }

    private void verbose(Doc usage) throws IOException {
        var out = new StringBuilder("Images space usage:\n\n");
        var images = new Table()
                .row("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS");
        for (var image : usage.list("Images")) {
            long shared = Math.max(0, image.number("SharedSize"));
            var names = image.strings("RepoTags");
            for (var name : names.isEmpty() ? List.of("<none>:<none>") : names) {
                int colon = name.lastIndexOf(':');
                images.row(
                        name.substring(0, colon),
                        name.substring(colon + 1),
                        ListCommands.shortId(image.text("Id")),
                        Units.ago(image.number("Created")),
                        Units.size(image.number("Size")),
                        Units.size(shared),
                        Units.size(image.number("Size") - shared),
                        image.text("Containers"));
            }
        }
        out.append(images).append("\nContainers space usage:\n\n");
        var names = new HashSet<String>();
        var containers = new Table()
                .row("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES");
        for (var container : usage.list("Containers")) {
            names.clear();
            for (var name : container.strings("Names")) {
                names.add(name.startsWith("/") ? name.substring(1) : name);
            }
            containers.row(
                    ListCommands.shortId(container.text("Id")),
                    container.text("Image"),
                    '"' + ListCommands.ellipsis(container.text("Command"), 20) + '"',
                    "0",
                    Units.size(container.number("SizeRw")),
                    Units.ago(container.number("Created")),
                    container.text("Status"),
                    String.join(",", names));
        }
        out.append(containers)
                .append("\nLocal Volumes space usage:\n\n")
                .append(new Table().row("VOLUME NAME", "LINKS", "SIZE"))
                .append("\nBuild cache usage: 0B\n\n")
                .append(new Table().row("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"));
        context.print(out.toString());
    }
}
