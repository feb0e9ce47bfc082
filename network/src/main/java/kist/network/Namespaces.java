package kist.network;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;

/**
 * Makes network namespaces and makes used ones new again. Belongs to one platform thread, which it moves between
 * namespaces and always back to the host's.
 */
final class Namespaces implements AutoCloseable {
    private static final String INSIDE = "eth0";
    private static final String LOOPBACK = "lo";
    private static final int LOOPBACK_INDEX = 1;
    private static final Path SELF = Path.of("/proc/thread-self/ns/net");
    private static final Path SYSCTL = Path.of("/proc/sys/net");
    private static final Path SOCKETS = Path.of("/proc/thread-self/net/sockstat");
    private static final Pattern USED = Pattern.compile("^sockets: used (\\d+)$", Pattern.MULTILINE);
    private static final Pattern TIME_WAIT = Pattern.compile("^TCP:.* tw (\\d+)", Pattern.MULTILINE);
    private static final int NAME_TRIES = 3;

    private final Linux linux;
    private final Fd home;
    private final Netlink host;
    private final Bridge bridge;
    private final Addresses addresses;
    private final String networkId;
    private int bridgeIndex;

    /** To be called on the thread that will use it. */
    Namespaces(Linux linux, Fd home, Bridge bridge, Addresses addresses, String networkId) {
        this.linux = linux;
        this.home = home;
        this.bridge = bridge;
        this.addresses = addresses;
        this.networkId = networkId;
        linux.setns(home, Flags.CLONE_NEWNET);
        this.host = Netlink.open(linux, Netlink.ROUTE);
    }

    /** Makes a namespace; on a failure nothing of it is left. */
    Prepared make(Mode mode, Optional<String> mac) {
        if (mode == Mode.NONE) {
            return makeEmpty();
        }
        if (bridgeIndex == 0) {
            bridgeIndex = bridge.ensure(host);
        }
        try {
            return makeConnected(mac);
        } catch (KernelException e) {
            if (bridge.isThere(host, bridgeIndex)) {
                throw e;
            }
            // somebody took the bridge away
            bridgeIndex = bridge.ensure(host);
            return makeConnected(mac);
        }
    }

    private Prepared makeConnected(Optional<String> mac) {
        int address = addresses.take();
        try {
            Prepared empty = makeEmpty();
            try {
                Endpoint endpoint = connect(empty, address, mac.orElse(Subnet.mac(address)));
                return new Prepared(new Claimed(empty.claimed().namespace(), Optional.of(endpoint)), empty.inside());
            } catch (RuntimeException e) {
                empty.close();
                throw e;
            }
        } catch (RuntimeException e) {
            addresses.free(address);
            throw e;
        }
    }

    private Prepared makeEmpty() {
        linux.unshare(Flags.CLONE_NEWNET);
        try {
            Fd namespace = linux.open(SELF, Flags.O_RDONLY, 0);
            try {
                Bridge.write(SYSCTL.resolve("ipv4/ip_unprivileged_port_start"), "0");
                Bridge.write(SYSCTL.resolve("ipv4/ping_group_range"), "0 2147483647");
                Path ipv6 = SYSCTL.resolve("ipv6/conf/default/disable_ipv6");
                if (Files.exists(ipv6)) {
                    // for links to come; loopback has its own setting and keeps ::1
                    Bridge.write(ipv6, "1");
                }
                Netlink inside = Netlink.open(linux, Netlink.ROUTE);
                try {
                    inside.execute(NetlinkRoute.up(LOOPBACK));
                    return new Prepared(new Claimed(namespace, Optional.empty()), Optional.of(inside));
                } catch (RuntimeException e) {
                    inside.close();
                    throw e;
                }
            } catch (RuntimeException e) {
                namespace.close();
                throw e;
            }
        } finally {
            linux.setns(home, Flags.CLONE_NEWNET);
        }
    }

    private Endpoint connect(Prepared empty, int address, String mac) {
        String hostEnd = newVeth(empty.claimed().namespace(), mac);
        Netlink inside = empty.inside().orElseThrow();
        int index = insideLink(inside).index();
        InetAddress ip = Subnet.address(address);
        inside.execute(
                NetlinkRoute.up(index),
                NetlinkRoute.newAddress(index, ip, addresses.subnet().prefixLength()),
                NetlinkRoute.newDefaultRoute(index, gateway()));
        return endpoint(hostEnd, ip, mac);
    }

    private String newVeth(Fd namespace, String mac) {
        for (int i = 1; ; i++) {
            String name = "kveth" + NetworkState.randomId().substring(0, 8);
            try {
                host.execute(
                        NetlinkRoute.newVeth(name, bridgeIndex, Bridge.MTU, INSIDE, mac, namespace),
                        NetlinkRoute.upWithoutIpv6Address(name));
                return name;
            } catch (KernelException e) {
                if (e.errno() != Errno.EEXIST || i == NAME_TRIES) {
                    throw e;
                }
            }
        }
    }

