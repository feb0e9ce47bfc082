package kist.http;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Turns the bytes of a request head into a {@link HttpRequest} (RFC 9112), stricter than the RFC wherever two readers of the
 * same bytes could understand them differently. Never throws anything but {@link HttpException}.
 */
final class HeadParser {
    static final int MAX_HEADERS = 100;
    private static final int MAX_METHOD = 20;

    private final byte[] bytes;
    private int at;
    private final int end;

    private HeadParser(byte[] bytes, int from, int end) {
        this.bytes = bytes;
        this.at = from;
        this.end = end;
    }

    /**
     * Parses a head.
     *
     * @param end after the empty line; every line between ends in CR LF
     */
    static HttpRequest parse(byte[] bytes, int from, int end) {
        return new HeadParser(bytes, from, end).head();
    }

    private HttpRequest head() {
        String method = method();
        String target = target();
        boolean http10 = version();
        String[] headers = headers();

        int query = target.indexOf('?');
        String path = query < 0 ? target : target.substring(0, query);
        String[] parameters = query < 0 ? new String[0] : query(target.substring(query + 1));
        HttpRequest request = new HttpRequest(method, target, http10, segments(originForm(path)), parameters, headers);
        int hosts = request.headerCount("host");
        if (hosts > 1 || hosts == 0 && !http10) {
            throw bad(hosts > 1 ? "more than one Host header" : "no Host header");
        }
        return request;
    }

    private String method() {
        int start = at;
        while (at < end && bytes[at] >= 'A' && bytes[at] <= 'Z') {
            at++;
        }
        if (at == start || at - start > MAX_METHOD || bytes[at] != ' ') {
            throw bad("malformed request line: no method in capital letters");
        }
        return ascii(start, at++);
    }

    private String target() {
        int start = at;
        while (at < end && bytes[at] > ' ' && bytes[at] < 0x7f) {
            if (bytes[at] == '#') {
                throw bad("a request target has no fragment");
            }
            at++;
        }
        if (at == start || bytes[at] != ' ') {
            throw bad("malformed request line: the target is one word of visible ASCII characters");
        }
        return ascii(start, at++);
    }

    private boolean version() {
        int start = at;
        while (at < end && bytes[at] != '\r') {
            at++;
        }
        String version = ascii(start, at);
        at += 2;
        if (version.equals("HTTP/1.1")) {
            return false;
        }
        if (version.equals("HTTP/1.0")) {
            return true;
        }
        if (version.length() == 8 && version.startsWith("HTTP/")) {
            throw new HttpException(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        }
        throw bad("malformed request line: no HTTP version");
    }

    private String[] headers() {
        List<String> found = new ArrayList<>(24);
        while (bytes[at] != '\r') {
            if (found.size() == 2 * MAX_HEADERS) {
                throw new HttpException(431, "more than 100 header fields");
            }
            int start = at;
            while (isToken(bytes[at])) {
                at++;
            }
            if (at == start || bytes[at] != ':') {
                throw bad("malformed header field: a name of token characters and a colon without space between");
            }
            String name = lower(start, at++);
            start = at;
            while (bytes[at] != '\r') {
                int c = bytes[at] & 0xff;
                if (c < ' ' && c != '\t' || c == 0x7f) {
                    throw bad("control character in a header field");
                }
                at++;
            }
            int stop = at;
            at += 2;
            while (start < stop && isBlank(bytes[start])) {
                start++;
            }
            while (start < stop && isBlank(bytes[stop - 1])) {
                stop--;
            }
            found.add(name);
            found.add(ascii(start, stop));
        }
        return found.toArray(new String[0]);
    }

    /** The path of an origin-form or absolute-form target (RFC 9112 section 3.2). */
    private static String originForm(String path) {
        if (path.startsWith("/")) {
            return path;
        }
        if (path.startsWith("http://") || path.startsWith("https://")) {
            int authority = path.indexOf("//") + 2;
            int slash = path.indexOf('/', authority);
            if (slash > authority) {
                return path.substring(slash);
            }
        }
        throw bad("the request target must begin with a slash");
    }

    private static List<String> segments(String path) {
        List<String> found = new ArrayList<>(8);
        int start = 1;
        while (start <= path.length()) {
            int slash = path.indexOf('/', start);
            int end = slash < 0 ? path.length() : slash;
            String segment = decode(path.substring(start, end), false);
            if (segment.equals(".") || segment.equals("..")) {
                throw bad("the path holds a . or .. part");
            }
            for (int i = 0; i < segment.length(); i++) {
                if (Character.isISOControl(segment.charAt(i))) {
                    throw bad("control character in the path");
                }
            }
            found.add(segment);
            start = end + 1;
        }
        return Collections.unmodifiableList(found);
    }

    private static String[] query(String query) {
        List<String> found = new ArrayList<>(8);
        int start = 0;
        while (start < query.length()) {
            int ampersand = query.indexOf('&', start);
            int end = ampersand < 0 ? query.length() : ampersand;
            if (end > start) {
                String pair = query.substring(start, end);
                int equals = pair.indexOf('=');
                found.add(decode(equals < 0 ? pair : pair.substring(0, equals), true));
                found.add(equals < 0 ? "" : decode(pair.substring(equals + 1), true));
            }
            start = end + 1;
        }
        for (int i = 0; i < found.size(); i++) {
            if (found.get(i).indexOf(0) >= 0) {
                throw bad("NUL character in the query");
            }
        }
        return found.toArray(new String[0]);
    }

    /** Undoes percent-encoding; {@code form} also makes a plus sign a space. */
    private static String decode(String text, boolean form) {
        if (text.indexOf('%') < 0) {
            return form ? text.replace('+', ' ') : text;
        }
        byte[] out = new byte[text.length()];
        int length = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%') {
                int high = i + 2 < text.length() ? hex(text.charAt(i + 1)) : -1;
                int low = i + 2 < text.length() ? hex(text.charAt(i + 2)) : -1;
                if (high < 0 || low < 0) {
                    throw bad("a percent sign is not followed by two hexadecimal digits");
                }
                out[length++] = (byte) (high << 4 | low);
                i += 2;
            } else {
                out[length++] = (byte) (form && c == '+' ? ' ' : c);
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(out, 0, length))
                    .toString();
        } catch (CharacterCodingException e) {
            throw bad("percent-encoded bytes that are not UTF-8");
        }
    }

    static int hex(int c) {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        int letter = c | 0x20;
        return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
    }

    /** Whether a byte may stand in a token (RFC 9110 section 5.6.2). */
    static boolean isToken(byte c) {
        return c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c > 0 && "!#$%&'*+-.^_`|~".indexOf(c) >= 0;
    }

    private static boolean isBlank(byte c) {
        return c == ' ' || c == '\t';
    }

    private String ascii(int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }

    private String lower(int from, int to) {
        byte[] name = new byte[to - from];
        for (int i = 0; i < name.length; i++) {
            byte c = bytes[from + i];
            name[i] = (byte) (c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
        return new String(name, StandardCharsets.ISO_8859_1);
    }

    private static HttpException bad(String message) {
        return new HttpException(400, message);
    }
}
