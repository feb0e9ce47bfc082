package kist.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** An engine of scripted answers on a Unix socket; writes down what it was asked. */
final class FakeEngine implements AutoCloseable {
    /** A scripted conversation, after the head of the request. */
    interface Script {
        void run(Exchange exchange) throws IOException;
    }

    /** A request and the means to answer it. */
    record Exchange(String line, String body, InputStream in, OutputStream out, SocketChannel channel) {
        void answer(int status, String text) throws IOException {
            raw("HTTP/1.1 " + status + " X\r\nContent-Length: " + text.getBytes(StandardCharsets.UTF_8).length
                    + "\r\n\r\n" + text);
        }

        void raw(String text) throws IOException {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }

        void hijack() throws IOException {
            raw("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        }

        void frame(int stream, String text) throws IOException {
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            out.write(new byte[] {(byte) stream, 0, 0, 0, 0, 0, (byte) (bytes.length >> 8), (byte) bytes.length});
            out.write(bytes);
        }
    }

    private final ServerSocketChannel server;
    private final Map<String, Script> scripts = new LinkedHashMap<>();
    final List<String> requests = new CopyOnWriteArrayList<>();
    final List<String> bodies = new CopyOnWriteArrayList<>();
    final List<String> credentials = new CopyOnWriteArrayList<>();

    FakeEngine(Path socket) throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        Thread.startVirtualThread(() -> {
            try {
                while (true) {
                    var channel = server.accept();
                    Thread.startVirtualThread(() -> serve(channel));
                }
            } catch (IOException e) {
                // closed
            }
        });
    }

    /** Answers requests whose line begins so. */
    FakeEngine on(String prefix, int status, String body) {
        return on(prefix, exchange -> exchange.answer(status, body));
    }

    FakeEngine on(String prefix, Script script) {
        scripts.put(prefix, script);
        return this;
    }

    private void serve(SocketChannel channel) {
        try (channel) {
            var in = Channels.newInputStream(channel);
            var out = Channels.newOutputStream(channel);
            while (true) {
                var line = line(in);
                if (line.isEmpty()) {
                    return;
                }
                int length = 0;
                boolean chunked = false;
                for (var header = line(in); !header.isEmpty(); header = line(in)) {
                    if (header.startsWith("Content-Length: ")) {
                        length = Integer.parseInt(header.substring(16));
                    }
                    if (header.startsWith("X-Registry-Auth: ")) {
                        credentials.add(new String(
                                java.util.Base64.getUrlDecoder().decode(header.substring(17)), StandardCharsets.UTF_8));
                    }
                    chunked |= header.equals("Transfer-Encoding: chunked");
                }
                var body = new StringBuilder(new String(in.readNBytes(length), StandardCharsets.UTF_8));
                while (chunked) {
                    int size = Integer.parseInt(line(in), 16);
                    body.append(new String(in.readNBytes(size), StandardCharsets.UTF_8));
                    line(in);
                    chunked = size > 0;
                }
                var request = line.substring(0, line.lastIndexOf(' '));
                requests.add(request);
                bodies.add(body.toString());
                script(request).run(new Exchange(request, body.toString(), in, out, channel));
            }
        } catch (IOException | UncheckedIOException e) {
            // the client has gone
        }
    }

    private Script script(String request) {
        Script found = exchange -> exchange.answer(404, "{\"message\":\"page not found\"}");
        int longest = -1;
        for (var entry : scripts.entrySet()) {
            if (request.startsWith(entry.getKey()) && entry.getKey().length() > longest) {
                found = entry.getValue();
                longest = entry.getKey().length();
            }
        }
        return found;
    }

    private static String line(InputStream in) throws IOException {
        var line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
