package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Archives that lie, through {@code import} and {@code load}: refused in words, and nothing of them stays. */
class HostileArchivesTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @TempDir
    Path directory;

    private TreeSet<String> before = new TreeSet<>();
    private Path canary = Path.of("");

    @BeforeEach
    void remember() throws IOException {
        canary = Files.writeString(directory.resolve("canary"), "untouched");
        before = state();
    }

    /** Images and every file of the engine's state but its logs. */
    private static TreeSet<String> state() {
        var found = new TreeSet<String>();
        for (var image :
                engine.api().get("/images/json?all=1").expect(200).json().list()) {
            found.add("image " + image.text("Id") + image.texts("RepoTags"));
        }
        try {
            Files.walkFileTree(engine.root(), new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (!file.toString().endsWith(".log")) {
                        found.add(file.toString());
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult preVisitDirectory(Path file, BasicFileAttributes attributes) {
                    if (file.getFileName().toString().startsWith(".spare-")) {
                        // emptied directories that the next container takes
                        return FileVisitResult.SKIP_SUBTREE;
                    }
                    found.add(file.toString());
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    private void nothingStays() throws IOException {
        Wait.until("nothing of the archive left", Duration.ofSeconds(10), () -> state().equals(before), () -> {
            var more = state();
            more.removeAll(before);
            var fewer = new TreeSet<>(before);
            fewer.removeAll(state());
            return "more: " + more + "\nfewer: " + fewer;
        });
        assertEquals("untouched", Files.readString(canary));
    }

    /** Both commands refuse to import it, with these words. */
    private void refusedImport(byte[] tar, String... words) throws IOException {
        var file = Files.write(directory.resolve("hostile.tar"), tar);
        for (var client : List.of("docker", "kist")) {
            var result =
                    engine.client(client, "import", file.toString(), "hostile").run();
            assertTrue(result.exit() != 0, result.toString());
            result.says(words);
            nothingStays();
        }
    }

    private void refusedLoad(byte[] archive, String... words) throws IOException {
        var file = Files.write(directory.resolve("hostile.tar"), archive);
        for (var client : List.of("docker", "kist")) {
            var result = engine.client(client, "load", "-i", file.toString()).run();
            assertTrue(result.exit() != 0, result.toString());
            result.says(words);
            nothingStays();
        }
    }

    /** Such entries may be refused, or taken so that they stay inside; never may they touch the host. */
    private void harmless(byte[] tar) throws IOException {
        var file = Files.write(directory.resolve("hostile.tar"), tar);
        var result = engine.docker("import", file.toString(), "hostile").run();
        if (result.exit() == 0) {
            engine.docker("rmi", "hostile").ok();
        }
        nothingStays();
    }

    @Test
    void names_with_dot_dot_are_refused_by_name() throws IOException {
        refusedImport(Images.tar(tar -> tar.file("../canary", 0644, "overwritten")), "../canary");
        refusedImport(Images.tar(tar -> tar.file("a/../../../b", 0644, "x")), "..");
    }

    @Test
    void absolute_names_stay_inside() throws IOException {
        harmless(Images.tar(tar -> tar.file(canary.toString(), 0644, "overwritten")));
        harmless(Images.tar(tar -> tar.file("/" + canary, 0644, "overwritten")));
    }

    @Test
    void writing_through_a_symlink_stays_inside() throws IOException {
        harmless(Images.tar(tar -> tar.symlink("out", directory.toString()).file("out/canary", 0644, "overwritten")));
        harmless(Images.tar(tar -> tar.symlink("canary", canary.toString()).file("canary", 0644, "overwritten")));
        harmless(Images.tar(
                tar -> tar.symlink("up", "../../../../../../../..").file("up" + canary, 0644, "overwritten")));
    }

    @Test
    void a_hard_link_to_the_outside_is_refused() throws IOException {
        refusedImport(Images.tar(tar -> tar.hardlink("passwd", "../../../../../../etc/passwd", 0644)), "passwd");
        refusedImport(Images.tar(tar -> tar.hardlink("link", canary.toString(), 0644)), "link");
        harmless(Images.tar(tar -> tar.symlink("etc", "/etc").hardlink("shadow", "etc/shadow", 0644)));
    }

    @Test
    void the_second_layer_cannot_write_through_the_links_of_the_first() throws IOException {
        var first = Images.tar(tar -> {
            Images.busybox(tar);
            tar.symlink("out", directory.toString());
        });
        var second = Images.tar(tar -> tar.file("out/canary", 0644, "overwritten"));
        var archive = Files.write(
                directory.resolve("two.tar"),
                Images.dockerArchive("hostile:v1", Map.of("Cmd", List.of("sh")), List.of(first, second)));
        var result = engine.docker("load", "-i", archive.toString()).run();
        if (result.exit() == 0) {
            engine.docker("run", "--rm", "hostile:v1", "true").run();
            engine.docker("rmi", "-f", "hostile:v1").ok();
        }
        nothingStays();
    }

    @Test
    void devices_in_an_archive_give_no_access() throws IOException {
        var tar = Images.tar(content -> {
            Images.busybox(content);
            content.device("kmsg", 1, 11).device("mem", 1, 1);
        });
        var file = Files.write(directory.resolve("devices.tar"), tar);
        var result = engine.docker("import", file.toString(), "hostile").run();
        if (result.exit() == 0) {
            engine.docker("run", "--rm", "--network", "none", "hostile", "head", "-c", "1", "/kmsg")
                    .run()
                    .exits(1);
            engine.docker("rmi", "hostile").ok();
        }
        nothingStays();
    }

    @Test
    void a_truncated_archive_is_refused() throws IOException {
        var whole = Files.readAllBytes(Images.busyboxTar());
        refusedImport(Arrays.copyOf(whole, whole.length / 2));
        refusedImport(Arrays.copyOf(whole, 1000));
        var archive = Images.dockerArchive("hostile:v1", Map.of(), List.of(whole));
        refusedLoad(Arrays.copyOf(archive, archive.length / 2));
    }

    @Test
    void what_is_no_archive_is_refused() throws IOException {
        refusedImport("this is no archive".repeat(100).getBytes(StandardCharsets.US_ASCII));
        refusedLoad("this is no archive".repeat(100).getBytes(StandardCharsets.US_ASCII));
        refusedLoad(Images.tar(tar -> tar.file("unrelated", 0644, "x")), "manifest.json");
    }

    @Test
    void a_truncated_gzip_is_refused() throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(bytes)) {
            gzip.write(Files.readAllBytes(Images.busyboxTar()));
        }
        refusedImport(Arrays.copyOf(bytes.toByteArray(), bytes.size() - 1000));
    }

    @Test
    void a_header_that_promises_more_than_there_can_be_is_refused() throws IOException {
        // a size of 8 EiB in base 256, in an otherwise good header
        var tar = Images.tar(content -> content.file("big", 0644, "x"));
        tar[124] = (byte) 0x80;
        Arrays.fill(tar, 125, 136, (byte) 0);
        tar[128] = 0x7f;
        Arrays.fill(tar, 148, 156, (byte) ' ');
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += tar[i] & 0xff;
        }
        var octal = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(octal, 0, tar, 148, 8);
        refusedImport(tar);
    }

    @Test
    void a_manifest_that_names_files_outside_is_refused() throws IOException {
        for (var name : List.of("../../../../etc/passwd", "/etc/passwd", "missing.json")) {
            var manifest = "[{\"Config\":\"" + name + "\",\"RepoTags\":[\"hostile:v1\"],\"Layers\":[]}]";
            refusedLoad(Images.tar(tar -> tar.file("manifest.json", 0644, manifest)), name.replaceFirst("^/", ""));
        }
        var link = "[{\"Config\":\"config.json\",\"RepoTags\":[\"hostile:v1\"],\"Layers\":[]}]";
        refusedLoad(Images.tar(tar -> tar.symlink("config.json", "/etc/passwd").file("manifest.json", 0644, link)));
    }

    @Test
    void a_layer_whose_digest_is_another_is_refused() throws IOException {
        var image =
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:"
                        + "0".repeat(64) + "\"]}}";
        refusedLoad(Images.dockerArchive("hostile:v1", image, List.of(Images.tar(tar -> tar.file("a", 0644, "a")))));
        var traversal = image.replace("0".repeat(64), "../../../../tmp/x");
        refusedLoad(
                Images.dockerArchive("hostile:v1", traversal, List.of(Images.tar(tar -> tar.file("a", 0644, "a")))));
    }

    @Test
    void a_configuration_that_is_nonsense_is_refused() throws IOException {
        for (var config : List.of("[]", "{", "{\"config\":5}", "[".repeat(100_000))) {
            refusedLoad(
                    Images.dockerArchive("hostile:v1", config, List.of(Images.tar(tar -> tar.file("a", 0644, "a")))));
        }
    }

    @Test
    void a_client_that_goes_away_in_the_middle_leaves_nothing() throws IOException {
        var whole = Files.readAllBytes(Images.busyboxTar());
        try (var running = engine.docker("import", "-", "hostile").start()) {
            running.write(Arrays.copyOf(whole, whole.length / 2));
            Wait.sleep(Duration.ofMillis(300));
        }
        nothingStays();
        assertFalse(engine.docker("images").ok().contains("hostile"));
    }

    @Test
    void symlinked_system_directories_do_not_lead_out() throws IOException {
        var target = Files.createDirectory(directory.resolve("target"));
        for (var name : List.of("dev", "proc", "sys", "etc")) {
            var tar = Images.tar(content -> {
                content.directory("bin", 0755);
                try {
                    content.file("bin/busybox", 0755, Files.readAllBytes(Path.of("/bin/busybox")));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                content.symlink(name, target.toString());
            });
            var file = Files.write(directory.resolve(name + ".tar"), tar);
            engine.docker("import", file.toString(), "hostile").ok();
            // whether it starts is not the point
            engine.docker("run", "--rm", "--network", "none", "hostile", "/bin/busybox", "true")
                    .run();
            engine.docker("rmi", "-f", "hostile").ok();
            try (var made = Files.list(target)) {
                assertEquals(List.of(), made.toList(), name);
            }
        }
        nothingStays();
    }
}
