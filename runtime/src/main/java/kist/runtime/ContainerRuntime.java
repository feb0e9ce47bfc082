package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Sys;
import kist.kernel.Tape;
import kist.kernel.TapeException;

/**
 * Starts processes: compiles a spec to a tape and has the keeper replay it. Holds no state of its own and is
 * thread-safe.
 */
public final class ContainerRuntime {
    private final Linux linux;
    private final Optional<Keeper> keeper;
    private final Cgroups cgroups;

    /** With a keeper that is connected. */
    public ContainerRuntime(Linux linux, Keeper keeper, Cgroups cgroups) {
        this(linux, Optional.of(keeper), cgroups);
    }

    private ContainerRuntime(Linux linux, Optional<Keeper> keeper, Cgroups cgroups) {
        this.linux = linux;
        this.keeper = keeper;
        this.cgroups = cgroups;
    }

    /** One that compiles but has nobody to replay what it compiled. */
    static ContainerRuntime compiler(Linux linux, Cgroups cgroups) {
        return new ContainerRuntime(linux, Optional.empty(), cgroups);
    }

    /** A tape with what goes beside it; {@code opened} is closed when it has been replayed. */
    record Compiled(Tape tape, long cloneFlags, int commandLine, Optional<Fd> pidNamespace, List<Fd> opened)
            implements AutoCloseable {
        @Override
        public void close() {
            opened.forEach(Fd::close);
        }
    }

    /**
     * Starts the first process of a container; returns when it executes its program, or with {@link
     * Attachments#waitForStart} when all is ready for that.
     *
     * @param id name of the process with the keeper
     * @throws SpecException for what the spec cannot have
     * @throws StartException for what went wrong on the way; nothing is left of the process
     */
    public Keeper.Spawned start(String id, Spec spec, Attachments with) {
        try (Compiled c = compile(id, spec, with)) {
            return spawn(id, c, spec.process(), with);
        }
    }

    /**
     * Starts a further process in a running container, in all of its namespaces.
     *
     * @param container pidfd of the container's first process
     * @param spec the container's
     * @param process who may have other rights and streams than the first, and takes the same filter
     * @throws SpecException for what the process cannot have
     * @throws StartException for what went wrong on the way, or where the container is not running
     */
    public Keeper.Spawned exec(String execId, Fd container, Spec spec, Process process, Attachments with) {
        try (Compiled c = compileExec(container, spec, process, with)) {
            return spawn(execId, c, process, with);
        }
    }

    /**
     * Lets a process go on that was started with {@link Attachments#waitForStart}, by this object or by that of another
     * engine on the same keeper; returns when it executes its program.
     *
     * @param process what it was started as, for the message when that cannot be executed
     * @throws StartException where the program cannot be executed; nothing is left of the process
     */
    public void proceed(String id, Process process) {
        try {
            keeper.orElseThrow().proceed(id);
        } catch (TapeException e) {
            throw failed(e, 0, process);
        }
    }

    private Keeper.Spawned spawn(String id, Compiled c, Process process, Attachments with) {
        try {
            return keeper.orElseThrow()
                    .spawn(new Keeper.Spawn(
                            id,
                            c.tape(),
                            c.cloneFlags(),
                            c.pidNamespace(),
                            with.cgroup().flatMap(Cgroup::cloneInto),
                            process.terminal(),
                            with.keeperInput(),
                            with.keeperOutput(),
                            with.keeperError(),
                            with.log()));
        } catch (TapeException e) {
            throw failed(e, c.commandLine(), process);
        } catch (KernelException e) {
            throw new StartException("unable to start container process: " + e.getMessage(), 125, e.errno(), e);
        }
    }

    private static StartException failed(TapeException e, int commandLine, Process process) {
        String start = "unable to start container process: ";
        int errno = e.errno();
        String reason = StartException.reason(errno);
        if (e.line() < commandLine) {
            return new StartException(start + e.what() + ": " + reason, 125, errno, e);
        }
        String command = process.args().getFirst();
        boolean missing = errno == Errno.ENOENT || errno == Errno.ENOTDIR;
        String why = !missing
                ? reason
                : command.indexOf('/') < 0 ? "executable file not found in $PATH" : "stat " + command + ": " + reason;
        return new StartException(start + "exec: \"" + command + "\": " + why, missing ? 127 : 126, errno, e);
    }

    /** The tape of a container's first process. */
    Compiled compile(String id, Spec spec, Attachments with) {
        List<Fd> opened = new ArrayList<>();
        try {
            return new StartCompiler(linux, cgroups, spec, with, opened).compile();
        } catch (RuntimeException e) {
            opened.forEach(Fd::close);
            throw e;
        }
    }

