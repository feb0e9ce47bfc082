package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarWriterTest {
    @TempDir
    Path temp = Path.of("");

    private static TarEntry entry(String name, TarEntry.Type type, String link, long size) {
        return new TarEntry(name, link, type, 0644, 1, 2, size, 1_700_000_000L, 0, 0, 0, Map.of(), new long[0]);
    }

    private static byte[] write(List<TarEntry> entries) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(out);
        for (TarEntry e : entries) {
            tar.begin(e);
            byte[] content = content(e);
            tar.content(content, content.length);
        }
        tar.finish();
        return out.toByteArray();
    }

    private static byte[] content(TarEntry e) {
        byte[] content = new byte[e.type() == TarEntry.Type.FILE ? (int) e.size() : 0];
        new Random(e.size()).nextBytes(content);
        return content;
    }

    private static void assertSame(TarEntry a, TarEntry b) {
        assertEquals(
                a.type() == TarEntry.Type.DIRECTORY && !a.name().endsWith("/") ? a.name() + "/" : a.name(), b.name());
        assertEquals(a.linkName(), b.linkName());
        assertEquals(a.type(), b.type());
        assertEquals(a.mode(), b.mode());
        assertEquals(a.uid(), b.uid());
        assertEquals(a.gid(), b.gid());
        assertEquals(a.size(), b.size());
        assertEquals(a.mtimeSec(), b.mtimeSec());
        assertEquals(a.mtimeNsec(), b.mtimeNsec());
        assertEquals(a.devMajor(), b.devMajor());
        assertEquals(a.devMinor(), b.devMinor());
        assertEquals(a.xattrs().keySet(), b.xattrs().keySet());
        a.xattrs().forEach((k, v) -> assertArrayEquals(v, b.xattrs().get(k), k));
    }

    private static String name(Random random) {
        String[] pieces = {
            "a", "bc", "usr", "x".repeat(99), "y".repeat(100), "z".repeat(155), "ü", "odd\udcff", " ", "=", "\n"
        };
        StringBuilder name = new StringBuilder(pieces[random.nextInt(pieces.length)]);
        for (int i = random.nextInt(8); i > 0; i--) {
            name.append('/').append(pieces[random.nextInt(pieces.length)]);
        }
        return name.toString();
    }

    @Test
    void whatever_is_written_is_read_again() throws IOException {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            List<TarEntry> entries = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                TarEntry.Type type = TarEntry.Type.values()[random.nextInt(TarEntry.Type.values().length)];
                boolean link = type == TarEntry.Type.HARD_LINK || type == TarEntry.Type.SYMBOLIC_LINK;
                boolean device = type == TarEntry.Type.CHARACTER_DEVICE || type == TarEntry.Type.BLOCK_DEVICE;
                byte[] value = new byte[random.nextInt(200) + 1];
                random.nextBytes(value);
                entries.add(new TarEntry(
                        name(random),
                        link ? name(random) : "",
                        type,
                        random.nextInt(010000),
                        random.nextLong(1L << random.nextInt(1, 33)),
                        random.nextLong(1L << random.nextInt(1, 33)),
                        type == TarEntry.Type.FILE ? random.nextInt(2000) : 0,
                        random.nextLong(-1L << random.nextInt(1, 40), 1L << random.nextInt(1, 40)),
                        random.nextBoolean() ? 0 : random.nextInt(1_000_000_000),
                        device ? random.nextInt(0x1000) : 0,
                        device ? random.nextInt(0x100000) : 0,
                        random.nextBoolean() ? Map.of() : Map.of("user.b", value, "user.a", new byte[] {0}),
                        new long[0]));
            }
            byte[] bytes = write(entries);
            assertArrayEquals(bytes, write(entries), "always the same");
            TarReader tar = new TarReader(new ByteArrayInputStream(bytes), "test");
            for (TarEntry expected : entries) {
                TarEntry found = tar.next().orElseThrow();
                assertSame(expected, found);
                ByteArrayOutputStream read = new ByteArrayOutputStream();
                tar.content(new byte[500], (b, n, at) -> read.write(b, 0, n));
                assertArrayEquals(content(expected), read.toByteArray());
            }
            assertEquals(Optional.empty(), tar.next());
            tar.drain();
            assertTrue(tar.endMarker());
        }
    }

    private String run(String... command) throws Exception {
        Process p = new ProcessBuilder(command)
                .directory(temp.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), said);
        return said;
    }

    private List<TarEntry> wide() {
        return List.of(
                entry("d", TarEntry.Type.DIRECTORY, "", 0),
                entry("d/" + "n".repeat(150) + "/" + "m".repeat(90), TarEntry.Type.FILE, "", 700),
                entry("p".repeat(130) + "/" + "q".repeat(240), TarEntry.Type.FILE, "", 0),
                entry("ümlaut", TarEntry.Type.SYMBOLIC_LINK, "ü".repeat(90), 0),
                new TarEntry(
                        "big",
                        "",
                        TarEntry.Type.FILE,
                        04755,
                        3_000_000,
                        4_000_000_000L,
                        512,
                        -2,
                        500_000_000,
                        0,
                        0,
                        Map.of("user.note", "hello".getBytes(StandardCharsets.UTF_8)),
                        new long[0]),
                entry("link", TarEntry.Type.HARD_LINK, "big", 0));
    }

    @Test
    void gnu_tar_reads_it() throws Exception {
        Files.write(temp.resolve("t.tar"), write(wide()));
        Files.createDirectory(temp.resolve("out"));
        run("tar", "-xf", "t.tar", "-C", "out", "--no-same-owner", "--xattrs", "--xattrs-include=user.*");
        Path big = temp.resolve("out/big");
        assertEquals(512, Files.size(big));
        assertEquals(
                java.time.Instant.ofEpochSecond(-2, 500_000_000),
                Files.getLastModifiedTime(big).toInstant());
        assertTrue(Files.isSameFile(big, temp.resolve("out/link")));
        assertEquals(
                "ü".repeat(90),
                Files.readSymbolicLink(temp.resolve("out/ümlaut")).toString());
        assertTrue(Files.exists(temp.resolve("out/" + "p".repeat(130) + "/" + "q".repeat(240))));
        assertArrayEquals("hello".getBytes(), (byte[]) Files.getAttribute(big, "user:note"));
        String list = run("tar", "--numeric-owner", "--full-time", "-tvf", "t.tar");
        assertTrue(list.contains("3000000/4000000000"), list);
    }

    @Test
    void python_reads_it() throws Exception {
        Files.write(temp.resolve("t.tar"), write(wide()));
        String said = run(
                "python3",
                "-c",
                "import tarfile\n"
                        + "for m in tarfile.open('t.tar'):\n"
                        + "  print(len(m.name), m.type.decode(), oct(m.mode), m.uid, m.gid, m.size, m.mtime, len(m.linkname))\n");
        assertEquals("""
                1 5 0o644 1 2 0 1700000000 0
                243 0 0o644 1 2 700 1700000000 0
                371 0 0o644 1 2 0 1700000000 0
                6 2 0o644 1 2 0 1700000000 90
                3 0 0o4755 3000000 4000000000 512 -1.5 0
                4 1 0o644 1 2 0 1700000000 3
                """, said);
    }

    @Test
    void small_names_need_no_extension() throws IOException {
        byte[] tar = write(List.of(
                entry("n".repeat(100), TarEntry.Type.FILE, "", 0),
                entry("p".repeat(155) + "/" + "n".repeat(100), TarEntry.Type.FILE, "", 0)));
        assertEquals(4 * 512, tar.length);
    }

    @Test
    void an_attribute_that_no_archive_can_hold_is_refused_by_name() {
        TarEntry e = new TarEntry(
                "f", "", TarEntry.Type.FILE, 0, 0, 0, 0, 0, 0, 0, 0, Map.of("user.a=b", new byte[1]), new long[0]);
        ImageException refused = assertThrows(ImageException.class, () -> write(List.of(e)));
        assertTrue(refused.getMessage().contains("user.a=b"));
        assertFalse(refused.getMessage().isEmpty());
    }

    @Test
    void content_that_does_not_fit_the_header_is_a_mistake_of_the_caller() throws IOException {
        TarWriter tar = new TarWriter(java.io.OutputStream.nullOutputStream());
        tar.begin(entry("f", TarEntry.Type.FILE, "", 10));
        tar.content(new byte[10], 9);
        assertThrows(IllegalStateException.class, () -> tar.content(new byte[10], 2));
        assertThrows(IllegalStateException.class, tar::finish);
        assertThrows(IllegalStateException.class, () -> tar.begin(entry("g", TarEntry.Type.FILE, "", 0)));
    }
}
