package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packing and aging of the log of a container that does not run; of one that does, LogsSystemTest. */
final class LogJanitorTest {
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    @TempDir
    Path dir;

    private LogDirectory log;
    private long offset;

    @BeforeEach
    void name() {
        log = new LogDirectory(dir);
    }

    /** A segment of one line that was written so long ago. */
    private long segment(String text, long ago) throws Exception {
        long start = offset;
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocate(20 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        long when = Clock.nanos() - ago;
        b.putInt(bytes.length).put((byte) 1).put((byte) 1).putShort((short) 0).putLong(when);
        b.put(bytes).putInt(bytes.length);
        Path file = dir.resolve(LogDirectory.name(start));
        Files.write(file, b.array());
        Files.setLastModifiedTime(file, FileTime.from(when, TimeUnit.NANOSECONDS));
        offset += b.capacity();
        return start;
    }

    private static Container stopped(Map<String, String> options) {
        ContainerConfig config = ContainerConfigBuilder.builder(ContainerConfig.of("busybox", "sh"))
                .host(HostConfigBuilder.builder()
                        .log(new HostConfig.LogConfig("json-file", options))
                        .build())
                .build();
        StoredContainer stored = new StoredContainer(
                StoredContainer.FORMAT,
                "0123456789abcdef",
                "box",
                config,
                "sha256:0",
                0,
                List.of("sh"),
                List.of(),
                "/",
                "",
                Map.of(),
                "SIGTERM",
                OptionalInt.empty());
        return new Container(stored, StoredState.NEW, known -> {});
    }

    @SuppressWarnings("NullAway") // no keeper: nothing runs
    private void visit(Container c) {
        new LogJanitor(null).visit(c, log, LogOptions.of(c.host().log()));
    }

    private String text() {
        StringBuilder all = new StringBuilder();
        try (LogReader reader = LogReader.open(log)) {
            for (Optional<Output> o = reader.next(); o.isPresent(); o = reader.next()) {
                all.append(new String(o.get().bytes(), StandardCharsets.UTF_8));
            }
        }
        return all.toString();
    }

    @Test
    void full_segments_are_packed_once_they_have_settled_and_the_last_is_left() throws Exception {
        long one = segment("one\n", HOUR);
        long two = segment("two\n", 0);
        long three = segment("three\n", HOUR);
        Files.write(log.unfinished(one), new byte[10]);
        visit(stopped(Map.of("max-size", "1m", "max-file", "9", "compress", "true")));
        assertTrue(log.list().get(one).packed());
        assertFalse(log.list().get(two).packed(), "it may be the next to go");
        assertFalse(log.list().get(three).packed());
        assertFalse(Files.exists(log.unfinished(one)));
        assertEquals("one\ntwo\nthree\n", text());
    }

    @Test
    void what_is_too_old_goes_even_the_end_of_the_log() throws Exception {
        segment("old\n", 3 * HOUR);
        segment("older than a share\n", HOUR);
        Container c = stopped(Map.of("max-age", "2h"));
        visit(c);
        assertEquals("older than a share\n", text());
        assertEquals(2, log.list().size(), "it has ended, so that it can go: " + log.list());
        Files.setLastModifiedTime(
                log.file(log.list().firstEntry().getValue()),
                FileTime.from(Clock.nanos() - 3 * HOUR, TimeUnit.NANOSECONDS));
        visit(c);
        assertEquals("", text());
        assertEquals(1, log.list().size());
        assertEquals(offset, log.list().firstKey(), "offsets go on");
    }

    @Test
    void what_is_held_stays() throws Exception {
        segment("old\n", 3 * HOUR);
        segment("new\n", 0);
        Container c = stopped(Map.of("max-age", "2h"));
        Object reader = new Object();
        c.run.hold(reader, 0);
        visit(c);
        assertEquals("old\nnew\n", text());
        c.run.release(reader);
        visit(c);
        assertEquals("new\n", text());
    }
}
