package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What only Linux has (config-linux.md).
 *
 * @param cgroupsPath path in each hierarchy; empty for the caller's default
 * @param rootfsPropagation {@code private} (also where empty), {@code slave}, {@code shared}, {@code unbindable}
 */
@Json
public record OciLinux(
        List<Namespace> namespaces,
        List<Device> devices,
        String cgroupsPath,
        Resources resources,
        String rootfsPropagation,
        Optional<Seccomp> seccomp,
        Map<String, String> sysctl,
        List<String> maskedPaths,
        List<String> readonlyPaths,
        Optional<Personality> personality) {
    /** The execution domain (personality(2)): {@code LINUX} or {@code LINUX32}. */
    @Json
    public record Personality(String domain) {}
}
