package kist.network;

/** What a container's own network namespace holds. A container on the host's network has none. */
public enum Mode {
    /** Loopback alone. */
    NONE,
    /** Loopback, and {@code eth0} on the bridge with an address and a default route. */
    BRIDGE
}
