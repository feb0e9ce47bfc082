package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import kist.kernel.Linux;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ArchiveSystemTest {
    private static final byte[] NOISE = new byte[3_000_000];

    static {
        new Random(5).nextBytes(NOISE);
        // half of it can be compressed
        java.util.Arrays.fill(NOISE, 0, 1_500_000, (byte) 'x');
    }

    private static final byte[] BASE =
            new Tars().directory("etc").file("etc/a", "a").file("noise", NOISE).bytes();
    private static final byte[] SECOND =
            new Tars().hardlink("etc/link", "etc/a").bytes();

    private final Stores stores = new Stores();

    @AfterEach
    void clean() {
        stores.close();
    }

    private byte[] save(String... names) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            stores.store.save(List.of(names), Optional.empty(), out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static Map<String, byte[]> members(byte[] archive) throws IOException {
        Map<String, byte[]> members = new TreeMap<>();
        try (TarArchiveInputStream tar = new TarArchiveInputStream(new ByteArrayInputStream(archive))) {
            for (TarArchiveEntry e = tar.getNextEntry(); e != null; e = tar.getNextEntry()) {
                members.put(e.getName(), tar.readAllBytes());
            }
        }
        return members;
    }

    private static ImageException.Kind kind(org.junit.jupiter.api.function.Executable work) {
        return assertThrows(ImageException.class, work).kind();
    }

    @Test
    void what_came_as_plain_tars_is_saved_as_those_very_tars_and_loads_as_the_same_image() throws Exception {
        Image image = stores.load(Tars.dockerArchive("app:1", BASE, SECOND))
                .getFirst()
                .image();
        stores.store.tag("app:1", "other");
        byte[] saved = save("app:1", "other");
        assertArrayEquals(saved, save("app:1", "other"), "always the same bytes");
        Map<String, byte[]> members = members(saved);
        assertArrayEquals(BASE, members.get("blobs/sha256/" + Digest.of(BASE).substring(7)));
        assertTrue(members.keySet().containsAll(List.of("oci-layout", "index.json", "manifest.json", "repositories")));
        members.forEach((name, content) -> {
            if (name.startsWith("blobs/sha256/") && !name.endsWith("/")) {
                assertEquals("sha256:" + name.substring(13), Digest.of(content));
            }
        });
        stores.store.remove(image.id(), true, List.of());
        assertEquals(List.of(), stores.store.list());
        Loaded again = stores.load(saved).getFirst();
        assertEquals(
                List.of("app:1", "other:latest"),
                again.references().stream().sorted().toList());
        assertEquals(image.id(), again.image().id());
        assertEquals("a", stores.content(again.image(), "etc/link"));
        assertArrayEquals(saved, save("app:1", "other"));
        assertEquals(List.of(), stores.load(save(image.id())).getFirst().references());
        assertEquals(ImageException.Kind.NOT_FOUND, kind(() -> save("app:1", "nothing")));
    }

    @Test
    void a_repository_without_tag_stands_for_all_its_tags() throws Exception {
        stores.load(Tars.dockerArchive("app:1", BASE));
        stores.load(Tars.dockerArchive("app:2", SECOND_ALONE));
        stores.load(Tars.dockerArchive("apple:2", SECOND_ALONE));
        byte[] saved = save("app");
        try (Stores other = new Stores()) {
            assertEquals(
                    List.of("app:1", "app:2"),
                    other.load(saved).stream()
                            .flatMap(l -> l.references().stream())
                            .sorted()
                            .toList());
        }
    }

    private static final byte[] SECOND_ALONE = new Tars().file("x", "y").bytes();

    @Test
    void a_pulled_image_is_saved_with_the_archives_and_the_manifest_it_came_with() throws Exception {
        FetchSystemTest.Remote remote = FetchSystemTest.Remote.of("amd64", BASE, SECOND);
        try (Lease lease = stores.store.lease("t", Duration.ofMinutes(1))) {
            for (int i = 0; i < 2; i++) {
                byte[] blob = remote.blobs().get(i);
                stores.store.fetchLayer(
                        lease,
                        remote.blob(i),
                        remote.diffIds().get(i),
                        offset -> new BlobSource.Opened(new ByteArrayInputStream(blob), 0),
                        TransferListener.NONE);
            }
            stores.store.addImage(
                    lease,
                    remote.manifest(),
                    remote.config(),
                    Optional.empty(),
                    List.of(Reference.parse("app")),
                    List.of());
            assertEquals(
                    remote.manifest().digest(),
                    stores.store
                            .pushable(Digest.of(remote.config()), lease, TransferListener.NONE)
                            .digest(),
                    "it is pushed as it came");
        }
        byte[] saved = save("app");
        Map<String, byte[]> members = members(saved);
        assertArrayEquals(
                remote.blobs().getFirst(),
                members.get("blobs/sha256/" + remote.blob(0).digest().substring(7)));
        assertArrayEquals(
                remote.manifest().content(),
                members.get("blobs/sha256/" + remote.manifest().digest().substring(7)));
        try (Stores other = new Stores()) {
            Image image = other.load(saved).getFirst().image();
            assertEquals(Optional.of(image), other.store.find(remote.manifest().digest()));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            other.store.save(List.of("app"), Optional.empty(), out);
            assertArrayEquals(saved, out.toByteArray());
        }
    }

    @Test
    void a_layer_that_is_there_is_not_unpacked_again() throws Exception {
        byte[] archive = Tars.dockerArchive("app", BASE, SECOND);
        Image image = stores.load(archive).getFirst().image();
        List<String> blobs = stores.names("blobs");
        byte[] saved = save("app");
        Linux real = Linux.system();
        // a kernel that makes no directories: nothing can be unpacked
        Linux noDirectories = (Linux) java.lang.reflect.Proxy.newProxyInstance(
                Linux.class.getClassLoader(), new Class<?>[] {Linux.class}, (proxy, method, args) -> {
                    if (method.getName().equals("mkdirat") && args[1].equals("diff")) {
                        throw new AssertionError("unpacked");
                    }
                    try {
                        return method.invoke(real, args);
                    } catch (java.lang.reflect.InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
        stores.store.close();
        stores.store = ImageStore.open(stores.directory, noDirectories);
        assertEquals(image.id(), stores.load(archive).getFirst().image().id());
        assertEquals(image.id(), stores.load(saved).getFirst().image().id());
        assertEquals(blobs.size() + 1, stores.names("blobs").size(), "the manifest of the second archive");
        byte[] same = new Tars().file("x", "z").bytes();
        stores.store.close();
        stores.store = ImageStore.open(stores.directory, real);
        stores.load(Tars.dockerArchive("first", SECOND_ALONE));
        Image other = stores.load(Tars.dockerArchive("second", same)).getFirst().image();
        assertEquals("z", stores.content(other, "x"), "one of the same length is another");
        byte[] late = BASE.clone();
        // the last byte of the noise, behind several pieces that are the same
        late[512 * 4 + NOISE.length - 1] ^= 1;
        Image third = stores.load(Tars.dockerArchive("third", late)).getFirst().image();
        assertEquals(List.of(Digest.of(late)), third.layers());
        assertEquals("a", stores.content(third, "etc/a"));
    }

    @Test
    void an_image_of_plain_tars_becomes_gzip_once_it_is_pushed_and_stays_so() throws Exception {
        Image image =
                stores.load(Tars.dockerArchive("app", BASE, SECOND)).getFirst().image();
        stores.store.tag("app", "again");
        Manifest.Single first;
        try (Lease lease = stores.store.lease("push", Duration.ofMinutes(1))) {
            first = stores.store.pushable(image.id(), lease, TransferListener.NONE);
            for (int i = 0; i < 2; i++) {
                byte[] gzip = stores.store.content().read(first.layers().get(i).digest(), 10_000_000);
                assertEquals(first.layers().get(i).size(), gzip.length);
                try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(gzip))) {
                    assertArrayEquals(i == 0 ? BASE : SECOND, in.readAllBytes());
                }
            }
            List<TransferEvent> events = new java.util.ArrayList<>();
            assertEquals(
                    first.digest(),
                    stores.store.pushable(image.id(), lease, events::add).digest());
            assertEquals(List.of(), events, "nothing is done twice");
        }
        stores.store.recordDigest(image.id(), Reference.parse("app").at(first.digest()));
        stores.reopen();
        assertEquals(
                List.of("app@" + first.digest()),
                stores.store.find("app").orElseThrow().digests());
        assertEquals(4, stores.names("blobs").size(), "the former archives are gone");
        byte[] saved = save("app");
        assertTrue(members(saved).containsKey("blobs/sha256/" + first.digest().substring(7)));
        stores.store.remove(image.id(), true, List.of());
        stores.load(Tars.dockerArchive("app", BASE, SECOND));
        try (Lease lease = stores.store.lease("push", Duration.ofMinutes(1))) {
            assertEquals(
                    first.digest(),
                    stores.store
                            .pushable(image.id(), lease, TransferListener.NONE)
                            .digest(),
                    "the same image always has the same manifest");
        }
    }

    @Test
    void a_container_is_committed_with_what_it_changed_and_its_parent_is_kept() throws Exception {
        Image parent = stores.load(Tars.dockerArchive("app", BASE)).getFirst().image();
        stores.store.snapshots().prepare("c", parent.id());
        try (var mount = stores.store.snapshots().mount("c", false, false)) {
            Stores.write(mount, "new", "made here");
        }
        ImageConfig config = parent.config();
        Image made = stores.store.commit(
                new CommitRequest("c", config, "me", "why", "sh", List.of(Reference.parse("made"))));
        assertEquals("made here", stores.content(made, "new"));
        assertEquals("a", stores.content(made, "etc/a"));
        assertEquals(parent.id(), made.parent());
        assertEquals(2, made.layers().size());
        assertEquals("me", made.author());
        assertEquals("why", made.history().getLast().comment());
        stores.store.remove("app", false, List.of());
        assertTrue(
                stores.store.find(parent.id()).isPresent(), "what others were made from is not removed with its name");
        assertEquals(ImageException.Kind.CONFLICT, kind(() -> stores.store.remove(parent.id(), true, List.of())));
        stores.store.snapshots().remove("c");
        assertEquals(
                2,
                stores.store.remove("made", false, List.of()).deleted().stream()
                        .filter(d -> d.equals(made.id()) || d.equals(parent.id()))
                        .count());
        assertEquals(List.of(), stores.store.list());
    }

    @Test
    void prune_removes_what_it_is_told_to_and_says_what_that_gave() throws Exception {
        Image named = stores.load(Tars.dockerArchive("app", BASE)).getFirst().image();
        Image dangling = stores.load(Tars.dockerArchive("", BASE, SECOND_ALONE))
                .getFirst()
                .image();
        DiskUsage usage = stores.store.usage();
        assertEquals(2, usage.images().size());
        assertEquals(NOISE.length + 1 + 1, usage.layers());
        DiskUsage.ImageUsage of = usage.images().stream()
                .filter(u -> u.image().id().equals(dangling.id()))
                .findFirst()
                .orElseThrow();
        assertEquals(1, of.unique());
        assertEquals(NOISE.length + 1, of.shared());
        PruneRequest danglingOnly = new PruneRequest(false, Optional.empty(), List.of(), List.of());
        assertEquals(
                List.of(),
                stores.store
                        .prune(new PruneRequest(false, Optional.of(Instant.EPOCH), List.of(), List.of()), List.of())
                        .removed());
        assertEquals(
                List.of(),
                stores.store
                        .prune(new PruneRequest(true, Optional.empty(), List.of("a=b"), List.of()), List.of())
                        .removed());
        Pruned pruned = stores.store.prune(danglingOnly, List.of());
        assertEquals(dangling.id(), pruned.removed().getFirst().deleted().getFirst());
        assertTrue(pruned.reclaimed() > 0);
        PruneRequest all = new PruneRequest(true, Optional.empty(), List.of(), List.of());
        assertEquals(
                List.of(),
                stores.store
                        .prune(all, List.of(new ImageUse(named.id(), "c", false)))
                        .removed());
        assertEquals(1, stores.store.prune(all, List.of()).removed().size());
        assertEquals(List.of(), stores.store.list());
        assertEquals(0, stores.store.usage().blobs());
    }

    @Test
    void an_index_of_the_first_format_is_read_and_its_images_gain_their_archives_when_loaded_again() throws Exception {
        byte[] archive = Tars.dockerArchive("app", BASE);
        Image image = stores.load(archive).getFirst().image();
        stores.store.awaitSync();
        stores.store.close();
        var index = stores.directory.resolve("index.json");
        Files.writeString(
                index,
                "{\"version\":1,\"images\":[{\"id\":\"" + image.id()
                        + "\",\"references\":[\"docker.io/library/app:latest\"],\"layers\":[\""
                        + Digest.of(BASE).substring(7) + "\"],\"removed\":false}]}");
        stores.store = ImageStore.open(stores.directory, Linux.system());
        assertEquals("a", stores.content(stores.store.find("app").orElseThrow(), "etc/a"));
        ImageException e = assertThrows(ImageException.class, () -> save("app"));
        assertTrue(e.getMessage().contains("load or pull it again"), e.getMessage());
        stores.load(archive);
        assertArrayEquals(
                BASE, members(save("app")).get("blobs/sha256/" + Digest.of(BASE).substring(7)));
    }

    @Test
    void an_image_that_was_not_on_disk_when_the_machine_went_down_is_left_out() throws Exception {
        stores.load(Tars.dockerArchive("safe", BASE));
        stores.store.awaitSync();
        stores.load(Tars.dockerArchive("lost", SECOND_ALONE));
        stores.store.close();
        var index = stores.directory.resolve("index.json");
        String boot = Files.readString(java.nio.file.Path.of("/proc/sys/kernel/random/boot_id"))
                .strip();
        String text = Files.readString(index);
        assertTrue(text.contains(boot));
        Files.writeString(index, text.replace(boot, "00000000-0000-0000-0000-000000000000"));
        stores.store = ImageStore.open(stores.directory, Linux.system());
        assertEquals(Optional.empty(), stores.store.find("lost"));
        assertEquals("a", stores.content(stores.store.find("safe").orElseThrow(), "etc/a"));
        stores.store.awaitDeletions();
        assertEquals(1, stores.names("layers").size());
        assertEquals(
                "y",
                stores.content(
                        stores.load(Tars.dockerArchive("lost", SECOND_ALONE))
                                .getFirst()
                                .image(),
                        "x"));
    }

    @Test
    void archives_of_several_platforms_bring_all_of_them_or_the_one_asked_for() throws Exception {
        FetchSystemTest.Remote amd = FetchSystemTest.Remote.of("amd64", BASE);
        FetchSystemTest.Remote arm = FetchSystemTest.Remote.of("arm64", SECOND_ALONE);
        Descriptor absent = Descriptor.of(MediaTypes.OCI_MANIFEST, new byte[] {1});
        byte[] index = index(List.of(listed(amd, "amd64"), listed(arm, "arm64"), absent.toJson()));
        Map<String, Object> top = new java.util.LinkedHashMap<>(
                Descriptor.of(MediaTypes.OCI_INDEX, index).toJson());
        top.put("annotations", Map.of("io.containerd.image.name", "docker.io/library/multi:1"));
        Tars tar = new Tars()
                .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
                .file("index.json", index(List.of(top)))
                .file("blobs/sha256/" + Digest.of(index).substring(7), index);
        for (FetchSystemTest.Remote remote : List.of(amd, arm)) {
            tar.file(
                    "blobs/sha256/" + remote.manifest().digest().substring(7),
                    remote.manifest().content());
            tar.file("blobs/sha256/" + Digest.of(remote.config()).substring(7), remote.config());
            tar.file(
                    "blobs/sha256/" + remote.blob(0).digest().substring(7),
                    remote.blobs().getFirst());
        }
        byte[] archive = tar.bytes();
        assertEquals(2, stores.load(archive).size());
        assertEquals(
                Platform.HOST.architecture(),
                stores.store.find("multi:1").orElseThrow().architecture());
        for (String architecture : List.of("amd64", "arm64")) {
            assertEquals(
                    architecture,
                    stores.store
                            .find("multi:1", Platform.parse("linux/" + architecture))
                            .orElseThrow()
                            .architecture());
        }
        byte[] saved = save("multi:1");
        assertTrue(members(saved).containsKey("blobs/sha256/" + Digest.of(index).substring(7)));
        assertNotEquals(
                0,
                stores.store
                        .prune(new PruneRequest(true, Optional.empty(), List.of(), List.of()), List.of())
                        .removed()
                        .size());
        assertEquals(List.of(), stores.store.list());
        assertEquals(2, stores.load(saved).size());
        assertArrayEquals(saved, save("multi:1"));
        stores.store.remove("multi:1", false, List.of());
        assertEquals(List.of(), stores.store.list());
        List<Loaded> one = stores.store.load(new ByteArrayInputStream(archive), Optional.of(Platform.parse("arm64")));
        assertEquals("arm64", one.getFirst().image().architecture());
        assertEquals(List.of("multi:1"), one.getFirst().references());
        assertEquals(1, one.size());
        assertFalse(one.getFirst().image().layers().isEmpty());
    }

    private static Map<String, Object> listed(FetchSystemTest.Remote remote, String architecture) {
        Map<String, Object> json =
                new java.util.LinkedHashMap<>(remote.manifest().descriptor().toJson());
        json.put("platform", Map.of("os", "linux", "architecture", architecture));
        return json;
    }

    private static byte[] index(List<Map<String, Object>> manifests) {
        Map<String, Object> json = new java.util.LinkedHashMap<>();
        json.put("schemaVersion", 2);
        json.put("mediaType", MediaTypes.OCI_INDEX);
        json.put("manifests", manifests);
        return Document.write(json);
    }

    @Test
    void healthcheck_and_its_like_are_read_and_written() throws Exception {
        String config =
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],"
                        + "\"Interval\":5000000000,\"Retries\":3},\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/bash\",\"-c\"],"
                        + "\"ArgsEscaped\":true},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
        ImageDocument document = ImageDocument.parse(config.getBytes(StandardCharsets.UTF_8), "config");
        assertEquals(
                Duration.ofSeconds(5),
                document.config().healthcheck().orElseThrow().interval());
        assertEquals(List.of("RUN x"), document.config().onBuild());
        assertEquals(List.of("/bin/bash", "-c"), document.config().shell());
        assertTrue(document.config().argsEscaped());
        assertEquals(document, ImageDocument.parse(document.toJson(), "again"));
    }
}
