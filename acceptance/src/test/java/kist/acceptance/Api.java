package kist.acceptance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** The Docker API on a Unix socket, byte by byte: for what a well-behaved client would never send. */
final class Api {
    private final Path socket;

    Api(Path socket) {
        this.socket = socket;
    }

    /** An answer; the body is decoded where it came in chunks. */
    record Answer(int status, String head, byte[] body) {
        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        Json json() {
            return Json.parse(body);
        }

        /** The sentence of an error. */
        String message() {
            return json().text("message");
        }

        Answer expect(int wanted) {
            if (status != wanted) {
                throw new AssertionError("status " + status + " instead of " + wanted + ": " + text());
            }
            return this;
        }
    }

    Answer get(String path) {
        return call("GET", path, "");
    }

    Answer post(String path, String json) {
        return call("POST", path, json);
    }

    Answer delete(String path) {
        return call("DELETE", path, "");
    }

    Answer call(String method, String path, String json) {
        var body = json.getBytes(StandardCharsets.UTF_8);
        var head = method + " " + path + " HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n"
                + (body.length == 0 ? "" : "Content-Type: application/json\r\n")
                + (method.equals("GET") ? "" : "Content-Length: " + body.length + "\r\n") + "\r\n";
        var request = new ByteArrayOutputStream();
        request.writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
        request.writeBytes(body);
        return answer(raw(request.toByteArray(), Duration.ofSeconds(60)));
    }

    /** A container made and started over the API; answers its id. */
    String run(String body) {
        var id = post("/containers/create", body).expect(201).json().text("Id");
        post("/containers/" + id + "/start", "").expect(204);
        return id;
    }

    /** A request whose answer comes bit by bit. */
    Stream open(String method, String path) {
        try {
            var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(UnixDomainSocketAddress.of(socket));
            write(
                    channel,
                    (method + " " + path + " HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n\r\n")
                            .getBytes(StandardCharsets.ISO_8859_1));
            return new Stream(channel);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An answer on its way. */
    record Stream(SocketChannel channel) implements AutoCloseable {
        /** Reads up to and with this text; fails at the end of the stream or after 20 s. */
        String readTo(String text) {
            var watch = Thread.startVirtualThread(() -> {
                try {
                    Thread.sleep(Duration.ofSeconds(20));
                    channel.close();
                } catch (InterruptedException e) {
                    // it came in time
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            var all = new StringBuilder();
            var one = ByteBuffer.allocate(1);
            try {
                while (all.indexOf(text) < 0 && channel.read(one.clear()) > 0) {
                    all.append((char) (one.get(0) & 0xff));
                }
            } catch (IOException e) {
                throw new UncheckedIOException("waited in vain for \"" + text + "\" after " + all, e);
            } finally {
                watch.interrupt();
            }
            return all.toString();
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static Answer answer(byte[] all) {
        var text = new String(all, StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\r\n\r\n");
        if (end < 0 || !text.startsWith("HTTP/1.")) {
            throw new AssertionError("not an answer: " + text);
        }
        var head = text.substring(0, end);
        int status = Integer.parseInt(head.substring(9, 12));
        var body = text.substring(end + 4);
        if (head.toLowerCase(java.util.Locale.ROOT).contains("transfer-encoding: chunked")) {
            body = unchunked(body);
        }
        return new Answer(status, head, body.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String unchunked(String body) {
        var result = new StringBuilder();
        int at = 0;
        while (true) {
            int line = body.indexOf("\r\n", at);
            int size = Integer.parseInt(body.substring(at, line).strip(), 16);
            if (size == 0) {
                return result.toString();
            }
            result.append(body, line + 2, line + 2 + size);
            at = line + 2 + size + 2;
        }
    }

    /** Sends these bytes and reads until the engine closes the connection; fails where it does not in time. */
    byte[] raw(byte[] request, Duration patience) {
        try (var channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            var watch = Thread.startVirtualThread(() -> {
                try {
                    Thread.sleep(patience);
                    channel.close();
                } catch (InterruptedException e) {
                    // answered in time
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            try {
                write(channel, request);
                var all = new ByteArrayOutputStream();
                var buffer = ByteBuffer.allocate(65536);
                while (channel.read(buffer) >= 0) {
                    all.write(buffer.array(), 0, buffer.position());
                    buffer.clear();
                }
                return all.toByteArray();
            } finally {
                watch.interrupt();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "no whole answer within " + patience + " to "
                            + new String(request, 0, Math.min(200, request.length), StandardCharsets.ISO_8859_1),
                    e);
        }
    }

    private static void write(SocketChannel channel, byte[] bytes) throws IOException {
        try {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } catch (IOException e) {
            if (!String.valueOf(e.getMessage()).contains("Broken pipe")) {
                throw e;
            }
            // refused before it was read to its end: the answer is there to be read
        }
    }
}
