package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import kist.kernel.Linux;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.Value;

/** Logs sent on to servers that the test plays. */
@Timeout(60)
final class ForwarderTest {
    private static final String ID = "0123456789abcdef".repeat(4);

    @TempDir
    Path dir;

    private LogDirectory log;
    private long time = 1_700_000_000_123_456_789L;
    private long written;

    @BeforeEach
    void name() {
        log = new LogDirectory(dir);
    }

    private void write(int stream, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocate(20 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(bytes.length)
                .put((byte) stream)
                .put((byte) 1)
                .putShort((short) 0)
                .putLong(time++);
        b.put(bytes).putInt(bytes.length);
        Files.write(dir.resolve("log"), b.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        written += b.capacity();
    }

    private static Container container(String driver, Map<String, String> options) {
        ContainerConfig config = ContainerConfigBuilder.builder(ContainerConfig.of("busybox", "sh"))
                .host(HostConfigBuilder.builder()
                        .log(new HostConfig.LogConfig(driver, options))
                        .build())
                .build();
        StoredContainer stored = new StoredContainer(
                StoredContainer.FORMAT,
                ID,
                "box",
                config,
                "sha256:" + ID,
                0,
                List.of("sh"),
                List.of("PATH=/bin"),
                "/",
                "",
                Map.of("team", "x"),
                "SIGTERM",
                OptionalInt.empty());
        return new Container(stored, StoredState.NEW, known -> {});
    }

    private Forwarder forward(String driver, Map<String, String> options) {
        Container c = container(driver, options);
        LogOptions read = LogOptions.of(c.host().log());
        Forwarder f = new Forwarder(c, log, read, LogTarget.of(read, c.stored, Linux.system()), false);
        f.start();
        return f;
    }

    private static void drain(Forwarder f) throws InterruptedException {
        f.drain(TimeUnit.SECONDS.toNanos(10));
    }

    /** Takes what comes over TCP until the connection ends. */
    private static String takeAll(ServerSocket server) throws IOException {
        try (Socket s = server.accept()) {
            return new String(s.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static ServerSocket server() throws IOException {
        return new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "''#<27>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d 0123456789ab\\[\\d+\\]: oops",
                "rfc3164#<27>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\S+ 0123456789ab\\[\\d+\\]: oops",
                "rfc5424#<27>1 2023-11-1\\dT\\d\\d:\\d\\d:\\d\\d(Z|[+-]\\d\\d:\\d\\d) \\S+ 0123456789ab \\d+ 0123456789ab - oops",
                "rfc5424micro#<27>1 2023-11-1\\dT\\S*\\.123456(Z|[+-]\\d\\d:\\d\\d) \\S+ 0123456789ab \\d+ 0123456789ab - oops",
            })
    void syslog_gets_each_line_in_the_format_that_was_chosen(String format, String pattern) throws Exception {
        write(2, "oops\nfine");
        write(1, "out\n");
        write(2, " now\n");
        try (ServerSocket server = server()) {
            Map<String, String> options = new LinkedHashMap<>();
            options.put("syslog-address", "tcp://127.0.0.1:" + server.getLocalPort());
            if (!format.isEmpty()) {
                options.put("syslog-format", format);
            }
            Forwarder f = forward("syslog", options);
            String[] lines = takeAll(server).split("\n");
            drain(f);
            assertEquals(3, lines.length);
            assertTrue(lines[0].matches(pattern), lines[0]);
            assertTrue(lines[1].startsWith("<30>") && lines[1].endsWith("out"), lines[1]);
            assertTrue(lines[2].endsWith("fine now"), lines[2]);
        }
    }

    @Test
    void syslog_over_udp_and_unix_sockets() throws Exception {
        write(1, "one\n");
        try (DatagramSocket server = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            drain(forward(
                    "syslog",
                    Map.of(
                            "syslog-address",
                            "udp://127.0.0.1:" + server.getLocalPort(),
                            "tag",
                            "{{.Name}}",
                            "syslog-facility",
                            "local3")));
            DatagramPacket p = new DatagramPacket(new byte[1000], 1000);
            server.receive(p);
            String text = new String(p.getData(), 0, p.getLength(), StandardCharsets.UTF_8);
            assertTrue(text.startsWith("<158>") && text.contains(" box[") && text.endsWith("]: one\n"), text);
        }
        Files.delete(dir.resolve("forwarded"));
        Path path = dir.resolve("syslog.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            Forwarder f = forward("syslog", Map.of("syslog-address", "unix://" + path));
            try (var s = server.accept()) {
                String text = new String(Channels.newInputStream(s).readAllBytes(), StandardCharsets.UTF_8);
                assertTrue(text.endsWith("]: one\n"), text);
            }
            drain(f);
        }
    }

    @Test
    void an_engine_that_restarts_goes_on_where_the_last_one_was_to_the_byte() throws Exception {
        write(1, "one\ntwo\nthr");
        write(2, "err\n");
        try (ServerSocket server = server()) {
            Map<String, String> options = Map.of("syslog-address", "tcp://127.0.0.1:" + server.getLocalPort());
            Container c = container("syslog", options);
            LogOptions read = LogOptions.of(c.host().log());
            Forwarder first = new Forwarder(c, log, read, LogTarget.of(read, c.stored, Linux.system()), true);
            first.start();
            try (Socket s = server.accept()) {
                InputStream in = s.getInputStream();
                StringBuilder got = new StringBuilder();
                while (!got.toString().contains("err\n")) {
                    got.append((char) in.read());
                }
                assertEquals(3, got.toString().split("\n").length);
                Thread.sleep(100); // it notes how far it got
                first.stop();
            }
            drain(first);
            write(1, "ee\nfour\n");
            Forwarder second = forward("syslog", options);
            String[] lines = takeAll(server).split("\n");
            drain(second);
            assertEquals(2, lines.length, String.join("|", lines));
            assertTrue(lines[0].endsWith("]: three") && lines[1].endsWith("]: four"), String.join("|", lines));
            LogCursor end = LogCursor.load(dir.resolve("forwarded"));
            assertEquals(new LogCursor(written, 0, written, 0), end);
        }
    }

    @Test
    void a_server_that_is_away_for_a_while_costs_nothing() throws Exception {
        write(1, "one\n");
        int port;
        try (ServerSocket gone = server()) {
            port = gone.getLocalPort();
        }
        Forwarder f = forward("syslog", Map.of("syslog-address", "tcp://127.0.0.1:" + port));
        f.drain(TimeUnit.SECONDS.toNanos(10)); // ends at once, since the server is away
        try (ServerSocket server = new ServerSocket(port, 5, InetAddress.getLoopbackAddress())) {
            assertTrue(takeAll(server).endsWith("]: one\n"));
        }
        drain(f);
    }

    private static Value acknowledge(Socket s) throws IOException {
        InputStream in = s.getInputStream();
        MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(in);
        Value message = unpacker.unpackValue();
        Map<Value, Value> option = message.asArrayValue().get(2).asMapValue().map();
        for (Map.Entry<Value, Value> e : option.entrySet()) {
            if (e.getKey().asStringValue().asString().equals("chunk")) {
                OutputStream out = s.getOutputStream();
                var packer = MessagePack.newDefaultBufferPacker();
                packer.packMapHeader(1)
                        .packString("ack")
                        .packString(e.getValue().asStringValue().asString());
                out.write(packer.toByteArray());
                out.flush();
            }
        }
        return message;
    }

    private static Map<String, String> record(Value entry) {
        Map<String, String> all = new LinkedHashMap<>();
        entry.asArrayValue()
                .get(1)
                .asMapValue()
                .map()
                .forEach((k, v) ->
                        all.put(k.asStringValue().asString(), v.asStringValue().asString()));
        return all;
    }

    @Test
    void fluentd_gets_records_with_their_details_and_acknowledges_them() throws Exception {
        write(1, "hello\n");
        write(2, "x".repeat(40_000) + "\n");
        try (ServerSocket server = server()) {
            Forwarder f = forward(
                    "fluentd",
                    Map.of(
                            "fluentd-address",
                            "127.0.0.1:" + server.getLocalPort(),
                            "fluentd-request-ack",
                            "true",
                            "fluentd-sub-second-precision",
                            "true",
                            "tag",
                            "docker.{{.Name}}",
                            "labels",
                            "team"));
            List<Value> entries = new ArrayList<>();
            try (Socket s = server.accept()) {
                Value message = acknowledge(s);
                assertEquals(
                        "docker.box",
                        message.asArrayValue().get(0).asStringValue().asString());
                message.asArrayValue().get(1).asArrayValue().forEach(entries::add);
            }
            drain(f);
            assertEquals(4, entries.size());
            Map<String, String> first = record(entries.getFirst());
            assertEquals(
                    Map.of(
                            "container_id",
                            ID,
                            "container_name",
                            "/box",
                            "source",
                            "stdout",
                            "log",
                            "hello",
                            "team",
                            "x"),
                    first);
            var extension = entries.getFirst().asArrayValue().get(0).asExtensionValue();
            assertEquals(0, extension.getType());
            ByteBuffer when = ByteBuffer.wrap(extension.getData());
            assertEquals(1_700_000_000, when.getInt());
            assertEquals(123_456_789, when.getInt());
            StringBuilder whole = new StringBuilder();
            for (int i = 1; i < 4; i++) {
                Map<String, String> piece = record(entries.get(i));
                assertEquals("true", piece.get("partial_message"));
                assertEquals(Integer.toString(i), piece.get("partial_ordinal"));
                assertEquals(Boolean.toString(i == 3), piece.get("partial_last"));
                whole.append(piece.get("log"));
            }
            assertEquals("x".repeat(40_000), whole.toString());
        }
    }

    @Test
    void what_is_not_acknowledged_is_sent_again() throws Exception {
        write(1, "hello\n");
        try (ServerSocket server = server()) {
            Forwarder f = forward(
                    "fluentd",
                    Map.of("fluentd-address", "127.0.0.1:" + server.getLocalPort(), "fluentd-request-ack", "true"));
            List<Value> got = Collections.synchronizedList(new ArrayList<>());
            try (Socket s = server.accept()) {
                got.add(MessagePack.newDefaultUnpacker(s.getInputStream()).unpackValue());
            }
            try (Socket s = server.accept()) {
                got.add(acknowledge(s));
            }
            drain(f);
            assertEquals(
                    got.get(0).asArrayValue().get(1).toString(),
                    got.get(1).asArrayValue().get(1).toString());
        }
    }

    @Test
    void whoever_may_not_wait_skips_what_is_too_far_behind_and_says_so() throws Exception {
        for (int i = 0; i < 3_000; i++) {
            write(1, "line " + i + "\n");
        }
        try (ServerSocket server = server()) {
            Forwarder f = forward(
                    "syslog",
                    Map.of(
                            "syslog-address",
                            "tcp://127.0.0.1:" + server.getLocalPort(),
                            "mode",
                            "non-blocking",
                            "max-buffer-size",
                            "10k"));
            String got = takeAll(server);
            drain(f);
            assertTrue(got.contains(" bytes of the log were not forwarded\n"), "it says so");
            assertTrue(got.endsWith("]: line 2999\n"));
            assertTrue(got.split("\n").length < 1_500);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "syslog|syslog-address=ftp://x|invalid value for log opt syslog-address: \"ftp://x\"; there are udp, tcp",
                "syslog|syslog-address=tcp://x:99999|invalid value for log opt syslog-address",
                "syslog|syslog-address=unix://relative|invalid value for log opt syslog-address",
                "syslog|syslog-facility=nobody|invalid syslog facility: nobody",
                "syslog|syslog-format=mine|Invalid syslog format: mine",
                "syslog|fluentd-address=x|unknown log opt 'fluentd-address' for syslog log driver",
                "syslog|max-size=1m|unknown log opt 'max-size' for syslog log driver",
                "fluentd|fluentd-address=x:y|invalid value for log opt fluentd-address",
                "fluentd|fluentd-max-retries=-1|invalid value for log opt fluentd-max-retries",
                "fluentd|fluentd-retry-wait=soon|invalid value for log opt fluentd-retry-wait",
                "fluentd|fluentd-async=perhaps|invalid value for log opt fluentd-async",
            })
    void options_that_make_no_sense_are_refused_by_name(String driver, String option, String sentence) {
        int equals = option.indexOf('=');
        Map<String, String> options = Map.of(option.substring(0, equals), option.substring(equals + 1));
        EngineException e =
                assertThrows(EngineException.class, () -> LogOptions.of(new HostConfig.LogConfig(driver, options)));
        assertTrue(String.valueOf(e.getMessage()).startsWith(sentence), e.getMessage());
        assertFalse(options.isEmpty());
    }
}
