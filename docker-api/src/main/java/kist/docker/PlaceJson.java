package kist.docker;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.engine.ContainerView;
import kist.network.Endpoint;
import kist.network.Publication;
import org.jspecify.annotations.Nullable;

/** Where a container is in networks, and its ports, as list and inspect show them. */
final class PlaceJson {
    private static final Endpoint NOWHERE = new Endpoint("", "", "", "", "", 0, "", "");
    /** Until then the aliases of a container were shown with its short id among them. */
    private static final int ALIASES_ALONE = 45;

    private PlaceJson() {}

    /** The object NetworkSettings of inspect. */
    static Map<String, @Nullable Object> settings(ContainerView c, Call call) {
        // the fields beside Networks tell of the default bridge alone
        Endpoint e = c.endpoints().stream()
                .filter(p -> p.network().equals("bridge"))
                .findFirst()
                .orElse(NOWHERE);
        return Json.object(
                "Bridge",
                "",
                "SandboxID",
                "",
                "SandboxKey",
                c.pid() > 0 ? "/proc/" + c.pid() + "/ns/net" : "",
                "HairpinMode",
                false,
                "LinkLocalIPv6Address",
                "",
                "LinkLocalIPv6PrefixLen",
                0,
                "Ports",
                ports(c),
                "SecondaryIPAddresses",
                null,
                "SecondaryIPv6Addresses",
                null,
                "EndpointID",
                e.endpointId(),
                "Gateway",
                e.gateway(),
                "GlobalIPv6Address",
                "",
                "GlobalIPv6PrefixLen",
                0,
                "IPAddress",
                e.address(),
                "IPPrefixLen",
                e.prefixLength(),
                "IPv6Gateway",
                "",
                "MacAddress",
                e.mac(),
                "Networks",
                networks(c, !call.atLeast(ALIASES_ALONE)));
    }

    /** Ports of a running container, with those that are exposed and not published as null. */
    private static Map<String, @Nullable Object> ports(ContainerView c) {
        Map<String, @Nullable Object> ports = new TreeMap<>();
        if (!ContainerJson.isRunning(c)) {
            return ports;
        }
        c.config().exposedPorts().forEach(p -> ports.put(p, null));
        Map<String, List<Object>> bound = new TreeMap<>();
        for (Publication p : c.published()) {
            bound.computeIfAbsent(p.containerPort() + "/" + p.protocol(), k -> new ArrayList<>())
                    .add(Json.object("HostIp", p.hostAddress(), "HostPort", Integer.toString(p.hostPort())));
        }
        ports.putAll(bound);
        return ports;
    }

    /** Ports as the list shows them. */
    static List<Object> list(ContainerView c) {
        List<Object> shown = new ArrayList<>();
        if (!ContainerJson.isRunning(c)) {
            return shown;
        }
        for (String exposed : c.config().exposedPorts()) {
            boolean bound =
                    c.published().stream().anyMatch(p -> (p.containerPort() + "/" + p.protocol()).equals(exposed));
            int slash = exposed.indexOf('/');
            if (!bound && slash > 0) {
                shown.add(Json.object(
                        "PrivatePort",
                        Integer.parseInt(exposed.substring(0, slash)),
                        "Type",
                        exposed.substring(slash + 1)));
            }
        }
        for (Publication p : c.published()) {
            shown.add(Json.object(
                    "IP",
                    p.hostAddress(),
                    "PrivatePort",
                    p.containerPort(),
                    "PublicPort",
                    p.hostPort(),
                    "Type",
                    p.protocol()));
        }
        return shown;
    }

    /**
     * The networks of a container by name: those it is in, or will be in when it starts.
     *
     * @param shortId whether the aliases have the short id among them
     */
    static Map<String, @Nullable Object> networks(ContainerView c, boolean shortId) {
        Map<String, @Nullable Object> shown = new LinkedHashMap<>();
        String mode = HostJson.networkMode(c.config().host());
        if (mode.startsWith("container:")) {
            return shown;
        }
        Map<String, EndpointConfig> wishes = new TreeMap<>(c.config().endpoints());
        if (wishes.isEmpty() && c.endpoints().isEmpty()) {
            String name = c.config().networkDisabled() ? "none" : mode.equals("default") ? "bridge" : mode;
            wishes.put(name, EndpointConfig.DEFAULT);
        }
        c.endpoints().forEach(e -> wishes.putIfAbsent(e.network(), EndpointConfig.DEFAULT));
        wishes.forEach((name, wish) -> {
            Endpoint e = c.endpoints().stream()
                    .filter(p -> p.network().equals(name))
                    .findFirst()
                    .orElse(NOWHERE);
            shown.put(name, network(c, name, wish, e, shortId));
        });
        return shown;
    }

    private static Map<String, @Nullable Object> network(
            ContainerView c, String name, EndpointConfig wish, Endpoint e, boolean shortId) {
        String own = c.id().substring(0, Math.min(12, c.id().length()));
        boolean named = !name.equals("bridge") && !name.equals("host") && !name.equals("none");
        List<String> aliases = new ArrayList<>(wish.aliases());
        List<String> names = new ArrayList<>();
        if (named) {
            names.add(c.name());
            aliases.stream().filter(a -> !names.contains(a)).forEach(names::add);
            if (!names.contains(own)) {
                names.add(own);
            }
            if (shortId && !aliases.contains(own)) {
                aliases.add(own);
            }
        }
        return Json.object(
                "IPAMConfig",
                ipam(wish),
                "Links",
                wish.links().isEmpty() ? null : wish.links(),
                "Aliases",
                aliases.isEmpty() ? null : aliases,
                "MacAddress",
                e.mac().isEmpty() ? wish.macAddress() : e.mac(),
                "DriverOpts",
                null,
                "GwPriority",
                wish.gatewayPriority(),
                "NetworkID",
                e.networkId(),
                "EndpointID",
                e.endpointId(),
                "Gateway",
                e.gateway(),
                "IPAddress",
                e.address(),
                "IPPrefixLen",
                e.prefixLength(),
                "IPv6Gateway",
                "",
                "GlobalIPv6Address",
                "",
                "GlobalIPv6PrefixLen",
                0,
                "DNSNames",
                names.isEmpty() ? null : names);
    }

    private static @Nullable Object ipam(EndpointConfig wish) {
        return wish.ipv4Address().isEmpty() ? null : Json.object("IPv4Address", wish.ipv4Address());
    }
}
