package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real keeper, as root, with a root file system of one busybox in a detached tmpfs. */
final class KeeperSystemTest {
    private static final long NAMESPACES =
            Flags.CLONE_NEWNS | Flags.CLONE_NEWPID | Flags.CLONE_NEWUTS | Flags.CLONE_NEWIPC | Flags.CLONE_NEWNET;

    @TempDir
    Path dir;

    private final Linux linux = Linux.system();
    private final Map<String, Integer> exits = new ConcurrentHashMap<>();
    private final Map<String, CountDownLatch> latches = new ConcurrentHashMap<>();
    private Keeper keeper;

    @BeforeEach
    void launch() throws Exception {
        keeper = Keeper.launch(linux, Path.of(System.getProperty("kist.keeper")), dir.resolve("keeper.sock"));
        listen();
    }

    private void listen() {
        keeper.listen(new Keeper.Listener() {
            @Override
            public void exited(String id, int status, long dropped) {
                exits.put(id, status);
                latches.computeIfAbsent(id, k -> new CountDownLatch(1)).countDown();
            }
        });
    }

    @AfterEach
    void end() throws Exception {
        for (Keeper.Held held : keeper.list()) {
            if (held.exitStatus().isEmpty()) {
                try (Keeper.Spawned s = keeper.take(held.id())) {
                    linux.pidfdSignal(s.pidfd(), 9);
                }
                await(held.id());
            }
        }
        assertTrue(keeper.shutdown());
        keeper.close();
    }

    private int await(String id) throws Exception {
        assertTrue(latches.computeIfAbsent(id, k -> new CountDownLatch(1)).await(10, TimeUnit.SECONDS), id);
        return exits.get(id);
    }

    private Fd root() throws Exception {
        try (Fd fs = linux.fsopen("tmpfs")) {
            linux.fsconfigCreate(fs);
            Fd mount = linux.fsmount(fs, 0);
            Path root = Path.of(mount.procPath());
            Files.copy(Path.of("/bin/busybox"), root.resolve("busybox"));
            return mount;
        }
    }

    private static Tape enter(Fd root, Optional<Linux.Pipe> output) {
        Tape t = new Tape();
        if (output.isPresent()) {
            t.call("stdout", Sys.DUP3, t.descriptor(output.get().write()), Tape.number(1), Tape.number(0));
        }
        t.call(
                "root",
                Sys.MOVE_MOUNT,
                t.descriptor(root),
                t.text(""),
                Tape.number(Flags.AT_FDCWD),
                t.text("/r"),
                Tape.number(Flags.MOVE_MOUNT_F_EMPTY_PATH));
        t.call("chdir to the root", Sys.CHDIR, t.text("/r"));
        t.call("pivot_root", Sys.PIVOT_ROOT, t.text("."), t.text("."));
        t.call("leave the old root", Sys.UMOUNT2, t.text("."), Tape.number(Flags.MNT_DETACH));
        t.call("chdir to /", Sys.CHDIR, t.text("/"));
        t.closeFrom("close descriptors", 3);
        return t;
    }

    private static void exec(Tape t, String... argv) {
        t.call(
                "exec " + argv[0],
                Sys.EXECVE,
                t.text("/busybox"),
                t.strings(List.of(argv)),
                t.strings(List.of("PATH=/")));
    }

    private Keeper.Spawned spawn(String id, Tape t, Optional<Linux.Pipe> output, Optional<Fd> log) {
        return keeper.spawn(new Keeper.Spawn(
                id,
                t,
                NAMESPACES,
                Optional.empty(),
                Optional.empty(),
                false,
                Optional.empty(),
                output.map(Linux.Pipe::read),
                Optional.empty(),
                log.map(Keeper.Log::endless)));
    }

