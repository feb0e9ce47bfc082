package kist.http;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import kist.kernel.KernelException;
import kist.kernel.UnixSocket;

/** A wire over a socket channel in blocking mode. */
final class ChannelWire implements Wire {
    /** The JDK copies a heap buffer into a cached direct one of the same size: writes are cut so that it stays small. */
    private static final int SLICE = 64 << 10;

    private static final long READ_PATIENCE = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long READ_PAUSE = TimeUnit.MICROSECONDS.toNanos(20);

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
    public void send(SeekableByteChannel from, long offset, long length) throws IOException {
        if (!(from instanceof FileChannel file)) {
            Wire.super.send(from, offset, length);
            return;
        }
        while (length > 0) {
            // sendfile(2): the bytes never come into this process
            long count = file.transferTo(offset, length, channel);
            if (count <= 0) {
                if (offset >= file.size()) {
                    throw new EOFException("what is being sent became shorter");
                }
                // the socket takes nothing now: one slice in the ordinary way waits until it does
                count = Math.min(length, SLICE);
                Wire.super.send(from, offset, count);
            }
            offset += count;
            length -= count;
        }
    }

    @Override
    public void awaitRead() {
        try {
            if (!(channel.getLocalAddress() instanceof UnixDomainSocketAddress)) {
                return; // TCP tells what was acknowledged, not what was read
            }
            long end = System.nanoTime() + READ_PATIENCE;
            while (UnixSocket.unreadBytes(channel) > 0 && System.nanoTime() < end) {
                LockSupport.parkNanos(READ_PAUSE);
            }
        } catch (IOException | KernelException e) {
            // the next write tells that it is closed
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

    /** The address and port at the other end of a TCP connection; empty once it is closed. */
    static String address(SocketChannel channel) {
        try {
            if (channel.getRemoteAddress() instanceof InetSocketAddress remote && !remote.isUnresolved()) {
                String host = remote.getAddress().getHostAddress();
                return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + remote.getPort();
            }
        } catch (IOException e) {
            // it has gone meanwhile
        }
        return "";
    }
}
