package kist.docker;

import io.avaje.json.JsonException;
import io.avaje.json.JsonReader;
import io.avaje.json.JsonWriter;
import io.avaje.json.stream.BytesJsonWriter;
import io.avaje.json.stream.JsonStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kist.engine.EngineException;
import org.jspecify.annotations.Nullable;

/** JSON of no fixed shape: maps, lists, strings, longs, doubles and booleans. */
final class Json {
    private static final int MAX_DEPTH = 32;
    private static final JsonStream STREAM =
            JsonStream.builder().serializeNulls(true).serializeEmpty(true).build();

    private Json() {}

    /**
     * Reads an object that a client sent. Members that are null are left out: for Docker's API null means "not said". A member
     * given twice is refused, since two readers could disagree which one counts.
     */
    static Map<String, Object> parse(byte[] bytes) {
        refuseMore(bytes);
        Object value;
        try (JsonReader reader = STREAM.reader(bytes)) {
            value = read(reader, 0);
        } catch (JsonException | ArithmeticException | IndexOutOfBoundsException e) {
            throw malformed("it is not well-formed");
        }
        return asObject(value);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> asObject(Object value) {
        if (value instanceof Map) {
            return (Map<String, Object>) value;
        }
        throw malformed("an object is wanted");
    }

    /** Refuses bytes after the first value, which the library would leave unread. */
    private static void refuseMore(byte[] bytes) {
        int depth = 0;
        boolean quoted = false;
        boolean ended = false;
        for (int i = 0; i < bytes.length; i++) {
            byte c = bytes[i];
            if (quoted) {
                i += c == '\\' ? 1 : 0;
                quoted = c != '"';
            } else if (ended && c != ' ' && c != '\n' && c != '\r' && c != '\t') {
                throw malformed("more follows after the object");
            } else if (c == '"') {
                quoted = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                ended = --depth <= 0;
            }
        }
    }

    private static Object read(JsonReader reader, int depth) {
        if (depth > MAX_DEPTH) {
            throw malformed("it is nested more than " + MAX_DEPTH + " deep");
        }
        switch (reader.currentToken()) {
            case BEGIN_OBJECT:
                Map<String, Object> map = new LinkedHashMap<>();
                reader.beginObject();
                while (reader.hasNextField()) {
                    String name = reader.nextField();
                    boolean twice = reader.isNullValue()
                            ? map.containsKey(name)
                            : map.put(name, read(reader, depth + 1)) != null;
                    if (twice) {
                        throw malformed("it holds " + name + " twice");
                    }
                }
                reader.endObject();
                return map;
            case BEGIN_ARRAY:
                List<Object> list = new ArrayList<>();
                reader.beginArray();
                while (reader.hasNextElement()) {
                    if (reader.isNullValue()) {
                        throw malformed("a list holds null");
                    }
                    list.add(read(reader, depth + 1));
                }
                reader.endArray();
                return list;
            case STRING:
                return reader.readString();
            case BOOLEAN:
                return reader.readBoolean();
            case NUMBER:
                return number(reader.readDecimal());
            default:
                throw malformed("an object is wanted");
        }
    }

    private static Object number(BigDecimal value) {
        if (value.precision() - value.scale() > 19 || value.scale() > 40) {
            return value.doubleValue();
        }
        try {
            return value.longValueExact();
        } catch (ArithmeticException e) {
            return value.doubleValue();
        }
    }

    private static EngineException malformed(String what) {
        return new EngineException(EngineException.Kind.INVALID_ARGUMENT, "the JSON of the request: " + what);
    }

    /** An object to be written, from names and values in turn. */
    static Map<String, @Nullable Object> object(@Nullable Object... namesAndValues) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>(namesAndValues.length);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
        }
        return map;
    }

    /** Writes maps, lists, strings, numbers, booleans and nulls as UTF-8. */
    static byte[] bytes(@Nullable Object value) {
        BytesJsonWriter writer = STREAM.bufferedWriterAsBytes();
        write(writer, value);
        return writer.result();
    }

    private static void write(JsonWriter writer, @Nullable Object value) {
        if (value == null) {
            writer.nullValue();
        } else if (value instanceof String text) {
            writer.value(text);
        } else if (value instanceof Boolean truth) {
            writer.value(truth.booleanValue());
        } else if (value instanceof Integer || value instanceof Long) {
            writer.value(((Number) value).longValue());
        } else if (value instanceof Double number) {
            writer.value(number.doubleValue());
        } else if (value instanceof Map<?, ?> map) {
            writer.beginObject();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                writer.name(String.valueOf(entry.getKey()));
                write(writer, entry.getValue());
            }
            writer.endObject();
        } else if (value instanceof Iterable<?> list) {
            writer.beginArray();
            for (Object element : list) {
                write(writer, element);
            }
            writer.endArray();
        } else {
            throw new IllegalArgumentException("no JSON for " + value.getClass());
        }
    }
}
