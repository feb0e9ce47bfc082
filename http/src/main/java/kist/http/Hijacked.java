package kist.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * A connection that has left HTTP: raw bytes both ways, until the handler returns. One thread may read while another
 * writes. When the handler returns, the output is shut down, the rest of the input is thrown away for a short while and the
 * connection is closed.
 */
public final class Hijacked {
    private final Wire wire;
    private final InputStream input;
    private final OutputStream output;

    Hijacked(Input buffered, Wire wire) {
        this.wire = wire;
        this.input = new InputStream() {
            @Override
            public int read() throws IOException {
                return buffered.read();
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                return buffered.read(into, offset, length);
            }
        };
        this.output = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                wire.write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                wire.write(bytes, offset, length);
            }
        };
    }

    /**
     * What the client sends, beginning with what arrived together with the request. It ends when the client shuts its side
     * down, which does not end the output.
     */
    public InputStream input() {
        return input;
    }

    /** What the client receives. Not buffered: every call is a write on the socket. */
    public OutputStream output() {
        return output;
    }

    /** Tells the client that no more output will come; input goes on. */
    public void shutdownOutput() throws IOException {
        wire.shutdownOutput();
    }

    /** Cuts the connection both ways and wakes blocked readers and writers. */
    public void abort() {
        wire.close();
    }
}