    private Endpoint endpoint(String hostEnd, InetAddress address, String mac) {
        return new Endpoint(
                "bridge",
                networkId,
                NetworkState.randomId(),
                hostEnd,
                address.getHostAddress(),
                addresses.subnet().prefixLength(),
                gateway().getHostAddress(),
                mac);
    }

    private InetAddress gateway() {
        return Subnet.address(addresses.subnet().gateway());
    }

    private static NetlinkRoute.Link insideLink(Netlink inside) {
        return NetlinkRoute.findLink(inside, INSIDE)
                .orElseThrow(
                        () -> new NetworkException("A namespace of the bridge network has lost its " + INSIDE + "."));
    }

    /** What became of a used namespace. */
    sealed interface Recycled {
        /** It is as good as new. */
        record Fresh(Prepared prepared) implements Recycled {}

        /** There are sockets in it; the kernel may only be late to forget those of the container. */
        record Later() implements Recycled {}

        /** It must be destroyed. */
        record Never() implements Recycled {}
    }

    /**
     * Makes a used namespace as good as new, on the bridge with another address and hardware address. Not where
     * something outlived the container in it: a socket that it sent to somebody else could listen to the next one, and a
     * connection that still closes could hold one of its ports.
     */
    Recycled recycle(Prepared used) {
        Claimed claimed = used.claimed();
        Netlink inside;
        String sockets;
        linux.setns(claimed.namespace(), Flags.CLONE_NEWNET);
        try {
            inside = used.inside().orElseGet(() -> Netlink.open(linux, Netlink.ROUTE));
            try {
                sockets = Files.readString(SOCKETS);
            } catch (IOException e) {
                sockets = "";
            }
        } finally {
            linux.setns(home, Flags.CLONE_NEWNET);
        }
        Recycled result = new Recycled.Never();
        try {
            result = recycle(claimed, inside, sockets);
        } finally {
            if (used.inside().isEmpty() && !(result instanceof Recycled.Fresh)) {
                inside.close();
            }
        }
        return result;
    }

    private Recycled recycle(Claimed claimed, Netlink inside, String sockets) {
        if (!matches(TIME_WAIT, sockets, "0")) {
            return new Recycled.Never();
        }
        if (!matches(USED, sockets, "1")) {
            return new Recycled.Later();
        }
        if (!isUntouched(inside, claimed.endpoint())) {
            return new Recycled.Never();
        }
        if (claimed.endpoint().isEmpty()) {
            return new Recycled.Fresh(new Prepared(claimed, Optional.of(inside)));
        }
        Endpoint old = claimed.endpoint().get();
        int address = addresses.take();
        try {
            int index = insideLink(inside).index();
            InetAddress ip = Subnet.address(address);
            String mac = Subnet.mac(address);
            // the last address takes routes, what they learned, and neighbours with it
            inside.execute(
                    NetlinkRoute.deleteAddress(index, Subnet.address(Subnet.number(old.address())), old.prefixLength()),
                    NetlinkRoute.setMac(index, mac),
                    NetlinkRoute.newAddress(index, ip, addresses.subnet().prefixLength()),
                    NetlinkRoute.newDefaultRoute(index, gateway()));
            addresses.free(Subnet.number(old.address()));
            Endpoint fresh = endpoint(old.hostInterface(), ip, mac);
            return new Recycled.Fresh(
                    new Prepared(new Claimed(claimed.namespace(), Optional.of(fresh)), Optional.of(inside)));
        } catch (RuntimeException e) {
            addresses.free(address);
            throw e;
        }
    }

    /** Whether a namespace has the links and addresses that were put into it and no others. */
    private static boolean isUntouched(Netlink inside, Optional<Endpoint> endpoint) {
        Set<String> links = new HashSet<>();
        for (NetlinkRoute.Link link : NetlinkRoute.links(inside)) {
            if (link.up()) {
                links.add(link.name() + " " + link.mac());
            }
        }
        Set<String> addresses = new HashSet<>();
        for (NetlinkRoute.Address a : NetlinkRoute.addresses(inside)) {
            if (a.link() != LOOPBACK_INDEX) {
                addresses.add(a.address().getHostAddress());
            }
        }
        Set<String> own = new HashSet<>(Set.of(LOOPBACK + " 00:00:00:00:00:00"));
        endpoint.ifPresent(e -> own.add(INSIDE + " " + e.mac()));
        return links.equals(own)
                && addresses.equals(endpoint.map(e -> Set.of(e.address())).orElse(Set.of()));
    }

    private static boolean matches(Pattern pattern, String text, String number) {
        var matcher = pattern.matcher(text);
        return matcher.find() && number.equals(matcher.group(1));
    }

    @Override
    public void close() {
        host.close();
    }
}
