package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
        boolean verbose = parsed.on("verbose");
        var format = parsed.text("format").orElse("");
        Usage usage;
        try (var waiting = Waiting.begin(context, "Counting what is on the disk")) {
            usage = new Usage(context.engine().get("/system/df" + (verbose ? "?verbose=1" : "")));
        }
        if (verbose && !format.isEmpty() && !format.equals("table")) {
            var all = new LinkedHashMap<String, Object>();
            for (var kind : List.of("Images", "Containers", "Volumes", "BuildCache")) {
                var items = new ArrayList<Object>();
                for (var item : usage.items(kind)) {
                    items.add(kind.equals("Volumes") ? volume(item) : Objects.requireNonNull(item.value()));
                }
                all.put(kind, items);
            }
            context.line(
                    format.equals("json")
                            ? Doc.json(all)
                            : Template.parse(format).render(all));
            return 0;
        }
        if (verbose) {
            verbose(usage);
            return 0;
        }
        var rows = new ArrayList<Map<String, Object>>();
        rows.add(usage.images());
        rows.add(usage.containers());
        rows.add(usage.volumes());
        rows.add(usage.builds());
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

    private static final Set<String> ALIVE = Set.of("running", "paused", "restarting");

    /** The engine's answer: API versions from 1.52 on have sums, those before only the things themselves. */
    private record Usage(Doc answer) {
        private static final Map<String, String> SUMS = Map.of(
                "Images",
                "ImageUsage",
                "Containers",
                "ContainerUsage",
                "Volumes",
                "VolumeUsage",
                "BuildCache",
                "BuildCacheUsage");

        List<Doc> items(String kind) {
            var sum = answer.at(SUMS.getOrDefault(kind, ""));
            return sum.present() ? sum.list("Items") : answer.list(kind);
        }

        /** The row of the sums; empty where the answer has none. */
        private Map<String, Object> summed(String kind, String title) {
            var sum = answer.at(SUMS.getOrDefault(kind, ""));
            return sum.present()
                    ? row(
                            title,
                            sum.number("TotalCount"),
                            sum.number("ActiveCount"),
                            sum.number("TotalSize"),
                            sum.number("Reclaimable"))
                    : Map.of();
        }

        Map<String, Object> images() {
            var summed = summed("Images", "Images");
            if (!summed.isEmpty()) {
                return summed;
            }
            long total = answer.number("LayersSize");
            long used = 0;
            int active = 0;
            for (var image : items("Images")) {
                if (image.number("Containers") > 0) {
                    active++;
                    used += image.number("Size") - Math.max(0, image.number("SharedSize"));
                }
            }
            return row("Images", items("Images").size(), active, total, Math.max(0, total - used));
        }

        Map<String, Object> containers() {
            var summed = summed("Containers", "Containers");
            if (!summed.isEmpty()) {
                return summed;
            }
            long total = 0;
            long reclaimable = 0;
            int active = 0;
            for (var container : items("Containers")) {
                total += container.number("SizeRw");
                if (ALIVE.contains(container.text("State"))) {
                    active++;
                } else {
                    reclaimable += container.number("SizeRw");
                }
            }
            return row("Containers", items("Containers").size(), active, total, reclaimable);
        }

        Map<String, Object> volumes() {
            var summed = summed("Volumes", "Local Volumes");
            if (!summed.isEmpty()) {
                return summed;
            }
            long total = 0;
            long reclaimable = 0;
            int active = 0;
            for (var volume : items("Volumes")) {
                // -1 where nobody knows
                long size = Math.max(0, volume.number("UsageData", "Size"));
                total += size;
                if (volume.number("UsageData", "RefCount") > 0) {
                    active++;
                } else {
                    reclaimable += size;
                }
            }
            return row("Local Volumes", items("Volumes").size(), active, total, reclaimable);
        }

        Map<String, Object> builds() {
            var summed = summed("BuildCache", "Build Cache");
            return summed.isEmpty() ? row("Build Cache", items("BuildCache").size(), 0, 0, 0) : summed;
        }
    }

    private static Map<String, Object> row(String type, long count, long active, long size, long reclaimable) {
        var row = new LinkedHashMap<String, Object>();
        row.put("Type", type);
        row.put("TotalCount", Long.toString(count));
        row.put("Active", Long.toString(active));
        row.put("Size", Units.size(size));
        row.put("Reclaimable", Units.size(reclaimable) + (size > 0 ? " (" + reclaimable * 100 / size + "%)" : ""));
        return row;
    }

    private void verbose(Usage usage) throws IOException {
        var out = new StringBuilder("Images space usage:\n\n");
        var images = new Table()
                .row("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS");
        for (var image : usage.items("Images")) {
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
        for (var container : usage.items("Containers")) {
            names.clear();
            for (var name : container.strings("Names")) {
                names.add(name.startsWith("/") ? name.substring(1) : name);
            }
            containers.row(
                    ListCommands.shortId(container.text("Id")),
                    container.text("Image"),
                    ListCommands.quoted(ListCommands.ellipsis(container.text("Command"), 20)),
                    Long.toString(localVolumes(container)),
                    Units.size(container.number("SizeRw")),
                    Units.ago(container.number("Created")),
                    container.text("Status"),
                    String.join(",", names));
        }
        var volumes = new Table().row("VOLUME NAME", "LINKS", "SIZE");
        for (var volume : usage.items("Volumes")) {
            long size = volume.number("UsageData", "Size");
            volumes.row(
                    volume.text("Name"),
                    Long.toString(Math.max(0, volume.number("UsageData", "RefCount"))),
                    size < 0 ? "N/A" : Units.size(size));
        }
        out.append(containers)
                .append("\nLocal Volumes space usage:\n\n")
                .append(volumes)
                .append("\nBuild cache usage: 0B\n\n")
                .append(new Table().row("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"));
        context.print(out.toString());
    }

    /** A volume with what the table says of it besides. */
    private static Map<String, @Nullable Object> volume(Doc volume) {
        var all = new LinkedHashMap<String, @Nullable Object>();
        if (volume.value() instanceof Map<?, ?> fields) {
            fields.forEach((name, value) -> all.put(String.valueOf(name), value));
        }
        long size = volume.number("UsageData", "Size");
        all.put("Links", Math.max(0, volume.number("UsageData", "RefCount")));
        all.put("Size", size < 0 ? "N/A" : Units.size(size));
        return all;
    }

    private static long localVolumes(Doc container) {
        long count = 0;
        for (var mount : container.list("Mounts")) {
            count += mount.text("Driver").equals("local") ? 1 : 0;
        }
        return count;
    }
}
