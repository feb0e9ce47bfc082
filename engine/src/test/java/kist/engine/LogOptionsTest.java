package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LogOptionsTest {
    private static LogOptions of(String driver, String... options) {
        Map<String, String> map = new LinkedHashMap<>();
        for (String option : options) {
            int equals = option.indexOf('=');
            map.put(option.substring(0, equals), option.substring(equals + 1));
        }
        return LogOptions.of(new HostConfig.LogConfig(driver, map));
    }

    @Test
    void a_log_is_bounded_where_nothing_is_said() {
        LogOptions o = of("");
        assertEquals(LogOptions.Driver.JSON_FILE, o.driver());
        assertEquals(20_000_000, o.maxSize());
        assertEquals(5, o.maxFiles());
        assertEquals(false, o.compress());
        assertTrue(of("local").compress());
        assertEquals(0, of("json-file", "max-size=-1").maxSize(), "no limit has to be asked for");
        assertEquals(1, of("json-file", "max-size=10m").maxFiles(), "as with dockerd");
        assertEquals(10_000_000, of("json-file", "max-size=10m").maxSize());
        assertEquals(1, of("none").maxFiles() - 1);
        assertEquals(7 * 86_400_000_000_000L, of("json-file", "max-age=7d").maxAgeNanos());
        assertEquals(90 * 60_000_000_000L, of("local", "max-age=1h30m").maxAgeNanos());
        assertEquals(2 << 20, of("", "mode=non-blocking", "max-buffer-size=2m").bufferSize());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x|a=b|logger: no log driver named 'x' is registered",
                "json-file|x=y|unknown log opt 'x' for json-file log driver",
                "''|x=y|unknown log opt 'x' for json-file log driver",
                "local|syslog-address=y|unknown log opt 'syslog-address' for local log driver",
                "json-file|max-size=0|invalid value for log opt max-size: \"0\"",
                "json-file|max-size=lots|invalid value for log opt max-size: \"lots\"",
                "json-file|max-size=999999999999t|invalid value for log opt max-size",
                "json-file|max-size=|invalid value for log opt max-size",
                "json-file|max-file=0|max-file cannot be less than 1",
                "json-file|max-file=two|invalid value for log opt max-file",
                "json-file|max-file=99999999|max-file cannot be 99999999",
                "json-file|compress=maybe|invalid value for log opt compress",
                "json-file|mode=sometimes|logger: logging mode not supported: sometimes",
                "json-file|max-buffer-size=1m|logger: max-buffer-size option is only supported with 'mode=non-blocking'",
                "json-file|max-age=tomorrow|invalid value for log opt max-age",
                "json-file|max-age=|invalid value for log opt max-age",
                "json-file|labels-regex=(|invalid value for log opt labels-regex",
                "json-file|tag={{.Nobody}}|log opt tag: there is no field .Nobody",
                "json-file|tag={{|log opt tag: {{ without }}",
            })
    void what_cannot_be_is_refused_by_name(String driver, String option, String sentence) {
        EngineException e = assertThrows(EngineException.class, () -> of(driver, option));
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind());
        assertTrue(String.valueOf(e.getMessage()).startsWith(sentence), e.getMessage());
    }

    @Test
    void packing_needs_more_than_one_file_and_a_limit() {
        for (String other : List.of("max-file=1", "max-size=-1", "max-size=1m")) {
            EngineException e = assertThrows(EngineException.class, () -> of("json-file", "compress=true", other));
            assertTrue(String.valueOf(e.getMessage()).startsWith("compress cannot be true"), e.getMessage());
        }
        assertTrue(of("json-file", "compress=true", "max-size=1m", "max-file=3").compress());
    }
}
