package kist.volume;

import io.avaje.jsonb.Json;
import java.util.Map;

/**
 * What is on disk of a volume beside its content: volumes/NAME/volume.json.
 *
 * @param format version of this format
 */
@Json
record StoredVolume(
        int format, String name, long createdNanos, Map<String, String> labels, Map<String, String> options) {
    static final int FORMAT = 1;
}
