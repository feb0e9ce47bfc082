package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Sys;
import kist.kernel.Tape;

/** Compiles the first process of one container: its namespaces, mounts and all that comes between clone and exec. */
final class StartCompiler {
    private static final long PROC_SUPER_MAGIC = 0x9fa0;
    private static final int MAXIMUM_LINKS = 8;

    /** Files of /proc that something may be mounted on: what programs ask for their share of the machine. */
    private static final Set<String> PROC_FILES = Set.of(
            "/proc/cpuinfo",
            "/proc/diskstats",
            "/proc/meminfo",
            "/proc/stat",
            "/proc/swaps",
            "/proc/uptime",
            "/proc/loadavg",
            "/proc/slabinfo",
            "/proc/net/dev",
            "/proc/sys/kernel/ns_last_pid",
            "/proc/sys/crypto/fips_enabled");

    private final Linux linux;
    private final Cgroups cgroups;
    private final Spec spec;
    private final Process process;
    private final OciLinux os;
    private final Attachments with;
    private final List<Fd> opened;
    private final Tape t = new Tape();
    private final TapeCompiler files = new TapeCompiler(t);
    private final Map<String, Namespace> namespaces = new HashMap<>();
    private Optional<Tape.Line> sharedMemory = Optional.empty();
    private long flags;
    private Fd root = Fd.CWD;

    StartCompiler(Linux linux, Cgroups cgroups, Spec spec, Attachments with, List<Fd> opened) {
        this.linux = linux;
        this.cgroups = cgroups;
        this.spec = spec;
        this.process = spec.process();
        this.os = spec.linux();
        this.with = with;
        this.opened = opened;
    }

    ContainerRuntime.Compiled compile() {
        ContainerRuntime.refuse(spec);
        for (Namespace n : os.namespaces()) {
            if (namespaces.put(n.type(), n) != null) {
                throw new SpecException("linux.namespaces", "\"" + n.type() + "\" stands there twice");
            }
        }
        if (!isNew("mount")) {
            throw new SpecException(
                    "linux.namespaces", "a container needs a new mount namespace; add {\"type\": \"mount\"}");
        }
        Fd rootfs = with.rootfs().orElseGet(this::openRoot);
        root = rootfs;
        Account account = new Accounts(linux, rootfs).find(process.user());
        ProcessCompiler p = new ProcessCompiler(t, files, process, account);
        p.join(with.cgroup());
        Optional<Fd> pidNamespace = enterNamespaces();
        sharedMemory = with.joined().sharedMemory().map(this::sharedMemory);
        t.call("umask", Sys.UMASK, Tape.number(0));
        files.enterRoot(rootfs, propagation());
        mounts();
        Tape.Arg proc = procfs();
        boolean foreignDev = isForeign("/dev");
        files.devices(os.devices(), foreignDev);
        Optional<Tape.Line> terminal = Optional.empty();
        if (process.terminal()) {
            if (!files.isFresh("/dev/pts")) {
                throw new SpecException("process.terminal", "needs a mount of type devpts on /dev/pts");
            }
            Tape.Line slave = p.terminal(files.mounted("/dev/pts", Tape.number(Flags.AT_FDCWD)), "ptmx");
            files.console(slave);
            terminal = Optional.of(slave);
        }
        if (!process.cwd().equals("/")) {
            files.directory("making the working directory " + process.cwd(), MountPath.of(process.cwd()));
        }
        p.sysctls(proc, os.sysctl(), isNew("ipc"), isOwnNetwork(), isNew("uts"));
        p.priorities(proc);
        p.label(proc);
        for (String path : os.maskedPaths()) {
            files.mask(path);
        }
        for (String path : os.readonlyPaths()) {
            files.readOnly(path);
        }
        if (terminal.isPresent()) {
            p.streams(terminal.get());
        } else {
            streams(p);
        }
        files.leaveKeeper(spec.root().readonly());
        names();
        os.personality().ifPresent(this::personality);
        int commandLine = p.become(os.seccomp(), with);
        return new ContainerRuntime.Compiled(t, flags, commandLine, pidNamespace, opened);
    }

    private void streams(ProcessCompiler p) {
        if (files.isFresh("/dev")) {
            p.streams(with, files.mounted("/dev", Tape.number(Flags.AT_FDCWD)), "null");
        } else {
            p.streams(with, ContainerRuntime.nullDevice(t, files), "null");
        }
    }

    private boolean isNew(String type) {
        Namespace n = namespaces.get(type);
        return n != null && n.path().isEmpty() && !with.joined().namespaces().containsKey(type);
    }

    private boolean isOwnNetwork() {
        return with.networkNamespace().isPresent() || namespaces.containsKey("network");
    }

    /** Whether something of the host's is mounted on the destination or above it. */
    private boolean isForeign(String destination) {
        for (Mount m : spec.mounts()) {
            if (m.isBind() && MountPath.clean(m.destination()).equals(destination)) {
                return true;
            }
        }
        return with.volumes().containsKey(destination);
    }

