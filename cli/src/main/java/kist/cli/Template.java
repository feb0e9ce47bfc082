package kist.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A template of {@code --format}, in the language of Go's package text/template with the functions that the docker command
 * adds, over what JSON is made of.
 */
final class Template {
    private final TemplateParser.Parsed parsed;

    private Template(TemplateParser.Parsed parsed) {
        this.parsed = parsed;
    }

    /** A field that takes arguments, such as {@code {{.Label "name"}}}; not shown by {@code {{json .}}}. */
    interface Method {
        Object call(List<@Nullable Object> arguments);
    }

    /** Parses a template; a mistake throws {@link Failure} with status 1. */
    static Template parse(String text) {
        return new Template(new TemplateParser(text).parse());
    }

    /** Fills the template with values of the document. */
    static String render(String template, Doc doc) {
        return parse(template).render(doc.value());
    }

    /** Fills the template; what is not there throws {@link Failure} with status 1. */
    String render(@Nullable Object data) {
        var run = new Run(data);
        run.all(parsed.nodes(), data);
        return run.out.toString();
    }

    /** The two escapes that the formats of lists know outside of strings. */
    static String unescaped(String format) {
        return format.replace("\\t", "\t").replace("\\n", "\n");
    }

    /**
     * Prints rows as {@code --format} says: {@code json}, {@code table TEMPLATE} or a template.
     *
     * @param header titles of the fields, by their names, for {@code table TEMPLATE}
     */
    static String rows(String format, Map<String, String> header, List<Map<String, Object>> rows) {
        if (format.startsWith("table ")) {
            var template = parse(unescaped(format.substring(6)));
            var table = new Table();
            var titles = new HashMap<String, Object>(header);
            titles.put("Label", (Method) Template::labelTitle);
            var run = template.new Run(titles);
            run.titles = true;
            run.all(template.parsed.nodes(), titles);
            table.row(run.out.toString().split("\t", -1));
            for (var row : rows) {
                table.row(template.render(row).split("\t", -1));
            }
            return table.toString();
        }
        var out = new StringBuilder();
        if (format.equals("json")) {
            for (var row : rows) {
                // as Go writes it: these stand in strings only
                var line = Doc.json(TemplateFunctions.visible(row));
                out.append(line.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
                        .append('\n');
            }
            return out.toString();
        }
        var template = parse(unescaped(format));
        for (var row : rows) {
            out.append(template.render(row)).append('\n');
        }
        return out.toString();
    }

    /** The last word of a label's name, since the whole is long. */
    private static Object labelTitle(List<@Nullable Object> arguments) {
        var name = arguments.isEmpty() ? "" : TemplateFunctions.show(arguments.getFirst());
        return name.substring(name.lastIndexOf('.') + 1).replace('-', ' ').replace('_', ' ');
    }

    /** Ends or goes on with the innermost range. */
    private static final class Jumped extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final boolean end;

        Jumped(boolean end) {
            super(null, null, false, false);
            this.end = end;
        }
    }

    /** One execution. */
    private final class Run {
        private final StringBuilder out = new StringBuilder();
        private final List<Map.Entry<String, Object>> variables = new ArrayList<>();
        private int calls;
        /** The header of a table: functions leave titles as they are. */
        private boolean titles;

        private static final Object NULL = new Object();

        Run(@Nullable Object root) {
            variables.add(Map.entry("", boxed(root)));
        }

        private static Object boxed(@Nullable Object value) {
            return value == null ? NULL : value;
        }

        void all(List<TemplateNode> nodes, @Nullable Object dot) {
            int scope = variables.size();
            for (var node : nodes) {
                one(node, dot);
            }
            leave(scope);
        }

        private void leave(int scope) {
            variables.subList(scope, variables.size()).clear();
        }

        private void one(TemplateNode node, @Nullable Object dot) {
            switch (node) {
                case TemplateNode.Text text -> out.append(text.text());
                case TemplateNode.Print print -> {
                    var value = pipeline(print.pipeline(), dot, false);
                    if (print.pipeline().variables().isEmpty()) {
                        out.append(value == null ? "<no value>" : TemplateFunctions.show(value));
                    }
                }
                case TemplateNode.Branch branch -> {
                    int scope = variables.size();
                    var value = pipeline(branch.condition(), dot, true);
                    if (TemplateFunctions.truth(value)) {
                        all(branch.then(), branch.with() ? value : dot);
                    } else {
                        all(branch.otherwise(), dot);
                    }
                    leave(scope);
                }
                case TemplateNode.Range range -> range(range, dot);
                case TemplateNode.Jump jump -> throw new Jumped(jump.end());
                case TemplateNode.Call call -> {
                    var body = parsed.defined().get(call.name());
                    if (body == null) {
                        throw wrong("template \"" + call.name() + "\" not defined");
                    }
                    if (++calls > 1000) {
                        throw wrong("template \"" + call.name() + "\" calls itself without end");
                    }
                    var argument = call.argument().commands().isEmpty() ? null : pipeline(call.argument(), dot, false);
                    var inner = new Run(argument);
                    inner.calls = calls;
                    inner.titles = titles;
                    inner.all(body, argument);
                    out.append(inner.out);
                    calls--;
                }
            }
        }

