package kist.network;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import kist.kernel.Errno;
import kist.kernel.KernelException;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;

/**
 * The host's side of the bridge network: the bridge, forwarding, and a table of nftables that gives outgoing packets
 * the host's address. Every step looks first at what is there, so that it can be done again after a crash anywhere. To
 * be used on a thread in the host's network namespace.
 */
final class Bridge {
    static final int MTU = 1500;

    private static final System.Logger LOG = System.getLogger("kist.network");
    private static final Path SYSCTL = Path.of("/proc/sys/net");
    /** Where a subnet is looked for when the host routes the first already. */
    private static final List<String> SUBNETS = List.of(
            "172.29.0.0/16",
            "172.28.0.0/16",
            "172.27.0.0/16",
            "172.26.0.0/16",
            "172.30.0.0/16",
            "172.31.0.0/16",
            "172.25.0.0/16",
            "172.24.0.0/16",
            "10.229.0.0/16",
            "10.228.0.0/16",
            "10.227.0.0/16",
            "10.226.0.0/16",
            "192.168.229.0/24",
            "192.168.228.0/24");

    private final Options options;
    private final Subnet subnet;
    private final Firewall firewall;
    private final List<String> warnings = new CopyOnWriteArrayList<>();

    Bridge(Options options, Subnet subnet, Firewall firewall) {
        this.options = options;
        this.subnet = subnet;
        this.firewall = firewall;
    }

    List<String> warnings() {
        return List.copyOf(warnings);
    }

    /**
     * Chooses the subnet: the one that was asked for, or the one used before, or the first that the host does not
     * route.
     */
    static Subnet chooseSubnet(Netlink route, Options options, Optional<Subnet> before) {
        return chooseSubnet(options.subnet(), before, routed(route, Set.of(options.bridge())));
    }

    /** The subnets that this host routes by other links than these. */
    static List<Subnet> routed(Netlink route, Set<String> without) {
        Set<Integer> indices = new HashSet<>();
        without.forEach(name -> NetlinkRoute.findLink(route, name).ifPresent(l -> indices.add(l.index())));
        List<Subnet> routed = new ArrayList<>();
        for (NetlinkRoute.Route r : NetlinkRoute.routes(route)) {
            if (!indices.contains(r.link())
                    && r.destination().isPresent()
                    && r.destination().get() instanceof Inet4Address a) {
                routed.add(new Subnet(Subnet.number(a), r.prefixLength()));
            }
        }
        return routed;
    }

    static Subnet chooseSubnet(String asked, Optional<Subnet> before, List<Subnet> routed) {
        if (!asked.isEmpty()) {
            Subnet wanted = Subnet.parse(asked);
            for (Subnet r : routed) {
                // a wider route may stay: the bridge's own, narrower one goes before it
                if (wanted.covers(r)) {
                    throw new NetworkException("Subnet " + wanted + " for the bridge holds " + r
                            + ", which this host already routes elsewhere; choose one that is free.");
                }
            }
            return wanted;
        }
        List<Subnet> candidates = new ArrayList<>(before.stream().toList());
        SUBNETS.forEach(s -> candidates.add(Subnet.parse(s)));
        return candidates.stream()
                .filter(c -> routed.stream().noneMatch(c::overlaps))
                .findFirst()
                .orElseThrow(() -> new NetworkException("This host already routes every subnet that Kist would choose"
                        + " for its bridge; name a free one in the settings."));
    }

    /**
     * Makes what is missing.
     *
     * @return the index of the bridge
     */
    int ensure(Netlink route) {
        int index = ensureLink(route, options.bridge(), subnet, subnet.gateway(), MTU);
        warnings.clear();
        forward(options.bridge()).ifPresent(this::warn);
        Optional<String> refused = firewall.ensure();
        refused.ifPresent(this::warn);
        if (refused.isEmpty()) {
            routeLoopback(options.bridge());
        }
        return index;
    }

