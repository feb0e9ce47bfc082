package kist.cli;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * One HTTP/1.1 connection to an engine, over a Unix socket or TCP. The JDK's own client knows no Unix sockets and costs
 * three times the processor time of a whole {@code kist ps}. One thread writes at a time and one reads at a time; the two
 * may differ once a connection is hijacked.
 */
final class Http implements AutoCloseable {
    private static final int MAX_HEAD = 64 * 1024;

    private final ByteChannel channel;
    private final String hostHeader;
    private final byte[] buffer = new byte[16 * 1024];
    private int position;
    private int limit;

    private Http(ByteChannel channel, String hostHeader) {
        this.channel = channel;
        this.hostHeader = hostHeader;
    }

    /**
     * Connects.
     *
     * @param address {@code unix:///path} or {@code tcp://host:port}
     * @param environment which says whether there is TLS over TCP, see {@link Tls}
     * @throws IOException if nobody listens there
     * @throws Failure if the address has another form
     */
    static Http connect(String address, Map<String, String> environment) throws IOException {
        if (address.startsWith("unix://")) {
            var path = UnixDomainSocketAddress.of(address.substring("unix://".length()));
            return new Http(SocketChannel.open(path), "kist");
        }
        if (!address.startsWith("tcp://")) {
            throw new Failure(
                    125, "kist: the host " + address + " is neither unix:///PATH nor tcp://HOST:PORT, which are known");
        }
        var host = address.substring("tcp://".length());
        int colon = host.lastIndexOf(':');
        if (colon <= 0) {
            throw new Failure(125, "kist: the host " + address + " lacks a port; tcp://HOST:PORT would be right");
        }
        var name = host.substring(0, colon);
        int port;
        try {
            port = Integer.parseInt(host.substring(colon + 1));
        } catch (NumberFormatException e) {
            port = -1;
        }
        if (port < 1 || port > 65535) {
            throw new Failure(125, "kist: the host " + address + " has no valid port");
        }
        var bare = name.startsWith("[") && name.endsWith("]") ? name.substring(1, name.length() - 1) : name;
        return Tls.wanted(environment)
                ? new Http(Tls.connect(bare, port, environment), host)
                : new Http(SocketChannel.open(new InetSocketAddress(bare, port)), host);
    }

    /**
     * Sends a request without a body or with a small one, in one write.
     *
     * @param upgrade whether to ask for the connection itself (Docker's hijack)
     */
    void send(String method, String path, byte[] body, boolean upgrade) throws IOException {
        send(method, path, Map.of(), body, upgrade);
    }

    /** The same with further header fields, whose values hold no line breaks. */
    void send(String method, String path, Map<String, String> fields, byte[] body, boolean upgrade) throws IOException {
        var head = head(method, path);
        for (var field : fields.entrySet()) {
            head.append(field.getKey()).append(": ").append(field.getValue()).append("\r\n");
        }
        if (body.length > 0) {
            head.append("Content-Type: application/json\r\n");
        }
        if (upgrade) {
            head.append("Connection: Upgrade\r\nUpgrade: tcp\r\n");
        }
        if (body.length > 0 || !method.equals("GET")) {
            head.append("Content-Length: ").append(body.length).append("\r\n");
        }
        var bytes = head.append("\r\n").toString().getBytes(StandardCharsets.UTF_8);
        var all = ByteBuffer.allocate(bytes.length + body.length);
        write(all.put(bytes).put(body).flip());
    }

