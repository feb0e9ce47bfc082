package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EntryPathTest {
    @ParameterizedTest
    @CsvSource(
            value = {
                "a/b|a/b",
                "./a/b/|a/b",
                "/etc/passwd|etc/passwd",
                "//a//b|a/b",
                "a/./b|a/b",
                "./|''",
                "/|''",
                ".|''",
                ".hidden|.hidden",
                "a/..b|a/..b",
                "...|..."
            },
            delimiter = '|')
    void names_become_paths_below_the_root(String name, String path) {
        assertEquals(path, EntryPath.normalise(name, "x"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", "../x", "a/../b", "./../x", "/..", "a/..", "a\0b", "/../../etc/passwd"})
    void cve_2025_47290_names_that_lead_out_are_refused(String name) {
        assertThrows(ImageException.class, () -> EntryPath.normalise(name, "x"));
    }

    @Test
    void names_longer_than_linux_takes_are_refused() {
        assertThrows(ImageException.class, () -> EntryPath.normalise("a".repeat(256), "x"));
        assertThrows(ImageException.class, () -> EntryPath.normalise("ä".repeat(128), "x"));
        assertThrows(ImageException.class, () -> EntryPath.normalise("a/".repeat(2048), "x"));
        assertEquals("a".repeat(255), EntryPath.normalise("a".repeat(255), "x"));
    }
}
