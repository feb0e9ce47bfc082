package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every way of keeping the file systems of containers has to do, and how both are told apart by nobody. */
abstract class SnapshotsConformance {
    private static final byte[] CAPABILITY = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    private static final Set<String> MOUNTPOINTS =
            Set.of("dev", "etc", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc", "sys");

    final Linux linux = Linux.system();
    final Stores stores = new Stores(snapshotter());
    final Image image =
            stores.load(Tars.dockerArchive("img", lower(), upper())).getFirst().image();

    abstract Snapshotter snapshotter();

    private static byte[] lower() {
        return new Tars()
                .directory("./", 0711)
                .directory("etc", 0750)
                .file("etc/a", "a")
                .file("etc/gone", "gone")
                .directory("var")
                .directory("var/cache")
                .file("var/cache/1", "1")
                .file("var/cache/2", "2")
                .directory("old")
                .file("old/x", "x")
                .directory("swap")
                .file("swap/below", "b")
                .file("twin", "twin")
                .hardlink("twin2", "twin")
                .symlink("link", "etc/a")
                .fifo("fifo")
                .file("note", "n", 0600, Map.of("SCHILY.xattr.user.note", "hello"))
                .bytes();
    }

    private static byte[] upper() {
        return new Tars()
                .file("etc/.wh.gone", "")
                .directory("old")
                .file("old/.wh..wh..opq", "")
                .file("old/y", "y")
                .file("top", "top")
                .bytes();
    }

    @AfterEach
    void no_mount_appears_on_the_host_and_nothing_is_left() throws Exception {
        String name = stores.directory.getFileName().toString();
        for (String mount : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            assertFalse(mount.contains(name), mount);
        }
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.settled("tmp"));
        assertEquals(List.of(), stores.settled("trash"));
        stores.close();
    }

    Snapshots snapshots() {
        return stores.store.snapshots();
    }

    private Map<String, String> tree(Fd mount) {
        try (Fd root = linux.openat2(mount, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, 0)) {
            return stores.tree(root);
        }
    }

    private interface InRoot {
        void run(Fd root) throws IOException;
    }

    private void in(String id, InRoot work) throws IOException {
        try (Fd root = snapshots().mount(id, false, false)) {
            work.run(root);
        }
    }

    private Fd directory(Fd root, String path) {
        return linux.openat2(root, path, Flags.O_PATH | Flags.O_DIRECTORY, 0, Flags.RESOLVE_IN_ROOT);
    }

    private void unlink(Fd root, String path) {
        try (Fd dir = directory(root, EntryPath.parent(path).isEmpty() ? "." : EntryPath.parent(path))) {
            linux.unlinkat(dir, EntryPath.name(path), false);
        }
    }

    private void removeTree(Fd root, String path) {
        Trees.delete(linux, root, path);
    }

