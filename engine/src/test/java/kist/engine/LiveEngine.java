package kist.engine;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import kist.image.Snapshotter;
import kist.registry.RegistryOptions;

/** An engine on the real kernel in a directory of its own, with an image of busybox; it can be restarted. */
final class LiveEngine implements AutoCloseable {
    static final Caller CALLER = new Caller("test", 0, 0, 1);

    private static final List<String> APPLETS = List.of(
            "sh", "sleep", "true", "false", "cat", "echo", "test", "touch", "rm", "ls", "dd", "kill", "mkdir", "head",
            "yes");

    private final Path directory;
    private final String bridge;
    private final int subnet;
    private KistEngine engine;

    LiveEngine(Path directory) throws IOException, InterruptedException {
        this.directory = directory;
        int pid = (int) ProcessHandle.current().pid();
        this.bridge = "kt" + Integer.toString(pid, 36);
        this.subnet = pid % 250;
        this.engine = open();
        importBusybox();
    }

    private KistEngine open() throws IOException, InterruptedException {
        Path run = Files.createDirectories(directory.resolve("run"));
        return KistEngine.open(
                new EngineOptions(
                        Files.createDirectories(directory.resolve("root")),
                        run,
                        Path.of(System.getProperty("kist.keeper")),
                        Optional.empty(),
                        "0",
                        "",
                        bridge,
                        Optional.of("10.249." + subnet + ".0/24"),
                        new RegistryOptions(
                                directory.resolve("registries.d"), directory.resolve("policy.json"), "kist"),
                        Snapshotter.AUTO),
                (service, asked) -> {
                    throw new IOException("no registry in this test");
                });
    }

    private void importBusybox() throws IOException, InterruptedException {
        Path root = directory.resolve("busybox");
        for (String name : List.of("bin", "etc", "proc", "dev", "sys", "tmp", "root")) {
            Files.createDirectories(root.resolve(name));
        }
        Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
        for (String applet : APPLETS) {
            Files.createSymbolicLink(root.resolve("bin/" + applet), Path.of("busybox"));
        }
        Process tar = new ProcessBuilder("tar", "-C", root.toString(), "-c", ".").start();
        byte[] bytes = tar.getInputStream().readAllBytes();
        tar.waitFor();
        call(new ImageRequest.ImportImage(
                new ByteArrayInputStream(bytes), "busybox:latest", List.of(), "", Optional.empty()));
    }

    /** Ends the engine and opens another on its state; containers go on. */
    void restart() throws IOException, InterruptedException {
        engine.close();
        engine = open();
    }

    /** Ends the engine, does something, and opens another. */
    void restart(Callable<?> meanwhile) throws Exception {
        engine.close();
        meanwhile.call();
        engine = open();
    }

    <R> R call(Request<R> request) throws InterruptedException {
        return engine.call(CALLER, request);
    }

    static ContainerConfig shell(String command) {
        return ContainerConfig.of("busybox", "sh", "-c", command)
                .withHost(HostConfigBuilder.builder().network("none").build());
    }

    static ContainerConfig shell(String command, String policy, int retries) {
        return shell(command)
                .withHost(HostConfigBuilder.builder()
                        .network("none")
                        .restart(new HostConfig.RestartPolicy(policy, retries))
                        .build());
    }

    String create(String name, ContainerConfig config) throws InterruptedException {
        return call(new Request.CreateContainer(name, config)).id();
    }

    String run(String name, ContainerConfig config) throws InterruptedException {
        String id = create(name, config);
        call(new Request.StartContainer(id));
        return id;
    }

    String run(String name, ContainerConfig config, UnaryOperator<ContainerConfigBuilder> more)
            throws InterruptedException {
        return run(name, more.apply(ContainerConfigBuilder.builder(config)).build());
    }

    ContainerView view(String ref) throws InterruptedException {
        return call(new Request.InspectContainer(ref));
    }

    void stop(String ref) throws InterruptedException {
        call(new Request.StopContainer(ref, OptionalInt.of(0), ""));
    }

    void remove(String ref) throws InterruptedException {
        call(new Request.RemoveContainer(ref, true, true));
    }

    /** The file system of a running container as the host sees it. */
    Path inside(String ref, String path) throws InterruptedException {
        return Path.of("/proc/" + view(ref).pid() + "/root" + path);
    }

    String logs(String ref) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        try (LogStream log = call(new Request.ReadLogs(ref, true, true, false, 0, 0, -1))) {
            for (Optional<Output> line = log.read(); line.isPresent(); line = log.read()) {
                text.append(new String(line.get().bytes(), StandardCharsets.UTF_8));
            }
        }
        return text.toString();
    }

    /** What was published from a moment on until now, as "type action name". */
    List<String> events(long since) throws InterruptedException {
        List<String> all = new ArrayList<>();
        try (EventStream past = call(new Request.WatchEvents(since, Clock.nanos() + 1))) {
            for (Optional<Event> e = past.read(); e.isPresent(); e = past.read()) {
                all.add(e.get().action() + " " + e.get().attributes().getOrDefault("name", ""));
            }
        }
        return all;
    }

    static Map<String, String> label(String name, String value) {
        return Map.of(name, value);
    }

    /** Waits up to twenty seconds. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 20 s: " + what);
            }
            Thread.sleep(20);
        }
    }

    @Override
    public void close() {
        try {
            for (ContainerView c : call(new Request.ListContainers(true))) {
                remove(c.id());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            engine.close();
        }
    }
}
