package kist.kernel;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * File names as strings without loss. The kernel's names are bytes and need not be UTF-8; a byte that is not part of
 * valid UTF-8 becomes a lone low surrogate U+DC80..U+DCFF, and that becomes the byte again. All names that {@link Linux}
 * takes and answers are such strings.
 */
public final class FileNames {
    private static final char ESCAPE = 0xdc00;

    private FileNames() {}

    /** The string of a name's bytes. */
    public static String decode(byte[] name) {
        String text = new String(name, StandardCharsets.UTF_8);
        if (text.indexOf(0xfffd) < 0 || Arrays.equals(text.getBytes(StandardCharsets.UTF_8), name)) {
            return text;
        }
        StringBuilder escaped = new StringBuilder(name.length);
        for (int at = 0; at < name.length; ) {
            int length = sequence(name, at);
            if (length == 0) {
                escaped.append((char) (ESCAPE | (name[at++] & 0xff)));
            } else {
                escaped.append(new String(name, at, length, StandardCharsets.UTF_8));
                at += length;
            }
        }
        return escaped.toString();
    }

    /** Length of the valid UTF-8 sequence that begins here, 0 where none does. */
    private static int sequence(byte[] name, int at) {
        int first = name[at] & 0xff;
        int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (at + length > name.length) {
            return 0;
        }
        // the JDK's decoder knows the overlong forms and surrogates that are not UTF-8
        byte[] one = Arrays.copyOfRange(name, at, at + length);
        return Arrays.equals(new String(one, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8), one)
                ? length
                : 0;
    }

    /** The bytes of a name's string. */
    public static byte[] encode(String name) {
        int at = 0;
        while (at < name.length() && !isEscape(name, at)) {
            at++;
        }
        if (at == name.length()) {
            return name.getBytes(StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(name.length() + 16);
        int plain = 0;
        for (int i = at; i < name.length(); i++) {
            if (isEscape(name, i)) {
                bytes.writeBytes(name.substring(plain, i).getBytes(StandardCharsets.UTF_8));
                bytes.write(name.charAt(i) & 0xff);
                plain = i + 1;
            }
        }
        bytes.writeBytes(name.substring(plain).getBytes(StandardCharsets.UTF_8));
        return bytes.toByteArray();
    }

    private static boolean isEscape(String name, int at) {
        char c = name.charAt(at);
        return c >= 0xdc80 && c <= 0xdcff && (at == 0 || !Character.isHighSurrogate(name.charAt(at - 1)));
    }
}
