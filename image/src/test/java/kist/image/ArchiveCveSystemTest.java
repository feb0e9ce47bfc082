package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One test at least for each hole that archives have found in other engines; a file beside the store must never change. */
class ArchiveCveSystemTest {
    private final Stores stores = new Stores();
    private final Path host = stores.directory.resolveSibling(stores.directory.getFileName() + "-host");
    private final Path secret = host.resolve("secret");

    @BeforeEach
    void plant() throws IOException {
        Files.createDirectory(host);
        Files.writeString(secret, "untouched");
        Files.setPosixFilePermissions(secret, Set.of(PosixFilePermission.OWNER_READ));
    }

    @AfterEach
    void the_host_is_as_it_was() throws Exception {
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.settled("tmp"));
        stores.close();
        try (var list = Files.list(host)) {
            assertEquals(List.of(secret), list.toList());
        }
        assertEquals("untouched", Files.readString(secret));
        assertEquals(Set.of(PosixFilePermission.OWNER_READ), Files.getPosixFilePermissions(secret));
        assertEquals(1, (int) (Integer) Files.getAttribute(secret, "unix:nlink"));
        Files.delete(secret);
        Files.delete(host);
    }

    /** Unpacked or refused, but nothing of it outside. */
    private void tried(byte[] tar) {
        try {
            stores.importTar(tar, "x");
        } catch (ImageException refused) {
            assertEquals(ImageException.Kind.INVALID, refused.kind(), refused.getMessage());
        }
    }

    private String up() {
        return "../".repeat(30) + host.toString().substring(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"absolute", "relative"})
    @DisplayName("CVE-2014-6407: links in an archive lead no later entry out of the root")
    void links_lead_nothing_out(String how) {
        String out = how.equals("absolute") ? host.toString() : up();
        tried(new Tars().symlink("l", out).file("l/secret", "changed").bytes());
        tried(new Tars().symlink("l", out).file("l/new", "new").bytes());
        tried(new Tars().symlink("l", out).directory("l/new").bytes());
        tried(new Tars().symlink("l", out).symlink("l/new", "x").bytes());
        tried(new Tars().symlink("l", out).fifo("l/new").bytes());
        tried(new Tars()
                .symlink("l", out)
                .hardlink("h", "l/secret")
                .file("h", "changed")
                .bytes());
        tried(new Tars().symlink("l", out + "/secret").file("l", "changed").bytes());
        tried(new Tars()
                .symlink("a", "b")
                .symlink("b", out)
                .file("a/secret", "changed")
                .bytes());
    }

    @Test
    @DisplayName("CVE-2014-6408: security options in the configuration of an image are not heard")
    void security_options_of_an_image_are_not_heard() {
        String json = "{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},"
                + "\"HostConfig\":{\"Privileged\":true,\"SecurityOpt\":[\"seccomp=unconfined\"],\"Binds\":[\"/:/host\"]},"
                + "\"config\":{\"Cmd\":[\"sh\"],\"SecurityOpt\":[\"label=disable\"],\"Privileged\":true,"
                + "\"CapAdd\":[\"ALL\"],\"Binds\":[\"/:/host\"],\"Volumes\":{\"/host\":{\"bind\":\"/\"}}}}";
        ImageDocument document = ImageDocument.parse(json.getBytes(StandardCharsets.UTF_8), "config");
        assertEquals(List.of("sh"), document.config().command());
        assertEquals(List.of("/host"), document.config().volumes(), "an empty volume, whatever it says");
        String known = document.config().toString();
        assertFalse(known.contains("unconfined") || known.contains("disable") || known.contains("ALL"), known);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../../%s", "/%s", "./../../../%s", "a/../../../%s", "..", "a/.."})
    @DisplayName("CVE-2014-9357, CVE-2014-9358: no name and no identifier is a way out of the store")
    void names_and_identifiers_are_no_ways_out(String form) {
        String name = String.format(form, secret.toString().substring(1));
        tried(new Tars().file(name, "changed").bytes());
        for (String field : List.of("Config", "Layers")) {
            String config = field.equals("Config") ? name : "c";
            String layer = field.equals("Layers") ? name : "l";
            byte[] archive = new Tars()
                    .file("c", "{}")
                    .file("l", "")
                    .file("manifest.json", "[{\"Config\":\"" + config + "\",\"Layers\":[\"" + layer + "\"]}]")
                    .bytes();
            assertThrows(ImageException.class, () -> stores.load(archive));
        }
        byte[] tagged = new Tars()
                .file("manifest.json", "[{\"Config\":\"c\",\"RepoTags\":[\"" + name + "\"],\"Layers\":[]}]")
                .file("c", "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}")
                .bytes();
        if (name.startsWith(".") || name.startsWith("/")) {
            assertThrows(ImageException.class, () -> stores.load(tagged));
        }
        assertThrows(ImageException.class, () -> stores.store.snapshots().prepare("c", "sha256:" + name));
        assertThrows(ImageException.class, () -> stores.store.snapshots().prepare(name, "sha256:" + "0".repeat(64)));
        assertEquals(java.util.Optional.empty(), stores.store.find("sha256:" + name));
    }

    @Test
    @DisplayName("CVE-2021-41089, CVE-2021-32760: modes and owners are set through no link")
    void modes_are_set_through_no_link() {
        for (byte link : new byte[] {TarConstants.LF_SYMLINK, TarConstants.LF_LINK}) {
            for (String target : List.of(secret.toString(), up() + "/secret", "l/secret")) {
                Tars tar = new Tars().symlink("l", host.toString());
                tried(tar.entry("x", link, target, new byte[0], 04777, Map.of()).bytes());
                tried(new Tars()
                        .symlink("l", host.toString())
                        .entry("x", link, target, new byte[0], 0777, Map.of())
                        .entry("x", TarConstants.LF_NORMAL, "", new byte[0], 04777, Map.of())
                        .bytes());
            }
        }
        tried(new Tars().symlink("d", host.toString()).directory("d", 0777).bytes());
    }

    @Test
    @DisplayName("CVE-2025-47290: layers unpacked side by side that swap directories and links stay inside")
    void layers_that_swap_directories_and_links_stay_inside() throws Exception {
        byte[] base = new Tars().directory("d").file("d/x", "1").bytes();
        byte[] swap = new Tars()
                .file(".wh.d", "")
                .symlink("d", host.toString())
                .directory("e")
                .symlink("e", up())
                .bytes();
        byte[] through = new Tars()
                .file("d/secret", "changed")
                .file("e/secret", "changed")
                .file("d/.wh.secret", "")
                .file("e/.wh..wh..opq", "")
                .bytes();
        byte[] link = new Tars().hardlink("stolen", "d/secret").bytes();
        List<Callable<Boolean>> loads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            loads.add(() -> {
                stores.load(Tars.dockerArchive("a", base, swap, through, base, swap, through));
                assertThrows(ImageException.class, () -> stores.load(Tars.dockerArchive("b", base, swap, link)));
                return true;
            });
        }
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Boolean> f : threads.invokeAll(loads)) {
                f.get();
            }
        }
    }

    @Test
    @DisplayName("CVE-2017-14992: an archive that unpacks to far more than it is ends at the limit")
    void an_archive_of_much_air_ends_at_the_limit() throws Exception {
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(bomb)) {
            gz.write(Tars.header("zeros", '0', 1L << 40));
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 64; i++) {
                gz.write(zeros);
            }
        }
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            ImageException e = assertThrows(ImageException.class, () -> stores.importTar(bomb.toByteArray(), "bomb"));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind(), e.getMessage());
        });
    }

    @Test
    @DisplayName("CVE-2023-25153: a document of an archive is read only so far")
    void a_document_is_read_only_so_far() {
        byte[] huge = new byte[Document.MAXIMUM_SIZE + 1];
        java.util.Arrays.fill(huge, (byte) ' ');
        for (String name : List.of("manifest.json", "index.json", "oci-layout")) {
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> stores.load(new Tars().file(name, huge).bytes()));
            assertFalse(e.getMessage().isEmpty());
        }
        String deep = "[".repeat(100_000);
        assertThrows(
                ImageException.class,
                () -> stores.load(new Tars().file("manifest.json", deep).bytes()));
    }

    @Test
    @DisplayName("CVE-2021-20291: a layer that is cut short leaves no lock behind")
    void a_layer_that_is_cut_short_leaves_no_lock_behind() throws Exception {
        byte[] good = new Tars().file("f", new byte[200_000]).bytes();
        ByteArrayOutputStream gz = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(gz)) {
            out.write(good);
        }
        byte[] cut = java.util.Arrays.copyOf(gz.toByteArray(), gz.size() - 9);
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            List<Callable<Boolean>> work = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                work.add(() -> {
                    assertThrows(ImageException.class, () -> stores.importTar(cut, "bad"));
                    return true;
                });
                work.add(() -> stores.importTar(good, "good").size() == 200_000);
            }
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                for (Future<Boolean> f : threads.invokeAll(work)) {
                    f.get();
                }
            }
        });
        assertEquals(1, stores.names("layers").size());
    }

    @Test
    @DisplayName("CVE-2022-23648: a volume of an image's configuration does not lead above the root")
    void a_volume_does_not_lead_above_the_root() {
        String json = "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Volumes\":{"
                + "\"/../../etc\":{},\"a/../../../root\":{}}}}";
        ImageDocument document = ImageDocument.parse(json.getBytes(StandardCharsets.UTF_8), "config");
        assertEquals(Set.of("/etc", "/root"), Set.copyOf(document.config().volumes()));
    }
}
