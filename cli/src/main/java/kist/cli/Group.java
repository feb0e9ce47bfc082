package kist.cli;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Commands that are typed after one name, such as {@code kist volume create}: their names, a line of help for each, and what
 * runs them. A group is made only when its name was typed, so nobody else pays for it.
 *
 * <pre>{@code
 * return new Group("volume", "Manage volumes")
 *         .add("create", "Create a volume", this::create)
 *         .add("ls", "List volumes", this::list)
 *         .also("list", "ls")
 *         .run(context, args);
 * }</pre>
 */
final class Group {
    /** Runs a command with what was typed after its name and returns its exit status. */
    interface Command {
        int run(List<String> args) throws IOException;
    }

    private record Entry(String summary, Command command) {}

    private final String name;
    private final String summary;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, String> aliases = new LinkedHashMap<>();

    /**
     * Begins a group.
     *
     * @param name what is typed after {@code kist}
     * @param summary one line for its help page
     */
    Group(String name, String summary) {
        this.name = name;
        this.summary = summary;
    }

    /** Adds a command with one line of help. */
    Group add(String command, String help, Command runner) {
        entries.put(command, new Entry(help, runner));
        return this;
    }

    /** Gives a command a second name, which the help page does not list. */
    Group also(String alias, String command) {
        aliases.put(alias, command);
        return this;
    }

    /** Runs the command that the first argument names, or shows the help page. */
    int run(Context context, List<String> args) throws IOException {
        if (args.isEmpty()) {
            context.print(help());
            return 0;
        }
        var typed = args.getFirst();
        if (typed.equals("--help") || typed.equals("-h")) {
            throw new Flags.Help(help(), this);
        }
        var entry = entries.get(aliases.getOrDefault(typed, typed));
        if (entry == null) {
            throw new Failure(
                    1,
                    "kist: unknown command: kist " + name + " " + typed + "\n\nRun 'kist " + name
                            + " --help' for more information");
        }
        return entry.command().run(args.subList(1, args.size()));
    }

    /** Names and lines of help, for the completion of a shell. */
    Map<String, String> commands() {
        var result = new LinkedHashMap<String, String>();
        entries.forEach((command, entry) -> result.put(command, entry.summary()));
        return result;
    }

    private String help() {
        var sorted = new java.util.TreeMap<>(entries);
        int width = 0;
        for (var command : sorted.keySet()) {
            width = Math.max(width, command.length());
        }
        var out = new StringBuilder("Usage:  kist " + name + " COMMAND\n\n" + summary + "\n\nCommands:\n");
        for (var entry : sorted.entrySet()) {
            out.append("  ").append(entry.getKey());
            out.repeat(' ', width - entry.getKey().length() + 3)
                    .append(entry.getValue().summary())
                    .append('\n');
        }
        return out.append("\nRun 'kist " + name + " COMMAND --help' for more information on a command.\n")
                .toString();
    }
}
