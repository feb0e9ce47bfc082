package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Volumes: named and without a name, what comes into them, who uses them, when they go. */
@Tag("peer")
class VolumesTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    /** An image with content below the path of a volume, and a volume of its own. */
    @BeforeAll
    static void image() {
        var layer = Images.tar(tar -> {
            Images.busybox(tar);
            tar.directory("content", 0750)
                    .file("content/file", 0640, "of the image\n")
                    .symlink("content/link", "file")
                    .directory("content/sub", 0700)
                    .file("content/sub/deep", 0600, "deep\n")
                    .directory("declared", 0755)
                    .file("declared/file", 0644, "declared\n");
        });
        engine.docker("load")
                .stdin(Images.dockerArchive(
                        "filled:latest",
                        Map.of("Cmd", List.of("sh"), "Volumes", Map.of("/declared", Map.of())),
                        List.of(layer)))
                .ok();
    }

    @BeforeEach
    @AfterEach
    void remove() {
        engine.removeContainers();
        for (var name : names()) {
            engine.api().delete("/volumes/" + name + "?force=1").expect(204);
        }
    }

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static Command run(String... arguments) {
        return docker("run", "--rm", "--network", "none").with(arguments);
    }

    private static TreeSet<String> names() {
        return new TreeSet<>(docker("volume", "ls", "-q").run().lines());
    }

    private static Json volume(String name) {
        return engine.api().get("/volumes/" + name).expect(200).json();
    }

    @Test
    void a_volume_outlives_its_containers() {
        run("-v", "kept:/data", "busybox", "sh", "-c", "echo first >/data/file").ok();
        assertEquals(
                "first",
                run("-v", "kept:/other", "busybox", "cat", "/other/file").ok());
        assertEquals(
                "first",
                run("--mount", "type=volume,source=kept,target=/third", "busybox", "cat", "/third/file")
                        .ok());
        assertEquals(new TreeSet<>(List.of("kept")), names());
    }

    @Test
    void an_empty_volume_takes_over_what_the_image_has_there() {
        var listing = "cd /content; stat -c '%n %a %F' . file link sub sub/deep; cat file; readlink link";
        var plain = docker("run", "--rm", "filled", "sh", "-c", listing).ok();
        assertEquals(
                plain,
                run("-v", "fresh:/content", "filled", "sh", "-c", listing).ok());
        // and once only
        run("-v", "fresh:/content", "filled", "sh", "-c", "rm /content/file; echo mine >/content/own")
                .ok();
        assertEquals(
                "link\nown\nsub",
                run("-v", "fresh:/content", "filled", "ls", "/content").ok());
    }

    @Test
    void with_nocopy_or_with_something_in_it_it_stays_as_it_is() {
        assertEquals(
                "",
                run("-v", "empty:/content:nocopy", "filled", "ls", "/content").ok());
        assertEquals(
                "",
                run("--mount", "type=volume,src=other,dst=/content,volume-nocopy", "filled", "ls", "/content")
                        .ok());
        run("-v", "filled:/x", "busybox", "touch", "/x/own").ok();
        assertEquals(
                "own", run("-v", "filled:/content", "filled", "ls", "/content").ok());
        // a directory of the host is never filled
        assertEquals(
                "",
                run("-v", engine.home().resolve("bound") + ":/content", "filled", "ls", "/content")
                        .ok());
    }

    @Test
    void a_volume_that_the_image_declares_is_made_without_a_name() {
        docker("run", "-d", "--name", "box", "--network", "none", "filled", "sleep", "600")
                .ok();
        var mount = engine.inspect("box").list("Mounts").getFirst();
        assertEquals("volume", mount.text("Type"));
        assertEquals("/declared", mount.text("Destination"));
        assertTrue(mount.text("Name").matches("[0-9a-f]{64}"), "" + mount);
        assertEquals("declared", docker("exec", "box", "cat", "/declared/file").ok());
        assertEquals(new TreeSet<>(List.of(mount.text("Name"))), names());
    }

    @Test
    void rm_v_takes_those_without_a_name_and_leaves_the_named_ones() {
        docker("create", "--name", "box", "-v", "/anonymous", "-v", "named:/named", "busybox")
                .ok();
        assertEquals(2, names().size());
        docker("rm", "box").ok();
        assertEquals(2, names().size());
        docker("create", "--name", "box", "-v", "/anonymous", "-v", "named:/named", "busybox")
                .ok();
        docker("rm", "-v", "box").ok();
        assertEquals(2, names().size());
        assertTrue(names().contains("named"));
    }

    @Test
    void rm_at_the_end_takes_those_without_a_name() {
        run("-v", "/anonymous", "-v", "named:/named", "filled", "true").ok();
        Wait.until("the volumes without a name to go", () -> names().equals(new TreeSet<>(List.of("named"))));
    }

    @Test
    void volumes_from_gives_the_same_ones() {
        docker("create", "--name", "giver", "-v", "/anonymous", "-v", "named:/named", "busybox")
                .ok();
        run("--volumes-from", "giver", "busybox", "sh", "-c", "echo a >/anonymous/a; echo n >/named/n")
                .ok();
        assertEquals(
                "a\nn",
                run("--volumes-from", "giver:ro", "busybox", "cat", "/anonymous/a", "/named/n")
                        .ok());
        run("--volumes-from", "giver:ro", "busybox", "touch", "/named/x")
                .run()
                .exits(1)
                .says("Read-only file system");
        run("--volumes-from", "missing", "busybox").run().exits(125).says("missing");
        run("--volumes-from", "giver:nonsense", "busybox").run().exits(125).says("nonsense");
        // what the giver has goes with the last that uses it, not before
        docker(
                        "run",
                        "-d",
                        "--name",
                        "taker",
                        "--network",
                        "none",
                        "--volumes-from",
                        "giver",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
        docker("rm", "-v", "giver").ok();
        assertEquals("a", docker("exec", "taker", "cat", "/anonymous/a").ok());
    }

    @Test
    void a_volume_in_use_is_not_removed() {
        var id = docker("create", "-v", "used:/data", "busybox").ok();
        docker("volume", "rm", "used").run().exits(1).says("volume is in use", id);
        docker("volume", "rm", "-f", "used").run().exits(1).says("volume is in use");
        docker("rm", id).ok();
        assertEquals("used", docker("volume", "rm", "used").ok());
        docker("volume", "rm", "used").run().exits(1).says("no such volume");
        docker("volume", "rm", "-f", "used").ok();
    }

    @Test
    void create_tells_name_driver_labels_and_place() {
        assertEquals(
                "made",
                docker("volume", "create", "--label", "tier=back", "made").ok());
        var made = volume("made");
        assertEquals("made", made.text("Name"));
        assertEquals("local", made.text("Driver"));
        assertEquals("local", made.text("Scope"));
        assertEquals("back", made.text("Labels", "tier"));
        assertTrue(made.text("CreatedAt").startsWith("20"), "" + made);
        assertTrue(Files.isDirectory(Path.of(made.text("Mountpoint"))), "" + made);
        // the same again is the same
        docker("volume", "create", "made").ok();
        assertEquals("back", volume("made").text("Labels", "tier"));
        assertTrue(docker("volume", "create").ok().matches("[0-9a-f]{64}"));
        var answer = engine.api()
                .post("/volumes/create", "{\"Name\":\"byApi\",\"Labels\":{\"a\":\"b\"}}")
                .expect(201)
                .json();
        assertEquals("byApi", answer.text("Name"));
        assertEquals("b", answer.text("Labels", "a"));
    }

    @Test
    void a_name_that_is_none_and_an_unknown_driver_are_refused() {
        for (var name : List.of("../x", "a/b", "a b", "-x", "x\u00e4", ".hidden")) {
            var answer = engine.api().post("/volumes/create", Json.write(Map.of("Name", name)));
            assertEquals(400, answer.status(), name + ": " + answer.text());
            assertTrue(answer.message().contains("volume name"), answer.text());
        }
        docker("volume", "create", "--driver", "nonesuch", "xx").run().exits(1).says("nonesuch");
        docker("volume", "create", "-o", "nonesuch=1", "xx").run().exits(1).says("nonesuch");
        run("-v", "a b:/x", "busybox").run().exits(125);
        run("-v", "name:relative", "busybox").run().exits(125).says("relative");
        run("-v", "name:/", "busybox").run().exits(125);
        assertEquals(new TreeSet<>(), names());
    }

    @Test
    void the_driver_local_mounts_what_its_options_say() {
        docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,mode=0700", "memory")
                .ok();
        var mount = run(
                        "-v",
                        "memory:/memory",
                        "busybox",
                        "sh",
                        "-c",
                        "grep ' /memory ' /proc/mounts; stat -c %a /memory")
                .ok();
        assertTrue(mount.contains("tmpfs") && mount.contains("size=1024k") && mount.endsWith("700"), mount);
        assertEquals("tmpfs", volume("memory").text("Options", "type"));
        var bound = engine.home().resolve("bound-by-volume");
        Command.of("mkdir", "-p", bound.toString()).ok();
        docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=" + bound, "bound")
                .ok();
        run("-v", "bound:/data", "busybox", "touch", "/data/seen").ok();
        assertTrue(Files.exists(bound.resolve("seen")));
        docker("volume", "rm", "bound").ok();
        assertTrue(Files.exists(bound.resolve("seen")), "what it pointed to is not its own");
    }

    @Test
    void ls_takes_filters_and_formats() {
        docker("volume", "create", "--label", "kind=a", "alpha").ok();
        docker("volume", "create", "--label", "kind=b", "--label", "more", "beta")
                .ok();
        docker("create", "-v", "beta:/x", "busybox").ok();
        assertEquals("alpha\nbeta", docker("volume", "ls", "-q").ok());
        assertEquals(
                "alpha",
                docker("volume", "ls", "-q", "--filter", "label=kind=a").ok());
        assertEquals(
                "alpha\nbeta", docker("volume", "ls", "-q", "-f", "label=kind").ok());
        assertEquals("beta", docker("volume", "ls", "-q", "-f", "name=bet").ok());
        assertEquals(
                "alpha", docker("volume", "ls", "-q", "-f", "dangling=true").ok());
        assertEquals(
                "beta", docker("volume", "ls", "-q", "-f", "dangling=false").ok());
        assertEquals(
                "alpha\nbeta",
                docker("volume", "ls", "-q", "-f", "driver=local").ok());
        assertEquals("", docker("volume", "ls", "-q", "-f", "driver=other").ok());
        docker("volume", "ls", "-f", "nonesuch=1").run().exits(1).says("nonesuch");
        assertEquals(
                "alpha local",
                docker("volume", "ls", "-f", "name=alpha", "--format", "{{.Name}} {{.Driver}}")
                        .ok());
    }

    @Test
    void prune_takes_what_nobody_uses_and_the_filters_allow() {
        docker("volume", "create", "--label", "keep", "labelled").ok();
        docker("create", "-v", "used:/x", "-v", "/y", "busybox").ok();
        docker("volume", "create").ok();
        assertEquals(4, names().size());
        var filters = "?filters="
                + java.net.URLEncoder.encode("{\"label!\":{\"keep\":true}}", java.nio.charset.StandardCharsets.UTF_8);
        // before 1.42 the named ones go as well
        var answer = engine.api().post("/v1.41/volumes/prune" + filters, "").expect(200);
        assertEquals(1, answer.json().list("VolumesDeleted").size(), answer.text());
        assertTrue(answer.json().at("SpaceReclaimed").present(), answer.text());
        assertEquals(3, names().size());
        engine.api().post("/v1.41/volumes/prune", "").expect(200);
        assertFalse(names().contains("labelled"));
        assertEquals(2, names().size());
    }

    @Test
    void inspect_of_a_container_tells_its_mounts() {
        docker(
                        "create",
                        "--name",
                        "box",
                        "-v",
                        "named:/n:ro",
                        "-v",
                        "/var/tmp:/b:rw,rslave",
                        "--tmpfs",
                        "/t",
                        "busybox")
                .ok();
        var mounts = engine.inspect("box").list("Mounts");
        assertEquals(2, mounts.size());
        var bind = mounts.get(mounts.get(0).text("Type").equals("bind") ? 0 : 1);
        var volume = mounts.get(mounts.get(0).text("Type").equals("bind") ? 1 : 0);
        assertEquals("/var/tmp", bind.text("Source"));
        assertEquals("/b", bind.text("Destination"));
        assertEquals("rslave", bind.text("Propagation"));
        assertTrue(bind.flag("RW"));
        assertEquals("named", volume.text("Name"));
        assertEquals(volume("named").text("Mountpoint"), volume.text("Source"));
        assertFalse(volume.flag("RW"));
        assertTrue(engine.inspect("box").at("HostConfig", "Tmpfs", "/t").present());
    }

    @Test
    void df_tells_size_and_users() {
        run("-v", "sized:/x", "busybox", "sh", "-c", "head -c 100000 /dev/zero >/x/file")
                .ok();
        docker("create", "-v", "sized:/x", "busybox").ok();
        var volumes = engine.api().get("/v1.41/system/df").expect(200).json().list("Volumes");
        assertEquals(1, volumes.size());
        assertEquals("sized", volumes.getFirst().text("Name"));
        assertTrue(volumes.getFirst().number("UsageData", "Size") >= 100_000, "" + volumes);
        assertEquals(1, volumes.getFirst().number("UsageData", "RefCount"));
    }

    @Test
    void two_mounts_at_one_place_are_refused() {
        run("-v", "one:/x", "--tmpfs", "/x", "busybox").run().exits(125).says("Duplicate mount point", "/x");
        run("--mount", "type=volume,src=one,dst=/x", "--mount", "type=bind,src=/var/tmp,dst=/x", "busybox")
                .run()
                .exits(125)
                .says("Duplicate mount point", "/x");
    }

    @Test
    void a_volume_below_another_and_a_file_over_a_file_are_mounted_in_order() {
        run("-v", "inner:/x/y", "-v", "outer:/x", "busybox", "sh", "-c", "echo o >/x/o; echo i >/x/y/i")
                .ok();
        assertEquals("i", run("-v", "inner:/v", "busybox", "ls", "/v").ok());
        assertEquals("o\ny", run("-v", "outer:/v", "busybox", "ls", "/v").ok());
        assertEquals(
                "127.0.0.1",
                run("-v", "/etc/hosts:/etc/passwd:ro", "busybox", "grep", "-o", "-m1", "127.0.0.1", "/etc/passwd")
                        .ok());
    }
}
