package kist.network;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkTables;
import kist.kernel.NetlinkTables.Chain;
import kist.kernel.NetlinkTables.Element;
import kist.kernel.NetlinkTables.Hook;
import kist.kernel.NetlinkTables.Rule;
import kist.kernel.NetlinkTables.Set;
import kist.kernel.NetlinkTables.Type;

/** The table inside a container's namespace that leads questions about names to the engine's sockets there. */
final class InsideNames {
    private static final String TABLE = "kist_names";
    private static final String MAP = "name_server";
    private static final short DOMAIN = 53;
    private static final byte[] PROTOCOLS = {6, 17};

    private InsideNames() {}

    /** Makes the table in the namespace of the calling thread. */
    static void install(Linux linux, String address, int port) {
        byte[] ip = ByteBuffer.allocate(4).putInt(Subnet.number(address)).array();
        List<Element> elements = new ArrayList<>();
        for (byte protocol : PROTOCOLS) {
            elements.add(new Element(
                    MAP,
                    NetlinkTables.join(ip, new byte[] {protocol}, number(DOMAIN)),
                    NetlinkTables.join(ip, number((short) port))));
        }
        Set map = new Set(MAP, List.of(Type.ADDRESS, Type.PROTOCOL, Type.PORT), List.of(Type.ADDRESS, Type.PORT));
        Chain chain = new Chain("output", Hook.OUTPUT, List.of(Rule.rule().translateDestination(MAP, true)));
        try (Netlink netfilter = Netlink.open(linux, Netlink.NETFILTER)) {
            NetlinkTables.replace(netfilter, TABLE, List.of(map), elements, List.of(chain));
        }
    }

    private static byte[] number(short value) {
        return ByteBuffer.allocate(2).putShort(value).array();
    }
}
