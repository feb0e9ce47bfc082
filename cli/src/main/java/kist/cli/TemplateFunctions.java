package kist.cli;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Functions of templates: those of Go's package text/template, and those that the docker command adds. */
final class TemplateFunctions {
    private TemplateFunctions() {}

    /** Maps and lists of which the engine said nothing: printed as empty ones, null in JSON. */
    static final Map<String, Object> NO_MAP = Collections.unmodifiableMap(new TreeMap<>());

    static final List<Object> NO_LIST = Collections.unmodifiableList(new ArrayList<>());

    /** A value that is there and is nothing: printed as {@code <nil>}, null in JSON. */
    static final Object NIL = new Object() {
        @Override
        public String toString() {
            return "<nil>";
        }
    };

    /** A function cannot do with its arguments. */
    static final class Wrong extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Wrong(String why) {
            super(why, null, false, false);
        }

        @Override
        public String getMessage() {
            return String.valueOf(super.getMessage());
        }
    }

    private static final String NAMES =
            " and or not eq ne lt le gt ge len index slice print printf println html js urlquery"
                    + " json split join title lower upper pad truncate ";

    static boolean known(String name) {
        return NAMES.contains(" " + name + " ");
    }

    /** Functions that in the header of a table leave the title as it is. */
    static boolean keepsTitles(String name) {
        return " json split join title lower upper truncate ".contains(" " + name + " ");
    }

    /** Calls a function. */
    static @Nullable Object call(String name, List<@Nullable Object> arguments) {
        int least = switch (name) {
            case "print", "println", "html", "js", "urlquery" -> 0;
            case "eq", "ne", "lt", "le", "gt", "ge", "split", "join", "truncate" -> 2;
            case "pad" -> 3;
            default -> 1;
        };
        int most = switch (name) {
            case "not", "len", "json", "title", "lower", "upper" -> 1;
            case "ne", "lt", "le", "gt", "ge", "split", "join", "truncate" -> 2;
            case "pad" -> 3;
            default -> Integer.MAX_VALUE;
        };
        if (arguments.size() < least || arguments.size() > most) {
            throw new Wrong("wrong number of arguments: " + (arguments.size() < least ? "at least " + least : most)
                    + " would be right, not " + arguments.size());
        }
        var first = arguments.isEmpty() ? null : arguments.getFirst();
        return switch (name) {
            // the last one decides where none before did
            case "and", "or" -> junction(name.equals("or"), arguments);
            case "not" -> !truth(first);
            case "eq" -> arguments.subList(1, arguments.size()).stream().anyMatch(other -> equal(first, other));
            case "ne" -> !equal(first, arguments.get(1));
            case "lt" -> order(first, arguments.get(1)) < 0;
            case "le" -> order(first, arguments.get(1)) <= 0;
            case "gt" -> order(first, arguments.get(1)) > 0;
            case "ge" -> order(first, arguments.get(1)) >= 0;
            case "len" -> length(first);
            case "index" -> index(arguments);
            case "slice" -> slice(arguments);
            case "print" -> print(arguments);
            case "println" -> println(arguments);
            case "printf" -> Printf.format(text(first), arguments.subList(1, arguments.size()));
            case "html" -> html(print(arguments));
            case "js" -> js(print(arguments));
            case "urlquery" -> Engine.quote(print(arguments)).replace("%20", "+");
            case "json" -> Doc.json(visible(first));
            case "split" -> List.of((Object[]) splitted(text(first), text(arguments.get(1))));
            case "join" -> join(first, text(arguments.get(1)));
            case "title" -> title(text(first));
            case "lower" -> text(first).toLowerCase(Locale.ROOT);
            case "upper" -> text(first).toUpperCase(Locale.ROOT);
            case "pad" ->
                text(first).isEmpty()
                        ? ""
                        : " ".repeat(whole(arguments.get(1))) + text(first) + " ".repeat(whole(arguments.get(2)));
            case "truncate" -> truncated(text(first), whole(arguments.get(1)));
            default -> throw new Wrong("not a function");
        };
    }

    private static @Nullable Object junction(boolean or, List<@Nullable Object> arguments) {
        for (var argument : arguments) {
            if (truth(argument) == or) {
                return argument;
            }
        }
        return arguments.getLast();
    }

    /** Whether a value counts as true: not zero, not empty. */
    static boolean truth(@Nullable Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Number n -> n.doubleValue() != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> value != NIL;
        };
    }

    private static boolean equal(@Nullable Object a, @Nullable Object b) {
        if (a instanceof Number x && b instanceof Number y) {
            return x.doubleValue() == y.doubleValue();
        }
        if (a == null || b == null || a == NIL || b == NIL) {
            return (a == null || a == NIL) && (b == null || b == NIL);
        }
        if (a.getClass() != b.getClass() || a instanceof List || a instanceof Map) {
            throw new Wrong("incompatible types for comparison");
        }
        return a.equals(b);
    }

    private static int order(@Nullable Object a, @Nullable Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            return Long.compare(x, y);
        }
        if (a instanceof Number x && b instanceof Number y) {
            return Double.compare(x.doubleValue(), y.doubleValue());
        }
        if (a instanceof String x && b instanceof String y) {
            return x.compareTo(y);
        }
        throw new Wrong("incompatible types for comparison");
    }

    private static long length(@Nullable Object value) {
        return switch (value) {
            case List<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case String s -> s.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
            case null, default -> {
                if (value == null || value == NIL) {
                    yield 0;
                }
                throw new Wrong("len of " + show(value));
            }
        };
    }

    private static @Nullable Object index(List<@Nullable Object> arguments) {
        var now = arguments.getFirst();
        for (var key : arguments.subList(1, arguments.size())) {
            now = switch (now) {
                case Map<?, ?> map -> {
                    var name = text(key);
                    yield map.containsKey(name) ? map.get(name) : missing(map);
                }
                case List<?> list -> list.get(within(key, list.size()));
                case String s -> (long) s.charAt(within(key, s.length()));
                case null, default ->
                    throw new Wrong(
                            now == null || now == NIL ? "index of untyped nil" : "can't index item of " + show(now));
            };
        }
        return now;
    }

    /** A map of strings, such as labels, has the empty one for every other name. */
    private static @Nullable Object missing(Map<?, ?> map) {
        for (var value : map.values()) {
            if (!(value instanceof String)) {
                return null;
            }
        }
        return "";
    }

    private static int within(@Nullable Object key, int size) {
        int index = whole(key);
        if (index >= size) {
            throw new Wrong("index out of range: " + index);
        }
        return index;
    }

    private static Object slice(List<@Nullable Object> arguments) {
        var value = arguments.getFirst();
        int size = (int) length(value);
        int from = arguments.size() > 1 ? whole(arguments.get(1)) : 0;
        int to = arguments.size() > 2 ? whole(arguments.get(2)) : size;
        if (from > to || to > size || arguments.size() > 3) {
            throw new Wrong("index out of range: " + from + ":" + to);
        }
        return switch (value) {
            case List<?> list -> list.subList(from, to);
            case String s when s.length() == size -> s.substring(from, to);
            case String s -> {
                var bytes = s.getBytes(java.nio.charset.StandardCharsets.UTF_8);
                yield new String(bytes, from, to - from, java.nio.charset.StandardCharsets.UTF_8);
            }
            case null, default -> throw new Wrong("can't slice item of another kind than list or string");
        };
    }

    private static String[] splitted(String text, String separator) {
        if (separator.isEmpty()) {
            return text.codePoints().mapToObj(Character::toString).toArray(String[]::new);
        }
        var parts = new ArrayList<String>();
        int at = 0;
        for (int next = text.indexOf(separator); next >= 0; next = text.indexOf(separator, at)) {
            parts.add(text.substring(at, next));
            at = next + separator.length();
        }
        parts.add(text.substring(at));
        return parts.toArray(String[]::new);
    }

    private static String join(@Nullable Object value, String separator) {
        if (!(value instanceof List<?> list)) {
            throw new Wrong("a list of strings would be right, not " + show(value));
        }
        var out = new StringBuilder();
        for (int i = 0; i < list.size(); i++) {
            out.append(i > 0 ? separator : "").append(show(list.get(i)));
        }
        return out.toString();
    }

    private static String title(String text) {
        var out = new StringBuilder(text.length());
        boolean inside = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            out.append(inside ? c : Character.toTitleCase(c));
            inside = Character.isLetterOrDigit(c) || c == '_' || c == '\'';
        }
        return out.toString();
    }

    private static String truncated(String text, int length) {
        return text.codePointCount(0, text.length()) <= length
                ? text
                : text.substring(0, text.offsetByCodePoints(0, length));
    }

    private static String text(@Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new Wrong("a string would be right, not " + show(value));
    }

    private static int whole(@Nullable Object value) {
        if (value instanceof Number number && number.longValue() >= 0 && number.longValue() < Integer.MAX_VALUE) {
            return number.intValue();
        }
        throw new Wrong("a whole number would be right, not " + show(value));
    }

    private static String print(List<@Nullable Object> values) {
        var out = new StringBuilder();
        for (int i = 0; i < values.size(); i++) {
            // as Go's Sprint has it: a space where neither is a string
            boolean spaced = i > 0 && !(values.get(i) instanceof String) && !(values.get(i - 1) instanceof String);
            out.append(spaced ? " " : "").append(show(values.get(i)));
        }
        return out.toString();
    }

    private static String println(List<@Nullable Object> values) {
        var out = new StringBuilder();
        for (int i = 0; i < values.size(); i++) {
            out.append(i > 0 ? " " : "").append(show(values.get(i)));
        }
        return out.append('\n').toString();
    }

    private static String html(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&#34;")
                .replace("'", "&#39;");
    }

    private static String js(String text) {
        return text.replace("\\", "\\\\")
                .replace("'", "\\'")
                .replace("\"", "\\\"")
                .replace("<", "\\u003C")
                .replace(">", "\\u003E")
                .replace("&", "\\u0026")
                .replace("=", "\\u003D")
                .replace("\n", "\\u000A")
                .replace("\t", "\\u0009");
    }

    /** As JSON shows it: without the fields that are functions, and nothing as null. */
    static @Nullable Object visible(@Nullable Object value) {
        if (value instanceof Map<?, ?> map && value != NO_MAP) {
            var rest = new TreeMap<String, @Nullable Object>();
            map.forEach((name, field) -> {
                if (!(field instanceof Template.Method)) {
                    rest.put(String.valueOf(name), field == NIL ? null : field);
                }
            });
            return rest;
        }
        return value == NIL || value == NO_MAP || value == NO_LIST ? null : value;
    }

    /** Values as Go prints them: {@code [a b]}, {@code map[k:v]}. */
    static String show(@Nullable Object value) {
        return switch (value) {
            case null -> "<nil>";
            case String s -> s;
            case Double d when d == Math.rint(d) && Math.abs(d) < 1e15 -> Long.toString(d.longValue());
            case List<?> list -> {
                var out = new StringBuilder("[");
                for (var element : list) {
                    out.append(out.length() > 1 ? " " : "").append(show(element));
                }
                yield out.append(']').toString();
            }
            case Map<?, ?> map -> {
                var out = new StringBuilder("map[");
                for (var entry : new TreeMap<Object, Object>(map).entrySet()) {
                    if (!(entry.getValue() instanceof Template.Method)) {
                        out.append(out.length() > 4 ? " " : "")
                                .append(entry.getKey())
                                .append(':')
                                .append(show(entry.getValue()));
                    }
                }
                yield out.append(']').toString();
            }
            default -> value.toString();
        };
    }
}
