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
 * nft(8) shows them). A table is replaced as a whole, in one transaction. Stateless.
 */
public final class NetlinkTables {
    private static final int SUBSYSTEM = 10;
    private static final int BATCH_BEGIN = 0x10;
    private static final int BATCH_END = 0x11;
    private static final int NEWTABLE = SUBSYSTEM << 8;
    private static final int DELTABLE = SUBSYSTEM << 8 | 2;
    private static final int NEWCHAIN = SUBSYSTEM << 8 | 3;
    private static final int NEWRULE = SUBSYSTEM << 8 | 6;
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
    private static final int META_NFPROTO = 15;
    private static final int META_IIFNAME = 6;
    private static final int META_OIFNAME = 7;
    private static final int CT_STATE = 0;
    private static final int EQUAL = 0;
    private static final int NOT_EQUAL = 1;
    private static final int NETWORK_HEADER = 1;
    private static final int IPV4_SOURCE_OFFSET = 12;
    private static final int INTERFACE_NAME_SIZE = 16;

    private NetlinkTables() {}

    /** Where in the kernel a chain listens. */
    public enum Hook {
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
            byte[] mask = ByteBuffer.allocate(4)
                    .putInt(prefixLength == 0 ? 0 : -1 << (32 - prefixLength))
                    .array();
            return meta(META_NFPROTO)
                    .compare(EQUAL, new byte[] {NFPROTO_IPV4})
                    .with(
                            "payload",
                            d -> d.attributeBe32(1, REGISTER)
                                    .attributeBe32(2, NETWORK_HEADER)
                                    .attributeBe32(3, IPV4_SOURCE_OFFSET)
                                    .attributeBe32(4, 4))
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
            byte[] bits = ByteBuffer.allocate(4)
                    .order(ByteOrder.nativeOrder())
                    .putInt(0b110)
                    .array();
            return with("ct", d -> d.attributeBe32(1, REGISTER).attributeBe32(2, CT_STATE))
                    .mask(bits)
                    .compare(EQUAL, new byte[4]);
        }

        /** Gives the packet the address of the link it leaves by. */
        public Rule masquerade() {
            return with("masq", d -> {});
        }

        /** Drops the packet. */
        public Rule drop() {
            return with(
                    "immediate",
                    d -> d.attributeBe32(1, VERDICT_REGISTER)
                            .nest(2, v -> v.nest(DATA_VERDICT, c -> c.attributeBe32(VERDICT_CODE, 0))));
        }

        private static byte[] link(String name) {
            return Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), INTERFACE_NAME_SIZE);
        }
    }

    /** Puts a table into place of any of its name. */
    public static void replace(Netlink netfilter, String table, List<Chain> chains) {
        List<NetlinkMessage> messages = new ArrayList<>();
        // made first, so that the removal finds one whether or not it was there
        messages.add(newTable(table));
        messages.add(deleteTable(table));
        messages.add(newTable(table));
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
