package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import org.junit.jupiter.api.Test;

/**
 * Each operation is cut off at every one of its system calls: once as by SIGKILL, when not even the undo runs, and once by
 * a full disk at that call.
 */
class CrashSystemTest {
    private static final Set<String> CHANGES = Set.of(
            "mkdirat",
            "mknodat",
            "symlinkat",
            "linkat",
            "unlinkat",
            "renameat2",
            "fchownat",
            "chmod",
            "utimensat",
            "setxattr",
            "write",
            "pwrite",
            "truncate",
            "sync",
            "syncfs",
            "copyRange",
            "openTree",
            "openat2");

    private static final byte[] BASE =
            new Tars().directory("etc").file("etc/a", "a").symlink("s", "etc/a").bytes();
    private static final byte[] SECOND =
            new Tars().hardlink("etc/link", "etc/a").file("new", "n").bytes();
    private static final byte[] ARCHIVE = Tars.dockerArchive("app", BASE, SECOND);

    /** No RuntimeException, so that nothing catches it by mistake. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    /** A kernel that stops answering from the given call on, or says "no space" at that one. */
    private static final class Mortal {
        private final AtomicInteger calls = new AtomicInteger();
        private volatile int last = Integer.MAX_VALUE;
        private volatile boolean kill;

        Linux linux() {
            return (Linux) Proxy.newProxyInstance(
                    Linux.class.getClassLoader(), new Class<?>[] {Linux.class}, (proxy, method, args) -> {
                        if (CHANGES.contains(method.getName())) {
                            int n = calls.incrementAndGet();
                            if (kill && n >= last) {
                                throw new Killed();
                            }
                            if (!kill && n == last) {
                                throw new KernelException(method.getName(), Errno.ENOSPC);
                            }
                        }
                        try {
                            return method.invoke(Linux.system(), args);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
        }

        void dieAt(int call, boolean killed) {
            calls.set(0);
            kill = killed;
            last = call;
        }

        void live() {
            last = Integer.MAX_VALUE;
        }
    }

    private interface Check {
        void run(Stores stores, boolean done);
    }

    /** Runs the work again and again, each time dying one call later, until it comes to its end. */
    private void everywhere(
            boolean kill,
            java.util.function.Consumer<Stores> before,
            java.util.function.Consumer<Stores> work,
            Check check)
            throws Exception {
        everywhere(Snapshotter.AUTO, kill, before, work, check);
    }

    private void everywhere(
            Snapshotter snapshotter,
            boolean kill,
            java.util.function.Consumer<Stores> before,
            java.util.function.Consumer<Stores> work,
            Check check)
            throws Exception {
        Set<String> fds = openFiles();
        for (int call = 1; ; call++) {
            Mortal mortal = new Mortal();
            boolean done = false;
            try (Stores stores = new Stores(mortal.linux(), new Limits(1000, 1 << 20, 0), snapshotter)) {
                before.accept(stores);
                mortal.dieAt(call, kill);
                try {
                    work.accept(stores);
                    done = true;
                } catch (Killed e) {
                    assertTrue(kill);
                } catch (ImageException e) {
                    assertEquals(ImageException.Kind.NO_SPACE, e.kind(), e.getMessage());
                }
                boolean ended = done && mortal.calls.get() < call;
                mortal.live();
                if (!kill) {
                    check.run(stores, done);
                }
                stores.reopen();
                stores.store.awaitSync();
                stores.store.awaitDeletions();
                assertEquals(List.of(), stores.names("tmp"), "call " + call);
                assertEquals(List.of(), stores.names("trash"), "call " + call);
                check.run(stores, done);
                List<String> layers = new ArrayList<>();
                stores.store.list().forEach(i -> layers.addAll(i.layers()));
                assertEquals(layers.size(), stores.names("layers").size(), "call " + call);
                assertEquals(
                        stores.store.list().size() + layers.size(),
                        stores.names("blobs").size(),
                        "call " + call);
                // and it can be done now
                if (!done) {
                    work.accept(stores);
                    check.run(stores, true);
                }
                if (ended) {
                    assertTrue(call > 5, "the operation made calls");
                    break;
                }
            }
        }
        if (!kill) {
            assertEquals(fds, openFiles(), "no descriptor is left open");
        }
    }

    private static Set<String> openFiles() throws Exception {
        Set<String> open = new java.util.TreeSet<>();
        try (Fd dir = Linux.system().open(java.nio.file.Path.of("/proc/self/fd"), 0200000, 0)) {
            for (Linux.DirEntry e : Linux.system().list(dir)) {
                try {
                    String target = Linux.system().readlinkat(dir, e.name());
                    if (target.contains("kist-image-test")) {
                        open.add(target);
                    }
                } catch (KernelException gone) {
                    // the descriptor of the listing itself
                }
            }
        }
        return open;
    }

    private static void load(Stores stores) {
        stores.store.load(new ByteArrayInputStream(ARCHIVE));
        try {
            stores.store.awaitSync();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void wholeOrAbsent(Stores stores, boolean done) {
        List<Image> images = stores.store.list();
        assertTrue(images.size() == 1 || !done && images.isEmpty());
        if (!images.isEmpty()) {
            assertEquals("a", stores.content(images.getFirst(), "etc/link"));
            assertEquals("n", stores.content(images.getFirst(), "new"));
            assertEquals(List.of("app:latest"), images.getFirst().references());
        }
    }

    @Test
    void a_load_killed_anywhere_leaves_a_whole_image_or_none() throws Exception {
        everywhere(true, s -> {}, CrashSystemTest::load, CrashSystemTest::wholeOrAbsent);
    }

    @Test
    void a_load_that_finds_the_disk_full_anywhere_leaves_a_whole_image_or_none() throws Exception {
        everywhere(false, s -> {}, CrashSystemTest::load, CrashSystemTest::wholeOrAbsent);
    }

    private static void preparedOrAbsent(Stores stores, boolean done) {
        List<String> ids = stores.store.snapshots().ids();
        assertTrue(ids.size() == 1 || !done && ids.isEmpty());
        assertEquals(ids, stores.names("snapshots"));
        if (!ids.isEmpty()) {
            try (Fd root = stores.store.snapshots().mount("c", false, false)) {
                assertEquals("a", Stores.content(root, "etc/link"));
            }
        }
    }

    private static void prepare(Stores stores) {
        if (!stores.store.snapshots().ids().contains("c")) {
            stores.store
                    .snapshots()
                    .prepare("c", stores.store.find("app").orElseThrow().id());
        }
    }

    @Test
    void a_preparation_killed_anywhere_leaves_a_whole_snapshot_or_none() throws Exception {
        everywhere(true, CrashSystemTest::load, CrashSystemTest::prepare, CrashSystemTest::preparedOrAbsent);
    }

    @Test
    void a_preparation_that_finds_the_disk_full_leaves_a_whole_snapshot_or_none() throws Exception {
        everywhere(false, CrashSystemTest::load, CrashSystemTest::prepare, CrashSystemTest::preparedOrAbsent);
    }

    @Test
    void a_copy_killed_anywhere_leaves_a_whole_snapshot_or_none() throws Exception {
        everywhere(
                Snapshotter.COPY,
                true,
                CrashSystemTest::load,
                CrashSystemTest::prepare,
                CrashSystemTest::preparedOrAbsent);
    }

    @Test
    void a_copy_that_finds_the_disk_full_leaves_a_whole_snapshot_or_none() throws Exception {
        everywhere(
                Snapshotter.COPY,
                false,
                CrashSystemTest::load,
                CrashSystemTest::prepare,
                CrashSystemTest::preparedOrAbsent);
    }

    @Test
    void a_merged_image_killed_anywhere_is_whole_or_made_again() throws Exception {
        everywhere(
                Snapshotter.COPY,
                true,
                CrashSystemTest::load,
                s -> s.content(s.store.find("app").orElseThrow(), "etc/link"),
                CrashSystemTest::wholeOrAbsent);
    }

    @Test
    void a_removal_killed_anywhere_leaves_the_whole_image_or_nothing() throws Exception {
        everywhere(
                true,
                CrashSystemTest::load,
                s -> {
                    if (s.store.find("app").isPresent()) {
                        s.store.remove("app", false, List.of());
                    }
                    try {
                        s.store.awaitDeletions();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                (s, done) -> {
                    if (done) {
                        assertEquals(List.of(), s.store.list());
                    } else if (!s.store.list().isEmpty()) {
                        wholeOrAbsent(s, false);
                    }
                });
    }
}
