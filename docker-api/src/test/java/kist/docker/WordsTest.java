package kist.docker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import kist.engine.EngineException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class WordsTest {
    @ParameterizedTest
    @CsvSource({
        "0, Less than a second",
        "1, 1 second",
        "59, 59 seconds",
        "60, About a minute",
        "119, About a minute",
        "120, 2 minutes",
        "3599, 59 minutes",
        "3600, About an hour",
        "5400, 2 hours",
        "172799, 2 days",
        "172800, 2 days",
        "1209600, 2 weeks",
        "5184000, 2 months",
        "63072000, 2 years",
    })
    void spansAreThoseOfDocker(long seconds, String words) {
        assertEquals(words, Times.words(seconds * 1_000_000_000L));
    }

    @Test
    void timesAreReadAndWritten() {
        assertEquals(1_500_000_000L, Times.parse("since", "1.5"));
        assertEquals(1_000_000_001L, Times.parse("since", "1.000000001"));
        assertEquals(0, Times.parse("since", ""));
        for (String wrong : new String[] {"soon", "1.-5", "99999999999999999999", "2020-01-01"}) {
            assertThrows(EngineException.class, () -> Times.parse("since", wrong));
        }
        assertEquals("0001-01-01T00:00:00Z", Times.rfc3339(0));
        assertEquals("1970-01-01T00:00:01.500Z", Times.rfc3339(1_500_000_000L));
        assertEquals("1970-01-01T00:00:01.500000000Z ", new Times.Stamper().stamp(1_500_000_000L));
    }

    @Test
    void imageNamesAreShortened() {
        assertEquals("busybox", Names.familiar("docker.io/library/busybox"));
        assertEquals("me/thing:1", Names.familiar("docker.io/me/thing:1"));
        assertEquals("quay.io/library/x", Names.familiar("quay.io/library/x"));
        assertEquals("x@sha256:1", Names.reference("x", "sha256:1"));
        assertEquals(false, Names.isComplete("host:5000/x"));
        assertEquals(true, Names.isComplete("x:1"));
        assertEquals("host:5000/x:2", Names.pulled("host:5000/x:1", "2"));
        assertEquals("x@sha256:1", Names.pulled("x", "sha256:1"));
        assertEquals("x@sha256:1", Names.pulled("x@sha256:1", "2"));
    }

    @Test
    void momentsAreSpansDatesOrSeconds() {
        assertEquals(1_500_000_000L, Times.moment("until", "1.5"));
        assertEquals(86_400_000_000_000L, Times.moment("until", "1970-01-02T00:00:00Z"));
        long hour = System.currentTimeMillis() * 1_000_000 - Times.moment("until", "1h0m");
        assertEquals(3600, hour / 1_000_000_000, 5);
    }

    @Test
    void progressIsABarAndNumbers() {
        assertEquals("[=========================>                         ]     500B/1kB", ProgressText.of(500, 1000));
        assertEquals(
                "[==================================================>]  1.235MB/1.235MB",
                ProgressText.of(1_234_567, 1_234_567));
        assertEquals("    12kB", ProgressText.of(12_000, 0));
    }

    @Test
    void aDetachSequenceThatIsBrokenOffIsTyped() {
        DetachKeys keys = DetachKeys.parse("");
        assertArrayEquals(new byte[] {'a'}, typed(keys, "a\u0010").passed());
        assertArrayEquals(new byte[] {16, 'b'}, typed(keys, "b").passed());
        assertArrayEquals(new byte[] {16}, typed(keys, "\u0010\u0010").passed());
        assertEquals(true, typed(keys, "\u0011").detached());
    }

    private static DetachKeys.Typed typed(DetachKeys keys, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return keys.typed(bytes, bytes.length);
    }

    @ParameterizedTest
    @EnumSource(EngineException.Kind.class)
    void everyKindOfFailureHasAStatus(EngineException.Kind kind) {
        int status = Errors.status(kind);
        assertEquals(true, status >= 400 && status < 600);
    }
}
