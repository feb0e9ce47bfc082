package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code kist ps}. */
final class PsCommand {
    private final Context context;

    PsCommand(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        var parsed = new Flags("ps", "", "List containers")
                .bool("all", 'a', "Show all containers (default shows just running)")
                .list("filter", 'f', "filter", "Filter output based on conditions provided")
                .text("format", 0, "string", ListCommands.FORMAT_HELP)
                .text("last", 'n', "int", "Show n last created containers (includes all states)")
                .bool("latest", 'l', "Show the latest created container (includes all states)")
                .bool("no-trunc", 0, "Don't truncate output")
                .bool("quiet", 'q', "Only display container IDs")
                .bool("size", 's', "Display total file sizes")
                .parse(args)
                .expect(0, 0);
        var format = parsed.text("format").orElse("");
        boolean quiet = parsed.on("quiet");
        boolean json = format.equals("json") || format.contains("{{json .}}");
        boolean sized = parsed.on("size") || !quiet && !parsed.given("size") && format.contains(".Size");
        var query = new StringBuilder("/containers/json?all=").append(parsed.on("all") ? 1 : 0);
        long last = parsed.on("latest") ? 1 : parsed.number("last").orElse(-1L);
        if (last > 0) {
            query.append("&limit=").append(last);
        }
        query.append(sized ? "&size=1" : "").append(ListCommands.filters(parsed));
        boolean whole = parsed.on("no-trunc");
        // the JDK's formatter of dates takes longer than all the rest
        boolean dated = json || format.contains(".CreatedAt") || format.equals("raw");
        boolean every = !format.isEmpty() && !format.equals("table");
        var rows = new ArrayList<Map<String, Object>>();
        for (var container : context.engine().get(query.toString()).list()) {
            if (quiet) {
                rows.add(Map.of("ID", id(container, whole)));
                continue;
            }
            var row = row(container, whole);
            if (every) {
                addRest(row, container, whole);
            }
            if (dated) {
                row.put("CreatedAt", Units.date(container.number("Created")));
            }
            if (sized || json) {
                row.put("Size", size(container));
            }
            rows.add(row);
        }
        var header = ListCommands.header(
                "ID", "CONTAINER ID",
                "Image", "IMAGE",
                "Command", "COMMAND",
                "CreatedAt", "CREATED AT",
                "RunningFor", "CREATED",
                "Status", "STATUS",
                "State", "STATE",
                "Ports", "PORTS",
                "Names", "NAMES",
                "Labels", "LABELS",
                "LocalVolumes", "LOCAL VOLUMES",
                "Mounts", "MOUNTS",
                "Networks", "NETWORKS",
                "Platform", "PLATFORM",
                "Size", "SIZE");
        if (parsed.on("size")) {
            ListCommands.print(
                    context,
                    parsed,
                    header,
                    rows,
                    "ID",
                    "Image",
                    "Command",
                    "RunningFor",
                    "Status",
                    "Ports",
                    "Names",
                    "Size");
        } else {
            ListCommands.print(
                    context, parsed, header, rows, "ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names");
        }
        return 0;
    }

    private static String id(Doc container, boolean whole) {
        return whole ? container.text("Id") : ListCommands.shortId(container.text("Id"));
    }

    /** The columns of the table. */
    private static Map<String, Object> row(Doc container, boolean whole) {
        var row = new TreeMap<String, Object>();
        row.put("ID", id(container, whole));
        row.put("Image", image(container, whole));
        var command = container.text("Command");
        row.put("Command", ListCommands.quoted(whole ? command : ListCommands.ellipsis(command, 20)));
        row.put("RunningFor", Units.ago(container.number("Created")));
        row.put("Status", container.text("Status"));
        row.put("Ports", ports(container));
        row.put("Names", names(container, whole));
        return row;
    }

