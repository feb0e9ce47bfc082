package kist.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A small, strict HTTP/1.1 server: one virtual thread a connection, no event loop, nothing that is not needed to answer the
 * first request. Thread-safe.
 */
public final class HttpServer implements AutoCloseable {
    private static final int BACKLOG = 1024;
    private static final long CLOSE_MILLIS = 1_000;

    private final ServerSocketChannel listener;
    private final Optional<Path> file;
    private final String fixedHeaders;
    private final Function<SocketChannel, Wire> wires;
    private final Handler handler;
    private final int maximum;
    private final long headMillis;
    private final long idleMillis;
    private final long stallMillis;
    private final Deadlines deadlines = new Deadlines();
    private final Set<Connection> connections = new HashSet<>();
    private volatile boolean closed;
    private @Nullable Thread acceptor;

    private HttpServer(
            ServerSocketChannel listener,
            Optional<Path> file,
            Map<String, String> headers,
            Function<SocketChannel, Wire> wires,
            Handler handler,
            Limits limits) {
        this.listener = listener;
        this.file = file;
        StringBuilder fixed = new StringBuilder();
        for (Map.Entry<String, String> header : headers.entrySet()) {
            fixed.append(header.getKey()).append(": ").append(header.getValue()).append("\r\n");
        }
        this.fixedHeaders = fixed.toString();
        this.wires = wires;
        this.handler = handler;
        this.maximum = limits.connections();
        this.headMillis = limits.head().toMillis();
        this.idleMillis = limits.idle().toMillis();
        this.stallMillis = limits.stall().toMillis();
    }

    /**
     * Listens on a Unix socket and answers at once. The file is made with mode 0660; that nobody reaches it in the instant
     * before is the business of the directory's mode (0700 or 0711) and the process's umask.
     *
     * @param file where no file may be yet
     * @param headers fields that every response carries
     * @param peers finds out who is at the other end of a channel, called when a handler first asks
     * @throws IOException if the file is there already or cannot be made
     */
    public static HttpServer listen(
            Path file, Map<String, String> headers, Function<SocketChannel, Peer> peers, Handler handler)
            throws IOException {
        return listen(file, headers, peers, handler, Limits.LOCAL);
    }

    /** The same with other limits. */
    static HttpServer listen(
            Path file, Map<String, String> headers, Function<SocketChannel, Peer> peers, Handler handler, Limits limits)
            throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            listener.bind(UnixDomainSocketAddress.of(file), BACKLOG);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
        return new HttpServer(
                        listener,
                        Optional.of(file),
                        headers,
                        channel -> new ChannelWire(channel, peers),
                        handler,
                        limits)
                .start();
    }

    /**
     * Listens on a TCP port and answers at once. Peers are known by their address, and by their certificate where TLS
     * asks for one.
     *
     * @param address with port 0 for any that is free, see {@link #address}
     * @param headers fields that every response carries
     * @throws IOException if the address is taken or not this machine's, or a TLS file cannot be used
     */
    public static HttpServer listen(
            InetSocketAddress address, Optional<Tls> tls, Map<String, String> headers, Limits limits, Handler handler)
            throws IOException {
        Optional<TlsContext> context = tls.isEmpty() ? Optional.empty() : Optional.of(new TlsContext(tls.get()));
        if (address.isUnresolved()) {
            throw new IOException("no address is known for the host " + address.getHostString());
        }
        ServerSocketChannel listener = ServerSocketChannel.open();
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(address, BACKLOG);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw new IOException(
                    "cannot listen on " + address.getHostString() + ":" + address.getPort() + ": " + e.getMessage(), e);
        }
        return new HttpServer(
                        listener,
                        Optional.empty(),
                        headers,
                        channel -> context.isEmpty()
                                ? new ChannelWire(channel, c -> Peer.at(ChannelWire.address(c), ""))
                                : new TlsWire(channel, context.get()),
                        handler,
                        limits)
                .start();
    }

    private HttpServer start() {
        acceptor = Thread.ofVirtual().name("http-accept").start(new Runnable() {
            @Override
            public void run() {
                accept();
            }
        });
        return this;
    }

    /** Where a server on a TCP port listens; the one on a Unix socket has no such address. */
    public InetSocketAddress address() {
        try {
            return (InetSocketAddress) listener.getLocalAddress();
        } catch (IOException | ClassCastException e) {
            throw new IllegalStateException("the server listens on no TCP port", e);
        }
    }

    private void accept() {
        while (!closed) {
            try {
                SocketChannel channel = listener.accept();
                Connection connection = new Connection(this, wire(channel));
                boolean welcome;
                synchronized (connections) {
                    welcome = !closed && connections.size() < maximum && connections.add(connection);
                }
                if (welcome) {
                    Thread.ofVirtual().name("http").start(connection);
                } else {
                    connection.close();
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                // out of descriptors, most likely: those who are connected must be able to go on and free some
                System.getLogger("kist.http").log(System.Logger.Level.WARNING, "cannot accept a connection", e);
                pause(100);
            }
        }
    }

    private Wire wire(SocketChannel channel) throws IOException {
        Wire wire = wires.apply(channel);
        if (file.isPresent()) {
            return wire;
        }
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        } catch (IOException e) {
            wire.close();
            throw e;
        }
        return new TimedWire(wire, deadlines, headMillis, stallMillis);
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Stops listening, removes the socket file, closes idle connections at once and those that are being answered after a
     * second. Returns when every connection is closed or told to close.
     */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        if (file.isPresent()) {
            Files.deleteIfExists(file.get());
        }
        listener.close();
        released();
        long end = System.nanoTime() + CLOSE_MILLIS * 1_000_000;
        boolean busy = true;
        while (busy) {
            List<Connection> open;
            synchronized (connections) {
                open = new ArrayList<>(connections);
            }
            busy = false;
            boolean late = System.nanoTime() - end > 0 || Thread.currentThread().isInterrupted();
            for (Connection connection : open) {
                if (late || !connection.isBusy()) {
                    connection.close();
                } else {
                    busy = true;
                }
            }
            if (busy) {
                pause(10);
            }
        }
    }

    /** Waits for the accepting thread to let go of the listener, so that the address is free again. */
    private void released() {
        Thread thread = acceptor;
        if (thread != null) {
            try {
                thread.join(CLOSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    void remove(Connection connection) {
        synchronized (connections) {
            connections.remove(connection);
        }
    }

    boolean isClosed() {
        return closed;
    }

    Handler handler() {
        return handler;
    }

    String fixedHeaders() {
        return fixedHeaders;
    }

    Deadlines deadlines() {
        return deadlines;
    }

    long headMillis() {
        return headMillis;
    }

    long idleMillis() {
        return idleMillis;
    }

    long stallMillis() {
        return stallMillis;
    }
}
