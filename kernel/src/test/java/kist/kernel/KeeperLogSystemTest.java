package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the keeper bounds logs: segments, what readers hold, a full disk. The processes share the host's file system view. */
final class KeeperLogSystemTest {
    @TempDir
    Path dir;

    private final Linux linux = Linux.system();
    private volatile CountDownLatch exited = new CountDownLatch(1);
    private final AtomicLong dropped = new AtomicLong();
    private Keeper keeper;
    private Path logs;

    @BeforeEach
    void launch() throws Exception {
        logs = Files.createDirectory(dir.resolve("logs"));
        keeper = Keeper.launch(linux, Path.of(System.getProperty("kist.keeper")), dir.resolve("keeper.sock"));
        listen();
    }

    private void listen() {
        keeper.listen(new Keeper.Listener() {
            @Override
            public void exited(String id, int status, long bytes) {
                dropped.set(bytes);
                exited.countDown();
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
                assertTrue(exited.await(10, TimeUnit.SECONDS));
            }
        }
        assertTrue(keeper.shutdown());
        keeper.close();
    }

    private void spawn(String script, long limit, int files, long hold) throws Exception {
        long start = segments().isEmpty() ? 0 : segments().lastKey();
        Path last = logs.resolve(start == 0 ? "log" : "log.%019d".formatted(start));
        try (Fd fs = linux.fsopen("tmpfs");
                Linux.Pipe pipe = linux.pipe();
                Fd file = linux.open(last, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_APPEND, 0600);
                Fd directory = linux.open(logs, Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            linux.fsconfigCreate(fs);
            try (Fd root = linux.fsmount(fs, 0)) {
                Files.copy(Path.of("/bin/busybox"), Path.of(root.procPath()).resolve("busybox"));
                Tape t = new Tape();
                t.call("stdout", Sys.DUP3, t.descriptor(pipe.write()), Tape.number(1), Tape.number(0));
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
                t.call(
                        "exec",
                        Sys.EXECVE,
                        t.text("/busybox"),
                        t.strings(List.of("sh", "-c", script)),
                        t.strings(List.of("PATH=/")));
                keeper.spawn(new Keeper.Spawn(
                                "a",
                                t,
                                Flags.CLONE_NEWNS,
                                Optional.empty(),
                                Optional.empty(),
                                false,
                                Optional.empty(),
                                Optional.of(pipe.read()),
                                Optional.empty(),
                                Optional.of(new Keeper.Log(file, start, Optional.of(directory), limit, files, hold))))
                        .close();
            }
        }
    }

    private TreeMap<Long, Path> segments() throws Exception {
        TreeMap<Long, Path> all = new TreeMap<>();
        try (var entries = Files.list(logs)) {
            entries.filter(p -> p.getFileName().toString().startsWith("log"))
                    .forEach(p -> all.put(
                            Long.parseLong("0" + p.getFileName().toString().replaceAll("[^0-9]", "")), p));
        }
        return all;
    }

    private String text() throws Exception {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        long expected = -1;
        for (var segment : segments().entrySet()) {
            assertTrue(expected < 0 || segment.getKey() == expected, segments().toString());
            ByteBuffer b =
                    ByteBuffer.wrap(Files.readAllBytes(segment.getValue())).order(ByteOrder.LITTLE_ENDIAN);
            while (b.hasRemaining()) {
                int size = b.getInt();
                b.position(b.position() + 12);
                text.write(b.array(), b.position(), size);
                b.position(b.position() + size);
                assertEquals(size, b.getInt());
            }
            expected = segment.getKey() + b.capacity();
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    private static String numbers(int from, int to) {
        StringBuilder all = new StringBuilder();
        for (int i = from; i <= to; i++) {
            all.append(i).append('\n');
        }
        return all.toString();
    }

    private void awaitEnd() throws Exception {
        assertTrue(exited.await(20, TimeUnit.SECONDS));
    }

    private long settled() throws Exception {
        long last = -1;
        for (int same = 0; same < 4; ) {
            long now = segments().isEmpty()
                    ? 0
                    : segments().lastKey() + Files.size(segments().lastEntry().getValue());
            same = now == last ? same + 1 : 0;
            last = now;
            Thread.sleep(100);
        }
        return last;
    }

    @Test
    void fullSegmentsAreFollowedByOthersAndTheOldestGo() throws Exception {
        spawn("seq 1 100000", 50_000, 3, Keeper.NO_HOLD);
        awaitEnd();
        assertEquals(3, segments().size());
        for (Path segment : segments().values()) {
            assertTrue(Files.size(segment) <= 50_000, segment + " has " + Files.size(segment));
        }
        String all = numbers(1, 100_000);
        String text = text();
        assertTrue(text.length() > 80_000 && all.endsWith(text), "it is the end of what was written, without a gap");
    }

    @Test
    void anotherRunGoesOnWhereTheLastOneEndedAndCountsItsSegments() throws Exception {
        spawn("seq 1 20000", 50_000, 3, Keeper.NO_HOLD);
        awaitEnd();
        keeper.forget("a");
        exited = new CountDownLatch(1);
        Path oldest = segments().firstEntry().getValue();
        Files.move(oldest, Path.of(oldest + ".gz"));
        long end = segments().lastKey();
        spawn("seq 20001 30000; /busybox sleep 1000", 50_000, 3, Keeper.NO_HOLD);
        settled();
        assertEquals(3, segments().size(), "the packed one is gone: " + segments());
        assertTrue(segments().lastKey() > end);
        assertTrue(numbers(1, 30_000).endsWith(text()));
    }

    @Test
    void whatIsHeldIsNotDeletedAndTheProcessWaitsUntilTheReaderGetsOn() throws Exception {
        spawn("seq 1 100000; echo done", 50_000, 3, 0);
        long end = settled();
        assertTrue(end <= 150_000, "it wrote " + end);
        assertTrue(numbers(1, 100_000).startsWith(text().substring(0, 140_000)), "nothing is lost");
        assertEquals(1, exited.getCount());
        keeper.hold("a", segments().higherKey(0L));
        long further = settled();
        assertTrue(further > end && further <= 200_000, end + " and then " + further);
        keeper.hold("a", Keeper.NO_HOLD);
        awaitEnd();
        assertTrue(text().endsWith("100000\ndone\n"));
    }

    @Test
    void anEngineThatGoesHoldsNothingAnyLonger() throws Exception {
        spawn("seq 1 100000", 50_000, 2, 0);
        settled();
        keeper.close();
        settled();
        keeper = Keeper.connect(linux, dir.resolve("keeper.sock"));
        listen();
        assertTrue(keeper.list().getFirst().exitStatus().isPresent());
        assertTrue(numbers(1, 100_000).endsWith(text()));
    }

    @Test
    void aProcessThatEndsWhileItIsHeldLosesNothingOfWhatItHasWritten() throws Exception {
        spawn("seq 1 20000; /busybox sleep 1000", 50_000, 2, 0);
        settled();
        try (Keeper.Spawned s = keeper.take("a")) {
            linux.pidfdSignal(s.pidfd(), 9);
        }
        awaitEnd();
        String text = text();
        assertTrue(text.length() > 90_000 && numbers(1, 20_000).startsWith(text));
    }

    @Test
    void aSegmentIsEndedOnDemand() throws Exception {
        spawn("echo one; /busybox sleep 1000", 50_000, 5, Keeper.NO_HOLD);
        settled();
        assertTrue(keeper.rotate("a"));
        assertEquals(2, segments().size());
        assertTrue(keeper.rotate("a"), "an empty one stays");
        assertEquals(2, segments().size());
        assertFalse(keeper.rotate("nobody"));
    }

    private static Path statusOfKeeper(Path socket) throws Exception {
        try (var all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                try {
                    if (Files.readString(process.resolve("cmdline")).endsWith("\0" + socket + "\0")) {
                        return process.resolve("status");
                    }
                } catch (java.io.IOException ended) {
                    continue;
                }
            }
        }
        throw new AssertionError("no keeper");
    }

    private static long kilobytes(Path status) throws Exception {
        return Files.readAllLines(status).stream()
                .filter(l -> l.startsWith("VmRSS:"))
                .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
                .sum();
    }

    @Test
    void aFloodTakesNoMoreDiskAndMemoryThanATrickle() throws Exception {
        spawn("/busybox yes", 2_000_000, 3, Keeper.NO_HOLD);
        Path status = statusOfKeeper(dir.resolve("keeper.sock"));
        Thread.sleep(300);
        long memory = kilobytes(status);
        long before = segments().lastKey();
        long began = System.nanoTime();
        for (int i = 0; i < 20; i++) {
            Thread.sleep(100);
            long disk = 0;
            for (Path segment : segments().values()) {
                disk += segment.toFile().length();
            }
            assertTrue(disk <= 6_000_000 + 2_000_000, "the disk holds " + disk);
        }
        double rate = (segments().lastKey() - before) * 1e3 / (System.nanoTime() - began);
        System.out.printf("a flood of output: %.0f MB/s%n", rate);
        assertTrue(kilobytes(status) - memory < 1024, "memory grew");
        assertTrue(rate > 10);
    }

    @Test
    void whatFindsNoSpaceIsCountedAndToldInTheLogAsSoonAsThereIsSpaceAgain() throws Exception {
        try (Fd fs = linux.fsopen("tmpfs")) {
            linux.fsconfigString(fs, "size", "256k");
            linux.fsconfigCreate(fs);
            try (Fd mount = linux.fsmount(fs, 0)) {
                logs = Path.of(mount.procPath());
                Path ballast = logs.resolve("ballast");
                Files.write(ballast, new byte[200 << 10]);
                spawn("seq 1 20000; /busybox sleep 2; echo after; /busybox sleep 1000", 1 << 20, 5, Keeper.NO_HOLD);
                settled();
                Files.delete(ballast);
                for (int i = 0; i < 100 && !text().endsWith("after\n"); i++) {
                    Thread.sleep(50);
                }
                String text = text();
                String[] parts =
                        text.split("kist: | bytes of output are missing here, there was no space on the disk\n", -1);
                assertTrue(parts.length >= 3 && parts.length % 2 == 1, "notes between pieces: " + parts.length);
                int there = 0;
                int missing = 0;
                for (int i = 0; i < parts.length; i++) {
                    if (i % 2 == 0) {
                        there += parts[i].length();
                    } else {
                        missing += Integer.parseInt(parts[i]);
                    }
                }
                assertTrue(numbers(1, 20_000).startsWith(parts[0]));
                assertEquals(numbers(1, 20_000).length() + "after\n".length(), there + missing);
                try (Keeper.Spawned s = keeper.take("a")) {
                    linux.pidfdSignal(s.pidfd(), 9);
                }
                awaitEnd();
                assertEquals(missing, dropped.get());
            }
        }
    }
}