    @Test
    void aTapeMakesAProcessWhoseOutputIsLoggedAndWhoseStatusIsTold() throws Exception {
        Path log = dir.resolve("log");
        try (Fd root = root();
                Linux.Pipe pipe = linux.pipe();
                Fd file = linux.open(log, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_APPEND, 0600)) {
            Tape t = enter(root, Optional.of(pipe));
            exec(t, "sh", "-c", "echo $$; exit 7");
            spawn("a", t, Optional.of(pipe), Optional.of(file)).close();
        }
        assertEquals(7, await("a"));
        ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
        int size = b.getInt(0);
        assertEquals("1\n", new String(b.array(), 16, size, StandardCharsets.UTF_8), "pid 1 of its own namespace");
        assertEquals(size, b.getInt(16 + size), "the length stands at the end too");
        assertEquals(7, keeper.list().getFirst().exitStatus().getAsInt());
        keeper.forget("a");
        assertTrue(keeper.list().isEmpty());
    }

    @Test
    void aFailingLineComesBackWithItsMeaningAndLeavesNoProcess() throws Exception {
        try (Fd root = root()) {
            Tape t = enter(root, Optional.empty());
            t.call("the directory /nowhere", Sys.CHDIR, t.text("/nowhere"));
            TapeException e =
                    assertThrows(TapeException.class, () -> spawn("b", t, Optional.empty(), Optional.empty()));
            assertEquals("the directory /nowhere", e.what());
            assertEquals(Errno.ENOENT, e.errno());
        }
        assertTrue(keeper.list().isEmpty());
    }

    @Test
    void anAllowedFailureGoesOnAndResultsFeedLaterLines() throws Exception {
        try (Fd root = root()) {
            Tape t = enter(root, Optional.empty());
            t.call("nothing", Sys.CHDIR, t.text("/nowhere")).allow(Errno.ENOENT, Errno.ENOTDIR);
            Tape.Line fd = t.call("open /", Sys.OPENAT, Tape.number(-100), t.text("/"), Tape.number(Flags.O_PATH));
            t.call("fchdir", Sys.FCHDIR, fd);
            exec(t, "true");
            spawn("c", t, Optional.empty(), Optional.empty()).close();
        }
        assertEquals(0, await("c"));
    }

    @Test
    void aSyncLineWaitsForTheOrderToProceed() throws Exception {
        try (Fd root = root()) {
            Tape t = enter(root, Optional.empty());
            t.sync("wait for start");
            exec(t, "true");
            spawn("d", t, Optional.empty(), Optional.empty()).close();
        }
        assertTrue(keeper.list().getFirst().waiting());
        assertFalse(exits.containsKey("d"));
        keeper.proceed("d");
        assertEquals(0, await("d"));
    }

    @Test
    void processesOutliveTheConnectionAndAreTakenOver() throws Exception {
        try (Fd root = root()) {
            Tape t = enter(root, Optional.empty());
            exec(t, "sleep", "1000");
            spawn("e", t, Optional.empty(), Optional.empty()).close();
        }
        keeper.close();
        keeper = Keeper.connect(linux, dir.resolve("keeper.sock"));
        listen();
        assertEquals("e", keeper.list().getFirst().id());
        try (Keeper.Spawned s = keeper.take("e")) {
            linux.pidfdSignal(s.pidfd(), 15);
            linux.pidfdSignal(s.pidfd(), 9);
        }
        assertEquals(137, await("e"));
    }

    @Test
    void aMalformedTapeIsRefused() {
        for (byte[] bytes : List.of(new byte[1], new byte[16], new byte[4096])) {
            Tape t = new Tape();
            t.call("x", Sys.GETPID);
            byte[] good = t.encode();
            byte[] bad = bytes.length == 4096 ? Arrays.copyOf(good, good.length - 1) : bytes;
            assertEquals(Errno.EPROTO, keeper.spawnRaw("bad", bad));
        }
    }

    @Test
    void spawnToExecTakesFewMilliseconds() throws Exception {
        int n = 60;
        long[] times = new long[n];
        for (int i = 0; i < n; i++) {
            try (Fd root = root()) {
                long before = System.nanoTime();
                Tape t = enter(root, Optional.empty());
                exec(t, "true");
                spawn("t" + i, t, Optional.empty(), Optional.empty()).close();
                times[i] = System.nanoTime() - before;
            }
            await("t" + i);
            keeper.forget("t" + i);
        }
        Arrays.sort(times);
        System.out.printf("spawn of a small tape: median %.2f ms, least %.2f ms%n", times[n / 2] / 1e6, times[0] / 1e6);
        assertTrue(times[n / 2] < 50_000_000L);
    }
}
