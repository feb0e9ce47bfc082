package kist.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.function.Function;

/** A wire over a socket channel in blocking mode. */
final class ChannelWire implements Wire {
    /** The JDK copies a heap buffer into a cached direct one of the same size: writes are cut so that it stays small. */
    private static final int SLICE = 64 << 10;

    private final SocketChannel channel;
    private final Function<SocketChannel, Peer> peers;

    ChannelWire(SocketChannel channel, Function<SocketChannel, Peer> peers) {
        this.channel = channel;
        this.peers = peers;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        return channel.read(ByteBuffer.wrap(into, offset, Math.min(length, SLICE)));
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        int end = offset + length;
        while (offset < end) {
            offset += channel.write(ByteBuffer.wrap(bytes, offset, Math.min(end - offset, SLICE)));
        }
    }

    @Override
    public void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // the descriptor is gone either way
        }
    }

    @Override
    public Peer peer() {
        return peers.apply(channel);
    }
}
