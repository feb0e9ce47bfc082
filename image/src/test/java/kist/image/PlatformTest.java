package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlatformTest {
    @Test
    void an_architecture_alone_is_that_of_a_linux() {
        assertEquals("linux/arm64", Platform.parse("aarch64").toString());
        assertEquals("windows", Platform.parse("windows").os());
    }

    @ParameterizedTest
    @ValueSource(strings = {"foo", "", "/", "linux/", "linux/arm/v7/x", "lin ux/arm"})
    void what_is_no_platform_is_refused_by_name(String text) {
        var refused = assertThrows(ImageException.class, () -> Platform.parse(text));
        assertTrue(refused.getMessage().contains("invalid platform"), refused.getMessage());
    }
}
