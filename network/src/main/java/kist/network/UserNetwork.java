package kist.network;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A bridge network besides the default one: what it is, and its addresses. */
final class UserNetwork {
    private static final Pattern LINK = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,14}");
    private static final int SMALLEST_MTU = 68;
    private static final int LARGEST_MTU = 65535;
    /** Where subnets are taken from that nobody asked for, and their size. */
    private static final List<String> POOLS = List.of(
            "172.28.0.0/16",
            "172.27.0.0/16",
            "172.26.0.0/16",
            "172.25.0.0/16",
            "172.24.0.0/16",
            "172.23.0.0/16",
            "172.22.0.0/16",
            "172.21.0.0/16",
            "172.20.0.0/16",
            "10.192.0.0/12");

    private static final int CHOSEN_PREFIX = 20;

    private final BridgeNetwork definition;
    private final Subnet subnet;
    private final Addresses addresses;
    /** Index of the bridge; 0 before it was made. Belongs to the worker. */
    int index;

    private UserNetwork(BridgeNetwork definition, Subnet subnet, Addresses addresses) {
        this.definition = definition;
        this.subnet = subnet;
        this.addresses = addresses;
    }

    /** The default bridge, for containers that come to it while they run. */
    static UserNetwork ofDefault(String id, String bridge, Addresses addresses) {
        Subnet subnet = addresses.subnet();
        BridgeNetwork definition = new BridgeNetwork(
                id,
                "bridge",
                bridge,
                subnet.toString(),
                Subnet.address(addresses.gateway()).getHostAddress(),
                "",
                Map.of(),
                false,
                0,
                true,
                true,
                "");
        return new UserNetwork(definition, subnet, addresses);
    }

    BridgeNetwork definition() {
        return definition;
    }

    Subnet subnet() {
        return subnet;
    }

    Addresses addresses() {
        return addresses;
    }

    int mtu() {
        return definition.mtu() == 0 ? Bridge.MTU : definition.mtu();
    }

    Firewall.Fence fence() {
        return new Firewall.Fence(
                definition.bridge(),
                subnet,
                definition.internal(),
                definition.communication(),
                definition.masquerade());
    }

    /** Reads one whose subnet, gateway and bridge are chosen. */
    static UserNetwork of(BridgeNetwork d) {
        Subnet subnet = Subnet.parse(d.subnet());
        int gateway = Subnet.number(d.gateway());
        inside(subnet, "gateway", d.gateway());
        Subnet range = d.range().isEmpty() ? subnet : Subnet.parseRange(d.range());
        if (!subnet.covers(range)) {
            throw new NetworkException("IP range " + d.range() + " must lie within the subnet " + subnet + ".");
        }
        Set<Integer> never = new HashSet<>();
        for (Map.Entry<String, String> a : d.auxiliary().entrySet()) {
            inside(subnet, "auxiliary address " + a.getKey(), a.getValue());
            never.add(Subnet.number(a.getValue()));
        }
        if (d.mtu() != 0 && (d.mtu() < SMALLEST_MTU || d.mtu() > LARGEST_MTU)) {
            throw new NetworkException("MTU " + d.mtu() + " must be from " + SMALLEST_MTU + " to " + LARGEST_MTU + ".");
        }
        if (!d.hostBinding().isEmpty()) {
            Subnet.number(d.hostBinding());
        }
        return new UserNetwork(d, subnet, new Addresses(subnet, gateway, range, never));
    }

    private static void inside(Subnet subnet, String what, String address) {
        int number = Subnet.number(address);
        if (!subnet.contains(number) || number == subnet.network() || number == subnet.broadcast()) {
            throw new NetworkException("The " + what + " " + address + " must be an address within the subnet " + subnet
                    + ", neither its first nor its last.");
        }
    }

    /**
     * Chooses what was not asked for.
     *
     * @param routed what this host routes already
     * @param taken subnets of other networks of this engine
     */
    static BridgeNetwork complete(BridgeNetwork wish, List<Subnet> routed, List<Subnet> taken) {
        String bridge = wish.bridge().isEmpty() ? "kn-" + wish.id().substring(0, 12) : wish.bridge();
        if (!LINK.matcher(bridge).matches()) {
            throw new NetworkException("Bridge name \"" + bridge
                    + "\" must have 1 to 15 letters, digits, '_', '.' or '-', and begin with a letter or digit.");
        }
        Subnet subnet;
        if (wish.subnet().isEmpty()) {
            if (!wish.gateway().isEmpty() || !wish.range().isEmpty()) {
                throw new NetworkException("A gateway or an IP range can only be given together with a subnet.");
            }
            subnet = choose(routed, taken);
        } else {
            subnet = Subnet.parse(wish.subnet());
            for (Subnet t : taken) {
                if (t.overlaps(subnet)) {
                    throw new NetworkException("Pool overlaps with other one on this address space: subnet " + subnet
                            + " and " + t + " of another network.");
                }
            }
            for (Subnet r : routed) {
                // a wider route may stay: the bridge's own, narrower one goes before it
                if (subnet.covers(r)) {
                    throw new NetworkException(
                            "Subnet " + subnet + " holds " + r + ", which this host already routes elsewhere.");
                }
            }
        }
        String gateway =
                wish.gateway().isEmpty() ? Subnet.address(gateway(subnet, wish)).getHostAddress() : wish.gateway();
        BridgeNetwork whole = new BridgeNetwork(
                wish.id(),
                wish.name(),
                bridge,
                subnet.toString(),
                gateway,
                wish.range(),
                new TreeMap<>(wish.auxiliary()),
                wish.internal(),
                wish.mtu(),
                wish.communication(),
                wish.masquerade(),
                wish.hostBinding());
        of(whole);
        return whole;
    }

    /** The first address of the range, or else of the subnet, that is not set aside. */
    private static int gateway(Subnet subnet, BridgeNetwork wish) {
        Subnet range = wish.range().isEmpty() ? subnet : Subnet.parseRange(wish.range());
        int first = subnet.covers(range) && range.network() != subnet.network() ? range.network() : subnet.gateway();
        List<Integer> aside = new ArrayList<>(
                wish.auxiliary().values().stream().map(Subnet::number).toList());
        while (aside.contains(first)) {
            first++;
        }
        return first;
    }

    private static Subnet choose(List<Subnet> routed, List<Subnet> taken) {
        for (String text : POOLS) {
            Subnet pool = Subnet.parse(text);
            int step = 1 << (32 - CHOSEN_PREFIX);
            for (int at = pool.network(); pool.contains(at); at += step) {
                Subnet candidate = new Subnet(at, CHOSEN_PREFIX);
                if (routed.stream().noneMatch(candidate::overlaps)
                        && taken.stream().noneMatch(candidate::overlaps)) {
                    return candidate;
                }
            }
        }
        throw new NetworkException("This host already routes, or networks have, every subnet that Kist would choose;"
                + " remove networks or name a subnet.");
    }
}
