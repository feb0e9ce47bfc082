package kist.engine;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import kist.engine.ContainerConfig.EndpointConfig;

/** What a container's user wants of networks: read, completed, and refused where it contradicts itself. */
final class NetworkWishes {
    static final String BRIDGE = "bridge";
    static final String CONTAINER = "container:";
    private static final Pattern DOTTED = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    private static final Pattern MAC = Pattern.compile("(?i)[0-9a-f][02468ace](:[0-9a-f]{2}){5}");

    private NetworkWishes() {}

    /** {@code bridge}, {@code host}, {@code none}, {@code container:REF}, or a network's reference. */
    static String mode(ContainerConfig config) {
        String mode = config.host().network();
        if (config.networkDisabled()) {
            return "none";
        }
        return mode.isEmpty() || mode.equals("default") ? BRIDGE : mode;
    }

    /** The container whose network namespace is shared, where one is. */
    static Optional<String> shared(ContainerConfig config) {
        String mode = mode(config);
        return mode.startsWith(CONTAINER) ? Optional.of(mode.substring(CONTAINER.length())) : Optional.empty();
    }

    /** Whether the container has a namespace of its own. */
    static boolean own(ContainerConfig config) {
        return !mode(config).equals("host") && shared(config).isEmpty();
    }

    /**
     * Completes a wish when a container is made: names instead of ids, and the image's ports.
     *
     * @throws EngineException if a network is not there, or wishes contradict each other
     */
    static ContainerConfig complete(
            ContainerConfig config, List<String> imagePorts, NetworkDirectory directory, Registry registry) {
        Set<String> ports = new LinkedHashSet<>();
        for (List<String> some : List.of(imagePorts, config.exposedPorts())) {
            some.forEach(p -> {
                String protocol = PortWishes.protocol(p);
                PortWishes.parse(p).forEach(number -> ports.add(number + "/" + protocol));
            });
        }
        check(config);
        String mode = mode(config);
        HostConfig host = config.host();
        Map<String, EndpointConfig> endpoints = new LinkedHashMap<>();
        if (shared(config).isPresent()) {
            Container other = registry.get(shared(config).get());
            host = HostConfigBuilder.builder(host)
                    .network(CONTAINER + other.id())
                    .build();
        } else if (!mode.equals("host") && !mode.equals("none")) {
            String first = name(mode, directory);
            config.endpoints().forEach((ref, wish) -> {
                String name = ref.equals("default") ? BRIDGE : name(ref, directory);
                checkEndpoint(name, wish);
                endpoints.put(name, wish);
            });
            if (!first.equals(BRIDGE) || !endpoints.isEmpty()) {
                endpoints.putIfAbsent(first, EndpointConfig.DEFAULT);
            }
        }
        return ContainerConfigBuilder.builder(config)
                .exposedPorts(List.copyOf(ports))
                .endpoints(endpoints)
                .host(host)
                .build();
    }

    private static String name(String ref, NetworkDirectory directory) {
        return directory
                .find(ref)
                .map(NetworkDirectory.Found::name)
                // not "not found": clients would take it for the image and pull it
                .orElseThrow(() -> Creation.invalid("network " + Names.printable(ref) + " not found"));
    }

    private static void check(ContainerConfig config) {
        HostConfig host = config.host();
        String mode = mode(config);
        boolean shared = shared(config).isPresent();
        if (shared) {
            conflict(!config.hostname().isEmpty(), "hostname and the network mode");
            conflict(
                    !host.links().isEmpty(),
                    "container type network can't be used with links." + " This would result in undefined behavior");
            conflict(!host.dns().isEmpty(), "dns and the network mode");
            conflict(!host.extraHosts().isEmpty(), "custom host-to-IP mapping and the network mode");
            conflict(!config.macAddress().isEmpty(), "mac-address and the network mode");
            conflict(
                    !host.ports().isEmpty() || host.publishAllPorts(),
                    "port publishing and the container type network mode");
            conflict(!config.exposedPorts().isEmpty(), "port exposing and the container type network mode");
        }
        if (mode.equals("host")) {
            conflict(
                    !host.links().isEmpty(),
                    "host type networking can't be used with links." + " This would result in undefined behavior");
            conflict(!config.macAddress().isEmpty(), "mac-address and the network mode");
        }
        if (shared || mode.equals("host") || mode.equals("none")) {
            Map<String, EndpointConfig> others = new TreeMap<>(config.endpoints());
            others.remove(mode);
            conflict(
                    !others.isEmpty(),
                    "a container with the network mode " + Names.printable(mode) + " cannot be in other networks");
        }
        if (!config.macAddress().isEmpty()) {
            mac(config.macAddress());
        }
        PortWishes.of(config, "");
        host.links().forEach(Links::parse);
        for (String server : host.dns()) {
            address("DNS server", server);
        }
        for (List<String> words : List.of(host.dnsSearch(), host.dnsOptions())) {
            for (String w : words) {
                if (w.isEmpty() || !w.chars().allMatch(c -> c > ' ' && c < 127)) {
                    throw Creation.invalid("invalid DNS search domain or option \"" + Names.printable(w) + "\"");
                }
            }
        }
    }

