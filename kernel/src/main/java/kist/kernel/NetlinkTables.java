package kist.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Tables of nftables in the {@code inet} family, written to the kernel without a library (linux/netfilter/nf_tables.h;
 * nft(8) shows them). A table is replaced as a whole, in one transaction; elements of its sets and maps come and go by
 * themselves. Stateless.
 */
public final class NetlinkTables {
    private static final int SUBSYSTEM = 10;
    private static final int BATCH_BEGIN = 0x10;
    private static final int BATCH_END = 0x11;
    private static final int NEWTABLE = SUBSYSTEM << 8;
    private static final int DELTABLE = SUBSYSTEM << 8 | 2;
    private static final int NEWCHAIN = SUBSYSTEM << 8 | 3;
    private static final int NEWRULE = SUBSYSTEM << 8 | 6;
    private static final int NEWSET = SUBSYSTEM << 8 | 9;
    private static final int NEWELEMENT = SUBSYSTEM << 8 | 12;
    private static final int DELELEMENT = SUBSYSTEM << 8 | 14;
    private static final int GETTABLE = SUBSYSTEM << 8 | 1;
    private static final int NFPROTO_INET = 1;
    private static final int NFPROTO_IPV4 = 2;

    private static final int TABLE_NAME = 1;
    private static final int TABLE_FLAGS = 2;
    private static final int CHAIN_TABLE = 1;
    private static final int CHAIN_NAME = 3;
    private static final int CHAIN_HOOK = 4;
    private static final int CHAIN_POLICY = 5;
    private static final int CHAIN_TYPE = 7;
    private static final int HOOK_NUMBER = 1;
    private static final int HOOK_PRIORITY = 2;
    private static final int RULE_TABLE = 1;
    private static final int RULE_CHAIN = 2;
    private static final int RULE_EXPRESSIONS = 4;
    private static final int LIST_ELEMENT = 1;
    private static final int EXPRESSION_NAME = 1;
    private static final int EXPRESSION_DATA = 2;
    private static final int DATA_VALUE = 1;
    private static final int DATA_VERDICT = 2;
    private static final int VERDICT_CODE = 1;
    private static final int VERDICT_REGISTER = 0;
    private static final int REGISTER = 1;
    /** Registers of 32 bits: the first is the beginning of {@link #REGISTER}, which holds four of them. */
    private static final int REGISTER32 = 8;

    private static final int SET_TABLE = 1;
    private static final int SET_NAME = 2;
    private static final int SET_FLAGS = 3;
    private static final int SET_KEY_TYPE = 4;
    private static final int SET_KEY_LENGTH = 5;
    private static final int SET_DATA_TYPE = 6;
    private static final int SET_DATA_LENGTH = 7;
    private static final int SET_ID = 10;
    private static final int SET_NOTES = 13;
    /** What nft(8) notes for itself: that a key alone is in the host's order, as names of links are. */
    private static final byte[] KEY_IN_HOST_ORDER = {0, 4, 1, 0, 0, 0};

    private static final int SET_IS_MAP = 0x8;
    private static final int TYPE_BITS = 6;
    private static final int ELEMENTS_TABLE = 1;
    private static final int ELEMENTS_SET = 2;
    private static final int ELEMENTS_LIST = 3;
    private static final int ELEMENT_KEY = 1;
    private static final int ELEMENT_DATA = 2;
    /** So that a list of elements stays below the 64 KiB that an attribute can hold. */
    private static final int ELEMENTS_AT_ONCE = 400;

    private static final int META_NFPROTO = 15;
    private static final int META_IIFNAME = 6;
    private static final int META_OIFNAME = 7;
    private static final int META_L4PROTO = 16;
    private static final int CT_STATE = 0;
    private static final int CT_STATUS = 2;
    private static final int STATUS_DESTINATION_TRANSLATED = 0x20;
    private static final int FIB_RESULT_ADDRESS_TYPE = 3;
    private static final int FIB_DESTINATION = 2;
    private static final int ROUTE_LOCAL = 2;
    private static final int NAT_DESTINATION = 1;
    private static final int EQUAL = 0;
    private static final int NOT_EQUAL = 1;
    private static final int NETWORK_HEADER = 1;
    private static final int TRANSPORT_HEADER = 2;
    private static final int IPV4_SOURCE_OFFSET = 12;
    private static final int IPV4_DESTINATION_OFFSET = 16;
    private static final int DESTINATION_PORT_OFFSET = 2;
    private static final int INTERFACE_NAME_SIZE = 16;

