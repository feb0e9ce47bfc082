package kist.runtime;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Sys;
import kist.kernel.Tape;
import kist.kernel.Tape.Arg;
import kist.kernel.Tape.Line;

/**
 * The file systems of a container as lines of a tape: the root, the mounts, /dev, masks, pivot_root. Every path of the
 * container is walked by the new process through openat2(2) below the root's descriptor; no path of the host is named.
 */
final class TapeCompiler {
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    private static final int PATH = Flags.O_PATH | Flags.O_CLOEXEC;
    private static final int DIRECTORY = PATH | Flags.O_DIRECTORY;
    private static final Arg EMPTY_PATH = Tape.number(Flags.AT_EMPTY_PATH);
    private static final Arg MOVE = Tape.number(Flags.MOVE_MOUNT_F_EMPTY_PATH | Flags.MOVE_MOUNT_T_EMPTY_PATH);
    private static final Arg CLONE = Tape.number(Flags.OPEN_TREE_CLONE | Flags.OPEN_TREE_CLOEXEC | Flags.AT_EMPTY_PATH);
    private static final Arg CLONE_TREE =
            Tape.number(Flags.OPEN_TREE_CLONE | Flags.OPEN_TREE_CLOEXEC | Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE);
    private static final Arg CWD = Tape.number(Flags.AT_FDCWD);
    private static final Arg ZERO = Tape.number(0);
    private static final Arg DIRECTORY_MODE = Tape.number(0755);
    private static final Arg CLOEXEC = Tape.number(1);

    private static final String[][] LINKS = {
        {"/proc/self/fd", "fd"},
        {"/proc/self/fd/0", "stdin"},
        {"/proc/self/fd/1", "stdout"},
        {"/proc/self/fd/2", "stderr"},
        {"/proc/kcore", "core"},
        {"pts/ptmx", "ptmx"}
    };
    private static final Device[] NODES = {
        Device.character("null", 1, 3),
        Device.character("zero", 1, 5),
        Device.character("full", 1, 7),
        Device.character("random", 1, 8),
        Device.character("urandom", 1, 9),
        Device.character("tty", 5, 0)
    };

    /** What the host's own proc or sysfs has under a path; the container's has the same there. */
    private static final Map<String, Kind> KINDS = new ConcurrentHashMap<>();

    private enum Kind {
        DIRECTORY,
        FILE,
        UNKNOWN
    }

    private final Tape t;
    private final Arg empty;
    private final Map<Long, Arg> hows = new HashMap<>();
    private final Map<String, Arg> strings = new HashMap<>();

    /** Mounts that this tape made, by destination: the descriptor of the mount's root. */
    private final Map<String, Arg> made = new HashMap<>();

    /** Destinations whose mount is a file system that no other process can have changed. */
    private final Set<String> fresh = new HashSet<>();

    private final List<Line> toSetReadOnly = new ArrayList<>(2);
    private Arg root = ZERO;
    private Arg masks = ZERO;

    TapeCompiler(Tape tape) {
        t = tape;
        empty = tape.text("");
    }

    /** Gives a descriptor back early: a process has only so many, and each of many mounts would cost some. */
    private void close(Line... lines) {
        for (Line line : lines) {
            // one that was allowed to fail is no descriptor
            t.call("closing a descriptor", Sys.CLOSE, line).allow(Errno.EBADF);
        }
    }

    /** A text that several lines share. */
    Arg text(String s) {
        return strings.computeIfAbsent(s, t::text);
    }

    Line openat2(String what, Arg dir, String path, long flags, long resolve) {
        Arg how = hows.computeIfAbsent(
                flags << 8 | resolve, k -> t.struct(24).u64(0, flags).u64(16, resolve));
        return t.call(what, Sys.OPENAT2, dir, text(path), how, Tape.number(24));
    }

