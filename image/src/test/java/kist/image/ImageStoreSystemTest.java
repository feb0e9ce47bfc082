package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.zip.GZIPOutputStream;
import kist.kernel.Linux;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ImageStoreSystemTest {
    private static final byte[] BASE = new Tars()
            .directory("./", 0711)
            .directory("etc", 0750)
            .file("etc/a", "lower a")
            .file("etc/b", "lower b")
            .directory("gone")
            .file("gone/x", "x")
            .symlink("abs", "/etc/a")
            .fifo("fifo")
            .device("null", TarConstants.LF_CHR, 1, 3)
            .file("su", "s", 04755, Map.of())
            .bytes();

    private final Stores stores = new Stores();

    @AfterEach
    void clean() {
        stores.close();
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(plain);
        }
        return out.toByteArray();
    }

    private static byte[] bzip2(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (BZip2CompressorOutputStream bz = new BZip2CompressorOutputStream(out)) {
            bz.write(plain);
        }
        return out.toByteArray();
    }

    private ImageException.Kind kind(Runnable work) {
        return assertThrows(ImageException.class, work::run).kind();
    }

    @Test
    void an_imported_tree_is_as_the_archive_says() {
        Image image = stores.importTar(BASE, "base");
        assertEquals(
                Map.ofEntries(
                        Map.entry("abs", "-> /etc/a"),
                        Map.entry("etc", "dir 750"),
                        Map.entry("etc/a", "file 644"),
                        Map.entry("etc/b", "file 644"),
                        Map.entry("fifo", "fifo 640"),
                        Map.entry("gone", "dir 755"),
                        Map.entry("gone/x", "file 644"),
                        Map.entry("null", "char 1:3 660"),
                        Map.entry("su", "file 4755")),
                stores.tree(image));
        assertEquals("lower a", stores.content(image, "abs"));
        assertEquals(List.of("base:latest"), image.references());
        assertEquals(List.of(Digest.of(BASE)), image.layers());
        assertEquals(16, image.size());
        assertEquals("Imported from -", image.comment());
        try (var mount = stores.store.snapshots().mountImage(image.id())) {
            assertEquals(1_700_000_000L, Linux.system().stat(mount, "etc").mtimeSec());
            assertEquals(1_700_000_000L, Linux.system().stat(mount, "su").mtimeSec());
        }
    }

    @Test
    void a_compressed_archive_gives_the_same_layer() throws Exception {
        String plain = stores.importTar(BASE, "").layers().getFirst();
        assertEquals(plain, stores.importTar(gzip(BASE), "").layers().getFirst());
        assertEquals(plain, stores.importTar(bzip2(BASE), "").layers().getFirst());
        assertEquals(
                plain,
                stores.importTar(com.github.luben.zstd.Zstd.compress(BASE), "")
                        .layers()
                        .getFirst());
        assertEquals(4, stores.store.list().size());
        assertEquals(1, stores.names("layers").size(), "the layer is stored once");
    }

    @Test
    void changes_and_message_become_part_of_the_image() {
        Image image = stores.store.importRootfs(
                new ByteArrayInputStream(BASE), "me/app:v1", List.of("CMD [\"/x\"]", "ENV A=1"), "made by hand");
        stores.reopen();
        Image again = stores.store.find("me/app:v1").orElseThrow();
        assertEquals(image, again);
        assertEquals(List.of("/x"), again.config().command());
        assertEquals(List.of("A=1"), again.config().environment());
        assertEquals("made by hand", again.history().getFirst().comment());
        assertEquals(kind(() -> stores.importTar(BASE, "Bad:Name")), ImageException.Kind.INVALID);
        assertEquals(1, stores.store.list().size());
    }

    @Test
    void whiteouts_and_opaque_directories_hide_what_lies_below() {
        byte[] second = new Tars()
                .directory("etc", 0700)
                .file("etc/.wh.a", "")
                .file("etc/c", "upper c")
                .directory("gone")
                .file("gone/.wh..wh..opq", "")
                .file("gone/y", "y")
                .file(".wh.su", "")
                .bytes();
        Image image =
                stores.load(Tars.dockerArchive("two", BASE, second)).getFirst().image();
        Map<String, String> tree = stores.tree(image);
        assertEquals(Set.of("abs", "etc", "etc/b", "etc/c", "fifo", "gone", "gone/y", "null"), tree.keySet());
        assertEquals("dir 700", tree.get("etc"));
    }

    @Test
    void a_whiteout_never_hides_what_its_own_layer_brings_in_whichever_order() {
        byte[] before = new Tars()
                .file(".wh.gone", "")
                .directory("gone")
                .file("gone/new", "1")
                .file(".wh.su", "")
                .file("su", "new")
                .bytes();
        byte[] after = new Tars()
                .directory("gone")
                .file("gone/new", "1")
                .file(".wh.gone", "")
                .file("su", "new")
                .file(".wh.su", "")
                .bytes();
        byte[] implied = new Tars()
                .file(".wh.gone", "")
                .file("gone/new", "1")
                .file("su", "new")
                .bytes();
        for (byte[] layer : List.of(before, after, implied)) {
            Image image =
                    stores.load(Tars.dockerArchive("", BASE, layer)).getFirst().image();
            Map<String, String> tree = stores.tree(image);
            assertTrue(tree.containsKey("gone/new") && !tree.containsKey("gone/x"), tree.toString());
            assertEquals("new", stores.content(image, "su"));
        }
    }

    @Test
    void an_opaque_root_hides_all_layers_below() {
        byte[] layer = new Tars().file(".wh..wh..opq", "").file("only", "1").bytes();
        Image image =
                stores.load(Tars.dockerArchive("o", BASE, layer)).getFirst().image();
        assertEquals(Set.of("only"), stores.tree(image).keySet());
    }

    @Test
    void a_hard_link_to_a_file_of_a_layer_below_is_that_file() {
        byte[] second = new Tars()
                .hardlink("etc/link", "etc/a")
                .hardlink("again", "etc/a")
                .bytes();
        Image image =
                stores.load(Tars.dockerArchive("l", BASE, second)).getFirst().image();
        assertEquals("lower a", stores.content(image, "etc/link"));
        Map<String, String> tree = stores.tree(image);
        assertEquals("dir 750", tree.get("etc"), "a directory that the archive leaves out is as it was below");
        assertEquals("file 644", tree.get("etc/link"));
        try (var mount = stores.store.snapshots().mountImage(image.id())) {
            assertEquals(3, Linux.system().stat(mount, "etc/link").links());
        }
    }

    @Test
    void a_hard_link_to_a_file_that_was_deleted_below_is_refused() {
        byte[] second = new Tars().file("etc/.wh.a", "").bytes();
        byte[] third = new Tars().hardlink("x", "etc/a").bytes();
        assertEquals(
                ImageException.Kind.INVALID, kind(() -> stores.load(Tars.dockerArchive("l", BASE, second, third))));
        assertEquals(List.of(), stores.store.list());
        assertEquals(List.of(), stores.names("layers"));
    }

    @Test
    void a_layer_that_depends_on_those_below_is_kept_apart_for_each() {
        byte[] other =
                new Tars().directory("etc", 0700).file("etc/a", "other a").bytes();
        byte[] second = new Tars().hardlink("etc/link", "etc/a").bytes();
        Image one =
                stores.load(Tars.dockerArchive("one", BASE, second)).getFirst().image();
        Image two =
                stores.load(Tars.dockerArchive("two", other, second)).getFirst().image();
        assertEquals("lower a", stores.content(one, "etc/link"));
        assertEquals("other a", stores.content(two, "etc/link"));
        assertEquals("dir 700", stores.tree(two).get("etc"));
        assertEquals(4, stores.names("layers").size());
    }

    @Test
    void a_later_entry_replaces_an_earlier_one_of_the_same_name() {
        Image image = stores.importTar(
                new Tars()
                        .directory("d")
                        .file("d/x", "1")
                        .file("d", "now a file")
                        .file("f", "1")
                        .directory("f")
                        .file("f/y", "2")
                        .symlink("s", "f")
                        .file("s/z", "through")
                        .directory("s")
                        .file("s/w", "own")
                        .file("g", "1")
                        .file("g", "22")
                        .bytes(),
                "r");
        Map<String, String> tree = stores.tree(image);
        assertEquals("file 644", tree.get("d"));
        assertEquals(Set.of("d", "f", "f/y", "f/z", "s", "s/w", "g"), tree.keySet());
        assertEquals("22", stores.content(image, "g"));
    }

    @Test
    void load_gives_names_and_moves_them_from_other_images() {
        Loaded first = stores.load(Tars.dockerArchive("app:v1", BASE)).getFirst();
        assertEquals(List.of("app:v1"), first.references());
        assertEquals(List.of("PATH=/bin"), first.image().config().environment());
        assertEquals("2024-02-03T04:05:06.123456789Z", first.image().created().toString());
        byte[] other = new Tars().file("x", "y").bytes();
        Loaded second = stores.load(Tars.dockerArchive("app:v1", other)).getFirst();
        assertEquals(second.image(), stores.store.find("app:v1").orElseThrow());
        assertEquals(
                List.of(), stores.store.find(first.image().id()).orElseThrow().references());
    }

    @Test
    void layers_that_are_links_or_repeated_in_the_archive_are_found() {
        byte[] empty = new byte[1024];
        byte[] config = ("{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + Digest.of(BASE)
                        + "\",\"" + Digest.of(empty) + "\",\"" + Digest.of(empty) + "\"]}}")
                .getBytes(StandardCharsets.UTF_8);
        byte[] archive = new Tars()
                .directory("a")
                .file("a/VERSION", "1.0")
                .file("a/layer.tar", BASE)
                .file("b/layer.tar", empty)
                .symlink("c/layer.tar", "../b/layer.tar")
                .file("repositories", "{}")
                .file("c.json", config)
                .file(
                        "manifest.json",
                        "[{\"Config\":\"c.json\",\"RepoTags\":[\"s:1\"],"
                                + "\"Layers\":[\"a/layer.tar\",\"b/layer.tar\",\"c/layer.tar\"]}]")
                .bytes();
        Image image = stores.load(archive).getFirst().image();
        assertEquals(3, image.layers().size());
        assertEquals(2, stores.names("layers").size());
        assertEquals("lower a", stores.content(image, "etc/a"));
    }

    private static byte[] oci(String ref, byte[] layer, boolean lie, String platform) throws IOException {
        byte[] blob = gzip(layer);
        String config = "{\"architecture\":\"" + ArchiveLoader.architecture()
                + "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + Digest.of(layer) + "\"]}}";
        String manifest =
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":"
                        + "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" + digest(config)
                        + "\",\"size\":" + config.length() + "},"
                        + (lie ? "\"manifests\":[]," : "") + "\"layers\":[{\"mediaType\":\"" + MediaTypes.OCI_LAYER
                        + "+gzip\",\"digest\":\"" + Digest.of(blob) + "\",\"size\":" + blob.length + "}]}";
        String index =
                "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                        + "\"digest\":\"" + digest(manifest) + "\",\"size\":" + manifest.length() + platform
                        + ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" + ref + "\"}}]}";
        return new Tars()
                .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
                .file("index.json", index)
                .file("blobs/sha256/" + digest(config).substring(7), config)
                .file("blobs/sha256/" + digest(manifest).substring(7), manifest)
                .file("blobs/sha256/" + Digest.of(blob).substring(7), blob)
                .bytes();
    }

    private static String digest(String text) {
        return Digest.of(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void an_oci_layout_is_loaded() throws Exception {
        Loaded loaded = stores.load(oci("localhost/x:1", BASE, false, "")).getFirst();
        assertEquals(List.of("localhost/x:1"), loaded.references());
        assertEquals(
                List.of(), stores.load(oci("1", BASE, false, "")).getFirst().references());
        assertEquals("lower a", stores.content(loaded.image(), "etc/a"));
        byte[] other = oci("x:1", BASE, false, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}");
        assertEquals(
                ImageException.Kind.INVALID,
                kind(() -> stores.store.load(
                        new ByteArrayInputStream(other), Optional.of(Platform.parse("linux/amd64")))));
    }

    @Test
    void cve_2021_41190_a_document_that_is_index_and_manifest_at_once_is_refused() throws Exception {
        byte[] archive = oci("x:1", BASE, true, "");
        assertEquals(ImageException.Kind.INVALID, kind(() -> stores.load(archive)));
        assertEquals(List.of(), stores.store.list());
    }

    @Test
    void cve_2014_6407_identifiers_in_manifests_are_not_used_as_paths() {
        for (String bad : List.of("../../../etc/passwd", "/etc/passwd", "sha256:../../x", "nothing")) {
            byte[] archive = new Tars()
                    .file("manifest.json", "[{\"Config\":\"" + bad + "\",\"Layers\":[\"" + bad + "\"]}]")
                    .bytes();
            assertEquals(ImageException.Kind.INVALID, kind(() -> stores.load(archive)));
        }
    }

    @Test
    void an_archive_whose_digests_or_counts_do_not_match_is_refused() {
        byte[] other = new Tars().file("x", "y").bytes();
        byte[] config = ("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + Digest.of(BASE) + "\"]}}").getBytes();
        for (String layers : List.of("\"l\"", "", "\"l\",\"l\"")) {
            byte[] archive = new Tars()
                    .file("l", other)
                    .file("c", config)
                    .file("manifest.json", "[{\"Config\":\"c\",\"RepoTags\":null,\"Layers\":[" + layers + "]}]")
                    .bytes();
            assertEquals(ImageException.Kind.INVALID, kind(() -> stores.load(archive)));
        }
        byte[] misnamed = new Tars()
                .file("blobs/sha256/" + "0".repeat(64), "{}")
                .file("manifest.json", "[]")
                .bytes();
        assertEquals(ImageException.Kind.INVALID, kind(() -> stores.load(misnamed)));
        assertEquals(ImageException.Kind.INVALID, kind(() -> stores.load(BASE)));
        assertEquals(List.of(), stores.store.list());
        assertEquals(List.of(), stores.names("layers"));
        assertEquals(List.of(), stores.names("blobs"));
    }

    @Test
    void images_are_found_by_name_id_and_beginning_of_the_id() {
        Image image = stores.importTar(BASE, "busybox");
        String hex = image.id().substring(7);
        for (String name : List.of(
                "busybox",
                "busybox:latest",
                "docker.io/library/busybox",
                "library/busybox:latest",
                image.id(),
                hex,
                hex.substring(0, 12),
                "sha256:" + hex.substring(0, 5))) {
            assertEquals(Optional.of(image), stores.store.find(name), name);
        }
        for (String name : List.of("busybox:1", "box", "", "sha256:", hex + "0", "..", "BUSYBOX")) {
            assertEquals(Optional.empty(), stores.store.find(name), name);
        }
    }

    @Test
    void a_beginning_of_several_ids_is_refused() {
        Map<Character, Integer> firsts = new java.util.HashMap<>();
        String twice = "";
        while (twice.isEmpty()) {
            char c = stores.importTar(BASE, "").id().charAt(7);
            if (firsts.merge(c, 1, Integer::sum) == 2) {
                twice = String.valueOf(c);
            }
        }
        String prefix = twice;
        assertEquals(ImageException.Kind.INVALID, kind(() -> stores.store.find(prefix)));
    }

    @Test
    void names_are_given_moved_and_taken_as_docker_does_it() throws Exception {
        Image image = stores.importTar(BASE, "a:1");
        stores.store.tag("a:1", "b");
        assertEquals(
                List.of("a:1", "b:latest"), stores.store.find("b").orElseThrow().references());
        assertEquals(ImageException.Kind.NOT_FOUND, kind(() -> stores.store.tag("no-such", "d")));
        assertEquals(ImageException.Kind.INVALID, kind(() -> stores.store.tag("b", "d@sha256:" + "0".repeat(64))));
        assertEquals(new Removed(List.of("a:1"), List.of()), stores.store.remove("a:1", false, List.of()));
        stores.store.tag("b", "x/c");
        String shortId = image.id().substring(7, 19);
        ImageException e = assertThrows(ImageException.class, () -> stores.store.remove(shortId, false, List.of()));
        assertEquals(
                "conflict: unable to delete " + shortId + " (must be forced) - image is referenced in multiple"
                        + " repositories",
                e.getMessage());
        Removed removed = stores.store.remove(shortId, true, List.of());
        assertEquals(List.of("b:latest", "x/c:latest"), removed.untagged());
        assertEquals(List.of(image.id(), Digest.of(BASE)), removed.deleted());
        assertEquals(
                "No such image: b:latest",
                assertThrows(ImageException.class, () -> stores.store.remove("b", false, List.of()))
                        .getMessage());
        stores.store.awaitDeletions();
        for (String dir : List.of("layers", "blobs", "trash", "tmp")) {
            assertEquals(List.of(), stores.names(dir), dir);
        }
    }

    @Test
    void images_in_use_are_kept_unless_forced_and_then_until_their_containers_go() throws Exception {
        Image image = stores.importTar(BASE, "used");
        String shortId = image.id().substring(7, 19);
        String container = "c".repeat(64);
        stores.store.snapshots().prepare(container, image.id());
        List<ImageUse> running = List.of(new ImageUse(image.id(), container, true));
        List<ImageUse> stopped = List.of(new ImageUse(image.id(), container, false));
        assertEquals(
                "conflict: unable to remove repository reference \"used:latest\" (must force) - container cccccccccccc is"
                        + " using its referenced image " + shortId,
                assertThrows(ImageException.class, () -> stores.store.remove("used", false, stopped))
                        .getMessage());
        assertEquals(
                "conflict: unable to delete " + shortId
                        + " (cannot be forced) - image is being used by running container cccccccccccc",
                assertThrows(ImageException.class, () -> stores.store.remove(shortId, true, running))
                        .getMessage());
        assertEquals(ImageException.Kind.CONFLICT, kind(() -> stores.store.remove(shortId, false, Set.of(image.id()))));
        assertEquals(
                image.id(),
                stores.store.remove(shortId, true, stopped).deleted().getFirst());
        assertEquals(Optional.empty(), stores.store.find("used"));
        assertEquals(
                ImageException.Kind.NOT_FOUND,
                kind(() -> stores.store.snapshots().prepare("d", image.id())));
        stores.reopen();
        try (var mount = stores.store.snapshots().mount(container, false, false)) {
            assertEquals("lower a", Stores.content(mount, "etc/a"));
        }
        stores.store.snapshots().remove(container);
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("layers"));
        assertEquals(List.of(), stores.names("blobs"));
    }

    @Test
    void a_second_store_on_the_directory_is_refused_and_the_first_untouched() {
        stores.importTar(BASE, "a");
        ImageException e = assertThrows(ImageException.class, () -> ImageStore.open(stores.directory, Linux.system()));
        assertEquals(ImageException.Kind.CONFLICT, e.kind());
        assertTrue(stores.store.find("a").isPresent());
        stores.importTar(BASE, "b");
    }

    @Test
    void many_at_once_store_each_layer_once() throws Exception {
        byte[] second = new Tars().hardlink("etc/link", "etc/a").bytes();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<Image>> work = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String name = "n" + i;
                work.add(() -> stores.load(Tars.dockerArchive(name, BASE, second))
                        .getFirst()
                        .image());
                work.add(() -> {
                    Image image = stores.importTar(BASE, "");
                    stores.store.remove(image.id(), false, List.of());
                    return image;
                });
            }
            for (var done : threads.invokeAll(work)) {
                assertFalse(done.get().layers().isEmpty());
            }
        }
        assertEquals(1, stores.store.list().size());
        assertEquals(8, stores.store.list().getFirst().references().size());
        assertEquals(2, stores.names("layers").size());
        assertEquals("lower a", stores.content(stores.store.list().getFirst(), "etc/link"));
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("tmp"));
    }

    @Test
    void a_damaged_image_is_left_out_but_nothing_of_it_is_deleted_and_loading_it_again_repairs_it() throws Exception {
        byte[] archive = Tars.dockerArchive("app", BASE);
        Image image = stores.load(archive).getFirst().image();
        stores.importTar(new Tars().file("x", "y").bytes(), "other");
        Path layer =
                stores.directory.resolve("layers/" + image.layers().getFirst().substring(7) + "/layer.json");
        Files.writeString(layer, "{");
        Path blob = stores.directory.resolve("blobs/" + image.id().substring(7));
        Files.writeString(blob, "{}");
        stores.reopen();
        assertEquals(1, stores.store.list().size());
        assertEquals(2, stores.names("layers").size());
        assertEquals(image, stores.load(archive).getFirst().image());
        stores.reopen();
        assertEquals("lower a", stores.content(stores.store.find("app").orElseThrow(), "etc/a"));
    }

    @Test
    void an_index_that_cannot_be_read_or_is_gone_stops_the_engine_before_anything_is_deleted() throws Exception {
        stores.importTar(BASE, "a");
        stores.store.close();
        Path index = stores.directory.resolve("index.json");
        byte[] good = Files.readAllBytes(index);
        for (String bad : List.of("", "{", "{\"version\":3,\"images\":[]}", "[]")) {
            Files.writeString(index, bad);
            assertEquals(ImageException.Kind.INTERNAL, kind(() -> ImageStore.open(stores.directory, Linux.system())));
        }
        Files.delete(index);
        assertEquals(ImageException.Kind.INTERNAL, kind(() -> ImageStore.open(stores.directory, Linux.system())));
        assertEquals(1, stores.names("layers").size());
        Files.write(index, good);
        stores.store = ImageStore.open(stores.directory, Linux.system());
        assertTrue(stores.store.find("a").isPresent());
    }

    @Test
    void the_image_that_the_distribution_ships_is_loaded_and_always_the_same() throws Exception {
        byte[] archive = HelloImage.archive(new byte[] {1, 2, 3});
        assertEquals(Digest.of(archive), Digest.of(HelloImage.archive(new byte[] {1, 2, 3})));
        Loaded hello = stores.load(archive).getFirst();
        assertEquals(List.of("hello:latest"), hello.references());
        assertEquals(List.of("/hello"), hello.image().config().command());
        assertEquals(Map.of("hello", "file 755"), stores.tree(hello.image()));
    }
}
