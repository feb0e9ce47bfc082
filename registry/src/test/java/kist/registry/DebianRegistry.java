package kist.registry;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The registry of Debian's package docker-registry, on a port of its own on loopback. */
final class DebianRegistry implements AutoCloseable {
    private final Process process;
    private final String authority;

    /**
     * Starts one.
     *
     * @param directory of its own, empty
     * @param tls lines of the section http.tls, empty for none
     * @param auth lines of the section auth, empty for none
     */
    DebianRegistry(Path directory, String tls, String auth) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        authority = "127.0.0.1:" + port;
        Files.createDirectories(directory);
        Path config = directory.resolve("config.yml");
        Files.writeString(
                config,
                "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"
                        + "storage:\n  filesystem:\n    rootdirectory: " + directory.resolve("data")
                        + "\n  delete:\n    enabled: true\nhttp:\n  addr: " + authority + "\n"
                        + (tls.isEmpty() ? "" : "  tls:\n" + tls.indent(4))
                        + (auth.isEmpty() ? "" : "auth:\n" + auth.indent(2)));
        process = new ProcessBuilder("docker-registry", "serve", config.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!answers(port)) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                close();
                throw new IOException("docker-registry does not start: " + Files.readString(directory.resolve("log")));
            }
            Thread.sleep(20);
        }
    }

    private static boolean answers(int port) {
        try (Socket socket = new Socket(InetAddress.getByName("127.0.0.1"), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    String authority() {
        return authority;
    }

    @Override
    public void close() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }
}