    private byte[] diff(String id) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        snapshots().diff(id, out);
        return out.toByteArray();
    }

    private byte[] export(String id) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        snapshots().export(id, out);
        return out.toByteArray();
    }

    private static Map<String, TarEntry> entries(byte[] tar) throws IOException {
        Map<String, TarEntry> entries = new LinkedHashMap<>();
        TarReader reader = new TarReader(new ByteArrayInputStream(tar), "test");
        for (Optional<TarEntry> e = reader.next(); e.isPresent(); e = reader.next()) {
            assertEquals(null, entries.put(e.get().name(), e.get()), "each name once");
        }
        reader.drain();
        assertTrue(reader.endMarker());
        return entries;
    }

    private List<String> changes(String id) {
        return snapshots().changes(id).stream()
                .map(c -> c.kind().name().charAt(0) + " " + c.path())
                .toList();
    }

    /** Applies a diff above the container's image and gives the tree of what comes out. */
    private Map<String, String> appliedAbove(byte[] diff) {
        Image committed = stores.load(Tars.dockerArchive("committed", lower(), upper(), diff))
                .getFirst()
                .image();
        return stores.tree(committed);
    }

    @Test
    void a_container_begins_as_its_image() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            Map<String, String> expected = new TreeMap<>(stores.tree(image));
            Map<String, String> found = tree(root);
            found.keySet().removeIf(p -> MOUNTPOINTS.contains(p) && !expected.containsKey(p));
            assertEquals(expected, found);
            assertEquals(0711, linux.stat(root, ".").mode() & 07777);
            assertEquals("y", Stores.content(root, "old/y"));
            assertArrayEquals(
                    "hello".getBytes(),
                    linux.getxattr(root, "note", "user.note").orElseThrow());
            assertEquals(1_700_000_000L, linux.stat(root, "twin").mtimeSec());
            assertEquals(1_700_000_000L, linux.stat(root, "var").mtimeSec());
        });
        assertEquals(List.of(), changes("c"));
        assertEquals(Map.of(), entries(diff("c")));
        assertEquals(0, snapshots().usage("c"));
    }

    @Test
    void what_one_container_writes_neither_another_nor_the_image_sees_and_it_is_there_after_a_restart()
            throws Exception {
        snapshots().prepare("c1", image.id());
        snapshots().prepare("c2", image.id());
        in("c1", root -> {
            Stores.write(root, "etc/a", "changed");
            Stores.write(root, "new", "n");
            unlink(root, "top");
        });
        stores.reopen();
        in("c1", root -> {
            assertEquals("changed", Stores.content(root, "etc/a"));
            assertFalse(tree(root).containsKey("top"));
        });
        in("c2", root -> {
            assertEquals("a", Stores.content(root, "etc/a"));
            assertEquals("top", Stores.content(root, "top"));
        });
        assertEquals("a", stores.content(image, "etc/a"));
        assertEquals(Set.of("c1", "c2"), Set.copyOf(snapshots().ids()));
        assertEquals(image.id(), snapshots().imageOf("c1"));
        assertEquals(8, snapshots().usage("c1"), "changed, n");
        assertEquals(0, snapshots().usage("c2"));
        assertTrue(snapshots().totalUsage() >= 8);
    }

    @Test
    void a_read_only_mount_refuses_writes() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", true, false);
                Fd whole = snapshots().mountImage(image.id())) {
            for (Fd mount : List.of(root, whole)) {
                assertEquals(
                        Errno.EROFS,
                        assertThrows(KernelException.class, () -> Stores.write(mount, "x", "x"))
                                .errno());
            }
        }
    }

    @Test
    void a_mount_can_be_asked_to_be_volatile_and_made_again() throws Exception {
        snapshots().prepare("c", image.id());
        for (boolean isVolatile : new boolean[] {true, true, false}) {
            try (Fd root = snapshots().mount("c", false, isVolatile)) {
                Stores.write(root, "x", "1");
            }
        }
    }

    @Test
    void one_that_is_removed_while_mounted_is_gone_at_once_and_its_id_is_free() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            Stores.write(root, "secret", "s");
            snapshots().remove("c");
            assertEquals(List.of(), snapshots().ids());
            assertEquals(
                    ImageException.Kind.NOT_FOUND,
                    assertThrows(ImageException.class, () -> snapshots().mount("c", false, false))
                            .kind());
            snapshots().prepare("c", image.id());
            in("c", fresh -> assertFalse(tree(fresh).containsKey("secret")));
        }
    }

    @Test
    void the_same_id_twice_an_unknown_image_and_an_unknown_id_are_said() throws Exception {
        snapshots().prepare("c", image.id());
        assertEquals(
                ImageException.Kind.CONFLICT,
                assertThrows(ImageException.class, () -> snapshots().prepare("c", image.id()))
                        .kind());
        for (Callable<Object> call : List.<Callable<Object>>of(
                () -> {
                    snapshots().prepare("d", "sha256:" + "0".repeat(64));
                    return "";
                },
                () -> snapshots().mount("d", false, false),
                () -> snapshots().usage("d"),
                () -> snapshots().changes("d"),
                () -> diff("d"),
                () -> export("d"),
                () -> snapshots().imageOf("d"))) {
            assertEquals(
                    ImageException.Kind.NOT_FOUND,
                    assertThrows(ImageException.class, call::call).kind());
        }
        snapshots().remove("d");
    }

    @Test
    @NeedsRealRoot
    void changes_are_told_in_order_and_their_layer_gives_the_same_tree() throws Exception {
        snapshots().prepare("c", image.id());
        Map<String, String> after = new TreeMap<>();
        in("c", root -> {
            Stores.write(root, "etc/a", "changed");
            unlink(root, "var/cache/1");
            removeTree(root, "old");
            removeTree(root, "swap");
            Stores.write(root, "swap", "a file now");
            unlink(root, "link");
            linux.mkdirat(root, "link", 0700);
            try (Fd dir = directory(root, "link")) {
                Stores.write(dir, "in", "i");
                linux.symlinkat("nowhere", dir, "dangling");
                linux.mknodat(dir, "tty", Flags.S_IFCHR | 0620, 5, 0);
                linux.mknodat(dir, "pipe", Flags.S_IFIFO | 0600, 0, 0);
                linux.mknodat(dir, "socket", Flags.S_IFSOCK | 0600, 0, 0);
            }
            after.putAll(tree(root));
        });
        after.keySet().removeIf(p -> MOUNTPOINTS.contains(p) && !p.equals("etc"));
        after.remove("link/socket");
        assertEquals(
                List.of(
                        "M /etc/a",
                        "M /link",
                        "A /link/dangling",
                        "A /link/in",
                        "A /link/pipe",
                        "A /link/socket",
                        "A /link/tty",
                        "D /old",
                        "M /swap",
                        "M /var/cache",
                        "D /var/cache/1"),
                changes("c"));
        byte[] diff = diff("c");
        assertEquals(
                List.of(
                        "etc/",
                        "etc/a",
                        "link/",
                        "link/dangling",
                        "link/in",
                        "link/pipe",
                        "link/tty",
                        ".wh.old",
                        "swap",
                        "var/",
                        "var/cache/",
                        "var/cache/.wh.1"),
                List.copyOf(entries(diff).keySet()));
        assertArrayEquals(diff, diff("c"), "the same changes give the same bytes");
        assertEquals(after, appliedAbove(diff));
    }

    @Test
    void a_directory_that_was_replaced_hides_the_one_below() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            removeTree(root, "var");
            linux.mkdirat(root, "var", 0755);
            try (Fd dir = directory(root, "var")) {
                linux.mkdirat(dir, "cache", 0700);
                linux.mkdirat(dir, "plain", 0700);
            }
            Stores.write(root, "var/cache/2", "22");
        });
        assertEquals(
                List.of("M /var", "M /var/cache", "D /var/cache/1", "M /var/cache/2", "A /var/plain"), changes("c"));
        byte[] diff = diff("c");
        assertTrue(entries(diff).keySet().stream().noneMatch(n -> n.startsWith("var/plain/.wh")), "hides nothing");
        Map<String, String> committed = appliedAbove(diff);
        assertFalse(committed.containsKey("var/cache/1"));
        assertEquals("dir 700", committed.get("var/cache"));
        assertEquals("dir 700", committed.get("var/plain"));
    }

    @Test
    @NeedsRealRoot
    void attributes_of_every_kind_are_changes_and_part_of_the_layer() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            linux.fchownat(root, "twin", 3_000_000L, 4_000_000_000L);
            linux.utimensat(root, "top", 0, 0, -5, 123_456_789);
            linux.setxattr(root, "note", "user.note", new byte[] {0, '\n', (byte) 0xff, '='});
            Stores.write(root, "ping", "p");
            linux.setxattr(root, "ping", "security.capability", CAPABILITY);
            try (Fd var = directory(root, "var")) {
                linux.chmod(var, 01777);
                linux.utimensat(var, "", 0, 0, 1_700_000_000L, 0);
            }
            Stores.write(root, "n".repeat(200) + "ä", "long");
            linux.mknodat(root, "odd\udce9name", Flags.S_IFREG | 0600, 0, 0);
        });
        List<String> changes = changes("c");
        assertTrue(
                changes.containsAll(List.of("M /twin", "M /top", "M /note", "A /ping", "M /var")), changes.toString());
        Map<String, TarEntry> entries = entries(diff("c"));
        assertEquals(3_000_000L, entries.get("twin").uid());
        assertEquals(4_000_000_000L, entries.get("twin").gid());
        assertEquals(-5, entries.get("top").mtimeSec());
        assertEquals(123_456_789, entries.get("top").mtimeNsec());
        assertEquals(01777, entries.get("var/").mode());
        assertArrayEquals(
                new byte[] {0, '\n', (byte) 0xff, '='},
                entries.get("note").xattrs().get("user.note"));
        assertArrayEquals(CAPABILITY, entries.get("ping").xattrs().get("security.capability"));
        assertTrue(entries.containsKey("odd\udce9name"));
        assertTrue(entries.containsKey("n".repeat(200) + "ä"));
        assertTrue(
                entries.values().stream()
                        .flatMap(e -> e.xattrs().keySet().stream())
                        .noneMatch(a -> a.contains("overlay")),
                "overlay's own attributes stay here");
    }

    @Test
    void hard_links_are_one_file_in_the_layer() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            Stores.write(root, "one", "1234");
            linux.linkat(root, "one", root, "two");
            linux.linkat(root, "one", root, "another");
        });
        Map<String, TarEntry> entries = entries(diff("c"));
        assertEquals(TarEntry.Type.FILE, entries.get("another").type());
        assertEquals("another", entries.get("one").linkName());
        assertEquals("another", entries.get("two").linkName());
        assertEquals(4, snapshots().usage("c"));
    }

    @Test
    void a_hard_link_of_the_image_is_one_file_in_the_container_too() throws Exception {
        snapshots().prepare("c", image.id());
        in(
                "c",
                root -> assertEquals(
                        linux.stat(root, "twin").inode(),
                        linux.stat(root, "twin2").inode()));
        Map<String, TarEntry> entries = entries(export("c"));
        assertEquals("twin", entries.get("twin2").linkName());
    }

    @Test
    void owner_and_mode_of_the_root_are_a_change() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            try (Fd self = directory(root, ".")) {
                linux.chmod(self, 0700);
            }
        });
        assertEquals(List.of("M /"), changes("c"));
        assertEquals(0700, entries(diff("c")).get("./").mode());
    }

    @Test
    void what_the_engine_mounts_on_is_no_change_even_in_an_empty_image() throws Exception {
        Image scratch = stores.importTar(new Tars().file("x", "x").bytes(), "scratch");
        snapshots().prepare("c", scratch.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            assertTrue(tree(root).keySet().containsAll(MOUNTPOINTS));
            assertEquals(List.of(), changes("c"));
            Stores.write(root, "etc/mine", "m");
        }
        assertEquals(List.of("A /etc", "A /etc/mine"), changes("c"));
        assertEquals(List.of("etc/", "etc/mine"), List.copyOf(entries(diff("c")).keySet()));
    }

    @Test
    void a_name_that_would_be_a_whiteout_is_refused_by_name() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> Stores.write(root, ".wh.passwd", ""));
        ImageException e = assertThrows(ImageException.class, () -> diff("c"));
        assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
        assertTrue(e.getMessage().contains("\"/.wh.passwd\""), e.getMessage());
        assertTrue(entries(export("c")).containsKey(".wh.passwd"), "an export is no layer");
    }

    @Test
    void links_lead_no_reader_out_of_the_container() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            removeTree(root, "etc");
            linux.symlinkat("/etc", root, "etc");
            linux.symlinkat("/etc/passwd", root, "passwd");
            linux.symlinkat("../../../../../../../..", root, "up");
        });
        for (byte[] tar : List.of(diff("c"), export("c"))) {
            Map<String, TarEntry> entries = entries(tar);
            assertEquals(TarEntry.Type.SYMBOLIC_LINK, entries.get("etc").type());
            assertEquals("/etc/passwd", entries.get("passwd").linkName());
            assertTrue(entries.keySet().stream().noneMatch(n -> n.startsWith("etc/") || n.startsWith("up/")));
        }
    }

    @Test
    void an_export_is_the_whole_tree_of_a_container_that_runs_and_of_one_that_does_not() throws Exception {
        snapshots().prepare("c", image.id());
        byte[] running;
        try (Fd root = snapshots().mount("c", false, false)) {
            Stores.write(root, "new", "n");
            unlink(root, "top");
            running = export("c");
        }
        byte[] stopped = export("c");
        assertArrayEquals(running, stopped);
        Image again = stores.importTar(stopped, "again");
        Map<String, String> imported = stores.tree(again);
        in("c", root -> assertEquals(tree(root), imported));
        assertEquals("n", stores.content(again, "new"));
        assertEquals(0711, entries(stopped).get("./").mode());
    }

    @Test
    void files_that_change_while_they_are_read_do_not_damage_the_tar() throws Exception {
        snapshots().prepare("c", image.id());
        try (Fd root = snapshots().mount("c", false, false)) {
            byte[] block = new byte[1 << 20];
            try (Fd file = linux.openat2(root, "busy", Flags.O_RDWR | Flags.O_CREAT, 0600, 0)) {
                for (int i = 0; i < 8; i++) {
                    linux.pwrite(file, block, 0, block.length, (long) i << 20);
                }
                AtomicBoolean stop = new AtomicBoolean();
                Thread writer = Thread.startVirtualThread(() -> {
                    for (int i = 0; !stop.get(); i++) {
                        linux.truncate(file, i % 2 == 0 ? 100 : 12 << 20);
                        try {
                            linux.unlinkat(root, "flicker", false);
                        } catch (KernelException none) {
                            Stores.write(root, "flicker", "f");
                        }
                    }
                });
                try {
                    for (int i = 0; i < 30; i++) {
                        assertTrue(entries(diff("c")).containsKey("busy"));
                        assertTrue(entries(export("c")).containsKey("busy"));
                        snapshots().changes("c");
                        snapshots().usage("c");
                    }
                } finally {
                    stop.set(true);
                    writer.join();
                }
            }
        }
    }

    @Test
    void trees_of_any_depth_are_refused_or_read_but_never_too_much_for_us() throws Exception {
        snapshots().prepare("c", image.id());
        in("c", root -> {
            Fd at = linux.openat2(root, ".", Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
            for (int i = 0; i < 1500; i++) {
                linux.mkdirat(at, "d", 0700);
                Fd next = linux.openat2(at, "d", Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
                at.close();
                at = next;
            }
            at.close();
        });
        assertEquals(1500, changes("c").size());
        assertEquals(1500, entries(diff("c")).size());
        in("c", root -> {
            Fd at = linux.openat2(root, "d", Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
            for (int i = 0; i < 30; i++) {
                linux.mkdirat(at, "e".repeat(200), 0700);
                Fd next = linux.openat2(at, "e".repeat(200), Flags.O_PATH | Flags.O_DIRECTORY, 0, 0);
                at.close();
                at = next;
            }
            at.close();
        });
        ImageException e = assertThrows(ImageException.class, () -> diff("c"));
        assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
        assertTrue(e.getMessage().contains("4095"), e.getMessage());
    }

    @Test
    void a_hundred_at_once_do_not_disturb_each_other() throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                String id = "c" + i;
                all.add(threads.submit(() -> {
                    snapshots().prepare(id, image.id());
                    in(id, root -> Stores.write(root, "me", id));
                    assertEquals(List.of("A /me"), changes(id));
                    return id;
                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
        }
        assertEquals(100, snapshots().ids().size());
        for (int i = 0; i < 100; i++) {
            String id = "c" + i;
            in(id, root -> assertEquals(id, Stores.content(root, "me")));
            snapshots().remove(id);
        }
    }

    @Test
    void an_image_that_is_removed_under_its_container_stays_until_the_container_goes() throws Exception {
        snapshots().prepare("c", image.id());
        stores.store.remove(image.id(), true, List.of());
        in("c", root -> Stores.write(root, "new", "n"));
        assertEquals(List.of("A /new"), changes("c"));
        snapshots().remove("c");
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("layers"));
    }

    @Test
    void a_layer_takes_files_and_directories_from_those_below_it() {
        byte[] base = new Tars().directory("d", 0700).file("d/f", "f").bytes();
        byte[] next = new Tars().hardlink("d/g", "d/f").file("d/h", "h").bytes();
        Image linked =
                stores.load(Tars.dockerArchive("linked", base, next)).getFirst().image();
        assertEquals("f", stores.content(linked, "d/g"));
        assertEquals("dir 700", stores.tree(linked).get("d"));
    }

    @Test
    void two_images_are_compared_by_content_and_attributes_but_not_by_times() {
        byte[] other = new Tars()
                .file("top", "TOP")
                .file("etc/.wh.a", "")
                .file("added/file", "12345")
                .file("twin", "twin")
                .entry("fifo", (byte) '6', "", new byte[0], 0600, Map.of())
                .bytes();
        Image second = stores.load(Tars.dockerArchive("second", lower(), upper(), other))
                .getFirst()
                .image();
        List<String> found = new ArrayList<>();
        snapshots().compare(image.id(), second.id(), c -> found.add(say(c)));
        assertEquals(
                List.of(
                        "A /added DIRECTORY 0 755",
                        "A /added/file FILE 5 644",
                        "D /etc/a FILE 1 644",
                        "M /fifo FIFO 0 640 FIFO 0 600",
                        "M /top FILE 3 644 FILE 3 644"),
                found);
        List<String> back = new ArrayList<>();
        snapshots().compare(second.id(), image.id(), c -> back.add(say(c)));
        assertEquals(
                List.of(
                        "D /added DIRECTORY 0 755",
                        "D /added/file FILE 5 644",
                        "A /etc/a FILE 1 644",
                        "M /fifo FIFO 0 600 FIFO 0 640",
                        "M /top FILE 3 644 FILE 3 644"),
                back);
        List<String> none = new ArrayList<>();
        snapshots().compare(image.id(), image.id(), c -> none.add(say(c)));
        assertEquals(List.of(), none);
    }

    @Test
    void images_without_a_common_layer_are_compared_as_well() {
        Image one = stores.importTar(
                new Tars().directory("d").file("d/x", "1").file("same", "s").bytes(), "one");
        Image two =
                stores.importTar(new Tars().file("d", "file").file("same", "s").bytes(), "two");
        List<String> found = new ArrayList<>();
        snapshots().compare(one.id(), two.id(), c -> found.add(say(c)));
        assertEquals(List.of("M /d DIRECTORY 0 755 FILE 4 644", "D /d/x FILE 1 644"), found);
    }

    private static String say(TreeChange c) {
        StringBuilder said =
                new StringBuilder(c.kind().name().substring(0, 1)).append(' ').append(c.path());
        for (Optional<TreeChange.Side> side : List.of(c.before(), c.after())) {
            side.ifPresent(s -> said.append(' ')
                    .append(s.type())
                    .append(' ')
                    .append(s.size())
                    .append(' ')
                    .append(Integer.toOctalString(s.mode())));
        }
        return said.toString();
    }
}
