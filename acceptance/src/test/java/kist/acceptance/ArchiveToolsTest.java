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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What skopeo, umoci, buildah and docker write is loaded, and what Kist saves is read by them, bit for bit. */
class ArchiveToolsTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @RegisterExtension
    static final PeerEngine peer = new PeerEngine();

    @TempDir
    Path directory;

    private Path docker;
    private String id;

    @BeforeEach
    void archive() throws IOException {
        var second = Images.tar(tar -> tar.directory("etc", 0755)
                .file("etc/data", 0644, "of the second layer\n")
                .file("bin/.wh.wget", 0644, ""));
        var archive = Images.dockerArchive(
                "tools/two:v1",
                Map.of("Cmd", List.of("cat", "/etc/data")),
                List.of(Images.tar(Images::busybox), second));
        docker = Files.write(directory.resolve("docker.tar"), archive);
        id = "sha256:"
                + Command.of("skopeo", "inspect", "--raw", "--config", "docker-archive:" + docker)
                        .run()
                        .exits(0)
                        .digest();
    }

    @AfterEach
    void removeAllButBusybox() {
        engine.removeContainers();
        for (var image : engine.api().get("/images/json").expect(200).json().list()) {
            if (!image.texts("RepoTags").contains("busybox:latest")) {
                engine.api().delete("/images/" + image.text("Id") + "?force=1");
            }
        }
    }

    private String load(Path archive) {
        return engine.kist("load", "-i", archive.toString())
                .patience(Duration.ofMinutes(2))
                .ok();
    }

    private void runs(String image) {
        assertEquals(
                "of the second layer",
                engine.kist("run", "--rm", "--network", "none", image).ok());
        engine.kist("run", "--rm", "--network", "none", image, "ls", "/bin/wget")
                .run()
                .exits(1);
    }

    private String idOf(String image) {
        return engine.api().get("/images/" + image + "/json").expect(200).json().text("Id");
    }

    /** The digest of a manifest as skopeo sees it. */
    private static String manifest(String where) {
        return Command.of("skopeo", "inspect", "--raw", where).run().exits(0).digest();
    }

    @Test
    void an_oci_archive_of_skopeo_comes_back_with_the_same_manifest() {
        var oci = directory.resolve("oci.tar");
        Command.of("skopeo", "copy", "docker-archive:" + docker, "oci-archive:" + oci + ":tools/oci:v1")
                .ok();
        load(oci);
        runs("tools/oci:v1");
        // skopeo writes the configuration anew
        assertEquals(
                "sha256:"
                        + Command.of("skopeo", "inspect", "--raw", "--config", "oci-archive:" + oci)
                                .run()
                                .exits(0)
                                .digest(),
                idOf("tools/oci:v1"));
        var saved = directory.resolve("saved.tar");
        engine.kist("save", "-o", saved.toString(), "tools/oci:v1").ok();
        assertEquals(manifest("oci-archive:" + oci), manifest("oci-archive:" + saved));
    }

    @Test
    void a_docker_archive_of_skopeo_is_loaded() {
        var made = directory.resolve("made.tar");
        Command.of("skopeo", "copy", "docker-archive:" + docker, "docker-archive:" + made + ":tools/skopeo:v1")
                .ok();
        load(made);
        runs("tools/skopeo:v1");
        assertEquals(id, idOf("tools/skopeo:v1"));
    }

    @Test
    void what_kist_saves_is_read_by_skopeo_as_either_kind() {
        load(docker);
        var saved = directory.resolve("saved.tar");
        engine.kist("save", "-o", saved.toString(), "tools/two:v1").ok();
        for (var kind : List.of("docker-archive", "oci-archive")) {
            assertEquals(
                    id,
                    "sha256:"
                            + Command.of("skopeo", "inspect", "--raw", "--config", kind + ":" + saved)
                                    .run()
                                    .exits(0)
                                    .digest(),
                    kind);
            Command.of("skopeo", "copy", kind + ":" + saved, "dir:" + directory.resolve(kind))
                    .ok();
        }
        // saved twice, the same bytes
        var again = directory.resolve("again.tar");
        engine.kist("save", "-o", again.toString(), "tools/two:v1").ok();
        Command.of("cmp", saved.toString(), again.toString()).ok();
    }

    @Test
    void several_images_come_in_one_archive_and_share_their_layers() throws IOException {
        load(docker);
        var saved = directory.resolve("saved.tar");
        engine.kist("save", "-o", saved.toString(), "tools/two:v1", "busybox").ok();
        var size = Files.size(saved);
        assertTrue(size < 2 * Files.size(Images.busyboxTar()) + (4 << 20), "" + size);
        engine.api().delete("/images/tools/two:v1").expect(200);
        var said = load(saved);
        assertTrue(said.contains("Loaded image: tools/two:v1") && said.contains("Loaded image: busybox:latest"), said);
        runs("tools/two:v1");
    }

    @Test
    void an_image_of_umoci_is_loaded_and_ours_is_unpacked_by_it() {
        load(docker);
        var saved = directory.resolve("saved.tar");
        engine.kist("save", "-o", saved.toString(), "tools/two:v1").ok();
        var layout = directory.resolve("layout");
        Command.of("skopeo", "copy", "oci-archive:" + saved, "oci:" + layout + ":v1")
                .ok();
        var bundle = directory.resolve("bundle");
        Command.of("umoci", "unpack", "--image", layout + ":v1", bundle.toString())
                .ok();
        Command.of("sh", "-c", "echo of umoci > " + bundle + "/rootfs/etc/data").ok();
        Command.of("umoci", "repack", "--image", layout + ":v2", bundle.toString())
                .ok();
        Command.of("umoci", "config", "--image", layout + ":v2", "--config.env", "A=umoci")
                .ok();
        var archive = directory.resolve("umoci.tar");
        Command.of("skopeo", "copy", "oci:" + layout + ":v2", "oci-archive:" + archive + ":tools/umoci:v2")
                .ok();
        load(archive);
        assertEquals(
                "of umoci umoci",
                engine.kist(
                                "run",
                                "--rm",
                                "--network",
                                "none",
                                "tools/umoci:v2",
                                "sh",
                                "-c",
                                "echo $(cat /etc/data) $A")
                        .ok());
    }

    @Test
    void the_plain_layout_of_umoci_in_a_tar_is_loaded() {
        var layout = directory.resolve("layout");
        Command.of("skopeo", "copy", "docker-archive:" + docker, "oci:" + layout + ":tools/layout:v1")
                .ok();
        var archive = directory.resolve("layout.tar");
        Command.of("tar", "-C", layout.toString(), "-cf", archive.toString(), ".")
                .ok();
        load(archive);
        runs("tools/layout:v1");
    }

    @Test
    void an_image_of_buildah_is_loaded_and_ours_is_pulled_by_it() {
        load(docker);
        var saved = directory.resolve("saved.tar");
        engine.kist("save", "-o", saved.toString(), "tools/two:v1").ok();
        var storage = List.of(
                "--storage-driver",
                "vfs",
                "--root",
                directory.resolve("b-root").toString(),
                "--runroot",
                directory.resolve("b-run").toString());
        var buildah = Command.of("buildah").with(storage.toArray(String[]::new)).patience(Duration.ofMinutes(2));
        var container =
                buildah.with("from", "docker-archive:" + saved).run().lines().getLast();
        buildah.with("config", "--env", "A=buildah", "--label", "made=here", container)
                .ok();
        buildah.with("copy", container, "/etc/os-release", "/etc/data").ok();
        buildah.with("commit", container, "built").ok();
        for (var kind : List.of("docker-archive", "oci-archive")) {
            var archive = directory.resolve(kind + ".tar");
            buildah.with("push", "built", kind + ":" + archive + ":tools/" + kind + ":v1")
                    .ok();
            load(archive);
            var out = engine.kist(
                            "run",
                            "--rm",
                            "--network",
                            "none",
                            "tools/" + kind + ":v1",
                            "sh",
                            "-c",
                            "echo $A; cat /etc/data")
                    .ok();
            assertTrue(out.startsWith("buildah\n") && out.contains("PRETTY_NAME"), out);
        }
    }

    @Test
    void docker_loads_ours_and_we_load_dockers() {
        load(docker);
        var ours = directory.resolve("ours.tar");
        engine.kist("save", "-o", ours.toString(), "tools/two:v1").ok();
        assertEquals(
                "Loaded image: tools/two:v1",
                peer.docker("load", "-i", ours.toString()).ok());
        assertEquals(id, peer.docker("inspect", "-f", "{{.Id}}", "tools/two:v1").ok());
        assertEquals(
                "of the second layer",
                peer.docker("run", "--rm", "--network", "none", "tools/two:v1").ok());
        var theirs = directory.resolve("theirs.tar");
        peer.docker("tag", "tools/two:v1", "tools/docker:v1").ok();
        peer.docker("save", "-o", theirs.toString(), "tools/docker:v1").ok();
        engine.api().delete("/images/tools/two:v1").expect(200);
        load(theirs);
        assertEquals(id, idOf("tools/docker:v1"));
        runs("tools/docker:v1");
        peer.docker("rmi", "tools/two:v1", "tools/docker:v1").ok();
    }
}
