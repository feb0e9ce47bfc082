package kist.kernel;

import java.nio.channels.SocketChannel;

/** Who is at the other end of a Unix socket, as the kernel saw it when they connected (unix(7), SO_PEERCRED). */
public record PeerCredentials(long uid, long gid, long pid) {
    /**
     * Reads the peer of a connected channel of the Unix domain.
     *
     * @throws KernelException if the kernel refuses
     */
    public static PeerCredentials of(SocketChannel channel) {
        return Linux.system().peerCredentials(ChannelDescriptor.of(channel));
    }
}
