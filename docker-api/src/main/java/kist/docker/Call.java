package kist.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import kist.engine.Caller;
import kist.engine.Engine;
import kist.engine.Request;
import kist.http.Exchange;
import kist.http.HttpRequest;
import kist.http.Peer;
import org.jspecify.annotations.Nullable;

/** One request of a client on its way to the engine. */
final class Call {
    /** Largest JSON body that is read. */
    private static final int MAX_JSON = 4 << 20;

    private final Engine engine;
    private final Exchange exchange;
    private final List<String> path;
    private final int minor;

    /**
     * Makes a call.
     *
     * @param path the parts of the path after the version
     * @param minor the API version that the client speaks is 1.minor
     */
    Call(Engine engine, Exchange exchange, List<String> path, int minor) {
        this.engine = engine;
        this.exchange = exchange;
        this.path = path;
        this.minor = minor;
    }

    Exchange exchange() {
        return exchange;
    }

    HttpRequest request() {
        return exchange.request();
    }

    /** Whether the client speaks API version 1.minor or a newer one. */
    boolean atLeast(int wanted) {
        return minor >= wanted;
    }

    int parts() {
        return path.size();
    }

    /** A part of the path after the version, or an empty string. */
    String part(int index) {
        return index < path.size() ? path.get(index) : "";
    }

    /** Parts of the path joined by slashes: names of images hold slashes. */
    String parts(int from, int to) {
        return String.join("/", path.subList(from, to));
    }

    boolean is(String method) {
        return request().method().equals(method);
    }

    /** How roots of containers are made, in Docker's words. */
    String storageDriver() {
        String driver = engine.storageDriver();
        return driver.equals("overlay") ? "overlayfs" : driver;
    }

    <R> R ask(Request<R> question) throws InterruptedException {
        Peer peer = exchange.peer();
        return engine.call(new Caller("docker", peer.uid(), peer.gid(), peer.pid()), question);
    }

    /** A query parameter as the boolean that Docker reads in it. */
    boolean flag(String name) {
        return switch (parameter(name).strip().toLowerCase(java.util.Locale.ROOT)) {
            case "", "0", "no", "false", "none" -> false;
            default -> true;
        };
    }

    String parameter(String name) {
        return request().parameter(name);
    }

    /** A query parameter that is a whole number; absent where it is not given. */
    OptionalInt number(String name) {
        String text = parameter(name);
        if (text.isEmpty()) {
            return OptionalInt.empty();
        }
        try {
            return OptionalInt.of(Integer.parseInt(text));
        } catch (NumberFormatException e) {
            throw Errors.invalid("parameter " + name + " is \"" + text + "\" where a whole number is wanted");
        }
    }

    /** Refuses a parameter that asks for what cannot be done. */
    void refuse(String name) {
        if (flag(name)) {
            throw Errors.unsupported("the parameter " + name);
        }
    }

    /** The fields of the JSON body, which may be absent where nothing in it is obligatory. */
    Fields body(String name) throws IOException {
        byte[] bytes = exchange.readBody(MAX_JSON);
        // Go's clients write null where they have nothing to say
        boolean nothing = bytes.length == 0
                || bytes.length <= 6
                        && new String(bytes, StandardCharsets.UTF_8).strip().equals("null");
        return new Fields(name, nothing ? Map.of() : Json.parse(bytes));
    }

    void answer(int status) throws IOException {
        exchange.send(status);
    }

    void answer(int status, @Nullable Object json) throws IOException {
        exchange.send(status, "application/json", Json.bytes(json));
    }
}
