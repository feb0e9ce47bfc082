package kist.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** TLS over a TCP connection. The handshake is made by {@link #open}. */
final class TlsWire implements Wire {
    /** The type of the record that opens a handshake (RFC 8446 section 5.1). */
    private static final int HANDSHAKE = 22;

    private static final byte[] PLAIN =
            ("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 48\r\n"
                            + "Connection: close\r\n\r\nThis port speaks HTTPS; the request was in HTTP\n")
                    .getBytes(StandardCharsets.US_ASCII);

    private final SocketChannel channel;
    private final TlsContext tls;
    private @Nullable SSLSocket socket;
    private InputStream in = InputStream.nullInputStream();
    private OutputStream out = OutputStream.nullOutputStream();

    TlsWire(SocketChannel channel, TlsContext tls) {
        this.channel = channel;
        this.tls = tls;
    }

    @Override
    public boolean open() throws IOException {
        ByteBuffer first = ByteBuffer.allocate(1);
        if (channel.read(first) < 1) {
            return false;
        }
        if (first.get(0) != HANDSHAKE) {
            channel.write(ByteBuffer.wrap(PLAIN));
            channel.shutdownOutput();
            return false;
        }
        SSLSocket made = (SSLSocket) tls.current()
                .getSocketFactory()
                .createSocket(channel.socket(), new ByteArrayInputStream(first.array()), false);
        tls.configure(made);
        made.startHandshake();
        in = made.getInputStream();
        out = made.getOutputStream();
        socket = made;
        return true;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        return in.read(into, offset, length);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        out.write(bytes, offset, length);
    }

    @Override
    public void shutdownOutput() throws IOException {
        // sends close_notify; in TLS 1.3 what the client still sends can be read (RFC 8446 section 6.1)
        SSLSocket open = socket;
        if (open != null) {
            open.shutdownOutput();
        }
    }

    @Override
    public void close() {
        // not the TLS socket's close(), which waits for a writer that is blocked
        try {
            channel.close();
        } catch (IOException e) {
            // the descriptor is gone either way
        }
    }

    @Override
    public Peer peer() {
        return Peer.at(ChannelWire.address(channel), subject());
    }

    private String subject() {
        SSLSocket open = socket;
        if (open == null) {
            return "";
        }
        try {
            return ((X509Certificate) open.getSession().getPeerCertificates()[0])
                    .getSubjectX500Principal()
                    .getName();
        } catch (SSLPeerUnverifiedException e) {
            return "";
        }
    }
}
