package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarTest {
    @TempDir
    Path directory;

    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
    private Path from = Path.of("");
    private Path to = Path.of("");

    @BeforeEach
    void make() throws IOException {
        from = Files.createDirectory(directory.resolve("from"));
        to = Files.createDirectory(directory.resolve("to"));
        Files.writeString(directory.resolve("canary"), "mine");
    }

    private long unpack(byte[] tar, String rename) throws IOException {
        var context = new Context(
                Settings.resolve(Map.of(), Map.of()),
                InputStream.nullInputStream(),
                new ByteArrayOutputStream(),
                errors,
                Map.of(),
                "",
                "");
        return new TarIn(context, new ByteArrayInputStream(tar), to, rename).unpack();
    }

    private static byte[] pack(Path path, String name) throws IOException {
        var out = new ByteArrayOutputStream();
        var tar = new TarOut(out);
        tar.add(path, name);
        tar.finish();
        return out.toByteArray();
    }

    /** An entry as a hostile container may have it. */
    private static byte[] entry(String name, char type, String link, String content) {
        var body = content.getBytes(StandardCharsets.UTF_8);
        var all = new byte[512 + (body.length + 511) / 512 * 512];
        put(all, 0, name);
        put(all, 100, "0000644");
        put(all, 108, "0000000");
        put(all, 116, "0000000");
        put(all, 124, String.format("%011o", body.length));
        put(all, 136, "00000000000");
        all[156] = (byte) type;
        put(all, 157, link);
        put(all, 257, "ustar");
        System.arraycopy(body, 0, all, 512, body.length);
        return all;
    }

    private static void put(byte[] block, int at, String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(bytes, 0, block, at, bytes.length);
    }

    private static byte[] join(byte[]... parts) {
        var out = new ByteArrayOutputStream();
        for (var part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    @Test
    void what_goes_in_comes_out() throws Exception {
        var deep = Files.createDirectories(from.resolve("a/" + "long".repeat(40)));
        var file = Files.writeString(deep.resolve("ünïcode"), "content");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-x--x"));
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_600_000_000_000L));
        Files.createLink(from.resolve("same"), file);
        Files.createSymbolicLink(from.resolve("link"), Path.of("nowhere"));
        assertEquals(7, unpack(pack(from, "top"), ""));
        var made = to.resolve("top").resolve(from.relativize(file));
        assertEquals("content", Files.readString(made));
        assertEquals("rwxr-x--x", PosixFilePermissions.toString(Files.getPosixFilePermissions(made)));
        assertEquals(1_600_000_000_000L, Files.getLastModifiedTime(made).toMillis());
        assertEquals(Files.getAttribute(made, "unix:ino"), Files.getAttribute(to.resolve("top/same"), "unix:ino"));
        assertEquals(Path.of("nowhere"), Files.readSymbolicLink(to.resolve("top/link")));
    }

    @Test
    void the_first_part_of_the_names_is_given_another_name() throws Exception {
        Files.writeString(from.resolve("f"), "x");
        unpack(pack(from, "old"), "new");
        assertEquals("x", Files.readString(to.resolve("new/f")));
        assertFalse(Files.exists(to.resolve("old")));
    }

    @Test
    void no_name_and_no_link_leads_out_of_the_directory() throws Exception {
        for (var name : List.of("../canary", "a/../../canary", "..")) {
            assertThrows(Failure.class, () -> unpack(entry(name, '0', "", "bad"), ""), name);
        }
        unpack(entry("/" + directory.resolve("x"), '0', "", "inside"), "");
        assertFalse(Files.exists(directory.resolve("x")));
        var through = join(entry("l", '2', directory.toString(), ""), entry("l/canary", '0', "", "bad"));
        assertThrows(Failure.class, () -> unpack(through, ""));
        unpack(join(entry("m", '2', directory.resolve("canary").toString(), ""), entry("m", '0', "", "good")), "");
        assertEquals("good", Files.readString(to.resolve("m")));
        assertThrows(Failure.class, () -> unpack(entry("h", '1', "../canary", ""), ""));
        assertEquals("mine", Files.readString(directory.resolve("canary")));
    }

    @Test
    void kinds_are_not_mixed_up_and_devices_left_out() throws Exception {
        Files.createDirectory(to.resolve("d"));
        Files.writeString(to.resolve("f"), "x");
        assertThrows(Failure.class, () -> unpack(entry("d", '0', "", "x"), ""));
        assertThrows(Failure.class, () -> unpack(entry("f", '5', "", ""), ""));
        unpack(join(entry("null", '3', "", ""), entry("after", '0', "", "y")), "");
        assertEquals("y", Files.readString(to.resolve("after")));
        assertFalse(Files.exists(to.resolve("null")));
        assertTrue(errors.toString().contains("null"));
    }

    @Test
    void a_cut_or_wrong_archive_is_an_error() {
        var tar = entry("f", '0', "", "some content");
        assertThrows(IOException.class, () -> unpack(Arrays.copyOf(tar, 515), ""));
        assertThrows(IOException.class, () -> unpack(Arrays.copyOf(tar, 100), ""));
        put(tar, 124, "zzz");
        assertThrows(IOException.class, () -> unpack(tar, ""));
    }
}