    private Fd openRoot() {
        if (spec.root().path().isEmpty()) {
            throw new SpecException("root.path", "is missing");
        }
        return open(
                "root.path",
                () -> linux.openTree(Fd.CWD, spec.root().path(), Flags.OPEN_TREE_CLONE | Flags.AT_RECURSIVE));
    }

    private Fd open(String field, java.util.function.Supplier<Fd> call) {
        try {
            Fd fd = call.get();
            opened.add(fd);
            return fd;
        } catch (KernelException e) {
            throw new SpecException(field, e.call() + ": " + Errno.describe(e.errno()));
        }
    }

    private Optional<Fd> enterNamespaces() {
        Optional<Fd> pid = Optional.empty();
        boolean network = with.networkNamespace().isPresent();
        if (network) {
            join("network", with.networkNamespace().get(), Flags.CLONE_NEWNET);
        }
        boolean cgroup = false;
        for (Namespace n : os.namespaces()) {
            if (n.type().equals("network") && network) {
                continue;
            }
            Optional<Fd> other = Optional.ofNullable(with.joined().namespaces().get(n.type()));
            if (other.isPresent()) {
                if (n.type().equals("pid")) {
                    pid = other;
                } else {
                    join(n.type(), other.get(), n.flag());
                }
                continue;
            }
            if (n.path().isEmpty()) {
                if (n.type().equals("cgroup")) {
                    cgroup = true;
                } else {
                    flags |= n.flag();
                }
                continue;
            }
            Fd fd = open("linux.namespaces", () -> linux.open(Path.of(n.path()), Flags.O_RDONLY, 0));
            if (n.type().equals("pid")) {
                pid = Optional.of(fd);
            } else {
                join(n.type(), fd, n.flag());
            }
        }
        if (cgroup) {
            // after the group was joined: the namespace's root is where its first process is
            t.call("making a cgroup namespace", Sys.UNSHARE, Tape.number(Flags.CLONE_NEWCGROUP));
        }
        return pid;
    }

    /** A clone of another container's /dev/shm: only who is in its mount namespace can make one. */
    private Tape.Line sharedMemory(Fd process) {
        String what = "taking over the shared memory of the other container";
        Tape.Line proc = files.fileSystem("a procfs of the runtime's own", "proc", "", List.of(), 0);
        Tape.Line home = files.openat2(what, proc, "self/ns/mnt", Flags.O_RDONLY | Flags.O_CLOEXEC, 0);
        t.call(what, Sys.SETNS, t.descriptor(process), Tape.number(Flags.CLONE_NEWNS));
        Tape.Line tree = files.cloneOf(what, "/dev/shm");
        t.call(what, Sys.SETNS, home, Tape.number(Flags.CLONE_NEWNS));
        return tree;
    }

    private void join(String type, Fd fd, int flag) {
        t.call("joining the " + type + " namespace", Sys.SETNS, t.descriptor(fd), Tape.number(flag));
    }

    private long propagation() {
        return switch (os.rootfsPropagation()) {
            case "", "private", "rprivate" -> Flags.MS_PRIVATE;
            case "slave", "rslave" -> Flags.MS_SLAVE;
            case "shared", "rshared" -> Flags.MS_SHARED;
            case "unbindable", "runbindable" -> Flags.MS_UNBINDABLE;
            default ->
                throw new SpecException(
                        "linux.rootfsPropagation", "\"" + os.rootfsPropagation() + "\" is no propagation");
        };
    }

    private void mounts() {
        Set<String> done = new HashSet<>();
        for (Mount m : spec.mounts()) {
            String destination = MountPath.clean(m.destination());
            if (m.isBind() || m.type().equals("none")) {
                done.add(destination);
                bind(m, destination);
            } else if (m.type().equals("cgroup")) {
                cgroup(m);
            } else {
                checkProc(m, destination);
                files.mount(m);
            }
        }
        with.volumes().forEach((destination, tree) -> {
            if (!done.contains(MountPath.clean(destination))) {
                Mount m = Mount.bind("", destination, List.of());
                attach(m, MountPath.clean(destination), tree);
            }
        });
    }

    private void bind(Mount m, String destination) {
        Fd given = with.volumes().get(m.destination());
        if (given == null) {
            given = with.volumes().get(destination);
        }
        if (given != null) {
            attach(m, destination, given);
            return;
        }
        if (sharedMemory.isPresent() && destination.equals("/dev/shm")) {
            files.bind(m, sharedMemory.get(), true);
            return;
        }
        boolean recursive = m.options().contains("rbind");
        attach(
                m,
                destination,
                open(
                        "mounts",
                        () -> linux.openTree(
                                Fd.CWD, m.source(), Flags.OPEN_TREE_CLONE | (recursive ? Flags.AT_RECURSIVE : 0))));
    }

