package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * Looks users up in the passwd and group files of a root file system that nobody trusts: opened below the root only,
 * regular files only, read up to a bound (passwd(5), group(5)). Thread-safe.
 */
public final class Accounts {
    private static final int MAXIMUM_BYTES = 4 << 20;
    private static final long MAXIMUM_ID = (1L << 31) - 1;

    private final Linux linux;
    private final Fd root;

    /** For a root given as any descriptor of its directory. */
    public Accounts(Linux linux, Fd root) {
        this.linux = linux;
        this.root = root;
    }

    /**
     * The account that a process runs as; reads only the files that are needed to know it.
     *
     * @throws SpecException where there is none of that name
     */
    public Account find(User user) {
        if (user.username().isEmpty()) {
            Optional<Entry> entry = find("/etc/passwd", "", user.uid());
            List<Long> groups = new ArrayList<>(user.additionalGids());
            additional(user.groupNames(), groups);
            return new Account(
                    user.uid(), user.gid(), groups, entry.map(Entry::home).orElse("/"));
        }
        return named(user);
    }

    private Account named(User user) {
        String spec = user.username();
        int colon = spec.indexOf(':');
        String name = colon < 0 ? spec : spec.substring(0, colon);
        String group = colon < 0 ? "" : spec.substring(colon + 1);
        if (name.isEmpty() || colon >= 0 && group.isEmpty() || group.indexOf(':') >= 0) {
            throw refused(spec, "must be USER or USER:GROUP, each a name or a number");
        }
        boolean numeric = Fields.digits(name);
        long uid = numeric ? id(spec, name) : 0;
        Optional<Entry> entry = find("/etc/passwd", numeric ? "" : name, uid);
        if (entry.isEmpty() && !numeric) {
            throw refused(spec, "unable to find user " + name + ": no matching entries in passwd file");
        }
        long gid = entry.map(Entry::gid).orElse(0L);
        List<Long> groups = new ArrayList<>();
        if (!group.isEmpty()) {
            boolean numericGroup = Fields.digits(group);
            long wanted = numericGroup ? id(spec, group) : 0;
            if (numericGroup) {
                gid = wanted;
            } else {
                gid = find("/etc/group", group, -1)
                        .map(Entry::id)
                        .orElseThrow(() ->
                                refused(spec, "unable to find group " + group + ": no matching entries in group file"));
            }
            groups.add(gid);
        } else {
            groups.add(gid);
            if (entry.isPresent()) {
                memberships(entry.get().name(), groups);
            }
        }
        for (Long more : user.additionalGids()) {
            if (!groups.contains(more)) {
                groups.add(more);
            }
        }
        additional(user.groupNames(), groups);
        return new Account(
                entry.map(Entry::id).orElse(uid),
                gid,
                groups,
                entry.map(Entry::home).orElse("/"));
    }

    private void additional(List<String> names, List<Long> groups) {
        for (String name : names) {
            // a name made of digits counts as a name where there is one
            long gid = find("/etc/group", name, -1)
                    .map(Entry::id)
                    .or(() -> Fields.digits(name) ? Optional.of(id(name, name)) : Optional.empty())
                    .orElseThrow(() -> refused(name, "Unable to find group " + name));
            if (!groups.contains(gid)) {
                groups.add(gid);
            }
        }
    }

    private static long id(String spec, String digits) {
        if (digits.length() > 1 && digits.charAt(0) == '0') {
            throw refused(spec, "the number " + digits + " begins with a zero");
        }
        if (digits.length() > 10 || Long.parseLong(digits) > MAXIMUM_ID) {
            throw refused(spec, "uids and gids must be in range 0-" + MAXIMUM_ID);
        }
        return Long.parseLong(digits);
    }

    private static SpecException refused(String spec, String why) {
        return new SpecException("process.user", "\"" + spec + "\": " + why);
    }

    /** A line of either file; {@code home} and {@code gid} are of passwd. */
    private record Entry(String name, long id, long gid, String home) {}

    /** The first line with that name, or where the name is empty with that id. */
    private Optional<Entry> find(String file, String name, long id) {
        byte[] text = read(file);
        boolean passwd = file.endsWith("passwd");
        for (int at = 0; at < text.length; ) {
            int end = at;
            while (end < text.length && text[end] != '\n') {
                end++;
            }
            String[] parts = fields(text, at, end);
            if (parts.length >= 3 && !parts[0].isEmpty() && Fields.digits(parts[2]) && parts[2].length() <= 10) {
                long found = Long.parseLong(parts[2]);
                boolean matches = name.isEmpty() ? found == id : parts[0].equals(name);
                if (matches && found <= MAXIMUM_ID) {
                    long gid = passwd && parts.length > 3 && Fields.digits(parts[3]) && parts[3].length() <= 10
                            ? Long.parseLong(parts[3])
                            : 0;
                    if (gid > MAXIMUM_ID) {
                        throw new SpecException(
                                "process.user",
                                file + " gives " + parts[0] + " the group " + gid + ", which is out of range");
                    }
                    String home = passwd && parts.length > 5 && parts[5].startsWith("/") ? parts[5] : "/";
                    return Optional.of(new Entry(parts[0], found, gid, home));
                }
            }
            at = end + 1;
        }
        return Optional.empty();
    }

    private void memberships(String user, List<Long> groups) {
        byte[] text = read("/etc/group");
        for (int at = 0; at < text.length; ) {
            int end = at;
            while (end < text.length && text[end] != '\n') {
                end++;
            }
            String[] parts = fields(text, at, end);
            if (parts.length > 3 && Fields.digits(parts[2]) && parts[2].length() <= 10) {
                for (String member : parts[3].split(",")) {
                    long gid = Long.parseLong(parts[2]);
                    if (member.equals(user) && gid <= MAXIMUM_ID && !groups.contains(gid)) {
                        groups.add(gid);
                    }
                }
            }
            at = end + 1;
        }
    }

    private static String[] fields(byte[] text, int from, int to) {
        return new String(text, from, to - from, StandardCharsets.UTF_8).strip().split(":", -1);
    }

    /** The content, empty where there is no such file. */
    private byte[] read(String file) {
        Fd path;
        try {
            path = linux.openat2(root, file, Flags.O_PATH, 0, Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
                return new byte[0];
            }
            throw new SpecException("process.user", file + " of the image cannot be read: " + e.getMessage());
        }
        try (path) {
            Linux.Stat stat = linux.stat(path, "");
            if (stat.type() != Flags.S_IFREG) {
                throw new SpecException("process.user", file + " of the image is not a regular file");
            }
            if (stat.size() > MAXIMUM_BYTES) {
                throw new SpecException(
                        "process.user",
                        file + " of the image has " + stat.size() + " bytes; at most " + MAXIMUM_BYTES + " are read");
            }
            // only now that it is known to be a file: opening a FIFO would block, opening a device can do anything
            try (Fd fd = linux.open(Path.of(path.procPath()), Flags.O_RDONLY | Flags.O_NOCTTY, 0)) {
                byte[] buffer = new byte[(int) stat.size()];
                int length = 0;
                while (length < buffer.length) {
                    int n = linux.read(fd, buffer, length, buffer.length - length);
                    if (n <= 0) {
                        break;
                    }
                    length += n;
                }
                return length == buffer.length ? buffer : java.util.Arrays.copyOf(buffer, length);
            }
        }
    }
}
