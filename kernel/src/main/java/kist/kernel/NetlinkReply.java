package kist.kernel;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One netlink message from the kernel (netlink(7)): fixed fields, then attributes. Lengths are checked, so that a
 * message that lies about them ends as {@link KernelException} with EPROTO. Immutable.
 */
public final class NetlinkReply {
    static final int ERROR = 2;
    static final int DONE = 3;
    private static final int TYPE_MASK = 0x3fff;

    private final int type;
    private final int flags;
    private final int sequence;
    private final ByteBuffer body;

    private NetlinkReply(int type, int flags, int sequence, ByteBuffer body) {
        this.type = type;
        this.flags = flags;
        this.sequence = sequence;
        this.body = body;
    }

    /** Takes apart a datagram, which can hold several messages. */
    static List<NetlinkReply> parse(byte[] datagram) {
        ByteBuffer b = ByteBuffer.wrap(datagram).order(ByteOrder.nativeOrder());
        List<NetlinkReply> replies = new ArrayList<>();
        int at = 0;
        while (at + NetlinkMessage.HEADER <= datagram.length) {
            int length = b.getInt(at);
            if (length < NetlinkMessage.HEADER || length > datagram.length - at) {
                throw new KernelException("netlink message of length " + length, Errno.EPROTO);
            }
            ByteBuffer body = b.slice(at + NetlinkMessage.HEADER, length - NetlinkMessage.HEADER)
                    .order(ByteOrder.nativeOrder());
            replies.add(new NetlinkReply(
                    Short.toUnsignedInt(b.getShort(at + 4)),
                    Short.toUnsignedInt(b.getShort(at + 6)),
                    b.getInt(at + 8),
                    body));
            at += (length + 3) & ~3;
        }
        return replies;
    }

    /** Such as RTM_NEWLINK. */
    public int type() {
        return type;
    }

    int flags() {
        return flags;
    }

    int sequence() {
        return sequence;
    }

    private void need(int end) {
        if (end > body.limit()) {
            throw new KernelException("netlink message of type " + type + " that is too short", Errno.EPROTO);
        }
    }

    /** A byte of the fixed fields. */
    public int u8(int offset) {
        need(offset + 1);
        return Byte.toUnsignedInt(body.get(offset));
    }

    /** Sixteen bits of the fixed fields. */
    public int u16(int offset) {
        need(offset + 2);
        return Short.toUnsignedInt(body.getShort(offset));
    }

    /** Thirty-two bits of the fixed fields. */
    public int u32(int offset) {
        need(offset + 4);
        return body.getInt(offset);
    }

    /** The attributes that follow so many bytes of fixed fields. */
    public Attributes attributes(int header) {
        need(header);
        return new Attributes(body.slice(header, body.limit() - header));
    }

    /** Attributes by number; of a number that is there twice, the last. */
    public static final class Attributes {
        private final Map<Integer, byte[]> values = new HashMap<>();

        private Attributes(ByteBuffer from) {
            ByteBuffer b = from.order(ByteOrder.nativeOrder());
            int at = 0;
            while (at + 4 <= b.limit()) {
                int length = Short.toUnsignedInt(b.getShort(at));
                if (length < 4 || length > b.limit() - at) {
                    throw new KernelException("netlink attribute of length " + length, Errno.EPROTO);
                }
                byte[] value = new byte[length - 4];
                b.get(at + 4, value);
                values.put(b.getShort(at + 2) & TYPE_MASK, value);
                at += (length + 3) & ~3;
            }
        }

        /** The bytes. */
        public Optional<byte[]> bytes(int attribute) {
            return Optional.ofNullable(values.get(attribute));
        }

        /** A number of 32 bits, or the default. */
        public int u32(int attribute, int otherwise) {
            return bytes(attribute)
                    .filter(v -> v.length >= 4)
                    .map(v -> ByteBuffer.wrap(v).order(ByteOrder.nativeOrder()).getInt())
                    .orElse(otherwise);
        }

        /** A string without its NUL; empty where there is none. */
        public String string(int attribute) {
            return bytes(attribute)
                    .map(v -> {
                        int end = 0;
                        while (end < v.length && v[end] != 0) {
                            end++;
                        }
                        return new String(v, 0, end, StandardCharsets.UTF_8);
                    })
                    .orElse("");
        }

        /** An IPv4 or IPv6 address. */
        public Optional<InetAddress> address(int attribute) {
            return bytes(attribute).map(v -> {
                try {
                    return InetAddress.getByAddress(v);
                } catch (UnknownHostException e) {
                    throw new KernelException("netlink address " + Arrays.toString(v), Errno.EPROTO);
                }
            });
        }

        /** The attributes inside an attribute; none where it is not there. */
        public Attributes nested(int attribute) {
            return new Attributes(ByteBuffer.wrap(bytes(attribute).orElse(new byte[0])));
        }
    }
}
