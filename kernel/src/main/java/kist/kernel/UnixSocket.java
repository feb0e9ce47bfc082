package kist.kernel;

import java.nio.channels.SocketChannel;

/** What the JDK does not tell of a channel of the Unix domain. */
public final class UnixSocket {
    private UnixSocket() {}

    /**
     * Bytes that were written and that the peer has not read yet (SIOCOUTQ, socket(7)); the kernel counts its own overhead with
     * them, so only zero is exact.
     *
     * @throws KernelException if the channel is closed
     */
    public static int unreadBytes(SocketChannel channel) {
        return Linux.system().unreadBytes(ChannelDescriptor.of(channel));
    }
}
