package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import kist.kernel.Linux;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What archives have done to other engines, done to this one. A canary beside the store must never change. */
class HostileLayerSystemTest {
    private final Stores stores = new Stores();
    private final Path canaries = stores.directory.resolveSibling(stores.directory.getFileName() + "-canary");
    private final Path canary = canaries.resolve("secret");

    @BeforeEach
    void plant() throws IOException {
        Files.createDirectory(canaries);
        Files.writeString(canary, "untouched");
        Files.setPosixFilePermissions(canary, Set.of(PosixFilePermission.OWNER_READ));
    }

    @AfterEach
    void the_host_is_as_it_was_and_nothing_half_made_is_left() throws Exception {
        stores.store.awaitSync();
        stores.store.awaitDeletions();
        assertEquals("untouched", Files.readString(canary));
        assertEquals(Set.of(PosixFilePermission.OWNER_READ), Files.getPosixFilePermissions(canary));
        assertEquals(1, (int) (Integer) Files.getAttribute(canary, "unix:nlink"));
        try (var list = Files.list(canaries)) {
            assertEquals(List.of(canary), list.toList());
        }
        assertEquals(List.of(), stores.settled("tmp"));
        assertEquals(List.of(), stores.settled("trash"));
        assertEquals(
                stores.store.list().stream().mapToInt(i -> i.layers().size()).sum(),
                stores.names("layers").size());
        Files.delete(canary);
        Files.delete(canaries);
        stores.close();
    }

