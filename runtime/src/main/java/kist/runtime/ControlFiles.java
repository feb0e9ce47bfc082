package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** The files of one hierarchy of control groups, by paths below its root. Thread-safe. */
final class ControlFiles {
    private static final int MAXIMUM_BYTES = 1 << 20;

    final String mountPoint;
    private final Linux linux;
    private final Fd root;

    ControlFiles(Linux linux, Fd root, String mountPoint) {
        this.linux = linux;
        this.root = root;
        this.mountPoint = mountPoint;
    }

    Fd open(String path, int flags) {
        return linux.openat2(root, path, flags, 0, Flags.RESOLVE_BENEATH | Flags.RESOLVE_NO_SYMLINKS);
    }

    /** Makes a directory; answers false where it is there already. */
    boolean make(String path) {
        try {
            linux.mkdirat(root, path, 0755);
            return true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST) {
                return false;
            }
            throw e;
        }
    }

    boolean exists(String path) {
        try {
            linux.stat(root, path);
            return true;
        } catch (KernelException e) {
            return false;
        }
    }

    /** Removes a directory and those below it; the files in them go by themselves. */
    void removeTree(String path) {
        try {
            linux.unlinkat(root, path, true);
            return;
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return;
            }
            if (e.errno() != Errno.EBUSY && e.errno() != Errno.ENOTEMPTY) {
                throw e;
            }
        }
        for (String child : children(path)) {
            removeTree(path + "/" + child);
        }
        try {
            linux.unlinkat(root, path, true);
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    List<String> children(String path) {
        List<String> names = new ArrayList<>();
        try (Fd dir = open(path, Flags.O_RDONLY | Flags.O_DIRECTORY)) {
            for (Linux.DirEntry entry : linux.list(dir)) {
                if (entry.type() == 4) {
                    names.add(entry.name());
                }
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
        return names;
    }

    /** Writes a value in one call, as these files want it. */
    void write(String path, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        try (Fd file = open(path, Flags.O_WRONLY)) {
            linux.write(file, bytes, 0, bytes.length);
        } catch (KernelException e) {
            throw new KernelException("writing \"" + value + "\" to " + mountPoint + "/" + path, e.errno());
        }
    }

    /**
     * Sets a limit.
     *
     * @throws SpecException naming the field where the kernel does not have it or does not take the value
     */
    void set(String field, String path, String value) {
        try {
            write(path, value);
        } catch (KernelException e) {
            String why = e.errno() == Errno.ENOENT || e.errno() == Errno.EACCES && !exists(path)
                    ? "this kernel has no " + path.substring(path.lastIndexOf('/') + 1)
                    : "the kernel does not take " + value + ": " + Errno.describe(e.errno());
            throw new SpecException("linux.resources." + field, why);
        }
    }

    /** The content; empty where the file does not exist. */
    String read(String path) {
        try (Fd file = open(path, Flags.O_RDONLY)) {
            byte[] buffer = new byte[4096];
            int length = 0;
            while (true) {
                if (length == buffer.length) {
                    if (length >= MAXIMUM_BYTES) {
                        break;
                    }
                    buffer = java.util.Arrays.copyOf(buffer, 2 * length);
                }
                int n = linux.read(file, buffer, length, buffer.length - length);
                if (n <= 0) {
                    break;
                }
                length += n;
            }
            return new String(buffer, 0, length, StandardCharsets.UTF_8);
        } catch (KernelException e) {
            // ENODEV: the group was removed; EOPNOTSUPP: a file that this group does not have
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENODEV || e.errno() == Errno.EOPNOTSUPP) {
                return "";
            }
            throw e;
        }
    }

    /** A single number; 0 where there is none, {@code Long.MAX_VALUE} for max. */
    long number(String path) {
        return parse(read(path).strip());
    }

    /** A limit, empty where there is none. */
    OptionalLong limit(String path) {
        long value = number(path);
        // v1 says "none" with the highest multiple of a page
        return value == 0 || value >= Long.MAX_VALUE - 65535 ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /** Lines of a name and a number. */
    Map<String, Long> table(String path) {
        Map<String, Long> table = new HashMap<>();
        for (String line : read(path).split("\n")) {
            int space = line.indexOf(' ');
            if (space > 0) {
                table.put(
                        line.substring(0, space),
                        parse(line.substring(space + 1).strip()));
            }
        }
        return table;
    }

    static long parse(String text) {
        if (text.equals("max")) {
            return Long.MAX_VALUE;
        }
        if (!Fields.digits(text)) {
            return 0;
        }
        return text.length() > 18
                ? new java.math.BigInteger(text)
                        .min(java.math.BigInteger.valueOf(Long.MAX_VALUE))
                        .longValue()
                : Long.parseLong(text);
    }

    /** Process ids, one a line. */
    List<Long> processes(String path) {
        List<Long> pids = new ArrayList<>();
        for (String line : read(path).split("\n")) {
            if (Fields.digits(line)) {
                pids.add(Long.parseLong(line));
            }
        }
        return pids;
    }
}
