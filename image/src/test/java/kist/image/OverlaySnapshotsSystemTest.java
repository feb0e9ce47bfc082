package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.junit.jupiter.api.Test;

class OverlaySnapshotsSystemTest extends SnapshotsConformance {
    @Override
    Snapshotter snapshotter() {
        return Snapshotter.OVERLAY;
    }

    /** Attaches a mount for as long as it takes to read what the kernel says of it. */
    private String options(Fd mount) throws Exception {
        Path at = Files.createTempDirectory(Path.of("/var/tmp"), "kist-mount");
        try (Fd dir = linux.open(at, Flags.O_PATH | Flags.O_DIRECTORY, 0)) {
            linux.moveMount(mount, dir, "", Flags.MOVE_MOUNT_T_EMPTY_PATH);
            try {
                return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
                        .filter(l -> l.contains(" " + at + " "))
                        .findFirst()
                        .orElseThrow();
            } finally {
                linux.umount(at, Flags.MNT_DETACH);
            }
        } finally {
            Files.delete(at);
        }
    }

    @Test
    void volatile_is_an_option_of_the_mount_exactly_where_it_was_asked_for() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd mount = snapshots().mount("c", false, true)) {
            String options = options(mount);
            assertTrue(options.matches(".*[ ,](fsync=)?volatile(,.*)?"), options);
        }
        try (Fd mount = snapshots().mount("c", false, false)) {
            String options = options(mount);
            assertFalse(options.contains("volatile"), options);
            assertTrue(options.contains("redirect_dir=nofollow"), options);
        }
    }

    @Test
    void a_volatile_mount_that_a_crash_ended_can_be_made_again() throws Exception {
        snapshots().prepare("c", image.id());
        Path mark = stores.directory.resolve("snapshots/c/work/work/incompat/volatile");
        try (Fd mount = snapshots().mount("c", false, true)) {
            Stores.write(mount, "x", "1");
            assertTrue(Files.exists(mark), "by this mark the kernel refuses another mount");
        }
        assertTrue(Files.exists(mark), "and leaves it behind as after a crash");
        stores.reopen();
        try (Fd mount = snapshots().mount("c", false, false)) {
            assertEquals("1", Stores.content(mount, "x"));
            assertFalse(Files.exists(mark));
        }
    }

    @Test
    void an_opaque_directory_is_one_marker_however_much_it_hides() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            Trees.delete(linux, root, "var");
            linux.mkdirat(root, "var", 0755);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        snapshots().diff("c", out);
        TarReader tar = new TarReader(new java.io.ByteArrayInputStream(out.toByteArray()), "test");
        assertEquals("var/", tar.next().orElseThrow().name());
        assertEquals("var/.wh..wh..opq", tar.next().orElseThrow().name());
        assertTrue(tar.next().isEmpty());
    }

    @Test
    void a_second_reader_does_not_take_the_upper_directory_of_a_running_container() throws IOException {
        snapshots().prepare("c", image.id());
        try (Fd running = snapshots().mount("c", false, true)) {
            Stores.write(running, "x", "1");
            snapshots().export("c", java.io.OutputStream.nullOutputStream());
            Stores.write(running, "y", "2");
            assertTrue(Files.exists(stores.directory.resolve("snapshots/c/work/work/incompat/volatile")));
        }
        assertEquals(2, snapshots().changes("c").size());
        assertEquals(Linux.system(), linux);
    }
}
