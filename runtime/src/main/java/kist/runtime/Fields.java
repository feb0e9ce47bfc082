package kist.runtime;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One JSON object and which of its fields were asked for; {@link #done} refuses the others. A JSON null is absence. */
final class Fields {
    private final String path;
    private final Map<?, ?> map;
    private final Set<String> known = new HashSet<>();

    Fields(String path, Map<?, ?> map) {
        this.path = path;
        this.map = map;
    }

    String path(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private @Nullable Object get(String name) {
        known.add(name);
        return map.get(name);
    }

    boolean has(String name) {
        return get(name) != null;
    }

    /** Fields of the specification that this version cannot honour: refused unless they say nothing. */
    void refuse(String... names) {
        for (String name : names) {
            Object value = get(name);
            boolean nothing = value == null
                    || value.equals("")
                    || value.equals(false)
                    || value instanceof List<?> l && l.isEmpty()
                    || value instanceof Map<?, ?> m && m.isEmpty()
                    || value instanceof Number n && n.doubleValue() == 0;
            if (!nothing) {
                throw new SpecException(path(name), "is not supported by this version; leave it out");
            }
        }
    }

    /** A switch that has only one position here. */
    void only(String name, boolean position) {
        if (has(name) && flag(name) != position) {
            throw new SpecException(path(name), "can only be " + position + " with this version");
        }
    }

    /** Refuses what nobody asked for. */
    void done() {
        for (Object key : map.keySet()) {
            if (!known.contains(String.valueOf(key))) {
                throw new SpecException(path(String.valueOf(key)), "is an unknown field");
            }
        }
    }

    String text(String name) {
        Object value = get(name);
        if (value == null) {
            return "";
        }
        return text(path(name), value);
    }

    private static String text(String path, @Nullable Object value) {
        if (!(value instanceof String s)) {
            throw new SpecException(path, "must be a string");
        }
        if (s.indexOf(0) >= 0) {
            throw new SpecException(path, "has a NUL character inside");
        }
        return s;
    }

    boolean flag(String name) {
        Object value = get(name);
        if (value == null) {
            return false;
        }
        if (!(value instanceof Boolean b)) {
            throw new SpecException(path(name), "must be true or false");
        }
        return b;
    }

    List<?> array(String name) {
        Object value = get(name);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof List<?> list)) {
            throw new SpecException(path(name), "must be a list");
        }
        return list;
    }

    List<String> list(String name) {
        List<String> result = new ArrayList<>();
        for (Object o : array(name)) {
            result.add(text(path(name), o));
        }
        return List.copyOf(result);
    }

    Map<String, String> texts(String name, boolean empties) {
        Object value = get(name);
        if (value == null) {
            return Map.of();
        }
        if (!(value instanceof Map<?, ?> m)) {
            throw new SpecException(path(name), "must be an object");
        }
        Map<String, String> result = new LinkedHashMap<>();
        m.forEach((k, v) -> {
            String text = text(path(name) + "." + k, v);
            if (!empties && text.isEmpty()) {
                throw new SpecException(path(name) + "." + k, "is empty");
            }
            result.put(String.valueOf(k), text);
        });
        return java.util.Collections.unmodifiableMap(result);
    }

    Optional<Fields> object(String name) {
        Object value = get(name);
        if (value == null) {
            return Optional.empty();
        }
        if (!(value instanceof Map<?, ?> m)) {
            throw new SpecException(path(name), "must be an object");
        }
        return Optional.of(new Fields(path(name), m));
    }

    Fields required(String name) {
        return object(name).orElseThrow(() -> new SpecException(path(name), "is missing"));
    }

    <T> List<T> objects(String name, Function<Fields, T> reader) {
        List<T> result = new ArrayList<>();
        int i = 0;
        for (Object o : array(name)) {
            String at = path(name) + "[" + i++ + "]";
            if (!(o instanceof Map<?, ?> m)) {
                throw new SpecException(at, "must be an object");
            }
            result.add(reader.apply(new Fields(at, m)));
        }
        return List.copyOf(result);
    }

    long number(String name, long low, long high, long absent) {
        Object value = get(name);
        return value == null ? absent : range(name, value, low, high);
    }

    OptionalLong optional(String name, long low, long high) {
        Object value = get(name);
        return value == null ? OptionalLong.empty() : OptionalLong.of(range(name, value, low, high));
    }

    OptionalInt optionalInt(String name, int low, int high) {
        Object value = get(name);
        return value == null ? OptionalInt.empty() : OptionalInt.of((int) range(name, value, low, high));
    }

    /** A device number where -1 and absence mean any. */
    OptionalLong wildcard(String name) {
        OptionalLong value = optional(name, -1, 1048575);
        return value.isPresent() && value.getAsLong() == -1 ? OptionalLong.empty() : value;
    }

    /** A number of 64 bits without sign; -1 is another word for the highest. */
    long unsigned(String name) {
        Object value = get(name);
        if (value == null) {
            return 0;
        }
        BigInteger whole = whole(name, value);
        if (whole.equals(BigInteger.valueOf(-1))) {
            return -1;
        }
        if (whole.signum() < 0 || whole.bitLength() > 64) {
            throw new SpecException(path(name), whole + " is no number of 64 bits without sign");
        }
        return whole.longValue();
    }

    long range(String name, @Nullable Object value, long low, long high) {
        BigInteger whole = whole(name, value);
        if (whole.compareTo(BigInteger.valueOf(low)) < 0 || whole.compareTo(BigInteger.valueOf(high)) > 0) {
            throw new SpecException(path(name), whole + " is not in the range from " + low + " to " + high);
        }
        return whole.longValue();
    }

    private BigInteger whole(String name, @Nullable Object value) {
        return switch (value) {
            case Long n -> BigInteger.valueOf(n);
            case Double n when n == Math.rint(n) && Math.abs(n) < 1L << 53 -> BigInteger.valueOf(n.longValue());
            // a number of more than 63 bits, see SpecReader.quoteLongNumbers
            case String s when s.length() >= 19 && s.length() < 24 && digits(s) -> new BigInteger(s);
            case null, default -> throw new SpecException(path(name), "must be a whole number");
        };
    }

    static boolean digits(String s) {
        for (int i = 0; i < s.length(); i++) {
            if (s.charAt(i) < '0' || s.charAt(i) > '9') {
                return false;
            }
        }
        return !s.isEmpty();
    }
}
