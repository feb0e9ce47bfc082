package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompletionTest {
    @TempDir
    Path directory;

    private FakeEngine engine;

    @BeforeEach
    void open() throws IOException {
        engine = new FakeEngine(directory.resolve("s"))
                .on("GET /_ping", 200, "OK")
                .on("GET /containers/json", 200, "[{\"Names\":[\"/web\",\"/db/web\"]},{\"Names\":[\"/worker\"]}]")
                .on("GET /images/json", 200, "[{\"RepoTags\":[\"busybox:latest\"]},{\"RepoTags\":[\"<none>:<none>\"]}]")
                .on("GET /networks", 200, "[{\"Name\":\"bridge\"},{\"Name\":\"back\"}]")
                .on("GET /volumes", 200, "{\"Volumes\":[{\"Name\":\"data\"}]}");
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private String kist(String... command) throws IOException {
        var out = new ByteArrayOutputStream();
        var context = new Context(
                Settings.of(directory, directory, "unix://" + directory.resolve("s")),
                new ByteArrayInputStream(new byte[0]),
                out,
                out,
                Map.of(),
                "",
                "");
        assertEquals(0, Main.guarded(context, List.of(command)));
        return out.toString(StandardCharsets.UTF_8);
    }

    /** The words that may follow, without their meanings. */
    private List<String> complete(String... words) throws IOException {
        var command = new ArrayList<String>(List.of("__complete"));
        command.addAll(List.of(words));
        var answers = new ArrayList<String>();
        for (var line : kist(command.toArray(String[]::new)).split("\n")) {
            if (!line.isEmpty()) {
                answers.add(line.split("\t", 2)[0]);
            }
        }
        return answers;
    }

    @Test
    void commands_and_those_in_groups_are_offered() throws IOException {
        assertEquals(List.of("start", "stop", "stats"), complete("st"));
        assertEquals(List.of("prune"), complete("container", "pr"));
        assertEquals(List.of("df"), complete("--host", "unix:///x", "system", "d"));
        assertEquals(List.of("inspect"), complete("manifest", ""));
        assertTrue(complete("").contains("completion"));
        assertEquals(List.of("--host"), complete("--ho"));
    }

    @Test
    void flags_and_their_values_are_offered() throws IOException {
        assertEquals(List.of("--network", "--network-alias"), complete("run", "--network"));
        assertEquals(List.of("bridge", "back"), complete("run", "--network", "b"));
        assertEquals(List.of("--pull=always"), complete("run", "--pull=a"));
        assertEquals(List.of("healthy"), complete("wait", "--condition", "h"));
        assertEquals(List.of("data", ":files"), complete("run", "-itv", ""));
        assertEquals(List.of(":files"), complete("run", "--env-file", "/etc/h"));
        assertEquals(List.of("--signal"), complete("container", "stop", "--si"));
    }

    @Test
    void names_of_what_there_is_are_offered() throws IOException {
        assertEquals(List.of("web", "worker"), complete("stop", "w"));
        assertEquals("GET /containers/json?all=0", engine.requests.getLast());
        assertEquals(List.of("web", "worker"), complete("logs", "-f", "--tail", "5", ""));
        assertEquals(List.of("busybox:latest"), complete("run", "-e", "A=1", "b"));
        assertEquals(List.of("web", "worker", "busybox:latest", "bridge", "back", "data"), complete("inspect", ""));
        // what a container runs is nobody's to guess
        assertEquals(List.of(), complete("run", "busybox", "--na"));
    }

    @Test
    void nothing_is_offered_where_nothing_is_known() throws IOException {
        assertEquals(List.of(), complete("frobnicate", ""));
        assertEquals(List.of(), complete("run", "--name", ""));
        engine.close();
        assertEquals(List.of(), complete("stop", ""));
    }

    @Test
    void the_bash_script_completes_words_with_colons_and_equal_signs() throws Exception {
        var script = Files.writeString(directory.resolve("c.bash"), kist("completion", "bash"));
        var test = """
                . "$1"
                kist() { printf '%s\\n' "--pull=always	x" "--pull=never" "busybox:latest" | grep -F -- "${!#}"; }
                for line in 'kist run --pull=n' 'kist run busybox:l' 'kist run bus'; do
                    COMP_LINE=$line COMP_POINT=${#line}
                    _kist
                    echo "${COMPREPLY[*]}"
                done
                """;
        var process = new ProcessBuilder("bash", "-c", test, "bash", script.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        assertEquals("never\nlatest\nbusybox:latest\n", said);
        assertTrue(kist("completion", "zsh").startsWith("#compdef kist\n"));
        assertTrue(kist("completion", "fish").contains("complete -c kist"));
    }
}
