package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotsSystemTest {
    private final Linux linux = Linux.system();
    private final Stores stores = new Stores();
    private final Image image = stores.importTar(
            new Tars()
                    .directory("./", 0711)
                    .directory("etc")
                    .file("etc/a", "a")
                    .file("b", "b")
                    .bytes(),
            "img");

    @AfterEach
    void no_mount_appears_on_the_host() throws IOException {
        String name = stores.directory.getFileName().toString();
        for (String mount : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            assertFalse(mount.contains(name), mount);
        }
        stores.close();
    }

    private Snapshots snapshots() {
        return stores.store.snapshots();
    }

    @Test
    void a_container_writes_above_the_image_and_finds_it_again_after_a_restart() {
        snapshots().prepare("c1", image.id());
        snapshots().prepare("c2", image.id());
        try (Fd root = snapshots().mount("c1", false, false)) {
            Stores.write(root, "etc/a", "changed");
            Stores.write(root, "new", "n");
            linux.unlinkat(root, "b", false);
            assertEquals(0711, linux.stat(root, ".").mode() & 07777);
        }
        stores.reopen();
        try (Fd root = snapshots().mount("c1", false, false);
                Fd list = linux.openat2(root, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, 0)) {
            assertEquals("changed", Stores.content(root, "etc/a"));
            assertEquals(
                    Set.of("dev", "etc", "etc/a", "etc/hostname", "etc/hosts", "etc/resolv.conf", "new", "proc", "sys"),
                    stores.tree(list).keySet(),
                    "what the image and the container have, and what something will be mounted on");
        }
        try (Fd root = snapshots().mount("c2", false, false)) {
            assertEquals("a", Stores.content(root, "etc/a"));
        }
        assertEquals("a", stores.content(image, "etc/a"));
        assertEquals(8, snapshots().usage("c1"));
        assertEquals(0, snapshots().usage("c2"));
        assertEquals(Set.of("c1", "c2"), Set.copyOf(snapshots().ids()));
        assertEquals(image.id(), snapshots().imageOf("c1"));
    }

    @Test
    void a_read_only_mount_refuses_writes() {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", true, false)) {
            KernelException e = assertThrows(KernelException.class, () -> Stores.write(root, "x", "x"));
            assertEquals(Errno.EROFS, e.errno());
        }
        try (Fd root = snapshots().mountImage(image.id())) {
            KernelException e = assertThrows(KernelException.class, () -> Stores.write(root, "x", "x"));
            assertEquals(Errno.EROFS, e.errno());
        }
    }

    @Test
    void a_volatile_mount_can_be_made_again() {
        snapshots().prepare("c", image.id());
        for (boolean isVolatile : new boolean[] {true, true, false}) {
            try (Fd root = snapshots().mount("c", false, isVolatile)) {
                Stores.write(root, "x", "1");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Overlay.Form.class)
    void each_form_in_which_kernels_take_layers_works(Overlay.Form form) {
        Overlay overlay = new Overlay(linux, form);
        snapshots().prepare("c", image.id());
        Path dir = stores.directory.resolve("snapshots/c");
        try (Fd upper = linux.open(dir.resolve("upper"), Flags.O_PATH, 0);
                Fd work = linux.open(dir.resolve("work"), Flags.O_PATH, 0);
                Fd lower = linux.open(stores.diff(image.layers().getFirst()), Flags.O_PATH, 0);
                Fd empty = linux.open(stores.directory.resolve("empty/1"), Flags.O_PATH, 0);
                Fd root = overlay.mount(
                        List.of(lower, empty), Optional.of(new Overlay.Writable(upper, work)), false, false)) {
            Stores.write(root, "new", "n");
            assertEquals("a", Stores.content(root, "etc/a"));
            assertTrue(Files.exists(dir.resolve("upper/new")));
        }
    }

    @Test
    void an_image_without_layers_is_an_empty_root() {
        byte[] config = "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}".getBytes();
        Image scratch = stores.load(new Tars()
                        .file("c", config)
                        .file("manifest.json", "[{\"Config\":\"c\",\"RepoTags\":[\"scratch:x\"],\"Layers\":[]}]")
                        .bytes())
                .getFirst()
                .image();
        assertEquals(Set.of(), stores.tree(scratch).keySet());
        snapshots().prepare("c", scratch.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            Stores.write(root, "x", "1");
            assertEquals(0755, linux.stat(root, ".").mode() & 07777);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "../x", "a/b", "-a", ".a", "a\0b", "a b"})
    void ids_that_are_no_ids_are_refused(String id) {
        assertEquals(
                ImageException.Kind.INVALID,
                assertThrows(ImageException.class, () -> snapshots().prepare(id, image.id()))
                        .kind());
        assertThrows(ImageException.class, () -> snapshots().remove(id));
        assertThrows(ImageException.class, () -> snapshots().usage(id));
        assertThrows(ImageException.class, () -> snapshots().mount(id, false, false));
    }

    @Test
    void what_is_there_twice_or_not_at_all_is_said() throws Exception {
        snapshots().prepare("c", image.id());
        assertEquals(
                ImageException.Kind.CONFLICT,
                assertThrows(ImageException.class, () -> snapshots().prepare("c", image.id()))
                        .kind());
        String nothing = "sha256:" + "0".repeat(64);
        assertEquals(
                ImageException.Kind.NOT_FOUND,
                assertThrows(ImageException.class, () -> snapshots().prepare("d", nothing))
                        .kind());
        assertEquals(
                ImageException.Kind.NOT_FOUND,
                assertThrows(ImageException.class, () -> snapshots().mount("d", false, false))
                        .kind());
        snapshots().remove("d");
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.settled("tmp"));
        assertEquals(List.of("c"), stores.names("snapshots"));
    }

    @Test
    void removal_follows_no_link_and_takes_trees_of_any_depth_and_any_names() throws Exception {
        Path outside = Files.createTempDirectory(Path.of("/var/tmp"), "kist-canary");
        try {
            Files.writeString(outside.resolve("keep"), "k");
            snapshots().prepare("c", image.id());
            try (Fd root = snapshots().mount("c", false, false)) {
                linux.symlinkat(outside.toString(), root, "out");
                linux.symlinkat("/", root, "slash");
                linux.mknodat(root, "odd\udce9name", Flags.S_IFREG | 0600, 0, 0);
                linux.mkdirat(root, "d", 0);
                Fd at = linux.openat2(root, "d", Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
                for (int i = 0; i < 3000; i++) {
                    linux.mkdirat(at, "d", 0700);
                    Fd next = linux.openat2(at, "d", Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
                    at.close();
                    at = next;
                }
                at.close();
            }
            snapshots().usage("c");
            snapshots().remove("c");
            stores.store.awaitDeletions();
            assertEquals(List.of(), stores.settled("trash"));
            assertFalse(Files.exists(stores.directory.resolve("snapshots/c")));
            assertEquals("k", Files.readString(outside.resolve("keep")));
        } finally {
            Files.delete(outside.resolve("keep"));
            Files.delete(outside);
        }
    }
}
