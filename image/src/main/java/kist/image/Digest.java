package kist.image;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 digests in the form {@code sha256:<64 lower-case hexadecimal digits>} (OCI image spec, descriptor.md). */
public final class Digest {
    private static final String PREFIX = "sha256:";

    private Digest() {}

    /** A running digest, to be ended with {@link #finish}. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The digest of these bytes. */
    public static String of(byte[] content) {
        MessageDigest digest = sha256();
        digest.update(content);
        return finish(digest);
    }

    /** Ends a running digest. */
    public static String finish(MessageDigest digest) {
        return PREFIX + HexFormat.of().formatHex(digest.digest());
    }

    static boolean isHex(String text) {
        if (text.length() != 64) {
            return false;
        }
        return isHexPrefix(text);
    }

    /** Whether a text of any length has only lower-case hexadecimal digits, and at least one. */
    static boolean isHexPrefix(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /** Whether a text is a whole digest. */
    public static boolean isDigest(String text) {
        return text.startsWith(PREFIX) && isHex(text.substring(PREFIX.length()));
    }

    /**
     * The 64 digits of a digest: the only form in which one may become part of a path.
     *
     * @param what names the digest in the message when it does not match its grammar
     */
    public static String hex(String digest, String what) {
        if (!isDigest(digest)) {
            throw ImageException.invalid(
                    what + " is not a digest of the form sha256:<64 hexadecimal digits>: " + Text.quote(digest));
        }
        return digest.substring(PREFIX.length());
    }

    /** Identifies a layer together with all below it (OCI image spec, config.md, layer chain id). */
    static String chain(String parentChain, String diffId) {
        return parentChain.isEmpty() ? diffId : of((parentChain + " " + diffId).getBytes(StandardCharsets.UTF_8));
    }
}
