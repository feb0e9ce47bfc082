package kist.image;

import io.avaje.jsonb.Jsonb;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A JSON object from somebody who is not trusted: bounded in size and depth, each field read as the type it must have.
 * Every reading method throws {@link ImageException} of kind INVALID, which names the field. Immutable.
 */
public final class Document {
    /** Larger documents are refused (OCI distribution spec's bound for manifests). */
    public static final int MAXIMUM_SIZE = 4 << 20;

    private static final int MAXIMUM_DEPTH = 64;
    /** An empty object is two bytes of a document and a hundred of memory. */
    private static final int MAXIMUM_VALUES = 200_000;

    private static final Jsonb JSON = Jsonb.builder().build();

    private final String what;
    private final Map<?, ?> fields;

    private Document(String what, Map<?, ?> fields) {
        this.what = what;
        this.fields = fields;
    }

    /** Reads an object; {@code what} names it in messages. */
    public static Document parse(byte[] content, String what) {
        return new Document(what, as(Map.class, parseAny(content, what), what, "an object"));
    }

    /** Reads an object of our own, which is as large as we have made it. */
    public static Document parseTrusted(byte[] content, String what) {
        return new Document(what, as(Map.class, parseText(content, what, Integer.MAX_VALUE), what, "an object"));
    }

    /** Reads an array of objects. */
    public static List<Document> parseArray(byte[] content, String what) {
        List<Document> documents = new ArrayList<>();
        List<?> list = as(List.class, parseAny(content, what), what, "an array");
        for (int i = 0; i < list.size(); i++) {
            String name = what + "[" + i + "]";
            documents.add(new Document(name, as(Map.class, list.get(i), name, "an object")));
        }
        return documents;
    }

    private static Object parseAny(byte[] content, String what) {
        if (content.length > MAXIMUM_SIZE) {
            throw ImageException.invalid(what + " has more than " + MAXIMUM_SIZE + " bytes");
        }
        return parseText(content, what, MAXIMUM_VALUES);
    }

    private static Object parseText(byte[] content, String what, int maximum) {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(content))
                    .toString();
        } catch (CharacterCodingException e) {
            throw ImageException.invalid(what + " is not UTF-8");
        }
        checkForm(text, what, maximum);
        try {
            return JSON.type(Object.class).fromJson(text);
        } catch (RuntimeException e) {
            throw new ImageException(
                    ImageException.Kind.INVALID, what + " is not valid JSON: " + firstLine(e.getMessage()), e);
        }
    }

    private static String firstLine(@org.jspecify.annotations.Nullable String message) {
        return message == null
                ? "unreadable"
                : Text.quote(message.lines().findFirst().orElse(""));
    }

    /** Ahead of the parser, whose recursion has no bound of its own and which does not mind what follows the value. */
    private static void checkForm(String text, String what, int maximum) {
        int depth = 0;
        int values = 0;
        boolean string = false;
        boolean ended = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (string) {
                if (c == '\\') {
                    i++;
                } else if (c == '"') {
                    string = false;
                }
            } else if (ended && c > ' ') {
                throw ImageException.invalid(what + " goes on after its end");
            } else if (c == '"') {
                string = true;
            } else if ((c == ',' || c == '{' || c == '[') && ++values > maximum) {
                throw ImageException.invalid(what + " has more than " + maximum + " values");
            } else if (c == '{' || c == '[') {
                if (++depth > MAXIMUM_DEPTH) {
                    throw ImageException.invalid(what + " is nested deeper than " + MAXIMUM_DEPTH + " levels");
                }
            } else if (c == '}' || c == ']') {
                ended = --depth <= 0;
            }
        }
    }

    private static <T> T as(
            Class<T> type, @org.jspecify.annotations.Nullable Object value, String what, String expected) {
        if (!type.isInstance(value)) {
            throw ImageException.invalid(what + " must be " + expected);
        }
        return type.cast(value);
    }

    /** Whether the field is there and not null. */
    public boolean has(String key) {
        return fields.get(key) != null;
    }

    /** A string; empty where the field is not there. */
    public String text(String key) {
        return has(key) ? checked(as(String.class, fields.get(key), name(key), "a string"), name(key)) : "";
    }

    /** A list of strings; empty where the field is not there. */
    public List<String> texts(String key) {
        if (!has(key)) {
            return List.of();
        }
        List<String> texts = new ArrayList<>();
        for (Object o : as(List.class, fields.get(key), name(key), "an array of strings")) {
            texts.add(checked(as(String.class, o, name(key), "an array of strings"), name(key)));
        }
        return texts;
    }

    /** A map of strings; empty where the field is not there. */
    public Map<String, String> map(String key) {
        Map<String, String> map = new LinkedHashMap<>();
        if (has(key)) {
            as(Map.class, fields.get(key), name(key), "an object of strings")
                    .forEach((k, v) -> map.put(
                            checked(String.valueOf(k), name(key)),
                            checked(as(String.class, v, name(key), "an object of strings"), name(key))));
        }
        return map;
    }

    /** The keys of an object that stands for a set; empty where the field is not there. */
    public List<String> keys(String key) {
        List<String> keys = new ArrayList<>();
        if (has(key)) {
            as(Map.class, fields.get(key), name(key), "an object")
                    .forEach((k, v) -> keys.add(checked(String.valueOf(k), name(key))));
        }
        return keys;
    }

    /** The keys of this object. */
    public List<String> keys() {
        return fields.keySet().stream()
                .map(k -> checked(String.valueOf(k), what))
                .toList();
    }

    /** A whole number. */
    public long number(String key) {
        return as(Long.class, fields.get(key), name(key), "a whole number");
    }

    /** A truth value; false where the field is not there. */
    public boolean flag(String key) {
        return has(key) && as(Boolean.class, fields.get(key), name(key), "true or false");
    }

    /** An object. */
    public Optional<Document> object(String key) {
        return has(key)
                ? Optional.of(new Document(name(key), as(Map.class, fields.get(key), name(key), "an object")))
                : Optional.empty();
    }

    /** A list of objects; empty where the field is not there. */
    public List<Document> objects(String key) {
        List<Document> objects = new ArrayList<>();
        if (has(key)) {
            for (Object o : as(List.class, fields.get(key), name(key), "an array of objects")) {
                objects.add(new Document(
                        name(key) + "[" + objects.size() + "]", as(Map.class, o, name(key), "an array of objects")));
            }
        }
        return objects;
    }

    /** What this document is called in messages. */
    public String what() {
        return what;
    }

    private String name(String key) {
        return what + "." + key;
    }

    private static String checked(String text, String what) {
        if (text.indexOf('\0') >= 0) {
            throw ImageException.invalid(what + " holds a NUL character");
        }
        return text;
    }

    /** Writes a value of maps, lists, strings, numbers and truth values. */
    public static byte[] write(Map<String, ?> value) {
        return JSON.toJson(value).getBytes(StandardCharsets.UTF_8);
    }

    /** Writes an array of such values. */
    static byte[] write(List<?> value) {
        return JSON.toJson(value).getBytes(StandardCharsets.UTF_8);
    }
}
