package kist.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Volumes on a real disk, as root. */
class VolumesSystemTest {
    private final Linux linux = Linux.system();
    private final Path directory;
    private Volumes volumes;

    VolumesSystemTest() throws Exception {
        directory = Files.createTempDirectory(Path.of("/var/tmp"), "kist-volume-test");
        volumes = Volumes.open(directory.resolve("volumes"), linux);
    }

    @BeforeEach
    void nothing_is_there() {
        assertEquals(List.of(), volumes.list());
    }

    @AfterEach
    void remove() throws Exception {
        volumes.close();
        try (Fd tmp = linux.open(directory.getParent(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            Trees.delete(linux, tmp, directory.getFileName().toString());
        }
    }

    private void reopen() throws Exception {
        volumes.close();
        volumes = Volumes.open(directory.resolve("volumes"), linux);
    }

    private void write(Fd dir, String name, String text) {
        try (Fd file = linux.openat2(dir, name, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_TRUNC, 0644, 0)) {
            linux.write(file, text.getBytes(), 0, text.length());
        }
    }

    private List<String> names() throws Exception {
        try (var list = Files.list(directory.resolve("volumes"))) {
            return list.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void a_volume_survives_the_engine_with_its_labels_and_content() throws Exception {
        Volume made = volumes.create(new Wanted("data", "", Map.of(), Map.of("a", "1")));
        Files.writeString(made.data().resolve("f"), "hello");
        reopen();
        Volume again = volumes.get("data");
        assertEquals(made, again);
        assertEquals("hello", Files.readString(again.data().resolve("f")));
        assertEquals(OptionalLong.of(5), volumes.size("data"));
        assertEquals(made, volumes.create(Wanted.named("data")), "to make it again is to find it");
        assertEquals(
                "rwx------",
                java.nio.file.attribute.PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(directory.resolve("volumes"))));
    }

    @Test
    void what_is_held_is_not_removed() throws Exception {
        volumes.ensure(Wanted.named("data"), "c1", true, Volumes.Filler.NOTHING);
        assertEquals(Set.of("c1"), volumes.holders("data"));
        VolumeException e = assertThrows(VolumeException.class, () -> volumes.remove("data"));
        assertEquals(VolumeException.Kind.CONFLICT, e.kind());
        assertTrue(e.getMessage().contains("volume is in use - [c1]"), e.getMessage());
        assertFalse(volumes.removeUnused("data", v -> true));
        volumes.release("data", "c1");
        volumes.remove("data");
        volumes.awaitDeletions();
        assertEquals(List.of(), names());
        assertEquals(
                VolumeException.Kind.NOT_FOUND,
                assertThrows(VolumeException.class, () -> volumes.remove("data"))
                        .kind());
        assertFalse(volumes.hold("data", "c1"));
    }

    @Test
    void another_driver_is_refused_by_name() {
        VolumeException e = assertThrows(
                VolumeException.class, () -> volumes.create(new Wanted("data", "rexray", Map.of(), Map.of())));
        assertTrue(e.getMessage().contains("\"rexray\""), e.getMessage());
        assertEquals(List.of(), volumes.list());
    }

    @Test
    void a_new_volume_is_filled_before_anybody_sees_it() {
        Volumes.Filler filler = data -> {
            assertEquals(List.of(), volumes.list());
            write(data, "from-image", "x");
            linux.fchownat(data, "", 7, 8);
            linux.chmod(data, 0711);
        };
        assertTrue(volumes.ensure(Wanted.named("data"), "c", true, filler).isNew());
        try (Fd mount = volumes.mount("data")) {
            Linux.Stat stat = linux.stat(mount, "");
            assertEquals(0711, stat.mode() & 07777);
            assertEquals(7, stat.uid());
            assertEquals(1, linux.stat(mount, "from-image").size());
        }
        // it is not empty any more
        assertFalse(volumes.ensure(Wanted.named("data"), "d", true, data -> {
                    throw new IllegalStateException();
                })
                .isNew());
    }

    @Test
    void a_volume_that_cannot_be_filled_is_not_made() throws Exception {
        Volumes.Filler full = data -> {
            write(data, "half", "x");
            throw new KernelException("write", 28);
        };
        VolumeException e =
                assertThrows(VolumeException.class, () -> volumes.ensure(Wanted.named("data"), "c", true, full));
        assertEquals(VolumeException.Kind.NO_SPACE, e.kind());
        assertEquals(List.of(), volumes.list());
        volumes.awaitDeletions();
        assertEquals(List.of(), names());
    }

    @Test
    void an_empty_volume_that_exists_is_filled_wholly_or_not_at_all() throws Exception {
        Path data = volumes.create(Wanted.named("data")).data();
        assertThrows(
                VolumeException.class,
                () -> volumes.ensure(Wanted.named("data"), "", true, d -> {
                    write(d, "half", "x");
                    throw new KernelException("write", 28);
                }));
        try (var list = Files.list(data)) {
            assertEquals(0, list.count());
        }
        volumes.ensure(Wanted.named("data"), "", true, d -> {
            write(d, "whole", "x");
            linux.chmod(d, 0700);
        });
        assertEquals("x", Files.readString(data.resolve("whole")));
        assertEquals(
                "rwx------",
                java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(data)));
    }

    @Test
    void what_a_killed_engine_left_is_finished_or_taken_back() throws Exception {
        Path one = volumes.create(Wanted.named("one")).data();
        Path two = volumes.create(Wanted.named("two")).data();
        volumes.close();
        // killed while it made one, removed another, filled a third and had just filled a fourth
        Files.createDirectories(directory.resolve("volumes/.new-three/_data/x"));
        Files.createDirectories(directory.resolve("volumes/.gone-four/_data/y"));
        Files.createDirectories(one.resolveSibling("fill/half"));
        Files.createDirectories(two.resolveSibling("full/whole"));
        Files.writeString(two.resolveSibling("full/f"), "image's");
        Files.writeString(two.resolve("f"), "container's");
        reopen();
        volumes.awaitDeletions();
        assertEquals(List.of("one", "two"), names());
        assertFalse(Files.exists(one.resolveSibling("fill")));
        assertFalse(Files.exists(two.resolveSibling("full")));
        assertTrue(Files.isDirectory(two.resolve("whole")));
        assertEquals("container's", Files.readString(two.resolve("f")));
    }

    @Test
    void a_damaged_or_newer_record_is_left_alone_and_its_name_stays_taken() throws Exception {
        Path record = volumes.create(Wanted.named("data")).data().resolveSibling("volume.json");
        Files.writeString(record, Files.readString(record).replace("\"format\":1", "\"format\":99"));
        reopen();
        assertEquals(List.of(), volumes.list());
        VolumeException e = assertThrows(VolumeException.class, () -> volumes.create(Wanted.named("data")));
        assertEquals(VolumeException.Kind.CONFLICT, e.kind());
        assertTrue(Files.exists(record));
        Files.writeString(record, "{");
        reopen();
        assertEquals(List.of(), volumes.list());
    }

    @Test
    void a_volume_may_be_a_file_system_or_a_directory_of_the_host() throws Exception {
        Path host = Files.createDirectory(directory.resolve("host"));
        Files.writeString(host.resolve("f"), "x");
        volumes.create(new Wanted(
                "bound", "local", Map.of("type", "none", "o", "bind,ro", "device", host.toString()), Map.of()));
        try (Fd mount = volumes.mount("bound")) {
            assertEquals(1, linux.stat(mount, "f").size());
            KernelException e = assertThrows(
                    KernelException.class, () -> linux.openat2(mount, "g", Flags.O_WRONLY | Flags.O_CREAT, 0600, 0));
            assertEquals(30, e.errno());
        }
        volumes.create(new Wanted(
                "memory", "local", Map.of("type", "tmpfs", "o", "size=64k,mode=0700", "device", "tmpfs"), Map.of()));
        String before = Files.readString(Path.of("/proc/self/mountinfo"));
        try (Fd mount = volumes.mount("memory")) {
            assertEquals(0700, linux.stat(mount, "").mode() & 07777);
            assertEquals(0x01021994L, linux.fileSystemType(mount));
            assertEquals(before, Files.readString(Path.of("/proc/self/mountinfo")));
        }
        assertEquals(OptionalLong.empty(), volumes.size("memory"));
        volumes.create(new Wanted("no", "", Map.of("type", "nosuchfs", "device", "x"), Map.of()));
        VolumeException e = assertThrows(VolumeException.class, () -> volumes.mount("no"));
        assertEquals(VolumeException.Kind.UNSUPPORTED, e.kind());
        assertTrue(e.getMessage().contains("nosuchfs"), e.getMessage());
        volumes.remove("no");
    }

    @Test
    void many_who_want_the_same_volume_get_one() throws Exception {
        AtomicInteger fills = new AtomicInteger();
        AtomicInteger made = new AtomicInteger();
        CountDownLatch done = new CountDownLatch(16);
        for (int i = 0; i < 16; i++) {
            String holder = "c" + i;
            Thread.ofVirtual().start(() -> {
                boolean isNew = volumes.ensure(Wanted.named("data"), holder, false, d -> {
                            fills.incrementAndGet();
                            write(d, "f", "x");
                        })
                        .isNew();
                made.addAndGet(isNew ? 1 : 0);
                done.countDown();
            });
        }
        done.await();
        assertEquals(1, fills.get());
        assertEquals(1, made.get());
        assertEquals(16, volumes.holders("data").size());
    }

    @Test
    void a_volume_without_a_name_gets_one_and_is_known_by_its_label() {
        Volume made = volumes.create(new Wanted("", "", Map.of(), Map.of()));
        assertTrue(made.isAnonymous());
        assertTrue(made.name().matches("[0-9a-f]{64}"), made.name());
    }

    @Test
    void a_hostile_content_is_removed_as_any_other() throws Exception {
        Path data = volumes.create(Wanted.named("data")).data();
        Path canary = Files.writeString(directory.resolve("canary"), "x");
        Files.createSymbolicLink(data.resolve("link"), directory);
        Path deep = data;
        for (int i = 0; i < 200; i++) {
            deep = Files.createDirectory(deep.resolve("d"));
        }
        volumes.remove("data");
        volumes.awaitDeletions();
        assertEquals(List.of(), names());
        assertTrue(Files.exists(canary));
    }
}
