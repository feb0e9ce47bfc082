package kist.docker;

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
        return rest;
    }

    /** A name and a tag or digest as one reference; the tag may be empty. */
    static String reference(String name, String tag) {
        String familiar = familiar(name);
        if (tag.isEmpty() || familiar.isEmpty()) {
            return familiar;
        }
        return familiar + (tag.contains(":") ? "@" : ":") + tag;
    }

    /** The reference with the tag that silence means. */
    static String tagged(String reference) {
        boolean complete = reference.contains("@") || reference.indexOf(':', reference.lastIndexOf('/') + 1) >= 0;
        return complete || reference.isEmpty() ? reference : reference + ":latest";
    }

    /** A container's name without the slash that Docker puts before it. */
    static String container(String name) {
        return name.length() > 1 && name.startsWith("/") ? name.substring(1) : name;
    }
}
