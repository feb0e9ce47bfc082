package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code kist container prune} and {@code kist system prune}: takes away what nobody uses. */
final class PruneCommands {
    private final Context context;
    private final Engine engine;

    PruneCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int containers(List<String> args) throws IOException {
        var parsed = new Flags("container prune", "", "Remove all stopped containers")
                .list("filter", 0, "filter", "Provide filter values (e.g. \"until=<timestamp>\")")
                .bool("force", 'f', "Do not prompt for confirmation")
                .parse(args)
                .expect(0, 0);
        confirm(parsed, "container prune", "WARNING! This will remove all stopped containers.\n");
        long freed = prune("Deleted Containers:", "/containers/prune", "ContainersDeleted", filters(parsed));
        context.line("Total reclaimed space: " + Units.size(freed));
        return 0;
    }

    int system(List<String> args) throws IOException {
        var parsed = new Flags("system prune", "", "Remove unused data")
                .bool("all", 'a', "Remove all unused images not just dangling ones")
                .list("filter", 0, "filter", "Provide filter values (e.g. \"label=<key>=<value>\")")
                .bool("force", 'f', "Do not prompt for confirmation")
                .bool("volumes", 0, "Prune anonymous volumes")
                .parse(args)
                .expect(0, 0);
        boolean all = parsed.on("all");
        boolean volumes = parsed.on("volumes");
        for (var filter : parsed.all("filter")) {
            if (volumes && filter.startsWith("until=")) {
                throw parsed.wrong("the filter \"until\" does not go with --volumes: volumes have no such time");
            }
        }
        var warning = new StringBuilder("WARNING! This will remove:\n");
        warning.append("  - all stopped containers\n  - all networks not used by at least one container\n");
        warning.append(volumes ? "  - all anonymous volumes not used by at least one container\n" : "");
        warning.append(
                all
                        ? "  - all images without at least one container associated to them\n"
                        : "  - all dangling images\n");
        if (parsed.given("filter")) {
            warning.append("\n  Items to be pruned will be filtered with:\n");
            for (var filter : parsed.all("filter")) {
                warning.append("  - ").append(filter).append('\n');
            }
        }
        confirm(parsed, "system prune", warning.append('\n').toString());
        long freed = 0;
        try (var waiting = Waiting.begin(context, "Removing what nobody uses")) {
            freed += prune("Deleted Containers:", "/containers/prune", "ContainersDeleted", filters(parsed));
            freed += prune("Deleted Networks:", "/networks/prune", "NetworksDeleted", filters(parsed));
            if (volumes) {
                freed += prune("Deleted Volumes:", "/volumes/prune", "VolumesDeleted", filters(parsed));
            }
            freed += images(ListCommands.filters(parsed, "dangling=" + !all));
        }
        context.line("Total reclaimed space: " + Units.size(freed));
        return 0;
    }

    private static String filters(Flags.Parsed parsed) {
        return ListCommands.filters(parsed);
    }

    private void confirm(Flags.Parsed parsed, String command, String warning) throws IOException {
        if (!parsed.on("force") && !confirmed(context, warning)) {
            throw new Failure(1, "kist: " + command + " has been cancelled");
        }
    }

    /** Asks on standard output; anything but a y is a no. */
    static boolean confirmed(Context context, String warning) throws IOException {
        context.print(warning + "Are you sure you want to continue? [y/N] ");
        int answer = context.in().read();
        for (int b = answer; b >= 0 && b != '\n'; b = context.in().read()) {
            continue;
        }
        return answer == 'y' || answer == 'Y';
    }

    private long prune(String title, String path, String field, String filters) throws IOException {
        var answer = engine.post(path + (filters.isEmpty() ? "" : "?" + filters.substring(1)));
        list(title, answer.strings(field));
        return answer.number("SpaceReclaimed");
    }

    private long images(String filters) throws IOException {
        var answer = engine.post("/images/prune?" + filters.substring(1));
        var changes = new ArrayList<String>();
        for (var change : answer.list("ImagesDeleted")) {
            var untagged = change.text("Untagged");
            changes.add(untagged.isEmpty() ? "deleted: " + change.text("Deleted") : "untagged: " + untagged);
        }
        list("Deleted Images:", changes);
        return answer.number("SpaceReclaimed");
    }

    private void list(String title, List<String> names) throws IOException {
        if (!names.isEmpty()) {
            context.line(title);
            for (var name : names) {
                context.line(name);
            }
            context.line("");
        }
    }
}
