package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** {@code kist images}, and what all lists have in common: docker's columns, filters and formats. */
final class ListCommands {
    private final Context context;
    private final Engine engine;

    ListCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    static final String FORMAT_HELP = "'json', 'table', 'table TEMPLATE' or a template such as '{{.ID}}'";

    int images(List<String> args) throws IOException {
        var parsed = new Flags("images", "[REPOSITORY[:TAG]]", "List images")
                .bool("all", 'a', "Show all images (default hides intermediate images)")
                .list("filter", 'f', "filter", "Filter output based on conditions provided")
                .text("format", 0, "string", "'json', 'table TEMPLATE' or a template such as '{{.Repository}}'")
                .bool("no-trunc", 0, "Don't truncate output")
                .bool("quiet", 'q', "Only show image IDs")
                .bool("digests", 0, "Show digests")
                .withoutSwitches("tree")
                .parse(args)
                .expect(0, 1);
        boolean digests =
                parsed.on("digests") || parsed.text("format").orElse("").contains(".Digest");
        var query = new StringBuilder("/images/json?all=").append(parsed.on("all") ? 1 : 0);
        query.append(digests ? "&digests=1" : "");
        if (!parsed.arguments().isEmpty()) {
            query.append(filters(parsed, "reference=" + parsed.arguments().getFirst()));
        } else {
            query.append(filters(parsed));
        }
        var rows = new ArrayList<Map<String, Object>>();
        for (var image : engine.get(query.toString()).list()) {
            addRows(rows, image, parsed, digests);
        }
        var header = header(
                "Repository", "REPOSITORY",
                "Tag", "TAG",
                "ID", "IMAGE ID",
                "CreatedSince", "CREATED",
                "CreatedAt", "CREATED AT",
                "Size", "SIZE",
                "SharedSize", "SHARED SIZE",
                "UniqueSize", "UNIQUE SIZE",
                "Containers", "CONTAINERS",
                "Digest", "DIGEST");
        if (parsed.on("digests")) {
            print(context, parsed, header, rows, "Repository", "Tag", "Digest", "ID", "CreatedSince", "Size");
        } else {
            print(context, parsed, header, rows, "Repository", "Tag", "ID", "CreatedSince", "Size");
        }
        return 0;
    }

    /** A row for each name; with digests one for each name and digest, and for each digest that has no name. */
    private static void addRows(List<Map<String, Object>> rows, Doc image, Flags.Parsed parsed, boolean digests) {
        boolean whole = parsed.on("no-trunc");
        boolean dated = parsed.given("format");
        var digestsOf = new LinkedHashMap<String, List<String>>();
        for (var one : image.strings("RepoDigests")) {
            int at = one.indexOf('@');
            if (at > 0 && !one.startsWith("<none>")) {
                digestsOf
                        .computeIfAbsent(one.substring(0, at), name -> new ArrayList<>())
                        .add(one.substring(at + 1));
            }
        }
        var tagged = new TreeSet<String>();
        int before = rows.size();
        for (var name : image.strings("RepoTags")) {
            if (name.startsWith("<none>")) {
                continue;
            }
            int colon = name.lastIndexOf(':');
            var repository = name.substring(0, Math.max(0, colon));
            tagged.add(repository);
            var all = digests ? digestsOf.getOrDefault(repository, List.of("<none>")) : List.of("<none>");
            for (var digest : all) {
                rows.add(imageRow(image, repository, name.substring(colon + 1), digest, whole, dated));
            }
        }
        for (var entry : digestsOf.entrySet()) {
            if (!tagged.contains(entry.getKey())) {
                for (var digest : digests ? entry.getValue() : List.of("<none>")) {
                    rows.add(imageRow(image, entry.getKey(), "<none>", digest, whole, dated));
                }
            }
        }
        if (rows.size() == before) {
            rows.add(imageRow(image, "<none>", "<none>", "<none>", whole, dated));
        }
    }

    private static Map<String, Object> imageRow(
            Doc image, String repository, String tag, String digest, boolean whole, boolean dated) {
        var row = new TreeMap<String, Object>();
        row.put("Repository", repository);
        row.put("Tag", tag);
        row.put("Digest", digest);
        var id = image.text("Id");
        row.put("ID", whole ? id : shortId(id));
        long created = image.number("Created");
        row.put("CreatedSince", Units.ago(created));
        if (dated) {
            row.put("CreatedAt", Units.date(created));
        }
        row.put("Size", Units.size(image.number("Size")));
        if (dated) {
            // only 'kist system df -v' knows them
            row.put("SharedSize", "N/A");
            row.put("UniqueSize", "N/A");
        }
        row.put("Containers", image.number("Containers") < 0 ? "N/A" : image.text("Containers"));
        return row;
    }

