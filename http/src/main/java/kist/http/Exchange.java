package kist.http;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** One request and its response. Used by the thread that handles it. */
public final class Exchange {
    private final HttpServer server;
    private final Input input;
    private final Wire wire;
    private final HttpRequest request;
    private final RequestBody body;
    private final StringBuilder headers = new StringBuilder();
    private boolean keepAlive;
    private boolean responded;
    private boolean hijacked;
    private @Nullable ResponseStream stream;
    private Input.@Nullable Watch watch;

    Exchange(HttpServer server, Input input, Wire wire, HttpRequest request) {
        this.server = server;
        this.input = input;
        this.wire = wire;
        this.request = request;
        this.body = RequestBody.of(request, input, wire);
        if (server.stallMillis() > 0 && !body.isEnded()) {
            input.limitStalls(server.deadlines(), server.stallMillis());
        }
        this.keepAlive = !server.isClosed() && !request.http10() && !request.headerHasToken("connection", "close");
    }

    /** The head of the request. */
    public HttpRequest request() {
        return request;
    }

    /** Who asks. */
    public Peer peer() {
        return wire.peer();
    }

    /**
     * The body as it arrives; a client that waits for {@code 100 Continue} gets it at the first read. Reading throws
     * {@link HttpException} where the framing is broken.
     */
    public InputStream body() {
        return body;
    }

    /**
     * Reads the whole body.
     *
     * @throws HttpException 413 where it is longer than {@code limit} bytes
     */
    public byte[] readBody(int limit) throws IOException {
        if (body.isEnded()) {
            return new byte[0];
        }
        if (body.announced() != Long.MAX_VALUE && body.announced() > limit) {
            throw new HttpException(413, "the request body is longer than " + limit + " bytes");
        }
        byte[] bytes = body.readNBytes(limit);
        if (body.read() >= 0) {
            throw new HttpException(413, "the request body is longer than " + limit + " bytes");
        }
        return bytes;
    }

    /** Adds a header field to the response, before it is sent. */
    public void header(String name, String value) {
        for (int i = 0; i < value.length(); i++) {
            if (value.charAt(i) < ' ' || value.charAt(i) > '~') {
                throw new IllegalArgumentException("header " + name + " has a value that is not printable ASCII");
            }
        }
        headers.append(name).append(": ").append(value).append("\r\n");
    }

    /** Answers with a status and no body. */
    public void send(int status) throws IOException {
        send(status, "", new byte[0]);
    }

    /** Answers with a status and a whole body, in one write where it is short. */
    public void send(int status, String contentType, byte[] content) throws IOException {
        byte[] head = head(status, contentType, content.length);
        boolean bodiless = request.method().equals("HEAD") || status == 204 || status == 304;
        int length = bodiless ? 0 : content.length;
        if (length <= 32 << 10) {
            byte[] all = new byte[head.length + length];
            System.arraycopy(head, 0, all, 0, head.length);
            System.arraycopy(content, 0, all, head.length, length);
            wire.write(all, 0, all.length);
        } else {
            wire.write(head, 0, head.length);
            wire.write(content, 0, length);
        }
    }

    /**
     * Answers with a part of a file or of another channel, which goes to the socket without a copy where that can be. A
     * {@code HEAD} gets the same head and no body. Where the channel ends too early, the client sees a cut connection.
     *
     * @param content its position is changed; it is not closed
     * @param length at most what is there from {@code offset} on
     */
    public void send(int status, String contentType, SeekableByteChannel content, long offset, long length)
            throws IOException {
        byte[] head = head(status, contentType, length);
        wire.write(head, 0, head.length);
        if (!request.method().equals("HEAD")) {
            wire.send(content, offset, length);
        }
    }

    /**
     * Answers with a body of a length not yet known. The head leaves with the first {@link ResponseStream#flush}. Where the
     * handler throws afterwards, the client sees a cut connection, not a whole body.
     */
    public ResponseStream stream(int status, String contentType) {
        boolean chunked = !request.http10();
        if (!chunked) {
            keepAlive = false;
        }
        ResponseStream made = new ResponseStream(
                wire, head(status, contentType, -1), chunked, request.method().equals("HEAD"));
        stream = made;
        return made;
    }

