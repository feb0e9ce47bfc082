package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TarReaderTest {
    @TempDir
    Path temp = Path.of("");

    private record Read(TarEntry entry, byte[] content) {}

    private static List<Read> read(InputStream in) throws IOException {
        List<Read> all = new ArrayList<>();
        TarReader tar = new TarReader(in, "test");
        byte[] piece = new byte[1000];
        for (Optional<TarEntry> e = tar.next(); e.isPresent(); e = tar.next()) {
            if (e.get().size() > 64 << 20) {
                throw ImageException.invalid("too large for this test");
            }
            byte[] content = new byte[(int) e.get().size()];
            tar.content(
                    piece, (bytes, length, position) -> System.arraycopy(bytes, 0, content, (int) position, length));
            all.add(new Read(e.get(), content));
        }
        tar.drain();
        return all;
    }

    private static List<Read> read(byte[] bytes) throws IOException {
        return read(new ByteArrayInputStream(bytes));
    }

    private void run(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command)
                .directory(temp.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), said);
    }

    @ParameterizedTest
    @ValueSource(strings = {"v7", "oldgnu", "gnu", "ustar", "posix"})
    void reads_what_gnu_tar_writes_in_each_of_its_formats(String format) throws Exception {
        Path dir = Files.createDirectory(temp.resolve("d"));
        byte[] content = new byte[100_000];
        new Random(1).nextBytes(content);
        Files.write(dir.resolve("file"), content);
        Files.createSymbolicLink(dir.resolve("link"), Path.of("file"));
        Files.createLink(dir.resolve("name"), dir.resolve("file"));
        String deep = format.equals("v7") ? "x" : "long/" + "n".repeat(90) + "/" + "m".repeat(90);
        Files.createDirectories(dir.resolve(deep));
        run("tar", "-cf", "t.tar", "--format=" + format, "--sort=name", "d");
        List<Read> all = read(Files.readAllBytes(temp.resolve("t.tar")));
        Map<String, Read> byName = new java.util.HashMap<>();
        all.forEach(r -> byName.put(EntryPath.normalise(r.entry().name(), "t"), r));
        assertArrayEquals(content, byName.get("d/file").content());
        assertEquals("file", byName.get("d/link").entry().linkName());
        assertEquals(TarEntry.Type.HARD_LINK, byName.get("d/name").entry().type());
        assertEquals("d/file", byName.get("d/name").entry().linkName());
        assertEquals(TarEntry.Type.DIRECTORY, byName.get("d/" + deep).entry().type());
        assertEquals(
                Files.getLastModifiedTime(dir.resolve("file")).toInstant().getEpochSecond(),
                byName.get("d/file").entry().mtimeSec());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--format=gnu",
                "--format=posix --sparse-version=0.0",
                "--format=posix --sparse-version=0.1",
                "--format=posix --sparse-version=1.0"
            })
    void reads_sparse_files_in_each_form(String options) throws Exception {
        Path file = temp.resolve("sparse");
        try (var channel = java.nio.channels.FileChannel.open(
                file, java.nio.file.StandardOpenOption.CREATE_NEW, java.nio.file.StandardOpenOption.WRITE)) {
            for (int i = 0; i < 40; i++) {
                byte[] data = new byte[4096];
                Arrays.fill(data, (byte) (i + 1));
                channel.write(java.nio.ByteBuffer.wrap(data), i * 100_000L / 4096 * 4096);
            }
        }
        try (var more = new java.io.RandomAccessFile(file.toFile(), "rw")) {
            more.setLength(8_000_000);
        }
        List<String> command = new ArrayList<>(List.of("tar", "-cSf", "t.tar"));
        command.addAll(List.of(options.split(" ")));
        command.add("sparse");
        command.add("t.end");
        Files.writeString(temp.resolve("t.end"), "end");
        run(command.toArray(String[]::new));
        assertTrue(Files.size(temp.resolve("t.tar")) < 1_000_000, "the archive is sparse");
        List<Read> all = read(Files.readAllBytes(temp.resolve("t.tar")));
        assertEquals("sparse", all.getFirst().entry().name());
        assertArrayEquals(Files.readAllBytes(file), all.getFirst().content());
        assertEquals("end", new String(all.getLast().content(), StandardCharsets.UTF_8));
    }

    @Test
    void keeps_binary_extended_attributes_as_they_are() throws Exception {
        byte[] value = {1, 0, 0, 2, (byte) 0x80, (byte) 0xff, '\n', '=', 0};
        byte[] key = "SCHILY.xattr.security.capability=".getBytes(StandardCharsets.UTF_8);
        int length = 3 + key.length + value.length + 1;
        byte[] record = Tars.concat((length + " ").getBytes(StandardCharsets.UTF_8), key, value, new byte[] {'\n'});
        assertEquals(length, record.length);
        byte[] tar = Tars.concat(
                Tars.header("pax", 'x', record.length),
                Arrays.copyOf(record, 512),
                Tars.header("f", '0', 0),
                new byte[1024]);
        assertArrayEquals(value, read(tar).getFirst().entry().xattrs().get("security.capability"));
    }

    @Test
    void names_that_are_not_utf8_keep_their_bytes() throws Exception {
        byte[] header = Tars.header("x", '0', 0);
        header[0] = (byte) 0xe9;
        byte[] tar = Tars.concat(Tars.checksum(header), new byte[1024]);
        assertEquals("\udce9", read(tar).getFirst().entry().name());
    }

    @Test
    void times_have_nanoseconds_and_may_lie_before_1970() throws Exception {
        byte[] tar = Tars.concat(
                Tars.pax("mtime", "1.000000001"),
                Tars.header("a", '0', 0),
                Tars.pax("mtime", "-1.25"),
                Tars.header("b", '0', 0),
                new byte[1024]);
        List<Read> all = read(tar);
        assertEquals(1, all.get(0).entry().mtimeSec());
        assertEquals(1, all.get(0).entry().mtimeNsec());
        assertEquals(-2, all.get(1).entry().mtimeSec());
        assertEquals(750_000_000, all.get(1).entry().mtimeNsec());
    }

    @Test
    void cve_2017_14992_an_extension_header_of_8_GiB_is_refused_unread() {
        for (char type : new char[] {'x', 'g', 'L', 'K'}) {
            ImageException e = assertThrows(
                    ImageException.class, () -> read(Tars.concat(Tars.header("h", type, 8L << 30), new byte[4096])));
            assertTrue(e.getMessage().contains("extension header"), e.getMessage());
        }
    }

    @Test
    void endless_extension_headers_are_refused() {
        byte[] one = Tars.concat(Tars.header("h", 'g', 0));
        byte[][] many = new byte[100_000][];
        Arrays.fill(many, one);
        assertThrows(ImageException.class, () -> read(Tars.concat(many)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "x",
                "12",
                "12 a",
                "12 a=b",
                "99 a=b\n",
                "0 a=b\n",
                "7 abc\n",
                "99999999 a=b\n",
                "-1 a=b\n",
                "12 size=abc\n",
                "10 uid=-\n",
                "13 mtime=1.x\n"
            })
    void damaged_pax_records_are_refused(String record) {
        byte[] bytes = record.getBytes(StandardCharsets.UTF_8);
        byte[] tar = Tars.concat(
                Tars.header("pax", 'x', bytes.length),
                Arrays.copyOf(bytes, 512),
                Tars.header("f", '0', 0),
                new byte[1024]);
        assertThrows(ImageException.class, () -> read(tar));
    }

    @Test
    void an_archive_cut_anywhere_is_refused_or_lacks_its_end_marker() throws Exception {
        byte[] tar = new Tars()
                .file("a", "x".repeat(700))
                .directory("d")
                .file("n".repeat(150), "y")
                .bytes();
        for (int cut = 0; cut < tar.length; cut += 100) {
            TarReader reader = new TarReader(new ByteArrayInputStream(tar, 0, cut), "test");
            try {
                int entries = 0;
                while (reader.next().isPresent()) {
                    reader.content(new byte[512], (b, l, p) -> {});
                    entries++;
                }
                assertTrue(!reader.endMarker() || entries == 3);
            } catch (ImageException e) {
                assertTrue(
                        e.getMessage().contains("cut short") || e.getMessage().contains("announces"), e.getMessage());
            }
        }
    }

    @Test
    void an_archive_may_end_where_its_last_content_ends_as_umoci_writes_it() throws Exception {
        byte[] tar = new Tars().file("a", "x").bytes();
        TarReader reader = new TarReader(new ByteArrayInputStream(tar, 0, 513), "test");
        assertTrue(reader.next().isPresent());
        reader.content(new byte[512], (b, l, p) -> {});
        assertTrue(reader.next().isEmpty());
        assertTrue(!reader.endMarker());
        TarReader cut = new TarReader(new ByteArrayInputStream(tar, 0, 600), "test");
        assertTrue(cut.next().isPresent());
        assertThrows(ImageException.class, cut::next);
    }

    @Test
    void data_after_the_end_is_refused() {
        byte[] tar = new Tars().file("a", "x").bytes();
        assertThrows(ImageException.class, () -> read(Tars.concat(tar, new byte[] {1})));
        assertThrows(ImageException.class, () -> read(Tars.concat(tar, tar)));
        assertThrows(ImageException.class, () -> read(Tars.concat(new byte[512], tar)));
    }

    @Test
    void text_and_noise_are_not_archives() {
        byte[] noise = new byte[4096];
        new Random(7).nextBytes(noise);
        assertThrows(ImageException.class, () -> read(noise));
        assertThrows(ImageException.class, () -> read("hello ".repeat(500).getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void unknown_types_are_refused_by_name() {
        ImageException e =
                assertThrows(ImageException.class, () -> read(Tars.concat(Tars.header("vol", 'V', 0), new byte[1024])));
        assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
        assertTrue(e.getMessage().contains("\"V\"") && e.getMessage().contains("vol"), e.getMessage());
    }

    @Test
    void a_mutated_archive_is_read_or_refused_but_nothing_else() {
        byte[] tar = Tars.concat(
                Tars.pax("mtime", "1.5"),
                Tars.pax("SCHILY.xattr.user.a", "b"),
                new Tars()
                        .file("file", "content")
                        .symlink("s", "file")
                        .hardlink("h", "file")
                        .file("n".repeat(200), "y".repeat(2000))
                        .bytes());
        Random random = new Random(42);
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = tar.clone();
            int changes = 1 + random.nextInt(6);
            for (int c = 0; c < changes; c++) {
                bad[random.nextInt(bad.length - 1024)] = (byte) random.nextInt(256);
            }
            for (int h = 0; h + 512 <= bad.length && random.nextBoolean(); h += 512) {
                // make the checksums right, so that the mutation is looked at
                byte[] block = Arrays.copyOfRange(bad, h, h + 512);
                if (block[257] == 'u' && block[258] == 's') {
                    System.arraycopy(Tars.checksum(block), 0, bad, h, 512);
                }
            }
            try {
                read(bad);
            } catch (ImageException expected) {
                assertFalse(expected.getMessage().isEmpty());
            } catch (IOException | RuntimeException e) {
                fail("mutation " + i, e);
            }
        }
    }
}
