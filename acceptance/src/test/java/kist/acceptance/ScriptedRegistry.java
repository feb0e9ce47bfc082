package kist.acceptance;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;

/** A registry that does what a test tells it to, be it good or bad, and remembers what it was asked. */
final class ScriptedRegistry implements AutoCloseable {
    static final String MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

    /** Answers a request in its own way; false to have it answered well. */
    interface Behaviour {
        boolean answer(HttpExchange exchange) throws IOException;
    }

    private record Content(String type, byte[] bytes) {}

    private final HttpServer server;
    private final Map<String, Content> contents = new ConcurrentHashMap<>();
    private final Map<String, Behaviour> behaviours = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    ScriptedRegistry() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::serve);
        server.start();
    }

    String address() {
        return "localhost:" + server.getAddress().getPort();
    }

    String name(String repository) {
        return address() + "/" + repository;
    }

    /** Requests under {@code /v2/NAME/} so far: method, path and range. */
    List<String> requests() {
        return List.copyOf(requests);
    }

    void forget() {
        requests.clear();
    }

    /** From now on requests whose path has this in it are answered this way. */
    ScriptedRegistry when(String path, Behaviour behaviour) {
        behaviours.put(path, behaviour);
        return this;
    }

    void behave() {
        behaviours.clear();
    }

    static byte[] gzip(byte[] plain) {
        var bytes = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(bytes)) {
            gzip.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static String digest(byte[] bytes) {
        return "sha256:" + Images.digest(bytes);
    }

    /** Offers an image of these plain layers; answers its manifest. */
    byte[] offer(String repository, String tag, List<byte[]> layers) {
        return offer(
                repository,
                tag,
                layers,
                layers.stream().map(ScriptedRegistry::gzip).toList());
    }

    /** The same with layers compressed in whatever way. */
    byte[] offer(String repository, String tag, List<byte[]> layers, List<byte[]> blobs) {
        var config = Json.write(Map.of(
                        "architecture",
                        "amd64",
                        "os",
                        "linux",
                        "config",
                        Map.of("Cmd", List.of("sh")),
                        "rootfs",
                        Map.of(
                                "type",
                                "layers",
                                "diff_ids",
                                layers.stream().map(ScriptedRegistry::digest).toList())))
                .getBytes(StandardCharsets.UTF_8);
        var descriptors = new ArrayList<Map<String, Object>>();
        for (var blob : blobs) {
            descriptors.add(Map.of(
                    "mediaType",
                    "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size",
                    blob.length,
                    "digest",
                    digest(blob)));
            put("/v2/" + repository + "/blobs/" + digest(blob), "application/octet-stream", blob);
        }
        put("/v2/" + repository + "/blobs/" + digest(config), "application/octet-stream", config);
        var manifest = Json.write(Map.of(
                        "schemaVersion",
                        2,
                        "mediaType",
                        MANIFEST,
                        "config",
                        Map.of(
                                "mediaType",
                                "application/vnd.docker.container.image.v1+json",
                                "size",
                                config.length,
                                "digest",
                                digest(config)),
                        "layers",
                        descriptors))
                .getBytes(StandardCharsets.UTF_8);
        putManifest(repository, tag, MANIFEST, manifest);
        return manifest;
    }

    void putManifest(String repository, String tag, String type, byte[] manifest) {
        put("/v2/" + repository + "/manifests/" + tag, type, manifest);
        put("/v2/" + repository + "/manifests/" + digest(manifest), type, manifest);
    }

    void put(String path, String type, byte[] bytes) {
        contents.put(path, new Content(type, bytes));
    }

    private void serve(HttpExchange exchange) throws IOException {
        var path = exchange.getRequestURI().getPath();
        var range = exchange.getRequestHeaders().getFirst("Range");
        if (!path.equals("/v2/")) {
            requests.add(exchange.getRequestMethod() + " " + path + (range == null ? "" : " " + range));
        }
        try (exchange) {
            for (var behaviour : behaviours.entrySet()) {
                if (path.contains(behaviour.getKey()) && behaviour.getValue().answer(exchange)) {
                    return;
                }
            }
            if (path.equals("/v2/")) {
                answer(exchange, 200, "application/json", "{}".getBytes(StandardCharsets.UTF_8));
                return;
            }
            var content = contents.get(path);
            if (content == null) {
                var kind = path.contains("/manifests/") ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
                answer(
                        exchange,
                        404,
                        "application/json",
                        ("{\"errors\":[{\"code\":\"" + kind + "\",\"message\":\"unknown\"}]}")
                                .getBytes(StandardCharsets.UTF_8));
                return;
            }
            exchange.getResponseHeaders().set("Docker-Content-Digest", digest(content.bytes()));
            if (range != null && range.matches("bytes=[0-9]+-")) {
                int from = Integer.parseInt(range.substring(6, range.length() - 1));
                int length = content.bytes().length;
                if (from < length) {
                    exchange.getResponseHeaders()
                            .set("Content-Range", "bytes " + from + "-" + (length - 1) + "/" + length);
                    answer(exchange, 206, content.type(), java.util.Arrays.copyOfRange(content.bytes(), from, length));
                    return;
                }
            }
            answer(exchange, 200, content.type(), content.bytes());
        } catch (IOException e) {
            // the client went away: what it asked for stands in the requests
        }
    }

    static void answer(HttpExchange exchange, int status, String type, byte[] bytes) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(bytes.length));
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /** Sends the beginning of a blob and then closes the connection, so many times; afterwards all is well. */
    static Behaviour cut(byte[] blob, int after, int times) {
        var left = new AtomicInteger(times);
        return exchange -> {
            if (!exchange.getRequestMethod().equals("GET") || left.getAndDecrement() <= 0) {
                return false;
            }
            var range = exchange.getRequestHeaders().getFirst("Range");
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("[^0-9]", ""));
            if (from > 0) {
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes " + from + "-" + (blob.length - 1) + "/" + blob.length);
            }
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, blob.length - from);
            exchange.getResponseBody().write(blob, from, Math.min(after, blob.length - from));
            exchange.getResponseBody().flush();
            return true;
        };
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