    /** A null device of the tape's own, whatever the container has as /dev/null; answers the directory it is in. */
    static Tape.Arg nullDevice(Tape t, TapeCompiler files) {
        Tape.Line own = files.fileSystem("a null device", "tmpfs", "", List.of("size=4k"), 0);
        t.call(
                "a null device",
                Sys.MKNODAT,
                own,
                files.text("null"),
                Tape.number(Flags.S_IFCHR | 0666),
                Tape.number(1 << 8 | 3));
        return own;
    }

    /** What stands in a spec that this version cannot do. */
    static void refuse(Spec spec) {
        refuse(spec.process());
        spec.hooks().ifPresent(h -> {
            if (!h.createContainer().isEmpty() || !h.startContainer().isEmpty()) {
                throw new SpecException(
                        "hooks", "hooks that run inside the container are not supported by this version");
            }
        });
    }

    private static void refuse(Process process) {
        if (!process.apparmorProfile().isEmpty()
                && !process.apparmorProfile().equals("unconfined")
                && !AppArmor.isEnabled()) {
            throw new SpecException(
                    "process.apparmorProfile",
                    "\"" + process.apparmorProfile() + "\" cannot be applied: AppArmor is not enabled on this host");
        }
        if (!process.selinuxLabel().isEmpty()) {
            throw new SpecException("process.selinuxLabel", "SELinux is not supported by this version; leave it out");
        }
        if (process.args().isEmpty()) {
            throw new SpecException("process.args", "is empty; it must name the program to run");
        }
        if (!process.cwd().startsWith("/")) {
            throw new SpecException("process.cwd", "\"" + process.cwd() + "\" is no absolute path");
        }
    }

    /** The tape of a further process. */
    Compiled compileExec(Fd container, Spec spec, Process process, Attachments with) {
        refuse(process);
        Account account = account(container, process);
        Tape t = new Tape();
        TapeCompiler files = new TapeCompiler(t);
        ProcessCompiler p = new ProcessCompiler(t, files, process, account);
        p.join(with.cgroup());
        t.call(
                "joining the container's namespaces",
                Sys.SETNS,
                t.descriptor(container),
                Tape.number((long) Flags.CLONE_NEWNS
                        | Flags.CLONE_NEWUTS
                        | Flags.CLONE_NEWIPC
                        | Flags.CLONE_NEWNET
                        | Flags.CLONE_NEWCGROUP));
        t.call("umask", Sys.UMASK, Tape.number(0));
        boolean needsProc =
                process.oomScoreAdj().isPresent() || !process.apparmorProfile().isEmpty();
        Tape.Arg proc = needsProc
                ? files.fileSystem("a procfs of the runtime's own", "proc", "", List.of(), 0)
                : Tape.number(-1);
        p.priorities(proc);
        p.label(proc);
        if (process.terminal()) {
            p.streams(p.terminal(Tape.number(Flags.AT_FDCWD), "/dev/pts/ptmx"));
        } else {
            boolean complete = with.input().isPresent()
                    && with.output().isPresent()
                    && with.error().isPresent();
            p.streams(with, complete ? Tape.number(-1) : nullDevice(t, files), "null");
        }
        spec.linux()
                .personality()
                .ifPresent(o -> t.call(
                        "setting the personality",
                        Sys.PERSONALITY,
                        Tape.number(o.domain().equals("LINUX32") ? 8 : 0)));
        int commandLine = p.become(spec.linux().seccomp(), with);
        return new Compiled(t, 0, commandLine, Optional.of(container), List.of());
    }

    private Account account(Fd container, Process process) {
        long pid = pid(container);
        try (Fd root = linux.open(Path.of("/proc/" + pid + "/root"), Flags.O_PATH | Flags.O_DIRECTORY, 0)) {
            linux.pidfdSignal(container, 0); // the number was not another process's meanwhile
            return new Accounts(linux, root).find(process.user());
        } catch (KernelException e) {
            throw new StartException("the container is not running", 125, Errno.ESRCH, e);
        }
    }

    /** The process that a pidfd names, by the kernel's word on the descriptor (pidfd_open(2)). */
    private long pid(Fd pidfd) {
        byte[] buffer = new byte[512];
        try (Fd info = linux.open(Path.of("/proc/self/fdinfo/" + pidfd.number()), Flags.O_RDONLY, 0)) {
            int n = linux.read(info, buffer, 0, buffer.length);
            for (String line : new String(buffer, 0, Math.max(0, n), StandardCharsets.US_ASCII).split("\n")) {
                if (line.startsWith("Pid:")) {
                    long pid = Long.parseLong(line.substring(4).strip());
                    if (pid > 0) {
                        return pid;
                    }
                }
            }
        }
        throw new StartException(
                "the container is not running", 125, Errno.ESRCH, new KernelException("pidfd", Errno.ESRCH));
    }
}
