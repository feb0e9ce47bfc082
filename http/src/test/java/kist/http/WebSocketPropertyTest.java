package kist.http;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Frames that a client may make up. */
class WebSocketPropertyTest {
    /** Whatever frames come: data, an orderly end or a refusal, and never a hang or another exception. */
    @Property(tries = 2000)
    void anyBytesAreReadOrRefused(@ForAll @Size(max = 200) byte[] bytes, @ForAll @IntRange(min = 0, max = 1) int sane)
            throws IOException {
        byte[] input = bytes.clone();
        if (sane == 1 && input.length > 1) {
            input[0] = (byte) (input[0] & 0x8f); // far more of the parser is reached like this
            input[1] |= (byte) 0x80;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Wire wire = new Wire() {
            private int at;

            @Override
            public int read(byte[] into, int offset, int length) {
                int count = Math.min(Math.min(3, length), input.length - at);
                if (count <= 0) {
                    return -1;
                }
                System.arraycopy(input, at, into, offset, count);
                at += count;
                return count;
            }

            @Override
            public void write(byte[] from, int offset, int length) {
                out.write(from, offset, length);
            }

            @Override
            public void shutdownOutput() {}

            @Override
            public void close() {}

            @Override
            public Peer peer() {
                return Peer.UNKNOWN;
            }
        };
        WebSocket s = new WebSocket(new Hijacked(new Input(wire), wire), false);
        int read = 0;
        try {
            byte[] into = new byte[16];
            for (int n = s.input().read(into); n >= 0; n = s.input().read(into)) {
                read += n;
            }
        } catch (IOException refused) {
            assertTrue(out.size() <= 200 + 4, "it answers no more than it got");
        }
        assertTrue(read <= input.length);
    }
}
