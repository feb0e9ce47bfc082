package kist.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The flags of one command, with the grammar of the docker command: {@code --name value}, {@code --name=value},
 * {@code -n value}, {@code -nvalue}, {@code -n=value}, bursts such as {@code -it}, {@code --rm=false}, {@code --} to end
 * them, and, for commands that run something, an end at the first argument. No library at hand has all of these
 * (commons-cli knows neither {@code --rm=false} nor a burst beside one-dash long names, and picocli alone costs more
 * processor time than all of {@code kist ps}), hence own code.
 */
final class Flags {
    private enum Kind {
        BOOL,
        TEXT,
        LIST,
        REFUSED_BOOL,
        REFUSED_VALUE
    }

    private record Flag(String name, char letter, Kind kind, String type, String help) {
        String display() {
            return letter == 0 ? "--" + name : "-" + letter + ", --" + name;
        }

        boolean isSwitch() {
            return kind == Kind.BOOL || kind == Kind.REFUSED_BOOL;
        }
    }

    private final String command;
    private final String arguments;
    private final String summary;
    private final Map<String, Flag> flags = new LinkedHashMap<>();
    private final Map<String, String> aliases = new HashMap<>();
    private boolean stopAtFirstArgument;

    /**
     * Begins the flags of a command.
     *
     * @param command its name, such as {@code run}; empty for kist itself
     * @param arguments what follows the flags in the usage line
     * @param summary one line for the help
     */
    Flags(String command, String arguments, String summary) {
        this.command = command;
        this.arguments = arguments;
        this.summary = summary;
    }

    /** Flags after the first argument belong to what is run. */
    Flags stopAtFirstArgument() {
        stopAtFirstArgument = true;
        return this;
    }

    /** A switch; {@code letter} 0 for none. */
    Flags bool(String name, int letter, String help) {
        return add(new Flag(name, (char) letter, Kind.BOOL, "", help));
    }

    /** A flag with a value of which the last counts. */
    Flags text(String name, int letter, String type, String help) {
        return add(new Flag(name, (char) letter, Kind.TEXT, type, help));
    }

    /** A flag that may be given many times. */
    Flags list(String name, int letter, String type, String help) {
        return add(new Flag(name, (char) letter, Kind.LIST, type, help));
    }

    /** A second name of a flag, which the help page does not list. */
    Flags also(String alias, String name) {
        aliases.put(alias, name);
        return this;
    }

    /** A switch of the docker command that Kist does not have: refused by its name. */
    Flags withoutSwitches(String... names) {
        for (var name : names) {
            add(new Flag(name, (char) 0, Kind.REFUSED_BOOL, "", ""));
        }
        return this;
    }

    /** A flag with a value of the docker command that Kist does not have; {@code p=publish} gives a letter too. */
    Flags without(String... names) {
        for (var name : names) {
            boolean letter = name.length() > 2 && name.charAt(1) == '=';
            add(new Flag(
                    letter ? name.substring(2) : name, letter ? name.charAt(0) : 0, Kind.REFUSED_VALUE, "value", ""));
        }
        return this;
    }

    private Flags add(Flag flag) {
        flags.put(flag.name(), flag);
        return this;
    }

    /**
     * A flag as the completion of a shell sees it.
     *
     * @param name the long one, without dashes
     * @param help one line
     */
    record Known(String name, String help) {}

    /** The flags that the help page lists. */
    List<Known> known() {
        var known = new ArrayList<Known>();
        for (var flag : flags.values()) {
            if (flag.kind() != Kind.REFUSED_BOOL && flag.kind() != Kind.REFUSED_VALUE) {
                known.add(new Known(flag.name(), flag.help()));
            }
        }
        return known;
    }

    boolean knows(String name) {
        return flags.containsKey(name);
    }

    /** The name of the flag whose value is the word after this one, or nothing. */
    String wantsValue(String word) {
        if (word.indexOf('=') >= 0) {
            return "";
        }
        if (word.startsWith("--")) {
            return valued(word.substring(2));
        }
        for (int at = 1; at < word.length(); at++) {
            var flag = byLetter(word.charAt(at));
            if (flag != null && !flag.isSwitch()) {
                return at + 1 == word.length() ? flag.name() : "";
            }
        }
        return "";
    }

