package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Base64;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** {@code docker cp} in every case that its documentation names, and the archive calls beneath it. */
@Tag("peer")
class ArchiveTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @TempDir
    Path host;

    @BeforeEach
    void files() throws IOException {
        Files.writeString(host.resolve("file"), "content\n");
        Files.createDirectories(host.resolve("dir/sub"));
        Files.writeString(host.resolve("dir/a"), "a\n");
        Files.writeString(host.resolve("dir/sub/b"), "b\n");
        docker("run", "-d", "--name", "box", "--network", "none", "busybox", "sleep", "600")
                .ok();
    }

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String in(String script) {
        return docker("exec", "box", "sh", "-c", script).ok();
    }

    /** Copies, where {@code host:} stands for the test's directory. */
    private Command cp(String... words) {
        var all = words.clone();
        for (int i = 0; i < all.length; i++) {
            all[i] = all[i].replace("host:", host + "/");
        }
        return docker("cp").with(all);
    }

    private String read(String path) throws IOException {
        return Files.readString(host.resolve(path));
    }

    @Test
    void a_file_becomes_the_file_named() throws IOException {
        cp("host:file", "box:/tmp/new").ok();
        assertEquals("content", in("cat /tmp/new"));
        cp("box:/tmp/new", "host:back").ok();
        assertEquals("content\n", read("back"));
    }

    @Test
    void a_file_to_a_directory_that_is_not_there_is_refused() {
        cp("host:file", "box:/tmp/missing/").run().exits(1).says("no such directory");
        assertEquals("", in("ls /tmp"));
        cp("box:/etc/passwd", "host:missing/").run().exits(1).says("directory");
        assertFalse(Files.exists(host.resolve("missing")));
        cp("host:file", "box:/missing/parent").run().exits(1).says("/missing");
        cp("box:/etc/passwd", "host:missing/parent").run().exits(1).says("missing");
    }

    @Test
    void a_file_takes_the_place_of_a_file() throws IOException {
        in("echo something much longer than before >/tmp/there");
        cp("host:file", "box:/tmp/there").ok();
        assertEquals("content", in("cat /tmp/there"));
        Files.writeString(host.resolve("there"), "something much longer than before");
        cp("box:/tmp/there", "host:there").ok();
        assertEquals("content\n", read("there"));
    }

    @Test
    void a_file_goes_into_a_directory_under_its_own_name() throws IOException {
        cp("host:file", "box:/tmp").ok();
        cp("host:file", "box:/var/").ok();
        assertEquals("content\ncontent", in("cat /tmp/file /var/file"));
        cp("box:/etc/passwd", "host:dir").ok();
        assertTrue(read("dir/passwd").startsWith("root:"));
    }

    @Test
    void a_directory_becomes_the_directory_named() throws IOException {
        cp("host:dir", "box:/tmp/new").ok();
        assertEquals("a\nb", in("cat /tmp/new/a /tmp/new/sub/b"));
        cp("box:/tmp/new", "host:back").ok();
        assertEquals("b\n", read("back/sub/b"));
    }

    @Test
    void a_directory_does_not_become_a_file() {
        in("echo x >/tmp/there");
        cp("host:dir", "box:/tmp/there").run().exits(1).says("directory");
        assertEquals("x", in("cat /tmp/there"));
        cp("box:/etc", "host:file").run().exits(1).says("directory");
    }

    @Test
    void a_directory_goes_into_a_directory_and_its_content_alone_with_a_dot() throws IOException {
        cp("host:dir", "box:/tmp").ok();
        assertEquals("a", in("cat /tmp/dir/a"));
        cp("host:dir/.", "box:/var").ok();
        assertEquals("a\nb", in("cat /var/a /var/sub/b"));
        cp("box:/tmp/dir", "host:.").ok();
        Files.createDirectories(host.resolve("into"));
        cp("box:/tmp/dir", "host:into").ok();
        cp("box:/tmp/dir/.", "host:into").ok();
        assertEquals("b\n", read("into/dir/sub/b"));
        assertEquals("b\n", read("into/sub/b"));
    }

    @Test
    void what_is_missing_is_named() {
        cp("box:/missing", "host:x").run().exits(1).says("/missing", "box");
        cp("host:missing", "box:/tmp").run().exits(1).says("missing");
        cp("missing:/etc", "host:x").run().exits(1).says("No such container", "missing");
        cp("host:file", "missing:/tmp").run().exits(1).says("No such container", "missing");
        cp("box:/etc/passwd", "box:/tmp").run().exits(1).says("between containers");
    }

    @Test
    void a_stopped_container_and_one_that_never_ran_are_copied_to_and_from_as_well() throws IOException {
        docker("create", "--name", "never", "-v", "kept:/kept", "--network", "none", "busybox", "cat", "/tmp/file")
                .ok();
        cp("host:file", "never:/tmp").ok();
        cp("never:/tmp/file", "host:back").ok();
        assertEquals("content\n", read("back"));
        cp("host:file", "never:/kept/").ok();
        assertEquals("content", docker("start", "-a", "never").ok());
        cp("never:/kept/file", "host:kept").ok();
        assertEquals("content\n", read("kept"));
        docker("rm", "never").ok();
        docker("volume", "rm", "kept").ok();
    }

    @Test
    void a_link_is_copied_as_a_link_or_followed_with_L() throws IOException {
        in("ln -s /etc/passwd /tmp/link");
        cp("box:/tmp/link", "host:link").ok();
        assertEquals("/etc/passwd", Files.readSymbolicLink(host.resolve("link")).toString());
        cp("-L", "box:/tmp/link", "host:followed").ok();
        assertTrue(Files.isRegularFile(host.resolve("followed"), LinkOption.NOFOLLOW_LINKS));
        assertTrue(read("followed").startsWith("root:"));
        Files.createSymbolicLink(host.resolve("mine"), Path.of("file"));
        cp("host:mine", "box:/tmp/asLink").ok();
        assertEquals("file", in("readlink /tmp/asLink"));
        cp("-L", "host:mine", "box:/tmp/asFile").ok();
        assertEquals("content", in("[ ! -L /tmp/asFile ] && cat /tmp/asFile"));
    }

    @Test
    void a_link_that_is_the_destination_is_followed_inside_the_container() {
        // outside, this would be the host's
        in("mkdir /real; ln -s /real /tmp/way; ln -s /real/target /tmp/pointer; echo x >/real/target");
        cp("host:file", "box:/tmp/way").ok();
        assertEquals("content", in("cat /real/file"));
        cp("host:file", "box:/tmp/pointer").ok();
        assertEquals("content", in("cat /real/target"));
        cp("host:file", "box:/tmp/way/deeper").ok();
        assertEquals("content", in("cat /real/deeper"));
    }

    @Test
    void a_link_never_leads_out_of_the_container() throws IOException {
        var secret = host.resolve("secret");
        Files.writeString(secret, "of the host\n");
        in("ln -s " + secret + " /tmp/out; ln -s ../../../../../../.." + host + " /tmp/up");
        cp("-L", "box:/tmp/out", "host:stolen").run().exits(1);
        assertFalse(Files.exists(host.resolve("stolen")));
        cp("host:file", "box:/tmp/up/secret").run();
        assertEquals("of the host\n", read("secret"));
        cp("box:/../../../../etc/passwd", "host:passwd").ok();
        assertTrue(read("passwd").contains("tester"), read("passwd"));
    }

    @Test
    void owners_are_those_of_the_archive_and_on_the_host_the_callers() throws IOException {
        Files.setAttribute(host.resolve("file"), "unix:uid", 1234);
        Files.setAttribute(host.resolve("file"), "unix:gid", 2345);
        Files.setPosixFilePermissions(host.resolve("file"), PosixFilePermissions.fromString("rwxr-x--x"));
        cp("host:file", "box:/tmp/plain").ok();
        assertEquals("1234 2345 751", in("stat -c '%u %g %a' /tmp/plain"));
        if (engine.isKist()) {
            // dockerd 20.10 looks for the container's user on the host
            docker("run", "-d", "--name", "users", "-u", "tester", "--network", "none", "busybox", "sleep", "600")
                    .ok();
            cp("-a", "host:file", "users:/tmp/kept").ok();
            assertEquals(
                    "1000 1000 751",
                    docker("exec", "users", "stat", "-c", "%u %g %a", "/tmp/kept")
                            .ok());
        }
        cp("box:/tmp/plain", "host:back").ok();
        assertEquals(0, Files.getAttribute(host.resolve("back"), "unix:uid"));
    }

    @Test
    void a_tar_goes_in_through_standard_input_and_out_through_standard_output() throws IOException {
        var tar = Images.tar(archive -> archive.directory("d", 0755)
                .file("d/f", 0640, "inside\n")
                .symlink("d/l", "f")
                .hardlink("d/h", "d/f", 0640));
        cp("-", "box:/tmp").stdin(tar).ok();
        assertEquals("inside\nf\n2", in("cat /tmp/d/f; readlink /tmp/d/l; stat -c %h /tmp/d/f"));
        var names = new TreeMap<String, TarArchiveEntry>();
        try (var out = new TarArchiveInputStream(
                new ByteArrayInputStream(cp("box:/tmp/d", "-").run().exits(0).stdout()))) {
            for (var entry = out.getNextEntry(); entry != null; entry = out.getNextEntry()) {
                names.put(entry.getName(), entry);
            }
        }
        assertEquals("[d/, d/f, d/h, d/l]", names.keySet().toString());
        assertEquals("f", names.get("d/l").getLinkName());
        assertEquals(0640, names.get("d/f").getMode() & 0777);
        cp("-", "box:/tmp/missing").stdin(tar).run().exits(1);
    }

    @Test
    void volumes_binds_and_what_is_mounted_are_seen_as_inside() throws IOException {
        Files.createDirectory(host.resolve("bound"));
        docker(
                        "run",
                        "-d",
                        "--name",
                        "mounts",
                        "-v",
                        "/anonymous",
                        "-v",
                        host.resolve("bound") + ":/bound",
                        "--network",
                        "none",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
        cp("host:file", "mounts:/anonymous").ok();
        cp("host:dir", "mounts:/bound/").ok();
        assertEquals(
                "content", docker("exec", "mounts", "cat", "/anonymous/file").ok());
        assertEquals("b\n", read("bound/dir/sub/b"));
        cp("mounts:/bound/dir", "host:again").ok();
        assertEquals("a\n", read("again/a"));
        docker("kill", "mounts").ok();
        docker("wait", "mounts").ok();
        cp("mounts:/anonymous/file", "host:stopped").ok();
        assertEquals("content\n", read("stopped"));
    }

    @Test
    void a_read_only_root_or_mount_is_not_written_to_and_read_all_the_same() throws IOException {
        docker(
                        "run",
                        "-d",
                        "--name",
                        "fixed",
                        "--read-only",
                        "-v",
                        "/free",
                        "-v",
                        host.resolve("dir") + ":/bound:ro",
                        "--network",
                        "none",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
        cp("host:file", "fixed:/tmp").run().exits(1).says("read-only");
        cp("host:file", "fixed:/bound").run().exits(1).says("read-only");
        assertFalse(Files.exists(host.resolve("dir/file")));
        cp("host:file", "fixed:/free").ok();
        cp("fixed:/etc/passwd", "host:passwd").ok();
        assertTrue(read("passwd").startsWith("root:"));
    }

    @Test
    void large_files_arrive_byte_by_byte() throws IOException {
        var bytes = new byte[20 << 20];
        new Random(3).nextBytes(bytes);
        Files.write(host.resolve("large"), bytes);
        cp("host:large", "box:/tmp/").ok();
        cp("box:/tmp/large", "host:back").ok();
        assertArrayEquals(bytes, Files.readAllBytes(host.resolve("back")));
    }

    @Test
    void names_of_any_kind_survive() throws IOException {
        for (var name : new String[] {"with space", "Größe", "-dash", "new\nline", "x".repeat(200)}) {
            Files.writeString(host.resolve("dir").resolve(name), name);
        }
        cp("host:dir", "box:/tmp/names").ok();
        cp("box:/tmp/names", "host:back").ok();
        for (var name : new String[] {"with space", "Größe", "-dash", "new\nline", "x".repeat(200)}) {
            assertEquals(name, Files.readString(host.resolve("back").resolve(name)));
        }
    }

    // the calls beneath

    private static Api.Answer put(String query, byte[] body) {
        var request = new ByteArrayOutputStream();
        request.writeBytes(("PUT /containers/box/archive?" + query
                        + " HTTP/1.1\r\nHost: engine\r\nConnection: close\r\nContent-Type: application/x-tar\r\n"
                        + "Content-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1));
        request.writeBytes(body);
        return Api.answer(engine.api().raw(request.toByteArray(), Duration.ofSeconds(30)));
    }

    private static Json stat(String path) {
        var head = engine.api()
                .call("HEAD", "/containers/box/archive?path=" + path, "")
                .expect(200)
                .head();
        for (var line : head.split("\r\n")) {
            if (line.toLowerCase(java.util.Locale.ROOT).startsWith("x-docker-container-path-stat: ")) {
                return Json.parse(Base64.getDecoder().decode(line.substring(line.indexOf(' ') + 1)));
            }
        }
        throw new AssertionError("no stat in " + head);
    }

    @Test
    void head_tells_name_size_mode_and_target() {
        in("ln -s data /etc/link; chmod 4711 /etc/data");
        var file = stat("/etc/data");
        assertEquals("data", file.text("name"));
        assertEquals(14, file.number("size"));
        // Go's bits: set-user-ID is 1<<23
        assertEquals(04711 & 0777 | 1 << 23, file.number("mode"));
        assertTrue(file.text("mtime").matches("\\d{4}-\\d\\d-\\d\\dT.*"), "" + file);
        assertEquals("", file.text("linkTarget"));
        var directory = stat("/etc");
        assertEquals("etc", directory.text("name"));
        assertEquals(1L << 31 | 0755, directory.number("mode"));
        var link = stat("/etc/link");
        assertEquals(1L << 27 | 0777, link.number("mode"));
        assertEquals("/etc/data", link.text("linkTarget"));
        assertEquals(1L << 31 | 1L << 20 | 0777, stat("/tmp").number("mode"));
    }

    @Test
    void get_answers_a_tar_with_the_same_stat() throws IOException {
        var answer = engine.api().get("/containers/box/archive?path=/etc/data").expect(200);
        assertTrue(answer.head().contains("application/x-tar"), answer.head());
        assertTrue(
                answer.head().toLowerCase(java.util.Locale.ROOT).contains("x-docker-container-path-stat"),
                answer.head());
        try (var tar = new TarArchiveInputStream(new ByteArrayInputStream(answer.body()))) {
            var entry = tar.getNextEntry();
            assertEquals("data", entry.getName());
            assertEquals("not a program\n", new String(tar.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void what_is_not_there_is_404_and_a_path_that_is_missing_400() {
        engine.api().get("/containers/box/archive?path=/missing").expect(404);
        assertEquals(
                404,
                engine.api()
                        .call("HEAD", "/containers/box/archive?path=/missing", "")
                        .status());
        engine.api().get("/containers/missing/archive?path=/etc").expect(404);
        engine.api().get("/containers/box/archive").expect(400);
        put("path=/missing", new byte[1024]).expect(404);
        put("", new byte[1024]).expect(400);
    }

    @Test
    void a_compressed_upload_is_unpacked() throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(bytes)) {
            gzip.write(Images.tar(tar -> tar.file("zipped", 0644, "small\n")));
        }
        put("path=/tmp", bytes.toByteArray()).expect(200);
        assertEquals("small", in("cat /tmp/zipped"));
    }

    @Test
    void a_directory_does_not_take_a_files_place_where_that_is_forbidden() {
        in("echo x >/tmp/place; mkdir /tmp/room");
        var refused = put("path=/tmp&noOverwriteDirNonDir=1", Images.tar(tar -> tar.directory("place", 0755)));
        assertTrue(refused.status() >= 400 && refused.message().contains("place"), refused.text());
        assertEquals("x", in("cat /tmp/place"));
        var other = put("path=/tmp&noOverwriteDirNonDir=1", Images.tar(tar -> tar.file("room", 0644, "y")));
        assertTrue(other.status() >= 400 && other.message().contains("room"), other.text());
        assertEquals("room", in("cd /tmp; [ -d room ] && echo room"));
    }

    @Test
    void an_archive_into_a_file_is_refused() {
        var refused = put("path=/etc/data", Images.tar(tar -> tar.file("x", 0644, "y")));
        assertTrue(refused.status() >= 400 && refused.message().contains("not a directory"), refused.text());
        assertEquals("not a program", in("cat /etc/data"));
    }

    @Test
    void an_archive_that_is_none_changes_nothing() {
        var answer =
                put("path=/tmp", "this is no tar archive at all".repeat(100).getBytes(StandardCharsets.UTF_8));
        assertTrue(answer.status() >= 400, answer.text());
        assertEquals("", in("ls /tmp"));
    }

    @Test
    void entries_that_climb_stay_inside() throws IOException {
        var name = "climbed" + ProcessHandle.current().pid();
        put("path=/tmp", Images.tar(tar -> tar.file("../../../../../../../../tmp/" + name, 0644, "y")));
        assertFalse(Files.exists(Path.of("/tmp", name)));
        put("path=/tmp", Images.tar(tar -> tar.symlink("way", host.toString()).file("way/" + name, 0644, "y")));
        assertFalse(Files.exists(host.resolve(name)));
    }
}
