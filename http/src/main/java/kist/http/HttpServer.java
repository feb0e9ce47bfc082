package kist.http;

import java.io.IOException;
import java.net.StandardProtocolFamily;
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
import java.util.Set;
import java.util.function.Function;

/**
 * A small, strict HTTP/1.1 server: one virtual thread a connection, no event loop, nothing that is not needed to answer the
 * first request. Thread-safe.
 */
public final class HttpServer implements AutoCloseable {
    private static final int BACKLOG = 1024;
    private static final int MAX_CONNECTIONS = 16_384;
    private static final long HEAD_MILLIS = 30_000;
    private static final long CLOSE_MILLIS = 1_000;

    private final ServerSocketChannel listener;
    private final Path file;
    private final String fixedHeaders;
    private final Function<SocketChannel, Peer> peers;
    private final Handler handler;
    private final long headMillis;
    private final Deadlines deadlines = new Deadlines();
    private final Set<Connection> connections = new HashSet<>();
    private volatile boolean closed;

    private HttpServer(
            ServerSocketChannel listener,
            Path file,
            String fixedHeaders,
            Function<SocketChannel, Peer> peers,
            Handler handler,
            long headMillis) {
        this.listener = listener;
        this.file = file;
        this.fixedHeaders = fixedHeaders;
        this.peers = peers;
        this.handler = handler;
        this.headMillis = headMillis;
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
        return listen(file, headers, peers, handler, HEAD_MILLIS);
    }

    /** The same with another time for slow request heads. */
    static HttpServer listen(
            Path file,
            Map<String, String> headers,
            Function<SocketChannel, Peer> peers,
            Handler handler,
            long headMillis)
            throws IOException {
        StringBuilder fixed = new StringBuilder();
        for (Map.Entry<String, String> header : headers.entrySet()) {
            fixed.append(header.getKey()).append(": ").append(header.getValue()).append("\r\n");
        }
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            listener.bind(UnixDomainSocketAddress.of(file), BACKLOG);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
        HttpServer server = new HttpServer(listener, file, fixed.toString(), peers, handler, headMillis);
        Thread.ofVirtual().name("http-accept").start(new Runnable() {
            @Override
            public void run() {
                server.accept();
            }
        });
        return server;
    }

    private void accept() {
        while (!closed) {
            try {
                SocketChannel channel = listener.accept();
                Connection connection = new Connection(this, new ChannelWire(channel, peers));
                boolean welcome;
                synchronized (connections) {
                    welcome = !closed && connections.size() < MAX_CONNECTIONS && connections.add(connection);
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
        Files.deleteIfExists(file);
        listener.close();
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
}