    private NetlinkTables() {}

    /** Where in the kernel a chain listens. */
    public enum Hook {
        /** Packets that came in, before connections are tracked. */
        RAW("filter", 0, -300),
        /** Packets that came in, with the priority of destination translation. */
        PREROUTING("nat", 0, -100),
        /** Packets that this host sends, with the priority of destination translation. */
        OUTPUT("nat", 3, -100),
        /** Forwarded packets, with the priority of filters. */
        FORWARD("filter", 2, 0),
        /** Packets about to leave, with the priority of source translation. */
        POSTROUTING("nat", 4, 100);

        private final String type;
        private final int number;
        private final int priority;

        Hook(String type, int number, int priority) {
            this.type = type;
            this.number = number;
            this.priority = priority;
        }
    }

    /** What a key or a value of a set is made of; numbers as nft(8) knows them. */
    public enum Type {
        /** An IPv4 address. */
        ADDRESS(7, 4),
        /** A protocol above IP, one byte. */
        PROTOCOL(12, 1),
        /** A port, two bytes in network order. */
        PORT(13, 2),
        /** The name of a link. */
        LINK(41, INTERFACE_NAME_SIZE);

        private final int number;
        private final int length;

        Type(int number, int length) {
            this.number = number;
            this.length = length;
        }
    }

    /**
     * A named set, or a map where {@code data} says what a key stands for.
     *
     * @param key what a key is made of, up to 64 bytes
     */
    public record Set(String name, List<Type> key, List<Type> data) {
        /** A set without values. */
        public static Set of(String name, Type... key) {
            return new Set(name, List.of(key), List.of());
        }
    }

    /**
     * An element of a set.
     *
     * @param key made by {@link #join}
     * @param data made by {@link #join}; empty where the set is no map
     */
    public record Element(String set, byte[] key, byte[] data) {}

    /** Joins the parts of a key or value, each padded to four bytes as the kernel's registers want it. */
    public static byte[] join(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(256);
        for (byte[] part : parts) {
            all.put(part);
            while (all.position() % 4 != 0) {
                all.put((byte) 0);
            }
        }
        return Arrays.copyOf(all.array(), all.position());
    }

