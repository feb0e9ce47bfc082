package kist.image;

import static org.junit.jupiter.api.Assertions.assertFalse;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** Any bytes are the configuration of an image or refused with a message. */
class ImageDocumentFuzzTest {
    @FuzzTest
    void any_bytes_are_a_configuration_or_refused(byte[] bytes) {
        try {
            ImageDocument document = ImageDocument.parse(bytes, "the configuration");
            for (String volume : document.config().volumes()) {
                assertFalse(("/" + volume + "/").contains("/../"), volume);
            }
            // it can be written again
            ImageDocument.parse(document.toJson(), "our own");
        } catch (ImageException refused) {
            assertFalse(refused.getMessage().isEmpty());
        }
    }
}
