package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A socket that sends back what it gets: the handshake, frames as they should be, and frames as they should not. */
@Timeout(20)
class WebSocketTest {
    /** The example of RFC 6455, section 1.3. */
    private static final String HANDSHAKE = "GET /echo HTTP/1.1\r\nHost: kist\r\nUpgrade: websocket\r\n"
            + "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Version: 13\r\n\r\n";

    @TempDir
    Path directory;

    private Path socket = Path.of("");
    private HttpServer server;

    @BeforeEach
    void open() throws IOException {
        socket = directory.resolve("s");
        server = HttpServer.listen(socket, Map.of(), channel -> new Peer(1, 2, 3), WebSocketTest::echo);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private static void echo(Exchange x) throws IOException {
        WebSocket s = x.webSocket(false);
        byte[] bytes = new byte[1000];
        for (int n = s.input().read(bytes); n >= 0; n = s.input().read(bytes)) {
            s.write(bytes, 0, n);
        }
        s.close(WebSocket.NORMAL);
    }

    private static byte[] frame(int first, String text) {
        byte[] payload = text.getBytes(StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.write(first);
        if (payload.length < 126) {
            frame.write(0x80 | payload.length);
        } else {
            frame.write(0x80 | 126);
            frame.write(payload.length >>> 8);
            frame.write(payload.length);
        }
        byte[] mask = {1, 2, 3, 4};
        frame.writeBytes(mask);
        for (int i = 0; i < payload.length; i++) {
            frame.write(payload[i] ^ mask[i & 3]);
        }
        return frame.toByteArray();
    }

    private static byte[] all(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private String answer(byte[] frames) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            client.say(HANDSHAKE);
            String head = client.until("\r\n\r\n");
            assertTrue(head.startsWith("HTTP/1.1 101 "), head);
            assertTrue(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), head);
            return client.say(frames).done().rest();
        }
    }

    @Test
    void messagesComeBackAndAClosingHandshakeEndsTheConnection() throws IOException {
        String longer = "x".repeat(300);
        assertEquals(
                "\u0082\u0005hello" + "\u0082\u007e\u0001\u002c" + longer + "\u0088\u0002\u0003\u00e8",
                answer(all(frame(0x82, "hello"), frame(0x81, longer), frame(0x88, "\u0003\u00e8"))));
    }

    @Test
    void fragmentsAreOneStreamAndAPingBetweenThemIsAnswered() throws IOException {
        assertEquals(
                "\u0082\u0002he\u008a\u0002up\u0082\u0003llo\u0088\u0002\u0003\u00e8",
                answer(all(frame(0x02, "he"), frame(0x89, "up"), frame(0x80, "llo"))));
    }

    @ParameterizedTest
    @ValueSource(ints = {0xc2, 0x83, 0x8b, 0x09, 0x80})
    void whatBreaksTheProtocolIsToldAndEnds(int first) throws IOException {
        assertEquals("\u0088\u0002\u0003\u00ea", answer(frame(first, "x")));
    }

    @Test
    void aFrameWithoutAMaskOrWithALengthThatCannotBeIsRefused() throws IOException {
        assertEquals("\u0088\u0002\u0003\u00ea", answer(new byte[] {(byte) 0x82, 1, 'x'}));
        assertEquals(
                "\u0088\u0002\u0003\u00ea",
                answer(new byte[] {(byte) 0x82, (byte) 0xff, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0}));
        assertEquals("\u0088\u0002\u0003\u00ea", answer(frame(0x89, "x".repeat(126))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Upgrade: websocket"
            })
    void aHandshakeThatLacksSomethingIsRefusedInHttp(String line) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            String answer =
                    client.say(HANDSHAKE.replace(line + "\r\n", "")).done().rest();
            assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        }
    }

    @Test
    void overTcpAPageOfAnotherSiteIsRefused() throws IOException {
        for (String origin : new String[] {"http://evil", "null", "http://kist:81", "http://kist@evil"}) {
            byte[] head = HANDSHAKE
                    .replace("\r\n\r\n", "\r\nOrigin: " + origin + "\r\n\r\n")
                    .getBytes(StandardCharsets.ISO_8859_1);
            HttpRequest request = HeadParser.parse(head, 0, head.length);
            HttpException e = org.junit.jupiter.api.Assertions.assertThrows(
                    HttpException.class, () -> WebSocket.accept(request, true));
            assertEquals(403, e.status());
            WebSocket.accept(request, false);
        }
        byte[] head = HANDSHAKE
                .replace("\r\n\r\n", "\r\nOrigin: https://KIST\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1);
        WebSocket.accept(HeadParser.parse(head, 0, head.length), true);
    }
}