    private static void conflict(boolean is, String what) {
        if (is) {
            throw Creation.invalid("conflicting options: " + what);
        }
    }

    private static void mac(String mac) {
        if (!MAC.matcher(mac).matches()) {
            throw Creation.invalid("invalid MAC address \"" + Names.printable(mac)
                    + "\": six bytes such as 02:42:ac:11:00:02 are wanted, the first of them even");
        }
    }

    /** Whether a text is an address of four numbers: the literals of Java have short forms too, in which 10.1 is 10.0.0.1. */
    static boolean isIpv4(String text) {
        try {
            return DOTTED.matcher(text).matches() && InetAddress.ofLiteral(text) instanceof Inet4Address;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** Whether a text is an address of IPv4 or IPv6. */
    static boolean isAddress(String text) {
        try {
            return isIpv4(text) || InetAddress.ofLiteral(text) instanceof Inet6Address;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static void address(String what, String text) {
        try {
            if (isAddress(text)) {
                return;
            }
            throw new IllegalArgumentException(text);
        } catch (IllegalArgumentException e) {
            throw Creation.invalid("invalid " + what + " \"" + Names.printable(text) + "\": an IP address is wanted");
        }
    }

    /** Refuses what no place in a network can have. */
    static void checkEndpoint(String network, EndpointConfig wish) {
        if (!wish.ipv6Address().isEmpty()) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED,
                    "the IPv6 address " + Names.printable(wish.ipv6Address())
                            + " cannot be had: networks with IPv6 are not supported by this version");
        }
        if (!wish.linkLocalAddresses().isEmpty()) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED, "link-local addresses are not supported by this version");
        }
        if (!wish.driverOptions().isEmpty()) {
            throw Creation.invalid("the driver bridge knows no option "
                    + Names.printable(wish.driverOptions().keySet().iterator().next()) + " for a container");
        }
        if (!wish.ipv4Address().isEmpty()) {
            if (!isIpv4(wish.ipv4Address())) {
                throw Creation.invalid("invalid IPv4 address: " + Names.printable(wish.ipv4Address()));
            }
        }
        if (!wish.macAddress().isEmpty()) {
            mac(wish.macAddress());
        }
        wish.links().forEach(Links::parse);
        for (String alias : wish.aliases()) {
            if (alias.isEmpty() || !alias.chars().allMatch(c -> c > ' ' && c < 127)) {
                throw Creation.invalid("invalid network alias \"" + Names.printable(alias) + "\"");
            }
        }
        if (network.equals(BRIDGE)) {
            if (!wish.ipv4Address().isEmpty()) {
                throw Creation.invalid("user specified IP address is supported on user defined networks only");
            }
            if (!wish.aliases().isEmpty()) {
                throw Creation.invalid(
                        "network-scoped alias is supported only for containers in user defined networks");
            }
        }
    }

    /** Networks in the order in which the container gets its links: the one of its mode first, the rest by name. */
    static List<Map.Entry<String, EndpointConfig>> ordered(ContainerConfig config, String first) {
        Map<String, EndpointConfig> left = new TreeMap<>(config.endpoints());
        List<Map.Entry<String, EndpointConfig>> all = new ArrayList<>();
        if (left.isEmpty()) {
            left.put(first, EndpointConfig.DEFAULT);
        }
        for (String name : List.of(BRIDGE, first)) {
            EndpointConfig wish = left.remove(name);
            if (wish != null) {
                all.add(Map.entry(name, wish));
            }
        }
        all.addAll(left.entrySet());
        return all;
    }
}