    private void attach(Mount m, String destination, Fd tree) {
        boolean ofProc = destination.equals("/proc") || destination.startsWith("/proc/");
        if (ofProc && !PROC_FILES.contains(destination) && linux.fileSystemType(tree) != PROC_SUPER_MAGIC) {
            throw insideProc(destination);
        }
        String real = destination.startsWith("/dev/") ? destination : behindLinks(destination);
        Mount at = real.equals(destination) ? m : new Mount(real, m.type(), m.source(), m.options());
        files.bind(at, tree, linux.stat(tree, "").isDirectory());
    }

    /** Where a destination is to be made that is a link to nowhere yet, such as Ubuntu's /etc/resolv.conf. */
    private String behindLinks(String destination) {
        String path = destination;
        for (int i = 0; i < MAXIMUM_LINKS; i++) {
            Optional<String> target = danglingLink(path);
            if (target.isEmpty()) {
                return path;
            }
            path = MountPath.clean(
                    target.get().startsWith("/")
                            ? target.get()
                            : path.substring(0, path.lastIndexOf('/') + 1) + target.get());
            if (path.equals("/") || path.equals("/proc") || path.startsWith("/proc/")) {
                throw new SpecException(
                        "mounts", "\"" + destination + "\" is a link of the image to " + path + ", which is refused");
            }
        }
        throw new SpecException("mounts", "\"" + destination + "\" is a link of the image that does not end");
    }

    private Optional<String> danglingLink(String path) {
        long inRoot = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
        try (Fd there = linux.openat2(root, path, Flags.O_PATH, 0, inRoot)) {
            return Optional.empty();
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                return Optional.empty(); // the tape says what is wrong with it
            }
        }
        try (Fd link = linux.openat2(root, path, Flags.O_PATH | Flags.O_NOFOLLOW, 0, inRoot)) {
            return Optional.of(linux.readlinkat(link, ""));
        } catch (KernelException e) {
            return Optional.empty();
        }
    }

    private void checkProc(Mount m, String destination) {
        boolean ofProc = destination.equals("/proc") || destination.startsWith("/proc/");
        if (ofProc && !m.type().equals("proc")) {
            throw insideProc(destination);
        }
    }

    private SpecException insideProc(String destination) {
        return new SpecException(
                "mounts", "\"" + destination + "\" is inside /proc, where only a real procfs can be mounted");
    }

    private void cgroup(Mount m) {
        if (cgroups.version() == 2) {
            // in the host's namespace /proc/self/cgroup names paths from the root, which must be there then
            files.mount(new Mount(m.destination(), "cgroup2", "cgroup", m.options()));
            return;
        }
        // clones of the directories look the same behind a cgroup namespace, and cost a third of mounts of their own
        Map<String, Fd> instead =
                namespaces.containsKey("cgroup") && with.cgroup().isEmpty() ? Map.of() : ownGroups();
        files.cgroupV1(m, cgroups.hierarchies(), instead);
    }

    /** Without a cgroup namespace the container sees its own groups only as clones of their directories. */
    private Map<String, Fd> ownGroups() {
        if (with.cgroup().isEmpty()) {
            throw new SpecException("mounts", "a mount of type cgroup needs a control group");
        }
        Map<String, Fd> trees = new LinkedHashMap<>();
        with.cgroup()
                .get()
                .directories()
                .forEach((name, directory) -> trees.put(
                        name, open("mounts", () -> linux.openTree(Fd.CWD, directory, Flags.OPEN_TREE_CLONE))));
        return trees;
    }

    /** A procfs that no mount of the container's can stand in for. */
    private Tape.Arg procfs() {
        if (files.isFresh("/proc")) {
            return files.mounted("/proc", Tape.number(Flags.AT_FDCWD));
        }
        boolean needed = !os.sysctl().isEmpty()
                || process.oomScoreAdj().isPresent()
                || !process.apparmorProfile().isEmpty();
        return needed ? files.fileSystem("a procfs of the runtime's own", "proc", "", List.of(), 0) : Tape.number(-1);
    }

    private void names() {
        for (String name : List.of(spec.hostname(), spec.domainname())) {
            if (!name.isEmpty() && !namespaces.containsKey("uts")) {
                throw new SpecException(
                        "hostname", "\"" + name + "\" can be set only in a uts namespace of the container's own");
            }
        }
        set("setting the host name", Sys.SETHOSTNAME, spec.hostname());
        set("setting the domain name", Sys.SETDOMAINNAME, spec.domainname());
    }

    private void set(String what, Sys call, String name) {
        if (!name.isEmpty()) {
            int length = name.getBytes(StandardCharsets.UTF_8).length;
            t.call(what + " " + name, call, t.text(name), Tape.number(length));
        }
    }

    private void personality(OciLinux.Personality personality) {
        long domain = switch (personality.domain()) {
            case "LINUX" -> 0;
            case "LINUX32" -> 8;
            default ->
                throw new SpecException(
                        "linux.personality.domain", "\"" + personality.domain() + "\" is not LINUX or LINUX32");
        };
        t.call("setting the personality", Sys.PERSONALITY, Tape.number(domain));
    }
}
