package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Sys;
import kist.kernel.Tape;
import kist.kernel.Tape.Arg;
import kist.kernel.Tape.Line;

/** What a process becomes, whether first or further in its container, as lines of a tape: streams, limits, rights, exec. */
final class ProcessCompiler {
    private static final int TIOCSCTTY = 0x540e;
    private static final int TIOCSWINSZ = 0x5414;
    private static final int TIOCSPTLCK = 0x40045431;
    private static final int TIOCGPTPEER = 0x5441;
    private static final int PR_SET_KEEPCAPS = 8;
    private static final int PR_CAPBSET_DROP = 24;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_CAP_AMBIENT = 47;
    private static final int PR_CAP_AMBIENT_RAISE = 2;
    private static final int PR_CAP_AMBIENT_CLEAR_ALL = 4;
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int IOPRIO_WHO_PROCESS = 1;
    private static final int KEYCTL_JOIN_SESSION_KEYRING = 1;
    /** The descriptor of the init until it is executed: the first that is not a standard stream. */
    private static final int INIT = 3;

    private static final Arg ZERO = Tape.number(0);
    private static final Arg CWD = Tape.number(Flags.AT_FDCWD);
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    private static final int READ_WRITE = Flags.O_RDWR | Flags.O_NOCTTY | Flags.O_CLOEXEC;

    private final Tape t;
    private final TapeCompiler files;
    private final Process process;
    private final Account account;

    ProcessCompiler(Tape tape, TapeCompiler files, Process process, Account account) {
        t = tape;
        this.files = files;
        this.process = process;
        this.account = account;
    }

    /** Moves the process, which has one thread, into its control group and away from the keeper's session. */
    void join(Optional<Cgroup> cgroup) {
        if (cgroup.isPresent()) {
            Arg zero = files.text("0");
            for (Fd tasks : cgroup.get().joinDescriptors()) {
                t.call("joining the control group", Sys.WRITE, t.descriptor(tasks), zero, Tape.number(1));
            }
        }
        t.call("making a session", Sys.SETSID);
        // keys of the keeper's user must not be found by the container (keyrings(7)); kernels can be without
        t.call("making a session keyring", Sys.KEYCTL, Tape.number(KEYCTL_JOIN_SESSION_KEYRING), ZERO)
                .allow(Errno.ENOSYS, Errno.EDQUOT);
    }

    /** Opens a terminal in a devpts; answers its slave and has sent its master away. */
    Line terminal(Arg devpts, String ptmx) {
        String what = "opening a terminal";
        Line master = files.openat2(what, devpts, ptmx, READ_WRITE, IN_ROOT);
        t.call(what, Sys.IOCTL, master, Tape.number(TIOCSPTLCK), t.struct(8));
        Line slave = t.call(what, Sys.IOCTL, master, Tape.number(TIOCGPTPEER), Tape.number(READ_WRITE));
        process.consoleSize()
                .filter(s -> s.height() > 0 && s.width() > 0)
                .ifPresent(size -> t.call(
                        "setting the size of the terminal",
                        Sys.IOCTL,
                        master,
                        Tape.number(TIOCSWINSZ),
                        t.struct(8).u16(0, size.height()).u16(2, size.width())));
        t.sendDescriptor("giving the terminal away", master);
        t.call("making the terminal the controlling one", Sys.IOCTL, slave, Tape.number(TIOCSCTTY), ZERO);
        return slave;
    }

    /** Descriptors 0 to 2 from the terminal. */
    void streams(Line terminal) {
        for (int i = 0; i < 3; i++) {
            t.call("the terminal as standard stream", Sys.DUP3, terminal, Tape.number(i), ZERO);
        }
        own(0);
    }

    /** Descriptors 0 to 2 from what the caller has, and the others from a null device that is the container's own. */
    void streams(Attachments with, Arg dev, String name) {
        List<Optional<Fd>> given = List.of(with.input(), with.output(), with.error());
        Line nothing = null;
        for (int i = 0; i < 3; i++) {
            String what = i == 0 ? "standard input" : i == 1 ? "standard output" : "standard error";
            if (given.get(i).isPresent()) {
                t.call(what, Sys.DUP3, t.descriptor(given.get(i).get()), Tape.number(i), ZERO);
                own(i);
            } else {
                if (nothing == null) {
                    nothing = files.openat2(what, dev, name, READ_WRITE, IN_ROOT);
                }
                t.call(what, Sys.DUP3, nothing, Tape.number(i), ZERO);
            }
        }
    }

