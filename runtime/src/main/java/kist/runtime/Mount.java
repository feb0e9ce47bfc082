package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;

/**
 * One mount (config.md, mounts).
 *
 * @param destination absolute path in the container
 * @param type file system type, or empty or {@code bind} with the option bind or rbind
 * @param source path on the host for a bind mount, else a name that only mountinfo shows
 * @param options as mount(8) names them; what is not known to mount(8) goes to the file system
 */
@Json
public record Mount(String destination, String type, String source, List<String> options) {
    /** A bind mount of a path of the host, or of what {@link Attachments#volumes} has for this destination. */
    public static Mount bind(String source, String destination, List<String> options) {
        return new Mount(destination, "bind", source, options);
    }

    boolean isBind() {
        return type.equals("bind") || options.contains("bind") || options.contains("rbind");
    }
}
