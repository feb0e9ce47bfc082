package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kist.http.HttpServer;
import kist.http.Peer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real docker command as a process against a played engine. */
@Timeout(120)
class DockerCommandTest {
    @TempDir
    Path directory;

    private HttpServer server;

    @BeforeEach
    void open() throws IOException {
        server = DockerDoor.open(directory.resolve("docker.sock"), new FakeEngine(), "0.1.0", channel -> Peer.UNKNOWN);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private record Result(int code, String out, String err) {}

    private Result docker(String input, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("docker"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("DOCKER_HOST", "unix://" + directory.resolve("docker.sock"));
        builder.environment().put("DOCKER_CONFIG", directory.resolve("config").toString());
        Path out = Files.createTempFile(directory, "out", "");
        Path err = Files.createTempFile(directory, "err", "");
        Process process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        try (var stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // a command that reads no input may be gone already
        }
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError(command + " hangs: " + Files.readString(out) + Files.readString(err));
        }
        return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void versionAndInfoAreShown() throws Exception {
        Result version = docker("", "version");
        assertEquals(0, version.code(), version.err());
        assertTrue(version.out().contains("Server: Kist"), version.out());
        Result info = docker("", "info");
        assertEquals(0, info.code(), info.err());
        assertTrue(info.out().contains("+kist.0.1.0"), info.out());
    }

    @Test
    void runShowsBothStreamsAndTheExitCode() throws Exception {
        assertEquals(new Result(3, "out\n", "err\n"), docker("", "run", "--rm", "busybox", "both"));
        assertEquals(new Result(0, "hi\n", ""), docker("hi\n", "run", "-i", "--rm", "busybox", "cat"));
        assertEquals(127, docker("", "run", "--rm", "busybox", "nosuch").code());
        assertEquals(126, docker("", "run", "--rm", "busybox", "notexec").code());
        Result missing = docker("", "run", "nosuchimage");
        assertEquals(125, missing.code());
        assertTrue(missing.err().contains("manifest for nosuchimage:latest not found"), missing.err());
    }

    @Test
    void aDetachedContainerIsListedInspectedExecutedInAndRemoved() throws Exception {
        String id = docker("", "run", "-d", "--name", "one", "busybox", "sleep")
                .out()
                .strip();
        assertEquals(64, id.length());
        String list = docker("", "ps").out();
        assertTrue(list.contains(id.substring(0, 12)) && list.contains("\"sleep\"") && list.contains("Up "), list);
        assertEquals(
                "running 02:42:ac:1d:00:02\n",
                docker("", "inspect", "-f", "{{.State.Status}} {{.NetworkSettings.Networks.bridge.MacAddress}}", "one")
                        .out());
        assertEquals(new Result(3, "out\n", "err\n"), docker("", "exec", "one", "both"));
        assertEquals(new Result(0, "hi", ""), docker("hi", "exec", "-i", "one", "cat"));
        assertEquals("one\n", docker("", "kill", "one").out());
        assertEquals("137\n", docker("", "wait", "one").out());
        assertTrue(docker("", "ps", "-a").out().contains("Exited (137)"));
        assertEquals("one\n", docker("", "rm", "one").out());
        assertEquals(1, docker("", "stop", "one").code());
    }

    @Test
    void logsAreShownWithTheirTimes() throws Exception {
        docker("", "run", "--name", "one", "busybox", "both");
        assertEquals(new Result(0, "out\n", "err\n"), docker("", "logs", "one"));
        assertEquals(
                new Result(0, "2023-11-14T22:13:20.000000001Z out\n", "2023-11-14T22:13:20.000000001Z err\n"),
                docker("", "logs", "-t", "--tail", "5", "one"));
    }

    @Test
    void imagesComeAndGo() throws Exception {
        assertTrue(docker("", "images").out().contains("busybox"));
        assertEquals(
                FakeEngine.IMAGE_ID + "\n", docker("tar", "import", "-", "x:1").out());
        assertEquals("Loaded image: busybox:latest\n", docker("tar", "load").out());
        assertEquals(0, docker("", "tag", "busybox", "y:1").code());
        assertTrue(docker("", "rmi", "y:1").out().startsWith("Untagged: y:1\nDeleted: sha256:"));
        assertTrue(docker("", "history", "busybox").out().contains("1.98MB"));
    }
}
