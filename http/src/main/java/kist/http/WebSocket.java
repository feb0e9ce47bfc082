package kist.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Locale;

/**
 * The server's side of a WebSocket (RFC 6455) that carries a stream of bytes: where the client's messages and frames begin and
 * end means nothing. Frames are not gathered, so that the longest one needs no more memory than the shortest; text is passed
 * on as it is. Pings are answered. One thread may read while others write.
 */
public final class WebSocket {
    private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private static final int VERSION = 13;
    private static final int KEY_BYTES = 16;

    private static final int CONTINUATION = 0;
    private static final int TEXT = 1;
    private static final int BINARY = 2;
    private static final int CLOSE = 8;
    private static final int PING = 9;
    private static final int PONG = 10;
    private static final int FINAL = 0x80;
    private static final int MASKED = 0x80;
    private static final int MOST_CONTROL = 125;

    /** Status of an orderly end. */
    public static final int NORMAL = 1000;
    /** Status for a client that breaks the protocol. */
    public static final int PROTOCOL_ERROR = 1002;

    private final Hijacked connection;
    private final int dataOpcode;
    private final InputStream input;
    private boolean closeSent;

    WebSocket(Hijacked connection, boolean text) {
        this.connection = connection;
        this.dataOpcode = text ? TEXT : BINARY;
        this.input = new Data(connection.input());
    }

    /** Checks the handshake (section 4.2) and answers the value of Sec-WebSocket-Accept. */
    static String accept(HttpRequest request, boolean checkOrigin) {
        String key = request.header("sec-websocket-key");
        if (!request.method().equals("GET")
                || !request.headerHasToken("upgrade", "websocket")
                || !request.headerHasToken("connection", "upgrade")) {
            throw new HttpException(
                    400, "a WebSocket is wanted here: Upgrade: websocket and Connection: Upgrade are missing");
        }
        if (!request.header("sec-websocket-version").strip().equals(Integer.toString(VERSION))) {
            throw new HttpException(400, "Sec-WebSocket-Version must be " + VERSION);
        }
        if (checkOrigin && !sameOrigin(request.header("origin"), request.header("host"))) {
            throw new HttpException(403, "a page of another site may not open a WebSocket here");
        }
        try {
            if (Base64.getDecoder().decode(key.strip()).length != KEY_BYTES) {
                throw new HttpException(400, "Sec-WebSocket-Key is not " + KEY_BYTES + " bytes");
            }
            MessageDigest sha1 = MessageDigest.getInstance("SHA-1"); // as the RFC has it; no secret hangs on it
            byte[] digest = sha1.digest((key.strip() + GUID).getBytes(StandardCharsets.ISO_8859_1));
            return Base64.getEncoder().encodeToString(digest);
        } catch (IllegalArgumentException e) {
            throw new HttpException(400, "Sec-WebSocket-Key is not base64");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean sameOrigin(String origin, String host) {
        if (origin.isEmpty()) {
            return true; // no browser
        }
        try {
            String authority = new URI(origin).getRawAuthority();
            return authority != null && authority.toLowerCase(Locale.ROOT).equals(host.toLowerCase(Locale.ROOT));
        } catch (URISyntaxException e) {
            return false;
        }
    }

    /**
     * What the client sends, message after message without a seam. It ends when the client closes the WebSocket or its side of
     * the connection; a client that breaks the protocol is told so and its input ends with an exception.
     */
    public InputStream input() {
        return input;
    }

    /** Sends bytes as one message. */
    public void write(byte[] bytes, int offset, int length) throws IOException {
        send(dataOpcode, bytes, offset, length);
    }

    /** Ends the WebSocket with a status (section 7.4); what is sent afterwards is dropped. */
    public void close(int status) throws IOException {
        send(CLOSE, new byte[] {(byte) (status >>> 8), (byte) status}, 0, 2);
    }

    /** Cuts the connection both ways and wakes blocked readers and writers. */
    public void abort() {
        connection.abort();
    }

    private synchronized void send(int opcode, byte[] bytes, int offset, int length) throws IOException {
        if (closeSent) {
            return;
        }
        closeSent = opcode == CLOSE;
        int head = length <= MOST_CONTROL ? 2 : length <= 0xffff ? 4 : 10;
        byte[] frame = new byte[head + length];
        frame[0] = (byte) (FINAL | opcode);
        if (head == 2) {
            frame[1] = (byte) length;
        } else {
            frame[1] = (byte) (head == 4 ? 126 : 127);
            for (int i = 0; i < head - 2; i++) {
                frame[head - 1 - i] = (byte) ((long) length >>> 8 * i);
            }
        }
        System.arraycopy(bytes, offset, frame, head, length);
        connection.output().write(frame, 0, frame.length);
    }

    /** The payload of data frames. */
    private final class Data extends InputStream {
        private final InputStream in;
        private final byte[] mask = new byte[4];
        private long left;
        private int maskAt;
        private boolean fragmented;
        private boolean ended;

        Data(InputStream in) {
            this.in = in;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            while (left == 0) {
                if (ended || !frame()) {
                    ended = true;
                    return -1;
                }
            }
            int n = in.read(into, offset, (int) Math.min(length, left));
            if (n < 0) {
                throw new EOFException("the connection ended within a frame");
            }
            for (int i = 0; i < n; i++) {
                into[offset + i] ^= mask[maskAt++ & 3];
            }
            left -= n;
            return n;
        }

        /** Reads the head of a frame, and all of it where it is a control frame; false at the end. */
        private boolean frame() throws IOException {
            int first = in.read();
            if (first < 0) {
                return false;
            }
            int second = need();
            int opcode = first & 0xf;
            boolean last = (first & FINAL) != 0;
            long length = second & 0x7f;
            check((first & 0x70) == 0, "an extension is used that was not agreed on");
            check((second & MASKED) != 0, "a client's frame must be masked");
            if (opcode >= CLOSE) {
                check(opcode <= PONG && last && length <= MOST_CONTROL, "a control frame that cannot be");
            } else {
                check(opcode <= BINARY, "an opcode that does not exist");
                check((opcode == CONTINUATION) == fragmented, "a message in the middle of another");
                fragmented = !last;
            }
            int more = length == 126 ? 2 : length == 127 ? 8 : 0;
            if (more > 0) {
                length = 0;
                for (int i = 0; i < more; i++) {
                    length = length << 8 | need();
                }
                check(length >= 0, "a length that cannot be");
            }
            for (int i = 0; i < mask.length; i++) {
                mask[i] = (byte) need();
            }
            maskAt = 0;
            if (opcode < CLOSE) {
                left = length;
                return true;
            }
            return control(opcode, (int) length);
        }

        private boolean control(int opcode, int length) throws IOException {
            byte[] payload = new byte[length];
            for (int i = 0; i < length; i++) {
                payload[i] = (byte) (need() ^ mask[i & 3]);
            }
            if (opcode == PING) {
                send(PONG, payload, 0, length);
            } else if (opcode == CLOSE) {
                check(length != 1, "a status of one byte");
                send(CLOSE, payload, 0, Math.min(length, 2));
                return false;
            }
            return true;
        }

        private int need() throws IOException {
            int b = in.read();
            if (b < 0) {
                throw new EOFException("the connection ended within a frame");
            }
            return b;
        }

        private void check(boolean good, String otherwise) throws IOException {
            if (!good) {
                ended = true;
                WebSocket.this.close(PROTOCOL_ERROR);
                throw new IOException("WebSocket: " + otherwise);
            }
        }
    }
}