    /** The directory that masks are clones of, and the root on top of it; then the working directory is the root. */
    void enterRoot(Fd rootfs, long propagation) {
        Line fs = t.call("the masks", Sys.FSOPEN, text("tmpfs"), CLOEXEC);
        option(fs, "the masks", "mode=555");
        option(fs, "the masks", "size=4k");
        t.call("the masks", Sys.FSCONFIG, fs, Tape.number(Flags.FSCONFIG_CMD_CREATE), ZERO, ZERO, ZERO);
        Line scratch = t.call("the masks", Sys.FSMOUNT, fs, CLOEXEC, ZERO);
        close(fs);
        attach("the masks", scratch, CWD, "/r");
        t.call("the masks", Sys.MKDIRAT, scratch, text("d"), Tape.number(0555));
        node("the masks", scratch, "null", Flags.S_IFCHR | 0666, device(1, 3));
        attributes(
                "the masks",
                scratch,
                EMPTY_PATH,
                Flags.MOUNT_ATTR_RDONLY | Flags.MOUNT_ATTR_NOSUID | Flags.MOUNT_ATTR_NOEXEC,
                0,
                0);
        masks = scratch;
        root = t.descriptor(rootfs);
        attributes(
                "propagation of the root",
                root,
                Tape.number(Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE),
                0,
                0,
                Flags.MS_PRIVATE);
        attach("attaching the root", root, CWD, "/r");
        t.call("entering the root", Sys.CHDIR, text("/r"));
        if (propagation != 0 && propagation != Flags.MS_PRIVATE) {
            attributes("propagation of the root", root, EMPTY_PATH, 0, 0, propagation);
        }
    }

    /** Makes the root the only one; nothing of the keeper's is reachable afterwards. */
    void leaveKeeper(boolean readOnly) {
        for (Line mount : toSetReadOnly) {
            attributes("making a mount read-only", mount, EMPTY_PATH, Flags.MOUNT_ATTR_RDONLY, 0, 0);
        }
        if (readOnly) {
            attributes("making the root read-only", root, EMPTY_PATH, Flags.MOUNT_ATTR_RDONLY, 0, 0);
        }
        t.call("pivot_root", Sys.PIVOT_ROOT, text("."), text("."));
        t.call("leaving the old root", Sys.UMOUNT2, text("."), Tape.number(Flags.MNT_DETACH));
        t.call("entering the root", Sys.CHDIR, text("/"));
    }

    private void attach(String what, Arg mount, Arg dir, String path) {
        t.call(what, Sys.MOVE_MOUNT, mount, empty, dir, text(path), Tape.number(Flags.MOVE_MOUNT_F_EMPTY_PATH));
    }

    private Line attach(String what, Arg mount, Arg target) {
        return t.call(what, Sys.MOVE_MOUNT, mount, empty, target, empty, MOVE);
    }

    private Line attributes(String what, Arg mount, Arg at, long set, long clear, long propagation) {
        Arg attr = t.struct(32).u64(0, set).u64(8, clear).u64(16, propagation);
        return t.call(what, Sys.MOUNT_SETATTR, mount, empty, at, attr, Tape.number(32));
    }

    private void option(Line fs, String what, String option) {
        int equals = option.indexOf('=');
        if (equals < 0) {
            t.call(what, Sys.FSCONFIG, fs, Tape.number(Flags.FSCONFIG_SET_FLAG), text(option), ZERO, ZERO);
        } else {
            t.call(
                    what,
                    Sys.FSCONFIG,
                    fs,
                    Tape.number(Flags.FSCONFIG_SET_STRING),
                    text(option.substring(0, equals)),
                    text(option.substring(equals + 1)),
                    ZERO);
        }
    }

    /** A new instance of a file system, not attached yet. */
    Line fileSystem(String what, String type, String source, List<String> options, long attributes) {
        Line fs = t.call(what, Sys.FSOPEN, text(type), CLOEXEC);
        if (!source.isEmpty()) {
            option(fs, what, "source=" + source);
        }
        for (String option : options) {
            option(fs, what, option);
        }
        t.call(what, Sys.FSCONFIG, fs, Tape.number(Flags.FSCONFIG_CMD_CREATE), ZERO, ZERO, ZERO);
        Line mount = t.call(what, Sys.FSMOUNT, fs, CLOEXEC, Tape.number(attributes));
        close(fs);
        return mount;
    }