    /** What only a format asks for. */
    private static void addRest(Map<String, Object> row, Doc container, boolean whole) {
        row.put("State", container.text("State"));
        var labels = new StringBuilder();
        for (var label : new TreeMap<>(container.map("Labels")).entrySet()) {
            labels.append(labels.isEmpty() ? "" : ",")
                    .append(label.getKey())
                    .append('=')
                    .append(label.getValue().text());
        }
        row.put("Labels", labels.toString());
        row.put("Label", new Label(container));
        int local = 0;
        var mounts = new ArrayList<String>();
        for (var mount : container.list("Mounts")) {
            local += mount.text("Driver").equals("local") ? 1 : 0;
            var name = mount.text("Name").isEmpty() ? mount.text("Source") : mount.text("Name");
            mounts.add(whole ? name : ListCommands.ellipsis(name, 15));
        }
        row.put("LocalVolumes", Integer.toString(local));
        row.put("Mounts", String.join(",", mounts));
        row.put("Networks", String.join(",", new TreeMap<>(container.map("NetworkSettings", "Networks")).keySet()));
        var platform = container.at("ImageManifestDescriptor", "platform");
        row.put(
                "Platform",
                platform.present() ? platform.text("os") + "/" + platform.text("architecture") : TemplateFunctions.NIL);
    }

    private static String size(Doc container) {
        long virtual = container.number("SizeRootFs");
        return Units.size(container.number("SizeRw")) + (virtual > 0 ? " (virtual " + Units.size(virtual) + ")" : "");
    }

    /** {@code {{.Label "name"}}}. */
    private record Label(Doc container) implements Template.Method {
        @Override
        public Object call(List<@org.jspecify.annotations.Nullable Object> arguments) {
            return container.text("Labels", arguments.isEmpty() ? "" : String.valueOf(arguments.getFirst()));
        }
    }

    private static String image(Doc container, boolean whole) {
        var image = container.text("Image");
        if (whole) {
            return image;
        }
        int digest = image.indexOf("@sha256:");
        if (digest > 0) {
            return image.substring(0, digest);
        }
        return image.startsWith("sha256:") || image.equals(container.text("ImageID"))
                ? ListCommands.shortId(image)
                : image;
    }

    /** Without the slash; other containers' names for it, which have a second one, only where all is asked for. */
    private static String names(Doc container, boolean whole) {
        var names = new StringBuilder();
        for (var name : container.strings("Names")) {
            var bare = name.startsWith("/") ? name.substring(1) : name;
            if (whole || bare.indexOf('/') < 0) {
                names.append(names.isEmpty() ? "" : ",").append(bare);
            }
        }
        return names.toString();
    }

    /** A port or a run of ports with the same way to them. */
    private record Run(String address, String type, long first, long last) {
        String text() {
            var range = first == last ? Long.toString(first) : first + "-" + last;
            return (address.isEmpty() ? "" : bracketed(address) + ":" + range + "->") + range + "/" + type;
        }
    }

    private static String bracketed(String address) {
        return address.indexOf(':') >= 0 ? "[" + address + "]" : address;
    }

    private static final class ByPort implements java.util.Comparator<Doc> {
        @Override
        public int compare(Doc a, Doc b) {
            int order = Long.compare(a.number("PrivatePort"), b.number("PrivatePort"));
            order = order != 0 ? order : a.text("IP").compareTo(b.text("IP"));
            order = order != 0 ? order : Long.compare(a.number("PublicPort"), b.number("PublicPort"));
            return order != 0 ? order : a.text("Type").compareTo(b.text("Type"));
        }
    }

    /** Neighbouring ports that lead to the same number are drawn together: {@code 0.0.0.0:80-81->80-81/tcp}. */
    static String ports(Doc container) {
        var ports = container.list("Ports");
        if (ports.isEmpty()) {
            return "";
        }
        ports.sort(new ByPort());
        var done = new ArrayList<String>();
        var mapped = new ArrayList<String>();
        var open = new java.util.LinkedHashMap<String, Run>();
        for (var port : ports) {
            var address = port.text("IP");
            long inside = port.number("PrivatePort");
            long outside = port.number("PublicPort");
            var type = port.text("Type");
            if (!address.isEmpty() && inside != outside) {
                mapped.add(bracketed(address) + ":" + outside + "->" + inside + "/" + type);
                continue;
            }
            var key = address + "/" + type;
            var run = open.get(key);
            if (run != null && inside == run.last() + 1) {
                open.put(key, new Run(address, type, run.first(), inside));
                continue;
            }
            if (run != null) {
                done.add(run.text());
            }
            open.put(key, new Run(address, type, inside, inside));
        }
        for (var run : open.values()) {
            done.add(run.text());
        }
        done.addAll(mapped);
        return String.join(", ", done);
    }
}
