package kist.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class DetachKeysTest {
    private static final Flags.Parsed NO_FLAGS = new Flags("attach", "", "").parse(List.of());

    private static String pass(DetachKeys keys, String text) {
        var bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return new String(keys.pass(bytes, bytes.length), StandardCharsets.ISO_8859_1);
    }

    @Test
    void ctrl_p_ctrl_q_leaves_and_is_not_passed_on() {
        var keys = DetachKeys.of(NO_FLAGS, "");
        assertEquals("ab", pass(keys, "ab\20\21cd"));
        assertTrue(keys.complete());
    }

    @Test
    void a_sequence_may_come_in_pieces() {
        var keys = DetachKeys.of(NO_FLAGS, "");
        assertEquals("", pass(keys, "\20"));
        assertFalse(keys.complete());
        assertEquals("", pass(keys, "\21"));
        assertTrue(keys.complete());
    }

    @Test
    void what_only_began_like_it_reaches_the_process() {
        var keys = DetachKeys.of(NO_FLAGS, "");
        assertEquals("\20x", pass(keys, "\20x"));
        assertEquals("\20", pass(keys, "\20\20"));
        assertEquals("\20y", pass(keys, "y"));
        assertFalse(keys.complete());
    }

    @Test
    void other_keys_can_be_chosen() {
        var keys = DetachKeys.of(NO_FLAGS, "ctrl-x,x");
        assertArrayEquals(new byte[0], keys.pass(new byte[] {0x18, 'x'}, 2));
        assertTrue(keys.complete());
        assertThrows(Failure.class, () -> DetachKeys.of(NO_FLAGS, "ctrl-"));
        assertThrows(Failure.class, () -> DetachKeys.of(NO_FLAGS, "shift-a"));
    }
}
