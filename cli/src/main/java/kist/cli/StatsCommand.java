package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** {@code kist stats}: what containers use, again and again or once. */
final class StatsCommand {
    private static final long PAUSE_MILLIS = 500;

    private final Context context;

    StatsCommand(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        var parsed = new Flags(
                        "stats", "[CONTAINER...]", "Display a live stream of container(s) resource usage statistics")
                .bool("all", 'a', "Show all containers (default shows just running)")
                .text("format", 0, "string", ListCommands.FORMAT_HELP)
                .bool("no-stream", 0, "Disable streaming stats and only pull the first result")
                .bool("no-trunc", 0, "Do not truncate output")
                .parse(args);
        boolean stream = !parsed.on("no-stream");
        var format = parsed.text("format").orElse("table");
        var header = ListCommands.header(
                "Container", "CONTAINER",
                "ID", "CONTAINER ID",
                "Name", "NAME",
                "CPUPerc", "CPU %",
                "MemUsage", "MEM USAGE / LIMIT",
                "MemPerc", "MEM %",
                "NetIO", "NET I/O",
                "BlockIO", "BLOCK I/O",
                "PIDs", "PIDS");
        var named = parsed.arguments();
        try (var feed = new StatsFeed(context.engine(), stream)) {
            if (named.isEmpty()) {
                feed.watchAll(parsed.on("all"), stream);
            } else {
                feed.watch(named);
            }
            var errors = feed.errors();
            if (!errors.isEmpty() && (!named.isEmpty() || !stream)) {
                for (var error : errors) {
                    context.error(error.line());
                }
                return 1;
            }
            boolean screen = stream && context.stdoutIsTerminal() && (format.startsWith("table") || format.isEmpty());
            while (true) {
                var rows = new ArrayList<Map<String, Object>>();
                for (var sample : feed.samples()) {
                    rows.add(row(sample, parsed.on("no-trunc")));
                }
                print(screen, format, header, rows);
                if (!stream || rows.isEmpty() && !named.isEmpty()) {
                    return 0;
                }
                Thread.sleep(PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 130;
        }
    }

    private void print(boolean screen, String format, Map<String, String> header, List<Map<String, Object>> rows)
            throws IOException {
        String text;
        if (format.isEmpty() || format.equals("table")) {
            text = Template.rows(
                    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
                    header,
                    rows);
        } else {
            text = Template.rows(format, header, rows);
        }
        // in place: home, each line cleared to its end, and what is left below
        context.print(screen ? "\033[H" + text.replace("\n", "\033[K\n") + "\033[J" : text);
    }

    private static Map<String, Object> row(StatsSample sample, boolean whole) {
        var row = new TreeMap<String, Object>();
        boolean there = sample.there();
        var id = whole ? sample.id() : ListCommands.shortId(sample.id());
        row.put("Container", id);
        row.put("ID", id);
        row.put("Name", sample.name().isEmpty() ? "--" : sample.name());
        row.put("CPUPerc", there ? percent(sample.cpuPercent()) : "--");
        row.put(
                "MemUsage",
                there ? Units.binarySize(sample.memory()) + " / " + Units.binarySize(sample.memoryLimit()) : "-- / --");
        row.put("MemPerc", there ? percent(sample.memoryPercent()) : "--");
        row.put("NetIO", there ? Units.size(sample.netIn()) + " / " + Units.size(sample.netOut()) : "--");
        row.put("BlockIO", there ? Units.size(sample.blockRead()) + " / " + Units.size(sample.blockWritten()) : "--");
        row.put("PIDs", there ? Long.toString(sample.pids()) : "--");
        return row;
    }

    static String percent(double value) {
        return String.format(Locale.ROOT, "%.2f%%", value);
    }
}
