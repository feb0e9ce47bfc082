package kist.network;

import java.util.Map;

/**
 * A bridge network besides the default one.
 *
 * @param id 64 hexadecimal digits
 * @param name as users know it
 * @param bridge name of the host's link; empty chooses one from the id
 * @param subnet IPv4 in CIDR notation with a prefix of 8 to 29; empty chooses one that the host does not route
 * @param gateway address of the bridge; empty chooses the subnet's first
 * @param range part of the subnet that addresses are chosen from; empty for all of it
 * @param auxiliary addresses that no container gets, by a name for them
 * @param internal without a way out of this host
 * @param mtu of its links, 0 for 1500
 * @param communication whether its containers reach each other
 * @param masquerade whether what leaves this host has the host's address
 * @param hostBinding address of the host at which ports are published that name none; empty for all
 */
public record BridgeNetwork(
        String id,
        String name,
        String bridge,
        String subnet,
        String gateway,
        String range,
        Map<String, String> auxiliary,
        boolean internal,
        int mtu,
        boolean communication,
        boolean masquerade,
        String hostBinding) {}
