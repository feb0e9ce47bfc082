package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import kist.kernel.Keeper;
import kist.kernel.Linux;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading a log that is made of segments, while they come and go and are packed. */
final class LogSegmentsTest {
    @TempDir
    Path dir;

    private LogDirectory log;
    private long offset;
    private long start;
    private long time = 1000;

    @BeforeEach
    void name() {
        log = new LogDirectory(dir);
    }

    private void write(int stream, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocate(20 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(bytes.length)
                .put((byte) stream)
                .put((byte) 1)
                .putShort((short) 0)
                .putLong(time++);
        b.put(bytes).putInt(bytes.length);
        Files.write(file(start), b.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        offset += b.capacity();
    }

    private Path file(long of) {
        return dir.resolve(LogDirectory.name(of));
    }

    private void rotate() throws IOException {
        start = offset;
        log.beginAnother(start);
    }

    private void pack(long of) throws IOException {
        PackedSegment.pack(file(of), log.packed(of));
        Files.delete(file(of));
    }

    /** Ten segments of ten lines. */
    private List<Long> fill() throws IOException {
        List<Long> starts = new ArrayList<>();
        for (int s = 0; s < 10; s++) {
            starts.add(start);
            for (int i = 0; i < 10; i++) {
                write(1 + i % 2, "line " + (10 * s + i) + "\n");
            }
            if (s < 9) {
                rotate();
            }
        }
        return starts;
    }

    private static String text(Output o) {
        return new String(o.bytes(), StandardCharsets.UTF_8);
    }

    private static List<String> rest(LogReader reader) {
        List<String> all = new ArrayList<>();
        for (Optional<Output> o = reader.next(); o.isPresent(); o = reader.next()) {
            all.add(text(o.get()).strip().substring(5));
        }
        return all;
    }

    private static List<String> numbers(int from, int to) {
        List<String> all = new ArrayList<>();
        for (int i = from; i < to; i++) {
            all.add(Integer.toString(i));
        }
        return all;
    }

    @Test
    void segments_are_read_as_one_log_forwards_and_backwards() throws Exception {
        fill();
        try (LogReader reader = LogReader.open(log)) {
            assertEquals(numbers(0, 100), rest(reader));
            assertEquals(offset, reader.position());
            for (int i = 99; i >= 0; i--) {
                assertTrue(reader.back());
                long at = reader.position();
                assertEquals("line " + i + "\n", text(reader.next().orElseThrow()));
                reader.position(at);
            }
            assertEquals(false, reader.back());
        }
    }

    @Test
    void a_time_is_found_without_reading_what_was_before() throws Exception {
        List<Long> starts = fill();
        pack(starts.get(3));
        try (LogReader reader = LogReader.open(log)) {
            for (int line = 0; line < 100; line++) {
                reader.seek(1000 + line);
                int from = Integer.parseInt(rest(reader).getFirst());
                assertTrue(from <= line && line - from <= 10, line + " is searched from " + from);
            }
            reader.seek(0);
            assertEquals(100, rest(reader).size());
            reader.seek(Long.MAX_VALUE);
            assertEquals(10, rest(reader).size(), "the last one, to which more may come");
        }
        Request.ReadLogs wish = new Request.ReadLogs("c", true, true, false, 1050, 0, -1);
        try (LineStream lines = new LineStream(
                new Run(known -> {}), LogReader.open(log), wish, false, false, 0, java.util.Map.of(), s -> {})) {
            assertEquals("line 50\n", text(lines.read().orElseThrow()));
        }
    }

    @Test
    void packed_segments_are_read_like_others_and_by_gzip() throws Exception {
        List<Long> starts = fill();
        byte[] before = Files.readAllBytes(file(starts.get(4)));
        for (int i : List.of(0, 1, 4)) {
            pack(starts.get(i));
        }
        try (GZIPInputStream zip = new GZIPInputStream(
                new FileInputStream(log.packed(starts.get(4)).toFile()))) {
            assertEquals(List.of(before).getFirst().length, zip.readAllBytes().length);
        }
        try (LogReader reader = LogReader.open(log)) {
            assertEquals(numbers(0, 100), rest(reader));
            int lines = 0;
            while (reader.back()) {
                lines++;
            }
            assertEquals(100, lines);
            assertEquals(numbers(0, 100), rest(reader));
        }
    }

    @Test
    void a_large_segment_is_packed_in_members_and_read_from_anywhere() throws Exception {
        Random random = new Random(7);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (int i = 0; i < 60; i++) {
            byte[] noise = new byte[20_000 + random.nextInt(40_000)];
            random.nextBytes(noise);
            if (i % 2 == 0) {
                java.util.Arrays.fill(noise, (byte) 'x');
            }
            all.write(noise);
        }
        byte[] plain = all.toByteArray();
        Files.write(file(0), plain);
        PackedSegment.pack(file(0), log.packed(0));
        try (GZIPInputStream zip =
                        new GZIPInputStream(new FileInputStream(log.packed(0).toFile()));
                PackedSegment packed = PackedSegment.open(log.packed(0))) {
            assertTrue(java.util.Arrays.equals(plain, zip.readAllBytes()));
            assertEquals(plain.length, packed.size());
            for (int i = 0; i < 200; i++) {
                int at = random.nextInt(plain.length);
                ByteBuffer some = ByteBuffer.allocate(100);
                int n = packed.read(some, at);
                assertTrue(n > 0 && java.util.Arrays.equals(plain, at, at + n, some.array(), 0, n));
            }
            assertEquals(-1, packed.read(ByteBuffer.allocate(1), plain.length));
        }
        Files.write(log.packed(0), java.util.Arrays.copyOf(Files.readAllBytes(log.packed(0)), 100_000));
        Files.delete(file(0));
        try (LogReader reader = LogReader.open(log)) {
            org.junit.jupiter.api.Assertions.assertThrows(EngineException.class, reader::next);
        }
    }

    @Test
    void a_reader_goes_on_across_a_turn_that_happens_while_it_waits() throws Exception {
        write(1, "line 0\n");
        try (LogReader reader = LogReader.open(log)) {
            assertEquals(numbers(0, 1), rest(reader));
            write(1, "line 1\n");
            rotate();
            assertEquals(numbers(1, 2), rest(reader));
            write(1, "line 2\n");
            pack(0);
            write(1, "line 3\n");
            assertEquals(numbers(2, 4), rest(reader));
            assertEquals(start, reader.segmentStart());
        }
    }

    @Test
    void a_reader_that_has_fallen_behind_reads_what_it_holds_open_and_then_the_oldest_there_is() throws Exception {
        List<Long> starts = fill();
        try (LogReader reader = LogReader.open(log)) {
            assertEquals("line 0\n", text(reader.next().orElseThrow()));
            for (int i = 0; i < 5; i++) {
                log.delete(starts.get(i));
            }
            List<String> expected = new ArrayList<>(numbers(1, 10));
            expected.addAll(numbers(50, 100));
            assertEquals(expected, rest(reader));
        }
        try (LogReader reader = LogReader.open(log)) {
            assertEquals(numbers(50, 100), rest(reader));
            reader.beginning();
            assertEquals(50, rest(reader).size());
        }
    }

    @Test
    void a_reader_that_is_pinned_reads_to_the_end_of_what_is_deleted() throws Exception {
        List<Long> starts = fill();
        pack(starts.get(6));
        try (LogReader reader = LogReader.open(log)) {
            for (int i = 0; i < 25; i++) {
                reader.next();
            }
            reader.pin();
            for (long start : starts) {
                log.delete(start);
            }
            assertEquals(numbers(25, 100), rest(reader));
            reader.beginning();
            assertEquals(List.of(), rest(reader));
        }
    }

    @Test
    void a_torn_end_is_passed_over_and_the_next_run_goes_on_in_another_segment() throws Exception {
        write(1, "line 0\n");
        Files.write(file(0), new byte[] {9, 0, 0, 0, 1, 1, 0}, StandardOpenOption.APPEND);
        try (LogReader reader = LogReader.open(log)) {
            assertTrue(reader.isTorn());
            assertEquals(offset, reader.position());
        }
        LogOptions options = LogOptions.of(HostConfig.LogConfig.DEFAULT);
        try (Keeper.Log next = log.openForKeeper(Linux.system(), options, Keeper.NO_HOLD)) {
            assertEquals(offset + 7, next.start());
            assertEquals(20_000_000, next.limit());
            assertEquals(5, next.files());
        }
        offset += 7;
        start = offset;
        write(1, "line 1\n");
        try (LogReader reader = LogReader.open(log)) {
            assertEquals(numbers(0, 2), rest(reader));
            int lines = 0;
            while (reader.back()) {
                lines++;
            }
            assertEquals(2, lines);
        }
        try (Keeper.Log next = log.openForKeeper(Linux.system(), options, Keeper.NO_HOLD)) {
            assertEquals(offset - 27, next.start(), "a whole one is gone on with");
        }
    }

    @Test
    void what_a_log_takes_is_counted_packed_or_not() throws Exception {
        List<Long> starts = fill();
        assertEquals(offset, log.bytes());
        pack(starts.get(0));
        assertEquals(offset - starts.get(1) + Files.size(log.packed(0)), log.bytes());
        assertEquals(0, new LogDirectory(dir.resolve("none")).bytes());
    }

    @Test
    void other_files_of_the_container_are_no_segments() throws Exception {
        write(1, "line 0\n");
        for (String name :
                List.of("log.gz.tmp", "logs", "log.1", "log.x", "log.-000000000000000001", "container.json")) {
            Files.write(dir.resolve(name), new byte[10]);
        }
        assertEquals(1, log.list().size());
        assertEquals("log.0000000000000000123", LogDirectory.name(123));
    }
}