    /** A process must be able to open its own /dev/stdout anew. What is none of ours to give stays as it is. */
    private void own(int stream) {
        if (account.uid() != 0) {
            t.call(
                            "giving standard streams to the user",
                            Sys.FCHOWN,
                            Tape.number(stream),
                            Tape.number(account.uid()),
                            Tape.number(-1))
                    .allow(Errno.EINVAL, Errno.EPERM, Errno.EROFS, Errno.ENOTSOCK);
        }
    }

    /** Priorities, while all rights are there. */
    void priorities(Arg proc) {
        if (process.oomScoreAdj().isPresent()) {
            int value = process.oomScoreAdj().getAsInt();
            String what = "setting oom_score_adj to " + value + " (to lower it needs CAP_SYS_RESOURCE)";
            Line file = files.openat2(what, proc, "self/oom_score_adj", Flags.O_WRONLY | Flags.O_CLOEXEC, IN_ROOT);
            write(what, file, Integer.toString(value));
        }
        process.ioPriority().ifPresent(p -> {
            int ioClass = switch (p.ioClass()) {
                case "IOPRIO_CLASS_RT" -> 1;
                case "IOPRIO_CLASS_BE" -> 2;
                case "IOPRIO_CLASS_IDLE" -> 3;
                default -> throw new SpecException("process.ioPriority.class", "\"" + p.ioClass() + "\" is no class");
            };
            t.call(
                    "setting the priority of input and output",
                    Sys.IOPRIO_SET,
                    Tape.number(IOPRIO_WHO_PROCESS),
                    ZERO,
                    Tape.number((long) ioClass << 13 | p.priority()));
        });
    }

    /** The AppArmor profile that begins with the program; written through a procfs that cannot be another one. */
    void label(Arg proc) {
        String profile = process.apparmorProfile();
        if (profile.isEmpty() || profile.equals("unconfined") && !AppArmor.isEnabled()) {
            return;
        }
        String what = "applying the AppArmor profile " + profile;
        Line file = files.openat2(what, proc, "self/attr/apparmor/exec", Flags.O_WRONLY | Flags.O_CLOEXEC, IN_ROOT);
        write(what, file, "exec " + profile);
    }

    private static String show(long limit) {
        return limit == -1 ? "unlimited" : Long.toUnsignedString(limit);
    }

    void write(String what, Line file, String value) {
        t.call(what, Sys.WRITE, file, files.text(value), Tape.number(value.getBytes(StandardCharsets.UTF_8).length));
    }

    /** Everything from the last descriptor to the program; answers the number of the first line that is about it. */
    int become(Optional<Seccomp> seccomp, Attachments with) {
        with.init()
                .ifPresent(file -> t.call(
                        "the init", Sys.DUP3, t.descriptor(file), Tape.number(INIT), Tape.number(Flags.O_CLOEXEC)));
        // before the working directory is entered, so that no descriptor can be named as one
        t.closeFrom("closing descriptors", with.init().isPresent() ? INIT + 1 : INIT);
        if (!process.cwd().equals("/")) {
            String what = "chdir to cwd (\"" + process.cwd() + "\") set in config.json failed";
            Line dir = files.openat2(
                    what, CWD, process.cwd(), Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_CLOEXEC, IN_ROOT);
            t.call(what, Sys.FCHDIR, dir);
            t.call(what, Sys.CLOSE, dir);
        }
        t.call("umask", Sys.UMASK, Tape.number(process.user().umask().orElse(022)));
        resourceLimits();
        process.capabilities()
                .ifPresent(c -> boundingSet(Capability.mask(c.bounding(), "process.capabilities.bounding")));
        Optional<Arg> filter = seccomp.map(this::filter);
        if (!process.noNewPrivileges()) {
            // without no_new_privs a filter needs CAP_SYS_ADMIN, which goes away below
            filter.ifPresent(f -> load(f, seccomp));
        }
        t.call("keeping capabilities", Sys.PRCTL, Tape.number(PR_SET_KEEPCAPS), Tape.number(1), ZERO, ZERO, ZERO);
        identity();
        t.call("keeping capabilities", Sys.PRCTL, Tape.number(PR_SET_KEEPCAPS), ZERO, ZERO, ZERO, ZERO);
        process.capabilities().ifPresent(this::capabilities);
        if (process.noNewPrivileges()) {
            t.call(
                    "setting no_new_privs",
                    Sys.PRCTL,
                    Tape.number(PR_SET_NO_NEW_PRIVS),
                    Tape.number(1),
                    ZERO,
                    ZERO,
                    ZERO);
        }
        if (with.waitForStart()) {
            t.sync("waiting for start");
        }
        if (process.noNewPrivileges()) {
            filter.ifPresent(f -> load(f, seccomp));
        }
        int first = t.size();
        execute(with.init().isPresent());
        return first;
    }

