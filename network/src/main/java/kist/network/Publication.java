package kist.network;

/**
 * A published port.
 *
 * @param protocol {@code tcp}, {@code udp} or {@code sctp}
 * @param hostAddress {@code 0.0.0.0} for all IPv4 addresses of this host
 * @param containerAddress where connections go
 */
public record Publication(
        String protocol, String hostAddress, int hostPort, String containerAddress, int containerPort) {}
