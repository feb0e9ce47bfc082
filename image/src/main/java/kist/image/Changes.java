package kist.image;

import io.avaje.jsonb.Jsonb;
import io.avaje.jsonb.Types;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Instructions in the manner of a Dockerfile that say what a container of an image starts with: CMD, ENTRYPOINT, ENV, EXPOSE,
 * HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR (Dockerfile reference).
 */
public final class Changes {
    private static final Jsonb JSON = Jsonb.builder().build();

    private List<String> entrypoint = List.of();
    private List<String> command = List.of();
    private final Map<String, String> environment = new LinkedHashMap<>();
    private String workingDir = "";
    private String user = "";
    private final Set<String> exposedPorts = new LinkedHashSet<>();
    private final Set<String> volumes = new LinkedHashSet<>();
    private final Map<String, String> labels = new LinkedHashMap<>();
    private String stopSignal = "";

    private Optional<ImageConfig.Healthcheck> healthcheck = Optional.empty();
    private final List<String> onBuild = new ArrayList<>();
    private final ImageConfig base;
    private boolean commandSet;

    private Changes(ImageConfig base) {
        this.base = base;
        entrypoint = base.entrypoint();
        command = base.command();
        for (String variable : base.environment()) {
            int equals = variable.indexOf('=');
            environment.put(
                    equals < 0 ? variable : variable.substring(0, equals),
                    equals < 0 ? "" : variable.substring(equals + 1));
        }
        workingDir = base.workingDir();
        user = base.user();
        exposedPorts.addAll(base.exposedPorts());
        volumes.addAll(base.volumes());
        labels.putAll(base.labels());
        stopSignal = base.stopSignal();
        healthcheck = base.healthcheck();
        onBuild.addAll(base.onBuild());
    }

    /** The configuration after all instructions in turn. */
    static ImageConfig parse(List<String> instructions) {
        return apply(ImageConfig.EMPTY, instructions);
    }

    /**
     * What becomes of a configuration by instructions in turn. As in a Dockerfile, an ENTRYPOINT without a CMD before it does
     * away with the command that was there.
     *
     * @throws ImageException INVALID naming the instruction that is wrong
     */
    public static ImageConfig apply(ImageConfig base, List<String> instructions) {
        Changes changes = new Changes(base);
        for (String instruction : instructions) {
            changes.apply(instruction.strip());
        }
        return changes.config();
    }

    private ImageConfig config() {
        List<String> variables = new ArrayList<>();
        environment.forEach((k, v) -> variables.add(k + "=" + v));
        return new ImageConfig(
                entrypoint,
                command,
                List.copyOf(variables),
                workingDir,
                user,
                List.copyOf(exposedPorts),
                List.copyOf(volumes),
                Map.copyOf(labels),
                stopSignal,
                healthcheck,
                List.copyOf(onBuild),
                base.shell(),
                base.argsEscaped());
    }

    private void apply(String text) {
        if (text.indexOf('\0') >= 0 || text.indexOf('\n') >= 0) {
            throw bad(text, "it has a line break or a NUL character");
        }
        int space = 0;
        while (space < text.length() && !Character.isWhitespace(text.charAt(space))) {
            space++;
        }
        String name = text.substring(0, space).toUpperCase(Locale.ROOT);
        String rest = text.substring(space).strip();
        if (rest.isEmpty() && !name.isEmpty() && !name.equals("CMD") && !name.equals("ENTRYPOINT")) {
            throw bad(text, name + " needs an argument");
        }
        switch (name) {
            case "CMD" -> {
                command = command(text, rest);
                commandSet = true;
            }
            case "ENTRYPOINT" -> {
                entrypoint = command(text, rest);
                command = commandSet ? command : List.of();
            }
            case "ENV" -> pairs(text, rest, environment);
            case "LABEL" -> pairs(text, rest, labels);
            case "EXPOSE" -> words(text, rest).forEach(p -> expose(text, p));
            case "USER" -> user = one(text, rest);
            case "STOPSIGNAL" -> stopSignal = one(text, rest);
            case "VOLUME" ->
                (rest.startsWith("[") ? command(text, rest) : words(text, rest))
                        .forEach(v -> volumes.add(volume(text, v)));
            case "WORKDIR" -> workingDir = workingDir(rest);
            case "HEALTHCHECK" -> healthcheck = Optional.of(healthcheck(text, rest));
            case "ONBUILD" -> onBuild.add(trigger(text, rest));
            default ->
                throw bad(
                        text,
                        "a change is one of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME,"
                                + " WORKDIR");
        }
    }

    private static String trigger(String text, String rest) {
        String name = rest.split("\\s", 2)[0].toUpperCase(Locale.ROOT);
        if (name.equals("ONBUILD") || name.equals("FROM") || name.equals("MAINTAINER")) {
            throw bad(text, name + " is not allowed as an ONBUILD trigger");
        }
        return rest;
    }

