package kist.volume;

import java.util.regex.Pattern;

/** Names of volumes, which are names of directories and therefore checked before anything is done with them. */
public final class VolumeName {
    private static final Pattern GRAMMAR = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]+");
    /** A name of a file has 255 bytes at most, and while a volume comes or goes it has a prefix. */
    private static final int LONGEST = 240;

    private VolumeName() {}

    /**
     * Refuses what is no name.
     *
     * @throws VolumeException INVALID
     */
    public static void check(String name) {
        if (name.length() == 1) {
            throw VolumeException.invalid(
                    "volume name is too short, names should be at least two alphanumeric characters");
        }
        if (name.length() > LONGEST) {
            throw VolumeException.invalid("the volume name " + printable(name.substring(0, 60)) + "… has "
                    + name.length() + " characters; at most " + LONGEST + " are possible");
        }
        if (!GRAMMAR.matcher(name).matches()) {
            throw VolumeException.invalid(printable(name)
                    + " includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are"
                    + " allowed. If you intended to pass a host directory, use absolute path");
        }
    }

    /** Untrusted text in a message: in double quotes, without control characters, cut short. */
    static String printable(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length() && i < 200; i++) {
            char c = text.charAt(i);
            boolean plain = c >= ' ' && c != 127 && c != '"' && c != '\\' && !Character.isSurrogate(c);
            out.append(
                    plain && c < 0x80 || plain && Character.isLetterOrDigit(c)
                            ? String.valueOf(c)
                            : String.format("\\u%04x", (int) c));
        }
        return out.append('"').toString();
    }
}
