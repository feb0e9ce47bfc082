package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Limits;
import kist.image.Platform;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Poller;
import kist.network.Networks;
import kist.registry.RegistryException;
import kist.runtime.Cgroups;
import kist.runtime.ContainerRuntime;
import kist.runtime.SeccompCompiler;
import kist.volume.Volumes;

/** The engine: passes each request through the gate and to the part that knows its subject. Thread-safe. */
public final class KistEngine implements Engine {
    private static final System.Logger LOG = System.getLogger("kist");
    /** Of each of the two files of past events: some 20,000 events. */
    private static final long EVENT_LOG_BYTES = 8L << 20;

    private final EngineOptions options;
    private final String identity;
    private final Gate gate;
    private final Keeper keeper;
    /** Whether no keeper was there, and so none of the containers that ran can be running. */
    private boolean newKeeper;

    private final Poller poller;
    private final ImageStore imageStore;
    private final Images images;
    private final Hosting hosting;
    private final Networks networks;
    private final NetworkDirectory directory;
    private final NameService names;
    private final Connections connections;
    private final Cgroups cgroups;
    private final ContainerStore store;
    private final Registry registry = new Registry();
    private final Events events;
    private final SpecFactory specs;
    private final Sharing sharing;
    private final Lifecycle lifecycle;
    private final ContainerStreams streams;
    private final Updates updates;
    private final Timers timers = Timers.system();
    private final Execs execs;
    private final Volumes volumes;
    private final VolumeMounts volumeMounts;
    private final VolumeAnswers volumeAnswers;
    private final Archives archives;
    private final HealthProbe healthProbe;
    private final Prunes prunes;
    private final StatsReader stats;

    private KistEngine(EngineOptions options, RegistryDoor door, Linux linux) throws IOException, InterruptedException {
        this.options = options;
        Path root = options.root();
        this.identity = identity(root);
        this.gate = new Gate(new AuditLog(root.resolve("audit.log")));
        this.keeper = keeper(linux);
        this.poller = new Poller(linux);
        this.imageStore = ImageStore.open(root.resolve("images"), linux, Limits.DEFAULT, options.snapshotter());
        this.hosting = new Hosting(imageStore, root.resolve("registry"));
        this.networks = Networks.open(root.resolve("network"), linux, networkOptions(options));
        this.cgroups = Cgroups.detect();
        this.store = new ContainerStore(root.resolve("containers"));
        this.events = new Events(new EventLog(root.resolve("events"), EVENT_LOG_BYTES));
        this.specs = new SpecFactory(options.cgroupParent());
        this.sharing = new Sharing(linux, registry);
        this.directory = new NetworkDirectory(networks, new NetworkStore(root.resolve("network/user")), events);
        directory.restore();
        this.names = new NameService(networks, registry, directory);
        this.connections = new Connections(linux, networks, directory, names, registry, store, events);
        ContainerRuntime runtime = new ContainerRuntime(linux, keeper, cgroups);
        this.streams = new ContainerStreams(linux, keeper, store, poller, events, options.runDirectory());
        this.volumes = Volumes.open(root.resolve("volumes"), linux);
        this.volumeAnswers = new VolumeAnswers(volumes, events);
        this.volumeMounts = new VolumeMounts(linux, volumes, imageStore.snapshots(), registry, events);
        this.lifecycle = new Lifecycle(
                linux,
                keeper,
                store,
                registry,
                imageStore.snapshots(),
                connections,
                cgroups,
                runtime,
                events,
                specs,
                streams,
                sharing,
                new InitProgram(linux, options.keeper()),
                volumeMounts,
                timers,
                this::check);
        this.archives = new Archives(
                linux, registry, new ContainerViews(linux, imageStore.snapshots(), store, volumeMounts), events);
        this.updates = new Updates(store, events);
        this.execs = new Execs(linux, registry, cgroups, runtime, poller, events, lifecycle, streams, specs);
        this.healthProbe = new HealthProbe(execs, timers);
        this.prunes = new Prunes(imageStore, registry, lifecycle, events);
        this.stats = new StatsReader(cgroups);
        this.images = new Images(imageStore, options, registry, this::view, streams::logBytes, events, door, this);
        new Reconciler(
                        linux,
                        keeper,
                        store,
                        registry,
                        imageStore.snapshots(),
                        connections,
                        cgroups,
                        lifecycle,
                        specs,
                        streams,
                        volumeMounts,
                        options.cgroupParent(),
                        newKeeper)
                .run();
        keeper.listen(new FromKeeper());
        endedBeforeWeListened();
        timers.begin();
        registry.all().forEach(streams::forward);
        streams.look(registry);
        networks.startPool();
        Thread.ofPlatform().daemon().name("warm-up").start(SeccompCompiler::warmUp);
    }

