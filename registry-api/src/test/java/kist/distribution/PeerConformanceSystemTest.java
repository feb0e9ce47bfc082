package kist.distribution;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Debian's docker-registry 2.8, by which the test itself is tested; what it does not have is named. */
class PeerConformanceSystemTest extends Conformance {
    private static Path directory;
    private static Process process;
    private static String address;

    @BeforeAll
    static void open() throws Exception {
        directory = Files.createTempDirectory("docker-registry");
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        address = "127.0.0.1:" + port;
        Path config = directory.resolve("config.yml");
        Files.writeString(
                config,
                "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n  filesystem: {rootdirectory: "
                        + directory.resolve("data")
                        + "}\n  delete: {enabled: true}\nhttp: {addr: '" + address + "', relativeurls: true}\n");
        process = new ProcessBuilder("docker-registry", "serve", config.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        for (int i = 0; ; i++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                break;
            } catch (IOException e) {
                if (i == 100 || !process.isAlive()) {
                    throw new IOException("docker-registry: " + Files.readString(directory.resolve("log")), e);
                }
                Thread.sleep(100);
            }
        }
    }

    @AfterAll
    static void close() throws Exception {
        process.destroy();
        process.waitFor(10, TimeUnit.SECONDS);
        Served.delete(directory);
    }

    @Override
    String address() {
        return address;
    }

    @Override
    Set<Feature> lacks() {
        return Set.of(
                Feature.REFERRERS,
                Feature.SUBJECT,
                Feature.DELETE_TAG,
                Feature.TAG_PAGES,
                Feature.MONOLITHIC_POST,
                Feature.CHUNK_ORDER,
                Feature.RANGE_REFUSAL,
                Feature.REFERENCE_GRAMMAR,
                Feature.METHODS);
    }
}
