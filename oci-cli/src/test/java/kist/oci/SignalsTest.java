package kist.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of signals. */
final class SignalsTest {
    @ParameterizedTest
    @CsvSource({"TERM,15", "SIGKILL,9", "sigint,2", "9,9", "64,64", "RTMIN+1,35", "SIGRTMAX-1,63", "SIGSYS,31"})
    void are_numbers(String text, int number) {
        assertEquals(number, Signals.number(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "65", "-9", "TERMS", "RTMIN+", "RTMIN+31", "SIG"})
    void that_are_none_are_refused(String text) {
        assertThrows(OciException.class, () -> Signals.number(text));
    }
}
