package kist.network;

import java.util.BitSet;

/** The addresses of a subnet and which of them are in use. One that was freed comes up again as late as possible. Thread-safe. */
final class Addresses {
    private static final int FIRST = 2;

    private final Subnet subnet;
    private final BitSet used = new BitSet();
    private int next = FIRST;

    Addresses(Subnet subnet) {
        this.subnet = subnet;
    }

    Subnet subnet() {
        return subnet;
    }

    /**
     * Takes an address that is not in use.
     *
     * @throws NetworkException if there is none
     */
    synchronized int take() {
        int end = FIRST + subnet.capacity();
        int found = used.nextClearBit(next);
        if (found >= end) {
            found = used.nextClearBit(FIRST);
        }
        if (found >= end) {
            throw new NetworkException("All " + subnet.capacity() + " addresses of " + subnet
                    + " are in use; remove containers or choose a wider subnet for the bridge.");
        }
        used.set(found);
        next = found + 1;
        return subnet.network() + found;
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

    private boolean isForContainers(int address) {
        return subnet.contains(address)
                && address != subnet.network()
                && address != subnet.gateway()
                && address != subnet.broadcast();
    }
}
