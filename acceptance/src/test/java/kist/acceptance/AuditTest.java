package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Every request leaves a line: who, what, on which object; never what was in it. */
class AuditTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    private static List<Json> lines(int from) {
        try {
            var all = Files.readAllLines(engine.root().resolve("audit.log"));
            return all.subList(from, all.size()).stream().map(Json::parse).toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static List<String> requests(List<Json> lines) {
        return lines.stream().map(line -> line.text("request")).toList();
    }

    @Test
    void each_request_of_a_run_is_written_down() {
        int from = lines(0).size();
        engine.docker("run", "--name", "seen", "--network", "none", "busybox", "true")
                .ok();
        engine.docker("exec", "seen", "true").run().exits(1);
        engine.docker("rm", "seen").ok();
        var lines = lines(from);
        assertTrue(
                requests(lines)
                        .containsAll(List.of(
                                "CreateContainer",
                                "AttachContainer",
                                "WaitContainer",
                                "StartContainer",
                                "CreateExec",
                                "RemoveContainer")),
                "" + requests(lines));
        for (var line : lines) {
            assertFalse(line.text("time").isEmpty(), "" + line);
            assertEquals(0, line.number("uid"), "" + line);
            assertTrue(line.flag("allowed"), "" + line);
        }
    }

    @Test
    void the_callers_pid_is_the_callers() {
        int from = lines(0).size();
        engine.api().post("/containers/create", "{\"Image\":\"busybox\"}").expect(201);
        var line = lines(from).stream()
                .filter(l -> l.text("request").equals("CreateContainer"))
                .findFirst()
                .orElseThrow();
        assertEquals(ProcessHandle.current().pid(), line.number("pid"));
        assertEquals("docker", line.text("door"));
    }

    @Test
    void nothing_that_was_in_a_request_is_in_a_line() throws IOException {
        engine.docker(
                        "run",
                        "--rm",
                        "-i",
                        "--name",
                        "quiet",
                        "-e",
                        "TOKEN=s3cr3t-env",
                        "-l",
                        "l=s3cr3t-label",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "cat; echo s3cr3t-command")
                .stdin("s3cr3t-input\n")
                .ok();
        engine.docker("run", "-d", "--name", "box", "--network", "none", "busybox", "sleep", "600")
                .ok();
        engine.docker("exec", "-e", "A=s3cr3t-exec-env", "box", "echo", "s3cr3t-exec")
                .ok();
        try (var files = Files.list(engine.root())) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                assertFalse(Files.readString(file).contains("s3cr3t"), file.toString());
            }
        }
    }

    @Test
    void a_name_cannot_forge_a_line() {
        int from = lines(0).size();
        engine.api()
                .get("/containers/x%0a%7b%22request%22%3a%22Forged%22%7d/json")
                .status();
        engine.api().delete("/containers/%1b%5b31m?force=1").status();
        assertFalse(requests(lines(from)).contains("Forged"));
        assertEquals(
                "600",
                Command.of(
                                "stat",
                                "-c",
                                "%a",
                                engine.root().resolve("audit.log").toString())
                        .ok());
    }

    @Test
    void refused_requests_are_written_down_too() {
        int from = lines(0).size();
        engine.docker("rm", "missing").run().exits(1);
        assertTrue(lines(from).stream()
                .anyMatch(line -> line.text("request").equals("RemoveContainer")
                        && line.text("object").equals("missing")));
    }
}