    /** Mounts a file system of the kernel, such as proc, tmpfs or devpts. */
    void mount(Mount mount) {
        String what = "mounting " + mount.type() + " on " + mount.destination();
        MountOptions o = MountOptions.of(mount);
        Line target = directory(what, destination(mount));
        boolean tmpfs = mount.type().equals("tmpfs");
        long set = o.set | o.recursiveSet;
        Line fs = fileSystem(what, mount.type(), mount.source(), o.data, tmpfs ? set & ~Flags.MOUNT_ATTR_RDONLY : set);
        if (o.propagation != 0 && o.propagation != Flags.MS_PRIVATE) {
            attributes(what, fs, EMPTY_PATH, 0, 0, o.propagation);
        }
        attach(what, fs, target);
        close(target);
        if (tmpfs && o.readOnly()) {
            toSetReadOnly.add(fs); // what comes below it must be made first
        }
        String destination = MountPath.clean(mount.destination());
        remember(destination, fs);
        fresh.add(destination);
    }

    /** The hierarchies of cgroup v1, as the container's cgroup namespace shows them, below a tmpfs. */
    void cgroupV1(Mount mount, List<String> hierarchies, Map<String, Fd> instead) {
        MountOptions o = MountOptions.of(mount);
        String destination = mount.destination();
        mount(new Mount(
                destination,
                "tmpfs",
                "cgroup",
                o.readOnly()
                        ? List.of("nosuid", "nodev", "noexec", "mode=755", "ro")
                        : List.of("nosuid", "nodev", "noexec", "mode=755")));
        Arg parent = made.getOrDefault(MountPath.clean(destination), root);
        for (String hierarchy : hierarchies) {
            String what = "mounting the cgroup hierarchy " + hierarchy;
            t.call(what, Sys.MKDIRAT, parent, text(hierarchy), DIRECTORY_MODE);
            Line target = openat2(what, parent, hierarchy, DIRECTORY, IN_ROOT);
            Fd bind = instead.get(hierarchy);
            if (bind != null) {
                Arg tree = t.descriptor(bind);
                attach(what, tree, target);
                close(target);
            } else {
                List<String> options = hierarchy.indexOf('=') >= 0
                        ? List.of("none", hierarchy)
                        : hierarchy.equals("systemd") ? List.of("none", "name=systemd") : List.of(hierarchy.split(","));
                Line fs = fileSystem(what, "cgroup", "cgroup", options, o.set);
                attach(what, fs, target);
                close(target, fs);
            }
            if (hierarchy.indexOf(',') > 0) {
                for (String controller : hierarchy.split(",")) {
                    t.call(what, Sys.SYMLINKAT, text(hierarchy), parent, text(controller));
                }
            }
        }
        if (!instead.isEmpty()) {
            Arg below = Tape.number(Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE);
            attributes("mounting the cgroup hierarchies", parent, below, o.set, o.clear, Flags.MS_PRIVATE);
        }
    }

    /** A detached clone of the mount at a path of the mount namespace that the process is in at this line. */
    Line cloneOf(String what, String path) {
        Line place = openat2(what, CWD, path, DIRECTORY, IN_ROOT);
        Line tree = t.call(what, Sys.OPEN_TREE, place, empty, CLONE);
        close(place);
        return tree;
    }

    /** Attaches a detached mount that came as a descriptor, with the options of a bind mount. */
    void bind(Mount mount, Fd tree, boolean directory) {
        bind(mount, t.descriptor(tree), directory);
    }

    /** Attaches a detached mount, with the options of a bind mount. */
    void bind(Mount mount, Arg source, boolean directory) {
        String what =
                "mounting " + (mount.source().isEmpty() ? "a volume" : mount.source()) + " on " + mount.destination();
        MountOptions o = MountOptions.of(mount);
        List<String> path = destination(mount);
        Line target = directory ? directory(what, path) : file(what, path);
        long propagation = o.propagation == 0 ? Flags.MS_PRIVATE : o.propagation;
        attributes(what, source, Tape.number(Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE), o.recursiveSet, 0, propagation);
        if (o.set != 0 || o.clear != 0) {
            attributes(what, source, EMPTY_PATH, o.set, o.clear, 0);
        }
        attach(what, source, target);
        close(target);
        remember(MountPath.clean(mount.destination()), source);
    }

    private static List<String> destination(Mount mount) {
        List<String> path = MountPath.of(mount.destination());
        if (path.isEmpty()) {
            throw new SpecException("mounts", "nothing can be mounted on /; that is what root.path is for");
        }
        return path;
    }

