package kist.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.kernel.Sys;
import kist.kernel.Tape;

/** The binary form of a tape as lines to read (native/tape.h): calls by name, texts, results of earlier lines. */
final class TapeText {
    private static final String[] OPS = {"", "SYNC", "SEND_FD", "CLOSE_FROM", "FAIL", "POKE"};
    private static final Map<Integer, String> NAMES = new HashMap<>();

    static {
        for (Sys s : Sys.values()) {
            NAMES.put(s.number(), s.name().toLowerCase(java.util.Locale.ROOT));
        }
    }

    private TapeText() {}

    static List<String> of(Tape tape) {
        ByteBuffer b = ByteBuffer.wrap(tape.encode()).order(ByteOrder.LITTLE_ENDIAN);
        int count = b.getInt(4);
        int table = (b.getInt(8) * 4 + 7) & ~7;
        int blob = 16 + count * 80 + table;
        Set<Integer> pointers = new HashSet<>();
        for (int i = 0; i < b.getInt(8); i++) {
            pointers.add(blob + b.getInt(16 + count * 80 + 4 * i));
        }
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int at = 16 + i * 80;
            int op = b.getShort(at);
            StringBuilder line =
                    new StringBuilder(op == 0 ? NAMES.getOrDefault(b.getInt(at + 4), "?") : OPS[op]).append('(');
            int last = 5;
            while (last >= 0 && b.get(at + 8 + last) == 0 && b.getLong(at + 32 + 8 * last) == 0) {
                last--;
            }
            for (int a = 0; a <= last; a++) {
                long value = b.getLong(at + 32 + 8 * a);
                line.append(a == 0 ? "" : ", ")
                        .append(
                                switch (b.get(at + 8 + a)) {
                                    case 0 -> Long.toString(value);
                                    case 1 -> pointers.contains(blob + (int) value) ? "&" : text(b, blob + (int) value);
                                    case 2 -> "fd" + value;
                                    default -> "$" + value;
                                });
            }
            line.append(')');
            for (int a = 0; a < b.get(at + 2); a++) {
                line.append(" or ").append(b.getShort(at + 16 + 2 * a));
            }
            lines.add(line + " | " + tape.describe(i));
        }
        return lines;
    }

    /** A text in quotes, or an ampersand for memory that is no text. */
    private static String text(ByteBuffer b, int at) {
        int end = at;
        while (b.get(end) >= ' ' && b.get(end) < 127) {
            end++;
        }
        if (b.get(end) != 0 || end == at && at % 8 == 0 && b.limit() - at >= 8 && b.getLong(at) != 0) {
            return "&";
        }
        return '"' + new String(b.array(), at, end - at, StandardCharsets.US_ASCII) + '"';
    }
}
