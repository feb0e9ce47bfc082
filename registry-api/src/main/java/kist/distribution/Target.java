package kist.distribution;

import java.util.List;

/**
 * What a path is about (OCI distribution spec, endpoints).
 *
 * @param name of the repository, not yet checked against the grammar; empty for the kinds without one
 * @param reference tag, digest or id of an upload; empty for the kinds without one
 */
record Target(Kind kind, String name, String reference) {
    /** What a path can be about. */
    enum Kind {
        /** The registry itself. */
        BASE,
        /** The list of repositories. */
        CATALOG,
        /** The list of a repository's tags. */
        TAGS,
        /** A manifest. */
        MANIFEST,
        /** A blob. */
        BLOB,
        /** A repository's uploads. */
        UPLOADS,
        /** One upload. */
        UPLOAD,
        /** What is about a manifest. */
        REFERRERS,
        /** Nothing of this registry. */
        NONE
    }

    private static final Target NOTHING = new Target(Kind.NONE, "", "");

    /** Reads a path; the last parts decide, since a name may hold any of the words. */
    static Target of(List<String> path) {
        int size = path.size();
        if (!path.getFirst().equals("v2")) {
            return NOTHING;
        }
        if (size == 1 || size == 2 && path.get(1).isEmpty()) {
            return new Target(Kind.BASE, "", "");
        }
        if (size == 2 && path.get(1).equals("_catalog")) {
            return new Target(Kind.CATALOG, "", "");
        }
        if (size < 4 || path.stream().anyMatch(part -> part.indexOf('/') >= 0)) {
            return NOTHING;
        }
        String last = path.get(size - 1);
        String before = path.get(size - 2);
        String name = name(path, size - 2);
        if (before.equals("uploads") && size >= 5 && path.get(size - 3).equals("blobs")) {
            return new Target(last.isEmpty() ? Kind.UPLOADS : Kind.UPLOAD, name(path, size - 3), last);
        }
        return switch (before) {
            case "tags" -> last.equals("list") ? new Target(Kind.TAGS, name, "") : NOTHING;
            case "manifests" -> new Target(Kind.MANIFEST, name, last);
            case "blobs" ->
                last.equals("uploads") ? new Target(Kind.UPLOADS, name, "") : new Target(Kind.BLOB, name, last);
            case "referrers" -> new Target(Kind.REFERRERS, name, last);
            default -> NOTHING;
        };
    }

    private static String name(List<String> path, int end) {
        return String.join("/", path.subList(1, end));
    }
}