    private ImageException refused(byte[] tar) {
        return assertThrows(ImageException.class, () -> stores.importTar(tar, "bad"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "a/../../x", "./../x", "..", "/../x"})
    void cve_2014_9357_names_with_dot_dot_are_refused(String name) {
        assertEquals(
                ImageException.Kind.INVALID,
                refused(new Tars().file(name, "x").bytes()).kind());
    }

    @Test
    void absolute_names_stay_inside_the_root() {
        Image image = stores.importTar(new Tars().file(canary.toString(), "x").bytes(), "abs");
        assertEquals("x", stores.content(image, canary.toString().substring(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"absolute", "relative", "through"})
    void cve_2025_47290_entries_below_a_link_to_the_outside_stay_inside(String how) {
        Tars tar = new Tars();
        String up = "../".repeat(20);
        switch (how) {
            case "absolute" -> tar.symlink("out", canaries.toString());
            case "relative" -> tar.symlink("out", up + canaries.toString().substring(1));
            default -> tar.symlink("root", up).symlink("out", "root" + canaries);
        }
        refused(tar.file("out/secret", "changed").bytes());
    }

    @Test
    void cve_2025_47290_entries_below_a_link_land_where_the_link_leads_inside_the_root() {
        Image image = stores.importTar(
                new Tars()
                        .directory("run")
                        .directory("var")
                        .symlink("var/run", "/run")
                        .symlink("lib", "usr/lib")
                        .directory("usr")
                        .directory("usr/lib")
                        .file("var/run/pid", "1")
                        .file("lib/x", "2")
                        .bytes(),
                "links");
        assertEquals("1", stores.content(image, "run/pid"));
        assertEquals("2", stores.content(image, "usr/lib/x"));
    }

    @Test
    void cve_2025_47290_a_link_in_the_place_of_a_directory_of_the_layer_below_is_not_followed() {
        byte[] lower = new Tars().directory("d").file("d/x", "1").bytes();
        byte[] upper = new Tars().symlink("d", canaries.toString()).bytes();
        byte[] third = new Tars().file("d/secret", "changed").bytes();
        Image image = stores.load(Tars.dockerArchive("x", lower, upper, third))
                .getFirst()
                .image();
        assertEquals("changed", stores.content(image, "d/secret"));
    }

    @Test
    void cve_2021_41089_modes_are_not_set_through_links() {
        refused(new Tars()
                .symlink("l", canary.toString())
                .hardlink("h", "l/../secret")
                .bytes());
        Image image = stores.importTar(
                new Tars()
                        .symlink("l", canary.toString())
                        .entry("h", TarConstants.LF_LINK, "l", new byte[0], 0777, Map.of())
                        .bytes(),
                "hard");
        assertEquals("-> " + canary, stores.tree(image).get("h"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"%s", "../../../../../../../../../..%s", "out/secret", "/"})
    void hard_links_to_the_outside_are_refused(String target) {
        refused(new Tars()
                .symlink("out", canaries.toString())
                .hardlink("h", String.format(target, canary))
                .bytes());
    }

    @Test
    void hard_links_to_directories_to_themselves_and_to_nothing_are_refused() {
        refused(new Tars().directory("d").hardlink("h", "d").bytes());
        refused(new Tars().hardlink("h", "h").bytes());
        refused(new Tars().hardlink("h", "nowhere").bytes());
        refused(new Tars().hardlink("h", "").bytes());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".wh.",
                ".wh..",
                ".wh...",
                ".wh..wh.",
                ".wh..wh.plnk",
                ".wh..wh..wh..opq",
                "a/.wh...",
                ".wh.d/x",
                ".wh.."
            })
    void cve_2025_47290_whiteouts_of_impossible_names_are_refused(String name) {
        refused(new Tars().file(name, "").bytes());
    }

    @Test
    void a_device_that_would_act_as_a_whiteout_is_refused() {
        refused(new Tars().device("x", TarConstants.LF_CHR, 0, 0).bytes());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "trusted.overlay.opaque",
                "trusted.overlay.redirect",
                "trusted.x",
                "security.ima",
                "system.x",
                "nonsense"
            })
    void extended_attributes_that_only_the_host_may_set_are_refused(String name) {
        byte[] tar = Tars.concat(
                Tars.pax("SCHILY.xattr." + name, "y"), new Tars().directory("d").bytes());
        ImageException e = refused(tar);
        assertTrue(e.getMessage().contains(name), e.getMessage());
    }

    @Test
    void users_that_do_not_exist_are_refused() {
        for (String uid : new String[] {"-1", "4294967295", "99999999999"}) {
            refused(Tars.concat(Tars.pax("uid", uid), new Tars().directory("d").bytes()));
        }
    }

    @Test
    void names_with_nul_and_names_too_long_are_refused() {
        refused(Tars.concat(Tars.pax("path", "a\0b"), new Tars().file("x", "").bytes()));
        refused(new Tars().file("a".repeat(256), "").bytes());
        refused(new Tars().file("a/".repeat(2100) + "x", "").bytes());
    }

    @Test
    void a_path_of_two_thousand_directories_is_made_and_removed() throws Exception {
        stores.importTar(new Tars().file("a/".repeat(2040) + "x", "").bytes(), "deep");
        stores.store.remove("deep", false, List.of());
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.settled("trash"));
    }

    @Test
    void a_file_is_not_a_directory() {
        refused(new Tars().file("f", "").file("f/x", "").bytes());
        refused(new Tars().symlink("l", "nowhere").file("l/x", "").bytes());
        refused(new Tars().symlink("l", "l").file("l/x", "").bytes());
        refused(new Tars().file(".", "").bytes());
    }

    @Test
    void cve_2017_14992_a_file_that_claims_eight_exbibytes_is_refused_at_once() {
        byte[] tar = Tars.concat(Tars.header("f", '0', Long.MAX_VALUE), new byte[4096]);
        ImageException e = refused(tar);
        assertEquals(ImageException.Kind.NO_SPACE, e.kind());
    }

    @Test
    void cve_2023_25153_three_gigabytes_of_zeros_take_neither_disk_nor_memory() throws IOException {
        long size = 3L << 30;
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        InputStream zeros = new InputStream() {
            private long left = size + 1024;

            @Override
            public int read() {
                return left-- > 0 ? 0 : -1;
            }

            @Override
            public int read(byte[] b, int off, int len) {
                if (left <= 0) {
                    return -1;
                }
                int n = (int) Math.min(len, left);
                Arrays.fill(b, off, off + n, (byte) 0);
                left -= n;
                return n;
            }
        };
        head.writeBytes(Tars.header("zeros", '0', size));
        Image image = stores.store.importRootfs(
                new SequenceInputStream(new ByteArrayInputStream(head.toByteArray()), zeros), "zeros", List.of(), "");
        assertEquals(size, image.size());
        Path file = stores.diff(image.layers().getFirst()).resolve("zeros");
        assertEquals(size, Files.size(file));
        Process du = new ProcessBuilder("du", "-k", file.toString()).start();
        String used = new String(du.getInputStream().readAllBytes());
        assertTrue(Long.parseLong(used.split("\t")[0]) < 100, used);
    }

    @Test
    void cve_2023_25153_a_bomb_ends_at_the_limit_of_the_store() throws Exception {
        try (Stores small = new Stores(Linux.system(), new Limits(1000, 8 << 20, 0))) {
            byte[] noise = new byte[1 << 16];
            Arrays.fill(noise, (byte) 'x');
            Tars tar = new Tars();
            for (int i = 0; i < 200; i++) {
                tar.file("f" + i, noise);
            }
            ImageException e = assertThrows(ImageException.class, () -> small.importTar(gzip(tar.bytes()), "bomb"));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind());
            small.store.awaitDeletions();
            assertEquals(List.of(), small.names("tmp"));
            assertEquals(List.of(), small.names("layers"));
        }
    }

