package kist.network;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkTables;
import kist.kernel.NetlinkTables.Chain;
import kist.kernel.NetlinkTables.Element;
import kist.kernel.NetlinkTables.Hook;
import kist.kernel.NetlinkTables.Rule;
import kist.kernel.NetlinkTables.Set;
import kist.kernel.NetlinkTables.Type;

/**
 * The engine's table of nftables. It gives outgoing packets the host's address, sends what arrives at a published port
 * to its container, keeps networks apart, and keeps the outside away from what is not published. It opens nothing that
 * another table closes: a packet passes only if all tables of the host let it. A published port costs one element of a
 * map, not a rule. To be called on threads in the host's network namespace. Thread-safe.
 *
 * <p>Loopback addresses of this host lead to published ports too. For the answers to find back, the kernel must accept
 * such addresses on the bridges (route_localnet), which would also let containers send to services that listen on the
 * host's 127.0.0.1 alone (CVE-2020-8558). The chain {@code guard} drops those before the connection is tracked; answers
 * still carry the bridge's address there.
 */
final class Firewall {
    private static final String BRIDGES = "bridges";
    private static final String INTERNAL = "internal";
    private static final String WITHIN = "within";
    private static final String PORTS = "ports";
    private static final String PORTS_AT = "ports_at";
    private static final byte[] LOOPBACK = {127, 0, 0, 0};
    private static final List<Set> SETS = List.of(
            Set.of(BRIDGES, Type.LINK),
            Set.of(INTERNAL, Type.LINK),
            Set.of(WITHIN, Type.LINK, Type.LINK),
            new Set(PORTS, List.of(Type.PROTOCOL, Type.PORT), List.of(Type.ADDRESS, Type.PORT)),
            new Set(PORTS_AT, List.of(Type.ADDRESS, Type.PROTOCOL, Type.PORT), List.of(Type.ADDRESS, Type.PORT)));

    private final Linux linux;
    private final String table;
    private final Map<String, Fence> networks = new LinkedHashMap<>();
    private final java.util.Set<Publication> publications = new LinkedHashSet<>();
    private boolean installed;

    /** What the table must know of a network. */
    record Fence(String bridge, Subnet subnet, boolean internal, boolean communication, boolean masquerade) {}

    Firewall(Linux linux, String table) {
        this.linux = linux;
        this.table = table;
    }

    /** Has the table know a network when it is made next. */
    synchronized void add(String id, Fence network) {
        networks.put(id, network);
    }

    /** Notes a port that is published already; the table has it when it is made next. */
    synchronized void note(Publication publication) {
        publications.add(publication);
    }

    /** Has the table forget a network, and makes it anew if it is there. */
    synchronized void remove(String id) {
        networks.remove(id);
        if (installed) {
            ensure();
        }
    }

    /** Makes the table anew; answers a sentence where that cannot be done. */
    synchronized Optional<String> ensure() {
        try {
            install();
            return Optional.empty();
        } catch (KernelException e) {
            return Optional.of("Containers on the bridge reach only this host: the table inet " + table
                    + " of nftables cannot be made (" + e.getMessage() + ").");
        }
    }

    /** Makes the table again where it was made and somebody has removed it. */
    synchronized void watch() {
        if (!installed) {
            return;
        }
        try (Netlink netfilter = Netlink.open(linux, Netlink.NETFILTER)) {
            if (!NetlinkTables.exists(netfilter, table)) {
                System.getLogger("kist.network")
                        .log(System.Logger.Level.INFO, "the table inet " + table + " was removed and is made again");
                install();
            }
        } catch (KernelException e) {
            System.getLogger("kist.network")
                    .log(System.Logger.Level.WARNING, "the table inet " + table + ": " + e.getMessage());
        }
    }

    synchronized void publish(List<Publication> more) {
        more.forEach(this::note);
        try {
            change(List.of(), more);
        } catch (KernelException e) {
            more.forEach(publications::remove);
            throw new NetworkException(
                    "Ports cannot be published: the table inet " + table + " of nftables refuses them ("
                            + e.getMessage() + ").",
                    e);
        }
    }

    synchronized void unpublish(List<Publication> old) {
        old.forEach(publications::remove);
        try {
            change(old, List.of());
        } catch (KernelException e) {
            System.getLogger("kist.network")
                    .log(System.Logger.Level.WARNING, "ports stay published: " + e.getMessage());
        }
    }

