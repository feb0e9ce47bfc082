package kist.network;

import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * The addresses of a subnet and which of them are in use. One that was freed comes up again as late as possible.
 * Thread-safe.
 */
final class Addresses {
    private final Subnet subnet;
    private final int gateway;
    private final Subnet range;
    private final Set<Integer> never;
    private final BitSet used = new BitSet();
    private int next;

    /** All of a subnet whose first address is the gateway's. */
    Addresses(Subnet subnet) {
        this(subnet, subnet.gateway(), subnet, Set.of());
    }

    /**
     * Those of a range.
     *
     * @param range within the subnet, from which addresses are chosen; others can be asked for
     * @param never addresses that no container gets
     */
    Addresses(Subnet subnet, int gateway, Subnet range, Set<Integer> never) {
        this.subnet = subnet;
        this.gateway = gateway;
        this.range = range;
        this.never = never;
        this.next = first();
    }

    Subnet subnet() {
        return subnet;
    }

    int gateway() {
        return gateway;
    }

    private int first() {
        return range.network() - subnet.network();
    }

    /**
     * Takes an address that is not in use.
     *
     * @throws NetworkException if there is none
     */
    synchronized int take() {
        int end = range.broadcast() - subnet.network() + 1;
        int found = find(next, end);
        if (found < 0) {
            found = find(first(), end);
        }
        if (found < 0) {
            throw new NetworkException("All " + capacity() + " addresses of " + range
                    + " are in use; remove containers or choose a wider subnet for the network.");
        }
        used.set(found);
        next = found + 1;
        return subnet.network() + found;
    }

    private int capacity() {
        Set<Integer> excluded = new HashSet<>(never);
        excluded.addAll(Set.of(gateway, subnet.network(), subnet.broadcast()));
        excluded.removeIf(a -> !range.contains(a));
        return range.broadcast() - range.network() + 1 - excluded.size();
    }

    private int find(int from, int end) {
        int found = used.nextClearBit(from);
        while (found < end && !isForContainers(subnet.network() + found)) {
            found = used.nextClearBit(found + 1);
        }
        return found < end ? found : -1;
    }

    /** Takes this address; false if it is in use or not one that a container can have. */
    synchronized boolean reserve(int address) {
        if (!isForContainers(address) || used.get(address - subnet.network())) {
            return false;
        }
        used.set(address - subnet.network());
        return true;
    }

    /** Gives an address back. */
    synchronized void free(int address) {
        if (isForContainers(address)) {
            used.clear(address - subnet.network());
        }
    }

    synchronized int inUse() {
        return used.cardinality();
    }

    boolean isForContainers(int address) {
        return subnet.contains(address)
                && address != subnet.network()
                && address != gateway
                && address != subnet.broadcast()
                && !never.contains(address);
    }
}