    /** Late, as the lines before need more descriptors than the limits may leave. */
    private void resourceLimits() {
        for (Rlimit limit : process.rlimits()) {
            t.call(
                    "setting " + limit.type() + " to " + show(limit.soft()) + ":" + show(limit.hard())
                            + " (to raise a hard limit needs CAP_SYS_RESOURCE)",
                    Sys.PRLIMIT64,
                    ZERO,
                    Tape.number(limit.resource()),
                    t.struct(16).u64(0, limit.soft()).u64(8, limit.hard()),
                    ZERO);
        }
    }

    private void boundingSet(long keep) {
        for (int i = 0; i < 64; i++) {
            if (Capability.isHeld(i) && (keep >>> i & 1) == 0) {
                t.call(
                        "dropping a capability",
                        Sys.PRCTL,
                        Tape.number(PR_CAPBSET_DROP),
                        Tape.number(i),
                        ZERO,
                        ZERO,
                        ZERO);
            }
        }
    }

    private void identity() {
        List<Long> groups = account.groups();
        Arg list = ZERO;
        if (!groups.isEmpty()) {
            Tape.Struct ids = t.struct(4 * groups.size());
            for (int i = 0; i < groups.size(); i++) {
                ids.u32(4 * i, groups.get(i).intValue());
            }
            list = ids;
        }
        t.call("setting supplementary groups", Sys.SETGROUPS, Tape.number(groups.size()), list);
        Arg gid = Tape.number(account.gid());
        t.call("setting the group " + account.gid(), Sys.SETRESGID, gid, gid, gid);
        Arg uid = Tape.number(account.uid());
        t.call("setting the user " + account.uid(), Sys.SETRESUID, uid, uid, uid);
    }

    private void capabilities(Capabilities c) {
        long effective = Capability.mask(c.effective(), "process.capabilities.effective");
        long permitted = Capability.mask(c.permitted(), "process.capabilities.permitted");
        long inheritable = Capability.mask(c.inheritable(), "process.capabilities.inheritable");
        long ambient = Capability.mask(c.ambient(), "process.capabilities.ambient");
        for (int i = 0; i < Capability.COUNT; i++) {
            if ((permitted >>> i & 1) != 0 && !Capability.isHeld(i)) {
                throw new SpecException(
                        "process.capabilities.permitted",
                        Capability.name(i) + " cannot be given: this machine does not let its root have it");
            }
        }
        Arg header = t.struct(8).u32(0, CAPABILITY_VERSION_3);
        Arg data = t.struct(24)
                .u32(0, (int) effective)
                .u32(4, (int) permitted)
                .u32(8, (int) inheritable)
                .u32(12, (int) (effective >>> 32))
                .u32(16, (int) (permitted >>> 32))
                .u32(20, (int) (inheritable >>> 32));
        t.call("setting capabilities", Sys.CAPSET, header, data);
        t.call(
                        "clearing ambient capabilities",
                        Sys.PRCTL,
                        Tape.number(PR_CAP_AMBIENT),
                        Tape.number(PR_CAP_AMBIENT_CLEAR_ALL),
                        ZERO,
                        ZERO,
                        ZERO)
                .allow(Errno.EINVAL);
        for (int i = 0; i < Capability.COUNT; i++) {
            if ((ambient >>> i & 1) != 0) {
                t.call(
                        "setting the ambient capability " + Capability.name(i),
                        Sys.PRCTL,
                        Tape.number(PR_CAP_AMBIENT),
                        Tape.number(PR_CAP_AMBIENT_RAISE),
                        Tape.number(i),
                        ZERO,
                        ZERO);
            }
        }
    }