    /** A link's name as a part of a key. */
    public static byte[] link(String name) {
        return Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), INTERFACE_NAME_SIZE);
    }

    /** A chain that accepts what no rule says otherwise about. */
    public record Chain(String name, Hook hook, List<Rule> rules) {}

    /** A rule: conditions in their order, then what is done. Immutable; each method answers a longer rule. */
    public static final class Rule {
        private final List<Consumer<NetlinkMessage>> expressions;

        private Rule(List<Consumer<NetlinkMessage>> expressions) {
            this.expressions = expressions;
        }

        /** A rule with no condition yet. */
        public static Rule rule() {
            return new Rule(List.of());
        }

        private Rule with(String name, Consumer<NetlinkMessage> data) {
            List<Consumer<NetlinkMessage>> all = new ArrayList<>(expressions);
            all.add(m ->
                    m.nest(LIST_ELEMENT, e -> e.attribute(EXPRESSION_NAME, name).nest(EXPRESSION_DATA, data)));
            return new Rule(all);
        }

        private Rule compare(int operation, byte[] value) {
            return with(
                    "cmp",
                    d -> d.attributeBe32(1, REGISTER)
                            .attributeBe32(2, operation)
                            .nest(3, v -> v.attribute(DATA_VALUE, value)));
        }

        private Rule mask(byte[] mask) {
            return with(
                    "bitwise",
                    d -> d.attributeBe32(1, REGISTER)
                            .attributeBe32(2, REGISTER)
                            .attributeBe32(3, mask.length)
                            .nest(4, v -> v.attribute(DATA_VALUE, mask))
                            .nest(5, v -> v.attribute(DATA_VALUE, new byte[mask.length])));
        }

        private Rule meta(int key) {
            return with("meta", d -> d.attributeBe32(1, REGISTER).attributeBe32(2, key));
        }

        /** The source is an IPv4 address of this subnet. */
        public Rule fromSubnet(byte[] network, int prefixLength) {
            return subnet(IPV4_SOURCE_OFFSET, network, prefixLength);
        }

        private Rule subnet(int offset, byte[] network, int prefixLength) {
            byte[] mask = ByteBuffer.allocate(4)
                    .putInt(prefixLength == 0 ? 0 : -1 << (32 - prefixLength))
                    .array();
            return meta(META_NFPROTO)
                    .compare(EQUAL, new byte[] {NFPROTO_IPV4})
                    .payload(REGISTER, NETWORK_HEADER, offset, 4)
                    .mask(mask)
                    .compare(EQUAL, network);
        }

        /** The packet came in by a link of another name. */
        public Rule notFromLink(String name) {
            return meta(META_IIFNAME).compare(NOT_EQUAL, link(name));
        }

        /** The packet leaves by this link. */
        public Rule toLink(String name) {
            return meta(META_OIFNAME).compare(EQUAL, link(name));
        }

        /** The packet leaves by a link of another name. */
        public Rule notToLink(String name) {
            return meta(META_OIFNAME).compare(NOT_EQUAL, link(name));
        }

        /** The packet neither belongs to a connection that was seen in both directions nor is related to one. */
        public Rule notEstablished() {
            return connection(CT_STATE, 0b110).compare(EQUAL, new byte[4]);
        }

        /** Gives the packet the address of the link it leaves by. */
        public Rule masquerade() {
            return with("masq", d -> {});
        }

        /** Drops the packet. */
        public Rule drop() {
            return verdict(0);
        }

        /** The packet came in by this link. */
        public Rule fromLink(String name) {
            return meta(META_IIFNAME).compare(EQUAL, link(name));
        }

        /** The packet came in by a link of this set. */
        public Rule fromLinkIn(String set) {
            return meta(META_IIFNAME).lookup(set);
        }

        /** The packet leaves by a link of this set. */
        public Rule toLinkIn(String set) {
            return meta(META_OIFNAME).lookup(set);
        }

        /** The links that the packet came in by and leaves by are a key of this set. */
        public Rule linksIn(String set) {
            return meta(META_IIFNAME)
                    .with("meta", d -> d.attributeBe32(1, REGISTER + 1).attributeBe32(2, META_OIFNAME))
                    .lookup(set);
        }

        /** The destination is an IPv4 address of this subnet. */
        public Rule toSubnet(byte[] network, int prefixLength) {
            return subnet(IPV4_DESTINATION_OFFSET, network, prefixLength);
        }

        /** The destination is an address of this host. */
        public Rule toThisHost() {
            return with(
                            "fib",
                            d -> d.attributeBe32(1, REGISTER)
                                    .attributeBe32(2, FIB_RESULT_ADDRESS_TYPE)
                                    .attributeBe32(3, FIB_DESTINATION))
                    .compare(EQUAL, number(ROUTE_LOCAL));
        }

        /** The packet belongs to a connection that was seen in both directions or is related to one. */
        public Rule established() {
            return connection(CT_STATE, 0b110).compare(NOT_EQUAL, new byte[4]);
        }

        /** The packet's connection had its destination translated. */
        public Rule destinationTranslated() {
            return connection(CT_STATUS, STATUS_DESTINATION_TRANSLATED).compare(NOT_EQUAL, new byte[4]);
        }

        /**
         * Sends the connection to the address and port that its protocol and destination port, and with {@code address} the
         * destination address before them, stand for in this map; goes on where they stand for none.
         */
        public Rule translateDestination(String map, boolean address) {
            Rule key = meta(META_NFPROTO).compare(EQUAL, new byte[] {NFPROTO_IPV4});
            int at = REGISTER32;
            if (address) {
                key = key.payload(at++, NETWORK_HEADER, IPV4_DESTINATION_OFFSET, 4);
            }
            int protocol = at++;
            return key.with("meta", d -> d.attributeBe32(1, protocol).attributeBe32(2, META_L4PROTO))
                    .payload(at, TRANSPORT_HEADER, DESTINATION_PORT_OFFSET, 2)
                    .with(
                            "lookup",
                            d -> d.attribute(1, map).attributeBe32(2, REGISTER).attributeBe32(3, REGISTER))
                    .with(
                            "nat",
                            d -> d.attributeBe32(1, NAT_DESTINATION)
                                    .attributeBe32(2, NFPROTO_IPV4)
                                    .attributeBe32(3, REGISTER32)
                                    .attributeBe32(5, REGISTER32 + 1));
        }

        /** Lets the packet go on to the chains of others. */
        public Rule accept() {
            return verdict(1);
        }

        private Rule verdict(int code) {
            return with(
                    "immediate",
                    d -> d.attributeBe32(1, VERDICT_REGISTER)
                            .nest(2, v -> v.nest(DATA_VERDICT, c -> c.attributeBe32(VERDICT_CODE, code))));
        }

        private Rule lookup(String set) {
            return with("lookup", d -> d.attribute(1, set).attributeBe32(2, REGISTER));
        }

        private Rule payload(int register, int base, int offset, int length) {
            return with(
                    "payload",
                    d -> d.attributeBe32(1, register)
                            .attributeBe32(2, base)
                            .attributeBe32(3, offset)
                            .attributeBe32(4, length));
        }

        private Rule connection(int key, int bits) {
            return with("ct", d -> d.attributeBe32(1, REGISTER).attributeBe32(2, key))
                    .mask(number(bits));
        }

        private static byte[] number(int value) {
            return ByteBuffer.allocate(4)
                    .order(ByteOrder.nativeOrder())
                    .putInt(value)
                    .array();
        }
    }

    /** Puts a table of chains alone into place of any of its name. */
    public static void replace(Netlink netfilter, String table, List<Chain> chains) {
        replace(netfilter, table, List.of(), List.of(), chains);
    }

    /** Puts a table into place of any of its name. */
    public static void replace(
            Netlink netfilter, String table, List<Set> sets, List<Element> elements, List<Chain> chains) {
        List<NetlinkMessage> messages = new ArrayList<>();
        // made first, so that the removal finds one whether or not it was there
        messages.add(newTable(table));
        messages.add(deleteTable(table));
        messages.add(newTable(table));
        int id = 0;
        for (Set set : sets) {
            messages.add(newSet(table, set, ++id));
        }
        add(messages, table, elements, true);
        for (Chain chain : chains) {
            messages.add(message("create chain " + chain.name(), NEWCHAIN, NetlinkMessage.CREATE)
                    .attribute(CHAIN_TABLE, table)
                    .attribute(CHAIN_NAME, chain.name())
                    .nest(
                            CHAIN_HOOK,
                            h -> h.attributeBe32(HOOK_NUMBER, chain.hook().number)
                                    .attributeBe32(HOOK_PRIORITY, chain.hook().priority))
                    .attributeBe32(CHAIN_POLICY, 1)
                    .attribute(CHAIN_TYPE, chain.hook().type));
            for (Rule rule : chain.rules()) {
                messages.add(message(
                                "add rule to chain " + chain.name(),
                                NEWRULE,
                                NetlinkMessage.CREATE | NetlinkMessage.APPEND)
                        .attribute(RULE_TABLE, table)
                        .attribute(RULE_CHAIN, chain.name())
                        .nest(RULE_EXPRESSIONS, m -> rule.expressions.forEach(e -> e.accept(m))));
            }
        }
        netfilter.transact(frame(BATCH_BEGIN), messages, frame(BATCH_END));
    }

    /** Removes a table where there is one. */
    public static void remove(Netlink netfilter, String table) {
        netfilter.transact(frame(BATCH_BEGIN), List.of(newTable(table), deleteTable(table)), frame(BATCH_END));
    }

    /**
     * Takes elements out of the sets of a table and puts others in, in one transaction.
     *
     * @throws KernelException if there is no such table or set, one to take out is not there, or one to put in is there
     *     with another value
     */
    public static void change(Netlink netfilter, String table, List<Element> out, List<Element> in) {
        List<NetlinkMessage> messages = new ArrayList<>();
        add(messages, table, out, false);
        add(messages, table, in, true);
        if (!messages.isEmpty()) {
            netfilter.transact(frame(BATCH_BEGIN), messages, frame(BATCH_END));
        }
    }

    /** Whether there is a table of this name. */
    public static boolean exists(Netlink netfilter, String table) {
        try {
            netfilter.get(message("look for table inet " + table, GETTABLE, 0).attribute(TABLE_NAME, table));
            return true;
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    private static NetlinkMessage newSet(String table, Set set, int id) {
        boolean map = !set.data().isEmpty();
        NetlinkMessage m = message("create set " + set.name(), NEWSET, NetlinkMessage.CREATE)
                .attribute(SET_TABLE, table)
                .attribute(SET_NAME, set.name())
                .attributeBe32(SET_FLAGS, map ? SET_IS_MAP : 0)
                .attributeBe32(SET_KEY_TYPE, type(set.key()))
                .attributeBe32(SET_KEY_LENGTH, length(set.key()))
                .attributeBe32(SET_ID, id);
        if (set.key().equals(List.of(Type.LINK))) {
            m.attribute(SET_NOTES, KEY_IN_HOST_ORDER); // without, nft lists the names as empty
        }
        return map
                ? m.attributeBe32(SET_DATA_TYPE, type(set.data())).attributeBe32(SET_DATA_LENGTH, length(set.data()))
                : m;
    }

    private static int type(List<Type> parts) {
        int type = 0;
        for (Type part : parts) {
            type = type << TYPE_BITS | part.number;
        }
        return type;
    }

    private static int length(List<Type> parts) {
        return parts.stream().mapToInt(p -> (p.length + 3) & ~3).sum();
    }

    private static void add(List<NetlinkMessage> messages, String table, List<Element> elements, boolean in) {
        java.util.Map<String, List<Element>> bySet = new java.util.LinkedHashMap<>();
        elements.forEach(
                e -> bySet.computeIfAbsent(e.set(), s -> new ArrayList<>()).add(e));
        bySet.forEach((set, all) -> {
            for (int i = 0; i < all.size(); i += ELEMENTS_AT_ONCE) {
                List<Element> some = all.subList(i, Math.min(all.size(), i + ELEMENTS_AT_ONCE));
                messages.add(message(
                                (in ? "add to" : "remove from") + " set " + set,
                                in ? NEWELEMENT : DELELEMENT,
                                in ? NetlinkMessage.CREATE : 0)
                        .attribute(ELEMENTS_TABLE, table)
                        .attribute(ELEMENTS_SET, set)
                        .nest(ELEMENTS_LIST, m -> some.forEach(e -> element(m, e, in))));
            }
        });
    }

    private static void element(NetlinkMessage m, Element e, boolean in) {
        m.nest(LIST_ELEMENT, n -> {
            n.nest(ELEMENT_KEY, k -> k.attribute(DATA_VALUE, e.key()));
            if (in && e.data().length > 0) {
                n.nest(ELEMENT_DATA, d -> d.attribute(DATA_VALUE, e.data()));
            }
        });
    }

    private static NetlinkMessage newTable(String table) {
        return message("create table inet " + table, NEWTABLE, NetlinkMessage.CREATE)
                .attribute(TABLE_NAME, table)
                .attributeBe32(TABLE_FLAGS, 0);
    }

    private static NetlinkMessage deleteTable(String table) {
        return message("delete table inet " + table, DELTABLE, 0).attribute(TABLE_NAME, table);
    }

    private static NetlinkMessage message(String about, int type, int flags) {
        return new NetlinkMessage("nftables: " + about, type, flags | NetlinkMessage.ACK)
                .u8(NFPROTO_INET)
                .u8(0)
                .u16(0);
    }

    private static NetlinkMessage frame(int type) {
        int subsystem =
                ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? Short.reverseBytes((short) SUBSYSTEM) : SUBSYSTEM;
        return new NetlinkMessage("nftables: transaction", type, 0).u8(0).u8(0).u16(subsystem);
    }
}
