package kist.cli;

import io.avaje.json.JsonException;
import io.avaje.json.mapper.JsonMapper;
import io.avaje.json.stream.JsonStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A piece of free-form JSON that forgives: what is absent or of another kind reads as empty, since each door's version
 * leaves out other fields.
 *
 * @param value Map, List, String, Long, Double, Boolean or null
 */
record Doc(@Nullable Object value) {
    /** Empty lists and nulls are part of what the engine says. */
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .jsonStream(JsonStream.builder()
                    .serializeNulls(true)
                    .serializeEmpty(true)
                    .build())
            .build();

    static final Doc NOTHING = new Doc(null);

    /** Parses a JSON text; what is not JSON throws {@link Failure}. */
    static Doc parse(String text) {
        if (text.isBlank()) {
            return NOTHING;
        }
        try {
            return new Doc(MAPPER.fromJson(text));
        } catch (JsonException | IllegalStateException e) {
            throw new Failure(1, "kist: the engine's answer is not JSON: " + e.getMessage());
        }
    }

    /** Compact JSON of a Map, List or simple value. */
    static String json(@Nullable Object value) {
        if (value == null) {
            return "null";
        }
        return MAPPER.toJson(value);
    }

    /** The value under this path of names. */
    Doc at(String... path) {
        Object now = value;
        for (var name : path) {
            now = now instanceof Map<?, ?> map ? map.get(name) : null;
        }
        return new Doc(now);
    }

    boolean present() {
        return value != null;
    }

    /** A string, or a number or truth value in words; empty when absent. */
    String text(String... path) {
        // no switch: one over kinds is linked anew in each process, and every command comes here
        var found = at(path).value;
        if (found instanceof String s) {
            return s;
        }
        if (found instanceof Double d && d == Math.rint(d) && Math.abs(d) < 1e15) {
            return Long.toString(d.longValue());
        }
        return found instanceof Number || found instanceof Boolean ? found.toString() : "";
    }

    long number(String... path) {
        return at(path).value instanceof Number n ? n.longValue() : 0;
    }

    boolean flag(String... path) {
        return at(path).value instanceof Boolean b && b;
    }

    List<Doc> list(String... path) {
        if (!(at(path).value instanceof List<?> list)) {
            return List.of();
        }
        var docs = new ArrayList<Doc>(list.size());
        for (var element : list) {
            docs.add(new Doc(element));
        }
        return docs;
    }

    List<String> strings(String... path) {
        var result = new ArrayList<String>();
        for (var element : list(path)) {
            result.add(element.text());
        }
        return result;
    }

    /** Entries of an object in the order they came. */
    Map<String, Doc> map(String... path) {
        var result = new java.util.LinkedHashMap<String, Doc>();
        if (at(path).value instanceof Map<?, ?> map) {
            for (var entry : map.entrySet()) {
                result.put(String.valueOf(entry.getKey()), new Doc(entry.getValue()));
            }
        }
        return result;
    }

    /** Indented by four spaces as {@code docker inspect} prints. */
    String pretty() {
        var out = new StringBuilder();
        pretty(value, 0, out);
        return out.toString();
    }

    private static void pretty(@Nullable Object value, int depth, StringBuilder out) {
        switch (value) {
            case Map<?, ?> map
            when !map.isEmpty() -> {
                out.append("{");
                var comma = "";
                for (var entry : map.entrySet()) {
                    out.append(comma).append('\n').repeat(' ', 4 * depth + 4);
                    out.append(json(String.valueOf(entry.getKey()))).append(": ");
                    pretty(entry.getValue(), depth + 1, out);
                    comma = ",";
                }
                out.append('\n').repeat(' ', 4 * depth).append('}');
            }
            case List<?> list
            when !list.isEmpty() -> {
                out.append("[");
                var comma = "";
                for (var element : list) {
                    out.append(comma).append('\n').repeat(' ', 4 * depth + 4);
                    pretty(element, depth + 1, out);
                    comma = ",";
                }
                out.append('\n').repeat(' ', 4 * depth).append(']');
            }
            case Double d when d == Math.rint(d) && Math.abs(d) < 1e15 -> out.append(d.longValue());
            case null -> out.append("null");
            default -> out.append(json(value));
        }
    }
}
