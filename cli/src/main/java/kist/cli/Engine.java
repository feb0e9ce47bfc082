package kist.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The engine as commands see it. Starts it when it is the local one and does not answer. Calls made one after the other
 * share a connection; what streams has one of its own. Thread-safe.
 */
final class Engine {
    private final Context context;
    private @Nullable Http idle;

    Engine(Context context) {
        this.context = context;
    }

    Doc get(String path) throws IOException {
        return call("GET", path, Map.of());
    }

    Doc post(String path) throws IOException {
        return call("POST", path, Map.of());
    }

    Doc post(String path, Map<String, Object> body) throws IOException {
        return call("POST", path, body);
    }

    Doc delete(String path) throws IOException {
        return call("DELETE", path, Map.of());
    }

    /** A call with header fields besides; the answer as it came. */
    String fetch(String path, Map<String, String> fields) throws IOException {
        try (var answer = stream("GET", path, fields, new byte[0], false)) {
            return answer.response().text();
        }
    }

    private Doc call(String method, String path, Map<String, Object> body) throws IOException {
        var connection = takeIdle();
        boolean fresh = connection == null;
        if (connection == null) {
            connection = connect();
        }
        var bytes = body.isEmpty() ? new byte[0] : Doc.json(body).getBytes(StandardCharsets.UTF_8);
        Http.Response response;
        try {
            connection.send(method, path, bytes, false);
            response = connection.receive();
        } catch (IOException e) {
            connection.close();
            if (fresh || !method.equals("GET")) {
                throw e;
            }
            // the engine had closed the idle connection
            connection = connect();
            connection.send(method, path, bytes, false);
            response = connection.receive();
        }
        var text = response.text();
        giveBack(connection, response);
        if (response.status() >= 400) {
            throw new EngineError(response.status(), message(response, text));
        }
        return response.status() == 304 ? NOT_MODIFIED : Doc.parse(text);
    }

    /** Answer of a call that found nothing to do: stopping what is stopped, starting what runs. */
    static final Doc NOT_MODIFIED = new Doc(Map.of("notModified", true));

    /** An answer that goes on while its reader lives. */
    record Streaming(Http connection, Http.Response response) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            connection.close();
        }
    }

    /** Sends a request and returns when the head of the answer is here. */
    Streaming stream(String method, String path) throws IOException {
        return stream(method, path, Map.of(), new byte[0], false);
    }

    /** The same with header fields besides. */
    Streaming stream(String method, String path, Map<String, String> fields) throws IOException {
        return stream(method, path, fields, new byte[0], false);
    }

    /** Sends a small body and returns when the head of the answer is here. */
    Streaming stream(String path, Map<String, Object> body) throws IOException {
        return stream("POST", path, Map.of(), Doc.json(body).getBytes(StandardCharsets.UTF_8), false);
    }

    /** Takes the connection over: the rest of it is the streams of a process. */
    Streaming hijack(String path, Map<String, Object> body) throws IOException {
        var bytes = body.isEmpty() ? new byte[0] : Doc.json(body).getBytes(StandardCharsets.UTF_8);
        return stream("POST", path, Map.of(), bytes, true);
    }

    private Streaming stream(String method, String path, Map<String, String> fields, byte[] body, boolean upgrade)
            throws IOException {
        var connection = connect();
        connection.send(method, path, fields, body, upgrade);
        return answered(connection);
    }

    /** Sends a tar and returns when the head of the answer is here. */
    Streaming upload(String path, InputStream body) throws IOException {
        return upload("POST", path, body);
    }

    /** The same with another method. */
    Streaming upload(String method, String path, InputStream body) throws IOException {
        var connection = connect();
        connection.sendStream(method, path, body);
        return answered(connection);
    }

    /** A field of the head that a path has; empty where there is no such thing. */
    Optional<String> head(String path, String field) throws IOException {
        try (var connection = connect()) {
            connection.send("HEAD", path, new byte[0], false);
            var response = connection.receive();
            if (response.status() == 404) {
                return Optional.empty();
            }
            if (response.status() >= 400) {
                // why is said only in a body, and a head has none: the same question with one is refused too
                fetch(path, Map.of());
            }
            return Optional.of(response.header(field));
        }
    }

    private static Streaming answered(Http connection) throws IOException {
        boolean good = false;
        try {
            var response = connection.receive();
            if (response.status() >= 400) {
                throw new EngineError(response.status(), message(response, response.text()));
            }
            good = true;
            return new Streaming(connection, response);
        } finally {
            if (!good) {
                connection.close();
            }
        }
    }

    private static String message(Http.Response response, String text) {
        if (text.startsWith("{")) {
            var message = Doc.parse(text).text("message");
            if (!message.isEmpty()) {
                return message;
            }
        }
        return text.isBlank() ? "status " + response.status() : text.strip();
    }

    private synchronized @Nullable Http takeIdle() {
        var taken = idle;
        idle = null;
        return taken;
    }

    private void giveBack(Http connection, Http.Response response) throws IOException {
        synchronized (this) {
            if (response.reusable() && idle == null) {
                idle = connection;
                return;
            }
        }
        connection.close();
    }

    private Http connect() throws IOException {
        var address = context.settings().address();
        try {
            return Http.connect(address, context.environment());
        } catch (IOException e) {
            if (!context.settings().local()) {
                throw new Failure(
                        1, "kist: cannot connect to the engine at " + address + ": " + reason(e) + ". Is it running?");
            }
            new EngineStarter(context).start();
            return Http.connect(address, context.environment());
        }
    }

    private static String reason(IOException e) {
        var message = e.getMessage();
        return message == null ? e.toString() : message;
    }

    /** Whether the engine answers now; starts none. */
    static boolean answers(Context context) {
        try (var connection = Http.connect(context.settings().address(), context.environment())) {
            connection.send("GET", "/_ping", new byte[0], false);
            return connection.receive().status() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Percent-encodes a piece of a path or query (RFC 3986, section 2.3). */
    static String quote(String text) {
        var out = new StringBuilder(text.length() + 16);
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            if (c < 0x80 && (Character.isLetterOrDigit(c) || c == '-' || c == '.' || c == '_' || c == '~')) {
                out.append(c);
            } else {
                out.append('%');
                out.append(Character.toUpperCase(Character.forDigit(c >> 4, 16)));
                out.append(Character.toUpperCase(Character.forDigit(c & 15, 16)));
            }
        }
        return out.toString();
    }

    /** The path of a container. */
    static String container(String reference) {
        return named("container", reference);
    }

    /** The path of an image. */
    static String image(String reference) {
        return named("image", reference);
    }

    /** The path of an object of this kind. An empty part would make another path, of something else or of nothing. */
    static String named(String kind, String reference) {
        if (reference.isEmpty()) {
            throw new Failure(1, "kist: invalid " + kind + " name or ID: value is empty");
        }
        return "/" + kind + "s/" + quote(reference);
    }
}
