package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** Any bytes are a manifest, an index, a configuration, or refused with a message. */
class DocumentFuzzTest {
    @FuzzTest
    void any_bytes_are_a_manifest_or_refused(byte[] bytes) {
        for (String type : new String[] {"", MediaTypes.OCI_MANIFEST, MediaTypes.OCI_INDEX}) {
            try {
                Manifest manifest = Manifest.parse(bytes, type, "the manifest");
                assertArrayEquals(bytes, manifest.content());
            } catch (ImageException refused) {
                assertFalse(refused.getMessage().isEmpty());
            }
        }
    }

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
