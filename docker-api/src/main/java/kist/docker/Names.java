package kist.docker;

import java.util.Locale;

/** Names as Docker's clients write them. */
final class Names {
    private Names() {}

    /**
     * The short form of an image's name: clients write {@code busybox} out as {@code docker.io/library/busybox} in some
     * requests and not in others.
     */
    static String familiar(String name) {
        String rest = name;
        for (String host : new String[] {"docker.io/", "index.docker.io/"}) {
            if (name.startsWith(host)) {
                rest = name.substring(host.length());
                if (rest.startsWith("library/")) {
                    rest = rest.substring("library/".length());
                }
            }
        }
        return namesRegistry(rest) ? name : rest;
    }

    /** Whether the short form would mean another registry, which then would be shown this one's credentials. */
    private static boolean namesRegistry(String name) {
        int slash = name.indexOf('/');
        String first = slash < 0 ? "" : name.substring(0, slash);
        return first.indexOf('.') >= 0
                || first.indexOf(':') >= 0
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(Locale.ROOT));
    }

    /** A name and a tag or digest as one reference; the tag may be empty. */
    static String reference(String name, String tag) {
        String familiar = familiar(name);
        if (tag.isEmpty() || familiar.isEmpty()) {
            return familiar;
        }
        return familiar + (tag.contains(":") ? "@" : ":") + tag;
    }

    /** Whether a reference has a tag or a digest. */
    static boolean isComplete(String reference) {
        return reference.contains("@") || reference.indexOf(':', reference.lastIndexOf('/') + 1) >= 0;
    }

    /** What a pull means by a name and a tag: the tag counts before one in the name, a digest in the name before both. */
    static String pulled(String name, String tag) {
        if (tag.isEmpty() || name.contains("@")) {
            return name;
        }
        int colon = name.indexOf(':', name.lastIndexOf('/') + 1);
        return reference(colon < 0 ? name : name.substring(0, colon), tag);
    }

    /** A container's name without the slash that Docker puts before it. */
    static String container(String name) {
        return name.length() > 1 && name.startsWith("/") ? name.substring(1) : name;
    }
}
