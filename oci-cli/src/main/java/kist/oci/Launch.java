package kist.oci;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import kist.kernel.Fd;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.Attachments;
import kist.runtime.Cgroup;
import kist.runtime.Mount;
import kist.runtime.OciLinux;
import kist.runtime.Root;
import kist.runtime.Spec;
import kist.runtime.SpecException;
import kist.runtime.SpecReader;
import kist.runtime.StartException;

/** Makes containers of bundles, and further processes in them. */
final class Launch {
    private static final long PATIENCE_MILLIS = 5000;

    private final Store store;

    Launch(Store store) {
        this.store = store;
    }

    /** How the standard streams and the pid of a process are handed on. */
    record Options(Optional<Path> pidFile, String consoleSocket) {}

    /** Makes a container that stands before its program; on failure nothing is left of it. */
    void create(String id, Path bundle, Options options) {
        create(id, bundle, options, true).ifPresent(Console::close);
    }

    private Optional<Console> create(String id, Path bundle, Options options, boolean detached) {
        Path directory = bundle.toAbsolutePath().normalize();
        Spec spec = bundled(directory, id);
        boolean terminal = spec.process().terminal();
        if (terminal && detached && options.consoleSocket().isEmpty()) {
            throw new OciException("cannot allocate tty if the container will detach without setting a console socket");
        }
        if (!terminal && !options.consoleSocket().isEmpty()) {
            throw new OciException("cannot use console socket if the process has no terminal");
        }
        store.claim(id);
        store.saveConfig(id, spec.json());
        store.save(new State(
                Spec.VERSION,
                id,
                directory.toString(),
                spec.root().path(),
                spec.linux().cgroupsPath(),
                0,
                0,
                Instant.now().truncatedTo(ChronoUnit.MICROS).toString(),
                spec.annotations()));
        try (Container container = new Container(store, id)) {
            try {
                return start(container, spec, options);
            } catch (RuntimeException e) {
                try {
                    container.remove();
                } catch (RuntimeException again) {
                    e.addSuppressed(again);
                }
                throw e;
            }
        }
    }

    private Optional<Console> start(Container container, Spec spec, Options options) {
        try (Cgroup cgroup = container.cgroups.create(
                spec.linux().cgroupsPath(), spec.linux().resources())) {
            container.launch();
            Attachments with = streams(
                            Attachments.NONE.withCgroup(cgroup), spec.process().terminal())
                    .withWaitForStart();
            Keeper.Spawned spawned = container.runtime().start(Container.INIT, spec, with);
            boolean joined = false;
            try {
                container.save(container.state().withProcess(spawned.pid(), Container.started(spawned.pid())));
                spec.hooks().ifPresent(h -> {
                    String state = container.jsonText(Container.Status.CREATING);
                    HookRunner.run("prestart", h.prestart(), state);
                    HookRunner.run("createRuntime", h.createRuntime(), state);
                });
                writePid(options.pidFile(), spawned.pid());
                if (spawned.terminal().isEmpty()) {
                    return Optional.empty();
                }
                if (!options.consoleSocket().isEmpty()) {
                    Console.give(
                            container.linux,
                            options.consoleSocket(),
                            spawned.terminal().get());
                    return Optional.empty();
                }
                joined = true;
                return Optional.of(
                        Console.join(container.linux, spawned.terminal().get()));
            } finally {
                spawned.pidfd().close();
                if (!joined) {
                    spawned.terminal().ifPresent(Fd::close);
                }
            }
        }
    }

    /** Lets the program of a created container begin. */
    void begin(Container container) {
        Container.Status status = container.status();
        if (status != Container.Status.CREATED) {
            throw new OciException(
                    status == Container.Status.STOPPED
                            ? "cannot start a container that has stopped"
                            : "cannot start a container in the " + status.text() + " state");
        }
        Spec spec = container.spec();
        container.runtime().proceed(Container.INIT, spec.process());
        spec.hooks()
                .ifPresent(
                        h -> HookRunner.run("poststart", h.poststart(), container.jsonText(Container.Status.RUNNING)));
    }

    /** Creates and starts; in the foreground it waits, answers the exit status and removes the container. */
    int run(String id, Path bundle, Options options, boolean detach, boolean keep) {
        Optional<Console> console = create(id, bundle, options, detach);
        Fd pidfd;
        try (Container container = new Container(store, id)) {
            pidfd = container.pidfd();
            try {
                begin(container);
            } catch (RuntimeException e) {
                console.ifPresent(Console::close);
                container.remove();
                throw e;
            }
        }
        try (pidfd) {
            if (detach) {
                return 0;
            }
            Container.await(Linux.system(), pidfd);
        }
        console.ifPresent(Console::close);
        try (Container container = new Container(store, id)) {
            int status = exited(container, Container.INIT);
            if (!keep) {
                new Lifecycle(store).remove(container);
            }
            return status;
        }
    }