    /** The name of this flag if it takes a value, or nothing. */
    String valued(String name) {
        var flag = flags.get(aliases.getOrDefault(name, name));
        return flag == null || flag.isSwitch() ? "" : flag.name();
    }

    boolean stopsAtFirstArgument() {
        return stopAtFirstArgument;
    }

    /** What follows the flags in the usage line. */
    String arguments() {
        return arguments;
    }

    /** Full name for messages, such as {@code kist run}. */
    String fullName() {
        return command.isEmpty() ? "kist" : "kist " + command;
    }

    private String usage() {
        return "Usage:  " + fullName() + (flags.isEmpty() ? "" : " [OPTIONS]")
                + (arguments.isEmpty() ? "" : " " + arguments);
    }

    /** The help page. */
    String help() {
        var text = new StringBuilder(usage()).append("\n\n").append(summary).append('\n');
        var visible = new ArrayList<Flag>();
        int width = 0;
        for (var flag : flags.values()) {
            if (flag.kind() != Kind.REFUSED_BOOL && flag.kind() != Kind.REFUSED_VALUE) {
                visible.add(flag);
                width = Math.max(width, flag.name().length() + flag.type().length());
            }
        }
        if (!visible.isEmpty()) {
            text.append("\nOptions:\n");
        }
        visible.sort((a, b) -> a.name().compareTo(b.name()));
        for (var flag : visible) {
            text.append(flag.letter() == 0 ? "      --" : "  -" + flag.letter() + ", --")
                    .append(flag.name())
                    .append(' ')
                    .append(flag.type());
            text.repeat(' ', width - flag.name().length() - flag.type().length() + 3)
                    .append(flag.help())
                    .append('\n');
        }
        return text.toString();
    }

    /** A wrong command line: status 125 as the docker command has it. */
    Failure wrong(String sentence) {
        return new Failure(125, "kist: " + sentence + "\nSee '" + fullName() + " --help'.");
    }

    /** What the command line says. */
    final class Parsed {
        private final Map<String, List<String>> values = new HashMap<>();
        private final List<String> arguments = new ArrayList<>();

        boolean on(String name) {
            var given = values.get(name);
            return given != null && given.getLast().equals("true");
        }

        /** A switch that is on unless told otherwise. */
        boolean onUnlessFalse(String name) {
            return !given(name) || on(name);
        }

        /** Whether any flag was given whose name begins so. */
        boolean givenAny(String prefix) {
            for (var name : values.keySet()) {
                if (name.startsWith(prefix)) {
                    return true;
                }
            }
            return false;
        }

        boolean given(String name) {
            return values.containsKey(name);
        }

        Optional<String> text(String name) {
            return Optional.ofNullable(values.get(name)).map(List::getLast);
        }

        List<String> all(String name) {
            return values.getOrDefault(name, List.of());
        }

        List<String> arguments() {
            return arguments;
        }

        /** The value as a number. */
        Optional<Long> number(String name) {
            return text(name).map(value -> {
                try {
                    return Long.parseLong(value);
                } catch (NumberFormatException e) {
                    throw invalid(name, value, "not a whole number");
                }
            });
        }

        Failure invalid(String name, String value, String why) {
            var flag = flags.get(name);
            return wrong("invalid argument \"" + value + "\" for \"" + (flag == null ? "--" + name : flag.display())
                    + "\" flag: " + why);
        }

        Failure wrong(String sentence) {
            return Flags.this.wrong(sentence);
        }

        /** Checks how many arguments there are; {@code most} negative for any number. */
        Parsed expect(int least, int most) {
            int count = arguments.size();
            if (count < least || most >= 0 && count > most) {
                throw new Failure(
                        1,
                        "kist: '" + fullName() + "' " + requirement(least, most) + "\n\n" + usage() + "\n\nSee '"
                                + fullName() + " --help'.");
            }
            return this;
        }
    }

