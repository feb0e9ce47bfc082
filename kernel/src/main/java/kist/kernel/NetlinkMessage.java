package kist.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * A netlink request while it is written (netlink(7)): a header of fixed fields, then attributes, which can hold
 * attributes. Numbers are in the machine's byte order unless the method says otherwise. Not thread-safe.
 */
public final class NetlinkMessage {
    /** Set on every request. */
    public static final int REQUEST = 0x1;

    /** The kernel answers when it is done, also when nothing failed. */
    public static final int ACK = 0x4;

    /** All objects rather than one. */
    public static final int DUMP = 0x300;

    /** Takes the place of what is there. */
    public static final int REPLACE = 0x100;

    /** Fails with EEXIST where the object is there. */
    public static final int EXCL = 0x200;

    /** Makes the object where it is not there. */
    public static final int CREATE = 0x400;

    /** Puts the object at the end of a list. */
    public static final int APPEND = 0x800;

    static final int HEADER = 16;
    private static final int NESTED = 0x8000;

    private final String about;
    private final int type;
    private final int flags;
    private ByteBuffer data = ByteBuffer.allocate(512).order(ByteOrder.nativeOrder());

    /**
     * Begins a request.
     *
     * @param about what it does, for the error message, such as {@code create bridge kist0}
     * @param type such as RTM_NEWLINK
     * @param flags of this class; {@link #REQUEST} is added
     */
    public NetlinkMessage(String about, int type, int flags) {
        this.about = about;
        this.type = type;
        this.flags = flags | REQUEST;
        data.position(HEADER);
    }

    String about() {
        return about;
    }

    int flags() {
        return flags;
    }

    private ByteBuffer room(int bytes) {
        if (data.remaining() < bytes) {
            ByteBuffer larger = ByteBuffer.allocate(Math.max(data.capacity() * 2, data.position() + bytes))
                    .order(ByteOrder.nativeOrder());
            data = larger.put(data.flip());
        }
        return data;
    }

    /** Writes a byte of the fixed header. */
    public NetlinkMessage u8(int value) {
        room(1).put((byte) value);
        return this;
    }

    /** Writes 16 bits of the fixed header. */
    public NetlinkMessage u16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    /** Writes 32 bits of the fixed header. */
    public NetlinkMessage u32(int value) {
        room(4).putInt(value);
        return this;
    }

    /** Adds an attribute with these bytes, padded to four. */
    public NetlinkMessage attribute(int attribute, byte... value) {
        int length = 4 + value.length;
        ByteBuffer b = room((length + 3) & ~3);
        b.putShort((short) length).putShort((short) attribute).put(value);
        pad();
        return this;
    }

    /** Adds an attribute of 32 bits. */
    public NetlinkMessage attributeU32(int attribute, int value) {
        return attribute(
                attribute,
                ByteBuffer.allocate(4)
                        .order(ByteOrder.nativeOrder())
                        .putInt(value)
                        .array());
    }

    /** Adds an attribute of 32 bits in network byte order, as netfilter wants them. */
    public NetlinkMessage attributeBe32(int attribute, int value) {
        return attribute(attribute, ByteBuffer.allocate(4).putInt(value).array());
    }

    /** Adds a string with its NUL. */
    public NetlinkMessage attribute(int attribute, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        return attribute(attribute, Arrays.copyOf(bytes, bytes.length + 1));
    }

    /** Adds an attribute that holds what {@code content} writes, marked as nested. */
    public NetlinkMessage nest(int attribute, Consumer<NetlinkMessage> content) {
        int start = room(4).position();
        data.putShort((short) 0).putShort((short) (attribute | NESTED));
        content.accept(this);
        data.putShort(start, (short) (data.position() - start));
        return this;
    }

    private void pad() {
        while (data.position() % 4 != 0) {
            data.put((byte) 0);
        }
    }

    /** The bytes on the wire, with this sequence number and these flags besides its own. */
    byte[] encode(int sequence, int moreFlags) {
        pad();
        data.putInt(0, data.position());
        data.putShort(4, (short) type);
        data.putShort(6, (short) (flags | moreFlags));
        data.putInt(8, sequence);
        data.putInt(12, 0);
        return Arrays.copyOf(data.array(), data.position());
    }
}
