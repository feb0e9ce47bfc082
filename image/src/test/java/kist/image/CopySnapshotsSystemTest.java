package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import org.junit.jupiter.api.Test;

class CopySnapshotsSystemTest extends SnapshotsConformance {
    @Override
    Snapshotter snapshotter() {
        return Snapshotter.COPY;
    }

    @Test
    void no_overlay_is_mounted() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            assertEquals(0xef53L & 0xffff, linux.fileSystemType(linux.openat2(root, ".", 0200000, 0, 0)) & 0xffff);
        }
        assertEquals(List.of("image", "tree"), stores.names("snapshots/c"));
    }

    @Test
    void holes_stay_holes() throws Exception {
        byte[] tar = Tars.concat(Tars.header("big", '0', 64 << 20), new byte[64 << 20], new byte[1024]);
        Image sparse = stores.importTar(tar, "sparse");
        snapshots().prepare("c", sparse.id());
        Path big = stores.directory.resolve("snapshots/c/tree/big");
        assertEquals(64 << 20, Files.size(big));
        Process du = new ProcessBuilder("du", "-k", big.toString()).start();
        assertTrue(Long.parseLong(new String(du.getInputStream().readAllBytes()).split("\t")[0]) < 100);
        try (RandomAccessFile file = new RandomAccessFile(big.toFile(), "rw")) {
            file.seek(1 << 20);
            file.write(1);
        }
        assertEquals(64 << 20, snapshots().usage("c"));
    }

    @Test
    void the_merged_tree_of_an_image_goes_with_it() throws Exception {
        stores.tree(image);
        assertEquals(List.of(image.id().substring(7)), stores.names("merged"));
        stores.store.remove("img", false, List.of());
        assertEquals(List.of(), stores.names("merged"));
    }

    @Test
    void containers_of_the_other_form_go_on_after_the_setting_was_changed() throws Exception {
        snapshots().prepare("copy", image.id());
        stores.reopen(Snapshotter.OVERLAY);
        snapshots().prepare("overlay", image.id());
        for (String id : List.of("copy", "overlay")) {
            try (Fd root = snapshots().mount(id, false, false)) {
                Stores.write(root, "new", "n");
            }
            assertEquals(
                    List.of(new Change(Change.Kind.ADDED, "/new")), snapshots().changes(id));
        }
        stores.reopen(Snapshotter.COPY);
        ImageException e = assertThrows(ImageException.class, () -> snapshots().mount("overlay", false, false));
        assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
        assertEquals(1, snapshots().usage("overlay"));
        snapshots().remove("overlay");
        assertFalse(snapshots().ids().contains("overlay"));
    }

    @Test
    void a_kernel_without_overlay_gets_copies_unless_overlay_was_asked_for() {
        Linux without = Linuxes.failing("fsopen", () -> new KernelException("fsopen overlay", Errno.ENODEV));
        try (Stores poor = new Stores(without, Limits.DEFAULT, Snapshotter.AUTO)) {
            Image i = poor.importTar(new Tars().file("a", "a").bytes(), "i");
            poor.store.snapshots().prepare("c", i.id());
            assertEquals(List.of("image", "tree"), poor.names("snapshots/c"));
            poor.store.close();
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> ImageStore.open(poor.directory, without, Limits.DEFAULT, Snapshotter.OVERLAY));
            assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
            assertTrue(e.getMessage().contains("CONFIG_OVERLAY_FS"), e.getMessage());
            poor.reopen(Snapshotter.AUTO);
        }
    }

    @Test
    void a_file_system_that_shares_no_blocks_is_copied_to_by_hand() throws Exception {
        Linux without = Linuxes.failing("copyRange", () -> new KernelException("copy_file_range", Errno.EXDEV));
        try (Stores poor = new Stores(without, Limits.DEFAULT, Snapshotter.COPY)) {
            byte[] noise = new byte[3_000_000];
            new java.util.Random(1).nextBytes(noise);
            Image i = poor.importTar(new Tars().file("a", noise).bytes(), "i");
            poor.store.snapshots().prepare("c", i.id());
            assertEquals(Digest.of(noise), Digest.of(Files.readAllBytes(poor.directory.resolve("snapshots/c/tree/a"))));
        }
    }
}
