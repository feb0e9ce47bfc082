package kist.docker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import kist.engine.Attachment;
import kist.engine.Caller;
import kist.engine.ContainerConfig;
import kist.engine.ContainerView;
import kist.engine.ContainerView.State;
import kist.engine.ContainerViewBuilder;
import kist.engine.Engine;
import kist.engine.EngineException;
import kist.engine.EngineException.Kind;
import kist.engine.EngineInfo;
import kist.engine.Event;
import kist.engine.EventStream;
import kist.engine.ExecView;
import kist.engine.HostedRequest;
import kist.engine.ImageRequest;
import kist.engine.LogStream;
import kist.engine.Output;
import kist.engine.Request;
import kist.engine.Request.Done;
import kist.engine.StatsSample;
import kist.engine.StatsStream;
import kist.network.Endpoint;
import kist.runtime.CgroupStats;

/**
 * An engine in memory. Its processes are played: {@code cat} repeats its input, {@code both} writes to both streams and exits
 * with 3, {@code sleep} runs until it is killed, {@code nosuch} and {@code notexec} cannot be started, all else exits with 0.
 */
final class FakeEngine implements Engine {
    static final String IMAGE_ID = "sha256:" + "ab".repeat(32);

    final List<Request<?>> requests = Collections.synchronizedList(new ArrayList<>());
    final List<Caller> callers = Collections.synchronizedList(new ArrayList<>());
    final Map<String, Fake> containers = Collections.synchronizedMap(new LinkedHashMap<>());
    final Map<String, FakeExec> execs = new ConcurrentHashMap<>();
    final LinkedBlockingQueue<Optional<Event>> events = new LinkedBlockingQueue<>();
    final FakeImages images = new FakeImages();
    final FakeVolumes volumes = new FakeVolumes();
    final CountDownLatch streamClosed = new CountDownLatch(1);
    private int next = 1;

    /** A container. */
    static final class Fake {
        ContainerView view;
        final Process process;
        final CountDownLatch exited = new CountDownLatch(1);
        final CountDownLatch removed = new CountDownLatch(1);

        Fake(ContainerView view) {
            this.view = view;
            this.process = new Process(view.argv().getFirst(), view.config().tty());
        }
    }

    record FakeExec(String id, String container, kist.engine.ExecConfig config, Process process) {}

    /** A played process. */
    static final class Process implements Attachment {
        private final String command;
        private final boolean tty;
        final LinkedBlockingQueue<Optional<Output>> output = new LinkedBlockingQueue<>();
        final List<Output> written = Collections.synchronizedList(new ArrayList<>());
        volatile OptionalInt exitCode = OptionalInt.empty();
        volatile boolean inputClosed;
        volatile boolean started;
        volatile Runnable atExit = () -> {};

        Process(String command, boolean tty) {
            this.command = command;
            this.tty = tty;
        }

        synchronized void start() {
            started = true;
            switch (command) {
                case "cat" -> {
                    if (inputClosed) {
                        exit(0);
                    }
                }
                case "sleep" -> {}
                case "both" -> {
                    print(1, "out\n");
                    print(2, "err\n");
                    exit(3);
                }
                default -> exit(0);
            }
        }

        void print(int stream, String text) {
            Output piece = new Output(1_700_000_000_000_000_001L, stream, text.getBytes(StandardCharsets.UTF_8));
            written.add(piece);
            output.add(Optional.of(piece));
        }

        void exit(int code) {
            exitCode = OptionalInt.of(code);
            output.add(Optional.empty());
            atExit.run();
        }

        @Override
        public boolean tty() {
            return tty;
        }

        @Override
        public Optional<Output> read() throws InterruptedException {
            return output.take();
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (command.equals("cat")) {
                print(1, new String(bytes, offset, length, StandardCharsets.UTF_8));
            }
        }

        @Override
        public synchronized void closeInput() {
            inputClosed = true;
            if (command.equals("cat") && started) {
                exit(0);
            }
        }

