package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;

/** The five capability sets of a process, by names such as {@code CAP_CHOWN} (capabilities(7)). */
@Json
public record Capabilities(
        List<String> bounding,
        List<String> effective,
        List<String> inheritable,
        List<String> permitted,
        List<String> ambient) {
    /** The same names in bounding, permitted and effective, nothing inheritable or ambient. */
    public static Capabilities of(List<String> names) {
        return new Capabilities(names, names, List.of(), names, List.of());
    }
}
