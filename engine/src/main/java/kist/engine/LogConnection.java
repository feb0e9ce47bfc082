package kist.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** A stream to a log server, over TCP, TLS or a Unix socket. */
final class LogConnection implements AutoCloseable {
    private static final int CONNECT_MILLIS = 5_000;

    private final AutoCloseable connection;
    private final InputStream input;
    private final OutputStream output;
    private final Optional<SocketChannel> plain;

    private LogConnection(
            AutoCloseable connection, InputStream input, OutputStream output, Optional<SocketChannel> plain) {
        this.connection = connection;
        this.input = input;
        this.output = output;
        this.plain = plain;
    }

    /**
     * Connects.
     *
     * @param tls for the protocols that have it
     * @param verified whether the server's certificate must be for its host
     * @param readMillis how long an answer may take, 0 for ever
     */
    static LogConnection open(LogAddress to, Optional<SSLContext> tls, boolean verified, int readMillis)
            throws IOException {
        if (to.protocol().equals("unix")) {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                channel.connect(to.unix());
                return new LogConnection(
                        channel,
                        Channels.newInputStream(channel),
                        Channels.newOutputStream(channel),
                        Optional.of(channel));
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        }
        SocketChannel channel = SocketChannel.open();
        Socket socket = channel.socket();
        try {
            socket.connect(to.internet(), CONNECT_MILLIS);
            socket.setTcpNoDelay(true);
            socket.setKeepAlive(true);
            socket.setSoTimeout(readMillis);
            if (tls.isEmpty()) {
                return new LogConnection(
                        channel, socket.getInputStream(), socket.getOutputStream(), Optional.of(channel));
            }
            SSLSocket secure =
                    (SSLSocket) tls.get().getSocketFactory().createSocket(socket, to.host(), to.port(), true);
            if (verified) {
                SSLParameters parameters = secure.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                secure.setSSLParameters(parameters);
            }
            secure.startHandshake();
            return new LogConnection(secure, secure.getInputStream(), secure.getOutputStream(), Optional.empty());
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    InputStream input() {
        return input;
    }

    /** Writes all, unless the other side has closed meanwhile. */
    void write(byte[] bytes) throws IOException {
        if (plain.isPresent()) {
            // what is written to a connection that the server has closed is lost without a word
            SocketChannel channel = plain.get();
            channel.configureBlocking(false);
            int n = channel.read(ByteBuffer.allocate(1));
            channel.configureBlocking(true);
            if (n < 0) {
                throw new IOException("the server has closed the connection");
            }
        }
        output.write(bytes);
        output.flush();
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (Exception e) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "closing a connection to a log server", e);
        }
    }
}
