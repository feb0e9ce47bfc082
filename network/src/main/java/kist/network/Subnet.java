package kist.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * An IPv4 subnet; addresses are numbers as in the header of a packet.
 *
 * @param network its first address
 */
record Subnet(int network, int prefixLength) {
    private static final String DOTTED = "[0-9]{1,3}(\\.[0-9]{1,3}){3}";
    private static final int WIDEST = 8;
    private static final int NARROWEST = 29;

    /**
     * Reads CIDR notation.
     *
     * @throws NetworkException if it is not a subnet in which containers have room
     */
    static Subnet parse(String text) {
        int slash = text.indexOf('/');
        try {
            if (slash > 0
                    && text.substring(0, slash).matches(DOTTED)
                    && InetAddress.ofLiteral(text.substring(0, slash)) instanceof Inet4Address address
                    && text.substring(slash + 1).matches("[0-9]{1,2}")) {
                int prefix = Integer.parseInt(text.substring(slash + 1));
                int network = number(address);
                if (prefix >= WIDEST && prefix <= NARROWEST && (network & ~mask(prefix)) == 0) {
                    return new Subnet(network, prefix);
                }
            }
        } catch (IllegalArgumentException e) {
            throw refusal(text);
        }
        throw refusal(text);
    }

    /** Reads a subnet of any size, whatever bits are set after its prefix, as a range of addresses. */
    static Subnet parseRange(String text) {
        int slash = text.indexOf('/');
        if (slash > 0 && text.substring(slash + 1).matches("[0-9]{1,2}")) {
            int prefix = Integer.parseInt(text.substring(slash + 1));
            if (prefix >= 1 && prefix <= 32) {
                return new Subnet(number(text.substring(0, slash)) & mask(prefix), prefix);
            }
        }
        throw new NetworkException("IP range \"" + text + "\" must be an IPv4 network such as 172.29.1.0/24.");
    }

    private static NetworkException refusal(String text) {
        return new NetworkException(
                "Subnet \"" + text
                        + "\" must be an IPv4 network with a prefix of 8 to 29 and no bit set after it, such as 172.29.0.0/16.");
    }

    private static int mask(int prefixLength) {
        return prefixLength == 0 ? 0 : -1 << (32 - prefixLength);
    }

    static int number(InetAddress address) {
        return ByteBuffer.wrap(address.getAddress()).getInt();
    }

    /**
     * The number of an address in dotted notation.
     *
     * @throws NetworkException if it is none
     */
    static int number(String address) {
        try {
            // the literals of Java have short forms too, in which 10.1 is 10.0.0.1
            if (address.matches(DOTTED) && InetAddress.ofLiteral(address) instanceof Inet4Address v4) {
                return number(v4);
            }
        } catch (IllegalArgumentException e) {
            throw new NetworkException("\"" + address + "\" is not an IPv4 address.", e);
        }
        throw new NetworkException("\"" + address + "\" is not an IPv4 address.");
    }

    static InetAddress address(int number) {
        try {
            return InetAddress.getByAddress(
                    ByteBuffer.allocate(4).putInt(number).array());
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The hardware address that belongs to an address: locally administered, 02:42 and the address. */
    static String mac(int number) {
        return "02:42:"
                + HexFormat.ofDelimiter(":")
                        .formatHex(ByteBuffer.allocate(4).putInt(number).array());
    }

    /** The first usable address, which the bridge has. */
    int gateway() {
        return network + 1;
    }

    int broadcast() {
        return network | ~mask(prefixLength);
    }

    /** How many addresses containers can have. */
    int capacity() {
        return broadcast() - network - 2;
    }

    boolean contains(int address) {
        return (address & mask(prefixLength)) == network;
    }

    boolean overlaps(Subnet other) {
        return contains(other.network) || other.contains(network);
    }

    /** Whether the other lies in this one, or is it. */
    boolean covers(Subnet other) {
        return contains(other.network) && prefixLength <= other.prefixLength;
    }

    @Override
    public String toString() {
        return address(network).getHostAddress() + "/" + prefixLength;
    }
}
