package kist.engine;

import java.util.Map;
import kist.network.Endpoint;

/**
 * A network as it is now.
 *
 * @param id 64 hexadecimal digits
 * @param config as it was asked for, with name and driver
 * @param createdNanos Unix time in nanoseconds
 * @param subnet in CIDR notation, empty where it has none
 * @param gateway empty where it has none
 * @param bridge name of the host's link, empty where it has none
 * @param members running containers in it, by id
 * @param predefined whether it is one of bridge, host and none
 */
public record NetworkView(
        String id,
        NetworkConfig config,
        long createdNanos,
        String subnet,
        String gateway,
        String bridge,
        Map<String, Member> members,
        boolean predefined) {
    /** A container in a network. */
    public record Member(String containerName, Endpoint endpoint) {}

    /** Its name. */
    public String name() {
        return config.name();
    }
}
