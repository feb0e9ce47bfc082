package kist.network;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;

/**
 * The bridge networks besides the default one, and the links of containers in them. Everything that asks the kernel runs
 * on the {@link Worker}; those methods say so.
 */
final class UserNetworks {
    private static final String INSIDE = "eth";
    private static final int NAME_TRIES = 3;

    private final Linux linux;
    private final Fd home;
    private final Firewall firewall;
    private final Map<String, UserNetwork> networks = new ConcurrentHashMap<>();
    private Optional<Netlink> route = Optional.empty();

    UserNetworks(Linux linux, Fd home, Firewall firewall) {
        this.linux = linux;
        this.home = home;
        this.firewall = firewall;
    }

    void add(UserNetwork network) {
        networks.put(network.definition().id(), network);
        firewall.add(network.definition().id(), network.fence());
    }

    /** The host's links; to be called on the worker. */
    Netlink host() {
        if (route.isEmpty()) {
            route = Optional.of(Netlink.open(linux, Netlink.ROUTE));
        }
        return route.get();
    }

    UserNetwork get(String id) {
        UserNetwork found = networks.get(id);
        if (found == null) {
            throw new NetworkException("There is no network " + id + ".");
        }
        return found;
    }

    Optional<UserNetwork> find(String id) {
        return Optional.ofNullable(networks.get(id));
    }

    /** Chooses what was not asked for and notes the network; changes nothing in the kernel. On the worker. */
    BridgeNetwork define(BridgeNetwork wish) {
        List<Subnet> taken = new ArrayList<>();
        networks.values().forEach(n -> taken.add(n.subnet()));
        Optional<NetlinkRoute.Link> link =
                wish.bridge().isEmpty() ? Optional.empty() : NetlinkRoute.findLink(host(), wish.bridge());
        if (link.isPresent()
                || networks.values().stream()
                        .anyMatch(n -> n.definition().bridge().equals(wish.bridge()))) {
            throw new NetworkException("This host has a link " + wish.bridge()
                    + " already; choose another name for the network's bridge.");
        }
        BridgeNetwork whole = UserNetwork.complete(wish, Bridge.routed(host(), Set.of()), taken);
        networks.put(whole.id(), UserNetwork.of(whole));
        return whole;
    }

    void restore(BridgeNetwork definition) {
        add(UserNetwork.of(definition));
    }

    /** Makes the bridge and tells the firewall. On the worker. */
    void make(UserNetwork n) {
        n.index = Bridge.ensureLink(
                host(), n.definition().bridge(), n.subnet(), n.addresses().gateway(), n.mtu());
        Bridge.forward(n.definition().bridge())
                .ifPresent(why -> System.getLogger("kist.network").log(System.Logger.Level.WARNING, why));
        firewall.add(n.definition().id(), n.fence());
        firewall.ensure().ifPresent(why -> {
            throw new NetworkException(why);
        });
        Bridge.routeLoopback(n.definition().bridge());
    }

    /** Takes the network away. On the worker. */
    void remove(String id) {
        find(id).ifPresent(n -> {
            removeLink(n.definition().bridge());
            networks.remove(id);
            firewall.remove(id);
        });
    }

    /** Removes a bridge, also one that nobody knows any more. On the worker. */
    void removeLink(String bridge) {
        Bridge.removeLink(host(), bridge);
    }

    /** Removes all bridges; the networks stay known, and are made again when they are needed. On the worker. */
    void unmake() {
        for (UserNetwork n : networks.values()) {
            try {
                removeLink(n.definition().bridge());
            } catch (KernelException e) {
                System.getLogger("kist.network")
                        .log(
                                System.Logger.Level.WARNING,
                                "bridge " + n.definition().bridge() + " stays",
                                e);
            }
            n.index = 0;
        }
    }

    void close() {
        route.ifPresent(Netlink::close);
        route = Optional.empty();
    }

    /** Gives a namespace a link in a network. On the worker. */
    Endpoint connect(Fd namespace, Optional<Netlink> inside, EndpointWish wish) {
        UserNetwork n = get(wish.networkId());
        int address = address(n, wish.address());
        try {
            String mac = wish.mac().isEmpty() ? Subnet.mac(address) : wish.mac();
            if (n.index == 0) {
                make(n);
            }
            try {
                return connect(namespace, inside, n, address, mac);
            } catch (KernelException e) {
                if (NetlinkRoute.findLink(host(), n.definition().bridge())
                        .filter(l -> l.index() == n.index)
                        .isPresent()) {
                    throw e;
                }
                // somebody took the bridge away
                make(n);
                return connect(namespace, inside, n, address, mac);
            }
        } catch (RuntimeException e) {
            n.addresses().free(address);
            throw e;
        }
    }

