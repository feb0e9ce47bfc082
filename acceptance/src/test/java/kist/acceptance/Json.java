package kist.acceptance;

import io.avaje.jsonb.Jsonb;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** A value of a JSON document; what is not there reads as an empty text, zero, false or an empty list. */
record Json(Object value) {
    private static final Jsonb JSONB = Jsonb.builder().build();
    private static final Object NOTHING = new Object();

    static Json parse(String text) {
        return new Json(Objects.requireNonNullElse(JSONB.type(Object.class).fromJson(text), NOTHING));
    }

    static Json parse(byte[] text) {
        return parse(new String(text, StandardCharsets.UTF_8));
    }

    static String write(Object value) {
        return JSONB.toJson(value);
    }

    /** The value at the end of these keys. */
    Json at(String... keys) {
        Object now = value;
        for (var key : keys) {
            now = now instanceof Map<?, ?> map && map.get(key) != null ? map.get(key) : NOTHING;
        }
        return new Json(now);
    }

    boolean present() {
        return value != NOTHING;
    }

    String text(String... keys) {
        var found = at(keys).value;
        return found == NOTHING ? "" : String.valueOf(found);
    }

    long number(String... keys) {
        return at(keys).value instanceof Number number ? number.longValue() : 0;
    }

    boolean flag(String... keys) {
        return Boolean.TRUE.equals(at(keys).value);
    }

    List<Json> list(String... keys) {
        var result = new ArrayList<Json>();
        if (at(keys).value instanceof List<?> list) {
            for (var entry : list) {
                result.add(new Json(Objects.requireNonNullElse(entry, NOTHING)));
            }
        }
        return result;
    }

    List<String> texts(String... keys) {
        return list(keys).stream().map(json -> String.valueOf(json.value)).toList();
    }

    Set<String> keys(String... keys) {
        var result = new java.util.TreeSet<String>();
        if (at(keys).value instanceof Map<?, ?> map) {
            map.keySet().forEach(key -> result.add(String.valueOf(key)));
        }
        return result;
    }

    @Override
    public String toString() {
        return String.valueOf(value);
    }
}
