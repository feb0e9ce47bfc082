package kist.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import kist.image.Snapshotter;
import kist.registry.RegistryOptions;

/** An engine with a real keeper on the real kernel, in a directory of its own, with an image of busybox named {@code box}. */
final class EngineBox implements AutoCloseable {
    private static final List<String> APPLETS = List.of(
            "sh",
            "cat",
            "ls",
            "id",
            "sleep",
            "true",
            "false",
            "mount",
            "grep",
            "hostname",
            "echo",
            "stty",
            "tty",
            "dd",
            "head",
            "env",
            "pwd",
            "mknod",
            "stat",
            "readlink",
            "touch",
            "rm",
            "mkdir",
            "kill",
            "ps",
            "wc",
            "tr",
            "sysctl",
            "ln",
            "sort",
            "find",
            "cut",
            "od",
            "date",
            "test",
            "tail",
            "seq",
            "chmod",
            "df");

    final Caller caller = new Caller("test", 0, 0, ProcessHandle.current().pid());
    final Path directory;
    private final String bridge = "kb" + ProcessHandle.current().pid() % 1_000_000;
    private KistEngine engine;

    EngineBox(Path directory) throws Exception {
        this.directory = directory;
        engine = open();
        try (InputStream tar = rootfs(directory.resolve("rootfs"))) {
            call(new ImageRequest.ImportImage(tar, "box:latest", List.of(), "", Optional.empty()));
        }
    }

    private KistEngine open() throws IOException, InterruptedException {
        Path root = Files.createDirectories(directory.resolve("root"));
        Path run = Files.createDirectories(directory.resolve("run"));
        return KistEngine.open(
                new EngineOptions(
                        root,
                        run,
                        Path.of(System.getProperty("kist.keeper")),
                        Optional.empty(),
                        "test",
                        "",
                        bridge,
                        Optional.of("10.250." + ProcessHandle.current().pid() % 256 + ".0/24"),
                        new RegistryOptions(
                                directory.resolve("registries.d"), directory.resolve("policy.json"), "test"),
                        Snapshotter.AUTO),
                (service, engine) -> {
                    throw new IOException("no registry is served here");
                });
    }

    private static InputStream rootfs(Path root) throws IOException {
        for (String d : List.of("bin", "sbin", "etc", "proc", "dev", "sys", "tmp", "root", "home/user", "run", "var")) {
            Files.createDirectories(root.resolve(d));
        }
        Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
        for (String applet : APPLETS) {
            Files.createSymbolicLink(root.resolve("bin/" + applet), Path.of("busybox"));
        }
        Files.writeString(
                root.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1001::/home/user:/bin/sh\n");
        Files.writeString(root.resolve("etc/group"), "root:x:0:\nstaff:x:50:\nusers:x:1001:\nwheel:x:10:user\n");
        return new ProcessBuilder("tar", "-C", root.toString(), "-cf", "-", ".")
                .start()
                .getInputStream();
    }

    <R> R call(Request<R> request) throws InterruptedException {
        return engine.call(caller, request);
    }

    /** A container on no network that runs a shell script, with these settings. */
    String create(HostConfigBuilder host, String... command) throws InterruptedException {
        return create(ContainerConfigBuilder.builder(ContainerConfig.of("box", command)), host);
    }

    String create(ContainerConfigBuilder config, HostConfigBuilder host) throws InterruptedException {
        HostConfig built = host.build();
        HostConfig quiet = built.network().isEmpty()
                ? HostConfigBuilder.builder(built).network("none").build()
                : built;
        return call(new Request.CreateContainer("", config.host(quiet).build())).id();
    }

    /** Starts what runs until it is told not to. */
    String start(HostConfigBuilder host) throws InterruptedException {
        String id = create(host, "sleep", "600");
        call(new Request.StartContainer(id));
        return id;
    }

    /** What a script writes, and its exit code in the last line. */
    String run(HostConfigBuilder host, String script) throws InterruptedException {
        return finish(create(host, "sh", "-c", script));
    }

    String run(ContainerConfigBuilder config, HostConfigBuilder host) throws InterruptedException {
        return finish(create(config, host));
    }

    /** Starts a container that is removed when it ends, and answers its output. */
    String output(String id) throws InterruptedException {
        try (Attachment streams = call(new Request.AttachContainer(id, false, true, true, true, true))) {
            call(new Request.StartContainer(id));
            Thread.sleep(20); // the client is slower than the removal
            return drain(streams);
        }
    }

    /** Starts a container, waits for its end, answers its output and its exit code, and removes it. */
    String finish(String id) throws InterruptedException {
        try {
            String text;
            int code;
            try (Request.Waiting end = call(new Request.WaitContainer(id, Request.WaitCondition.NEXT_EXIT));
                    Attachment streams = call(new Request.AttachContainer(id, false, true, true, true, true))) {
                call(new Request.StartContainer(id));
                text = drain(streams);
                code = end.await();
            }
            return text + "=" + code;
        } finally {
            remove(id);
        }
    }

    private static String drain(Attachment streams) throws InterruptedException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Optional<Output> o = streams.read(); o.isPresent(); o = streams.read()) {
            all.writeBytes(o.get().bytes());
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    /** What a further process writes, and its exit code in the last line. */
    String exec(String id, ExecConfig config) throws InterruptedException {
        String exec = call(new Request.CreateExec(id, config));
        String text;
        try (Attachment streams = call(new Request.StartExec(exec, false, 0, 0)).orElseThrow()) {
            text = drain(streams);
        }
        ExecView view = call(new Request.InspectExec(exec));
        for (int i = 0; i < 200 && view.running(); i++) {
            Thread.sleep(10);
            view = call(new Request.InspectExec(exec));
        }
        return text + "=" + view.exitCode().orElse(-1);
    }

    String exec(String id, String script) throws InterruptedException {
        return exec(
                id, new ExecConfig(List.of("sh", "-c", script), List.of(), "", "", false, false, true, true, false));
    }

    ContainerView inspect(String id) throws InterruptedException {
        return call(new Request.InspectContainer(id));
    }

    void remove(String id) throws InterruptedException {
        call(new Request.RemoveContainer(id, true, true));
    }

    /** Where the engine's control groups are. */
    String groups() {
        return "/" + bridge;
    }

    /** Another engine on the same state, as after an upgrade. */
    void restart() throws Exception {
        engine.close();
        engine = open();
    }

    @Override
    public void close() throws Exception {
        for (ContainerView c : call(new Request.ListContainers(true))) {
            remove(c.id());
        }
        engine.close();
    }
}