    /** Sends a request whose body is a stream of unknown length, a tar. */
    void sendStream(String method, String path, InputStream body) throws IOException {
        var head = head(method, path).append("Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
        write(ByteBuffer.wrap(head.toString().getBytes(StandardCharsets.UTF_8)));
        var chunk = new byte[128 * 1024];
        try {
            for (int n = body.read(chunk); n >= 0; n = body.read(chunk)) {
                if (n > 0) {
                    write(ByteBuffer.wrap((Integer.toHexString(n) + "\r\n").getBytes(StandardCharsets.US_ASCII)));
                    write(ByteBuffer.wrap(chunk, 0, n));
                    write(ByteBuffer.wrap(new byte[] {'\r', '\n'}));
                }
            }
            write(ByteBuffer.wrap("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
        } catch (IOException e) {
            if (limitReached()) {
                // the engine answered before it had read all: its answer says why
                return;
            }
            throw e;
        }
    }

    private boolean limitReached() {
        try {
            return position < limit || fill();
        } catch (IOException e) {
            return false;
        }
    }

    private StringBuilder head(String method, String path) {
        return new StringBuilder(256)
                .append(method)
                .append(' ')
                .append(path)
                .append(" HTTP/1.1\r\nHost: ")
                .append(hostHeader)
                .append("\r\nUser-Agent: kist\r\n");
    }

    /** Reads the head of the answer; 1xx other than 101 are skipped. */
    Response receive() throws IOException {
        while (true) {
            var status = headLine();
            if (!status.startsWith("HTTP/1.") || status.length() < 12) {
                throw new IOException("the answer is not HTTP: " + status);
            }
            int code;
            try {
                code = Integer.parseInt(status, 9, 12, 10);
            } catch (NumberFormatException e) {
                throw new IOException("the answer is not HTTP: " + status, e);
            }
            var headers = new HashMap<String, String>();
            int size = 0;
            for (var line = headLine(); !line.isEmpty(); line = headLine()) {
                size += line.length();
                int colon = line.indexOf(':');
                if (colon <= 0 || size > MAX_HEAD) {
                    throw new IOException("the answer has a malformed head");
                }
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
            if (code >= 200 || code == 101) {
                return new Response(code, headers);
            }
        }
    }

    private String headLine() throws IOException {
        var line = new ByteArrayOutputStream(80);
        while (true) {
            if (position == limit && !fill()) {
                throw new EOFException("the engine closed the connection before its answer was complete");
            }
            byte b = buffer[position++];
            if (b == '\n') {
                var text = line.toString(StandardCharsets.UTF_8);
                return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
            }
            if (line.size() >= MAX_HEAD) {
                throw new IOException("the answer's head is too long");
            }
            line.write(b);
        }
    }

    private boolean fill() throws IOException {
        int n = channel.read(ByteBuffer.wrap(buffer));
        position = 0;
        limit = Math.max(n, 0);
        return n > 0;
    }

    /** Writes all of it. */
    void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Says that no more will be written; the answer goes on. */
    void closeOutput() throws IOException {
        if (channel instanceof SocketChannel socket) {
            socket.shutdownOutput();
        } else if (channel instanceof Tls tls) {
            tls.closeOutput();
        }
    }

    /** Raw bytes after a hijack, those first that came with the head; -1 at the end. */
    int read(byte[] into, int offset, int length) throws IOException {
        if (position == limit && !fill()) {
            return -1;
        }
        int n = Math.min(length, limit - position);
        System.arraycopy(buffer, position, into, offset, n);
        position += n;
        return n;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** An answer: its status, headers and body. */
    final class Response {
        private final int status;
        private final Map<String, String> headers;
        private long remaining;
        private final boolean chunked;
        private boolean ended;

        Response(int status, Map<String, String> headers) throws IOException {
            this.status = status;
            this.headers = headers;
            var encoding = headers.getOrDefault("transfer-encoding", "");
            chunked = encoding.equalsIgnoreCase("chunked");
            var length = headers.get("content-length");
            if (chunked) {
                remaining = 0;
            } else if (length != null) {
                try {
                    remaining = Long.parseLong(length);
                } catch (NumberFormatException e) {
                    throw new IOException("the answer has a wrong length: " + length, e);
                }
                ended = remaining <= 0;
            } else if (status == 204 || status == 304) {
                ended = true;
            } else {
                remaining = Long.MAX_VALUE;
            }
        }

        int status() {
            return status;
        }

        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        }

        /** Whether the body has been read to its end and its length was told, so that the connection serves again. */
        boolean reusable() {
            return ended && !header("connection").equalsIgnoreCase("close");
        }

        /** The next bytes of the body, as soon as some are there; -1 at its end. */
        int read(byte[] into, int offset, int length) throws IOException {
            if (ended) {
                return -1;
            }
            if (chunked && remaining == 0) {
                remaining = chunkSize(headLine());
                if (remaining == 0) {
                    while (!headLine().isEmpty()) {
                        continue;
                    }
                    ended = true;
                    return -1;
                }
            }
            int n = Http.this.read(into, offset, (int) Math.min(length, remaining));
            if (n < 0) {
                if (chunked || remaining != Long.MAX_VALUE) {
                    throw new EOFException("the engine broke its answer off");
                }
                ended = true;
                return -1;
            }
            if (remaining != Long.MAX_VALUE) {
                remaining -= n;
            }
            if (remaining == 0) {
                if (chunked) {
                    headLine();
                } else {
                    ended = true;
                }
            }
            return n;
        }

        /** The whole body as text; bounded at 64 MiB. */
        String text() throws IOException {
            var all = new ByteArrayOutputStream(4096);
            var part = new byte[8192];
            for (int n = read(part, 0, part.length); n >= 0; n = read(part, 0, part.length)) {
                all.write(part, 0, n);
                if (all.size() > 64 << 20) {
                    throw new IOException("the answer is longer than 64 MiB");
                }
            }
            return all.toString(StandardCharsets.UTF_8);
        }

        /** The body as a stream. */
        InputStream stream() {
            return new InputStream() {
                private final byte[] one = new byte[1];

                @Override
                public int read() throws IOException {
                    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
                }

                @Override
                public int read(byte[] into, int offset, int length) throws IOException {
                    return length == 0 ? 0 : Response.this.read(into, offset, length);
                }
            };
        }

        /** Raw bytes after a hijack as a stream. */
        InputStream raw() {
            return new InputStream() {
                private final byte[] one = new byte[1];

                @Override
                public int read() throws IOException {
                    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
                }

                @Override
                public int read(byte[] into, int offset, int length) throws IOException {
                    return length == 0 ? 0 : Http.this.read(into, offset, length);
                }
            };
        }
    }

    private static long chunkSize(String line) throws IOException {
        int semicolon = line.indexOf(';');
        var digits = (semicolon < 0 ? line : line.substring(0, semicolon)).strip();
        try {
            return Long.parseLong(digits, 16);
        } catch (NumberFormatException e) {
            throw new IOException("the answer has a malformed chunk: " + line, e);
        }
    }
}