        @Override
        public void close() {
            output.add(Optional.empty());
        }
    }

    @Override
    @SuppressWarnings("unchecked")
    public <R> R call(Caller caller, Request<R> request) throws InterruptedException {
        requests.add(request);
        callers.add(caller);
        return (R) answer(request);
    }

    private Object answer(Request<?> request) throws InterruptedException {
        return switch (request) {
            case Request.CreateContainer r -> create(r);
            case Request.StartContainer r -> start(find(r.ref()));
            case Request.StopContainer r -> end(find(r.ref()), 143);
            case Request.RestartContainer r -> Done.DONE;
            case Request.KillContainer r -> {
                if (!end(find(r.ref()), 137)) {
                    throw new EngineException(Kind.CONFLICT, "container " + r.ref() + " is not running");
                }
                yield Done.DONE;
            }
            case Request.PauseContainer r -> Done.DONE;
            case Request.UnpauseContainer r -> Done.DONE;
            case Request.WaitContainer r -> waiting(find(r.ref()), r.condition());
            case Request.RemoveContainer r -> remove(find(r.ref()), r.force());
            case Request.RenameContainer r -> Done.DONE;
            case Request.UpdateContainer r ->
                List.of("a warning of " + find(r.ref()).view.id());
            case Request.ListContainers r -> {
                List<ContainerView> views = new ArrayList<>();
                for (Fake fake : containers.values()) {
                    if (r.all() || fake.view.state() == State.RUNNING) {
                        views.addFirst(fake.view);
                    }
                }
                yield views;
            }
            case Request.InspectContainer r -> find(r.ref()).view;
            case Request.MeasureContainer r -> {
                find(r.ref());
                yield new Request.ContainerSize(7, 1007);
            }
            case Request.PruneContainers r -> {
                List<String> ids = new ArrayList<>();
                for (Fake fake : List.copyOf(containers.values())) {
                    if (fake.view.state() != State.RUNNING) {
                        ids.add(fake.view.id());
                        remove(fake, false);
                    }
                }
                yield new Request.PrunedContainers(ids, 70);
            }
            case Request.ReadStats r -> stats(find(r.ref()));
            case Request.ListProcesses<?> r -> shown(r);
            case Request.AttachContainer r -> find(r.ref()).process;
            case Request.ReadLogs r -> logs(find(r.ref()), r);
            case Request.ResizeContainer r -> Done.DONE;
            case Request.CreateExec r -> {
                String id = hex("e");
                execs.put(
                        id,
                        new FakeExec(
                                id,
                                find(r.ref()).view.id(),
                                r.config(),
                                new Process(
                                        r.config().command().getFirst(),
                                        r.config().tty())));
                yield id;
            }
            case Request.StartExec r -> {
                FakeExec exec = exec(r.execId());
                startable(exec.process().command);
                exec.process().start();
                yield r.detach() ? Optional.empty() : Optional.of(exec.process());
            }
            case Request.ResizeExec r -> Done.DONE;
            case Request.InspectExec r -> {
                FakeExec exec = exec(r.execId());
                OptionalInt code = exec.process().exitCode;
                yield new ExecView(exec.id(), exec.container(), exec.config(), code.isEmpty(), code, 4242);
            }
            case ImageRequest<?> r -> images.answer(r);
            case kist.engine.NetworkRequest<?> r -> throw new IllegalArgumentException("no networks here: " + r);
            case kist.engine.VolumeRequest<?> r -> volumes.answer(r);
            case kist.engine.ArchiveRequest<?> r -> volumes.answer(r);
            case HostedRequest<?> r -> throw new IllegalArgumentException("no door but a registry's asks " + r);
            case Request.Info r ->
                new EngineInfo(
                        "ID",
                        "0.1.0",
                        "abc1234",
                        "/var/lib/kist",
                        "host",
                        "6.1",
                        "Debian",
                        "13",
                        "x86_64",
                        2,
                        1L << 30,
                        1,
                        "25.0.3",
                        containers.size(),
                        0,
                        0,
                        0,
                        1,
                        "overlay",
                        List.of("name=seccomp,profile=default"),
                        List.of("cpu", "cpuset", "memory", "pids"),
                        true,
                        List.of());
            case Request.WatchEvents r ->
                new EventStream() {
                    @Override
                    public Optional<Event> read() throws InterruptedException {
                        return events.take();
                    }

                    @Override
                    public void close() {
                        streamClosed.countDown();
                        events.add(Optional.empty());
                    }
                };
        };
    }