    @Test
    void more_entries_than_the_limit_are_refused() throws Exception {
        try (Stores small = new Stores(Linux.system(), new Limits(100, 8 << 20, 0))) {
            Tars tar = new Tars();
            for (int i = 0; i < 101; i++) {
                tar.directory("d" + i);
            }
            ImageException e = assertThrows(ImageException.class, () -> small.importTar(tar.bytes(), "many"));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind());
        }
    }

    @Test
    void directories_that_no_entry_names_count_as_entries() throws Exception {
        try (Stores small = new Stores(Linux.system(), new Limits(100, 8 << 20, 0))) {
            byte[] tar = new Tars().file("a/".repeat(100) + "x", "").bytes();
            ImageException e = assertThrows(ImageException.class, () -> small.importTar(tar, "deep"));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind());
        }
    }

    @Test
    void cve_2023_25153_what_must_be_remembered_of_a_layer_is_bounded() throws Exception {
        Tars tar = new Tars();
        for (int i = 0; i < 30; i++) {
            tar.file(i + "/" + "a/".repeat(2000) + "x", "");
        }
        ImageException e = refused(tar.bytes());
        assertTrue(e.getMessage().contains("remembered"), e.getMessage());
        assertEquals(ImageException.Kind.NO_SPACE, e.kind());
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(plain);
        }
        return out.toByteArray();
    }

    private static byte[] zstd(byte[] plain) {
        return com.github.luben.zstd.Zstd.compress(plain);
    }

    @Test
    void cve_2021_20291_truncated_and_garbled_streams_end_with_an_error_in_time() throws IOException {
        byte[] noise = new byte[300_000];
        new java.util.Random(3).nextBytes(noise);
        byte[] tar = new Tars().file("a", noise).file("b", noise).bytes();
        byte[] gz = gzip(tar);
        byte[] zst = zstd(tar);
        List<byte[]> bad = List.of(
                new byte[0],
                Arrays.copyOf(tar, tar.length / 2),
                Arrays.copyOf(tar, 512),
                Arrays.copyOf(gz, gz.length / 2),
                Arrays.copyOf(gz, gz.length - 4),
                Arrays.copyOf(gz, 5),
                Arrays.copyOf(zst, zst.length / 2),
                Arrays.copyOf(zst, zst.length - 2),
                Tars.concat(gz, "garbage".getBytes()),
                Tars.concat(zst, "garbage".getBytes()),
                Tars.concat(tar, "garbage".getBytes()),
                gzip("not a tar, though long enough to look like one".repeat(20).getBytes()),
                gzip(gz),
                new byte[] {(byte) 0xfd, '7', 'z', 'X', 'Z', 0, 1, 2});
        for (byte[] archive : bad) {
            assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
                refused(archive);
                assertThrows(ImageException.class, () -> stores.load(archive));
            });
        }
    }

    @Test
    @DisplayName("CVE-2021-41091: set-id files of an image cannot be reached by other users of the host")
    void set_id_files_cannot_be_reached_by_other_users_of_the_host() throws Exception {
        Image image =
                stores.importTar(new Tars().file("su", "x", 04755, Map.of()).bytes(), "setuid");
        assertEquals("file 4755", stores.tree(image).get("su"));
        for (Path p = stores.diff(image.layers().getFirst()); !p.equals(stores.directory); p = p.getParent()) {
            if (!p.endsWith("diff")) {
                assertEquals(
                        Set.of(
                                PosixFilePermission.OWNER_READ,
                                PosixFilePermission.OWNER_WRITE,
                                PosixFilePermission.OWNER_EXECUTE),
                        Files.getPosixFilePermissions(p),
                        p.toString());
            }
        }
        assertFalse(Files.getPosixFilePermissions(stores.directory).contains(PosixFilePermission.OTHERS_EXECUTE));
    }

    @Test
    void file_capabilities_and_user_attributes_are_kept_byte_for_byte() throws Exception {
        byte[] capability = {1, 0, 0, 2, (byte) 0x80, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        byte[] key = "SCHILY.xattr.security.capability=".getBytes();
        byte[] record = Tars.concat(("58 ").getBytes(), key, capability, new byte[] {'\n'});
        int length = record.length;
        record = Tars.concat((length + " ").getBytes(), key, capability, new byte[] {'\n'});
        assertEquals(length, record.length);
        byte[] tar = Tars.concat(
                Tars.header("pax", 'x', record.length),
                Arrays.copyOf(record, 512),
                Tars.header("ping", '0', 0),
                Tars.pax("SCHILY.xattr.user.note", "hi"),
                Tars.header("d", '5', 0),
                new byte[1024]);
        Image image = stores.importTar(tar, "caps");
        try (var mount = stores.store.snapshots().mountImage(image.id())) {
            assertArrayEquals(
                    capability,
                    Linux.system()
                            .getxattr(mount, "ping", "security.capability")
                            .orElseThrow());
            assertArrayEquals(
                    "hi".getBytes(),
                    Linux.system().getxattr(mount, "d", "user.note").orElseThrow());
        }
    }
}