    private ImageConfig.Healthcheck healthcheck(String text, String line) {
        Map<String, String> options = new LinkedHashMap<>();
        String rest = line;
        while (rest.startsWith("--")) {
            String[] parts = rest.split("\\s+", 2);
            int equals = parts[0].indexOf('=');
            if (equals < 0 || parts.length < 2) {
                throw bad(text, Text.quote(parts[0]) + " must be of the form --NAME=value before NONE or CMD");
            }
            options.put(parts[0].substring(2, equals), parts[0].substring(equals + 1));
            rest = parts[1];
        }
        String[] parts = rest.split("\\s+", 2);
        List<String> test;
        if (parts[0].equalsIgnoreCase("NONE") && parts.length == 1 && options.isEmpty()) {
            test = List.of("NONE");
        } else if (parts[0].equalsIgnoreCase("CMD") && parts.length == 2) {
            test = new ArrayList<>();
            if (parts[1].startsWith("[")) {
                test.add("CMD");
                test.addAll(command(text, parts[1]));
            } else {
                test.add("CMD-SHELL");
                test.add(parts[1]);
            }
        } else {
            throw bad(text, "it is NONE alone, or CMD and a command");
        }
        ImageConfig.Healthcheck check = new ImageConfig.Healthcheck(
                List.copyOf(test),
                span(text, options.remove("interval")),
                span(text, options.remove("timeout")),
                span(text, options.remove("start-period")),
                span(text, options.remove("start-interval")),
                retries(text, options.remove("retries")));
        if (!options.isEmpty()) {
            throw bad(text, "there are --interval, --timeout, --start-period, --start-interval and --retries");
        }
        return check;
    }

    private static Duration span(String text, @Nullable String span) {
        if (span == null) {
            return Duration.ZERO;
        }
        try {
            Duration parsed = Duration.parse("PT" + span.toUpperCase(Locale.ROOT));
            if (!parsed.isNegative()) {
                return parsed;
            }
        } catch (DateTimeParseException e) {
            throw bad(text, Text.quote(span) + " is not a span such as 1m30s");
        }
        throw bad(text, Text.quote(span) + " is negative");
    }

    private static int retries(String text, @Nullable String retries) {
        if (retries == null) {
            return 0;
        }
        if (!retries.matches("[1-9][0-9]{0,8}")) {
            throw bad(text, Text.quote(retries) + " retries are not a number from 1 on");
        }
        return Integer.parseInt(retries);
    }

    /** A JSON array is taken as it is, anything else is given to a shell. */
    private List<String> command(String text, String rest) {
        if (rest.isEmpty()) {
            return List.of();
        }
        if (rest.startsWith("[")) {
            try {
                return List.copyOf(
                        JSON.<List<String>>type(Types.listOf(String.class)).fromJson(rest));
            } catch (RuntimeException e) {
                throw bad(text, "what begins with [ must be a JSON array of strings");
            }
        }
        List<String> all = new ArrayList<>(base.shell().isEmpty() ? List.of("/bin/sh", "-c") : base.shell());
        all.add(rest);
        return List.copyOf(all);
    }

    private static void pairs(String text, String rest, Map<String, String> into) {
        List<String> words = words(text, rest);
        if (words.getFirst().indexOf('=') < 0) {
            // the old form: one name, and the rest of the line is its value
            int space = 0;
            while (space < rest.length() && !Character.isWhitespace(rest.charAt(space))) {
                space++;
            }
            String value = rest.substring(space).strip();
            if (value.isEmpty()) {
                throw bad(text, Text.quote(rest) + " must be of the form NAME=value");
            }
            into.put(rest.substring(0, space), value);
            return;
        }
        for (String word : words) {
            int equals = word.indexOf('=');
            if (equals <= 0) {
                throw bad(text, Text.quote(word) + " must be of the form NAME=value");
            }
            into.put(word.substring(0, equals), word.substring(equals + 1));
        }
    }

    /** Splits at blanks, heeding quotes and backslashes as a shell does. */
    private static List<String> words(String text, String rest) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < rest.length(); i++) {
            char c = rest.charAt(i);
            if (c == '\\' && quote != '\'' && i + 1 < rest.length()) {
                word.append(rest.charAt(++i));
                inWord = true;
            } else if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word.append(c);
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
                inWord = true;
            } else if (Character.isWhitespace(c)) {
                if (inWord) {
                    words.add(word.toString());
                    word.setLength(0);
                    inWord = false;
                }
            } else {
                word.append(c);
                inWord = true;
            }
        }
        if (quote != 0) {
            throw bad(text, "a quote is not closed");
        }
        if (inWord) {
            words.add(word.toString());
        }
        return words;
    }

    private static String one(String text, String rest) {
        List<String> words = words(text, rest);
        if (words.size() != 1) {
            throw bad(text, "it takes exactly one argument");
        }
        return words.getFirst();
    }

    private void expose(String text, String port) {
        int slash = port.indexOf('/');
        String protocol = slash < 0 ? "tcp" : port.substring(slash + 1).toLowerCase(Locale.ROOT);
        String range = slash < 0 ? port : port.substring(0, slash);
        int dash = range.indexOf('-');
        int first = port(text, dash < 0 ? range : range.substring(0, dash));
        int last = dash < 0 ? first : port(text, range.substring(dash + 1));
        if (last < first || !Set.of("tcp", "udp", "sctp").contains(protocol)) {
            throw bad(text, Text.quote(port) + " must be PORT or FIRST-LAST with /tcp, /udp or /sctp");
        }
        for (int p = first; p <= last; p++) {
            exposedPorts.add(p + "/" + protocol);
        }
    }

    private static int port(String text, String digits) {
        try {
            int port = Integer.parseInt(digits);
            if (port >= 1 && port <= 65535 && Character.isDigit(digits.charAt(0))) {
                return port;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw bad(text, Text.quote(digits) + " is not a port from 1 to 65535");
    }

    private static String volume(String text, String volume) {
        if (volume.isBlank()) {
            throw bad(text, "a volume needs a path");
        }
        return ImageDocument.insideRoot(volume);
    }

    /** A relative one continues the one before. */
    private String workingDir(String rest) {
        return ImageDocument.insideRoot(rest.startsWith("/") ? rest : workingDir + "/" + rest);
    }

    private static ImageException bad(String text, String why) {
        return ImageException.invalid("invalid change " + Text.quote(text) + ": " + why);
    }
}
