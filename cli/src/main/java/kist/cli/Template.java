package kist.cli;

import java.util.List;
import java.util.Map;

/**
 * The part of the docker command's templates that people type: {@code {{.Field.Sub}}}, {@code {{json .Field}}},
 * {@code {{index .Field "key"}}}, {@code {{len .Field}}}. Anything else is refused by name.
 */
final class Template {
    private Template() {}

    /** Fills the template with values of the document. */
    static String render(String template, Doc doc) {
        var text = template.replace("\\t", "\t").replace("\\n", "\n");
        var out = new StringBuilder();
        int at = 0;
        while (true) {
            int open = text.indexOf("{{", at);
            if (open < 0) {
                return out.append(text, at, text.length()).toString();
            }
            int close = text.indexOf("}}", open);
            if (close < 0) {
                throw new Failure(1, "kist: the template lacks a closing }}: " + template);
            }
            out.append(text, at, open).append(action(text.substring(open + 2, close), doc, template));
            at = close + 2;
        }
    }

    private static String action(String action, Doc doc, String template) {
        var words = words(action);
        if (words.size() == 1 && words.getFirst().startsWith(".")) {
            return show(walk(words.getFirst(), doc, template));
        }
        if (words.size() == 2 && words.getFirst().equals("json")) {
            return Doc.json(walk(words.get(1), doc, template).value());
        }
        if (words.size() == 2 && words.getFirst().equals("len")) {
            var found = walk(words.get(1), doc, template);
            return Integer.toString(Math.max(found.list().size(), found.map().size()));
        }
        if (words.size() == 3 && words.getFirst().equals("index")) {
            var found = walk(words.get(1), doc, template);
            var key = words.get(2);
            if (key.startsWith("\"")) {
                return show(found.at(key.substring(1, key.length() - 1)));
            }
            var list = found.list();
            try {
                return show(list.get(Integer.parseInt(key)));
            } catch (IndexOutOfBoundsException | NumberFormatException e) {
                throw new Failure(1, "kist: template parsing error: no element " + key + " of " + words.get(1));
            }
        }
        throw new Failure(
                1,
                "kist: the template action {{" + action + "}} is not supported; {{.Field}}, {{json .Field}}, {{len"
                        + " .Field}} and {{index .Field \"key\"}} are");
    }

    private static List<String> words(String action) {
        var words = new java.util.ArrayList<String>();
        int at = 0;
        while (at < action.length()) {
            if (action.charAt(at) == ' ') {
                at++;
                continue;
            }
            int end = action.charAt(at) == '"' ? action.indexOf('"', at + 1) + 1 : action.indexOf(' ', at);
            end = end <= 0 ? action.length() : end;
            words.add(action.substring(at, end));
            at = end;
        }
        return words;
    }

    private static Doc walk(String path, Doc doc, String template) {
        var now = doc;
        for (var name : path.substring(path.startsWith(".") ? 1 : 0).split("\\.", -1)) {
            if (name.isEmpty()) {
                continue;
            }
            if (!(now.value() instanceof Map<?, ?> map) || !map.containsKey(name)) {
                throw new Failure(
                        1, "kist: template parsing error: \"" + template + "\": there is no field \"" + name + "\"");
            }
            now = now.at(name);
        }
        return now;
    }

    private static String show(Doc found) {
        return found.value() instanceof Map || found.value() instanceof List
                ? go(found)
                : found.present() ? found.text() : "<no value>";
    }

    /** Lists and maps as Go prints them: {@code [a b]}, {@code map[k:v]}. */
    private static String go(Doc value) {
        var out = new StringBuilder();
        if (value.value() instanceof Map) {
            out.append("map[");
            var sorted = new java.util.TreeMap<>(value.map());
            for (var entry : sorted.entrySet()) {
                out.append(out.length() > 4 ? " " : "")
                        .append(entry.getKey())
                        .append(':')
                        .append(go(entry.getValue()));
            }
            return out.append(']').toString();
        }
        if (value.value() instanceof List) {
            out.append('[');
            for (var element : value.list()) {
                out.append(out.length() > 1 ? " " : "").append(go(element));
            }
            return out.append(']').toString();
        }
        return value.present() ? value.text() : "<nil>";
    }

    /**
     * Prints rows as {@code --format} says: empty for the table, {@code json}, {@code table TEMPLATE} or a template.
     *
     * @param header titles of the fields, by their names, for {@code table TEMPLATE}
     */
    static String rows(String format, Map<String, String> header, List<Map<String, Object>> rows) {
        var out = new StringBuilder();
        if (format.startsWith("table ")) {
            var template = format.substring(6).replace("\\t", "\t");
            var table = new Table();
            table.row(render(template, new Doc(header)).split("\t", -1));
            for (var row : rows) {
                table.row(render(template, new Doc(row)).split("\t", -1));
            }
            return table.toString();
        }
        for (var row : rows) {
            out.append(format.equals("json") ? Doc.json(row) : render(format, new Doc(row)))
                    .append('\n');
        }
        return out.toString();
    }
}
