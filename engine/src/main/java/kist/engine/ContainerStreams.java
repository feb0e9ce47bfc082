package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import kist.kernel.Fd;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Poller;

/** The standard streams of containers: logged, joined by clients, read back, sized as terminals. Thread-safe. */
final class ContainerStreams implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist");
    private static final long DRAIN = TimeUnit.SECONDS.toNanos(5);
    private static final long VISITS = TimeUnit.SECONDS.toMillis(10);

    private final Linux linux;
    private final Keeper keeper;
    private final ContainerStore store;
    private final Poller poller;
    private final Events events;
    /** Logs of containers that shall leave nothing on the disk. */
    private final Path inMemory;

    private final Set<LineStream> followers = ConcurrentHashMap.newKeySet();
    private final Map<String, Forwarder> forwarders = new ConcurrentHashMap<>();
    private volatile Thread janitor = Thread.ofVirtual().unstarted(() -> {});

    ContainerStreams(
            Linux linux, Keeper keeper, ContainerStore store, Poller poller, Events events, Path runDirectory) {
        this.linux = linux;
        this.keeper = keeper;
        this.store = store;
        this.poller = poller;
        this.events = events;
        this.inMemory = runDirectory.resolve("logs");
    }

    /** How a container in memory speaks of its log to the keeper. */
    Run.ToKeeper toKeeper(String id) {
        return new Run.ToKeeper() {
            @Override
            public void watch(long known) {
                keeper.watch(id, known);
            }

            @Override
            public void hold(long offset) {
                try {
                    keeper.hold(id, offset);
                } catch (KernelException e) {
                    LOG.log(System.Logger.Level.DEBUG, "the keeper has gone", e);
                }
            }
        };
    }

    private static LogOptions options(Container c) {
        return LogOptions.of(c.host().log());
    }

    private LogDirectory directory(Container c, LogOptions options) {
        return new LogDirectory(
                options.driver() == LogOptions.Driver.NONE ? inMemory.resolve(c.id()) : store.directory(c.id()));
    }

    LogDirectory directory(Container c) {
        return directory(c, options(c));
    }

    /** File that the log begins with; empty where there is none on the disk. */
    String logPath(Container c) {
        LogOptions options = options(c);
        return options.driver() == LogOptions.Driver.NONE
                ? ""
                : directory(c, options).path().resolve(LogDirectory.name(0)).toString();
    }

    /** Bytes that a container's log takes on the disk. */
    long logBytes(Container c) {
        LogOptions options = options(c);
        return options.driver() == LogOptions.Driver.NONE
                ? 0
                : directory(c, options).bytes();
    }

    /** Where the next run of a container is logged; to be closed when the keeper has it. */
    Keeper.Log openLog(Container c) throws IOException {
        LogOptions options = options(c);
        LogDirectory directory = directory(c, options);
        if (options.driver() == LogOptions.Driver.NONE) {
            Files.createDirectories(
                    directory.path(),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        if (options.driver().forwards()
                && !LogOptions.bool("fluentd-async", options.options(), false)
                && !LogOptions.bool("fluentd-async-connect", options.options(), false)) {
            LogTarget target = LogTarget.of(options, c.stored, linux);
            try (target) {
                target.connect();
            } catch (IOException e) {
                throw new EngineException(
                        EngineException.Kind.INTERNAL,
                        "failed to initialize logging driver: " + target + ": " + e.getMessage(),
                        e);
            }
        }
        return directory.openForKeeper(linux, options, c.run.holdForOrder());
    }

    /** Begins to forward the log of a container that runs, or what is left to forward of one that has ended. */
    void forward(Container c) {
        LogOptions options = options(c);
        if (!options.driver().forwards()) {
            return;
        }
        Forwarder next = new Forwarder(
                c, directory(c, options), options, LogTarget.of(options, c.stored, linux), c.state.alive());
        Forwarder last = forwarders.put(c.id(), next);
        if (last == null) {
            next.start();
        } else {
            last.stop();
            last.whenOver(next::start);
        }
    }

    /** Gives what a container that ends for good has written some time to be forwarded. */
    void drain(Container c) {
        Forwarder forwarder = forwarders.get(c.id());
        if (forwarder != null) {
            try {
                forwarder.drain(DRAIN);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Begins to look after logs that are packed or grow old. */
    void look(Registry registry) {
        LogJanitor visitor = new LogJanitor(keeper);
        janitor = Thread.ofVirtual().name("logs").start(() -> {
            try {
                while (true) {
                    Thread.sleep(VISITS);
                    followers.forEach(f -> f.releaseIfStuck(TimeUnit.MILLISECONDS.toNanos(VISITS)));
                    for (Container c : registry.all()) {
                        visit(visitor, c);
                    }
                }
            } catch (InterruptedException e) {
                LOG.log(System.Logger.Level.DEBUG, "logs are no longer looked after");
            }
        });
    }

    private void visit(LogJanitor visitor, Container c) {
        if (!c.host().log().options().isEmpty() || !c.host().log().driver().isEmpty()) {
            LogOptions options = options(c);
            visitor.visit(c, directory(c, options), options);
        }
    }

    /** Leaves all logs as they are. */
    @Override
    public void close() {
        janitor.interrupt();
        forwarders.values().forEach(Forwarder::stop);
        try {
            for (Forwarder forwarder : forwarders.values()) {
                forwarder.awaitEnd(TimeUnit.SECONDS.toNanos(1));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Does away with what a container that is gone has in memory. */
    void removed(String id) {
        Forwarder forwarder = forwarders.remove(id);
        if (forwarder != null) {
            forwarder.stop();
        }
        store.delete(inMemory.resolve(id));
    }

    /** Does away with what containers that are gone have left in memory. */
    void sweep(Set<String> known) {
        if (!Files.isDirectory(inMemory)) {
            return;
        }
        try (var left = Files.newDirectoryStream(inMemory)) {
            for (Path directory : left) {
                if (!known.contains(String.valueOf(directory.getFileName()))) {
                    store.delete(directory);
                }
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot look through " + inMemory, e);
        }
    }

    Attachment attach(Container c, Request.AttachContainer wish) {
        LogOptions options = options(c);
        if (wish.live() && c.removing) {
            throw Lifecycle.conflict("container " + c.name() + " is marked for removal and cannot be attached to");
        }
        if (wish.live() && c.state.phase() == StoredState.Phase.PAUSED) {
            throw Lifecycle.conflict("Container " + c.name() + " is paused, unpause the container before attach");
        }
        LogReader log = LogReader.open(directory(c, options));
        log.end();
        long end = log.position();
        if (wish.replay()) {
            log.beginning();
        }
        ContainerConfig config = c.config();
        Runnable endOfInput = () -> {
            if (config.stdinOnce() && !config.tty()) {
                closeInput(c);
            }
        };
        long since = options.maxAgeNanos() == 0 ? 0 : Clock.nanos() - options.maxAgeNanos();
        events.publish("container", "attach", c.id(), c.attributes());
        return new LogAttachment(
                linux,
                poller,
                c.run,
                log,
                wish,
                config.tty(),
                endOfInput,
                () -> events.publish("container", "detach", c.id(), c.attributes()),
                wish.live() ? -1 : end,
                since);
    }

    private void closeInput(Container c) {
        try {
            Optional<Fd> input = c.run.awaitInput(c.run.current(), false);
            if (input.isPresent()) {
                input.get().close();
                keeper.closeInput(c.id());
            }
        } catch (KernelException | IllegalStateException e) {
            LOG.log(System.Logger.Level.DEBUG, "the process has ended: " + c.id(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    LogStream logs(Container c, Request.ReadLogs wish) {
        LogOptions options = options(c);
        if (!options.readable()) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED, "configured logging driver does not support reading");
        }
        LineStream lines = new LineStream(
                c.run,
                LogReader.open(directory(c, options)),
                wish,
                c.config().tty(),
                c.state.alive(),
                options.maxAgeNanos(),
                options.details(c.stored),
                followers::remove);
        if (wish.follow()) {
            followers.add(lines);
        }
        return lines;
    }

    void resize(Container c, int rows, int columns) {
        resize(
                c.run.process().flatMap(Keeper.Spawned::terminal),
                rows,
                columns,
                "container " + c.name() + (c.state.alive() ? " has no terminal" : " is not running"));
        Map<String, String> attributes = c.attributes();
        attributes.put("height", Integer.toString(rows));
        attributes.put("width", Integer.toString(columns));
        events.publish("container", "resize", c.id(), attributes);
    }

    /** Sets the size of a terminal, or says why there is none. */
    void resize(Optional<Fd> terminal, int rows, int columns, String otherwise) {
        if (rows < 0 || columns < 0 || rows > 65535 || columns > 65535) {
            throw Creation.invalid("a terminal of " + rows + " by " + columns + " is not possible");
        }
        if (terminal.isEmpty()) {
            throw Lifecycle.conflict(otherwise);
        }
        linux.setWindowSize(terminal.get(), rows, columns);
    }
}
