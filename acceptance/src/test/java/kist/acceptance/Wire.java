package kist.acceptance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A connection that a request takes over from HTTP, as attach and exec do: bytes in both directions, as multiplexed frames,
 * as they are, or in the frames of RFC 6455. A thread of its own collects what comes.
 */
final class Wire implements AutoCloseable {
    private final SocketChannel channel;
    private final String head;
    private final ByteArrayOutputStream collected = new ByteArrayOutputStream();
    private final Thread reader;

    /** What one write of a container came as: 1 is standard output, 2 standard error. */
    record Frame(int stream, String text) {}

    private Wire(SocketChannel channel) {
        this.channel = channel;
        this.head = readHead();
        this.reader = Thread.startVirtualThread(this::collect);
    }

    /** Asks for a stream as the docker command does: with an upgrade to tcp. */
    static Wire open(Engine engine, String path, String json) {
        return open(
                engine.socket(),
                "POST " + path + " HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                        + "Content-Type: application/json\r\nContent-Length: " + json.length() + "\r\n\r\n" + json);
    }

    /** Asks for a web socket. */
    static Wire webSocket(Engine engine, String path) {
        return open(
                engine.socket(),
                "GET " + path + " HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Origin: http://engine\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                        + Base64.getEncoder().encodeToString(new byte[16]) + "\r\n\r\n");
    }

    static Wire open(Path socket, String request) {
        try {
            var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(UnixDomainSocketAddress.of(socket));
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
            return new Wire(channel);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String readHead() {
        var all = new StringBuilder();
        var one = ByteBuffer.allocate(1);
        try {
            while (all.indexOf("\r\n\r\n") < 0 && channel.read(one.clear()) > 0) {
                all.append((char) (one.get(0) & 0xff));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all.toString();
    }

    private void collect() {
        var buffer = ByteBuffer.allocate(65536);
        try {
            while (channel.read(buffer.clear()) >= 0) {
                synchronized (collected) {
                    collected.write(buffer.array(), 0, buffer.position());
                }
            }
        } catch (IOException e) {
            // closed by the test, or reset: what came until then counts
        }
    }

    /** The head of the answer. */
    String head() {
        return head;
    }

    int status() {
        return Integer.parseInt(head.substring(9, 12));
    }

    Wire expect(int status) {
        if (status() != status) {
            Wait.sleep(Duration.ofMillis(100));
            throw new AssertionError("not " + status + ": " + head + text());
        }
        return this;
    }

    byte[] bytes() {
        synchronized (collected) {
            return collected.toByteArray();
        }
    }

    /** All that came until now, byte by byte. */
    String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** What came until now as frames, of which only whole ones count. */
    List<Frame> frames() {
        var frames = new ArrayList<Frame>();
        var all = ByteBuffer.wrap(bytes());
        while (all.remaining() >= 8) {
            int stream = all.get();
            if (stream < 0 || stream > 2 || all.get() != 0 || all.get() != 0 || all.get() != 0) {
                throw new AssertionError("no frame at " + (all.position() - 4) + " of " + text());
            }
            int length = all.getInt();
            if (length > all.remaining()) {
                break;
            }
            var payload = new byte[length];
            all.get(payload);
            frames.add(new Frame(stream, new String(payload, StandardCharsets.UTF_8)));
        }
        return frames;
    }

    /** What came in the frames of one stream until now. */
    String stream(int number) {
        var all = new StringBuilder();
        frames().stream().filter(frame -> frame.stream == number).forEach(frame -> all.append(frame.text));
        return all.toString();
    }

    void write(String text) {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    void write(byte[] bytes) {
        try {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** No more is written from here; what comes is still read. */
    void closeOutput() {
        try {
            channel.shutdownOutput();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void await(String text) {
        Wait.until("\"" + text + "\"", Duration.ofSeconds(20), () -> text().contains(text), () -> head + text());
    }

    /** Waits for the other side's end of the stream. */
    void awaitEnd() {
        Wait.until("the end of the stream", Duration.ofSeconds(20), () -> !reader.isAlive(), () -> head + text());
    }

    /** A masked frame of RFC 6455, as clients must send: 1 is text, 2 binary, 8 close, 9 ping. */
    void writeWebSocket(int opcode, byte[] payload) {
        if (payload.length > 125) {
            throw new IllegalArgumentException("longer than this client's frames: " + payload.length);
        }
        var frame = ByteBuffer.allocate(6 + payload.length);
        byte[] mask = {0x5a, 0x17, (byte) 0xc3, 0x2e};
        frame.put((byte) (0x80 | opcode)).put((byte) (0x80 | payload.length)).put(mask);
        for (int i = 0; i < payload.length; i++) {
            frame.put((byte) (payload[i] ^ mask[i % 4]));
        }
        write(frame.array());
    }

    /** The frames of RFC 6455 that came until now: the opcode stands where the stream's number stands otherwise. */
    List<Frame> webSocketFrames() {
        var frames = new ArrayList<Frame>();
        var all = ByteBuffer.wrap(bytes());
        while (all.remaining() >= 2) {
            int opcode = all.get() & 0x0f;
            int length = all.get();
            if (length < 0) {
                throw new AssertionError("a server must not mask its frames");
            }
            if (length >= 126) {
                if (all.remaining() < (length == 126 ? 2 : 8)) {
                    break;
                }
                length = length == 126 ? all.getShort() & 0xffff : Math.toIntExact(all.getLong());
            }
            if (length > all.remaining()) {
                break;
            }
            var payload = new byte[length];
            all.get(payload);
            frames.add(new Frame(opcode, new String(payload, StandardCharsets.UTF_8)));
        }
        return frames;
    }

    /** The data of all frames of RFC 6455. */
    String webSocketText() {
        var all = new StringBuilder();
        webSocketFrames().stream().filter(frame -> frame.stream <= 2).forEach(frame -> all.append(frame.text));
        return all.toString();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
