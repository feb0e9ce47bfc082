package kist.image;

/**
 * The name of an image with its tag, its digest or both. {@code busybox}, {@code library/busybox} and
 * {@code docker.io/library/busybox:latest} are one name (distribution's reference grammar).
 *
 * @param domain registry, such as {@code docker.io} or {@code localhost:5000}
 * @param path repository in the registry, such as {@code library/busybox}
 * @param tag empty where only a digest is said
 * @param digest {@code sha256:...} of a manifest or index; empty where only a tag is said
 */
public record Reference(String domain, String path, String tag, String digest) {
    private static final String DEFAULT_DOMAIN = "docker.io";
    private static final String OFFICIAL = "library/";

    /**
     * Reads {@code NAME[:TAG]} as a person writes it; the tag is {@code latest} where none is said.
     *
     * @throws ImageException INVALID, naming the part that breaks the grammar
     */
    public static Reference parse(String text) {
        if (text.indexOf('@') >= 0) {
            throw invalid(text, "a digest cannot be part of a name here; use NAME[:TAG]");
        }
        return parseName(text, "latest", "");
    }

    /**
     * Reads {@code NAME[:TAG][@DIGEST]}; the tag is {@code latest} where neither is said.
     *
     * @throws ImageException INVALID, naming the part that breaks the grammar
     */
    public static Reference parseAny(String text) {
        int at = text.indexOf('@');
        if (at < 0) {
            return parseName(text, "latest", "");
        }
        String digest = text.substring(at + 1);
        if (!Digest.isDigest(digest)) {
            throw invalid(
                    text,
                    "its digest " + Text.quote(digest)
                            + " is not of the form sha256:<64 lower-case hexadecimal digits>");
        }
        return parseName(text.substring(0, at), "", digest);
    }

    private static Reference parseName(String text, String silence, String digest) {
        if (text.isEmpty()) {
            throw invalid(text, "it is empty");
        }
        if (Digest.isHex(text)) {
            throw invalid(text, "64 hexadecimal digits are an image id");
        }
        if (text.contains("://")) {
            throw invalid(
                    text,
                    "a name begins with the registry's host, without "
                            + Text.quote(text.substring(0, text.indexOf("://") + 3)));
        }
        int slash = text.indexOf('/');
        int colon = text.lastIndexOf(':');
        String tag = colon > text.lastIndexOf('/') ? text.substring(colon + 1) : silence;
        String name = colon > text.lastIndexOf('/') ? text.substring(0, colon) : text;
        String domain = DEFAULT_DOMAIN;
        String path = name;
        if (slash > 0 && isDomain(name.substring(0, slash))) {
            domain = name.substring(0, slash);
            path = name.substring(slash + 1);
        }
        if (domain.equals("index.docker.io")) {
            domain = DEFAULT_DOMAIN;
        }
        if (domain.equals(DEFAULT_DOMAIN) && path.indexOf('/') < 0) {
            path = OFFICIAL + path;
        }
        checkDomain(text, domain);
        checkPath(text, path);
        if (digest.isEmpty() || colon > text.lastIndexOf('/')) {
            checkTag(text, tag);
        }
        if (domain.length() + 1 + path.length() > 255) {
            throw invalid(text, "a name has at most 255 characters");
        }
        return new Reference(domain, path, tag, digest);
    }

    /** The short form that people read and write, such as {@code busybox:latest}. */
    public String familiar() {
        return familiarName() + suffix();
    }

    /** The same name with a digest and no tag. */
    public Reference at(String newDigest) {
        return new Reference(domain, path, "", newDigest);
    }

    /** The same name with this tag and no digest. */
    public Reference tagged(String newTag) {
        checkTag(familiarName() + ":" + newTag, newTag);
        return new Reference(domain, path, newTag, "");
    }

    /** Registry and repository in full, such as {@code docker.io/library/busybox}. */
    public String repository() {
        return domain + "/" + path;
    }

    private String suffix() {
        return (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
    }

    /** The short form without the tag. */
    public String familiarName() {
        if (!domain.equals(DEFAULT_DOMAIN)) {
            return domain + "/" + path;
        }
        String name = path.startsWith(OFFICIAL) && path.indexOf('/', OFFICIAL.length()) < 0
                ? path.substring(OFFICIAL.length())
                : path;
        int slash = name.indexOf('/');
        // where the short form would be read as another registry's name, or as an id, only the long one will do
        return slash > 0 && isDomain(name.substring(0, slash)) || Digest.isHex(name) ? repository() : name;
    }

    @Override
    public String toString() {
        return repository() + suffix();
    }

    /** The first component is a registry when it could not be a user's name. */
    private static boolean isDomain(String first) {
        return first.indexOf('.') >= 0
                || first.indexOf(':') >= 0
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(java.util.Locale.ROOT));
    }

    private static void checkDomain(String text, String domain) {
        int colon = domain.indexOf(':');
        String host = colon < 0 ? domain : domain.substring(0, colon);
        if (colon >= 0) {
            String port = domain.substring(colon + 1);
            if (port.isEmpty() || port.length() > 5 || !port.chars().allMatch(c -> c >= '0' && c <= '9')) {
                throw invalid(text, "the port of its registry is not a number");
            }
        }
        for (String label : host.split("\\.", -1)) {
            boolean good = !label.isEmpty() && !label.startsWith("-") && !label.endsWith("-");
            for (int i = 0; good && i < label.length(); i++) {
                char c = label.charAt(i);
                good = isLower(c) || c >= 'A' && c <= 'Z' || c == '-';
            }
            if (!good) {
                throw invalid(text, "its registry " + Text.quote(domain) + " is not a host name");
            }
        }
    }

    private static void checkPath(String text, String path) {
        for (String part : path.split("/", -1)) {
            if (part.isEmpty()) {
                throw invalid(text, "a part between slashes is empty");
            }
            if (!isLower(part.charAt(0)) || !isLower(part.charAt(part.length() - 1))) {
                throw invalid(text, partRule(part));
            }
            for (int i = 0; i < part.length(); ) {
                char c = part.charAt(i);
                if (isLower(c)) {
                    i++;
                    continue;
                }
                int end = i;
                while (end < part.length() && part.charAt(end) == c) {
                    end++;
                }
                boolean good = c == '-' || c == '.' && end - i == 1 || c == '_' && end - i <= 2;
                if (!good || !isLower(part.charAt(end))) {
                    throw invalid(text, partRule(part));
                }
                i = end;
            }
        }
    }

    private static String partRule(String part) {
        if (!part.equals(part.toLowerCase(java.util.Locale.ROOT))) {
            return "repository name " + Text.quote(part) + " must be lowercase";
        }
        return Text.quote(part)
                + " must be lower-case letters and digits, separated by one '.', one or two '_', or '-'";
    }

    private static void checkTag(String text, String tag) {
        boolean good = !tag.isEmpty() && tag.length() <= 128 && tag.charAt(0) != '.' && tag.charAt(0) != '-';
        for (int i = 0; good && i < tag.length(); i++) {
            char c = tag.charAt(i);
            good = isLower(c) || c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c == '-';
        }
        if (!good) {
            throw invalid(
                    text,
                    "its tag " + Text.quote(tag)
                            + " must be up to 128 letters, digits, '_', '.' and '-', and begin with none of the last two");
        }
    }

    private static boolean isLower(char c) {
        return c >= 'a' && c <= 'z' || c >= '0' && c <= '9';
    }

    private static ImageException invalid(String text, String why) {
        return ImageException.invalid("invalid reference format: " + Text.quote(text) + ": " + why);
    }
}
