package kist.docker;

import java.nio.file.Files;
import java.nio.file.Path;

/** Opens the door to a fake engine on a socket, for a look by hand. */
final class FakeDaemon {
    private FakeDaemon() {}

    public static void main(String[] args) throws Exception {
        Path socket = Path.of(args[0]);
        Files.deleteIfExists(socket);
        DockerDoor.open(socket, new FakeEngine(), "0.1.0", channel -> kist.http.Peer.UNKNOWN);
        Thread.sleep(Long.MAX_VALUE);
    }
}