    private static int address(UserNetwork n, String wanted) {
        if (wanted.isEmpty()) {
            return n.addresses().take();
        }
        int address = Subnet.number(wanted);
        if (!n.addresses().isForContainers(address)) {
            throw new NetworkException("Invalid address " + wanted + ": it does not belong to the addresses for"
                    + " containers of the subnet " + n.subnet() + " of network "
                    + n.definition().name() + ".");
        }
        if (!n.addresses().reserve(address)) {
            throw new NetworkException("Address already in use: " + wanted + " of network "
                    + n.definition().name() + ".");
        }
        return address;
    }

    private Endpoint connect(Fd namespace, Optional<Netlink> known, UserNetwork n, int address, String mac) {
        return inside(namespace, known, inside -> {
            Set<String> names = new HashSet<>();
            NetlinkRoute.links(inside).forEach(l -> names.add(l.name()));
            int free = 0;
            while (names.contains(INSIDE + free)) {
                free++;
            }
            String host = newVeth(namespace, n, INSIDE + free, mac);
            try {
                int index = NetlinkRoute.findLink(inside, INSIDE + free)
                        .orElseThrow(() -> new NetworkException("A namespace has lost a link that it just got."))
                        .index();
                InetAddress ip = Subnet.address(address);
                inside.execute(
                        NetlinkRoute.up(index),
                        NetlinkRoute.newAddress(index, ip, n.subnet().prefixLength()));
                return new Endpoint(
                        n.definition().name(),
                        n.definition().id(),
                        NetworkState.randomId(),
                        host,
                        ip.getHostAddress(),
                        n.subnet().prefixLength(),
                        n.definition().gateway(),
                        mac);
            } catch (RuntimeException e) {
                deleteLink(host);
                throw e;
            }
        });
    }

    private String newVeth(Fd namespace, UserNetwork n, String inside, String mac) {
        for (int i = 1; ; i++) {
            String name = "kveth" + NetworkState.randomId().substring(0, 8);
            try {
                host().execute(NetlinkRoute.newVeth(name, n.index, n.mtu(), inside, mac, namespace));
            } catch (KernelException e) {
                if (e.errno() != Errno.EEXIST || i == NAME_TRIES) {
                    throw e;
                }
                continue;
            }
            try {
                if (!n.definition().communication()) {
                    host().execute(NetlinkRoute.isolatePort(name));
                }
                host().execute(NetlinkRoute.upWithoutIpv6Address(name));
                return name;
            } catch (RuntimeException e) {
                deleteLink(name);
                throw e;
            }
        }
    }

    /** Takes a container's link away. Its address is free afterwards. On the worker. */
    void disconnect(Endpoint e) {
        deleteLink(e.hostInterface());
        free(e);
    }

    /**
     * Lets a container reach itself by a port of the host: where packets on bridges pass the tables (br_netfilter), its
     * own come back to the port of the bridge that they came from. On the worker.
     */
    void reflect(Endpoint e) {
        host().execute(NetlinkRoute.reflectPort(e.hostInterface()));
    }

    private void deleteLink(String name) {
        try {
            host().execute(NetlinkRoute.deleteLink(name));
        } catch (KernelException e) {
            if (e.errno() != Errno.ENODEV) {
                throw e;
            }
        }
    }

    /** Lets a namespace send what is for nobody near to this endpoint's gateway. On the worker. */
    void route(Fd namespace, Optional<Netlink> known, Endpoint e) {
        inside(namespace, known, inside -> {
            InetAddress own = Subnet.address(Subnet.number(e.address()));
            int index = NetlinkRoute.addresses(inside).stream()
                    .filter(a -> a.address().equals(own))
                    .map(NetlinkRoute.Address::link)
                    .findFirst()
                    .orElseThrow(() -> new NetworkException("The container has lost its address " + e.address() + "."));
            inside.execute(NetlinkRoute.setDefaultRoute(index, Subnet.address(Subnet.number(e.gateway()))));
            return index;
        });
    }

    /** An endpoint's link is gone. */
    void free(Endpoint e) {
        find(e.networkId()).ifPresent(n -> n.addresses().free(Subnet.number(e.address())));
    }

    private interface Inside<T> {
        T with(Netlink inside);
    }

    /** With a socket in a namespace, the known one or one for this once. */
    private <T> T inside(Fd namespace, Optional<Netlink> known, Inside<T> action) {
        if (known.isPresent()) {
            return action.with(known.get());
        }
        Netlink inside;
        linux.setns(namespace, Flags.CLONE_NEWNET);
        try {
            inside = Netlink.open(linux, Netlink.ROUTE);
        } finally {
            linux.setns(home, Flags.CLONE_NEWNET);
        }
        try (inside) {
            return action.with(inside);
        }
    }
}
