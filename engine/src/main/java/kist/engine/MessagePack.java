package kist.engine;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The few MessagePack types (msgpack.org, spec.md) that messages to Fluentd are made of. Not thread-safe. */
final class MessagePack {
    private static final int EVENT_TIME = 0;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    MessagePack array(int size) {
        return size < 16 ? put(0x90 | size) : head(0xdc, 2, size);
    }

    MessagePack map(int size) {
        return size < 16 ? put(0x80 | size) : head(0xde, 2, size);
    }

    /** A text that may not be valid UTF-8, as Fluentd takes it. */
    MessagePack text(byte[] bytes) {
        int n = bytes.length;
        if (n < 32) {
            put(0xa0 | n);
        } else {
            sized(n);
        }
        out.writeBytes(bytes);
        return this;
    }

    MessagePack text(String text) {
        return text(text.getBytes(StandardCharsets.UTF_8));
    }

    private void sized(int n) {
        if (n < 0x100) {
            head(0xd9, 1, n);
        } else if (n < 0x10000) {
            head(0xda, 2, n);
        } else {
            head(0xdb, 4, n);
        }
    }

    MessagePack number(long n) {
        return n >= 0 && n < 0x80 ? put((int) n) : head(n >= 0 ? 0xcf : 0xd3, 8, n);
    }

    /** Seconds and nanoseconds as Fluentd's extension type 0. */
    MessagePack eventTime(long nanos) {
        head(0xd7, 1, EVENT_TIME);
        out.writeBytes(ByteBuffer.allocate(8)
                .putInt((int) Math.floorDiv(nanos, 1_000_000_000L))
                .putInt((int) Math.floorMod(nanos, 1_000_000_000L))
                .array());
        return this;
    }

    private MessagePack put(int b) {
        out.write(b);
        return this;
    }

    private MessagePack head(int code, int bytes, long value) {
        out.write(code);
        for (int i = bytes - 1; i >= 0; i--) {
            out.write((int) (value >>> 8 * i));
        }
        return this;
    }

    byte[] bytes() {
        return out.toByteArray();
    }
}
