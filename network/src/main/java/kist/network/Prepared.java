package kist.network;

import java.util.Optional;
import kist.kernel.Netlink;

/**
 * A namespace and the netlink socket inside it, if there is one. The socket stays open from the first use of the
 * namespace to its end: the kernel counts a closed one for some time yet, and the count of sockets says whether the
 * namespace can be recycled.
 */
record Prepared(Claimed claimed, Optional<Netlink> inside) implements AutoCloseable {
    Mode mode() {
        return claimed.endpoint().isPresent() ? Mode.BRIDGE : Mode.NONE;
    }

    @Override
    public void close() {
        inside.ifPresent(Netlink::close);
        claimed.namespace().close();
    }
}