    private Arg filter(Seccomp seccomp) {
        byte[] program = SeccompCompiler.compile(seccomp);
        return t.struct(16).u16(0, program.length / 8).pointer(8, t.bytes(program));
    }

    private void load(Arg program, Optional<Seccomp> seccomp) {
        t.call(
                "loading the filter of system calls",
                Sys.SECCOMP,
                Tape.number(SECCOMP_SET_MODE_FILTER),
                Tape.number(seccomp.map(SeccompCompiler::flags).orElse(0)),
                program);
    }

    private void execute(boolean init) {
        List<String> env = new ArrayList<>(process.env().size() + 1);
        String path = DefaultSpec.PATH.substring(5);
        boolean home = false;
        for (String variable : process.env()) {
            if (variable.startsWith("PATH=")) {
                path = variable.substring(5);
            }
            home |= variable.startsWith("HOME=") && variable.length() > 5;
            env.add(variable);
        }
        if (!home) {
            env.remove("HOME=");
            env.add("HOME=" + account.home());
        }
        Arg environment = t.strings(env);
        if (init) {
            List<String> args = new ArrayList<>(List.of("/sbin/docker-init", "--"));
            args.addAll(process.args());
            Arg arguments = t.strings(args);
            Arg file = Tape.number(INIT);
            Arg empty = Tape.number(Flags.AT_EMPTY_PATH);
            // what is sent before the init is ready for it waits, instead of being lost on a first process
            t.call("blocking signals", Sys.RT_SIGPROCMASK, ZERO, t.struct(8).u64(0, -1), ZERO, Tape.number(8));
            // a filter of one's own may know execve alone
            t.call("exec: the init", Sys.EXECVEAT, file, files.text(""), arguments, environment, empty)
                    .allow(Errno.EPERM, Errno.ENOSYS);
            t.call("exec: the init", Sys.EXECVE, t.text("/proc/self/fd/" + INIT), arguments, environment);
            return;
        }
        String command = process.args().getFirst();
        Arg arguments = t.strings(process.args());
        if (command.indexOf('/') >= 0) {
            t.call("exec: \"" + command + "\"", Sys.EXECVE, t.text(command), arguments, environment);
            return;
        }
        String what = "exec: \"" + command + "\": executable file not found in $PATH";
        if (!command.isEmpty()) {
            for (int at = 0; at <= path.length(); ) {
                int end = path.indexOf(':', at);
                if (end < 0) {
                    end = path.length();
                }
                String directory = path.substring(at, end);
                // a relative directory would be looked up wherever the image's cwd leads
                if (directory.startsWith("/")) {
                    t.call(
                                    "exec: \"" + directory + "/" + command + "\"",
                                    Sys.EXECVE,
                                    t.text(directory + "/" + command),
                                    arguments,
                                    environment)
                            .allow(
                                    Errno.ENOENT,
                                    Errno.ENOTDIR,
                                    Errno.EACCES,
                                    Errno.ELOOP,
                                    Errno.ENAMETOOLONG,
                                    Errno.EISDIR);
                }
                at = end + 1;
            }
        }
        t.fail(what, Errno.ENOENT);
    }

    /** The parameters below /proc/sys that belong to namespaces of the container; all others are the host's. */
    void sysctls(Arg proc, Map<String, String> sysctls, boolean ipc, boolean network, boolean uts) {
        sysctls.forEach((name, value) -> {
            String path = Sysctls.path(name, ipc, network, uts);
            String what = "setting the parameter " + name;
            Line file = files.openat2(
                    what,
                    proc,
                    "sys/" + path,
                    Flags.O_WRONLY | Flags.O_CLOEXEC,
                    Flags.RESOLVE_BENEATH | Flags.RESOLVE_NO_SYMLINKS | Flags.RESOLVE_NO_XDEV);
            write(what, file, value);
        });
    }
}
