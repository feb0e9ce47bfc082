package kist.image;

/** Untrusted text in messages. */
public final class Text {
    private static final int SHOWN = 200;

    private Text() {}

    /** In double quotes, without control characters, cut to a length that a terminal can bear. */
    public static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length() && i < SHOWN; i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (Character.isISOControl(c) || Character.isSurrogate(c) || c == 0x2028 || c == 0x202e) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append(text.length() > SHOWN ? "\"…" : "\"").toString();
    }
}