    private static String requirement(int least, int most) {
        if (most == 0) {
            return "accepts no arguments";
        }
        var number = least == most ? "requires " : most < 0 ? "requires at least " : "requires at most ";
        int count = most < 0 || least == most ? least : most;
        return number + count + (count == 1 ? " argument" : " arguments");
    }

    /** Parses a command line; {@code --help} ends the command with its help page, status 0. */
    Parsed parse(List<String> args) {
        var parsed = new Parsed();
        int i = 0;
        while (i < args.size()) {
            var arg = args.get(i++);
            if (arg.equals("--")) {
                parsed.arguments.addAll(args.subList(i, args.size()));
                break;
            } else if (arg.startsWith("--")) {
                i = longFlag(parsed, args, arg, i);
            } else if (arg.length() > 1 && arg.charAt(0) == '-') {
                i = letters(parsed, args, arg, i);
            } else {
                parsed.arguments.add(arg);
                if (stopAtFirstArgument) {
                    parsed.arguments.addAll(args.subList(i, args.size()));
                    break;
                }
            }
        }
        return parsed;
    }

    private int longFlag(Parsed parsed, List<String> args, String arg, int next) {
        int equals = arg.indexOf('=');
        var name = arg.substring(2, equals < 0 ? arg.length() : equals);
        var flag = flags.get(aliases.getOrDefault(name, name));
        if (flag == null) {
            if (name.equals("help")) {
                throw new Help(help(), this);
            }
            throw wrong("unknown flag: --" + name);
        }
        if (equals >= 0) {
            set(parsed, flag, arg.substring(equals + 1));
        } else if (flag.isSwitch()) {
            set(parsed, flag, "true");
        } else if (next < args.size()) {
            set(parsed, flag, args.get(next++));
        } else {
            throw wrong("flag needs an argument: --" + name);
        }
        return next;
    }

    private int letters(Parsed parsed, List<String> args, String arg, int next) {
        for (int at = 1; at < arg.length(); at++) {
            char letter = arg.charAt(at);
            var flag = byLetter(letter);
            if (flag == null) {
                throw wrong("unknown shorthand flag: '" + letter + "' in " + arg);
            }
            boolean equals = at + 1 < arg.length() && arg.charAt(at + 1) == '=';
            if (flag.isSwitch() && !equals) {
                set(parsed, flag, "true");
                continue;
            }
            if (at + 1 < arg.length()) {
                set(parsed, flag, arg.substring(at + (equals ? 2 : 1)));
            } else if (next < args.size()) {
                set(parsed, flag, args.get(next++));
            } else {
                throw wrong("flag needs an argument: '" + letter + "' in " + arg);
            }
            break;
        }
        return next;
    }

    private @org.jspecify.annotations.Nullable Flag byLetter(char letter) {
        for (var flag : flags.values()) {
            if (flag.letter() == letter) {
                return flag;
            }
        }
        return null;
    }

    private void set(Parsed parsed, Flag flag, String value) {
        switch (flag.kind()) {
            case BOOL ->
                parsed.values.put(
                        flag.name(),
                        List.of(
                                switch (value) {
                                    case "true", "1", "t", "T", "TRUE", "True" -> "true";
                                    case "false", "0", "f", "F", "FALSE", "False" -> "false";
                                    default ->
                                        throw wrong("invalid argument \"" + value + "\" for \"" + flag.display()
                                                + "\" flag: must be true or false");
                                }));
            case TEXT -> parsed.values.put(flag.name(), List.of(value));
            case LIST ->
                parsed.values
                        .computeIfAbsent(flag.name(), name -> new ArrayList<>())
                        .add(value);
            case REFUSED_BOOL, REFUSED_VALUE ->
                throw wrong("--" + flag.name() + " is not supported by this version of Kist");
        }
    }

    /** Asks for the help page to be printed on standard output; the completion of a shell asks what it is of. */
    static final class Help extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String page;
        private final transient Object subject;

        /** The page of {@link Flags} or of a {@link Group}. */
        Help(String page, Object subject) {
            super(page, null, false, false);
            this.page = page;
            this.subject = subject;
        }

        String page() {
            return page;
        }

        Object subject() {
            return subject;
        }
    }
}