    private void change(List<Publication> out, List<Publication> in) {
        if (!installed) {
            install();
            return;
        }
        try (Netlink netfilter = Netlink.open(linux, Netlink.NETFILTER)) {
            NetlinkTables.change(
                    netfilter,
                    table,
                    out.stream().map(Firewall::element).toList(),
                    in.stream().map(Firewall::element).toList());
        } catch (KernelException e) {
            // somebody else touched the table: the whole of it is made anew
            install();
        }
    }

    private void install() {
        List<Element> elements = new ArrayList<>();
        List<Rule> leaving = new ArrayList<>();
        for (Fence n : networks.values()) {
            elements.add(new Element(BRIDGES, NetlinkTables.link(n.bridge()), new byte[0]));
            if (n.internal()) {
                elements.add(new Element(INTERNAL, NetlinkTables.link(n.bridge()), new byte[0]));
            }
            if (n.communication()) {
                byte[] link = NetlinkTables.link(n.bridge());
                elements.add(new Element(WITHIN, NetlinkTables.join(link, link), new byte[0]));
            }
            Rule from = Rule.rule()
                    .fromSubnet(bytes(n.subnet().network()), n.subnet().prefixLength());
            if (n.masquerade() && !n.internal()) {
                leaving.add(from.notToLink(n.bridge()).masquerade());
            }
            // a container that reaches its neighbour by the host: the answer must come back the same way
            leaving.add(from.toLink(n.bridge()).destinationTranslated().masquerade());
        }
        leaving.add(Rule.rule().fromSubnet(LOOPBACK, 8).toLinkIn(BRIDGES).masquerade());
        publications.forEach(p -> elements.add(element(p)));
        List<Rule> arriving = List.of(
                Rule.rule().toThisHost().translateDestination(PORTS_AT, true),
                Rule.rule().toThisHost().translateDestination(PORTS, false));
        List<Chain> chains = List.of(
                new Chain(
                        "guard",
                        Hook.RAW,
                        List.of(Rule.rule()
                                .fromLinkIn(BRIDGES)
                                .toSubnet(LOOPBACK, 8)
                                .drop())),
                new Chain("prerouting", Hook.PREROUTING, arriving),
                new Chain("output", Hook.OUTPUT, arriving),
                // forwarding is on for the whole host: without this any neighbour on its networks, and any other
                // network of containers, could send packets straight to a container's address
                new Chain(
                        "forward",
                        Hook.FORWARD,
                        List.of(
                                Rule.rule().linksIn(WITHIN).accept(),
                                Rule.rule().fromLinkIn(INTERNAL).drop(),
                                Rule.rule().toLinkIn(INTERNAL).drop(),
                                Rule.rule().established().accept(),
                                Rule.rule()
                                        .toLinkIn(BRIDGES)
                                        .destinationTranslated()
                                        .accept(),
                                Rule.rule().toLinkIn(BRIDGES).drop())),
                new Chain("postrouting", Hook.POSTROUTING, leaving));
        try (Netlink netfilter = Netlink.open(linux, Netlink.NETFILTER)) {
            NetlinkTables.replace(netfilter, table, SETS, elements, chains);
        }
        installed = true;
    }

    private static Element element(Publication p) {
        byte[] protocol = {number(p.protocol())};
        byte[] port = port(p.hostPort());
        byte[] to = NetlinkTables.join(bytes(Subnet.number(p.containerAddress())), port(p.containerPort()));
        int address = Subnet.number(p.hostAddress());
        return address == 0
                ? new Element(PORTS, NetlinkTables.join(protocol, port), to)
                : new Element(PORTS_AT, NetlinkTables.join(bytes(address), protocol, port), to);
    }

    private static byte number(String protocol) {
        return switch (protocol) {
            case "udp" -> 17;
            case "sctp" -> (byte) 132;
            default -> 6;
        };
    }

    private static byte[] bytes(int address) {
        return ByteBuffer.allocate(4).putInt(address).array();
    }

    private static byte[] port(int number) {
        return ByteBuffer.allocate(2).putShort((short) number).array();
    }

    /** Removes the table where it was made. */
    synchronized void uninstall() {
        installed = false;
        try (Netlink netfilter = Netlink.open(linux, Netlink.NETFILTER)) {
            NetlinkTables.remove(netfilter, table);
        } catch (KernelException e) {
            System.getLogger("kist.network")
                    .log(
                            System.Logger.Level.WARNING,
                            "The table inet " + table + " of nftables stays: {0}.",
                            e.getMessage());
        }
    }
}