        private void range(TemplateNode.Range range, @Nullable Object dot) {
            int scope = variables.size();
            var bare =
                    new TemplateNode.Pipeline(List.of(), false, range.pipeline().commands());
            var over = pipeline(bare, dot, true);
            var names = range.pipeline().variables();
            var keys = new ArrayList<@Nullable Object>();
            var values = new ArrayList<@Nullable Object>();
            switch (over) {
                case List<?> list -> {
                    for (int i = 0; i < list.size(); i++) {
                        keys.add((long) i);
                        values.add(list.get(i));
                    }
                }
                case Map<?, ?> map -> {
                    for (var entry : new TreeMap<Object, Object>(map).entrySet()) {
                        keys.add(entry.getKey());
                        values.add(entry.getValue());
                    }
                }
                case Long count -> {
                    for (long i = 0; i < count; i++) {
                        keys.add(i);
                        values.add(i);
                    }
                }
                case null -> {}
                default -> {
                    if (!over.equals("")) {
                        throw wrong("range can't iterate over " + TemplateFunctions.show(over));
                    }
                }
            }
            for (int i = 0; i < values.size(); i++) {
                if (names.size() == 1) {
                    variables.add(Map.entry(names.getFirst(), boxed(values.get(i))));
                } else if (names.size() == 2) {
                    variables.add(Map.entry(names.getFirst(), boxed(keys.get(i))));
                    variables.add(Map.entry(names.getLast(), boxed(values.get(i))));
                }
                try {
                    all(range.body(), values.get(i));
                } catch (Jumped jumped) {
                    if (jumped.end) {
                        break;
                    }
                } finally {
                    leave(scope);
                }
            }
            if (values.isEmpty()) {
                all(range.otherwise(), dot);
            }
        }

        /** The value; where {@code lenient}, the condition of an if or the like, a field that is not there is no value. */
        private @Nullable Object pipeline(TemplateNode.Pipeline pipeline, @Nullable Object dot, boolean lenient) {
            Object value = null;
            boolean first = true;
            for (var command : pipeline.commands()) {
                value = command(command, dot, lenient, !first, value);
                first = false;
            }
            for (var name : pipeline.variables()) {
                if (pipeline.declares()) {
                    variables.add(Map.entry(name, boxed(value)));
                } else {
                    variables.set(indexOf(name), Map.entry(name, boxed(value)));
                }
            }
            return value;
        }

        private @Nullable Object command(
                TemplateNode.Command command,
                @Nullable Object dot,
                boolean lenient,
                boolean piped,
                @Nullable Object previous) {
            var words = command.words();
            var arguments = new ArrayList<@Nullable Object>();
            if (words.getFirst() instanceof TemplateNode.Function function) {
                boolean shortCut =
                        function.name().equals("and") || function.name().equals("or");
                for (var word : words.subList(1, words.size())) {
                    var value = operand(word, command, dot, lenient);
                    arguments.add(value);
                    if (shortCut
                            && TemplateFunctions.truth(value) == function.name().equals("or")) {
                        return value;
                    }
                }
                if (piped) {
                    arguments.add(previous);
                }
                if (titles && TemplateFunctions.keepsTitles(function.name()) && !arguments.isEmpty()) {
                    return arguments.getFirst();
                }
                try {
                    return TemplateFunctions.call(function.name(), arguments);
                } catch (TemplateFunctions.Wrong e) {
                    throw wrong(
                            "at <" + command.source() + ">: error calling " + function.name() + ": " + e.getMessage());
                }
            }
            var value = operand(words.getFirst(), command, dot, lenient);
            for (var word : words.subList(1, words.size())) {
                arguments.add(operand(word, command, dot, lenient));
            }
            if (piped) {
                arguments.add(previous);
            }
            if (value instanceof Method method) {
                return method.call(arguments);
            }
            if (!arguments.isEmpty()) {
                throw wrong("at <" + command.source() + ">: can't give arguments to what is not a function");
            }
            return value;
        }

