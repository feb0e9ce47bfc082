package kist.docker;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The members of a JSON object from a client. Each one that is understood is taken out by name; {@link #end} refuses what is
 * left and says something. Names match in any case, as they do in dockerd.
 */
final class Fields {
    private final String name;
    private final Map<String, Object> members;
    private final Set<String> taken = new HashSet<>();

    /**
     * Wraps an object.
     *
     * @param name how messages call the object, or an empty string for the body itself
     */
    Fields(String name, Map<String, Object> members) {
        this.name = name;
        this.members = members;
    }

    private String path(String field) {
        return name.isEmpty() ? field : name + "." + field;
    }

    private @Nullable Object take(String field) {
        Object value = members.get(field);
        if (value != null) {
            taken.add(field);
            return value;
        }
        for (Map.Entry<String, Object> member : members.entrySet()) {
            if (member.getKey().equalsIgnoreCase(field)) {
                taken.add(member.getKey());
                return member.getValue();
            }
        }
        return null;
    }

    /** A string, empty where it is not given. */
    String string(String field) {
        Object value = take(field);
        if (value == null) {
            return "";
        }
        if (value instanceof String text) {
            return whole(path(field), text);
        }
        throw Errors.invalid(path(field) + " is not a string");
    }

    /** For the kernel a text ends at a NUL, for everybody else it goes on: none is taken. */
    private static String whole(String path, String text) {
        if (text.indexOf(0) >= 0) {
            throw Errors.invalid(path + " has a NUL character inside");
        }
        return text;
    }

    /** A boolean, false where it is not given. */
    boolean bool(String field) {
        Object value = take(field);
        if (value == null) {
            return false;
        }
        if (value instanceof Boolean truth) {
            return truth;
        }
        throw Errors.invalid(path(field) + " is neither true nor false");
    }

    /** A boolean, if it is given. */
    Optional<Boolean> maybe(String field) {
        return take(field) == null ? Optional.empty() : Optional.of(bool(field));
    }

    /** A whole number, if it is given. */
    OptionalLong number(String field) {
        Object value = take(field);
        if (value == null) {
            return OptionalLong.empty();
        }
        if (value instanceof Long number) {
            return OptionalLong.of(number);
        }
        throw Errors.invalid(path(field) + " is not a whole number of 64 bits");
    }

    /** A list of strings, or one string that stands for a list of one; absent where it is not given. */
    Optional<List<String>> stringsOrOne(String field) {
        Object value = take(field);
        if (value == null) {
            return Optional.empty();
        }
        return Optional.of(value instanceof String text ? List.of(whole(path(field), text)) : strings(field, value));
    }

    /** A list of strings, if it is given. */
    Optional<List<String>> stringsIfGiven(String field) {
        return take(field) == null ? Optional.empty() : Optional.of(strings(field));
    }

    /** A list of strings, empty where it is not given. */
    List<String> strings(String field) {
        Object value = take(field);
        return value == null ? List.of() : strings(field, value);
    }

    private List<String> strings(String field, Object value) {
        List<String> strings = new ArrayList<>();
        for (Object element : list(field, value)) {
            if (!(element instanceof String text)) {
                throw Errors.invalid(path(field) + " holds something that is not a string");
            }
            strings.add(whole(path(field), text));
        }
        return List.copyOf(strings);
    }

    /** A list of whole numbers, empty where it is not given. */
    List<Long> numbers(String field) {
        Object value = take(field);
        List<Long> numbers = new ArrayList<>();
        for (Object element : value == null ? List.of() : list(field, value)) {
            if (!(element instanceof Long number)) {
                throw Errors.invalid(path(field) + " holds something that is not a whole number");
            }
            numbers.add(number);
        }
        return numbers;
    }

    /** A list of lists of strings, empty where it is not given. */
    List<List<String>> stringLists(String field) {
        Object value = take(field);
        List<List<String>> lists = new ArrayList<>();
        for (Object element : value == null ? List.of() : list(field, value)) {
            lists.add(strings(field, element));
        }
        return lists;
    }

    private List<?> list(String field, Object value) {
        if (value instanceof List<?> list) {
            return list;
        }
        throw Errors.invalid(path(field) + " is not a list");
    }

    /** A map of strings, empty where it is not given. */
    Map<String, String> map(String field) {
        Object value = take(field);
        if (value == null) {
            return Map.of();
        }
        Map<String, String> map = new LinkedHashMap<>();
        for (Map.Entry<String, Object> entry : object(field, value).entrySet()) {
            if (!(entry.getValue() instanceof String text)) {
                throw Errors.invalid(path(field) + "." + entry.getKey() + " is not a string");
            }
            map.put(whole(path(field), entry.getKey()), whole(path(field) + "." + entry.getKey(), text));
        }
        return map;
    }

    /** An object, with nothing in it where it is not given. */
    Fields object(String field) {
        Object value = take(field);
        return new Fields(path(field), value == null ? Map.of() : object(field, value));
    }

    /** The objects of a list. */
    List<Fields> objects(String field) {
        Object value = take(field);
        List<Fields> objects = new ArrayList<>();
        if (value != null) {
            for (Object element : list(field, value)) {
                objects.add(new Fields(
                        path(field) + "[" + objects.size() + "]", object(field + "[" + objects.size() + "]", element)));
            }
        }
        return objects;
    }

    /** The names of all members. */
    List<String> names() {
        members.keySet().forEach(member -> whole(name, member));
        return List.copyOf(members.keySet());
    }

    /** The names of an object's members, which say nothing themselves; none where it is not given. */
    List<String> keys(String field) {
        Object value = take(field);
        List<String> keys = new ArrayList<>();
        if (value != null) {
            for (Map.Entry<String, Object> entry : object(field, value).entrySet()) {
                if (!isNothing(entry.getValue())) {
                    throw Errors.invalid(path(field) + "." + entry.getKey() + " is not an empty object");
                }
                keys.add(whole(path(field), entry.getKey()));
            }
        }
        return keys;
    }

    /** A list of strings, or the names of an object's members that are true. */
    List<String> keysOrStrings(String field) {
        Object value = take(field);
        if (!(value instanceof Map)) {
            return value == null ? List.of() : strings(field, value);
        }
        List<String> keys = new ArrayList<>();
        for (Map.Entry<String, Object> entry : object(field, value).entrySet()) {
            if (entry.getValue().equals(true)) {
                keys.add(entry.getKey());
            }
        }
        return keys;
    }

    /** The members as objects by name: for objects whose member names are not fixed. */
    Map<String, Fields> entries() {
        Map<String, Fields> entries = new LinkedHashMap<>();
        for (Map.Entry<String, Object> member : members.entrySet()) {
            entries.put(
                    whole(name, member.getKey()),
                    new Fields(path(member.getKey()), object(member.getKey(), member.getValue())));
        }
        return entries;
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> object(String field, Object value) {
        if (value instanceof Map) {
            return (Map<String, Object>) value;
        }
        throw Errors.invalid(path(field) + " is not an object");
    }

    /** Accepts one of these values, or silence, for a field that can have no other in this version. */
    void only(String field, Object... values) {
        Object value = take(field);
        if (value == null) {
            return;
        }
        for (Object allowed : values) {
            if (allowed.equals(value)) {
                return;
            }
        }
        throw Errors.unsupported(path(field) + " = " + shown(value));
    }

    /** Refuses each of these fields unless it says nothing: 0, false, "", [] or {}. */
    void nothing(String... fields) {
        for (String field : fields) {
            Object value = take(field);
            if (value != null && !isNothing(value)) {
                throw Errors.unsupported(path(field) + " = " + shown(value));
            }
        }
    }

    /** Refuses each of these fields, even one that says nothing, because of what the others say. */
    void without(String reason, String... fields) {
        for (String field : fields) {
            if (take(field) != null) {
                throw Errors.invalid(path(field) + " must not be given for " + reason);
            }
        }
    }

    /** Leaves fields to the client: what they say has no effect on the engine in dockerd either. */
    void clientsOwn(String... fields) {
        for (String field : fields) {
            take(field);
        }
    }

    /** Refuses every member that was not asked for, unless it says nothing. */
    void end() {
        for (Map.Entry<String, Object> member : members.entrySet()) {
            if (!taken.contains(member.getKey()) && !isNothing(member.getValue())) {
                throw Errors.invalid(path(member.getKey()) + " is not a field that is known here");
            }
        }
    }

    private static boolean isNothing(Object value) {
        return value.equals("")
                || value.equals(0L)
                || value.equals(0.0)
                || value.equals(false)
                || value instanceof List<?> list && list.isEmpty()
                || value instanceof Map<?, ?> map && map.isEmpty();
    }

    private static String shown(Object value) {
        String text = value instanceof String plain ? "\"" + plain + "\"" : String.valueOf(value);
        return text.length() > 80 ? text.substring(0, 80) + "..." : text;
    }
}
