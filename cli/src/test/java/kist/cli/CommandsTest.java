package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandsTest {
    @TempDir
    Path directory;

    private FakeEngine engine;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private String input = "";
    private String host = "";

    @BeforeEach
    void open() throws IOException {
        engine = new FakeEngine(directory.resolve("s"));
        host = "unix://" + directory.resolve("s");
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private int kist(String... command) throws IOException {
        var context = new Context(
                Settings.of(directory, directory, host),
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                out,
                err,
                Map.of("DOCKER_CONFIG", directory.toString()),
                "",
                "");
        return Main.guarded(context, List.of(command));
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private FakeEngine runnable() {
        return engine.on("POST /containers/create", 201, "{\"Id\":\"c1\",\"Warnings\":[]}")
                .on("POST /containers/c1/wait", exchange -> {
                    exchange.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    exchange.raw("10\r\n{\"StatusCode\":7}\r\n0\r\n\r\n");
                })
                .on("POST /containers/c1/start", 204, "")
                .on("POST /containers/c1/attach", exchange -> {
                    exchange.hijack();
                    exchange.frame(1, "out\n");
                    exchange.frame(2, "err\n");
                    exchange.channel().close();
                });
    }

    @Test
    void run_prints_both_streams_and_returns_the_containers_status() throws IOException {
        runnable();
        assertEquals(7, kist("run", "--rm", "--name", "a b", "busybox", "true"));
        assertEquals("out\n", out());
        assertEquals("err\n", err());
        assertEquals("POST /containers/create?name=a%20b", engine.requests.getFirst());
        assertTrue(engine.requests.contains("POST /containers/c1/wait?condition=removed"), engine.requests::toString);
        assertEquals("POST /containers/c1/start", engine.requests.getLast());
    }

    @Test
    void run_sends_its_input_and_then_the_end_of_it() throws IOException {
        input = "hello";
        runnable().on("POST /containers/c1/attach?stream=1&stdin=1", exchange -> {
            exchange.hijack();
            exchange.frame(1, "got " + new String(exchange.in().readAllBytes(), StandardCharsets.UTF_8));
            exchange.channel().close();
        });
        assertEquals(7, kist("run", "-i", "busybox", "cat"));
        assertEquals("got hello", out());
    }

    @Test
    void run_in_the_background_prints_the_id() throws IOException {
        runnable();
        assertEquals(0, kist("run", "-d", "busybox"));
        assertEquals("c1\n", out());
    }

    @Test
    void run_of_an_image_that_is_not_there_and_not_to_be_pulled_says_so() throws IOException {
        engine.on("POST /containers/create", 404, "{\"message\":\"No such image: nope:latest\"}");
        assertEquals(125, kist("run", "--pull", "never", "nope"));
        assertTrue(err().startsWith("kist: Error response from engine: No such image: nope:latest\n"), err());
        assertEquals(125, kist("run", "--pull", "often", "nope"));
    }

    @Test
    void a_command_that_cannot_start_gives_the_shells_statuses() throws IOException {
        for (var expected : Map.of(
                        "exec: \\\"x\\\": executable file not found in $PATH", 127,
                        "exec: \\\"/x\\\": permission denied", 126,
                        "something else", 125)
                .entrySet()) {
            runnable().on("POST /containers/c1/start", 400, "{\"message\":\"" + expected.getKey() + "\"}");
            err.reset();
            assertEquals(expected.getValue(), kist("run", "busybox", "x"), expected::getKey);
            assertTrue(err().startsWith("kist: Error response from engine: "), err());
        }
    }

    @Test
    void a_cidfile_is_written_once_and_not_left_after_a_failure() throws IOException {
        runnable();
        var file = directory.resolve("id");
        assertEquals(0, kist("run", "-d", "--cidfile", file.toString(), "busybox"));
        assertEquals("c1", Files.readString(file));
        assertEquals(125, kist("run", "-d", "--cidfile", file.toString(), "busybox"));
        assertTrue(err().contains("container ID file found"), err());
        engine.on("POST /containers/create", 409, "{\"message\":\"taken\"}");
        var other = directory.resolve("other");
        assertEquals(125, kist("run", "-d", "--cidfile", other.toString(), "busybox"));
        assertFalse(Files.exists(other));
    }

    @Test
    void a_terminal_is_asked_for_only_where_there_is_one() throws IOException {
        assertEquals(1, kist("run", "-it", "busybox"));
        assertEquals("the input device is not a TTY\n", err());
        assertEquals(List.of(), engine.requests);
    }

    @Test
    void exec_returns_the_status_of_what_it_ran() throws IOException {
        engine.on("POST /containers/c/exec", 201, "{\"Id\":\"e\"}")
                .on("POST /exec/e/start", exchange -> {
                    exchange.hijack();
                    exchange.frame(1, "x");
                    exchange.channel().close();
                })
                .on("GET /exec/e/json", 200, "{\"ExitCode\":3}");
        assertEquals(3, kist("exec", "-e", "A=1", "-w", "/tmp", "c", "ls", "-l"));
        var body = Doc.parse(engine.bodies.getFirst());
        assertEquals(List.of("ls", "-l"), body.strings("Cmd"));
        assertEquals(List.of("A=1"), body.strings("Env"));
        assertEquals("/tmp", body.text("WorkingDir"));
    }

    @Test
    void one_wrong_name_does_not_spare_the_others() throws IOException {
        engine.on("POST /containers/a/stop?t=3", 204, "")
                .on("POST /containers/b/stop", 404, "{\"message\":\"No such container: b\"}")
                .on("POST /containers/c/stop", 304, "");
        assertEquals(1, kist("stop", "-t", "3", "a", "b", "c"));
        assertEquals("a\nc\n", out());
        assertEquals("Error response from engine: No such container: b\n", err());
    }

    @Test
    void rm_with_force_forgives_what_is_gone() throws IOException {
        engine.on("DELETE /containers/", 404, "{\"message\":\"No such container: x\"}");
        assertEquals(0, kist("rm", "-f", "x"));
        assertEquals(1, kist("rm", "x"));
    }

    @Test
    void ps_prints_dockers_columns() throws IOException {
        engine.on("GET /containers/json?all=0", 200, """
                [{"Id":"0123456789abcdef","Names":["/web"],"Image":"busybox","Command":"sh -c 'sleep 1; sleep 2'",
                  "Created":1,"State":"running","Status":"Up 3 seconds","Ports":[{"PrivatePort":80,"Type":"tcp"}]}]""");
        assertEquals(0, kist("ps"));
        var lines = out().split("\n");
        assertEquals(
                "CONTAINER ID   IMAGE     COMMAND                  CREATED        STATUS         PORTS     NAMES",
                lines[0]);
        assertTrue(lines[1].startsWith("0123456789ab   busybox   \"sh -c 'sleep 1; sle…\"   "), lines[1]);
        assertTrue(lines[1].endsWith("Up 3 seconds   80/tcp    web"), lines[1]);
        out.reset();
        assertEquals(0, kist("ps", "-q"));
        assertEquals("0123456789ab\n", out());
        out.reset();
        assertEquals(0, kist("ps", "--format", "{{.Names}}={{.State}}"));
        assertEquals("web=running\n", out());
    }

    @Test
    void filters_reach_the_engine_as_json() throws IOException {
        engine.on("GET /containers/json", 200, "[]");
        kist("ps", "-a", "--filter", "status=exited", "--filter", "status=created", "-n", "3");
        assertEquals(
                "GET /containers/json?all=1&limit=3&filters=%7B%22status%22%3A%5B%22exited%22%2C%22created%22%5D%7D",
                engine.requests.getFirst());
    }

    @Test
    void logs_are_taken_apart_or_not_as_the_container_has_a_terminal() throws IOException {
        engine.on("GET /containers/c/json", 200, "{\"Id\":\"c\",\"Config\":{\"Tty\":false}}")
                .on("GET /containers/c/logs?stdout=1&stderr=1&follow=1&tail=2", exchange -> {
                    exchange.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n\1\0\0\0\0\0\0\1a\r\n");
                    exchange.raw("9\r\n\2\0\0\0\0\0\0\1b\r\n0\r\n\r\n");
                })
                .on("GET /containers/t/json", 200, "{\"Id\":\"t\",\"Config\":{\"Tty\":true}}")
                .on("GET /containers/t/logs", 200, "plain");
        assertEquals(0, kist("logs", "-f", "--tail", "2", "c"));
        assertEquals("a", out());
        assertEquals("b", err());
        assertEquals(0, kist("logs", "t"));
        assertEquals("aplain", out());
    }

    @Test
    void import_sends_the_file_and_prints_the_id() throws IOException {
        var tar = Files.writeString(directory.resolve("x.tar"), "tar bytes");
        engine.on("POST /images/create", 200, "{\"status\":\"sha256:abc\"}\r\n");
        assertEquals(0, kist("import", "-c", "CMD [\"sh\"]", tar.toString(), "host:5000/a/b:1"));
        assertEquals("sha256:abc\n", out());
        assertEquals(
                "POST /images/create?fromSrc=-&repo=host%3A5000%2Fa%2Fb&tag=1&changes=CMD%20%5B%22sh%22%5D",
                engine.requests.getFirst());
        assertEquals("tar bytes", engine.bodies.getFirst());
        assertEquals(1, kist("import", directory + "/none.tar"));
        assertTrue(err().contains("none.tar"), err());
    }

    @Test
    void an_error_in_a_progress_stream_is_the_commands() throws IOException {
        input = "x";
        engine.on("POST /images/load", 200, "{\"stream\":\"one\\n\"}\n{\"error\":\"bad tar\"}\n");
        assertEquals(1, kist("load"));
        assertEquals("one\n", out());
        assertEquals("kist: bad tar\n", err());
    }

    @Test
    void inspect_looks_for_containers_and_then_images() throws IOException {
        engine.on("GET /containers/i/json", 404, "{\"message\":\"No such container: i\"}")
                .on("GET /images/i/json", 200, "{\"Id\":\"sha256:1\",\"Tags\":[]}");
        assertEquals(0, kist("inspect", "i"));
        assertEquals("[\n    {\n        \"Id\": \"sha256:1\",\n        \"Tags\": []\n    }\n]\n", out());
        out.reset();
        assertEquals(1, kist("inspect", "none"));
        assertEquals("[]\n", out());
        assertEquals("Error: No such object: none\n", err());
    }

    @Test
    void env_prints_a_line_that_a_shell_can_evaluate() throws IOException {
        host = "";
        assertEquals(0, kist("env"));
        assertEquals("export DOCKER_HOST=unix://" + directory + "/docker.sock\n", out());
        assertEquals("'a b'\\''c'", SystemCommands.shellQuoted("a b'c"));
    }

    @Test
    void a_remote_engine_that_is_away_is_not_started() throws IOException {
        host = "unix:///nonexistent/sock";
        assertEquals(1, kist("ps"));
        assertTrue(err().startsWith("kist: cannot connect to the engine at unix:///nonexistent/sock: "), err());
        host = "ftp://x";
        err.reset();
        assertEquals(125, kist("ps"));
        assertTrue(err().contains("neither unix:///PATH nor tcp://HOST:PORT"), err());
    }

    @Test
    void what_is_not_known_or_not_there_yet_is_said() throws IOException {
        assertEquals(1, kist("frobnicate"));
        assertTrue(err().contains("unknown command: kist frobnicate"), err());
        err.reset();
        assertEquals(1, kist("swarm", "x"));
        assertEquals("kist: 'kist swarm' is not supported by this version of Kist\n", err());
    }

    @Test
    void commands_in_groups_are_the_plain_ones() throws IOException {
        engine.on("GET /containers/json?all=1", 200, "[]").on("GET /images/x/json", 200, "{\"Id\":\"1\"}");
        assertEquals(0, kist("container", "ls", "-a"));
        assertEquals(0, kist("image", "inspect", "x"));
        assertEquals(1, kist("image", "stop", "x"));
    }

    @Test
    void groups_of_commands_and_what_is_in_them_have_help() throws IOException {
        for (var command : List.of(
                List.of("image"),
                List.of("image", "--help"),
                List.of("container", "-h"),
                List.of("help", "image", "pull"),
                List.of("manifest", "--help"))) {
            assertEquals(0, kist(command.toArray(String[]::new)), command.toString());
        }
    }

    @Test
    void help_is_no_failure() throws IOException {
        assertEquals(0, kist("run", "--help"));
        assertTrue(out().startsWith("Usage:  kist run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"), out());
        assertEquals(0, kist("help", "ps"));
    }

    @Test
    void an_answer_that_breaks_off_is_an_error_and_not_an_end() throws IOException {
        engine.on("GET /containers/json", exchange -> {
            exchange.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[");
            exchange.channel().close();
        });
        assertEquals(1, kist("ps"));
        assertEquals("kist: the engine broke its answer off\n", err());
    }

    @Test
    void an_answer_that_is_not_http_is_an_error() throws IOException {
        engine.on("GET /containers/json", exchange -> {
            exchange.raw("hello\r\n\r\n");
            exchange.channel().close();
        });
        assertEquals(1, kist("ps"));
        assertTrue(err().contains("not HTTP"), err());
    }
}
