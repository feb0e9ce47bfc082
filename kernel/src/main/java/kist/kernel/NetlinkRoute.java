package kist.kernel;

import java.net.InetAddress;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Links, addresses, routes and neighbours (rtnetlink(7)): requests to hand to {@link Netlink#execute}, and lists of what
 * is there. Stateless.
 */
public final class NetlinkRoute {
    private static final int NEWLINK = 16;
    private static final int DELLINK = 17;
    private static final int GETLINK = 18;
    private static final int NEWADDR = 20;
    private static final int DELADDR = 21;
    private static final int GETADDR = 22;
    private static final int NEWROUTE = 24;
    private static final int GETROUTE = 26;
    private static final int GETNEIGH = 30;

    private static final int LINK_HEADER = 16;
    private static final int ADDRESS_HEADER = 8;
    private static final int ROUTE_HEADER = 12;
    private static final int NEIGHBOUR_HEADER = 12;

    private static final int IFF_UP = 1;
    private static final int IFLA_ADDRESS = 1;
    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_AF_SPEC = 26;
    private static final int IFLA_NET_NS_FD = 28;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_INFO_SLAVE_KIND = 4;
    private static final int IFLA_INFO_SLAVE_DATA = 5;
    private static final int IFLA_BRPORT_MODE = 4;
    private static final int IFLA_BRPORT_ISOLATED = 33;
    private static final int VETH_INFO_PEER = 1;
    private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
    private static final byte GEN_MODE_NONE = 1;

    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_BROADCAST = 4;
    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_TABLE = 15;
    private static final int RT_TABLE_MAIN = 254;
    private static final int RTPROT_BOOT = 3;
    private static final int RTN_UNICAST = 1;
    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;

    private NetlinkRoute() {}

    /**
     * A link.
     *
     * @param mac such as {@code 02:42:ac:1d:00:02}; empty where the link has none
     * @param master index of the bridge it is a port of, 0 for none
     * @param kind such as {@code veth} or {@code bridge}; empty for hardware and loopback
     */
    public record Link(int index, String name, String mac, boolean up, int mtu, int master, String kind) {}

    /** An address of a link. */
    public record Address(int link, InetAddress address, int prefixLength) {}

    /**
     * A route.
     *
     * @param destination empty for the default route
     * @param gateway empty where the destination is on the link
     * @param link index of the link it leaves by, 0 for none
     * @param type RTN_*, 1 for an ordinary one
     */
    public record Route(
            Optional<InetAddress> destination,
            int prefixLength,
            Optional<InetAddress> gateway,
            int link,
            int table,
            int type) {}

    /** An entry of the table of neighbours. */
    public record Neighbour(int link, Optional<InetAddress> address, String mac) {}

    /** Makes a bridge, down, with no IPv6 address of its own making. */
    public static NetlinkMessage newBridge(String name, String mac, int mtu) {
        return link("create bridge " + name, NetlinkMessage.CREATE | NetlinkMessage.EXCL, 0, false)
                .attribute(IFLA_IFNAME, name)
                .attribute(IFLA_ADDRESS, mac(mac))
                .attributeU32(IFLA_MTU, mtu)
                .nest(IFLA_LINKINFO, info -> info.attribute(IFLA_INFO_KIND, "bridge"));
    }

    /**
     * Makes a veth pair, whose host end is a port of a bridge and down; the other end is born in another namespace,
     * down too: veth refuses to be opened before it has its peer.
     *
     * @param host name of the host end
     * @param master index of the bridge, 0 for none
     * @param peer name of the other end
     * @param peerMac its hardware address
     * @param namespace where the other end is made
     */
    public static NetlinkMessage newVeth(String host, int master, int mtu, String peer, String peerMac, Fd namespace) {
        NetlinkMessage message = link("create veth " + host, NetlinkMessage.CREATE | NetlinkMessage.EXCL, 0, false)
                .attribute(IFLA_IFNAME, host)
                .attributeU32(IFLA_MTU, mtu);
        if (master != 0) {
            message.attributeU32(IFLA_MASTER, master);
        }
        Consumer<NetlinkMessage> other = m -> linkHeader(m, 0, false)
                .attribute(IFLA_IFNAME, peer)
                .attribute(IFLA_ADDRESS, mac(peerMac))
                .attributeU32(IFLA_MTU, mtu)
                .attributeU32(IFLA_NET_NS_FD, namespace.number());
        return message.nest(
                IFLA_LINKINFO,
                info -> info.attribute(IFLA_INFO_KIND, "veth")
                        .nest(IFLA_INFO_DATA, data -> data.nest(VETH_INFO_PEER, other)));
    }

    /** Sets a link up. */
    public static NetlinkMessage up(String name) {
        return link("set up " + name, 0, 0, true).attribute(IFLA_IFNAME, name);
    }

    /** Sets a link up. */
    public static NetlinkMessage up(int link) {
        return link("set up link " + link, 0, link, true);
    }

    /** Sets a link up and keeps the kernel from giving it an IPv6 address. */
    public static NetlinkMessage upWithoutIpv6Address(String name) {
        return up(name).nest(
                        IFLA_AF_SPEC,
                        s -> s.nest(Flags.AF_INET6, v6 -> v6.attribute(IFLA_INET6_ADDR_GEN_MODE, GEN_MODE_NONE)));
    }

    /** Sets the hardware address of a link. */
    public static NetlinkMessage setMac(int link, String mac) {
        return link("set address " + mac, 0, link, false).attribute(IFLA_ADDRESS, mac(mac));
    }

    /** Makes a link a port of a bridge, or with 0 of none. */
    public static NetlinkMessage setMaster(String name, int master) {
        return link("set master of " + name, 0, 0, false)
                .attribute(IFLA_IFNAME, name)
                .attributeU32(IFLA_MASTER, master);
    }

    /** Keeps a port of a bridge from exchanging packets with other isolated ports of it. */
    public static NetlinkMessage isolatePort(String name) {
        return bridgePort("isolate port " + name, name, IFLA_BRPORT_ISOLATED);
    }

    /** Lets a packet leave by the port of a bridge that it came in by (hairpin mode). */
    public static NetlinkMessage reflectPort(String name) {
        return bridgePort("reflect at port " + name, name, IFLA_BRPORT_MODE);
    }

    private static NetlinkMessage bridgePort(String about, String name, int attribute) {
        return link(about, 0, 0, false)
                .attribute(IFLA_IFNAME, name)
                .nest(
                        IFLA_LINKINFO,
                        info -> info.attribute(IFLA_INFO_SLAVE_KIND, "bridge")
                                .nest(IFLA_INFO_SLAVE_DATA, port -> port.attribute(attribute, (byte) 1)));
    }

    /** Removes a link; of a veth pair both ends. Waits for the kernel's read-copy-update, tens of milliseconds. */
    public static NetlinkMessage deleteLink(String name) {
        return linkHeader(new NetlinkMessage("delete link " + name, DELLINK, 0), 0, false)
                .attribute(IFLA_IFNAME, name);
    }

    /** Gives a link an IPv4 address. */
    public static NetlinkMessage newAddress(int link, InetAddress address, int prefixLength) {
        byte[] broadcast = address.getAddress();
        for (int bit = prefixLength; bit < 32; bit++) {
            broadcast[bit / 8] |= (byte) (0x80 >> (bit % 8));
        }
        return address(
                        "add address " + address.getHostAddress(),
                        NEWADDR,
                        NetlinkMessage.CREATE | NetlinkMessage.EXCL,
                        link,
                        address,
                        prefixLength)
                .attribute(IFA_BROADCAST, broadcast);
    }

    /** Takes an IPv4 address from a link. With the last one go all routes and neighbours of the link. */
    public static NetlinkMessage deleteAddress(int link, InetAddress address, int prefixLength) {
        return address("delete address " + address.getHostAddress(), DELADDR, 0, link, address, prefixLength);
    }

    /** Adds the IPv4 default route; fails with EEXIST where there is one. */
    public static NetlinkMessage newDefaultRoute(int link, InetAddress gateway) {
        return defaultRoute("add", NetlinkMessage.CREATE | NetlinkMessage.EXCL, link, gateway);
    }

    /** Sets the IPv4 default route, in place of one that may be there. */
    public static NetlinkMessage setDefaultRoute(int link, InetAddress gateway) {
        return defaultRoute("set", NetlinkMessage.CREATE | NetlinkMessage.REPLACE, link, gateway);
    }

    private static NetlinkMessage defaultRoute(String what, int flags, int link, InetAddress gateway) {
        return new NetlinkMessage(what + " default route via " + gateway.getHostAddress(), NEWROUTE, flags)
                .u8(Flags.AF_INET)
                .u8(0)
                .u8(0)
                .u8(0)
                .u8(RT_TABLE_MAIN)
                .u8(RTPROT_BOOT)
                .u8(0)
                .u8(RTN_UNICAST)
                .u32(0)
                .attribute(RTA_GATEWAY, gateway.getAddress())
                .attributeU32(RTA_OIF, link);
    }

    private static NetlinkMessage address(
            String about, int type, int flags, int link, InetAddress address, int prefixLength) {
        return new NetlinkMessage(about, type, flags)
                .u8(Flags.AF_INET)
                .u8(prefixLength)
                .u8(0)
                .u8(0)
                .u32(link)
                .attribute(IFA_LOCAL, address.getAddress())
                .attribute(IFA_ADDRESS, address.getAddress());
    }

    private static NetlinkMessage link(String about, int flags, int index, boolean up) {
        return linkHeader(new NetlinkMessage(about, NEWLINK, flags), index, up);
    }

    private static NetlinkMessage linkHeader(NetlinkMessage message, int index, boolean up) {
        int set = up ? IFF_UP : 0;
        return message.u8(0).u8(0).u16(0).u32(index).u32(set).u32(set);
    }

    private static byte[] mac(String text) {
        return HexFormat.ofDelimiter(":").parseHex(text);
    }

    /** The link of this name in the namespace of the socket; empty where there is none. */
    public static Optional<Link> findLink(Netlink netlink, String name) {
        try {
            return Optional.of(readLink(
                    netlink.get(linkHeader(new NetlinkMessage("look for link " + name, GETLINK, 0), 0, false)
                            .attribute(IFLA_IFNAME, name))));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENODEV) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** All links of the namespace of the socket. */
    public static List<Link> links(Netlink netlink) {
        return netlink.list(linkHeader(new NetlinkMessage("list links", GETLINK, 0), 0, false)).stream()
                .map(NetlinkRoute::readLink)
                .toList();
    }

    private static Link readLink(NetlinkReply reply) {
        NetlinkReply.Attributes a = reply.attributes(LINK_HEADER);
        return new Link(
                reply.u32(4),
                a.string(IFLA_IFNAME),
                a.bytes(IFLA_ADDRESS).map(HexFormat.ofDelimiter(":")::formatHex).orElse(""),
                (reply.u32(8) & IFF_UP) != 0,
                a.u32(IFLA_MTU, 0),
                a.u32(IFLA_MASTER, 0),
                a.nested(IFLA_LINKINFO).string(IFLA_INFO_KIND));
    }

    /** All addresses, IPv4 and IPv6. */
    public static List<Address> addresses(Netlink netlink) {
        return netlink
                .list(new NetlinkMessage("list addresses", GETADDR, 0)
                        .u8(0)
                        .u8(0)
                        .u8(0)
                        .u8(0)
                        .u32(0))
                .stream()
                .flatMap(reply -> {
                    NetlinkReply.Attributes a = reply.attributes(ADDRESS_HEADER);
                    // of a link from point to point IFA_ADDRESS is the other end
                    return a.address(IFA_LOCAL).or(() -> a.address(IFA_ADDRESS)).stream()
                            .map(address -> new Address(reply.u32(4), address, reply.u8(1)));
                })
                .toList();
    }

    /** All IPv4 routes of all tables. */
    public static List<Route> routes(Netlink netlink) {
        return netlink
                .list(new NetlinkMessage("list routes", GETROUTE, 0)
                        .u8(Flags.AF_INET)
                        .u8(0)
                        .u16(0)
                        .u32(0)
                        .u32(0))
                .stream()
                .map(reply -> {
                    NetlinkReply.Attributes a = reply.attributes(ROUTE_HEADER);
                    return new Route(
                            a.address(RTA_DST),
                            reply.u8(1),
                            a.address(RTA_GATEWAY),
                            a.u32(RTA_OIF, 0),
                            a.u32(RTA_TABLE, reply.u8(4)),
                            reply.u8(7));
                })
                .toList();
    }

    /** All neighbours, IPv4 and IPv6. */
    public static List<Neighbour> neighbours(Netlink netlink) {
        return netlink
                .list(new NetlinkMessage("list neighbours", GETNEIGH, 0)
                        .u32(0)
                        .u32(0)
                        .u32(0))
                .stream()
                .map(reply -> {
                    NetlinkReply.Attributes a = reply.attributes(NEIGHBOUR_HEADER);
                    return new Neighbour(
                            reply.u32(4),
                            a.address(NDA_DST),
                            a.bytes(NDA_LLADDR)
                                    .map(HexFormat.ofDelimiter(":")::formatHex)
                                    .orElse(""));
                })
                .toList();
    }
}
