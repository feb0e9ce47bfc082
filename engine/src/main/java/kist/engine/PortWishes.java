package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import kist.network.PortWish;

/** What a container's user wants of the host's ports. */
final class PortWishes {
    private static final int HIGHEST = 65535;
    private static final Set<String> PROTOCOLS = Set.of("tcp", "udp", "sctp");

    private PortWishes() {}

    /** {@code tcp} of {@code 80/tcp}; tcp where none is named. */
    static String protocol(String port) {
        int slash = port.indexOf('/');
        String protocol = slash < 0 ? "tcp" : port.substring(slash + 1).toLowerCase(java.util.Locale.ROOT);
        if (!PROTOCOLS.contains(protocol)) {
            throw Creation.invalid(
                    "invalid port \"" + Names.printable(port) + "\": the protocol must be tcp, udp or sctp");
        }
        return protocol;
    }

    /** The ports of {@code 80/tcp} or {@code 8000-8010/udp}. */
    static List<Integer> parse(String port) {
        int slash = port.indexOf('/');
        int[] range = range(slash < 0 ? port : port.substring(0, slash), port);
        List<Integer> all = new ArrayList<>();
        for (int p = range[0]; p <= range[1]; p++) {
            all.add(p);
        }
        return all;
    }

    private static int[] range(String text, String whole) {
        int dash = text.indexOf('-');
        try {
            int first = Integer.parseInt(dash < 0 ? text : text.substring(0, dash));
            int last = dash < 0 ? first : Integer.parseInt(text.substring(dash + 1));
            if (first >= 1 && last >= first && last <= HIGHEST) {
                return new int[] {first, last};
            }
        } catch (NumberFormatException e) {
            throw wrong(whole);
        }
        throw wrong(whole);
    }

    private static EngineException wrong(String whole) {
        return Creation.invalid(
                "invalid port specification: \"" + Names.printable(whole) + "\": ports are numbers from 1 to 65535");
    }

    /**
     * The wishes of a container.
     *
     * @param hostAddress where ports are published that name no address, empty for all
     */
    static List<PortWish> of(ContainerConfig config, String hostAddress) {
        List<PortWish> wishes = new ArrayList<>();
        Set<String> named = new LinkedHashSet<>();
        for (HostConfig.PortBinding b : config.host().ports()) {
            String protocol = protocol(b.port());
            List<Integer> ports = parse(b.port());
            int[] host = b.hostPort().isEmpty() || b.hostPort().equals("0")
                    ? new int[] {0, 0}
                    : range(b.hostPort(), b.hostPort());
            String address = address(b.hostAddress().isEmpty() ? hostAddress : b.hostAddress());
            boolean pairs = ports.size() > 1 && host[0] > 0;
            if (pairs && host[1] - host[0] + 1 != ports.size()) {
                throw Creation.invalid("invalid ranges specified for container and host ports: " + b.port() + " and "
                        + Names.printable(b.hostPort()));
            }
            for (int i = 0; i < ports.size(); i++) {
                named.add(ports.get(i) + "/" + protocol);
                wishes.add(new PortWish(
                        protocol, ports.get(i), address, pairs ? host[0] + i : host[0], pairs ? host[0] + i : host[1]));
            }
        }
        if (config.host().publishAllPorts()) {
            Set<String> exposed = new TreeSet<>(config.exposedPorts());
            for (String e : exposed) {
                for (int port : parse(e)) {
                    if (!named.contains(port + "/" + protocol(e))) {
                        wishes.add(new PortWish(protocol(e), port, address(hostAddress), 0, 0));
                    }
                }
            }
        }
        return wishes;
    }

    private static String address(String text) {
        if (text.isEmpty()) {
            return "0.0.0.0";
        }
        if (NetworkWishes.isIpv4(text)) {
            return text;
        }
        if (!text.contains(":")) {
            throw Creation.invalid("invalid host address \"" + Names.printable(text) + "\" of a port");
        }
        throw new EngineException(
                EngineException.Kind.UNSUPPORTED,
                "ports cannot be published at the IPv6 address " + Names.printable(text) + " by this version");
    }
}
