package kist.engine;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.Set;

/**
 * Where a log server listens.
 *
 * @param protocol such as {@code tcp}
 * @param host name or address, or the path of a socket
 * @param port 0 where the host is a path
 */
record LogAddress(String protocol, String host, int port) {
    private static final Set<String> PATHS = Set.of("unix", "unixgram");

    /**
     * Reads an address such as {@code tcp://host:514}.
     *
     * @param key option that it is the value of, for the message
     * @param protocols what is understood; the first where none is said
     * @throws EngineException where it is none
     */
    static LogAddress parse(String key, String text, java.util.List<String> protocols, int port) {
        int colon = text.indexOf("://");
        String protocol = colon < 0 ? protocols.getFirst() : text.substring(0, colon);
        String rest = colon < 0 ? text : text.substring(colon + 3);
        if (!protocols.contains(protocol)) {
            throw invalid(key, text, "there are " + String.join(", ", protocols));
        }
        if (PATHS.contains(protocol)) {
            if (!rest.startsWith("/")) {
                throw invalid(key, text, "the path of a socket must be absolute");
            }
            return new LogAddress(protocol, rest, 0);
        }
        String hostPart = rest;
        int found = port;
        int last = rest.lastIndexOf(':');
        if (last >= 0 && last > rest.lastIndexOf(']')) {
            hostPart = rest.substring(0, last);
            try {
                found = Integer.parseInt(rest.substring(last + 1));
            } catch (NumberFormatException e) {
                throw invalid(key, text, "the port is no number");
            }
        }
        if (hostPart.startsWith("[") && hostPart.endsWith("]")) {
            hostPart = hostPart.substring(1, hostPart.length() - 1);
        }
        if (found < 1 || found > 0xffff || !hostPart.matches("[A-Za-z0-9._:%-]*")) {
            throw invalid(key, text, "a host and a port from 1 to 65535 are wanted");
        }
        return new LogAddress(protocol, hostPart.isEmpty() ? "127.0.0.1" : hostPart, found);
    }

    private static EngineException invalid(String key, String text, String why) {
        return Creation.invalid("invalid value for log opt " + key + ": \"" + Names.printable(text) + "\"; " + why);
    }

    InetSocketAddress internet() throws IOException {
        InetSocketAddress address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new IOException("no such host: " + host);
        }
        return address;
    }

    UnixDomainSocketAddress unix() {
        return UnixDomainSocketAddress.of(Path.of(host));
    }

    @Override
    public String toString() {
        return protocol + "://" + host + (port == 0 ? "" : ":" + port);
    }
}
