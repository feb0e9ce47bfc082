package kist.cli;

/**
 * An image's name taken apart, as far as this command must understand it: whose credentials to send, and which tag silence
 * means. Whether it is a valid name is the engine's to say.
 *
 * @param domain of the registry, such as {@code docker.io}
 * @param path of the repository, such as {@code library/busybox}
 * @param tag empty where none is said
 * @param digest {@code sha256:...}, empty where none is said
 */
record ImageName(String domain, String path, String tag, String digest) {
    private static final String HUB = "docker.io";

    static ImageName parse(String text) {
        int at = text.indexOf('@');
        var digest = at < 0 ? "" : text.substring(at + 1);
        var rest = at < 0 ? text : text.substring(0, at);
        int colon = rest.lastIndexOf(':');
        // a colon before the last slash belongs to a port
        boolean tagged = colon > rest.lastIndexOf('/');
        var tag = tagged ? rest.substring(colon + 1) : "";
        var name = tagged ? rest.substring(0, colon) : rest;
        int slash = name.indexOf('/');
        var domain = HUB;
        if (slash > 0 && isDomain(name.substring(0, slash))) {
            domain = name.substring(0, slash);
            name = name.substring(slash + 1);
        }
        if (domain.equals("index.docker.io")) {
            domain = HUB;
        }
        if (domain.equals(HUB) && name.indexOf('/') < 0) {
            name = "library/" + name;
        }
        return new ImageName(domain, name, tag, digest);
    }

    /** A first part is a registry where it could not be a user's name. */
    private static boolean isDomain(String first) {
        return first.indexOf('.') >= 0
                || first.indexOf(':') >= 0
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(java.util.Locale.ROOT));
    }

    /** Neither tag nor digest was said. */
    boolean bare() {
        return tag.isEmpty() && digest.isEmpty();
    }

    ImageName withTag(String newTag) {
        return new ImageName(domain, path, newTag, digest);
    }

    /** The name without tag and digest, as people write it. */
    String familiar() {
        if (!domain.equals(HUB)) {
            return domain + "/" + path;
        }
        var name = path.startsWith("library/") && path.indexOf('/', 8) < 0 ? path.substring(8) : path;
        int slash = name.indexOf('/');
        // the short form must not mean another registry, which then would be shown this one's credentials
        return slash > 0 && isDomain(name.substring(0, slash)) ? HUB + "/" + name : name;
    }

    /** Name, tag and digest in full, such as {@code docker.io/library/busybox:latest}. */
    String whole() {
        return domain + "/" + path + (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
    }

    /** {@code &repo=...&tag=...} for a new name of an image. */
    static String asQuery(String name) {
        int colon = name.lastIndexOf(':');
        return colon > name.lastIndexOf('/')
                ? "&repo=" + Engine.quote(name.substring(0, colon)) + "&tag=" + Engine.quote(name.substring(colon + 1))
                : "&repo=" + Engine.quote(name);
    }
}