    private void remember(String destination, Arg mount) {
        // what was mounted below is covered now
        made.keySet().removeIf(d -> d.startsWith(destination + "/"));
        fresh.removeIf(d -> d.equals(destination) || d.startsWith(destination + "/"));
        made.put(destination, mount);
    }

    /** The mount of ours with this destination, or the one given where there is none. */
    Arg mounted(String destination, Arg otherwise) {
        return fresh.contains(destination) ? made.getOrDefault(destination, otherwise) : otherwise;
    }

    boolean isFresh(String destination) {
        return fresh.contains(destination);
    }

    /** A directory of the container, made component by component where it is missing. */
    Line directory(String what, List<String> path) {
        if (path.isEmpty()) {
            return openat2(what, root, "/", DIRECTORY, IN_ROOT);
        }
        Arg base = root;
        Arg parent = root;
        int from = 0;
        StringBuilder prefix = new StringBuilder();
        for (int i = 0; i < path.size() - 1; i++) {
            prefix.append('/').append(path.get(i));
            if (fresh.contains(prefix.toString())) {
                base = made.getOrDefault(prefix.toString(), root);
                parent = base;
                from = i + 1;
            }
        }
        StringBuilder below = new StringBuilder();
        Line line = null;
        for (int i = from; i < path.size(); i++) {
            below.append('/').append(path.get(i));
            t.call(what, Sys.MKDIRAT, parent, text(path.get(i)), DIRECTORY_MODE).allow(Errno.EEXIST);
            Line above = line;
            line = openat2(what, base, below.toString(), DIRECTORY, IN_ROOT);
            parent = line;
            if (above != null) {
                close(above);
            }
        }
        return java.util.Objects.requireNonNull(line);
    }

    /** A file of the container to mount a file on, made empty where it is missing. */
    private Line file(String what, List<String> path) {
        List<String> above = path.subList(0, path.size() - 1);
        String name = path.getLast();
        Line directory = directory(what, above);
        // mknodat never opens what is there already, be it a FIFO or a device
        t.call(what, Sys.MKNODAT, directory, text(name), Tape.number(Flags.S_IFREG | 0644), ZERO)
                .allow(Errno.EEXIST);
        close(directory);
        return openat2(what, root, "/" + String.join("/", path), PATH, IN_ROOT);
    }

    /** The nodes and links of /dev, and devices that the spec adds. */
    void devices(List<Device> devices, boolean bindMountedDev) {
        Set<String> wanted = new HashSet<>();
        for (Device d : devices) {
            wanted.add(MountPath.clean(d.path()));
        }
        if (!bindMountedDev) {
            Arg dev = isFresh("/dev") ? mounted("/dev", root) : directory("the directory /dev", List.of("dev"));
            boolean own = isFresh("/dev");
            for (Device d : NODES) {
                if (!wanted.contains("/dev/" + d.path())) {
                    Line line = node(
                            "making the device /dev/" + d.path(),
                            dev,
                            d.path(),
                            Flags.S_IFCHR | 0666,
                            device(d.major(), d.minor()));
                    if (!own) {
                        line.allow(Errno.EEXIST);
                    }
                }
            }
            for (String[] link : LINKS) {
                Line line = t.call("making the link /dev/" + link[1], Sys.SYMLINKAT, text(link[0]), dev, text(link[1]));
                if (!own) {
                    line.allow(Errno.EEXIST);
                }
            }
        }
        for (Device d : devices) {
            List<String> path = MountPath.of(d.path());
            if (path.isEmpty()) {
                throw new SpecException("linux.devices", "a device cannot be made at /");
            }
            String what = "making the device " + d.path();
            List<String> above = path.subList(0, path.size() - 1);
            String clean = "/" + String.join("/", above);
            Arg parent = above.isEmpty() ? root : isFresh(clean) ? mounted(clean, root) : directory(what, above);
            int type = switch (d.type()) {
                case "c", "u" -> Flags.S_IFCHR;
                case "b" -> Flags.S_IFBLK;
                case "p" -> Flags.S_IFIFO;
                default ->
                    throw new SpecException(
                            "linux.devices", "\"" + d.type() + "\" is no type of device; c, b and p are");
            };
            node(what, parent, path.getLast(), type | d.fileMode().orElse(0666) & 07777, device(d.major(), d.minor()));
            if (d.uid().orElse(0) != 0 || d.gid().orElse(0) != 0) {
                t.call(
                        what,
                        Sys.FCHOWNAT,
                        parent,
                        text(path.getLast()),
                        Tape.number(d.uid().orElse(0)),
                        Tape.number(d.gid().orElse(0)),
                        Tape.number(Flags.AT_SYMLINK_NOFOLLOW));
            }
        }
    }

