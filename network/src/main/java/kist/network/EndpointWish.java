package kist.network;

/**
 * How a container shall be connected to a network.
 *
 * @param networkId 64 hexadecimal digits
 * @param address IPv4, empty for any that is free
 * @param mac six bytes with colons, empty for one that follows from the address
 */
public record EndpointWish(String networkId, String address, String mac) {}
