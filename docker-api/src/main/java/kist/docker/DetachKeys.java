package kist.docker;

/** The key sequence by which a person at a terminal leaves a container without stopping it. Not thread-safe. */
final class DetachKeys {
    private final byte[] keys;
    private int matched;

    private DetachKeys(byte[] keys) {
        this.keys = keys;
    }

    /** Reads keys such as {@code ctrl-p,ctrl-q}, which are also those of an empty text. */
    static DetachKeys parse(String text) {
        if (text.isEmpty()) {
            return new DetachKeys(new byte[] {16, 17});
        }
        String[] names = text.split(",", -1);
        byte[] keys = new byte[names.length];
        for (int i = 0; i < names.length; i++) {
            keys[i] = key(names[i], text);
        }
        return new DetachKeys(keys);
    }

    private static byte key(String name, String text) {
        if (name.length() == 1 && name.charAt(0) < 128) {
            return (byte) name.charAt(0);
        }
        if (name.startsWith("ctrl-") && name.length() == 6) {
            char c = name.charAt(5);
            int at = "@abcdefghijklmnopqrstuvwxyz[\\]^_".indexOf(c);
            if (at >= 0) {
                return (byte) at;
            }
        }
        throw Errors.invalid("invalid detach keys \"" + text + "\": \"" + name
                + "\" is neither one character nor ctrl- and one of a-z @ [ \\ ] ^ _");
    }

    /** What a piece of input means. */
    record Typed(byte[] passed, boolean detached) {}

    /** Takes typed bytes; those of a sequence that has begun are held back until it is broken off. */
    Typed typed(byte[] bytes, int length) {
        byte[] passed = new byte[length + matched];
        int count = 0;
        for (int i = 0; i < length; i++) {
            if (bytes[i] != keys[matched]) {
                System.arraycopy(keys, 0, passed, count, matched);
                count += matched;
                matched = 0;
            }
            if (bytes[i] != keys[matched]) {
                passed[count++] = bytes[i];
            } else if (++matched == keys.length) {
                return new Typed(java.util.Arrays.copyOf(passed, count), true);
            }
        }
        return new Typed(java.util.Arrays.copyOf(passed, count), false);
    }
}
