package kist.docker;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.StringJoiner;
import kist.engine.Output;

/** Docker's framing of two output streams on one connection: stream number, three zeros, length (big endian). */
final class Frames {
    static final String MULTIPLEXED = "application/vnd.docker.multiplexed-stream";
    static final String RAW = "application/vnd.docker.raw-stream";
    private static final int HEADER = 8;

    private Frames() {}

    /** The type of a stream of output; clients before 1.42 know only one. */
    static String contentType(boolean framed, Call call) {
        return framed && call.atLeast(42) ? MULTIPLEXED : RAW;
    }

    /** What stands before a line that comes with details: {@code name=value,...} as in the query of a URL, and a space. */
    static String details(Map<String, String> details) {
        StringJoiner all = new StringJoiner(",", "", " ");
        details.forEach((name, value) -> all.add(URLEncoder.encode(name, StandardCharsets.UTF_8) + "="
                + URLEncoder.encode(value, StandardCharsets.UTF_8)));
        return all.toString();
    }

    /** An output with its header, or as it is for a terminal. */
    static byte[] frame(Output output, boolean tty, String prefix) {
        if (tty && prefix.isEmpty()) {
            return output.bytes();
        }
        int header = tty ? 0 : HEADER;
        int length = prefix.length() + output.bytes().length;
        byte[] frame = new byte[header + length];
        if (!tty) {
            frame[0] = (byte) output.stream();
            frame[4] = (byte) (length >>> 24);
            frame[5] = (byte) (length >>> 16);
            frame[6] = (byte) (length >>> 8);
            frame[7] = (byte) length;
        }
        for (int i = 0; i < prefix.length(); i++) {
            frame[header + i] = (byte) prefix.charAt(i);
        }
        System.arraycopy(output.bytes(), 0, frame, header + prefix.length(), output.bytes().length);
        return frame;
    }
}
