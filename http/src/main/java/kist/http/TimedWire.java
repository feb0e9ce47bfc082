package kist.http;

import java.io.IOException;
import java.nio.channels.SeekableByteChannel;

/** Cuts a connection whose client takes nothing of an answer for too long, or does not come to an end with its handshake. */
final class TimedWire implements Wire {
    /** So much must be taken in the time of a stall: 2 KiB a second in two minutes. */
    private static final int PIECE = 256 << 10;

    private final Wire wire;
    private final Deadlines deadlines;
    private final long openMillis;
    private final long stallMillis;

    TimedWire(Wire wire, Deadlines deadlines, long openMillis, long stallMillis) {
        this.wire = wire;
        this.deadlines = deadlines;
        this.openMillis = openMillis;
        this.stallMillis = stallMillis;
    }

    @Override
    public boolean open() throws IOException {
        deadlines.arm(this, openMillis);
        try {
            return wire.open();
        } finally {
            deadlines.disarm(this);
        }
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        return wire.read(into, offset, length);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        while (length > 0) {
            int count = Math.min(length, PIECE);
            arm();
            try {
                wire.write(bytes, offset, count);
            } finally {
                disarm();
            }
            offset += count;
            length -= count;
        }
    }

    @Override
    public void send(SeekableByteChannel from, long offset, long length) throws IOException {
        while (length > 0) {
            long count = Math.min(length, PIECE);
            arm();
            try {
                wire.send(from, offset, count);
            } finally {
                disarm();
            }
            offset += count;
            length -= count;
        }
    }

    @Override
    public void awaitRead() {
        wire.awaitRead();
    }

    @Override
    public void shutdownOutput() throws IOException {
        arm();
        try {
            wire.shutdownOutput();
        } finally {
            disarm();
        }
    }

    private void arm() {
        if (stallMillis > 0) {
            deadlines.arm(this, stallMillis);
        }
    }

    private void disarm() {
        if (stallMillis > 0) {
            deadlines.disarm(this);
        }
    }

    @Override
    public void close() {
        wire.close();
    }

    @Override
    public Peer peer() {
        return wire.peer();
    }
}
