package kist.http;

import java.util.ArrayList;
import java.util.List;

/** The head of a request, decoded and checked. Immutable. */
public final class HttpRequest {
    private final String method;
    private final String target;
    private final boolean http10;
    private final List<String> segments;
    private final String[] parameters;
    private final String[] headers;

    /** Names and values alternate in {@code parameters} and {@code headers}; header names are lower case. */
    HttpRequest(
            String method,
            String target,
            boolean http10,
            List<String> segments,
            String[] parameters,
            String[] headers) {
        this.method = method;
        this.target = target;
        this.http10 = http10;
        this.segments = segments;
        this.parameters = parameters;
        this.headers = headers;
    }

    /** The method, such as {@code GET}. */
    public String method() {
        return method;
    }

    /** The request target as it was sent: for messages and logs, never for decisions. */
    public String target() {
        return target;
    }

    /**
     * The parts of the path between slashes, each percent-decoded after the path was split, so that {@code %2F} never
     * makes a new part. None is {@code .} or {@code ..} or holds a control character; a part is empty where two slashes
     * meet or the path ends in one.
     */
    public List<String> segments() {
        return segments;
    }

    /** The first value of a query parameter, or an empty string. */
    public String parameter(String name) {
        for (int i = 0; i < parameters.length; i += 2) {
            if (parameters[i].equals(name)) {
                return parameters[i + 1];
            }
        }
        return "";
    }

    /** Whether the query names this parameter, with a value or without. */
    public boolean hasParameter(String name) {
        for (int i = 0; i < parameters.length; i += 2) {
            if (parameters[i].equals(name)) {
                return true;
            }
        }
        return false;
    }

    /** Every value of a query parameter, in order. */
    public List<String> parameters(String name) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < parameters.length; i += 2) {
            if (parameters[i].equals(name)) {
                found.add(parameters[i + 1]);
            }
        }
        return found;
    }

    /**
     * The first value of a header field, or an empty string.
     *
     * @param name in lower case
     */
    public String header(String name) {
        for (int i = 0; i < headers.length; i += 2) {
            if (headers[i].equals(name)) {
                return headers[i + 1];
            }
        }
        return "";
    }

    /** How often a header field was sent. */
    int headerCount(String name) {
        int count = 0;
        for (int i = 0; i < headers.length; i += 2) {
            if (headers[i].equals(name)) {
                count++;
            }
        }
        return count;
    }

    /** Whether a header that is a list of tokens holds this one, in any case (RFC 9110 section 5.6.1). */
    boolean headerHasToken(String name, String token) {
        for (int i = 0; i < headers.length; i += 2) {
            if (headers[i].equals(name)) {
                String value = headers[i + 1];
                int start = 0;
                while (start <= value.length()) {
                    int comma = value.indexOf(',', start);
                    int end = comma < 0 ? value.length() : comma;
                    if (value.substring(start, end).strip().equalsIgnoreCase(token)) {
                        return true;
                    }
                    start = end + 1;
                }
            }
        }
        return false;
    }

    boolean http10() {
        return http10;
    }
}