        private @Nullable Object operand(
                TemplateNode.Operand operand, TemplateNode.Command command, @Nullable Object dot, boolean lenient) {
            return switch (operand) {
                case TemplateNode.Literal literal -> literal == TemplateNode.NIL ? null : literal.value();
                case TemplateNode.Fields fields -> walk(fields.names(), dot, command, lenient);
                case TemplateNode.Variable variable -> {
                    var value = variables.get(indexOf(variable.name())).getValue();
                    yield walk(variable.names(), value == NULL ? null : value, command, lenient);
                }
                case TemplateNode.Group group ->
                    walk(group.names(), pipeline(group.pipeline(), dot, lenient), command, lenient);
                case TemplateNode.Function function ->
                    command(new TemplateNode.Command(List.of(function), function.name()), dot, lenient, false, null);
            };
        }

        private int indexOf(String name) {
            for (int i = variables.size() - 1; i >= 0; i--) {
                if (variables.get(i).getKey().equals(name)) {
                    return i;
                }
            }
            throw wrong("undefined variable \"$" + name + "\"");
        }

        private @Nullable Object walk(
                List<String> names, @Nullable Object from, TemplateNode.Command command, boolean lenient) {
            var now = from;
            boolean dictionary = false;
            for (var name : names) {
                if (dictionary && !(now instanceof Map<?, ?> map && map.containsKey(name))) {
                    // a label or a network that is not there is no mistake
                    return null;
                }
                dictionary = Absent.MAPS.contains(name);
                if (now instanceof Map<?, ?> map && map.containsKey(name)) {
                    now = map.get(name);
                    now = now == null ? Absent.of(name) : now;
                    continue;
                }
                var other = now instanceof Map<?, ?> map ? spelled(map, name) : "";
                if (!other.isEmpty() && now instanceof Map<?, ?> map) {
                    now = map.get(other);
                    continue;
                }
                if (now instanceof Map<?, ?> && Absent.known(name)) {
                    now = Absent.of(name);
                    continue;
                }
                if (lenient) {
                    return null;
                }
                throw wrong("at <" + command.source() + ">: there is no field \"" + name + "\"");
            }
            return now;
        }

        /** The docker command's names of fields differ from the API's in some capitals: ID and Id, APIVersion and ApiVersion. */
        private static String spelled(Map<?, ?> map, String name) {
            for (var key : map.keySet()) {
                if (name.equalsIgnoreCase(String.valueOf(key))) {
                    return String.valueOf(key);
                }
            }
            return "";
        }

        private static Failure wrong(String why) {
            return new Failure(1, "kist: template parsing error: " + why);
        }
    }

    /**
     * Fields of the API that an answer may leave out or give as null, which the docker command shows as empty values of their
     * kinds.
     */
    private static final class Absent {
        private static final List<String> NOTHING = List.of(
                "Health",
                "Healthcheck",
                "Init",
                "IPAMConfig",
                "MemorySwappiness",
                "OomKillDisable",
                "PidsLimit",
                "SizeRootFs",
                "SizeRw",
                "StopTimeout");
        private static final List<String> MAPS = List.of(
                "Annotations",
                "Attributes",
                "DriverOpts",
                "ExposedPorts",
                "Labels",
                "Options",
                "PortBindings",
                "Ports",
                "StorageOpt",
                "Sysctls",
                "Tmpfs",
                "Volumes",
                "Networks");
        private static final List<String> LISTS = List.of(
                "Aliases",
                "Binds",
                "BlkioDeviceReadBps",
                "BlkioDeviceReadIOps",
                "BlkioDeviceWriteBps",
                "BlkioDeviceWriteIOps",
                "BlkioWeightDevice",
                "CapAdd",
                "CapDrop",
                "Cmd",
                "DNSNames",
                "Devices",
                "DeviceCgroupRules",
                "DeviceRequests",
                "Dns",
                "DnsOptions",
                "DnsSearch",
                "Entrypoint",
                "Env",
                "ExecIDs",
                "ExtraHosts",
                "GroupAdd",
                "Links",
                "MaskedPaths",
                "Mounts",
                "OnBuild",
                "ReadonlyPaths",
                "RepoDigests",
                "RepoTags",
                "SecurityOpt",
                "Shell",
                "Ulimits",
                "VolumesFrom");
        private static final List<String> TEXTS = List.of("MacAddress", "Runtime", "StopSignal", "VolumeDriver");

        static boolean known(String name) {
            return NOTHING.contains(name) || MAPS.contains(name) || LISTS.contains(name) || TEXTS.contains(name);
        }

        static @Nullable Object of(String name) {
            return MAPS.contains(name)
                    ? TemplateFunctions.NO_MAP
                    : LISTS.contains(name)
                            ? TemplateFunctions.NO_LIST
                            : TEXTS.contains(name) ? "" : TemplateFunctions.NIL;
        }
    }
}
