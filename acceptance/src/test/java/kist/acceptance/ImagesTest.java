package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Images come in by {@code import} and {@code load}, have names, and go. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class ImagesTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments).patience(Duration.ofMinutes(3));
    }

    private String run(String... arguments) {
        return command("run", "--rm", "--network", "none").with(arguments).ok();
    }

    @AfterEach
    void removeAllButBusybox() {
        engine.removeContainers();
        engine.api().delete("/images/other:v2");
        for (var image : engine.api().get("/images/json").expect(200).json().list()) {
            if (!image.texts("RepoTags").contains("busybox:latest")) {
                engine.api().delete("/images/" + image.text("Id") + "?force=1");
            }
        }
    }

    @Test
    void import_takes_a_file_and_a_name() {
        var id = command("import", Images.busyboxTar().toString(), "made:v1").ok();
        assertTrue(id.matches("sha256:[0-9a-f]{64}"), id);
        assertEquals("from import", run("made:v1", "echo", "from import"));
    }

    @Test
    void import_takes_standard_input_and_changes() throws IOException {
        command(
                        "import",
                        "--change",
                        "ENV A=1",
                        "-c",
                        "WORKDIR /etc",
                        "-c",
                        "USER tester",
                        "-c",
                        "CMD [\"sh\", \"-c\", \"echo $A $PWD $(id -un)\"]",
                        "-",
                        "changed")
                .stdin(Files.readAllBytes(Images.busyboxTar()))
                .ok();
        assertEquals("1 /etc tester", run("changed"));
    }

    @Test
    void images_lists_what_is_there() {
        command("tag", "busybox", "other:v2").ok();
        var lines = command("images").run().lines();
        assertTrue(lines.getFirst().matches("REPOSITORY +TAG +IMAGE ID +CREATED +SIZE"), lines.getFirst());
        assertTrue(lines.stream().anyMatch(line -> line.matches("other +v2 +[0-9a-f]{12} .*[0-9]MB")), "" + lines);
        var ids = command("images", "-q", "--no-trunc").run().lines();
        assertTrue(ids.getFirst().matches("sha256:[0-9a-f]{64}"), "" + ids);
    }

    @Test
    void rmi_takes_names_and_with_the_last_the_image() {
        command("import", Images.busyboxTar().toString(), "made:v1").ok();
        command("tag", "made:v1", "made:v2").ok();
        assertEquals("Untagged: made:v1", command("rmi", "made:v1").ok());
        var last = command("rmi", "made:v2").ok();
        assertTrue(last.startsWith("Untagged: made:v2\nDeleted: sha256:"), last);
        command("inspect", "--type", "image", "made:v2").run().exits(1).says("made:v2");
    }

    @Test
    void load_takes_what_docker_save_writes(@TempDir Path directory) throws IOException {
        var base = Images.tar(Images::busybox);
        var second = Images.tar(tar -> tar.directory("etc", 0755)
                .file("etc/data", 0644, "of the second layer\n")
                .file("bin/.wh.wget", 0644, "")
                .directory("home", 0755)
                .file("home/.wh..wh..opq", 0644, "")
                .file("home/new", 0600, ""));
        var config = Map.<String, Object>of(
                "Cmd", List.of("cat", "/etc/data"), "Env", List.of("PATH=/bin", "B=2"), "WorkingDir", "/home");
        var archive = Files.write(
                directory.resolve("image.tar"), Images.dockerArchive("loaded:v1", config, List.of(base, second)));
        assertEquals(
                "Loaded image: loaded:v1",
                command("load", "-i", archive.toString()).ok());
        assertEquals("of the second layer", run("loaded:v1"));
        assertEquals("2 /home new", run("loaded:v1", "sh", "-c", "echo $B $PWD $(ls)"));
        assertEquals("gone", run("loaded:v1", "sh", "-c", "ls /bin/wget 2>/dev/null || echo gone"));
        // and from standard input, where it is there already
        assertEquals(
                "Loaded image: loaded:v1",
                command("load").stdin(Files.readAllBytes(archive)).ok().strip());
    }

    @Test
    void history_tells_the_layers() {
        var lines = command("history", "busybox").run().lines();
        assertEquals(2, lines.size(), "" + lines);
        assertTrue(lines.getFirst().startsWith("IMAGE"), "" + lines);
    }

    @Test
    void a_debian_system_runs() {
        command("import", Images.debianTar().toString(), "debian:bookworm").ok();
        assertEquals("12", run("debian:bookworm", "sh", "-c", ". /etc/os-release; echo ${VERSION_ID%%.*}"));
        assertEquals("root 4755 0 0", run("debian:bookworm", "stat", "-c", "%U %a %u %g", "/bin/su"));
        var id = command(
                        "run",
                        "-d",
                        "--network",
                        "none",
                        "debian:bookworm",
                        "bash",
                        "-c",
                        "apt-get --version && dpkg --audit && perl -e 'print 6*7'")
                .ok();
        assertEquals("0", command("wait", id).ok());
        assertTrue(command("logs", id).ok().endsWith("42"));
        assertEquals(
                "1777 /run",
                run("debian:bookworm", "sh", "-c", "stat -c %a /tmp | tr '\\n' ' '; readlink -f /var/run"));
    }

    @Test
    void hard_links_modes_and_owners_are_kept(@TempDir Path directory) throws IOException {
        var tar = Files.write(directory.resolve("links.tar"), Images.tar(content -> {
            Images.busybox(content);
            content.file("one", 04750, "content").hardlink("two", "one", 04750).symlink("three", "two");
        }));
        command("import", tar.toString(), "links").ok();
        assertEquals(
                "4750 2 content content",
                run("links", "sh", "-c", "echo $(stat -c '%a %h' /one) $(cat /two) $(cat /three)"));
    }
}
