package kist.registry;

import java.net.URI;

/** Questions about hosts in addresses. */
final class Hosts {
    private Hosts() {}

    /** Whether a host is this machine by its name or address alone. */
    static boolean isLoopback(String host) {
        return host.equals("localhost") || host.matches("127(\\.[0-9]{1,3}){3}") || host.equals("[::1]");
    }

    /** {@code HOST[:PORT]} without the port. */
    static String withoutPort(String authority) {
        int colon = authority.lastIndexOf(':');
        return colon < 0 || authority.endsWith("]") ? authority : authority.substring(0, colon);
    }

    static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
    }

    /** Whether what is meant for one may be told the other. */
    static boolean same(URI one, URI other) {
        return one.getScheme().equals(other.getScheme())
                && one.getHost().equalsIgnoreCase(other.getHost())
                && port(one) == port(other);
    }
}