    /**
     * Opens an engine on its state: takes over the containers that run, and cleans up what a crash left.
     *
     * @param door opens the registry that can be served
     * @throws EngineException saying what is missing
     */
    public static KistEngine open(EngineOptions options, RegistryDoor door) throws InterruptedException {
        try {
            return new KistEngine(options, door, Linux.system());
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.UNAVAILABLE, "the engine cannot start: " + e.getMessage(), e);
        }
    }

    private HealthView.Check check(Container c, List<String> argv, long timeoutNanos) throws InterruptedException {
        return healthProbe.run(c, argv, timeoutNanos);
    }

    private static kist.network.Options networkOptions(EngineOptions options) {
        kist.network.Options of = kist.network.Options.forBridge(options.bridge());
        return options.subnet().isEmpty()
                ? of
                : new kist.network.Options(of.bridge(), options.subnet().get(), of.poolSize(), of.table());
    }

    private static String identity(Path root) throws IOException {
        Path file = root.resolve("id");
        if (!Files.exists(file)) {
            Path temporary = root.resolve("id.tmp");
            Files.writeString(temporary, Ids.random());
            Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-------"));
            Files.move(temporary, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        }
        return Files.readString(file).strip();
    }

    private Keeper keeper(Linux linux) throws IOException, InterruptedException {
        Path socket = options.runDirectory().resolve("keeper.sock");
        Keeper running;
        try {
            running = Keeper.connect(linux, socket);
        } catch (KernelException noneRuns) {
            newKeeper = true;
            return Keeper.launch(linux, options.keeper(), socket);
        }
        if (running.boundsLogs()) {
            return running;
        }
        if (running.list().isEmpty() && running.shutdown()) {
            running.close();
            return Keeper.launch(linux, options.keeper(), socket);
        }
        LOG.log(
                System.Logger.Level.WARNING,
                "containers of an older Kist run on under its keeper, which does not bound logs; when all of them have"
                        + " been stopped once and the engine is started anew, the new keeper takes over");
        return running;
    }

    private final class FromKeeper implements Keeper.Listener {
        @Override
        public void exited(String id, int status, long droppedBytes) {
            Thread.ofVirtual().start(() -> ended(id, status, droppedBytes));
        }

        @Override
        public void output(String id, long logLength) {
            registry.byId(id).ifPresent(c -> c.run.grown(logLength));
        }

        @Override
        public void lost() {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "the keeper has gone; containers cannot be started until the engine is restarted");
        }
    }

    private void ended(String id, int status, long droppedBytes) {
        try {
            Optional<Container> container = registry.byId(id);
            Optional<Exec> exec = registry.findExec(id);
            if (droppedBytes > 0) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the disk was full: {0} bytes of output of {1} are not in its log",
                        droppedBytes,
                        id);
            }
            if (container.isPresent()) {
                lifecycle.exited(container.get(), status);
            } else if (exec.isPresent()) {
                execs.exited(exec.get(), status);
            } else {
                keeper.forget(id);
            }
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "at the end of " + id, e);
        }
    }

    /** Between the reconciliation and the listener a container may have ended unheard. */
    private void endedBeforeWeListened() {
        for (Keeper.Held held : keeper.list()) {
            held.exitStatus().ifPresent(status -> ended(held.id(), status, 0));
        }
    }

    @Override
    public <R> R call(Caller caller, Request<R> request) throws InterruptedException {
        gate.admit(caller, request);
        try {
            @SuppressWarnings("unchecked")
            R answer = (R) perform(request);
            return answer;
        } catch (ImageException e) {
            throw Images.failure(e);
        } catch (RegistryException e) {
            throw Images.failure(e);
        }
    }

    private Object perform(Request<?> request) throws InterruptedException {
        return switch (request) {
            case Request.CreateContainer r -> create(r);
            case Request.StartContainer r -> lifecycle.start(registry.get(r.ref()));
            case Request.StopContainer r -> lifecycle.stop(registry.get(r.ref()), r.timeoutSeconds(), r.signal());
            case Request.RestartContainer r -> {
                lifecycle.restart(registry.get(r.ref()), r.timeoutSeconds(), r.signal());
                yield Request.Done.DONE;
            }
            case Request.KillContainer r -> {
                lifecycle.kill(registry.get(r.ref()), r.signal());
                yield Request.Done.DONE;
            }
            case Request.PauseContainer r -> {
                lifecycle.pause(registry.get(r.ref()), true);
                yield Request.Done.DONE;
            }
            case Request.UnpauseContainer r -> {
                lifecycle.pause(registry.get(r.ref()), false);
                yield Request.Done.DONE;
            }
            case Request.WaitContainer r -> Waits.begin(registry.get(r.ref()), r.condition());
            case Request.RemoveContainer r -> {
                lifecycle.remove(registry.get(r.ref()), r.force(), r.volumes());
                yield Request.Done.DONE;
            }
            case Request.RenameContainer r -> {
                lifecycle.rename(registry.get(r.ref()), r.newName());
                yield Request.Done.DONE;
            }
            case Request.UpdateContainer r -> updates.update(registry.get(r.ref()), r.update());
            case Request.ListContainers r -> list(r.all());
            case Request.MeasureContainer r -> prunes.measure(registry.get(r.ref()));
            case Request.PruneContainers r -> prunes.prune(r);
            case Request.ReadStats r -> stats.open(registry.get(r.ref()));
            case Request.InspectContainer r -> view(registry.get(r.ref()));
            case Request.ListProcesses<?> r -> showProcesses(r);
            case Request.AttachContainer r -> streams.attach(registry.get(r.ref()), r);
            case Request.ReadLogs r -> streams.logs(registry.get(r.ref()), r);
            case Request.ResizeContainer r -> {
                streams.resize(registry.get(r.ref()), r.rows(), r.columns());
                yield Request.Done.DONE;
            }
            case Request.CreateExec r -> execs.create(registry.get(r.ref()), r.config());
            case Request.StartExec r -> execs.start(registry.exec(r.execId()), r.detach(), r.rows(), r.columns());
            case Request.ResizeExec r -> {
                execs.resize(registry.exec(r.execId()), r.rows(), r.columns());
                yield Request.Done.DONE;
            }
            case Request.InspectExec r -> registry.exec(r.execId()).view();
            case ImageRequest<?> r -> images.perform(r);
            case NetworkRequest<?> r -> connections.perform(r);
            case HostedRequest<?> r -> hosting.call(r);
            case VolumeRequest<?> r -> volumeAnswers.perform(r);
            case ArchiveRequest<?> r -> archives.perform(r);
            case Request.Info r -> info();
            case Request.WatchEvents r -> events.watch(r.sinceNanos(), r.untilNanos());
        };
    }

    private <T> T showProcesses(Request.ListProcesses<T> r) throws InterruptedException {
        Container c = registry.get(r.ref());
        try {
            T table = r.table().of(lifecycle.processes(c));
            events.publish("container", "top", c.id(), c.attributes());
            return table;
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.INTERNAL, "the processes of " + c.id() + " cannot be read: " + e, e);
        }
    }

    private Request.Created create(Request.CreateContainer request) {
        String wanted = request.name().startsWith("/") ? request.name().substring(1) : request.name();
        if (!request.name().isEmpty()) {
            Names.check(wanted);
        }
        Image image = images.find(request.config().image(), request.platform());
        String id = Ids.random();
        try (Undo undo = new Undo()) {
            String name = registry.reserveName(wanted, id);
            undo.push(() -> registry.releaseName(name, id));
            ContainerConfig config = NetworkWishes.complete(
                    sharing.resolve(request.config()), image.config().exposedPorts(), directory, registry);
            StoredContainer stored = Creation.merge(id, name, config, image, Clock.nanos())
                    .withMountPoints(new MountPlan(registry::get, this::imageId).of(config, image.config()));
            specs.check(stored);
            imageStore.snapshots().prepare(id, image.id());
            undo.push(() -> imageStore.snapshots().remove(id));
            // one that is removed when it ends would not outlive the host's crash in any case
            store.create(stored, !request.config().host().autoRemove());
            undo.push(() -> store.dispose(store.remove(id)));
            // after it: volumes that are not there yet are made when it starts, but nobody would miss those of no
            // container
            volumeMounts.make(stored, undo);
            Container c = new Container(stored, StoredState.NEW, streams.toKeeper(id));
            registry.add(c);
            undo.commit();
            events.publish("container", "create", id, c.attributes());
            return new Request.Created(id, warnings(stored, image, request.platform()));
        }
    }

    private String imageId(String name) {
        return images.find(name, Optional.empty()).id();
    }

    private static List<String> warnings(StoredContainer stored, Image image, Optional<Platform> wanted) {
        List<String> warnings =
                new ArrayList<>(ResourceLimits.warnings(stored.config().host()));
        warnings.addAll(Sharing.warnings(stored.config().host()));
        if (stored.config().host().network().equals("host")
                && !stored.config().hostname().isEmpty()) {
            warnings.add("the hostname is the container's own; the network is the host's");
        }
        if (wanted.isEmpty() && !Platform.HOST.accepts(image.platform())) {
            warnings.add("The requested image's platform (" + image.platform()
                    + ") does not match the detected host platform (" + Platform.HOST
                    + ") and no specific platform was requested");
        }
        return warnings;
    }

    private List<ContainerView> list(boolean all) {
        List<ContainerView> views = new ArrayList<>();
        for (Container c : registry.all()) {
            if (all || c.state.active()) {
                views.add(view(c));
            }
        }
        views.sort(Comparator.comparingLong(ContainerView::createdNanos).reversed());
        return views;
    }

    private ContainerView view(Container c) {
        StoredContainer stored = c.stored;
        StoredState state = c.state;
        return new ContainerView(
                stored.id(),
                stored.name(),
                stored.config(),
                stored.argv(),
                stored.environment(),
                stored.workingDir(),
                stored.user(),
                stored.labels(),
                stored.imageId(),
                c.removing ? ContainerView.State.REMOVING : shown(c, state),
                stored.createdNanos(),
                state.pid(),
                state.exitCode(),
                state.oomKilled(),
                state.error(),
                state.startedNanos(),
                state.finishedNanos(),
                state.alive() ? c.places.endpoints().stream().findFirst() : Optional.empty(),
                state.alive() ? c.places.endpoints() : List.of(),
                state.alive() ? c.places.published() : List.of(),
                stored.stopSignal(),
                stored.stopTimeout(),
                c.execs.values().stream().filter(e -> !e.over()).map(e -> e.id).toList(),
                streams.logPath(c),
                volumeMounts.views(stored),
                state.restarts(),
                Health.view(c));
    }

    private static ContainerView.State shown(Container c, StoredState state) {
        if (c.restarting) {
            return ContainerView.State.RESTARTING;
        }
        return switch (state.phase()) {
            case CREATED -> ContainerView.State.CREATED;
            // not running until it is: before, what it was
            case STARTING ->
                state.restarts() > 0
                        ? ContainerView.State.RESTARTING
                        : state.finishedNanos() == 0 ? ContainerView.State.CREATED : ContainerView.State.EXITED;
            case RUNNING -> ContainerView.State.RUNNING;
            case PAUSED -> ContainerView.State.PAUSED;
            case EXITED -> ContainerView.State.EXITED;
            case RESTARTING -> ContainerView.State.RESTARTING;
        };
    }

    private EngineInfo info() {
        int running = 0;
        int paused = 0;
        List<Container> all = registry.all();
        for (Container c : all) {
            switch (c.state.phase()) {
                case RUNNING -> running++;
                case PAUSED -> paused++;
                default -> {}
            }
        }
        return new EngineInfo(
                identity,
                options.version(),
                options.commit(),
                options.root().toString(),
                HostFacts.hostname(),
                HostFacts.kernelVersion(),
                HostFacts.operatingSystem(),
                HostFacts.operatingSystemVersion(),
                HostFacts.architecture(),
                Runtime.getRuntime().availableProcessors(),
                HostFacts.memoryBytes(),
                cgroups.version(),
                Runtime.version().toString(),
                all.size(),
                running,
                paused,
                all.size() - running - paused,
                imageStore.list().size(),
                storageDriver(),
                List.of("name=seccomp,profile=builtin", "name=cgroupns"),
                cgroups.controllers(),
                HostFacts.ipForwarding(),
                networks.warnings());
    }

    @Override
    public String storageDriver() {
        return imageStore.snapshotter().name().toLowerCase(Locale.ROOT);
    }

    @Override
    public void close() {
        timers.close();
        // with no container left there is no reason to leave a keeper or a bridge behind
        streams.close();
        keeper.listen(new Keeper.Listener() {}); // its end is no longer news
        boolean idle = registry.all().stream().noneMatch(c -> c.state.alive()) && keeper.shutdown();
        keeper.close();
        poller.close();
        names.close();
        if (idle) {
            networks.destroyAll();
            cgroups.open(options.cgroupParent()).remove();
        } else {
            networks.close();
        }
        hosting.close();
        volumes.close();
        images.close();
        imageStore.close();
        events.close();
        gate.close();
    }
}
