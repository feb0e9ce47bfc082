package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class UnitsTest {
    @Test
    void sizes_are_read_in_powers_of_1024() {
        for (var size : Map.of(
                        "100",
                        100L,
                        "1b",
                        1L,
                        "64k",
                        65536L,
                        "1.5g",
                        1610612736L,
                        "2GB",
                        2L << 30,
                        "3MiB",
                        3L << 20,
                        "0",
                        0L)
                .entrySet()) {
            assertEquals(OptionalLong.of(size.getValue()), Units.bytes(size.getKey()), size::getKey);
        }
        for (var wrong : List.of("", "x", "12x", "-1", "1..5", "g", "99999999999p", "1e5k")) {
            assertTrue(Units.bytes(wrong).isEmpty(), wrong);
        }
    }

    @Test
    void sizes_are_written_as_docker_writes_them() {
        assertEquals("0B", Units.size(0));
        assertEquals("72B", Units.size(72));
        assertEquals("4.26MB", Units.size(4_261_550));
        assertEquals("117MB", Units.size(116_549_876));
        assertEquals("1.98MB", Units.size(1_983_488));
        assertEquals("15.61GiB", Units.binarySize(16_760_000_000L));
    }

    @Test
    void spans_are_written_as_docker_writes_them() {
        var expected = new java.util.LinkedHashMap<Long, String>();
        expected.put(0L, "Less than a second");
        expected.put(1L, "1 second");
        expected.put(59L, "59 seconds");
        expected.put(60L, "About a minute");
        expected.put(119L, "About a minute");
        expected.put(120L, "2 minutes");
        expected.put(3600L, "About an hour");
        expected.put(7200L, "2 hours");
        expected.put(47 * 3600L, "47 hours");
        expected.put(48 * 3600L, "2 days");
        expected.put(15 * 86400L, "2 weeks");
        expected.put(61 * 86400L, "2 months");
        expected.put(800 * 86400L, "2 years");
        expected.forEach((seconds, words) -> assertEquals(words, Units.span(Duration.ofSeconds(seconds))));
    }

    @Test
    void go_durations_are_read() {
        assertEquals(OptionalLong.of(5_400_000_000_000L), Units.goDuration("1h30m"));
        assertEquals(OptionalLong.of(1_500_000_000L), Units.goDuration("1.5s"));
        assertEquals(OptionalLong.of(10_000_000L), Units.goDuration("10ms"));
        for (var wrong : List.of("", "1", "h", "1x", "1h2", "..s")) {
            assertEquals(OptionalLong.empty(), Units.goDuration(wrong), wrong);
        }
    }

    @Test
    void points_in_time_come_in_every_form() {
        assertEquals("12.5", Units.moment("since", "12.5"));
        assertEquals("1735830245.000000000", Units.moment("since", "2025-01-02T15:04:05Z"));
        assertEquals("1735830245.123000000", Units.moment("since", "2025-01-02T16:04:05.123+01:00"));
        double now = System.currentTimeMillis() / 1000.0;
        assertEquals(now - 600, Double.parseDouble(Units.moment("since", "10m")), 5);
        assertThrows(Failure.class, () -> Units.moment("since", "yesterday"));
    }

    @Test
    void cpus_become_billionths() {
        assertEquals(OptionalLong.of(1_500_000_000L), Units.nanoCpus("1.5"));
        assertEquals(OptionalLong.of(500_000_000L), Units.nanoCpus(".5"));
        assertEquals(OptionalLong.empty(), Units.nanoCpus("many"));
        assertEquals(OptionalLong.empty(), Units.nanoCpus("0.0000000001"));
    }

    @Test
    void columns_are_padded_as_docker_pads_them() {
        assertEquals(
                "NAME      IMAGE\na         hello\ncontainers-of-mine   x\n"
                        .replace("NAME      ", "NAME                 ")
                        .replace("a         ", "a                    "),
                new Table()
                        .row("NAME", "IMAGE")
                        .row("a", "hello")
                        .row("containers-of-mine", "x")
                        .toString());
    }
}