    /**
     * Makes a bridge, its address and what is missing of them.
     *
     * @return the index of the bridge
     */
    static int ensureLink(Netlink route, String name, Subnet subnet, int gatewayNumber, int mtu) {
        Optional<NetlinkRoute.Link> found = NetlinkRoute.findLink(route, name);
        if (found.isEmpty()) {
            try {
                // a fixed address: without one the bridge's would change with its ports, and every neighbour's table
                route.execute(NetlinkRoute.newBridge(name, Subnet.mac(gatewayNumber), mtu));
            } catch (KernelException e) {
                if (e.errno() == Errno.EOPNOTSUPP) {
                    throw new NetworkException(
                            "This kernel has no bridges (CONFIG_BRIDGE); use --network none or host.", e);
                }
                throw e;
            }
            found = NetlinkRoute.findLink(route, name);
        }
        NetlinkRoute.Link link =
                found.orElseThrow(() -> new NetworkException("Bridge " + name + " was removed again."));
        if (!link.kind().equals("bridge")) {
            throw new NetworkException("This host has a link " + name
                    + " that is not a bridge; rename it or choose another name for Kist's bridge.");
        }
        withoutIpv6(name);
        InetAddress gateway = Subnet.address(gatewayNumber);
        boolean addressed = NetlinkRoute.addresses(route).stream()
                .anyMatch(a -> a.link() == link.index() && a.address().equals(gateway));
        if (!addressed) {
            route.execute(NetlinkRoute.newAddress(link.index(), gateway, subnet.prefixLength()));
        }
        if (!link.up()) {
            route.execute(NetlinkRoute.upWithoutIpv6Address(name));
        }
        return link.index();
    }

    /**
     * Lets this host reach ports that it publishes by its loopback addresses: an answer to 127.0.0.1 may come in by the
     * bridge. What a container would send to those addresses by itself the table drops before it is looked at, and
     * therefore this is set only once the table is there.
     */
    static void routeLoopback(String name) {
        write(SYSCTL.resolve("ipv4/conf").resolve(name).resolve("route_localnet"), "1");
    }

    boolean isThere(Netlink route, int index) {
        return NetlinkRoute.findLink(route, options.bridge())
                .filter(l -> l.index() == index)
                .isPresent();
    }

    /** Containers have IPv4 alone for now: then none of them shall reach or advertise to the host by IPv6. */
    private static void withoutIpv6(String name) {
        Path conf = SYSCTL.resolve("ipv6/conf").resolve(name);
        if (Files.isDirectory(conf)) {
            write(conf.resolve("accept_ra"), "0");
            write(conf.resolve("disable_ipv6"), "1");
        }
    }

    /** Lets this host pass packets on; answers a sentence where that cannot be done. */
    static Optional<String> forward(String bridge) {
        Path forward = SYSCTL.resolve("ipv4/ip_forward");
        try {
            if (!Files.readString(forward).strip().equals("1")) {
                Files.writeString(forward, "1");
                LOG.log(
                        System.Logger.Level.INFO,
                        "net.ipv4.ip_forward was off and is now on, for the bridge " + bridge + ".");
            }
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("Containers on the bridge reach only this host: net.ipv4.ip_forward cannot be set ("
                    + e.getMessage() + ").");
        }
    }

    private void warn(String sentence) {
        warnings.add(sentence);
        LOG.log(System.Logger.Level.WARNING, sentence);
    }

    /** Removes a bridge where it is there. */
    static void removeLink(Netlink route, String name) {
        if (NetlinkRoute.findLink(route, name).isPresent()) {
            route.execute(NetlinkRoute.deleteLink(name));
        }
    }

    static void write(Path file, String value) {
        try {
            Files.writeString(file, value);
        } catch (IOException e) {
            throw new NetworkException("Cannot write " + value + " to " + file + ": " + e.getMessage(), e);
        }
    }
}
