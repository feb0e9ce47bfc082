package kist.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MainTest {
    @Test
    void flags_stand_on_either_side_of_the_command_word() {
        assertEquals(
                Map.of("root", "/a", "run-dir", "engine"),
                Main.flags(new String[] {"--root=/a", "engine", "--run-dir", "engine"}));
    }

    @Test
    void what_the_engine_does_not_take_is_named() {
        for (var args : List.of(
                new String[] {"--host", "x"}, new String[] {"--foo"}, new String[] {"engine", "more"}, new String[] {
                    "--root"
                })) {
            var thrown = assertThrows(IllegalArgumentException.class, () -> Main.flags(args));
            assertTrue(thrown.getMessage().contains(args[args.length == 2 && args[0].equals("engine") ? 1 : 0]));
        }
        assertThrows(IllegalArgumentException.class, () -> Main.flags(new String[] {"engine", "engine"}));
    }

    @Test
    void a_message_cannot_pass_for_a_line_of_its_own() {
        assertEquals(
                "1970-01-01T00:00:00.001Z INFO kist.x: a\n    b?c\n",
                LineLogger.line(Instant.ofEpochMilli(1), System.Logger.Level.INFO, "kist.x", "a\nb\rc", null));
    }
}
