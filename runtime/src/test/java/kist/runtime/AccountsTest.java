package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who USER[:GROUP] is, and that the files it is looked up in can do no harm. */
final class AccountsTest {
    @TempDir
    Path root;

    @BeforeEach
    void files() throws Exception {
        Files.createDirectories(root.resolve("etc"));
        Files.writeString(root.resolve("etc/passwd"), """
                root:x:0:0:root:/root:/bin/sh
                # a comment: with:3:colons
                broken
                user:x:1000:1001:A User:/home/user:/bin/sh
                wrapped:x:4294967296:0::/:/bin/sh
                big:x:4294967295:0::/:/bin/sh
                nohome:x:7:7::relative:/bin/sh
                1234:x:5:5::/five:/bin/sh
                """);
        Files.writeString(
                root.resolve("etc/group"),
                "root:x:0:\nstaff:x:50:other,user\nusers:x:1001:\nwheel:x:10:root,user\nhuge:x:4294967296:user\n");
    }

    private Account find(String user) {
        return find(User.named(user, List.of()));
    }

    private Account find(User user) {
        try (Fd fd = Linux.system().open(root, Flags.O_PATH | Flags.O_DIRECTORY, 0)) {
            return new Accounts(Linux.system(), fd).find(user);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "root,        0,    0,    0;10,      /root",
        "'',          0,    0,    0;10,      /root",
        "0,           0,    0,    0;10,      /root",
        "user,        1000, 1001, 1001;50;10,/home/user",
        "1000,        1000, 1001, 1001;50;10,/home/user",
        "user:staff,  1000, 50,   50,        /home/user",
        "user:7,      1000, 7,    7,         /home/user",
        "77,          77,   0,    0,         /",
        "77:88,       77,   88,   88,        /",
        "nohome,      7,    7,    7,         /",
        "1234,        1234, 0,    0,         /",
        "2147483647,  2147483647, 0, 0,      /"
    })
    void names_and_numbers_are_found(String user, long uid, long gid, String groups, String home) {
        List<Long> expected =
                List.of(groups.split(";")).stream().map(Long::valueOf).toList();
        assertEquals(new Account(uid, gid, expected, home), find(user));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "4294967295", "2147483648", "4294967296", "99999999999999999999", "1000:-1", "-1", "+0", "0x0", "000",
                "00", "root:", ":root", ":", "root:root:root", "user ", " user", "nobody", "user:nogroup",
                "user:4294967296", "root\n", "user:+1", "wrapped", "big", "/", "..", "٣"
            })
    void what_names_nobody_is_refused_and_never_becomes_root(String user) {
        SpecException e = assertThrows(SpecException.class, () -> find(user));
        assertTrue(e.getMessage().contains("\"" + user + "\""), e.getMessage());
    }

    @Test
    void numbers_of_a_spec_are_taken_as_they_are_and_only_the_home_is_looked_up() {
        User user = new User(1000, 5, java.util.OptionalInt.empty(), List.of(8L), List.of(), "");
        assertEquals(new Account(1000, 5, List.of(8L), "/home/user"), find(user));
    }

    @Test
    void further_groups_are_added_once() {
        assertEquals(
                List.of(1001L, 50L, 10L, 7L),
                find(User.named("user", List.of("staff", "wheel", "7"))).groups());
        for (String group : List.of("nosuch", "", "-1", "+5", "4294967296", "2147483648", "huge\n")) {
            assertThrows(SpecException.class, () -> find(User.named("user", List.of(group))), group);
        }
        assertEquals(
                List.of(1001L, 50L, 10L, 99L),
                find(User.named("user", List.of("50", "99"))).groups());
    }

    @Test
    void a_root_without_the_files_knows_numbers_only() throws Exception {
        Files.delete(root.resolve("etc/passwd"));
        Files.delete(root.resolve("etc/group"));
        assertEquals(new Account(5, 0, List.of(0L), "/"), find("5"));
        assertThrows(SpecException.class, () -> find("root"));
    }

    @Test
    void a_link_is_followed_inside_the_root_only() throws Exception {
        Files.move(root.resolve("etc/passwd"), root.resolve("real"));
        Files.createSymbolicLink(root.resolve("etc/passwd"), Path.of("/../../../real"));
        assertEquals(1000, find("user").uid());
        Files.delete(root.resolve("etc/passwd"));
        Path outside = Files.createTempFile("passwd", "");
        Files.writeString(outside, "evil:x:0:0::/:\n");
        Files.createSymbolicLink(root.resolve("etc/passwd"), outside);
        assertThrows(SpecException.class, () -> find("evil"));
        Files.delete(outside);
    }

    @Test
    void a_fifo_a_device_and_a_directory_are_refused_without_waiting() throws Exception {
        for (String kind : List.of("fifo", "directory", "magic link")) {
            Files.delete(root.resolve("etc/passwd"));
            switch (kind) {
                case "fifo" ->
                    new ProcessBuilder("mkfifo", root.resolve("etc/passwd").toString())
                            .start()
                            .waitFor();
                case "directory" -> Files.createDirectory(root.resolve("etc/passwd"));
                default -> {
                    Files.createDirectory(root.resolve("d"));
                    Files.createSymbolicLink(root.resolve("etc/passwd"), Path.of("/d"));
                }
            }
            SpecException e = assertTimeoutPreemptively(
                    Duration.ofSeconds(5), () -> assertThrows(SpecException.class, () -> find("user")));
            assertEquals("process.user: /etc/passwd of the image is not a regular file", e.getMessage(), kind);
            if (kind.equals("fifo")) {
                Files.delete(root.resolve("etc/passwd"));
                Files.createFile(root.resolve("etc/passwd"));
            }
        }
    }

    @Test
    void a_giant_file_is_refused_unread() throws Exception {
        try (var file = new java.io.RandomAccessFile(root.resolve("etc/passwd").toFile(), "rw")) {
            file.setLength(1L << 30);
        }
        SpecException e = assertThrows(SpecException.class, () -> find("user"));
        assertEquals(
                "process.user: /etc/passwd of the image has 1073741824 bytes; at most 4194304 are read",
                e.getMessage());
    }
}
