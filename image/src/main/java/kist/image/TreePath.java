package kist.image;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.FileNames;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * A path of a container as a user types it. Parts {@code ..} are taken out by letter, as Docker does; a slash or {@code /.} at
 * the end says that a directory is meant, and that a link in the last place is to be followed.
 *
 * @param directory where the last part is, from the root without a slash in front; empty for the root
 * @param name the last part; {@code .} for the directory itself
 * @param shown the name that it has in an archive
 */
record TreePath(String directory, String name, String shown) {
    /** Links that are followed before a path counts as one without end, as the kernel has it. */
    private static final int MAXIMUM_LINKS = 40;

    private static final int MAXIMUM_LENGTH = 4095;

    static TreePath parse(String path) {
        if (path.indexOf('\0') >= 0) {
            throw ImageException.invalid("the path " + Text.quote(path) + " has a NUL byte");
        }
        if (FileNames.encode(path).length > MAXIMUM_LENGTH) {
            throw ImageException.invalid(
                    "the path " + Text.quote(path) + " has more than " + MAXIMUM_LENGTH + " bytes, which Linux allows");
        }
        List<String> parts = parts(path);
        String all = String.join("/", parts);
        boolean dot = path.endsWith("/.") || path.equals(".");
        if (parts.isEmpty()) {
            return new TreePath("", ".", dot ? "." : "/");
        }
        if (dot || path.endsWith("/")) {
            return new TreePath(all, ".", dot ? "." : parts.getLast());
        }
        return new TreePath(EntryPath.parent(all), parts.getLast(), parts.getLast());
    }

    private static List<String> parts(String path) {
        List<String> parts = new ArrayList<>();
        for (String part : path.split("/")) {
            if (part.equals("..")) {
                if (!parts.isEmpty()) {
                    parts.removeLast();
                }
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return parts;
    }

    /** The whole path from the root, without a slash in front; empty for the root. */
    String whole() {
        return name.equals(".") ? directory : Directories.join(directory, name);
    }

    /** Where a path leads when every link in it is followed, as a path from the root, as far as there is something. */
    static String target(Linux linux, Fd root, String path) {
        Deque<String> left = new ArrayDeque<>(parts(path));
        List<String> real = new ArrayList<>();
        int links = 0;
        while (!left.isEmpty()) {
            String part = left.pop();
            if (part.equals("..")) {
                if (!real.isEmpty()) {
                    real.removeLast();
                }
                continue;
            }
            real.add(part);
            Optional<String> link = link(linux, root, String.join("/", real));
            if (link.isEmpty()) {
                continue;
            }
            if (++links > MAXIMUM_LINKS) {
                return "";
            }
            real.removeLast();
            if (link.get().startsWith("/")) {
                real.clear();
            }
            List<String> more = new ArrayList<>(List.of(link.get().split("/")));
            more.removeIf(p -> p.isEmpty() || p.equals("."));
            more.reversed().forEach(left::push);
        }
        return "/" + String.join("/", real);
    }

    private static Optional<String> link(Linux linux, Fd root, String path) {
        long inRoot = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
        try (Fd fd = linux.openat2(root, path, Flags.O_PATH | Flags.O_NOFOLLOW, 0, inRoot)) {
            boolean isLink = linux.stat(fd, "").type() == Flags.S_IFLNK;
            return isLink ? Optional.of(linux.readlinkat(fd, "")) : Optional.empty();
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG -> Optional.empty();
                default -> throw e;
            };
        }
    }
}
