package kist.image;

import java.util.ArrayList;
import java.util.List;
import kist.kernel.FileNames;

/** Names of archive entries made fit for use as paths below a root: {@code a/b/c}, the root itself is empty. */
final class EntryPath {
    private static final int MAXIMUM_PATH = 4095;
    private static final int MAXIMUM_NAME = 255;

    private EntryPath() {}

    /**
     * Leaves out leading slashes, empty parts and {@code .}; an absolute name is taken relative to the root.
     *
     * @param what names the archive in messages
     * @throws ImageException INVALID for {@code ..}, a NUL byte, a name too long for Linux
     */
    static String normalise(String name, String what) {
        if (name.indexOf('\0') >= 0) {
            throw bad(name, what, "a NUL byte");
        }
        if (name.length() > MAXIMUM_PATH || FileNames.encode(name).length > MAXIMUM_PATH) {
            throw bad(name, what, "more than " + MAXIMUM_PATH + " bytes");
        }
        if (isNormal(name)) {
            return name;
        }
        List<String> parts = new ArrayList<>();
        for (String part : name.split("/")) {
            if (part.isEmpty() || part.equals(".")) {
                continue;
            }
            if (part.equals("..")) {
                throw bad(name, what, "a '..' that leads out of its directory");
            }
            if (part.length() > MAXIMUM_NAME || FileNames.encode(part).length > MAXIMUM_NAME) {
                throw bad(name, what, "a part of more than " + MAXIMUM_NAME + " bytes");
            }
            parts.add(part);
        }
        return String.join("/", parts);
    }

    /** Most names need no work; tells them without allocating. */
    private static boolean isNormal(String name) {
        int start = 0;
        for (int i = 0; i <= name.length(); i++) {
            if (i == name.length() || name.charAt(i) == '/') {
                // a character is at most three bytes of UTF-8
                if (i == start || name.charAt(start) == '.' || i - start > MAXIMUM_NAME / 3) {
                    return false;
                }
                start = i + 1;
            }
        }
        return true;
    }

    private static ImageException bad(String name, String what, String has) {
        return ImageException.invalid(what + ": the name of entry " + Text.quote(name) + " has " + has);
    }

    /** The path without its last part. */
    static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash < 0 ? "" : path.substring(0, slash);
    }

    /** The last part. */
    static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }
}
