package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;

/** Any text is a reference or refused; what is one says itself again, and never a path. */
class ReferenceFuzzTest {
    @FuzzTest
    void any_text_is_a_reference_or_refused(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        Reference reference;
        try {
            reference = Reference.parseAny(text);
        } catch (ImageException refused) {
            assertEquals(ImageException.Kind.INVALID, refused.kind());
            return;
        }
        String full = reference.toString();
        assertEquals(full, Reference.parseAny(full).toString());
        assertEquals(full, Reference.parseAny(reference.familiar()).toString());
        for (String part : full.split("[/:@]", -1)) {
            assertFalse(part.isEmpty() || part.equals(".") || part.equals(".."), full);
        }
        assertFalse(full.chars().anyMatch(c -> c <= ' ' || c >= 127), full);
    }
}
