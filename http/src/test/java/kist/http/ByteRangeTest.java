package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteRangeTest {
    @ParameterizedTest
    @CsvSource({
        "bytes=0-0, 0, 1, bytes 0-0/100",
        "bytes=0-, 0, 100, bytes 0-99/100",
        "bytes=99-, 99, 1, bytes 99-99/100",
        "bytes=10-19, 10, 10, bytes 10-19/100",
        "bytes=10-999999999999999999, 10, 90, bytes 10-99/100",
        "bytes=-5, 95, 5, bytes 95-99/100",
        "bytes=-500, 0, 100, bytes 0-99/100"
    })
    void oneRangeIsRead(String field, long offset, long length, String said) {
        ByteRange range = ByteRange.of(field, 100).orElseThrow();
        assertEquals(new ByteRange(offset, length), range);
        assertEquals(said, range.contentRange(100));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "bytes=",
                "bytes=-",
                "bytes=x-",
                "bytes=1-x",
                "bytes=5-4",
                "bytes=0-1,3-4",
                "lines=1-2",
                "bytes=0-9999999999999999999"
            })
    void whatIsNoSingleRangeIsIgnored(String field) {
        assertEquals(Optional.empty(), ByteRange.of(field, 100));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bytes=100-", "bytes=100-200", "bytes=-0"})
    void beyondTheEndIsNotSatisfiable(String field) {
        assertEquals(
                416,
                assertThrows(HttpException.class, () -> ByteRange.of(field, 100))
                        .status());
    }

    @Test
    void nothingCanBeTakenFromNothing() {
        assertThrows(HttpException.class, () -> ByteRange.of("bytes=0-", 0));
        assertThrows(HttpException.class, () -> ByteRange.of("bytes=-1", 0));
    }
}
