package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import kist.kernel.Linux;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A disk of 24 MiB. */
class FullDiskSystemTest {
    private final Path mount;
    private final byte[] large;

    FullDiskSystemTest() throws IOException {
        mount = Files.createTempDirectory(Path.of("/var/tmp"), "kist-full");
        byte[] noise = new byte[1 << 20];
        new Random(1).nextBytes(noise);
        Tars tar = new Tars();
        for (int i = 0; i < 40; i++) {
            tar.file("f" + i, noise);
        }
        large = tar.bytes();
    }

    private static void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), said);
    }

    @BeforeEach
    void mountSmallDisk() throws Exception {
        run("mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "kist-test", mount.toString());
    }

    @AfterEach
    void unmount() throws Exception {
        run("umount", mount.toString());
        Files.delete(mount);
    }

    private void fails(ImageStore store, String says) throws Exception {
        for (int i = 0; i < 2; i++) {
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> store.importRootfs(new ByteArrayInputStream(large), "large", List.of(), ""));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind(), e.getMessage());
            assertTrue(e.getMessage().contains(says), e.getMessage());
            store.awaitDeletions();
            for (String dir : List.of("tmp", "trash", "layers", "blobs")) {
                try (var list = Files.list(mount.resolve("store").resolve(dir))) {
                    assertEquals(0, list.count(), dir);
                }
            }
        }
        byte[] small = new Tars().file("x", "y").bytes();
        Image image = store.importRootfs(new ByteArrayInputStream(small), "small", List.of(), "");
        store.snapshots().prepare("c", image.id());
        store.snapshots().mount("c", false, false).close();
    }

    @Test
    void a_full_disk_ends_an_import_and_leaves_nothing_of_it() throws Exception {
        try (ImageStore store =
                ImageStore.open(mount.resolve("store"), Linux.system(), new Limits(1000, 1L << 40, 0))) {
            fails(store, "ENOSPC");
        }
    }

    @Test
    void an_import_that_would_take_the_reserve_is_ended_before_the_disk_is_full() throws Exception {
        try (ImageStore store =
                ImageStore.open(mount.resolve("store"), Linux.system(), new Limits(1000, 1L << 40, 23 << 20))) {
            byte[] few = new byte[2 << 20];
            new Random(2).nextBytes(few);
            // takes what lies above the reserve
            Files.write(mount.resolve("other"), few);
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> store.importRootfs(new ByteArrayInputStream(large), "large", List.of(), ""));
            assertEquals(ImageException.Kind.NO_SPACE, e.kind());
            assertTrue(e.getMessage().contains("reserve"), e.getMessage());
            Files.delete(mount.resolve("other"));
            store.importRootfs(
                    new ByteArrayInputStream(new Tars().file("x", "y").bytes()), "small", List.of(), "");
        }
    }
}
