package kist.docker;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The {@code filters} parameter: for each key the values of which one must fit; keys must all fit. */
final class Filters {
    /** Characters that a pattern may look at, so that a hostile one ends. */
    private static final int PATIENCE = 100_000;

    private final Map<String, List<String>> values;

    private Filters(Map<String, List<String>> values) {
        this.values = values;
    }

    /** Reads the parameter in its form of today ({@code {"key":["value"]}}) or of old ({@code {"key":{"value":true}}}). */
    static Filters of(Call call, Set<String> known) {
        Map<String, List<String>> values = new LinkedHashMap<>();
        String text = call.parameter("filters");
        if (!text.isEmpty()) {
            Fields fields = new Fields("filters", Json.parse(text.getBytes(StandardCharsets.UTF_8)));
            for (String key : fields.names()) {
                if (!known.contains(key)) {
                    throw Errors.invalid("invalid filter '" + key + "'");
                }
                values.put(key, fields.keysOrStrings(key));
            }
        }
        return new Filters(values);
    }

    boolean has(String key) {
        return !get(key).isEmpty();
    }

    List<String> get(String key) {
        return values.getOrDefault(key, List.of());
    }

    /** Whether one of the values is this one, or none was given. */
    boolean exact(String key, String candidate) {
        return !has(key) || get(key).contains(candidate);
    }

    /** Whether one of the values is a prefix of the candidate, or none was given. */
    boolean prefix(String key, String candidate) {
        List<String> wanted = get(key);
        for (String value : wanted) {
            if (candidate.startsWith(value)) {
                return true;
            }
        }
        return wanted.isEmpty();
    }

    /** Whether one of the values is found in the candidate as a regular expression, or none was given. */
    boolean pattern(String key, String candidate) {
        List<String> wanted = get(key);
        for (String value : wanted) {
            if (candidate.equals(value) || found(value, candidate)) {
                return true;
            }
        }
        return wanted.isEmpty();
    }

    private static boolean found(String pattern, String candidate) {
        try {
            return Pattern.compile(pattern)
                    .matcher(new Patient(candidate, new int[1]))
                    .find();
        } catch (PatternSyntaxException e) {
            return false;
        } catch (StackOverflowError e) {
            throw Errors.invalid("the pattern of a filter is nested too deep");
        }
    }

    /** Whether labels hold every {@code name} or {@code name=value} that is asked for. */
    boolean labels(Map<String, String> labels) {
        for (String wanted : get("label")) {
            if (!holds(labels, wanted)) {
                return false;
            }
        }
        for (String unwanted : get("label!")) {
            if (holds(labels, unwanted)) {
                return false;
            }
        }
        return true;
    }

    private static boolean holds(Map<String, String> labels, String wanted) {
        int equals = wanted.indexOf('=');
        if (equals < 0) {
            return labels.containsKey(wanted);
        }
        return wanted.substring(equals + 1).equals(labels.get(wanted.substring(0, equals)));
    }

    /** Whether a filter of one boolean is set to this; where it is not given, nothing is asked. */
    boolean truth(String key, boolean actual) {
        List<String> wanted = new ArrayList<>(get(key));
        for (String value : wanted) {
            boolean asked = value.equals("true") || value.equals("1");
            if (!asked && !value.equals("false") && !value.equals("0")) {
                throw Errors.invalid("invalid filter '" + key + "=" + value + "': true or false is wanted");
            }
            if (asked != actual) {
                return false;
            }
        }
        return true;
    }

    /** Text that refuses to be looked at for ever. */
    private record Patient(String text, int[] looks) implements CharSequence {
        @Override
        public char charAt(int index) {
            if (++looks[0] > PATIENCE) {
                throw Errors.invalid("the pattern of a filter takes too long");
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
