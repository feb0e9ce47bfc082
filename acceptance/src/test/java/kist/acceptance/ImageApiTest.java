package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What is done with images on the host: commit, export, save, prune, filters, history, what the disk is used for. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class ImageApiTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static DebianRegistry registry;

    @Parameter
    String client;

    @TempDir
    Path directory;

    @BeforeAll
    static void start() {
        registry = DebianRegistry.open();
    }

    @AfterAll
    static void close() {
        registry.close();
    }

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private String run(String... arguments) {
        return command("run", "--rm", "--network", "none").with(arguments).ok();
    }

    @AfterEach
    void removeAllButBusybox() {
        engine.removeContainers();
        for (var image :
                engine.api().get("/images/json?all=1").expect(200).json().list()) {
            if (!image.texts("RepoTags").contains("busybox:latest")) {
                engine.api().delete("/images/" + image.text("Id") + "?force=1");
            } else {
                image.texts("RepoTags").stream()
                        .filter(tag -> !tag.equals("busybox:latest"))
                        .forEach(tag -> engine.api().delete("/images/" + tag));
            }
        }
    }

    private Json image(String name) {
        return engine.api().get("/images/" + name + "/json").expect(200).json();
    }

    private String container(String script) {
        var id = command("create", "--network", "none", "busybox", "sh", "-c", script)
                .ok();
        command("start", "-a", id).ok();
        return id;
    }

    @Test
    void commit_makes_an_image_of_what_a_container_changed() {
        var id = container(
                "echo new > /etc/new; echo other > /etc/data; rm /bin/wget; rm -r /home; mkdir -p /home/me;"
                        + " chown 1000:1000 /etc/new; chmod 4750 /etc/new; ln /etc/new /etc/hard; ln -s new /etc/soft; mkfifo /tmp/f");
        var made = command(
                        "commit",
                        "-a",
                        "Anna",
                        "-m",
                        "by a test",
                        "-c",
                        "CMD [\"cat\", \"/etc/new\"]",
                        "-c",
                        "ENV A=1",
                        "-c",
                        "LABEL made=here",
                        id,
                        "committed:v1")
                .ok();
        assertTrue(made.matches("sha256:[0-9a-f]{64}"), made);
        assertEquals("new", run("committed:v1"));
        assertEquals(
                "1 other 4750 1000 2 new new me p",
                run(
                        "committed:v1",
                        "sh",
                        "-c",
                        "echo $A $(cat /etc/data) $(stat -c '%a %u %h' /etc/hard) $(cat /etc/soft) $(readlink /etc/soft)"
                                + " $(ls /home) $(test -p /tmp/f && echo p)"));
        command("run", "--rm", "--network", "none", "committed:v1", "ls", "/bin/wget")
                .run()
                .exits(1);
        var image = image("committed:v1");
        assertEquals("Anna", image.text("Author"));
        assertEquals("by a test", image.text("Comment"));
        assertEquals("here", image.text("Config", "Labels", "made"));
        assertEquals(2, image.texts("RootFS", "Layers").size());
        assertEquals(image("busybox").text("Id"), image.text("Parent"));
        var steps = command("history", "--no-trunc", "committed:v1").run().lines();
        assertEquals(3, steps.size(), "" + steps);
        assertTrue(steps.get(1).contains("by a test"), "" + steps);
    }

    @Test
    void commit_of_a_running_container_pauses_it_and_lets_it_go_on() {
        var id = command(
                        "run",
                        "-d",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "i=0; while true; do i=$((i+1)); echo $i > /tmp/count; done")
                .ok();
        command("commit", id, "running:v1").ok();
        assertEquals("true", command("inspect", "-f", "{{.State.Running}}", id).ok());
        var first = command("exec", id, "cat", "/tmp/count").ok();
        Wait.until(
                "the container goes on",
                () -> !command("exec", id, "cat", "/tmp/count").ok().equals(first));
        assertTrue(run("running:v1", "cat", "/tmp/count").matches("[0-9]*"));
    }

    @Test
    void diff_tells_what_a_container_changed() {
        var id = container("echo new > /etc/new; rm /bin/wget; echo x >> /etc/data");
        var lines = command("diff", id).run().lines();
        assertEquals(
                List.of("A /etc/new", "C /bin", "C /etc", "C /etc/data", "D /bin/wget"),
                lines.stream().sorted().toList());
    }

    @Test
    void export_gives_the_whole_tree_and_import_takes_it() {
        var id = container("echo exported > /etc/new; rm /bin/wget");
        var tar = directory.resolve("tree.tar").toString();
        command("export", "-o", tar, id).ok();
        var names = Command.of("tar", "-tf", tar).run().exits(0).lines();
        assertTrue(
                names.contains("etc/new") && names.contains("bin/busybox") && !names.contains("bin/wget"), "" + names);
        assertFalse(names.stream().anyMatch(n -> n.startsWith("proc/") && n.length() > 5), "" + names);
        command("import", tar, "exported:v1").ok();
        assertEquals("exported", run("exported:v1", "cat", "/etc/new"));
    }

    @Test
    void save_and_load_keep_names_and_ids() {
        command("tag", "busybox", "saved:v1").ok();
        command("tag", "busybox", "saved:v2").ok();
        var id = image("saved:v1").text("Id");
        var tar = directory.resolve("saved.tar").toString();
        command("save", "-o", tar, "saved:v1", "saved:v2").ok();
        command("rmi", "saved:v1", "saved:v2").ok();
        command("load", "-i", tar).run().exits(0).tells("Loaded image: saved:v1", "Loaded image: saved:v2");
        assertEquals(id, image("saved:v2").text("Id"));
        var unknown = command("save", "-o", tar, "nobody/knows:this").run().exits(1);
        if (engine.isKist()) {
            unknown.says("nobody/knows:this");
        }
    }

    @Test
    void prune_takes_what_has_no_name_and_with_all_what_no_container_uses() {
        command("import", "-c", "LABEL keep=yes", Images.busyboxTar().toString(), "pruned:v1")
                .ok();
        var first = image("pruned:v1").text("Id");
        command("import", "-c", "ENV B=2", Images.busyboxTar().toString(), "pruned:v1")
                .ok();
        command("image", "prune", "-f", "--filter", "label!=keep=yes").ok();
        assertEquals(200, engine.api().get("/images/" + first + "/json").status());
        command("image", "prune", "-f").run().exits(0).tells("deleted: " + first, "Total reclaimed space:");
        assertEquals(404, engine.api().get("/images/" + first + "/json").status());
        assertEquals(200, engine.api().get("/images/pruned:v1/json").status());
        var used = command("create", "busybox").ok();
        command("image", "prune", "-a", "-f").run().exits(0).tells("untagged: pruned:v1");
        assertEquals(404, engine.api().get("/images/pruned:v1/json").status());
        assertEquals(200, engine.api().get("/images/busybox/json").status());
        command("rm", used).ok();
    }

    @Test
    void filters_choose_images() {
        command("import", "-c", "LABEL colour=red", Images.busyboxTar().toString(), "filtered/one:v1")
                .ok();
        command("import", "-c", "LABEL colour=blue", Images.busyboxTar().toString(), "filtered/two:v1")
                .ok();
        assertEquals(
                List.of("filtered/one:v1"),
                command("images", "--filter", "label=colour=red", "--format", "{{.Repository}}:{{.Tag}}")
                        .run()
                        .lines());
        assertEquals(
                List.of("filtered/one:v1", "filtered/two:v1"),
                command("images", "--filter", "reference=filtered/*", "--format", "{{.Repository}}:{{.Tag}}")
                        .run()
                        .lines()
                        .stream()
                        .sorted()
                        .toList());
        assertEquals(
                List.of("filtered/two"),
                command("images", "--filter", "since=filtered/one:v1", "--format", "{{.Repository}}")
                        .run()
                        .lines());
        assertEquals(
                List.of(),
                command("images", "-q", "--filter", "dangling=true").run().lines());
        command("images", "--filter", "nonsense=1").run().exits(1).says("invalid filter");
    }

    @Test
    void removal_follows_the_rules() {
        command("tag", "busybox", "rules:v1").ok();
        command("tag", "busybox", "other-rules:v1").ok();
        var id = image("busybox").text("Id");
        command("rmi", id.substring(7, 19))
                .run()
                .exits(1)
                .says("must be forced", "referenced in multiple repositories");
        assertEquals("Untagged: rules:v1", command("rmi", "rules:v1").ok());
        command("import", "-c", "CMD [\"sh\"]", Images.busyboxTar().toString(), "used:v1")
                .ok();
        var used = command("create", "used:v1").ok();
        command("rmi", "used:v1").run().exits(1).says("must force", "container " + used.substring(0, 12));
        command("rmi", "-f", "used:v1").run().exits(0).tells("Untagged: used:v1");
        command("rm", used).ok();
        command("rmi", "nobody/knows:this").run().exits(1).says("No such image: nobody/knows:this");
    }

    @Test
    void history_has_sizes_and_images_their_digests() throws IOException {
        var base = Images.tar(Images::busybox);
        var second = Images.tar(tar -> tar.directory("etc", 0755).file("etc/big", 0644, new byte[3_000_000]));
        var archive = Files.write(
                directory.resolve("two.tar"),
                Images.dockerArchive("sized:v1", Map.of("Cmd", List.of("sh")), List.of(base, second)));
        command("load", "-i", archive.toString()).ok();
        var sizes =
                engine.api().get("/images/sized:v1/history").expect(200).json().list();
        assertEquals(3_000_000, sizes.getFirst().number("Size"), "" + sizes);
        assertTrue(sizes.getLast().number("Size") > 500_000, "" + sizes);
        registry.fill(archive, "sized/" + client + ":v1");
        var name = registry.name("sized/" + client);
        command("pull", "-q", name + ":v1").ok();
        var lines = command("images", "--digests", name).run().lines();
        assertTrue(lines.getLast().contains(registry.digest("sized/" + client, "v1")), "" + lines);
        assertEquals(
                name + "@" + registry.digest("sized/" + client, "v1"),
                command("inspect", "-f", "{{index .RepoDigests 0}}", name + ":v1")
                        .ok());
    }

    @Test
    void the_disk_is_accounted_for() {
        container("dd if=/dev/zero of=/data bs=1M count=3");
        var usage = engine.api().get("/system/df").expect(200).json();
        var image = usage.list("Images").stream()
                .filter(i -> i.texts("RepoTags").contains("busybox:latest"))
                .findFirst()
                .orElseThrow();
        assertTrue(image.number("Size") > 500_000, "" + image);
        assertEquals(1, image.number("Containers"));
        var container = usage.list("Containers").getFirst();
        assertTrue(container.number("SizeRw") >= 3 << 20, "" + container);
        assertTrue(usage.number("LayersSize") >= image.number("Size"), "" + usage);
        var lines = command("system", "df").run().exits(0).lines();
        assertTrue(lines.getFirst().matches("TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE"), "" + lines);
        assertTrue(lines.stream().anyMatch(l -> l.matches("Images +1 +1 .*")), "" + lines);
    }

    @Test
    void a_registry_is_asked_about_an_image_without_pulling_it() throws IOException {
        var archive = Files.write(
                directory.resolve("asked.tar"),
                Images.dockerArchive("asked:v1", Map.of("Cmd", List.of("sh")), List.of(Images.tar(Images::busybox))));
        registry.fill(archive, "asked/" + client + ":v1");
        var name = registry.name("asked/" + client + ":v1");
        var answer =
                engine.api().get("/distribution/" + name + "/json").expect(200).json();
        assertEquals(registry.digest("asked/" + client, "v1"), answer.text("Descriptor", "digest"));
        assertEquals("linux", answer.list("Platforms").getFirst().text("os"));
        var manifest = command("manifest", "inspect", "--insecure", name)
                .env("DOCKER_CLI_EXPERIMENTAL", "enabled")
                .run()
                .exits(0)
                .out();
        assertEquals(1, Json.parse(manifest).list("layers").size(), manifest);
        assertEquals(404, engine.api().get("/images/" + name + "/json").status());
    }

    @Test
    void search_says_where_there_is_none() {
        var result = command("search", registry.address() + "/anything").run();
        assertTrue(result.exit() != 0, result.toString());
        if (engine.isKist()) {
            result.says(registry.address(), "search");
        }
    }

    @Test
    void events_tell_what_becomes_of_images() {
        var since = Command.of("date", "+%s.%N").ok();
        command("tag", "busybox", "told:v1").ok();
        var tar = directory.resolve("told.tar").toString();
        command("save", "-o", tar, "told:v1").ok();
        command("rmi", "told:v1").ok();
        command("load", "-i", tar).ok();
        var name = registry.name("told/" + client + ":v1");
        command("tag", "told:v1", name).ok();
        command("push", "-q", name).ok();
        command("rmi", name).ok();
        command("pull", "-q", name).ok();
        var until = Command.of("date", "+%s.%N").ok();
        var actions = command(
                        "events",
                        "--since",
                        since,
                        "--until",
                        until,
                        "--filter",
                        "type=image",
                        "--format",
                        "{{.Action}}")
                .run()
                .lines();
        assertEquals(
                List.of("tag", "save", "untag", "load", "tag", "push", "untag", "pull"),
                actions.stream().filter(a -> !a.equals("delete")).toList());
    }
}
