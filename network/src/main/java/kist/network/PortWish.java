package kist.network;

/**
 * A port of a container that shall be reachable at the host.
 *
 * @param protocol {@code tcp}, {@code udp} or {@code sctp}
 * @param containerPort 1 to 65535
 * @param hostAddress IPv4 address of this host, {@code 0.0.0.0} for all
 * @param firstPort of the host, 0 for any that is free
 * @param lastPort the same, or the end of a range from which a free one is taken
 */
public record PortWish(String protocol, int containerPort, String hostAddress, int firstPort, int lastPort) {}
