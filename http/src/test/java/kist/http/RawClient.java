package kist.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client that says exactly what a test tells it to. */
final class RawClient implements AutoCloseable {
    private final SocketChannel channel;

    RawClient(Path socket) throws IOException {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
    }

    RawClient say(String text) throws IOException {
        return say(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    RawClient say(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        return this;
    }

    RawClient done() throws IOException {
        channel.shutdownOutput();
        return this;
    }

    /** Everything until the server closes or shuts down its side. */
    String rest() throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] bytes = new byte[8192];
        int count = channel.read(ByteBuffer.wrap(bytes));
        while (count >= 0) {
            all.write(bytes, 0, count);
            count = channel.read(ByteBuffer.wrap(bytes));
        }
        return all.toString(StandardCharsets.ISO_8859_1);
    }

    /** Reads until what was read ends with this. */
    String until(String end) throws IOException {
        StringBuilder all = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (!all.toString().endsWith(end)) {
            one.clear();
            if (channel.read(one) < 0) {
                throw new IOException("the server closed after: " + all);
            }
            all.append((char) (one.get(0) & 0xff));
        }
        return all.toString();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
