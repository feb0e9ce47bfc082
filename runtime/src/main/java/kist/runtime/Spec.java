package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A container as config.json says it (OCI runtime specification 1.2, config.md). Empty strings and lists mean "not
 * said". Read with {@link SpecReader}, which is strict; written with {@link #json()}.
 *
 * @param hostname empty to keep the one of the UTS namespace
 * @param mounts in the order in which they are made
 */
@Json
public record Spec(
        String ociVersion,
        Process process,
        Root root,
        String hostname,
        String domainname,
        List<Mount> mounts,
        Optional<Hooks> hooks,
        Map<String, String> annotations,
        OciLinux linux) {

    /** The version of the specification that {@link DefaultSpec} writes. */
    public static final String VERSION = "1.2.0";

    /** This spec as the text of a config.json. */
    public String json() {
        return SpecReader.JSON.toJson(this);
    }

    /** The same container with another process. */
    public Spec with(Process other) {
        return new Spec(ociVersion, other, root, hostname, domainname, mounts, hooks, annotations, linux);
    }
}
