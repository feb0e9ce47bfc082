package kist.registry;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a registry wants to see (RFC 9110, 11.6.1, WWW-Authenticate).
 *
 * @param scheme in lower case, such as {@code bearer}
 * @param parameters by their name in lower case
 */
record Challenge(String scheme, Map<String, String> parameters) {
    String parameter(String name) {
        return parameters.getOrDefault(name, "");
    }

    /** All challenges of all header fields; what cannot be read is left out. */
    static List<Challenge> parse(List<String> fields) {
        List<Challenge> challenges = new ArrayList<>();
        for (String field : fields) {
            new Reader(field, challenges).read();
        }
        return challenges;
    }

    private static final class Reader {
        private final String text;
        private final List<Challenge> challenges;
        private int at;

        Reader(String text, List<Challenge> challenges) {
            this.text = text;
            this.challenges = challenges;
        }

        void read() {
            Map<String, String> parameters = new LinkedHashMap<>();
            while (at < text.length()) {
                skip();
                String word = token();
                if (word.isEmpty()) {
                    return;
                }
                blanks();
                if (at < text.length() && text.charAt(at) == '=') {
                    at++;
                    blanks();
                    parameters.putIfAbsent(word.toLowerCase(Locale.ROOT), value());
                } else {
                    // a word that no '=' follows begins a new challenge
                    parameters = new LinkedHashMap<>();
                    challenges.add(new Challenge(word.toLowerCase(Locale.ROOT), parameters));
                }
            }
        }

        private void skip() {
            while (at < text.length() && (text.charAt(at) == ',' || text.charAt(at) <= ' ')) {
                at++;
            }
        }

        private void blanks() {
            while (at < text.length() && text.charAt(at) <= ' ') {
                at++;
            }
        }

        private String token() {
            int start = at;
            while (at < text.length() && ",=\" \t".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            return text.substring(start, at);
        }

        private String value() {
            if (at >= text.length() || text.charAt(at) != '"') {
                return token();
            }
            StringBuilder value = new StringBuilder();
            at++;
            while (at < text.length() && text.charAt(at) != '"') {
                if (text.charAt(at) == '\\' && at + 1 < text.length()) {
                    at++;
                }
                value.append(text.charAt(at++));
            }
            at++;
            return value.toString();
        }
    }
}