    private synchronized String hex(String digit) {
        String number = Integer.toHexString(next++);
        return digit.repeat(64 - number.length()) + number;
    }

    private Request.Created create(Request.CreateContainer r) {
        ContainerConfig config = r.config();
        FakeImages.image(config.image());
        for (Fake fake : containers.values()) {
            if (fake.view.name().equals(r.name())) {
                throw new EngineException(Kind.ALREADY_EXISTS, "the container name \"" + r.name() + "\" is in use");
            }
        }
        List<String> argv = new ArrayList<>(config.entrypoint().orElse(List.of()));
        argv.addAll(config.command().orElse(List.of("sh")));
        String id = hex("c");
        containers.put(
                id,
                new Fake(ContainerViewBuilder.builder()
                        .id(id)
                        .name(r.name().isEmpty() ? "fake_" + next : r.name())
                        .config(config)
                        .argv(argv)
                        .environment(List.of("PATH=/bin"))
                        .workingDir(config.workingDir())
                        .user(config.user())
                        .labels(config.labels())
                        .imageId(IMAGE_ID)
                        .state(State.CREATED)
                        .createdNanos(System.currentTimeMillis() * 1_000_000)
                        .error("")
                        .endpoints(List.of())
                        .published(List.of())
                        .stopSignal("SIGTERM")
                        .execs(List.of())
                        .logPath("/log")
                        .mounts(List.of())
                        .build()));
        return new Request.Created(id, List.of());
    }

