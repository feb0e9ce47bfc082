package kist.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The life of one connection, on one virtual thread. */
final class Connection implements Runnable {
    /** How long a client may go on sending after the last response, so that it can read that response. */
    private static final long LINGER_MILLIS = 2_000;

    private final HttpServer server;
    private final Wire wire;
    private final Input input;
    /** Whether a request is being handled: then a closing server leaves it a moment. */
    private volatile boolean busy;

    Connection(HttpServer server, Wire wire) {
        this.server = server;
        this.wire = wire;
        this.input = new Input(wire);
    }

    boolean isBusy() {
        return busy;
    }

    void close() {
        wire.close();
    }

    @Override
    public void run() {
        try {
            boolean more = wire.open();
            while (more && !server.isClosed()) {
                more = next();
            }
        } catch (IOException e) {
            // the client has gone, or the server is closing: nobody is left to tell
        } finally {
            wire.close();
            server.remove(this);
        }
    }

    private boolean next() throws IOException {
        Exchange exchange;
        try {
            int end = input.awaitHead(server.deadlines(), server.headMillis(), server.idleMillis());
            if (end < 0) {
                return false;
            }
            busy = true;
            HttpRequest request = HeadParser.parse(input.buffer(), input.position(), end);
            input.skipTo(end);
            exchange = new Exchange(server, input, wire, request);
        } catch (HttpException e) {
            refuse(e);
            return false;
        }
        boolean more = handle(exchange);
        busy = false;
        if (!more) {
            linger();
        }
        return more;
    }

    private boolean handle(Exchange exchange) throws IOException {
        try {
            server.handler().handle(exchange);
            return exchange.finish();
        } catch (HttpException e) {
            return answer(exchange, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (RuntimeException | StackOverflowError e) {
            System.getLogger("kist.http")
                    .log(
                            System.Logger.Level.ERROR,
                            "no answer to " + exchange.request().target(),
                            e);
            return answer(exchange, new HttpException(500, "internal error"));
        } finally {
            exchange.endWatch();
        }
    }

    /** Answers an exchange whose handler failed; cuts the connection where the answer has begun. */
    private boolean answer(Exchange exchange, HttpException e) throws IOException {
        if (exchange.isHijacked()) {
            return false;
        }
        if (exchange.responded()) {
            wire.close();
            return false;
        }
        exchange.send(e.status(), "application/json", message(e));
        return exchange.finish();
    }

    /** Answers bytes that are not a request. */
    private void refuse(HttpException e) throws IOException {
        byte[] content = message(e);
        StringBuilder head = new StringBuilder(256);
        head.append("HTTP/1.1 ").append(e.status()).append(' ').append(Exchange.reason(e.status()));
        head.append("\r\n").append(server.fixedHeaders()).append("Date: ").append(HttpDate.now());
        head.append("\r\nContent-Type: application/json\r\nContent-Length: ").append(content.length);
        head.append("\r\nConnection: close\r\n\r\n");
        head.append(new String(content, StandardCharsets.ISO_8859_1));
        byte[] bytes = head.toString().getBytes(StandardCharsets.ISO_8859_1);
        wire.write(bytes, 0, bytes.length);
        linger();
    }

    private static byte[] message(HttpException e) {
        String text = String.valueOf(e.getMessage());
        StringBuilder json = new StringBuilder("{\"message\":\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            // messages are this module's own sentences; whatever else comes here must not break the JSON
            json.append(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
        }
        return json.append("\"}\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Lets the client read what was sent: closing with unread input would make it see a reset instead. */
    private void linger() throws IOException {
        wire.shutdownOutput();
        server.deadlines().arm(wire, LINGER_MILLIS);
        try {
            byte[] scratch = new byte[8192];
            int count;
            do {
                // past the buffer: a thread of the handler may still be reading there
                count = wire.read(scratch, 0, scratch.length);
            } while (count >= 0);
        } finally {
            server.deadlines().disarm(wire);
        }
    }
}
