package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The bytes of netlink messages; the expected ones are for little-endian machines, as all are that Kist runs on. */
class NetlinkMessageTest {
    private static String hex(NetlinkMessage message) {
        return HexFormat.of().formatHex(message.encode(7, NetlinkMessage.ACK));
    }

    @Test
    void setting_a_link_up_is_a_new_link_message_with_a_padded_name() {
        assertEquals(
                "28000000" + "1000" + "0500" + "07000000" + "00000000" // header: length, type, flags, number, port
                        + "00000000" + "00000000" + "01000000" + "01000000" // ifinfomsg: flags and change are IFF_UP
                        + "0700" + "0300" + "6c6f00" + "00", // IFLA_IFNAME "lo"
                hex(NetlinkRoute.up("lo")));
    }

    @Test
    void the_default_route_names_gateway_and_link() throws Exception {
        assertEquals(
                "2c000000" + "1800" + "0506" + "07000000" + "00000000"
                        + "02000000" + "fe030001" + "00000000"
                        + "0800" + "0500" + "ac1d0001"
                        + "0800" + "0400" + "05000000",
                hex(NetlinkRoute.newDefaultRoute(5, InetAddress.getByName("172.29.0.1"))));
    }

    @Test
    void an_address_brings_its_broadcast_address() throws Exception {
        assertEquals(
                "30000000" + "1400" + "0506" + "07000000" + "00000000"
                        + "02140000" + "02000000"
                        + "0800" + "0200" + "0a010203"
                        + "0800" + "0100" + "0a010203"
                        + "0800" + "0400" + "0a010fff",
                hex(NetlinkRoute.newAddress(2, InetAddress.getByName("10.1.2.3"), 20)));
    }

    @Test
    void nested_attributes_hold_their_length_and_are_marked() {
        NetlinkMessage m = new NetlinkMessage("test", 99, 0);
        m.nest(1, a -> a.attributeU32(2, 5).nest(3, b -> b.attribute(4, (byte) 9)));
        assertEquals(
                "28000000" + "6300" + "0500" + "07000000" + "00000000"
                        + "1800" + "0180"
                        + "0800" + "0200" + "05000000"
                        + "0c00" + "0380"
                        + "0500" + "0400" + "09000000",
                hex(m));
    }

    @Test
    void a_message_grows_beyond_its_first_room() {
        NetlinkMessage m = new NetlinkMessage("test", 99, 0);
        for (int i = 0; i < 1000; i++) {
            m.attributeU32(i, i);
        }
        NetlinkReply reply = NetlinkReply.parse(m.encode(1, 0)).getFirst();
        assertEquals(999, reply.attributes(0).u32(999, -1));
        assertEquals(0, reply.attributes(0).u32(0, -1));
    }

    @Test
    void a_datagram_of_several_messages_is_taken_apart() {
        byte[] one = NetlinkRoute.up("lo").encode(1, 0);
        byte[] two = NetlinkRoute.up("eth0").encode(2, 0);
        byte[] both =
                ByteBuffer.allocate(one.length + two.length).put(one).put(two).array();
        List<NetlinkReply> replies = NetlinkReply.parse(both);
        assertEquals(2, replies.size());
        assertEquals("lo", replies.get(0).attributes(16).string(3));
        assertEquals("eth0", replies.get(1).attributes(16).string(3));
    }

    @Test
    void a_message_that_lies_about_its_length_is_refused() {
        byte[] bytes = NetlinkRoute.up("lo").encode(1, 0);
        for (int length : new int[] {-1, 0, 15, bytes.length + 1, Integer.MAX_VALUE}) {
            ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).putInt(0, length);
            assertEquals(
                    Errno.EPROTO,
                    assertThrows(KernelException.class, () -> NetlinkReply.parse(bytes))
                            .errno());
        }
    }

    @Test
    void random_bytes_are_refused_or_read_but_never_break_the_parser() {
        Random random = new Random(42);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(80)];
            random.nextBytes(bytes);
            if (bytes.length >= 4) {
                ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).putInt(0, random.nextInt(90));
            }
            try {
                for (NetlinkReply reply : NetlinkReply.parse(bytes)) {
                    reply.attributes(4).nested(random.nextInt(4));
                }
            } catch (KernelException e) {
                assertEquals(Errno.EPROTO, e.errno());
            }
        }
    }

    @Test
    void an_error_is_thrown_with_what_was_tried_and_the_words_of_the_kernel() {
        NetlinkMessage ok = new NetlinkMessage("first thing", 1, 0);
        NetlinkMessage bad = new NetlinkMessage("second thing", 1, 0);
        try (Netlink netlink = answering(answer(1, 0, ""), answer(2, -Errno.EBUSY, "it is taken"))) {
            KernelException e = assertThrows(KernelException.class, () -> netlink.execute(ok, bad));
            assertEquals("second thing (it is taken)", e.call());
            assertEquals(Errno.EBUSY, e.errno());
        }
    }

    @Test
    void the_answers_of_an_earlier_conversation_are_passed_over() {
        try (Netlink netlink = answering(answer(-5, -Errno.EPERM, ""), answer(1, 0, ""))) {
            netlink.execute(new NetlinkMessage("thing", 1, 0));
        }
    }

    private static byte[] answer(int sequence, int error, String words) {
        NetlinkMessage m = new NetlinkMessage("", NetlinkReply.ERROR, 0);
        m.u32(error).u32(0).u32(0).u32(0).u32(0);
        if (!words.isEmpty()) {
            m.attribute(1, words);
        }
        return m.encode(sequence, words.isEmpty() ? 0 : 0x200);
    }

    private static Netlink answering(byte[]... datagrams) {
        Deque<byte[]> queue = new ArrayDeque<>(List.of(datagrams));
        RecordingLinux linux =
                new RecordingLinux().answer("receive", a -> new Linux.Received(queue.remove(), List.of()));
        return Netlink.open(linux.linux(), Netlink.ROUTE);
    }
}