    /**
     * Takes the connection out of HTTP: answers {@code 101} where the client sent an Upgrade header, {@code 200} where it
     * did not, and leaves the raw connection to the handler. The body must be short; it is read first.
     */
    public Hijacked hijack(String contentType) throws IOException {
        StringBuilder head = new StringBuilder(256);
        if (request.header("upgrade").isEmpty()) {
            head.append("HTTP/1.1 200 OK\r\nContent-Type: ").append(contentType).append("\r\n");
        } else {
            head.append("HTTP/1.1 101 UPGRADED\r\nContent-Type: ").append(contentType);
            head.append("\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n");
        }
        return leaveHttp(head);
    }

    /**
     * Makes a WebSocket of the connection (RFC 6455).
     *
     * @param text send text frames rather than binary ones
     * @throws HttpException where the client does not ask for one; 403 where a page of another site does: browsers ask nobody
     *     before they connect, and only over TCP
     */
    public WebSocket webSocket(boolean text) throws IOException {
        String accept = WebSocket.accept(request, !peer().address().isEmpty());
        StringBuilder head = new StringBuilder(256);
        head.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        head.append("Sec-WebSocket-Accept: ").append(accept).append("\r\n");
        return new WebSocket(leaveHttp(head), text);
    }

    private Hijacked leaveHttp(StringBuilder head) throws IOException {
        readBody(64 << 10);
        input.endStalls();
        mayRespond();
        keepAlive = false;
        hijacked = true;
        head.append(headers).append(server.fixedHeaders()).append("\r\n");
        byte[] bytes = head.toString().getBytes(StandardCharsets.ISO_8859_1);
        wire.write(bytes, 0, bytes.length);
        wire.awaitRead();
        return new Hijacked(input, wire);
    }

    /**
     * Runs something once, on another thread, if the client closes or shuts down its side before the response has ended. The
     * body is read first. A client that has sent its next request already is taken to be alive.
     */
    public void onClientGone(Runnable gone) throws IOException {
        body.drain();
        input.endStalls();
        watch = input.watch(gone);
    }

    /** Whether an answer has begun. */
    public boolean responded() {
        return responded;
    }

    private void mayRespond() {
        if (responded) {
            throw new IllegalStateException("a second response to " + request.target());
        }
        responded = true;
    }

    private byte[] head(int status, String contentType, long length) {
        mayRespond();
        if (!body.isCheapToDrain()) {
            keepAlive = false;
        }
        StringBuilder head = new StringBuilder(384);
        head.append("HTTP/1.1 ")
                .append(status)
                .append(' ')
                .append(reason(status))
                .append("\r\n");
        head.append(server.fixedHeaders()).append(headers);
        head.append("Date: ").append(HttpDate.now()).append("\r\n");
        if (!contentType.isEmpty()) {
            head.append("Content-Type: ").append(contentType).append("\r\n");
        }
        if (length >= 0) {
            if (status != 204 && status != 304) {
                head.append("Content-Length: ").append(length).append("\r\n");
            }
        } else if (!request.http10()) {
            head.append("Transfer-Encoding: chunked\r\n");
        }
        if (!keepAlive) {
            head.append("Connection: close\r\n");
        }
        return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Ends the exchange; {@code false} where the connection must be closed. */
    boolean finish() throws IOException {
        ResponseStream open = stream;
        if (open != null) {
            open.end();
        }
        if (!responded) {
            throw new IllegalStateException("no response to " + request.target());
        }
        endWatch();
        if (keepAlive) {
            body.drain();
        }
        return keepAlive;
    }

    /** The client may leave now without anyone being told. */
    void endWatch() {
        if (watch != null) {
            watch.end();
        }
    }

    boolean isHijacked() {
        return hijacked;
    }

    static String reason(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 201 -> "Created";
            case 202 -> "Accepted";
            case 204 -> "No Content";
            case 206 -> "Partial Content";
            case 301 -> "Moved Permanently";
            case 304 -> "Not Modified";
            case 400 -> "Bad Request";
            case 401 -> "Unauthorized";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 409 -> "Conflict";
            case 413 -> "Content Too Large";
            case 416 -> "Range Not Satisfiable";
            case 417 -> "Expectation Failed";
            case 429 -> "Too Many Requests";
            case 431 -> "Request Header Fields Too Large";
            case 500 -> "Internal Server Error";
            case 501 -> "Not Implemented";
            case 426 -> "Upgrade Required";
            case 503 -> "Service Unavailable";
            case 505 -> "HTTP Version Not Supported";
            default -> status < 400 ? "OK" : "Error";
        };
    }
}
