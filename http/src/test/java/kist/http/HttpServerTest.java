package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class HttpServerTest {
    @TempDir
    Path directory;

    private final CountDownLatch gone = new CountDownLatch(1);
    private final CountDownLatch release = new CountDownLatch(1);
    private Path socket = Path.of("");
    private HttpServer server;

    @BeforeEach
    void open() throws IOException {
        socket = directory.resolve("s");
        server = HttpServer.listen(
                socket, Map.of("Server", "Test"), channel -> new Peer(1, 2, 3), this::handle, limits(300));
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        assertFalse(Files.exists(socket));
    }

    private void handle(Exchange x) throws IOException, InterruptedException {
        HttpRequest request = x.request();
        switch (request.segments().getFirst()) {
            case "hello" -> x.send(200, "text/plain", ("hello " + x.peer().pid()).getBytes(StandardCharsets.UTF_8));
            case "echo" -> x.send(200, "text/plain", x.readBody(100));
            case "none" -> x.send(204);
            case "silent" -> {}
            case "broken" -> throw new IllegalStateException("meant by the test");
            case "stream" -> {
                try (ResponseStream out = x.stream(200, "text/plain")) {
                    out.write("one".getBytes());
                    out.flush();
                    if (request.hasParameter("break")) {
                        throw new IllegalStateException("meant by the test");
                    }
                    out.write("x".repeat(20_000).getBytes());
                }
            }
            case "watch" -> {
                x.onClientGone(() -> {
                    gone.countDown();
                    release.countDown();
                });
                try (ResponseStream out = x.stream(200, "text/plain")) {
                    out.flush();
                    release.await();
                    out.write("over".getBytes());
                }
            }
            case "raw" -> {
                Hijacked raw = x.hijack("application/octet-stream");
                InputStream in = raw.input();
                byte[] bytes = new byte[100];
                for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
                    raw.output().write(bytes, 0, n);
                }
                raw.output().write("end".getBytes());
            }
            default -> x.send(404, "text/plain", "nothing here".getBytes());
        }
    }

    private static Limits limits(long headMillis) {
        return new Limits(Duration.ofMillis(headMillis), Duration.ZERO, Duration.ZERO, 1000);
    }

    private String ask(String bytes) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            return client.say(bytes).done().rest();
        }
    }

    private static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: d\r\n\r\n";
    }

    @Test
    void theSocketIsForOwnerAndGroup() throws IOException {
        assertEquals("rw-rw----", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
    }

    @Test
    void aSecondServerOnTheSameFileIsRefusedAndTheFirstGoesOn() throws IOException {
        assertThrows(
                IOException.class,
                () -> HttpServer.listen(socket, Map.of(), channel -> Peer.UNKNOWN, this::handle)
                        .close());
        assertTrue(ask(get("/hello")).endsWith("hello 3"));
    }

    @Test
    void oneConnectionAnswersManyRequestsEvenWhenTheyCameAtOnce() throws IOException {
        String answer =
                ask(get("/hello") + "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\nabc" + get("/none"));
        assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\nServer: Test\r\nDate: "), answer);
        assertTrue(answer.contains("Content-Length: 7\r\n\r\nhello 3HTTP/1.1 200 OK\r\n"), answer);
        assertTrue(answer.contains("\r\n\r\nabcHTTP/1.1 204 No Content\r\n"), answer);
        assertFalse(answer.substring(answer.indexOf(" 204 ")).contains("Content-Length"), answer);
    }

    @Test
    void aChunkedBodyIsRead() throws IOException {
        String answer = ask("POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n2;ext\r\nde\r\n0\r\nTrailer: x\r\n\r\n" + get("/hello"));
        assertTrue(answer.contains("\r\n\r\nabcdeHTTP/1.1 200"), answer);
    }

    @Test
    void aClientThatWaitsForContinueGetsItAtTheFirstRead() throws IOException {
        try (RawClient client = new RawClient(socket)) {
            client.say("POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
            assertEquals("HTTP/1.1 100 Continue\r\n\r\n", client.until("\r\n\r\n"));
            client.say("ok");
            assertTrue(client.until("\r\n\r\nok").startsWith("HTTP/1.1 200 OK\r\n"));
        }
    }

    @Test
    void aBodyThatNobodyReadsDoesNotBecomeTheNextRequest() throws IOException {
        String hidden = get("/none");
        String answer = ask("POST /hello HTTP/1.1\r\nHost: d\r\nContent-Length: " + hidden.length() + "\r\n\r\n"
                + hidden + get("/echo"));
        assertFalse(answer.contains(" 204 "), answer);
        answer = ask(
                "POST /hello HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n" + get("/none"));
        assertTrue(answer.contains("Connection: close\r\n"), answer);
        assertFalse(answer.contains(" 204 "), answer);
    }

    @Test
    void aBodyOverTheLimitIsRefused() throws IOException {
        assertTrue(ask("POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 101\r\n\r\n" + "x".repeat(101))
                .startsWith("HTTP/1.1 413 "));
        assertTrue(ask("POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + "x".repeat(101)
                        + "\r\n0\r\n\r\n")
                .startsWith("HTTP/1.1 413 "));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Content-Length: 3\r\nContent-Length: 3\r\n",
                "Content-Length: 3\r\nContent-Length: 4\r\n",
                "Content-Length: 3, 3\r\n",
                "Content-Length: +3\r\n",
                "Content-Length: 0x3\r\n",
                "Content-Length: -3\r\n",
                "Content-Length:\r\n",
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\n\nX: y\r\n",
                "Transfer-Encoding:\r\n chunked\r\n",
                "Transfer-Encoding : chunked\r\n"
            })
    void framingThatCouldBeReadInTwoWaysIsRefusedAndTheConnectionClosed(String headers) throws IOException {
        String answer = ask("POST /echo HTTP/1.1\r\nHost: d\r\n" + headers + "\r\nabc" + get("/none"));
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        assertTrue(answer.contains("Connection: close\r\n"), answer);
        assertFalse(answer.contains(" 204 "), answer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "3\nabc\r\n",
                "3 \r\nabc\r\n",
                "+3\r\nabc\r\n",
                "0x3\r\nabc\r\n",
                "3\r\nabcd\r\n",
                "\r\n",
                "-1\r\n"
            })
    void chunksThatCouldBeReadInTwoWaysAreRefused(String chunks) throws IOException {
        String answer = ask("POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
                + "0\r\n\r\n" + get("/none"));
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        assertFalse(answer.contains(" 204 "), answer);
    }

    @Test
    void otherEncodingsAndExpectationsAreRefused() throws IOException {
        assertTrue(ask("POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
                .startsWith("HTTP/1.1 501 "));
        assertTrue(ask("POST /echo HTTP/1.1\r\nHost: d\r\nExpect: miracles\r\n\r\n")
                .startsWith("HTTP/1.1 417 "));
    }

    @Test
    void aSlowHeadIsCutAndAnIdleConnectionIsNot() throws Exception {
        try (RawClient slow = new RawClient(socket);
                RawClient idle = new RawClient(socket)) {
            slow.say("GET /hel");
            assertEquals("", slow.rest());
            Thread.sleep(400);
            assertTrue(idle.say(get("/hello")).until("hello 3").startsWith("HTTP/1.1 200"));
        }
    }

    @Test
    void anEndlessHeadIsRefused() throws IOException {
        try (RawClient client = new RawClient(socket)) {
            client.say("GET /" + "x".repeat(Input.MAX_HEAD));
            assertTrue(client.rest().startsWith("HTTP/1.1 431 "));
        }
    }

    @Test
    void headIsAnsweredWithoutTheBody() throws IOException {
        String answer =
                ask("HEAD /hello HTTP/1.1\r\nHost: d\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: d\r\n\r\n" + get("/none"));
        assertTrue(answer.contains("Content-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\n"), answer);
        assertTrue(answer.contains("Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 "), answer);
    }

    @Test
    void aStreamIsChunkedAndTheConnectionGoesOn() throws IOException {
        String answer = ask(get("/stream") + get("/none"));
        assertTrue(answer.contains("chunked\r\n\r\n3\r\none\r\n4000\r\nxxx"), answer);
        assertTrue(answer.contains("x\r\n0\r\n\r\nHTTP/1.1 204 "), answer);
    }

    @Test
    void anOldClientGetsAPlainStreamAndTheEnd() throws IOException {
        String answer = ask("GET /stream HTTP/1.0\r\n\r\n");
        assertTrue(answer.contains("Connection: close\r\n\r\nonexxx"), answer);
        assertFalse(answer.contains("chunked"), answer);
    }

    @Test
    void aHandlerThatFailsAnswers500AndOneThatFailsMidwayCutsTheConnection() throws IOException {
        assertTrue(ask(get("/broken")).startsWith("HTTP/1.1 500 "));
        assertTrue(ask(get("/silent")).startsWith("HTTP/1.1 500 "));
        String cut = ask(get("/stream?break") + get("/none"));
        assertTrue(cut.endsWith("3\r\none\r\n"), cut);
    }

    @Test
    void aStreamingHandlerLearnsThatItsClientHasGone() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            client.say(get("/watch")).until("\r\n\r\n");
            assertEquals(1, gone.getCount());
        }
        assertTrue(gone.await(5, TimeUnit.SECONDS));
    }

    @Test
    void aWatchedConnectionIsUsedAgain() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            client.say(get("/watch")).until("\r\n\r\n");
            release.countDown();
            client.until("0\r\n\r\n");
            assertTrue(client.say(get("/hello")).until("hello 3").startsWith("HTTP/1.1 200"));
            assertTrue(client.say(get("/hello")).until("hello 3").startsWith("HTTP/1.1 200"));
        }
        assertEquals(1, gone.getCount());
    }

    @Test
    void aRequestSentDuringAWatchedResponseIsAnsweredAfterIt() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            client.say(get("/watch")).until("\r\n\r\n");
            client.say(get("/hello"));
            release.countDown();
            String rest = client.until("hello 3");
            assertTrue(rest.startsWith("4\r\nover\r\n0\r\n\r\nHTTP/1.1 200"), rest);
        }
    }

    @Test
    void aHijackedConnectionIsRawBothWaysAndSurvivesTheClientsHalfClose() throws IOException {
        try (RawClient client = new RawClient(socket)) {
            client.say(
                    "POST /raw HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}early");
            String head = client.until("\r\n\r\n");
            assertTrue(head.startsWith("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/octet-stream\r\n"), head);
            assertTrue(head.contains("Connection: Upgrade\r\nUpgrade: tcp\r\n"), head);
            assertEquals("early", client.until("early"));
            client.say("late").done();
            assertEquals("lateend", client.rest());
        }
    }

    @Test
    void aHijackWithoutUpgradeIsAnsweredWith200() throws IOException {
        String answer = ask("POST /raw HTTP/1.1\r\nHost: d\r\n\r\nin");
        assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"), answer);
        assertTrue(answer.endsWith("\r\n\r\ninend"), answer);
    }

    @Test
    void aClosingServerLetsARunningRequestEnd() throws Exception {
        try (RawClient client = new RawClient(socket)) {
            client.say(get("/watch")).until("\r\n\r\n");
            Thread closer = Thread.ofVirtual().start(() -> {
                try {
                    server.close();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            Thread.sleep(50);
            release.countDown();
            assertTrue(client.rest().startsWith("4\r\nover\r\n0\r\n"));
            closer.join();
        }
    }
}
