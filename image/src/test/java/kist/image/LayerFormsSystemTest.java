package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import kist.kernel.Fd;
import kist.kernel.Linux;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every form in which layers are found in the world, unpacked. */
class LayerFormsSystemTest {
    private static final byte[] TAR =
            new Tars().directory("d").file("d/f", "content").bytes();

    private final Stores stores = new Stores();
    private final Linux linux = Linux.system();

    @TempDir
    Path temp = Path.of("");

    @AfterEach
    void clean() {
        stores.close();
    }

    private void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command)
                .directory(temp.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), said);
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(plain);
        }
        return out.toByteArray();
    }

    private void assertUnpacked(byte[] archive) {
        Image image = stores.importTar(archive, "x");
        assertEquals("content", stores.content(image, "d/f"));
        assertEquals(List.of(Digest.of(TAR)), image.layers(), "the digest of the plain tar");
    }

    @Test
    void gzip_of_many_members_some_of_them_empty() throws IOException {
        byte[] empty = gzip(new byte[0]);
        int half = TAR.length / 2;
        assertUnpacked(Tars.concat(
                empty,
                gzip(Arrays.copyOf(TAR, half)),
                empty,
                empty,
                gzip(Arrays.copyOfRange(TAR, half, TAR.length)),
                empty));
    }

    @Test
    void zstd_of_many_frames_with_ones_that_are_to_be_skipped() {
        int half = TAR.length / 2;
        byte[] skipped = ByteBuffer.allocate(12)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .putInt(0x184D2A50)
                .putInt(4)
                .putInt(7)
                .array();
        assertUnpacked(Tars.concat(
                Zstd.compress(Arrays.copyOf(TAR, half)),
                skipped,
                Zstd.compress(new byte[0]),
                Zstd.compress(Arrays.copyOfRange(TAR, half, TAR.length)),
                skipped));
    }

    @Test
    void zeros_after_the_end_marker_belong_to_the_archive() {
        byte[] padded = Arrays.copyOf(TAR, TAR.length + 100_000);
        Image image = stores.importTar(padded, "x");
        assertEquals(List.of(Digest.of(padded)), image.layers());
        assertEquals("content", stores.content(image, "d/f"));
    }

    @Test
    void a_layer_without_end_marker_is_whole_where_a_digest_vouches_for_it() {
        int end = TAR.length;
        while (TAR[end - 1] == 0) {
            end--;
        }
        byte[] cut = Arrays.copyOf(TAR, (end + 511) / 512 * 512);
        Image image = stores.load(Tars.dockerArchive("x", cut)).getFirst().image();
        assertEquals("content", stores.content(image, "d/f"));
        assertThrows(ImageException.class, () -> stores.importTar(cut, "y"), "nothing vouches for an import");
        byte[] oneBlock = Arrays.copyOf(cut, cut.length + 512);
        assertEquals(
                "content",
                stores.content(
                        stores.load(Tars.dockerArchive("z", oneBlock))
                                .getFirst()
                                .image(),
                        "d/f"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"v7", "oldgnu", "gnu", "ustar", "posix"})
    void each_format_of_gnu_tar_gives_the_same_tree(String format) throws Exception {
        Path dir = Files.createDirectories(temp.resolve("d/sub"));
        Files.writeString(dir.resolve("f"), "content");
        Files.createLink(dir.resolve("g"), dir.resolve("f"));
        Files.createSymbolicLink(dir.resolve("s"), Path.of("f"));
        run("tar", "-cf", "t.tar", "--format=" + format, "-C", "d", ".");
        Image image = stores.importTar(Files.readAllBytes(temp.resolve("t.tar")), "x");
        assertEquals("content", stores.content(image, "sub/g"));
        assertEquals("-> f", stores.tree(image).get("sub/s"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu", "posix"})
    void names_of_any_length_and_users_beyond_two_million(String format) throws Exception {
        String deep = ("n".repeat(200) + "/").repeat(12) + "m".repeat(255);
        Path file = temp.resolve("d").resolve(deep);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "x");
        Files.createSymbolicLink(temp.resolve("d/l"), Path.of("t".repeat(300)));
        run("tar", "-cf", "t.tar", "--format=" + format, "--owner=:4294967294", "--group=:2097153", "-C", "d", ".");
        Image image = stores.importTar(Files.readAllBytes(temp.resolve("t.tar")), "x");
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            Linux.Stat stat = linux.stat(root, deep);
            assertEquals(4294967294L, stat.uid());
            assertEquals(2097153, stat.gid());
            assertEquals("t".repeat(300), linux.readlinkat(root, "l"));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--format=gnu",
                "--format=posix --sparse-version=0.0",
                "--format=posix --sparse-version=0.1",
                "--format=posix --sparse-version=1.0"
            })
    void sparse_files_stay_sparse(String options) throws Exception {
        Path file = temp.resolve("sparse");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int i = 0; i < 30; i++) {
                byte[] data = new byte[5000];
                new Random(i).nextBytes(data);
                channel.write(ByteBuffer.wrap(data), i * 1_000_000L);
            }
            channel.write(ByteBuffer.wrap(new byte[1]), 40_000_000);
        }
        List<String> command = new ArrayList<>(List.of("tar", "-cSf", "t.tar"));
        command.addAll(List.of(options.split(" ")));
        command.add("sparse");
        run(command.toArray(String[]::new));
        Image image = stores.importTar(Files.readAllBytes(temp.resolve("t.tar")), "x");
        Path unpacked = stores.diff(image.layers().getFirst()).resolve("sparse");
        assertEquals(-1, Files.mismatch(file, unpacked));
        try (Fd mount = stores.store.snapshots().mountImage(image.id())) {
            assertTrue(linux.stat(mount, "sparse").blocks() * 512 < 2_000_000, "holes are holes");
        }
    }

    @Test
    void times_before_1970_and_between_seconds() {
        byte[] tar = Tars.concat(
                Tars.pax("mtime", "-1.25"),
                Tars.header("old", '0', 0),
                Tars.pax("mtime", "1700000000.123456789"),
                Tars.header("new", '5', 0),
                new byte[1024]);
        Image image = stores.importTar(tar, "x");
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            assertEquals(-2, linux.stat(root, "old").mtimeSec());
            assertEquals(750_000_000, linux.stat(root, "old").mtimeNsec());
            assertEquals(123_456_789, linux.stat(root, "new").mtimeNsec());
        }
    }

    @Test
    void numbers_to_the_base_of_256_positive_and_negative() {
        byte[] header = Tars.header("f", '0', 0);
        base256(header, 108, 8, 3_000_000_000L);
        base256(header, 116, 8, 4_000_000_000L);
        base256(header, 136, 12, -86_400);
        byte[] tar = Tars.concat(Tars.checksum(header), new byte[1024]);
        Image image = stores.importTar(tar, "x");
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            Linux.Stat stat = linux.stat(root, "f");
            assertEquals(3_000_000_000L, stat.uid());
            assertEquals(4_000_000_000L, stat.gid());
            assertEquals(-86_400, stat.mtimeSec());
        }
    }

    private static void base256(byte[] block, int at, int length, long value) {
        for (int i = 0; i < length; i++) {
            int shift = 8 * (length - 1 - i);
            block[at + i] = (byte) (shift > 56 ? value < 0 ? 0xff : 0 : value >> shift);
        }
        block[at] |= (byte) 0x80;
    }

    @Test
    void devices_fifos_and_access_control_lists() {
        byte[] acl = {
            2, 0, 0, 0, 1, 0, 6, 0, -1, -1, -1, -1, 2, 0, 4, 0, 5, 0, 0, 0, 4, 0, 4, 0, -1, -1, -1, -1, 16, 0, 4, 0, -1,
            -1, -1, -1, 32, 0, 0, 0, -1, -1, -1, -1
        };
        Image image = stores.importTar(
                Tars.concat(
                        paxBytes("SCHILY.xattr.system.posix_acl_access", acl),
                        readableByGroup(Tars.header("acl", '0', 0)),
                        new Tars()
                                .device("null", TarConstants.LF_CHR, 1, 3)
                                .device("disk", TarConstants.LF_BLK, 259, 70_000)
                                .fifo("pipe")
                                .bytes()),
                "x");
        Map<String, String> tree = stores.tree(image);
        assertEquals("char 1:3 660", tree.get("null"));
        assertEquals("block 259:70000 660", tree.get("disk"));
        assertEquals("fifo 640", tree.get("pipe"));
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            assertArrayEquals(
                    acl, linux.getxattr(root, "acl", "system.posix_acl_access").orElseThrow());
        }
    }

    private static byte[] readableByGroup(byte[] header) {
        System.arraycopy("0000640\0".getBytes(StandardCharsets.US_ASCII), 0, header, 100, 8);
        return Tars.checksum(header);
    }

    private static byte[] paxBytes(String key, byte[] value) {
        byte[] rest = Tars.concat((" " + key + "=").getBytes(StandardCharsets.UTF_8), value, new byte[] {'\n'});
        int length = rest.length + 2;
        byte[] record = Tars.concat(Integer.toString(length).getBytes(StandardCharsets.UTF_8), rest);
        assertEquals(length, record.length);
        return Tars.concat(Tars.header("pax", 'x', length), Arrays.copyOf(record, (length + 511) / 512 * 512));
    }

    @Test
    void marks_of_another_engines_overlay_are_left_out() {
        byte[] tar = Tars.concat(
                Tars.pax("SCHILY.xattr.user.overlay.opaque", "y"),
                new Tars().directory("d").bytes());
        Image image = stores.importTar(tar, "x");
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            assertFalse(linux.listxattr(root, "d").contains("user.overlay.opaque"));
        }
    }

    @Test
    void set_id_bits_and_capabilities_survive_the_change_of_owner() {
        byte[] capability = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        byte[] header = Tars.header("ping", '0', 0);
        System.arraycopy("0006755\0".getBytes(StandardCharsets.US_ASCII), 0, header, 100, 8);
        System.arraycopy("0001750\0".getBytes(StandardCharsets.US_ASCII), 0, header, 108, 8);
        Image image = stores.importTar(
                Tars.concat(
                        paxBytes("SCHILY.xattr.security.capability", capability),
                        Tars.checksum(header),
                        new byte[1024]),
                "x");
        try (Fd root = stores.store.snapshots().mountImage(image.id())) {
            assertEquals(06755, linux.stat(root, "ping").mode() & 07777);
            assertEquals(1000, linux.stat(root, "ping").uid());
            assertArrayEquals(
                    capability,
                    linux.getxattr(root, "ping", "security.capability").orElseThrow());
        }
    }
}