    private Line node(String what, Arg parent, String name, int mode, long device) {
        return t.call(what, Sys.MKNODAT, parent, text(name), Tape.number(mode), Tape.number(device));
    }

    /** The kernel's 32 bit form of a device number (makedev(3)). */
    private static long device(long major, long minor) {
        return minor & 0xff | (major & 0xfff) << 8 | (minor & ~0xffL) << 12;
    }

    /** Shows the terminal as /dev/console too. */
    void console(Line terminal) {
        if (!isFresh("/dev")) {
            return;
        }
        String what = "mounting the terminal on /dev/console";
        Arg dev = mounted("/dev", root);
        t.call(what, Sys.MKNODAT, dev, text("console"), Tape.number(Flags.S_IFREG | 0600), ZERO)
                .allow(Errno.EEXIST);
        Line target = openat2(what, dev, "console", PATH | Flags.O_NOFOLLOW, IN_ROOT);
        attach(what, t.call(what, Sys.OPEN_TREE, terminal, empty, CLONE), target);
    }

    /** Hides a path where it exists: a directory behind an empty one, a file behind /dev/null. */
    void mask(String path) {
        String what = "masking " + path;
        Line target = find(what, path);
        Kind kind = kind(path);
        if (kind != Kind.FILE) {
            cover(what, "d", target, kind);
        }
        if (kind != Kind.DIRECTORY) {
            cover(what, "null", target, kind);
        }
        close(target);
    }

    private void cover(String what, String with, Line target, Kind kind) {
        // the target is no argument of the call but keeps it from being made where there is none: to drop a clone that
        // was never attached costs the kernel a grace period
        Line clone =
                t.call(what, Sys.OPEN_TREE, masks, text(with), CLONE, target).allow(Errno.EBADF);
        Line move = attach(what, clone, target);
        if (kind == Kind.UNKNOWN) {
            // one of the two fits what is there, if anything is
            move.allow(Errno.EBADF, Errno.ENOTDIR, Errno.EINVAL);
        } else {
            move.allow(Errno.EBADF);
        }
        close(clone);
    }

    /** Makes a path read-only where it exists. */
    void readOnly(String path) {
        String what = "making " + path + " read-only";
        Line target = find(what, path);
        Line tree = t.call(what, Sys.OPEN_TREE, target, empty, CLONE_TREE).allow(Errno.EBADF);
        attributes(what, tree, Tape.number(Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE), Flags.MOUNT_ATTR_RDONLY, 0, 0)
                .allow(Errno.EBADF);
        attach(what, tree, target).allow(Errno.EBADF);
        close(tree, target);
    }

    /** A path of the container, looked for in the mount of ours that it lies in, whatever is mounted over that. */
    private Line find(String what, String path) {
        List<String> parts = MountPath.of(path);
        Arg base = root;
        String below = "/" + String.join("/", parts);
        if (parts.size() > 1 && isFresh("/" + parts.getFirst())) {
            base = mounted("/" + parts.getFirst(), root);
            below = "/" + String.join("/", parts.subList(1, parts.size()));
        }
        return openat2(what, base, below, PATH, IN_ROOT).allow(Errno.ENOENT, Errno.ENOTDIR);
    }

    private Kind kind(String path) {
        boolean kernels = path.startsWith("/proc/") && isFresh("/proc") || path.startsWith("/sys/") && isFresh("/sys");
        if (!kernels) {
            return Kind.UNKNOWN;
        }
        Kind known = KINDS.get(path);
        if (known != null) {
            return known;
        }
        Path host = Path.of(path);
        Kind kind = Files.isDirectory(host)
                ? Kind.DIRECTORY
                : Files.exists(host, LinkOption.NOFOLLOW_LINKS) && !Files.isSymbolicLink(host)
                        ? Kind.FILE
                        : Kind.UNKNOWN;
        if (kind != Kind.UNKNOWN) {
            KINDS.put(path, kind); // a path that is missing may come with a driver
        }
        return kind;
    }
}
