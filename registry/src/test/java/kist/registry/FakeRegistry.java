package kist.registry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import kist.image.Digest;

/** An HTTP server on loopback that does whatever a test wants, however wrong. */
final class FakeRegistry implements AutoCloseable {
    record Request(String method, String target, Map<String, String> headers, byte[] body) {
        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        }

        String path() {
            int q = target.indexOf('?');
            return q < 0 ? target : target.substring(0, q);
        }

        /** A value of the query or of a form. */
        String value(String name) {
            String query = target.indexOf('?') < 0 ? "" : target.substring(target.indexOf('?') + 1);
            String all = query + "&" + new String(body, StandardCharsets.UTF_8);
            for (String pair : all.split("&")) {
                if (pair.startsWith(name + "=")) {
                    return URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8);
                }
            }
            return "";
        }
    }

    /** What is written after the head. */
    interface Writer {
        void write(OutputStream out) throws Exception;
    }

    record Response(int status, Map<String, String> headers, Writer body, boolean whole) {
        static Response of(int status, String type, byte[] body, String... headers) {
            Map<String, String> all = new LinkedHashMap<>();
            if (!type.isEmpty()) {
                all.put("Content-Type", type);
            }
            all.put("Content-Length", "" + body.length);
            for (int i = 0; i < headers.length; i += 2) {
                all.put(headers[i], headers[i + 1]);
            }
            return new Response(status, all, out -> out.write(body), true);
        }

        static Response json(int status, String body, String... headers) {
            return of(status, "application/json", body.getBytes(StandardCharsets.UTF_8), headers);
        }

        static Response empty(int status, String... headers) {
            return of(status, "", new byte[0], headers);
        }

        /** A body that may have any length or none. */
        static Response raw(int status, Map<String, String> headers, Writer body) {
            return new Response(status, headers, body, false);
        }
    }

    interface Handler {
        /** Empty: as a well-behaved registry. */
        Optional<Response> handle(Request request) throws Exception;
    }

    final List<Request> requests = new CopyOnWriteArrayList<>();
    final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
    /** By {@code NAME/TAG} and {@code NAME/DIGEST}. */
    final Map<String, byte[]> manifests = new ConcurrentHashMap<>();

    final Map<String, String> types = new ConcurrentHashMap<>();
    /** Of longer bodies only so much is read, and the connection is closed. */
    volatile int breakAfter = Integer.MAX_VALUE;

    volatile Handler handler = r -> Optional.empty();
    private final ServerSocket server;
    final List<Socket> open = new CopyOnWriteArrayList<>();
    private final String scheme;

    FakeRegistry() {
        this(Optional.empty(), false);
    }

    FakeRegistry(Optional<SSLContext> tls, boolean clientCertificate) {
        try {
            InetAddress here = InetAddress.getByName("127.0.0.1");
            if (tls.isPresent()) {
                SSLServerSocket secure =
                        (SSLServerSocket) tls.get().getServerSocketFactory().createServerSocket(0, 50, here);
                secure.setNeedClientAuth(clientCertificate);
                server = secure;
            } else {
                server = new ServerSocket(0, 50, here);
            }
            scheme = tls.isPresent() ? "https" : "http";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofVirtual().start(this::accept);
    }

    String authority() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    String url() {
        return scheme + "://" + authority();
    }

    String addBlob(byte[] content) {
        String digest = Digest.of(content);
        blobs.put(digest, content);
        return digest;
    }

    String addManifest(String name, String tag, String type, byte[] content) {
        String digest = Digest.of(content);
        for (String at : List.of(tag, digest)) {
            manifests.put(name + "/" + at, content);
            types.put(name + "/" + at, type);
        }
        return digest;
    }

    long count(String method, String pathPart) {
        return requests.stream()
                .filter(r -> r.method.equals(method) && r.target.contains(pathPart))
                .count();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                open.add(socket);
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            InputStream in = new java.io.BufferedInputStream(socket.getInputStream());
            OutputStream out = socket.getOutputStream();
            while (true) {
                Optional<Request> request = read(in);
                if (request.isEmpty()) {
                    return;
                }
                requests.add(request.get());
                Response response = handler.handle(request.get()).orElseGet(() -> standard(request.get()));
                StringBuilder head = new StringBuilder("HTTP/1.1 " + response.status + " X\r\n");
                response.headers.forEach(
                        (k, v) -> head.append(k).append(": ").append(v).append("\r\n"));
                out.write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
                out.flush();
                if (!request.get().method.equals("HEAD")) {
                    response.body.write(out);
                }
                out.flush();
                if (!response.whole) {
                    return;
                }
            }
        } catch (Exception e) {
            // the client went away
        }
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c; (c = in.read()) >= 0 && c != '\n'; ) {
            line.write(c);
        }
        return line.toString(StandardCharsets.ISO_8859_1).strip();
    }

    private Optional<Request> read(InputStream in) throws IOException {
        String[] first = line(in).split(" ");
        if (first.length < 2) {
            return Optional.empty();
        }
        Map<String, String> headers = new TreeMap<>();
        for (String line; !(line = line(in)).isEmpty(); ) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        return Optional.of(new Request(first[0], first[1], headers, in.readNBytes(Math.min(length, breakAfter))));
    }

    Response standard(Request request) {
        String path = request.path();
        if (path.equals("/v2/")) {
            return Response.json(200, "{}");
        }
        int manifest = path.indexOf("/manifests/");
        if (manifest > 0) {
            String key = path.substring("/v2/".length(), manifest) + "/" + path.substring(manifest + 11);
            byte[] content = manifests.get(key);
            if (content != null) {
                return Response.of(200, types.get(key), content, "Docker-Content-Digest", Digest.of(content));
            }
            return Response.json(
                    404, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}");
        }
        int blob = path.indexOf("/blobs/sha256:");
        if (blob > 0 && blobs.containsKey(path.substring(blob + 7))) {
            byte[] content = blobs.get(path.substring(blob + 7));
            String range = request.header("Range");
            if (range.startsWith("bytes=")) {
                int from = Integer.parseInt(range.substring(6, range.indexOf('-')));
                byte[] rest = java.util.Arrays.copyOfRange(content, from, content.length);
                return Response.of(
                        206,
                        "application/octet-stream",
                        rest,
                        "Content-Range",
                        "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            }
            return Response.of(200, "application/octet-stream", content);
        }
        return Response.json(404, "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown\"}]}");
    }

    @Override
    public void close() {
        try {
            server.close();
            for (Socket socket : open) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
