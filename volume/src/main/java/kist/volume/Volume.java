package kist.volume;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/**
 * A volume.
 *
 * @param name unique among the volumes of an engine
 * @param created when it was made
 * @param labels as its maker gave them
 * @param options of the driver {@code local}: {@code type}, {@code o} and {@code device}; none for a plain directory
 * @param data where its content is on the host, or would be were it not a file system of its own
 */
public record Volume(String name, Instant created, Map<String, String> labels, Map<String, String> options, Path data) {
    /** The only driver: directories of the engine's, and what mount(8) could mount. */
    public static final String DRIVER = "local";

    /** The label by which clients know a volume that nobody gave a name. */
    public static final String ANONYMOUS = "com.docker.volume.anonymous";

    /** Whether it was made for a container without a name of its own. */
    public boolean isAnonymous() {
        return labels.containsKey(ANONYMOUS);
    }

    /** Whether it is not a directory of the engine's but a file system, or a directory of the host, that is mounted. */
    public boolean isMounted() {
        return !options.isEmpty();
    }
}
