package kist.engine;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kist.registry.Tls;

/**
 * A Fluentd or Fluent Bit server (Forward Protocol 1, forward mode) over TCP, TLS or a Unix socket. With
 * {@code fluentd-request-ack} lines count as delivered when the server has acknowledged them.
 */
final class FluentdTarget implements LogTarget {
    private static final List<String> PROTOCOLS = List.of("tcp", "unix", "tls");
    private static final int PORT = 24224;
    private static final int ACK_MILLIS = 60_000;
    private static final int CHUNK_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LogAddress address;
    private final boolean acknowledged;
    private final boolean exactTimes;
    private final int readMillis;
    private final int reconnectMillis;
    private final String tag;
    private final StoredContainer container;
    private final Map<String, String> details;
    private long connected;
    private Optional<LogConnection> connection = Optional.empty();

    FluentdTarget(LogOptions options, StoredContainer container) {
        Map<String, String> all = options.options();
        this.address = address(all);
        this.acknowledged = LogOptions.bool("fluentd-request-ack", all, false);
        this.exactTimes = LogOptions.bool("fluentd-sub-second-precision", all, false);
        this.readMillis = millis("fluentd-read-timeout", all, ACK_MILLIS);
        this.reconnectMillis = millis("fluentd-async-reconnect-interval", all, 0);
        this.tag = LogTag.of(all.getOrDefault("tag", ""), container);
        this.container = container;
        this.details = options.details(container);
    }

    /** Refuses what makes no sense, by name. */
    static void check(Map<String, String> options) {
        address(options);
        for (String key : List.of(
                "fluentd-async", "fluentd-async-connect", "fluentd-request-ack", "fluentd-sub-second-precision")) {
            LogOptions.bool(key, options, false);
        }
        for (String key : List.of("fluentd-retry-wait", "fluentd-async-reconnect-interval", "fluentd-read-timeout")) {
            millis(key, options, 0);
        }
        if (options.containsKey("fluentd-buffer-limit")) {
            LogOptions.size("fluentd-buffer-limit", options.getOrDefault("fluentd-buffer-limit", ""), 1024);
        }
        retries(options);
        if (options.containsKey("fluentd-async") && options.containsKey("fluentd-async-connect")) {
            throw Creation.invalid(
                    "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'");
        }
    }

    private static LogAddress address(Map<String, String> options) {
        return LogAddress.parse("fluentd-address", options.getOrDefault("fluentd-address", ""), PROTOCOLS, PORT);
    }

    /** How often a failed delivery is tried again before the lines are given up. */
    static int retries(Map<String, String> options) {
        String text = options.getOrDefault("fluentd-max-retries", "");
        try {
            int retries = text.isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(text);
            if (retries >= 0) {
                return retries;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw Creation.invalid(
                "invalid value for log opt fluentd-max-retries: \"" + Names.printable(text) + "\"; a number is wanted");
    }

    /** A span in milliseconds; a number alone is milliseconds too. */
    static int millis(String key, Map<String, String> options, int otherwise) {
        String text = options.getOrDefault(key, "");
        if (text.isEmpty()) {
            return otherwise;
        }
        long nanos = LogOptions.span(key, text.chars().allMatch(Character::isDigit) ? text + "ms" : text);
        return (int) Math.clamp(nanos / 1_000_000, 1, Integer.MAX_VALUE);
    }

    @Override
    public void connect() throws IOException {
        if (reconnectMillis > 0 && System.nanoTime() - connected > reconnectMillis * 1_000_000L) {
            close(); // the name of the server may mean another one now
        }
        if (connection.isEmpty()) {
            connected = System.nanoTime();
            Optional<SSLContext> tls = address.protocol().equals("tls")
                    ? Optional.of(new Tls(List.of(), "", "", true).context())
                    : Optional.empty();
            connection = Optional.of(LogConnection.open(address, tls, true, acknowledged ? readMillis : 0));
        }
    }

    @Override
    public void send(List<Line> lines) throws IOException {
        connect();
        byte[] random = new byte[CHUNK_BYTES];
        RANDOM.nextBytes(random);
        String chunk = Base64.getEncoder().encodeToString(random);
        MessagePack message = new MessagePack().array(3).text(tag).array(lines.size());
        for (Line line : lines) {
            message.array(2);
            if (exactTimes) {
                message.eventTime(line.output().nanos());
            } else {
                message.number(Math.floorDiv(line.output().nanos(), 1_000_000_000L));
            }
            record(message, line);
        }
        if (acknowledged) {
            message.map(2).text("size").number(lines.size()).text("chunk").text(chunk);
        } else {
            message.map(1).text("size").number(lines.size());
        }
        LogConnection to = connection.orElseThrow();
        to.write(message.bytes());
        if (acknowledged) {
            awaitAck(to.input(), chunk);
        }
    }

    private void record(MessagePack message, Line line) {
        boolean partial = line.line() != 0;
        message.map(4 + details.size() + (partial ? 4 : 0));
        message.text("container_id").text(container.id());
        message.text("container_name").text("/" + container.name());
        message.text("source").text(line.output().stream() == 2 ? "stderr" : "stdout");
        message.text("log").text(line.output().bytes());
        details.forEach((name, value) -> message.text(name).text(value));
        if (partial) {
            message.text("partial_message").text("true");
            message.text("partial_id").text(container.id() + "-" + line.line());
            message.text("partial_ordinal").text(Integer.toString(line.piece()));
            message.text("partial_last").text(Boolean.toString(line.last()));
        }
    }

    /** The answer is a map of one text to another: {@code {"ack": chunk}}. */
    private static void awaitAck(InputStream in, String chunk) throws IOException {
        int map = in.read();
        if (map < 0) {
            throw new EOFException("the server has closed the connection without an acknowledgement");
        }
        if (map != 0x81 || !readText(in).equals("ack") || !readText(in).equals(chunk)) {
            throw new IOException("the server acknowledged something else");
        }
    }

    private static String readText(InputStream in) throws IOException {
        int code = in.read();
        boolean sized = code == 0xd9 || code == 0xc4;
        if (!sized && (code & 0xe0) != 0xa0) {
            throw new IOException("the server answered what is no acknowledgement");
        }
        int length = sized ? in.read() : code & 0x1f;
        return new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        connection.ifPresent(LogConnection::close);
        connection = Optional.empty();
    }

    @Override
    public String toString() {
        return "Fluentd server " + address;
    }
}
