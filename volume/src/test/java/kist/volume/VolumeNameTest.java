package kist.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VolumeNameTest {
    @Test
    void names_are_letters_digits_and_three_marks() {
        for (String good : List.of("ab", "A.b_c-d", "0".repeat(64), "x".repeat(240))) {
            VolumeName.check(good);
        }
    }

    @Test
    void what_could_be_a_path_or_a_trick_is_no_name() {
        for (String bad : List.of(
                "", "a", "..", "../x", "a/b", ".new-x", "-x", "a b", "a\nb", "a\0b", "ä1", "x".repeat(241), "a:b")) {
            VolumeException e = assertThrows(VolumeException.class, () -> VolumeName.check(bad), bad);
            assertEquals(VolumeException.Kind.INVALID, e.kind());
            assertTrue(e.getMessage().chars().noneMatch(c -> c < ' '), e.getMessage());
        }
    }

    @Test
    void options_of_the_driver_are_those_of_mount() {
        LocalMount tmpfs = LocalMount.of(Map.of("type", "tmpfs", "device", "tmpfs", "o", "size=1m,uid=5,ro,nosuid"));
        assertEquals(List.of("size=1m", "uid=5"), tmpfs.data());
        assertEquals(3, tmpfs.attributes());
        LocalMount bind = LocalMount.of(Map.of("type", "none", "device", "/srv", "o", "bind"));
        assertTrue(bind.bind());
        assertEquals("/srv", bind.source().toString());
    }

    @Test
    void wrong_options_are_refused_by_name() {
        refused("\"colour\"", Map.of("type", "tmpfs", "device", "x", "colour", "red"));
        refused("\"device\"", Map.of("type", "tmpfs"));
        refused("\"type\"", Map.of("device", "/x", "o", "bind"));
        refused("absolute path", Map.of("type", "none", "device", "x", "o", "bind"));
        refused("o=bind", Map.of("type", "none", "device", "/x"));
        refused("\"size=5\"", Map.of("type", "none", "device", "/x", "o", "bind,size=5"));
        refused("NUL", Map.of("type", "tmpfs", "device", "a\0b"));
        refused("quota", Map.of("size", "10g"));
    }

    private static void refused(String names, Map<String, String> options) {
        VolumeException e = assertThrows(VolumeException.class, () -> LocalMount.of(options));
        assertTrue(e.getMessage().contains(names), e.getMessage());
    }
}
