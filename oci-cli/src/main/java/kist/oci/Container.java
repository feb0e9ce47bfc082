package kist.oci;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.Cgroup;
import kist.runtime.Cgroups;
import kist.runtime.ContainerRuntime;
import kist.runtime.Spec;
import kist.runtime.SpecReader;

/**
 * A container that exists, held under its lock. Its keeper, the parent of its processes, takes one connection at a time,
 * so nobody talks to it without the lock.
 */
final class Container implements AutoCloseable {
    /** The first process's name with the keeper. */
    static final String INIT = "init";

    private static final int EPOLLIN = 1;

    enum Status {
        CREATING,
        CREATED,
        RUNNING,
        PAUSED,
        STOPPED;

        String text() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    final Linux linux = Linux.system();
    final Store store;
    final Cgroups cgroups;
    private final FileChannel lock;
    private State state;
    private Optional<Keeper> keeper = Optional.empty();

    Container(Store store, String id) {
        if (!store.exists(id)) {
            throw Store.missing(id);
        }
        this.store = store;
        this.cgroups = Cgroups.detect();
        this.lock = store.lock(id);
        try {
            this.state = store.state(id);
        } catch (RuntimeException e) {
            unlock();
            throw e;
        }
    }

    State state() {
        return state;
    }

    void save(State next) {
        store.save(next);
        state = next;
    }

    Spec spec() {
        return SpecReader.read(store.config(state.id()));
    }

    Path socket() {
        return store.directory(state.id()).resolve("keeper.sock");
    }

    Cgroup cgroup() {
        return cgroups.open(state.cgroup());
    }

    /** The keeper, where it is still there. */
    Optional<Keeper> keeper() {
        if (keeper.isEmpty()) {
            try {
                keeper = Optional.of(Keeper.connect(linux, socket()));
            } catch (KernelException e) {
                if (e.errno() != Errno.ENOENT && e.errno() != Errno.ECONNREFUSED) {
                    throw e;
                }
            }
        }
        return keeper;
    }

    /** Starts the keeper of a new container. */
    Keeper launch() {
        try {
            Keeper launched = Keeper.launch(linux, binary(), socket());
            keeper = Optional.of(launched);
            return launched;
        } catch (IOException e) {
            throw new OciException("the keeper of the container did not start: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OciException("interrupted");
        }
    }

    private static Path binary() {
        String given = System.getProperty("kist.keeper", "");
        String home = System.getProperty("kist.home", "");
        String environment = java.util.Objects.requireNonNullElse(System.getenv("KIST_KEEPER"), "");
        Path path =
                Path.of(!environment.isEmpty() ? environment : !given.isEmpty() ? given : home + "/lib/kist-keeper");
        if (!Files.isExecutable(path)) {
            throw new OciException("the program " + path + " is missing; let KIST_KEEPER name it");
        }
        return path;
    }

    ContainerRuntime runtime() {
        return new ContainerRuntime(
                linux,
                keeper().orElseThrow(() -> new OciException("container " + state.id() + " is not running")),
                cgroups);
    }

    private Optional<Keeper.Held> held() {
        if (keeper().isEmpty()) {
            return Optional.empty();
        }
        for (Keeper.Held h : keeper().orElseThrow().list()) {
            if (h.id().equals(INIT)) {
                return Optional.of(h);
            }
        }
        return Optional.empty();
    }

    Status status() {
        if (state.pid() == 0) {
            return Status.CREATING;
        }
        Optional<Keeper.Held> held = held();
        if (held.isEmpty()) {
            return started(state.pid()) == state.started() ? Status.RUNNING : Status.STOPPED;
        }
        if (held.get().exitStatus().isPresent()) {
            return Status.STOPPED;
        }
        if (held.get().waiting()) {
            return Status.CREATED;
        }
        return cgroup().isFrozen() ? Status.PAUSED : Status.RUNNING;
    }

    OptionalInt exitStatus(String process) {
        for (Keeper.Held h : keeper().map(Keeper::list).orElse(List.of())) {
            if (h.id().equals(process)) {
                return h.exitStatus();
            }
        }
        return OptionalInt.empty();
    }

    /** When a process was started, in clock ticks since boot; -1 where there is none with that number. */
    static long started(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            // the name in parentheses can hold anything; the 20th field after it is the start time (proc_pid_stat(5))
            String[] after = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return after[0].equals("Z") || after[0].equals("X") ? -1 : Long.parseLong(after[19]);
        } catch (IOException e) {
            return -1;
        }
    }

    /** A pidfd of the first process. */
    Fd pidfd() {
        return keeper().orElseThrow(() -> new OciException("container " + state.id() + " is not running"))
                .take(INIT)
                .pidfd();
    }

    /** The state as the specification prints it (runtime.md, state), with what other runtimes add. */
    Map<String, Object> json(Status status) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("ociVersion", state.ociVersion());
        json.put("id", state.id());
        json.put("pid", status == Status.STOPPED ? 0 : state.pid());
        json.put("status", status.text());
        json.put("bundle", state.bundle());
        json.put("rootfs", state.rootfs());
        json.put("created", state.created());
        if (!state.annotations().isEmpty()) {
            json.put("annotations", state.annotations());
        }
        json.put("owner", "");
        return json;
    }

    String jsonText(Status status) {
        return State.JSON.toJson(json(status));
    }

    /** Removes everything; the processes must have ended. */
    void remove() {
        Cgroup group = cgroup();
        group.killAll();
        group.remove();
        keeper().ifPresent(k -> {
            for (Keeper.Held h : k.list()) {
                awaitExit(k, h);
                k.forget(h.id());
            }
            k.shutdown();
            k.close();
        });
        keeper = Optional.empty();
        store.remove(state.id());
    }

    private void awaitExit(Keeper k, Keeper.Held h) {
        if (h.exitStatus().isPresent()) {
            return;
        }
        try (Keeper.Spawned s = k.take(h.id())) {
            linux.pidfdSignal(s.pidfd(), Signals.KILL);
            await(linux, s.pidfd());
        } catch (KernelException e) {
            if (e.errno() != Errno.ESRCH) {
                throw e;
            }
        }
        for (int i = 0; i < 1000; i++) {
            for (Keeper.Held now : k.list()) {
                if (now.id().equals(h.id()) && now.exitStatus().isPresent()) {
                    return;
                }
            }
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
        throw new OciException("the process " + h.pid() + " of the container does not end");
    }

    /** Blocks until a process has ended. */
    static void await(Linux linux, Fd pidfd) {
        try (Fd epoll = linux.epollCreate()) {
            linux.epollArm(epoll, pidfd.number(), EPOLLIN);
            while (linux.epollWait(epoll, 1).length == 0) {
                Thread.onSpinWait();
            }
        }
    }

    private void unlock() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        keeper.ifPresent(Keeper::close);
        keeper = Optional.empty();
        unlock();
    }
}
