package kist.dns;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;

/**
 * A DNS server for containers: answers what the {@link Names} of a listener know, and hands on the rest. It listens where
 * it is told, by UDP and TCP, on virtual threads; nothing waits in it but for questions. Thread-safe.
 */
public final class DnsServer {
    private static final System.Logger LOG = System.getLogger("kist.dns");
    private static final int LARGEST_QUESTION = 2048;
    private static final int TRIES = 8;
    private static final long AFTER_FAILURE = 50_000_000;
    private static final int MOST_CONNECTIONS = 64;
    private static final int IDLE_MILLIS = 10_000;

    static {
        // the library's logging has nobody to talk to here, and would say so on standard error
        if (System.getProperty("slf4j.internal.verbosity") == null) {
            System.setProperty("slf4j.internal.verbosity", "ERROR");
        }
    }

    private final Forwarder forwarder = new Forwarder();

    /**
     * Begins to answer at an address, in the network namespace of the calling thread.
     *
     * @param names asked for every question
     * @param port by UDP and TCP; 0 for any that is free
     * @throws DnsException if the port is taken or the address is not this host's
     */
    public Listener listen(Names names, InetAddress address, int port) {
        for (int i = 1; ; i++) {
            try {
                return open(new Responder(names, forwarder), address, port);
            } catch (IOException e) {
                // of a port that was free by UDP alone there may be another
                if (port != 0 || i == TRIES) {
                    throw new DnsException(
                            "Names cannot be answered at " + address.getHostAddress() + " port " + port + ": "
                                    + e.getMessage(),
                            e);
                }
            }
        }
    }

    private static Listener open(Responder responder, InetAddress address, int port) throws IOException {
        DatagramChannel datagrams = DatagramChannel.open(StandardProtocolFamily.INET);
        try {
            datagrams.bind(new InetSocketAddress(address, port));
            InetSocketAddress bound = (InetSocketAddress) datagrams.getLocalAddress();
            ServerSocketChannel streams = ServerSocketChannel.open(StandardProtocolFamily.INET);
            try {
                streams.setOption(StandardSocketOptions.SO_REUSEADDR, true);
                streams.bind(bound);
            } catch (IOException | RuntimeException e) {
                streams.close();
                throw e;
            }
            Thread.ofVirtual().name("dns-udp").start(() -> answerDatagrams(responder, datagrams));
            Thread.ofVirtual().name("dns-tcp").start(() -> answerStreams(responder, streams));
            return new Listener(bound, datagrams, streams);
        } catch (IOException | RuntimeException e) {
            datagrams.close();
            throw e;
        }
    }

    /** A place where questions are answered, until it is closed. */
    public static final class Listener implements AutoCloseable {
        private final InetSocketAddress address;
        private final DatagramChannel datagrams;
        private final ServerSocketChannel streams;

        private Listener(InetSocketAddress address, DatagramChannel datagrams, ServerSocketChannel streams) {
            this.address = address;
            this.datagrams = datagrams;
            this.streams = streams;
        }

        /** Where it listens. */
        public InetSocketAddress address() {
            return address;
        }

        @Override
        public void close() {
            try (datagrams;
                    streams) {
                LOG.log(System.Logger.Level.DEBUG, "no more answers at {0}", address);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.DEBUG, "closing " + address, e);
            }
        }
    }

    private static void answerDatagrams(Responder responder, DatagramChannel channel) {
        ByteBuffer buffer = ByteBuffer.allocate(LARGEST_QUESTION);
        while (channel.isOpen()) {
            try {
                buffer.clear();
                InetSocketAddress client = (InetSocketAddress) channel.receive(buffer);
                byte[] question = new byte[buffer.flip().remaining()];
                buffer.get(question);
                switch (responder.reply(client.getAddress(), question, false)) {
                    case Responder.Reply.Send(byte[] message) -> channel.send(ByteBuffer.wrap(message), client);
                    case Responder.Reply.Ask ask ->
                        Thread.ofVirtual().start(() -> forward(responder, channel, client, ask));
                    case Responder.Reply.Silence s -> {}
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException e) {
                LOG.log(System.Logger.Level.DEBUG, "a question by UDP", e);
            }
        }
    }

    private static void forward(
            Responder responder, DatagramChannel channel, InetSocketAddress client, Responder.Reply.Ask ask) {
        try {
            channel.send(ByteBuffer.wrap(responder.forward(ask, false)), client);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "an answer by UDP", e);
        }
    }

    private static void answerStreams(Responder responder, ServerSocketChannel server) {
        Semaphore places = new Semaphore(MOST_CONNECTIONS);
        while (server.isOpen()) {
            try {
                SocketChannel connection = server.accept();
                if (!places.tryAcquire()) {
                    connection.close();
                    continue;
                }
                Thread.ofVirtual().start(() -> {
                    try (Socket socket = connection.socket()) {
                        converse(responder, socket);
                    } catch (IOException | RuntimeException e) {
                        LOG.log(System.Logger.Level.DEBUG, "a conversation by TCP", e);
                    } finally {
                        places.release();
                    }
                });
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                LOG.log(System.Logger.Level.DEBUG, "accepting by TCP", e);
                LockSupport.parkNanos(AFTER_FAILURE); // such as no descriptors: more of it would not help
            }
        }
    }

    /** Each message is preceded by its length (RFC 7766). */
    private static void converse(Responder responder, Socket socket) throws IOException {
        socket.setSoTimeout(IDLE_MILLIS);
        DataInputStream in = new DataInputStream(socket.getInputStream());
        OutputStream out = socket.getOutputStream();
        while (true) {
            byte[] question = new byte[in.readUnsignedShort()];
            in.readFully(question);
            byte[] message;
            switch (responder.reply(socket.getInetAddress(), question, true)) {
                case Responder.Reply.Send(byte[] known) -> message = known;
                case Responder.Reply.Ask ask -> message = responder.forward(ask, true);
                case Responder.Reply.Silence s -> {
                    return;
                }
            }
            byte[] framed = new byte[message.length + 2];
            framed[0] = (byte) (message.length >> 8);
            framed[1] = (byte) message.length;
            System.arraycopy(message, 0, framed, 2, message.length);
            out.write(framed);
        }
    }
}
