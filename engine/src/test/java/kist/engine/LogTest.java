package kist.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LogTest {
    @TempDir
    Path dir;

    private Path log;
    private long time = 1000;

    @BeforeEach
    void name() {
        log = dir.resolve("log");
    }

    private void write(int stream, String text) throws Exception {
        Files.write(log, record(stream, text), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private byte[] record(int stream, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocate(20 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(bytes.length)
                .put((byte) stream)
                .put((byte) 1)
                .putShort((short) 0)
                .putLong(time++);
        b.put(bytes).putInt(bytes.length);
        return b.array();
    }

    private static Request.ReadLogs wish(long since, long until, long tail) {
        return new Request.ReadLogs("c", true, true, false, since, until, tail);
    }

    private List<String> lines(Request.ReadLogs wish) throws Exception {
        List<String> lines = new ArrayList<>();
        try (LineStream s = new LineStream(
                new Run(l -> {}),
                LogReader.open(new LogDirectory(dir)),
                wish,
                false,
                false,
                0,
                java.util.Map.of(),
                gone -> {})) {
            for (Optional<Output> o; (o = s.read()).isPresent(); ) {
                lines.add(o.get().stream() + ":" + new String(o.get().bytes(), StandardCharsets.UTF_8));
            }
        }
        return lines;
    }

    @Test
    void pieces_of_a_line_become_one_line_and_streams_do_not_mix() throws Exception {
        write(1, "he");
        write(2, "oops\n");
        write(1, "llo\nwor");
        write(1, "ld");
        assertEquals(List.of("2:oops\n", "1:hello\n", "1:world"), lines(wish(0, 0, -1)));
    }

    @Test
    void tail_counts_lines_from_the_end_across_records() throws Exception {
        for (int i = 0; i < 10; i++) {
            write(1, "a" + i + "\nb" + i + "\n");
        }
        assertEquals(List.of("1:b8\n", "1:a9\n", "1:b9\n"), lines(wish(0, 0, 3)));
        assertEquals(List.of(), lines(wish(0, 0, 0)));
        assertEquals(20, lines(wish(0, 0, 20)).size());
        assertEquals(20, lines(wish(0, 0, 1000)).size());
        write(1, "unfinished");
        assertEquals(List.of("1:b9\n", "1:unfinished"), lines(wish(0, 0, 2)));
    }

    @Test
    void since_and_until_choose_by_the_time_of_writing() throws Exception {
        write(1, "at 1000\n");
        write(1, "at 1001\n");
        write(1, "at 1002\n");
        assertEquals(List.of("1:at 1001\n", "1:at 1002\n"), lines(wish(1001, 1002, -1)), "both ends are included");
        assertEquals(List.of("1:at 1001\n"), lines(wish(1001, 1001, -1)));
    }

    @Test
    void a_record_that_is_still_being_written_is_not_read() throws Exception {
        byte[] whole = record(1, "whole\n");
        Files.write(log, whole);
        try (LogReader f = LogReader.open(new LogDirectory(dir))) {
            assertTrue(f.next().isPresent());
            byte[] torn = record(1, "torn\n");
            for (int cut : List.of(3, 17, torn.length - 1)) {
                byte[] part = java.util.Arrays.copyOf(torn, cut);
                Files.write(log, whole);
                Files.write(log, part, StandardOpenOption.APPEND);
                assertTrue(f.next().isEmpty(), "cut at " + cut);
            }
            Files.write(log, whole);
            Files.write(log, torn, StandardOpenOption.APPEND);
            assertArrayEquals(
                    "torn\n".getBytes(StandardCharsets.UTF_8), f.next().get().bytes());
        }
    }

    @Test
    void a_damaged_log_is_reported_and_not_read_into_memory() throws Exception {
        ByteBuffer b = ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(Integer.MAX_VALUE);
        Files.write(log, b.array());
        try (LogReader f = LogReader.open(new LogDirectory(dir))) {
            EngineException e = assertThrows(EngineException.class, () -> f.next());
            assertTrue(e.getMessage().contains("damaged"), e.getMessage());
        }
    }

    @Test
    void a_line_without_end_does_not_fill_the_memory() throws Exception {
        for (int i = 0; i < 40; i++) {
            write(1, "x".repeat(65536));
        }
        List<String> lines = lines(wish(0, 0, -1));
        assertTrue(lines.size() >= 2);
        assertEquals(40 * 65536, lines.stream().mapToInt(l -> l.length() - 2).sum());
    }

    @Test
    void a_follower_ends_with_the_run_and_sees_all_of_it() throws Exception {
        Run run = new Run(known -> {});
        long number = run.current();
        write(1, "one\n");
        Request.AttachContainer wish = new Request.AttachContainer("c", false, true, true, true, true);
        List<String> seen = java.util.Collections.synchronizedList(new ArrayList<>());
        LogAttachment a = new LogAttachment(
                null, null, run, LogReader.open(new LogDirectory(dir)), wish, false, () -> {}, () -> {}, -1, 0);
        Thread t = Thread.ofVirtual().start(() -> {
            try {
                for (Optional<Output> o; (o = a.read()).isPresent(); ) {
                    seen.add(new String(o.get().bytes(), StandardCharsets.UTF_8));
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        write(1, "two\n");
        run.grown(Files.size(log));
        run.end(false, 0);
        assertTrue(run.over(number));
        t.join(java.time.Duration.ofSeconds(5));
        assertEquals(List.of("one\n", "two\n"), seen);
    }

    @Test
    void a_follower_holds_the_log_while_it_reads_and_not_when_it_stands_still() throws Exception {
        List<Long> told = new ArrayList<>();
        Run run = new Run(new Run.ToKeeper() {
            @Override
            public void watch(long known) {}

            @Override
            public void hold(long offset) {
                told.add(offset);
            }
        });
        write(1, "one\ntwo\n");
        Request.ReadLogs wish = new Request.ReadLogs("c", true, true, true, 0, 0, -1);
        List<LineStream> closed = new ArrayList<>();
        try (LineStream s = new LineStream(
                run, LogReader.open(new LogDirectory(dir)), wish, false, true, 0, java.util.Map.of(), closed::add)) {
            assertEquals(List.of(0L), told);
            s.releaseIfStuck(1_000_000_000_000L);
            assertEquals(List.of(0L), told);
            s.read();
            s.releaseIfStuck(0);
            assertEquals(List.of(0L, kist.kernel.Keeper.NO_HOLD), told);
            s.read();
            write(1, "three\n");
            s.read();
            assertEquals(List.of(0L, kist.kernel.Keeper.NO_HOLD, 0L), told);
        }
        assertEquals(kist.kernel.Keeper.NO_HOLD, told.getLast());
        assertEquals(1, closed.size());
    }

    @Test
    void what_readers_need_is_told_to_the_keeper_as_it_changes_and_anew_with_each_process() {
        List<Long> told = new ArrayList<>();
        Run run = new Run(new Run.ToKeeper() {
            @Override
            public void watch(long known) {}

            @Override
            public void hold(long offset) {
                told.add(offset);
            }
        });
        Object one = new Object();
        Object two = new Object();
        run.hold(one, 100);
        run.hold(two, 50);
        run.hold(one, 200);
        run.hold(two, 150);
        assertEquals(List.of(100L, 50L, 150L), told);
        assertEquals(150, run.holdForOrder());
        run.release(two);
        told.clear();
        run.begin(new kist.kernel.Keeper.Spawned("c", 1, null, Optional.empty(), Optional.empty()));
        assertEquals(List.of(200L), told, "the release came before the process");
        run.release(one);
        assertEquals(List.of(200L, kist.kernel.Keeper.NO_HOLD), told);
        told.clear();
        run.holdForOrder();
        run.begin(new kist.kernel.Keeper.Spawned("c", 1, null, Optional.empty(), Optional.empty()));
        assertEquals(List.of(), told, "nothing to say of what nobody reads");
    }
}