    /** The exit status of a process that has ended, which the keeper learns a moment after its pidfd says so. */
    static int exited(Container container, String process) {
        for (long i = 0; i < PATIENCE_MILLIS; i++) {
            OptionalInt status = container.exitStatus(process);
            if (status.isPresent()) {
                return status.getAsInt();
            }
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
        throw new OciException("the exit status of the container is not known");
    }

    /** A further process; in the foreground it waits and answers the exit status. */
    int exec(String id, kist.runtime.Process process, Options options, boolean detach) {
        String name;
        Fd pidfd;
        Optional<Console> console = Optional.empty();
        try (Container container = new Container(store, id)) {
            Container.Status status = container.status();
            if (status != Container.Status.RUNNING) {
                throw new OciException("cannot exec in a " + status.text() + " container");
            }
            name = "exec-" + Long.toHexString(System.nanoTime());
            try (Fd init = container.pidfd();
                    Cgroup cgroup = container.cgroup()) {
                Attachments with = streams(Attachments.NONE.withCgroup(cgroup), process.terminal());
                Keeper.Spawned spawned = container.runtime().exec(name, init, container.spec(), process, with);
                pidfd = spawned.pidfd();
                writePid(options.pidFile(), spawned.pid());
                if (spawned.terminal().isPresent()) {
                    Fd master = spawned.terminal().get();
                    if (!options.consoleSocket().isEmpty()) {
                        Console.give(container.linux, options.consoleSocket(), master);
                        master.close();
                    } else {
                        console = Optional.of(Console.join(container.linux, master));
                    }
                }
            }
        }
        try (pidfd) {
            if (detach) {
                return 0;
            }
            Container.await(Linux.system(), pidfd);
        }
        console.ifPresent(Console::close);
        try (Container container = new Container(store, id)) {
            int status = exited(container, name);
            container.keeper().ifPresent(k -> k.forget(name));
            return status;
        }
    }

    private static Attachments streams(Attachments with, boolean terminal) {
        return terminal
                ? with
                : with.withStreams(
                        Optional.of(Fd.borrowed(0)), Optional.of(Fd.borrowed(1)), Optional.of(Fd.borrowed(2)));
    }

    private static void writePid(Optional<Path> file, long pid) {
        if (file.isEmpty()) {
            return;
        }
        Path next = file.get().resolveSibling("." + file.get().getFileName());
        try {
            Files.writeString(next, Long.toString(pid));
            Files.move(next, file.get(), java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new OciException("cannot write the pid file " + file.get() + ": " + e.getMessage());
        }
    }

    /** The config of a bundle with all its paths made absolute and its control group named. */
    private static Spec bundled(Path bundle, String id) {
        Path config = bundle.resolve("config.json");
        Spec spec;
        try {
            if (Files.size(config) > SpecReader.MAXIMUM_BYTES) {
                throw new OciException(config + " is too large");
            }
            spec = SpecReader.read(Files.readAllBytes(config));
        } catch (java.nio.file.NoSuchFileException e) {
            throw new OciException("JSON specification file " + config + " not found");
        } catch (IOException e) {
            throw new OciException("cannot read " + config + ": " + e.getMessage());
        } catch (SpecException e) {
            throw new OciException(config + ": " + e.getMessage());
        }
        List<Mount> mounts = new ArrayList<>();
        for (Mount m : spec.mounts()) {
            boolean bind = m.type().equals("bind")
                    || m.options().contains("bind")
                    || m.options().contains("rbind");
            mounts.add(
                    bind
                            ? new Mount(
                                    m.destination(),
                                    m.type(),
                                    bundle.resolve(m.source()).toString(),
                                    m.options())
                            : m);
        }
        OciLinux l = spec.linux();
        String cgroup = l.cgroupsPath().isEmpty() ? "/" + id : l.cgroupsPath();
        if (cgroup.indexOf(':') >= 0) {
            throw new OciException(config + ": linux.cgroupsPath: \"" + cgroup
                    + "\" is for systemd, which this version does not talk to; use a path");
        }
        Path root = bundle.resolve(spec.root().path());
        if (!Files.isDirectory(root)) {
            throw new OciException("the root file system " + root + " is no directory");
        }
        return new Spec(
                spec.ociVersion(),
                spec.process(),
                new Root(root.toString(), spec.root().readonly()),
                spec.hostname(),
                spec.domainname(),
                mounts,
                spec.hooks(),
                spec.annotations(),
                new OciLinux(
                        l.namespaces(),
                        l.devices(),
                        cgroup.startsWith("/") ? cgroup : "/" + cgroup,
                        l.resources(),
                        l.rootfsPropagation(),
                        l.seccomp(),
                        l.sysctl(),
                        l.maskedPaths(),
                        l.readonlyPaths(),
                        l.personality()));
    }

    /** The sentence of an exception of the runtime, as this command prints it. */
    static String sentence(RuntimeException e) {
        if (e instanceof StartException || e instanceof OciException) {
            return String.valueOf(e.getMessage());
        }
        if (e instanceof KernelException k) {
            return String.valueOf(k.getMessage());
        }
        return e instanceof SpecException ? "config.json: " + e.getMessage() : e.toString();
    }
}