    /** Prints rows as {@code --quiet} and {@code --format} say, or as a table of these columns. */
    static void print(
            Context context,
            Flags.Parsed parsed,
            Map<String, String> header,
            List<Map<String, Object>> rows,
            String... columns)
            throws IOException {
        var format = parsed.text("format").orElse("");
        if (parsed.on("quiet")) {
            var out = new StringBuilder();
            for (var row : rows) {
                out.append(row.get("ID")).append('\n');
            }
            context.print(out.toString());
            return;
        }
        if (format.equals("raw")) {
            context.print(raw(header, rows));
            return;
        }
        if (!format.isEmpty() && !format.equals("table")) {
            context.print(Template.rows(format, header, rows));
            return;
        }
        var table = new Table();
        var titles = new String[columns.length];
        for (int i = 0; i < columns.length; i++) {
            titles[i] = header.getOrDefault(columns[i], columns[i]);
        }
        table.row(titles);
        boolean coloured = context.coloured();
        for (var row : rows) {
            var cells = new String[columns.length];
            for (int i = 0; i < columns.length; i++) {
                cells[i] = String.valueOf(row.get(columns[i]));
                if (coloured && columns[i].startsWith("Stat")) {
                    cells[i] = Colour.ofStatus(cells[i]).paint(cells[i]);
                }
            }
            table.row(cells);
        }
        context.print(table.toString());
    }

    /** A paragraph for each row, a line for each field. */
    private static String raw(Map<String, String> header, List<Map<String, Object>> rows) {
        var out = new StringBuilder();
        for (var row : rows) {
            for (var field : header.entrySet()) {
                if (row.containsKey(field.getKey())) {
                    out.append(field.getValue()
                                    .toLowerCase(java.util.Locale.ROOT)
                                    .replace(' ', '_'))
                            .append(": ")
                            .append(row.get(field.getKey()))
                            .append('\n');
                }
            }
            out.append('\n');
        }
        return out.toString();
    }

    /** {@code &filters=...} as the API takes it, or nothing. */
    static String filters(Flags.Parsed parsed, String... more) {
        var byName = new LinkedHashMap<String, Object>();
        var all = new ArrayList<>(parsed.all("filter"));
        all.addAll(List.of(more));
        for (var filter : all) {
            int equals = filter.indexOf('=');
            if (equals <= 0) {
                throw parsed.invalid("filter", filter, "bad format of filter (expected name=value)");
            }
            var values = new ArrayList<String>();
            if (byName.get(filter.substring(0, equals)) instanceof List<?> earlier) {
                for (var value : earlier) {
                    values.add(String.valueOf(value));
                }
            }
            values.add(filter.substring(equals + 1));
            byName.put(filter.substring(0, equals), values);
        }
        return byName.isEmpty() ? "" : "&filters=" + Engine.quote(Doc.json(byName));
    }

    static Map<String, String> header(String... pairs) {
        var header = new LinkedHashMap<String, String>();
        for (int i = 0; i < pairs.length; i += 2) {
            header.put(pairs[i], pairs[i + 1]);
        }
        return header;
    }

    /** Twelve digits of an id. */
    static String shortId(String id) {
        var digits = id.startsWith("sha256:") ? id.substring(7) : id;
        return digits.length() > 12 ? digits.substring(0, 12) : digits;
    }

    /** In double quotes as Go writes a string: what a terminal would act on is spelled out. */
    static String quoted(String text) {
        var out = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '"', '\\' -> out.append('\\').appendCodePoint(c);
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                default -> {
                    if (c >= ' ' && c < 0x7f
                            || c >= 0xa0 && Character.isDefined(c) && Character.getType(c) != Character.FORMAT) {
                        out.appendCodePoint(c);
                    } else {
                        var hex = Integer.toHexString(c);
                        int digits = c < 0x80 ? 2 : c < 0x10000 ? 4 : 8;
                        out.append(c < 0x80 ? "\\x" : c < 0x10000 ? "\\u" : "\\U");
                        out.repeat('0', digits - hex.length()).append(hex);
                    }
                }
            }
        }
        return out.append('"').toString();
    }

    /** Cut to this many characters, the last of them an ellipsis. */
    static String ellipsis(String text, int width) {
        return text.codePointCount(0, text.length()) <= width
                ? text
                : text.substring(0, text.offsetByCodePoints(0, width - 1)) + "…";
    }
}
