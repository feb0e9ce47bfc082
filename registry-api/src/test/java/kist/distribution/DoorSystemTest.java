package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import kist.distribution.Web.Answer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class DoorSystemTest {
    @TempDir
    Path directory;

    private static String basic(String user, String password) {
        return "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    private Path htpasswd() throws Exception {
        return Files.writeString(directory.resolve("users"), HtpasswdTest.line("alice", "secret"));
    }

    private Served open(Optional<Path> htpasswd, Anonymous anonymous) throws IOException {
        return new Served(directory, false, Served.options(Optional.empty(), htpasswd, anonymous));
    }

    private static String push(Web web, String name, byte[] blob, String... headers) throws Exception {
        String digest = Web.digest(blob);
        Answer answer = web.send("POST", "/v2/" + name + "/blobs/uploads/?digest=" + digest, blob, headers);
        assertEquals(201, answer.status(), answer.text());
        return digest;
    }

    @Test
    void withAPasswordFileNothingIsDoneForWhoIsNotInIt() throws Exception {
        try (Served served = open(Optional.of(htpasswd()), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            for (String path : List.of("/v2/", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/manifests/x", "/other")) {
                Answer answer = web.get(path);
                assertEquals(401, answer.status(), path);
                assertTrue(answer.header("WWW-Authenticate").startsWith("Basic realm=\""));
                assertTrue(answer.text().contains("\"UNAUTHORIZED\""), answer.text());
            }
            for (String wrong : List.of(
                    basic("alice", "wrong"),
                    basic("eve", "secret"),
                    "Basic",
                    "Basic !!!",
                    "Basic " + Base64.getEncoder().encodeToString("alice".getBytes(StandardCharsets.UTF_8)),
                    "Bearer secret",
                    "alice:secret")) {
                assertEquals(401, web.get("/v2/", "Authorization", wrong).status(), wrong);
            }
            assertEquals(
                    401, web.send("POST", "/v2/a/blobs/uploads/", new byte[0]).status());
            assertTrue(served.asked.isEmpty(), "the engine was not asked: " + served.asked);
            assertEquals(
                    200,
                    web.get("/v2/", "Authorization", basic("alice", "secret")).status());
            push(web, "a", new byte[3], "Authorization", basic("alice", "secret"));
            assertTrue(served.asked.contains("registry alice@127.0.0.1 BeginUpload a"), served.asked.toString());
        }
    }

    @Test
    void readingMayBeOpenWhereWritingIsNot() throws Exception {
        try (Served served = open(Optional.of(htpasswd()), Anonymous.READ)) {
            Web web = new Web(served.address());
            String digest = push(web, "a", new byte[3], "Authorization", basic("alice", "secret"));
            assertEquals(200, web.get("/v2/a/blobs/" + digest).status());
            assertEquals(
                    401,
                    web.send("DELETE", "/v2/a/blobs/" + digest, new byte[0]).status());
            assertEquals(
                    401,
                    web.get("/v2/a/blobs/" + digest, "Authorization", basic("alice", "no"))
                            .status(),
                    "a wrong password is wrong even where none is needed");
        }
        try (Served served = open(Optional.empty(), Anonymous.READ)) {
            Answer answer = new Web(served.address()).send("POST", "/v2/a/blobs/uploads/", new byte[0]);
            assertEquals(403, answer.status());
            assertTrue(answer.text().contains("\"DENIED\""), answer.text());
        }
    }

    @Test
    void nobodyOpensTheRegistryToEverybodyUnawares() throws Exception {
        InetSocketAddress everywhere = new InetSocketAddress(InetAddress.getByName("0.0.0.0"), 0);
        DistributionOptions open =
                new DistributionOptions(everywhere, Optional.empty(), Optional.empty(), Anonymous.DEFAULT, false);
        String message = assertThrows(IllegalArgumentException.class, () -> new Served(directory, false, open).close())
                .getMessage();
        assertTrue(message.contains("--htpasswd") && message.contains("--anonymous"), message);
    }

    @Test
    void requestsOfWebPagesAreNotAnswered() throws Exception {
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            assertEquals(
                    403,
                    web.send("POST", "/v2/a/blobs/uploads/", new byte[0], "Origin", "http://evil.example")
                            .status());
            assertTrue(served.asked.isEmpty());
        }
    }

    @Test
    void whatWasPushedAndBegunIsThereAfterARestart() throws Exception {
        byte[] blob = Conformance.random(500_000);
        String digest;
        String location;
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            digest = push(web, "a/b", Arrays.copyOf(blob, 1000));
            location = web.send("POST", "/v2/a/b/blobs/uploads/", new byte[0]).header("Location");
            assertEquals(
                    202,
                    web.send("PATCH", location, Arrays.copyOf(blob, 300_000)).status());
        }
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            assertEquals(200, web.get("/v2/a/b/blobs/" + digest).status());
            assertEquals("0-299999", web.get(location).header("Range"));
            Answer end = web.send(
                    "PUT", location + "?digest=" + Web.digest(blob), Arrays.copyOfRange(blob, 300_000, 500_000));
            assertEquals(201, end.status(), end.text());
            assertArrayEquals(blob, web.get("/v2/a/b/blobs/" + Web.digest(blob)).body());
        }
    }

    @Test
    void anUploadThatBreaksOffGoesOnWhereItBroke() throws Exception {
        byte[] blob = Conformance.random(400_000);
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            String location =
                    web.send("POST", "/v2/a/blobs/uploads/", new byte[0]).header("Location");
            try (Socket socket = new Socket("127.0.0.1", served.door.address().getPort())) {
                socket.getOutputStream()
                        .write(("PATCH " + location + " HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n")
                                .getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(blob, 0, 250_000);
                socket.getOutputStream().flush();
                socket.shutdownOutput();
                assertEquals(-1, socket.getInputStream().read());
            }
            Answer status = web.get(location);
            assertEquals(204, status.status());
            assertEquals("0-249999", status.header("Range"));
            Answer end = web.send(
                    "PUT",
                    location + "?digest=" + Web.digest(blob),
                    Arrays.copyOfRange(blob, 250_000, 400_000),
                    "Content-Range",
                    "250000-399999");
            assertEquals(201, end.status(), end.text());
        }
    }

    @Test
    void twoWhoWriteToOneUploadDoNotMixTheirBytes() throws Exception {
        byte[] blob = Conformance.random(100_000);
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            String location =
                    web.send("POST", "/v2/a/blobs/uploads/", new byte[0]).header("Location");
            try (Socket socket = new Socket("127.0.0.1", served.door.address().getPort())) {
                socket.getOutputStream()
                        .write(("PATCH " + location + " HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
                                .getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(blob, 0, 50_000);
                socket.getOutputStream().flush();
                while (served.asked.stream().noneMatch(a -> a.contains("AppendUpload"))) {
                    Thread.sleep(10);
                }
                Thread.sleep(100);
                Answer second = web.send("PATCH", location, blob);
                assertEquals(409, second.status(), second.text());
                assertTrue(second.text().contains("BLOB_UPLOAD_INVALID"), second.text());
                socket.getOutputStream().write(blob, 50_000, 50_000);
                socket.getOutputStream().flush();
                assertEquals('H', socket.getInputStream().read());
            }
            assertEquals(
                    201,
                    web.send("PUT", location + "?digest=" + Web.digest(blob), new byte[0])
                            .status());
        }
    }

    @Test
    void anUploadBelongsToItsRepository() throws Exception {
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            String location =
                    web.send("POST", "/v2/a/blobs/uploads/", new byte[0]).header("Location");
            assertEquals(404, web.get(location.replace("/a/", "/b/")).status());
            String digest = push(web, "a", new byte[5]);
            assertEquals(404, web.get("/v2/b/blobs/" + digest).status(), "the bytes are there, but not in b");
        }
    }

    @Test
    void manyClientsPushTheSameAndTheirOwnAtOnce() throws Exception {
        byte[] common = Conformance.random(300_000);
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<String>> work = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                String name = "many/r" + i % 4;
                byte[] own = Conformance.random(20_000 + i);
                work.add(() -> {
                    Web web = new Web(served.address());
                    String digest = push(web, name, common);
                    push(web, name, own);
                    assertArrayEquals(
                            own,
                            web.get("/v2/" + name + "/blobs/" + Web.digest(own)).body());
                    return digest;
                });
            }
            for (Future<String> done : threads.invokeAll(work)) {
                assertEquals(Web.digest(common), done.get());
            }
        }
    }

    @Test
    void everyRequestThatChangesSomethingIsAskedOfTheEngineByName() throws Exception {
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            Web web = new Web(served.address());
            String digest = push(web, "a", new byte[5]);
            web.send("DELETE", "/v2/a/blobs/" + digest, new byte[0]);
            web.send("DELETE", "/v2/a/manifests/v1", new byte[0]);
            assertEquals(
                    List.of(
                            "registry @127.0.0.1 BeginUpload a",
                            "registry @127.0.0.1 AppendUpload a",
                            "registry @127.0.0.1 FinishUpload a@" + digest,
                            "registry @127.0.0.1 DeleteBlob a@" + digest,
                            "registry @127.0.0.1 DeleteManifest a:v1"),
                    served.asked);
        }
    }

    @Test
    void aClosedDoorFreesThePortAndNothingIsLeftToConnectTo() throws Exception {
        int port;
        try (Served served = open(Optional.empty(), Anonymous.DEFAULT)) {
            port = served.door.address().getPort();
            assertFalse(served.address().isEmpty());
        }
        assertThrows(IOException.class, () -> new Socket("127.0.0.1", port).close());
    }
}