    private static Object shown(Request.ListProcesses<?> r) throws InterruptedException {
        try {
            return r.table().of(List.of(ProcessHandle.current().pid()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void startable(String command) {
        if (command.equals("nosuch")) {
            throw new EngineException(Kind.COMMAND_NOT_FOUND, "exec: \"nosuch\": executable file not found in $PATH");
        }
        if (command.equals("notexec")) {
            throw new EngineException(Kind.COMMAND_NOT_EXECUTABLE, "exec: \"notexec\"");
        }
    }

    private boolean start(Fake fake) {
        if (fake.view.state() == State.RUNNING) {
            return false;
        }
        try {
            startable(fake.view.argv().getFirst());
        } catch (EngineException e) {
            fake.process.close();
            if (fake.view.config().host().autoRemove()) {
                remove(fake, true);
            }
            throw e;
        }
        fake.view = with(fake.view, State.RUNNING, 4711, 0);
        fake.process.atExit = () -> {
            int code = fake.process.exitCode.orElse(0);
            fake.view = with(fake.view, State.EXITED, 0, code);
            fake.exited.countDown();
            if (fake.view.config().host().autoRemove()) {
                remove(fake, true);
            }
        };
        fake.process.start();
        return true;
    }

    private static ContainerView with(ContainerView v, State state, long pid, int code) {
        long now = System.currentTimeMillis() * 1_000_000;
        Optional<Endpoint> endpoint =
                state == State.RUNNING && !v.config().host().network().equals("none")
                        ? Optional.of(new Endpoint(
                                "bridge",
                                "a".repeat(64),
                                "b".repeat(64),
                                "veth",
                                "172.29.0.2",
                                16,
                                "172.29.0.1",
                                "02:42:ac:1d:00:02"))
                        : Optional.empty();
        return ContainerViewBuilder.builder(v)
                .state(state)
                .pid(pid)
                .exitCode(code)
                .startedNanos(state == State.RUNNING ? now : v.startedNanos())
                .finishedNanos(state == State.RUNNING ? 0 : now)
                .endpoint(endpoint)
                .endpoints(endpoint.stream().toList())
                .build();
    }

    private boolean end(Fake fake, int code) {
        if (fake.view.state() != State.RUNNING) {
            return false;
        }
        fake.process.exit(code);
        return true;
    }

    private Done remove(Fake fake, boolean force) {
        if (fake.view.state() == State.RUNNING && !force) {
            throw new EngineException(
                    Kind.CONFLICT, "cannot remove the running container " + fake.view.id() + ": stop it or use force");
        }
        containers.remove(fake.view.id());
        fake.removed.countDown();
        return Done.DONE;
    }

    /** Two samples, and then it is gone. */
    private static StatsStream stats(Fake fake) {
        boolean runs = fake.view.state() == State.RUNNING;
        return new StatsStream() {
            private int count;

            @Override
            public Optional<StatsSample> sample() {
                count++;
                CgroupStats group = new CgroupStats(
                        count * 1000L,
                        5000,
                        OptionalLong.empty(),
                        0,
                        Map.of("cache", 3L),
                        count * 1_000_000L,
                        600,
                        400,
                        List.of(1L, 2L),
                        0,
                        0,
                        0,
                        4,
                        OptionalLong.of(100),
                        List.of(new CgroupStats.DeviceIo(8, 0, 11, 22, 1, 2)));
                return count > 2
                        ? Optional.empty()
                        : Optional.of(new StatsSample(
                                1_700_000_000_000_000_000L + count,
                                fake.view.id(),
                                fake.view.name(),
                                runs ? Optional.of(group) : Optional.empty(),
                                1,
                                runs ? List.of(new StatsSample.Interface("eth0", 1, 2, 3, 4, 5, 6, 7, 8)) : List.of(),
                                2,
                                count * 1_000_000_000L,
                                1 << 30));
            }

            @Override
            public void close() {}
        };
    }

    private static Request.Waiting waiting(Fake fake, Request.WaitCondition condition) {
        CountDownLatch latch = condition == Request.WaitCondition.REMOVED ? fake.removed : fake.exited;
        boolean now = condition == Request.WaitCondition.NOT_RUNNING && fake.view.state() != State.RUNNING;
        return new Request.Waiting() {
            @Override
            public int await() throws InterruptedException {
                if (!now) {
                    latch.await();
                }
                return fake.view.exitCode();
            }

            @Override
            public void close() {}
        };
    }

    private LogStream logs(Fake fake, Request.ReadLogs r) {
        LinkedBlockingQueue<Optional<Output>> lines = new LinkedBlockingQueue<>();
        for (Output piece : fake.process.written) {
            if (piece.stream() == 1 ? r.stdout() : r.stderr()) {
                lines.add(Optional.of(piece));
            }
        }
        if (!r.follow()) {
            lines.add(Optional.empty());
        }
        return new LogStream() {
            @Override
            public Map<String, String> details() {
                return new java.util.TreeMap<>(Map.of("a", "b c", "d,e", "é"));
            }

            @Override
            public boolean tty() {
                return fake.view.config().tty();
            }

            @Override
            public Optional<Output> read() throws InterruptedException {
                return lines.take();
            }

            @Override
            public void close() {
                streamClosed.countDown();
                lines.add(Optional.empty());
            }
        };
    }

    private Fake find(String ref) {
        synchronized (containers) {
            for (Fake fake : containers.values()) {
                if (!ref.isEmpty()
                        && (fake.view.id().startsWith(ref) || fake.view.name().equals(ref))) {
                    return fake;
                }
            }
        }
        throw new EngineException(Kind.NOT_FOUND, "No such container: " + ref);
    }

    private FakeExec exec(String id) {
        FakeExec exec = execs.get(id);
        if (exec == null) {
            throw new EngineException(Kind.NOT_FOUND, "No such exec instance: " + id);
        }
        return exec;
    }

    @Override
    public String storageDriver() {
        return "overlay";
    }

    @Override
    public void close() {}
}
