package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** Any bytes are a manifest, an index, or refused with a message. */
class ManifestFuzzTest {
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
}
