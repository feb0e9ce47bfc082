package kist.cli;

import java.io.ByteArrayOutputStream;

/**
 * The keys that leave a container without ending it, Ctrl-P Ctrl-Q unless told otherwise. A beginning of the sequence is
 * held back until it is clear that it does not go on. For one thread.
 */
final class DetachKeys {
    private final byte[] keys;
    private int matched;

    private DetachKeys(byte[] keys) {
        this.keys = keys;
    }

    /** From {@code ctrl-p,ctrl-q} or {@code ctrl-x,x}; empty for the default. */
    static DetachKeys of(Flags.Parsed flags, String text) {
        var keys = new ByteArrayOutputStream();
        for (var key : (text.isEmpty() ? "ctrl-p,ctrl-q" : text).split(",", -1)) {
            if (key.length() == 1) {
                keys.write(key.charAt(0));
            } else if (key.length() == 6 && key.startsWith("ctrl-") && "@[\\]^_".indexOf(key.charAt(5)) >= 0) {
                keys.write(key.charAt(5) & 0x1f);
            } else if (key.length() == 6 && key.startsWith("ctrl-") && Character.isLetter(key.charAt(5))) {
                keys.write(Character.toUpperCase(key.charAt(5)) & 0x1f);
            } else {
                throw flags.invalid(
                        "detach-keys", text, "single letters or ctrl-LETTER, with commas between, would be");
            }
        }
        return new DetachKeys(keys.toByteArray());
    }

    /** Returns what of these bytes goes to the process. */
    byte[] pass(byte[] bytes, int length) {
        var out = new ByteArrayOutputStream(length + keys.length);
        for (int i = 0; i < length && !complete(); i++) {
            if (bytes[i] == keys[matched]) {
                matched++;
                continue;
            }
            out.write(keys, 0, matched);
            matched = 0;
            if (bytes[i] == keys[0]) {
                matched = 1;
            } else {
                out.write(bytes[i]);
            }
        }
        return out.toByteArray();
    }

    /** Whether all keys were pressed. */
    boolean complete() {
        return matched == keys.length;
    }
}
