package kist.docker;

import java.io.IOException;
import java.nio.file.Path;
import kist.http.HttpServer;
import kist.http.Peer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A test of the door on a real Unix socket, with a fake engine behind it. */
abstract class OpenDoor {
    final FakeEngine engine = new FakeEngine();

    @TempDir
    Path directory;

    Path socket = Path.of("");
    HttpServer server;

    @BeforeEach
    void open() throws IOException {
        socket = directory.resolve("docker.sock");
        server = DockerDoor.open(socket, engine, "0.1.0", channel -> new Peer(1000, 1001, 77));
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }
}
