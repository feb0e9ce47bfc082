package kist.runtime;

import java.util.ArrayList;
import java.util.List;

/** Absolute paths in a container as lists of components, cleaned by their text alone. */
final class MountPath {
    private MountPath() {}

    /**
     * The components, without empty ones and dots, and with what goes before a .. taken away.
     *
     * @throws SpecException where the path is not absolute
     */
    static List<String> of(String path) {
        if (!path.startsWith("/")) {
            throw new SpecException("mounts", "the destination \"" + path + "\" is no absolute path");
        }
        List<String> parts = new ArrayList<>(4);
        int at = 1;
        while (at <= path.length()) {
            int end = path.indexOf('/', at);
            if (end < 0) {
                end = path.length();
            }
            String part = path.substring(at, end);
            if (part.equals("..")) {
                if (!parts.isEmpty()) {
                    parts.removeLast();
                }
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
            at = end + 1;
        }
        return parts;
    }

    /** The cleaned path. */
    static String clean(String path) {
        return "/" + String.join("/", of(path));
    }
}
