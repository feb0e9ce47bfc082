package kist.oci;

import io.avaje.jsonb.Json;
import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.util.Map;

/**
 * What is kept of a container on disk.
 *
 * @param pid of its first process, 0 before it has one
 * @param started start time of that process in clock ticks since boot, which tells it from a later one with its number
 * @param created in the form of RFC 3339
 */
@Json
record State(
        String ociVersion,
        String id,
        String bundle,
        String rootfs,
        String cgroup,
        long pid,
        long started,
        String created,
        Map<String, String> annotations) {
    static final Jsonb JSON = Jsonb.builder().build();

    private static final JsonType<State> TYPE = JSON.type(State.class);

    static State read(String json) {
        return TYPE.fromJson(json);
    }

    String json() {
        return TYPE.toJson(this);
    }

    State withProcess(long newPid, long newStarted) {
        return new State(ociVersion, id, bundle, rootfs, cgroup, newPid, newStarted, created, annotations);
    }
}
