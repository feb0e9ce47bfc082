package kist.network;

/**
 * A container's place in a network, as it is written to disk and shown to users.
 *
 * @param network the network's name, such as {@code bridge}
 * @param networkId 64 hexadecimal digits
 * @param endpointId 64 hexadecimal digits
 * @param hostInterface name of the host's end of the veth pair
 * @param address IPv4 address such as {@code 172.29.0.2}
 * @param prefixLength of the subnet
 * @param gateway IPv4 address of the bridge
 * @param mac such as {@code 02:42:ac:1d:00:02}
 */
public record Endpoint(
        String network,
        String networkId,
        String endpointId,
        String hostInterface,
        String address,
        int prefixLength,
        String gateway,
        String mac) {}
