package kist.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TcpServerTest {
    private static final Duration SHORT = Duration.ofMillis(500);

    @TempDir
    Path directory;

    private final List<HttpServer> servers = new ArrayList<>();
    private OpenSsl ssl;
    private Path file;

    @BeforeEach
    void prepare() throws IOException {
        ssl = new OpenSsl(directory);
        byte[] bytes = new byte[5_000_001];
        new Random(7).nextBytes(bytes);
        file = Files.write(directory.resolve("file"), bytes);
    }

    @AfterEach
    void close() throws IOException {
        for (HttpServer server : servers) {
            server.close();
        }
    }

    private HttpServer open(Optional<Tls> tls, Limits limits) throws IOException {
        HttpServer server = HttpServer.listen(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), tls, Map.of(), limits, this::handle);
        servers.add(server);
        return server;
    }

    private static Limits limits(Duration head, Duration idle, Duration stall) {
        return new Limits(head, idle, stall, 20);
    }

    private void handle(Exchange x) throws IOException {
        switch (x.request().segments().getFirst()) {
            case "who" ->
                x.send(
                        200,
                        "text/plain",
                        (x.peer().address() + " " + x.peer().certificate()).getBytes(StandardCharsets.UTF_8));
            case "file" -> {
                try (FileChannel channel = FileChannel.open(file)) {
                    Optional<ByteRange> range = ByteRange.of(x.request().header("range"), channel.size());
                    ByteRange part = range.orElse(new ByteRange(0, channel.size()));
                    x.send(
                            range.isPresent() ? 206 : 200,
                            "application/octet-stream",
                            channel,
                            part.offset(),
                            part.length());
                }
            }
            case "short" -> {
                try (FileChannel channel = FileChannel.open(file)) {
                    x.send(200, "application/octet-stream", channel, 0, channel.size() + 1);
                }
            }
            case "digest" -> x.send(200, "text/plain", digest(x.body()));
            case "raw" -> {
                Hijacked raw = x.hijack("application/octet-stream");
                byte[] all = raw.input().readAllBytes();
                raw.output().write("end of ".getBytes(StandardCharsets.UTF_8));
                raw.output().write(all);
            }
            default -> x.send(404);
        }
    }

    private static byte[] digest(InputStream in) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] bytes = new byte[64 << 10];
            for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
                digest.update(bytes, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest()).getBytes(StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    private static Socket plain(HttpServer server) throws IOException {
        return new Socket(server.address().getAddress(), server.address().getPort());
    }

    private static SSLSocket tls(HttpServer server, SSLContext context, String... protocols) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory()
                .createSocket(server.address().getAddress(), server.address().getPort());
        if (protocols.length > 0) {
            socket.setEnabledProtocols(protocols);
        }
        socket.startHandshake();
        return socket;
    }

    private static void say(Socket socket, String text) throws IOException {
        OutputStream out = socket.getOutputStream();
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    private static String get(String path) {
        return "GET /" + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    }

    private static byte[] rest(Socket socket) throws IOException {
        return socket.getInputStream().readAllBytes();
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] body(byte[] answer) {
        int at = text(answer).indexOf("\r\n\r\n") + 4;
        return java.util.Arrays.copyOfRange(answer, at, answer.length);
    }

    @Test
    void aPeerOnTcpIsKnownByItsAddress() throws IOException {
        HttpServer server = open(Optional.empty(), Limits.NETWORK);
        try (Socket socket = plain(server)) {
            say(socket, get("who"));
            assertEquals("127.0.0.1:" + socket.getLocalPort() + " ", text(body(rest(socket))));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void filesGoOutWholeAndInPartsEvenToASlowReader(boolean encrypted) throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(encrypted ? Optional.of(ssl.tls("server")) : Optional.empty(), Limits.NETWORK);
        byte[] content = Files.readAllBytes(file);
        try (Socket socket = encrypted ? tls(server, ssl.client("server", "")) : plain(server)) {
            say(socket, get("file"));
            Thread.sleep(300);
            byte[] answer = rest(socket);
            assertTrue(text(answer).contains("Content-Length: 5000001\r\n"));
            assertArrayEquals(content, body(answer));
        }
        try (Socket socket = encrypted ? tls(server, ssl.client("server", "")) : plain(server)) {
            say(socket, "GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=1000000-1999999\r\n\r\n" + get("none"));
            byte[] answer = rest(socket);
            assertTrue(text(answer).startsWith("HTTP/1.1 206 Partial Content\r\n"));
            byte[] body = body(answer);
            assertArrayEquals(
                    java.util.Arrays.copyOfRange(content, 1_000_000, 2_000_000),
                    java.util.Arrays.copyOf(body, 1_000_000));
            assertTrue(text(body).substring(1_000_000).startsWith("HTTP/1.1 404 "));
        }
        try (Socket socket = encrypted ? tls(server, ssl.client("server", "")) : plain(server)) {
            say(socket, "HEAD /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            byte[] answer = rest(socket);
            assertTrue(text(answer).contains("Content-Length: 5000001\r\n"));
            assertEquals(0, body(answer).length);
        }
    }

    @Test
    void aFileThatEndsTooEarlyCutsTheConnection() throws IOException {
        HttpServer server = open(Optional.empty(), Limits.NETWORK);
        try (Socket socket = plain(server)) {
            say(socket, "GET /short HTTP/1.1\r\nHost: h\r\n\r\n");
            assertEquals(5_000_001, body(rest(socket)).length);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bodiesComeInByLengthAndInChunks(boolean encrypted) throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(encrypted ? Optional.of(ssl.tls("server")) : Optional.empty(), Limits.NETWORK);
        byte[] content = Files.readAllBytes(file);
        String expected = text(digest(Files.newInputStream(file)));
        try (Socket socket = encrypted ? tls(server, ssl.client("server", "")) : plain(server)) {
            say(socket, "PUT /digest HTTP/1.1\r\nHost: h\r\nContent-Length: " + content.length + "\r\n\r\n");
            socket.getOutputStream().write(content);
            say(socket, "PUT /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (int at = 0; at < content.length; at += 70_000) {
                int count = Math.min(70_000, content.length - at);
                say(socket, Integer.toHexString(count) + "\r\n");
                socket.getOutputStream().write(content, at, count);
                say(socket, "\r\n");
            }
            say(socket, "0\r\n\r\n");
            String answer = text(rest(socket));
            assertEquals(2, answer.split(expected, -1).length - 1, answer);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void bothVersionsOfTlsAreSpoken(String version) throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(Optional.of(ssl.tls("server")), Limits.NETWORK);
        try (SSLSocket socket = tls(server, ssl.client("server", ""), version)) {
            assertEquals(version, socket.getSession().getProtocol());
            say(socket, get("who"));
            assertTrue(text(rest(socket)).contains("127.0.0.1:"));
        }
    }

    @Test
    void aKeyAndCertificatesOfRsaServeAsWell() throws Exception {
        ssl.run(
                "server.pem",
                ("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server -addext subjectAltName=IP:127.0.0.1"
                                + " -keyout server.key -out server.pem")
                        .split(" "));
        HttpServer server = open(Optional.of(ssl.tls("server")), Limits.NETWORK);
        try (SSLSocket socket = tls(server, ssl.client("server", ""))) {
            say(socket, get("who"));
            assertTrue(text(rest(socket)).contains("127.0.0.1:"));
        }
    }

    @Test
    void aClientOfTls13MayCloseItsSideAndReadOn() throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(Optional.of(ssl.tls("server")), Limits.NETWORK);
        try (SSLSocket socket = tls(server, ssl.client("server", ""), "TLSv1.3")) {
            say(socket, "POST /raw HTTP/1.1\r\nHost: h\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nhello");
            socket.shutdownOutput();
            assertTrue(text(rest(socket)).endsWith("\r\n\r\nend of hello"));
        }
    }

    @Test
    void aClientWithoutTheWantedCertificateIsRefusedAndOneWithItIsKnown() throws Exception {
        ssl.selfSigned("server");
        ssl.selfSigned("client");
        ssl.selfSigned("stranger");
        Tls tls = new Tls(
                directory.resolve("server.pem"),
                directory.resolve("server.key"),
                Optional.of(directory.resolve("client.pem")));
        HttpServer server = open(Optional.of(tls), Limits.NETWORK);
        for (String own : List.of("", "stranger")) {
            assertThrows(IOException.class, () -> {
                try (SSLSocket socket = tls(server, ssl.client("server", own))) {
                    say(socket, get("who"));
                    if (rest(socket).length == 0) {
                        throw new IOException("nothing was answered");
                    }
                }
            });
        }
        try (SSLSocket socket = tls(server, ssl.client("server", "client"))) {
            say(socket, get("who"));
            assertTrue(text(rest(socket)).endsWith(" CN=client"));
        }
    }

    @Test
    void changedFilesAreUsedAndBadOnesAreNot() throws Exception {
        ssl.selfSigned("first");
        ssl.selfSigned("second");
        ssl.copy("first", "server");
        HttpServer server = open(Optional.of(ssl.tls("server")), Limits.NETWORK);
        try (SSLSocket socket = tls(server, ssl.client("first", ""))) {
            say(socket, get("who"));
            assertTrue(rest(socket).length > 0);
        }
        Files.writeString(directory.resolve("server.key"), "not a key");
        Thread.sleep(1100);
        tls(server, ssl.client("first", "")).close();
        ssl.copy("second", "server");
        Thread.sleep(1100);
        tls(server, ssl.client("second", "")).close();
        assertThrows(
                SSLException.class, () -> tls(server, ssl.client("first", "")).close());
    }

    @Test
    void filesThatCannotServeAreRefusedByName() throws Exception {
        ssl.selfSigned("a");
        ssl.selfSigned("b");
        Tls mixed = new Tls(directory.resolve("a.pem"), directory.resolve("b.key"));
        String message = assertThrows(IOException.class, () -> open(Optional.of(mixed), Limits.NETWORK))
                .getMessage();
        assertTrue(message.contains("b.key does not belong to the first certificate of"), message);
        Tls absent = new Tls(directory.resolve("a.pem"), directory.resolve("none"));
        assertTrue(String.valueOf(assertThrows(IOException.class, () -> open(Optional.of(absent), Limits.NETWORK))
                        .getMessage())
                .contains("none"));
    }

    @Test
    void plainHttpOnTheTlsPortGetsAPlainAnswer() throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(Optional.of(ssl.tls("server")), Limits.NETWORK);
        try (Socket socket = plain(server)) {
            say(socket, get("who"));
            String answer = text(rest(socket));
            assertTrue(answer.startsWith("HTTP/1.1 400 Bad Request\r\n"), answer);
            assertTrue(answer.contains("speaks HTTPS"), answer);
        }
    }

    @Test
    void tlsOnThePlainPortGetsAnHttpAnswerThatClientsFallBackOn() throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(Optional.empty(), Limits.NETWORK);
        assertThrows(
                SSLException.class, () -> tls(server, ssl.client("server", "")).close());
        try (Socket socket = plain(server)) {
            say(socket, "\u0016\u0003\u0001\u0000\u00ff\u0001");
            assertTrue(text(rest(socket)).startsWith("HTTP/1.1 400 "));
        }
    }

    @Test
    void bytesThatAreNoTlsHarmNobodyElse() throws Exception {
        ssl.selfSigned("server");
        HttpServer server = open(Optional.of(ssl.tls("server")), limits(SHORT, SHORT, SHORT));
        Random random = new Random(11);
        for (int i = 0; i < 60; i++) {
            byte[] bytes = new byte[random.nextInt(1, 2000)];
            random.nextBytes(bytes);
            bytes[0] = 22;
            if (i % 3 == 0 && bytes.length > 8) {
                // the head of a client hello, then nonsense
                System.arraycopy(new byte[] {22, 3, 1, 1, 0, 1, 0, 0}, 0, bytes, 0, 8);
            }
            try (Socket socket = plain(server)) {
                socket.getOutputStream().write(bytes);
                if (i % 2 == 0) {
                    socket.shutdownOutput();
                    rest(socket);
                }
            } catch (IOException e) {
                // a reset is an answer too
            }
        }
        try (SSLSocket socket = tls(server, ssl.client("server", ""))) {
            say(socket, get("who"));
            assertTrue(rest(socket).length > 0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\u0016\u0003\u0001", "\u0016"})
    void aHandshakeThatDoesNotComeToAnEndIsCut(String begun) throws Exception {
        ssl.selfSigned("server");
        HttpServer server =
                open(Optional.of(ssl.tls("server")), limits(SHORT, Duration.ofMinutes(1), Duration.ofMinutes(1)));
        try (Socket socket = plain(server)) {
            say(socket, begun);
            assertTrue(rest(socket).length < 10);
        }
    }

    @Test
    void whoSaysNothingOrTooSlowlyIsCut() throws Exception {
        HttpServer server = open(Optional.empty(), limits(SHORT, SHORT, SHORT));
        for (String said : List.of(
                "",
                "GET / HT",
                "PUT /digest HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
                "PUT /digest HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                "PUT /digest HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")) {
            try (Socket socket = plain(server)) {
                say(socket, said);
                assertEquals("", text(rest(socket)), said);
            }
        }
        try (Socket socket = plain(server)) {
            say(socket, "GET /who HTTP/1.1\r\nHost: h\r\n\r\n");
            assertTrue(text(rest(socket)).contains("127.0.0.1"), "one answer, then cut for idling");
        }
    }

    @Test
    void whoTakesNothingOfAnAnswerIsCut() throws Exception {
        HttpServer server = open(Optional.empty(), limits(SHORT, SHORT, SHORT));
        try (Socket socket = new Socket()) {
            socket.setReceiveBufferSize(4096);
            socket.connect(server.address());
            for (int i = 0; i < 8; i++) {
                say(socket, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
            }
            Thread.sleep(2000);
            long got = 0;
            try {
                got = rest(socket).length;
            } catch (IOException reset) {
                // as well
            }
            assertTrue(got < 40_000_000, "the server gave up on a reader that stood still");
        }
    }

    @Test
    void aHijackedConnectionMayRestAsLongAsItLikes() throws Exception {
        HttpServer server = open(Optional.empty(), limits(SHORT, SHORT, SHORT));
        try (Socket socket = plain(server)) {
            say(socket, "POST /raw HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
            Thread.sleep(1500);
            say(socket, "late");
            socket.shutdownOutput();
            assertTrue(text(rest(socket)).endsWith("end of late"));
        }
    }

    @Test
    void moreConnectionsThanAllowedAreClosedAndThoseThatAreOpenGoOn() throws Exception {
        HttpServer server = open(Optional.empty(), new Limits(SHORT, Duration.ofMinutes(1), Duration.ofMinutes(1), 2));
        try (Socket one = plain(server);
                Socket two = plain(server)) {
            say(one, "GET /who HTTP/1.1\r\nHost: h\r\n\r\n");
            say(two, "GET /who HTTP/1.1\r\nHost: h\r\n\r\n");
            assertEquals('H', one.getInputStream().read());
            assertEquals('H', two.getInputStream().read());
            try (Socket three = plain(server)) {
                int read;
                try {
                    read = three.getInputStream().read();
                } catch (IOException reset) {
                    read = -1;
                }
                assertEquals(-1, read);
            }
            say(one, get("who"));
            assertTrue(text(rest(one)).contains("127.0.0.1"));
        }
    }

    @Test
    void aClosedServerLetsTheAddressGo() throws Exception {
        HttpServer server = open(Optional.empty(), Limits.NETWORK);
        InetSocketAddress address = server.address();
        assertThrows(
                IOException.class,
                () -> HttpServer.listen(address, Optional.empty(), Map.of(), Limits.NETWORK, this::handle)
                        .close());
        try (Socket socket = plain(server)) {
            say(socket, "GET /who HTTP/1.1\r\nHost: h\r\n\r\n");
            assertEquals('H', socket.getInputStream().read());
            server.close();
            assertFalse(text(rest(socket)).isEmpty());
        }
        HttpServer.listen(address, Optional.empty(), Map.of(), Limits.NETWORK, this::handle)
                .close();
    }
}
