package kist.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** {@code kist version}, {@code info}, {@code env}, {@code system start|status|shutdown}: the engine itself. */
final class SystemCommands {
    private final Context context;

    SystemCommands(Context context) {
        this.context = context;
    }

    int env(List<String> args) throws IOException {
        new Flags("env", "", "Print the line that points the docker command at this engine: eval \"$(kist env)\"")
                .parse(args)
                .expect(0, 0);
        context.line("export DOCKER_HOST=" + shellQuoted(context.settings().address()));
        return 0;
    }

    /** As a shell takes it for one word; plain where that needs no quotes. */
    static String shellQuoted(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!(c < 0x80 && Character.isLetterOrDigit(c)) && "/:._-@%+,".indexOf(c) < 0) {
                return "'" + text.replace("'", "'\\''") + "'";
            }
        }
        return text;
    }

    int version(List<String> args) throws IOException {
        var parsed = new Flags("version", "", "Show the Kist version information")
                .text("format", 'f', "string", "'json' or a template such as '{{.Server.Version}}'")
                .parse(args)
                .expect(0, 0);
        var format = parsed.text("format").orElse("");
        boolean json = format.isEmpty() || format.equals("json");
        var template = json ? Optional.<Template>empty() : Optional.of(Template.parse(format));
        var client = new java.util.LinkedHashMap<String, Object>();
        client.put("Version", Main.VERSION);
        client.put("JavaVersion", System.getProperty("java.version", ""));
        client.put("Os", "linux");
        client.put("Arch", architecture());
        var engine = context.engine().get("/version");
        var all = new java.util.LinkedHashMap<String, Object>();
        all.put("Client", client);
        all.put("Server", java.util.Objects.requireNonNullElse(engine.value(), java.util.Map.of()));
        if (!format.isEmpty()) {
            context.line(template.isPresent() ? template.get().render(all) : Doc.json(all));
            return 0;
        }
        var out = new StringBuilder("Client: Kist\n");
        field(out, 1, "Version", Main.VERSION);
        field(out, 1, "Java version", System.getProperty("java.version", ""));
        field(out, 1, "OS/Arch", "linux/" + architecture());
        out.append("\nServer: ").append(engine.text("Platform", "Name")).append('\n');
        field(out, 1, "Version", engine.text("Version"));
        field(
                out,
                1,
                "API version",
                engine.text("ApiVersion") + " (minimum version " + engine.text("MinAPIVersion") + ")");
        field(out, 1, "Git commit", engine.text("GitCommit"));
        field(out, 1, "OS/Arch", engine.text("Os") + "/" + engine.text("Arch"));
        field(out, 1, "Kernel", engine.text("KernelVersion"));
        context.print(out.toString());
        return 0;
    }

    /** The machine's, in the words of image platforms. */
    private static String architecture() {
        var name = System.getProperty("os.arch", "");
        return name.equals("aarch64") ? "arm64" : name;
    }

    private static void field(StringBuilder out, int depth, String name, String value) {
        if (!value.isEmpty()) {
            out.append(" ".repeat(depth))
                    .append(name)
                    .append(':')
                    .append(" ".repeat(Math.max(1, 18 - name.length())))
                    .append(value)
                    .append('\n');
        }
    }

    int info(List<String> args) throws IOException {
        var parsed = new Flags("info", "", "Display system-wide information")
                .text("format", 'f', "string", "'json' or a template such as '{{.Driver}}'")
                .parse(args)
                .expect(0, 0);
        var format = parsed.text("format").orElse("");
        boolean json = format.isEmpty() || format.equals("json");
        var template = json ? Optional.<Template>empty() : Optional.of(Template.parse(format));
        var info = context.engine().get("/info");
        if (!format.isEmpty()) {
            context.line(template.isPresent() ? template.get().render(info.value()) : Doc.json(info.value()));
            return 0;
        }
        context.print(InfoPage.of(info));
        for (var warning : info.strings("Warnings")) {
            context.error(warning);
        }
        return 0;
    }

    private static void line(StringBuilder out, String name, String value) {
        if (!value.isEmpty()) {
            out.append(name).append(": ").append(value).append('\n');
        }
    }

    int system(List<String> args) throws IOException {
        return new Group("system", "Manage the engine")
                .add("df", "Show disk usage", rest -> new DiskCommand(context).run(rest))
                .add("events", "Get real time events from the engine", rest -> new StreamCommands(context).events(rest))
                .add("info", "Display system-wide information", this::info)
                .add("prune", "Remove unused data", rest -> new PruneCommands(context).system(rest))
                .add("shutdown", "Stop the engine; its containers go on running", this::shutdown)
                .add("start", "Start the engine in the background if it does not run", this::start)
                .add("status", "Show whether the engine runs", this::status)
                .run(context, args);
    }

    private int start(List<String> args) throws IOException {
        new Flags("system start", "", "Start the engine in the background if it does not run")
                .parse(args)
                .expect(0, 0);
        requireLocal("start");
        boolean already = Engine.answers(context);
        if (!already) {
            new EngineStarter(context).start();
        }
        context.line("The engine " + (already ? "already runs" : "runs")
                + pid().map(pid -> " (pid " + pid + ")").orElse("") + " and answers on "
                + context.settings().address());
        return 0;
    }

    private int status(List<String> args) throws IOException {
        new Flags("system status", "", "Show whether the engine runs; exit status 3 if it does not")
                .parse(args)
                .expect(0, 0);
        var settings = context.settings();
        if (!Engine.answers(context)) {
            context.line("No engine answers on " + settings.address());
            return 3;
        }
        var info = context.engine().get("/info");
        var out = new StringBuilder();
        line(out, "Engine", "answers on " + settings.address());
        line(out, "Version", info.text("ServerVersion"));
        if (settings.local()) {
            line(out, "Pid", pid().map(pid -> Long.toString(pid)).orElse("unknown"));
            line(out, "Run directory", settings.runDir().toString());
        }
        line(out, "State in", info.text("DockerRootDir"));
        line(out, "Containers running", info.text("ContainersRunning") + " of " + info.text("Containers"));
        context.print(out.toString());
        return 0;
    }

    private int shutdown(List<String> args) throws IOException {
        var parsed = new Flags("system shutdown", "", "Stop the engine; its containers go on running")
                .bool("stop-containers", 0, "Stop all running containers first")
                .parse(args)
                .expect(0, 0);
        requireLocal("shutdown");
        var engine = pid().flatMap(ProcessHandle::of).filter(process -> isEngine(process.pid()));
        if (parsed.on("stop-containers")) {
            if (engine.isEmpty() && !Engine.answers(context)) {
                throw new Failure(
                        1,
                        "kist: no engine runs in " + context.settings().runDir()
                                + "; start it with 'kist system start' if containers that outlived it shall stop too");
            }
            stopContainers();
        }
        if (engine.isEmpty()) {
            context.line("No engine runs in " + context.settings().runDir());
            return 0;
        }
        var process = engine.get();
        process.destroy();
        try {
            long begun = System.nanoTime();
            while (!over(process.pid())) {
                if (System.nanoTime() - begun > TimeUnit.SECONDS.toNanos(60)) {
                    throw new Failure(
                            1, "kist: the engine (pid " + process.pid() + ") was told to stop but still runs");
                }
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 130;
        }
        context.line("The engine (pid " + process.pid() + ") has stopped");
        return 0;
    }

    /** All at once, since each may take its ten seconds of grace. */
    private void stopContainers() throws IOException {
        var engine = context.engine();
        var threads = new ArrayList<Thread>();
        var failures = java.util.Collections.synchronizedList(new ArrayList<String>());
        for (var container : engine.get("/containers/json?all=0").list()) {
            var id = container.text("Id");
            threads.add(Thread.startVirtualThread(() -> {
                try {
                    engine.post(Engine.container(id) + "/stop");
                } catch (EngineError e) {
                    failures.add(e.line());
                } catch (IOException e) {
                    failures.add("kist: stopping " + ListCommands.shortId(id) + " failed: " + e.getMessage());
                }
            }));
        }
        for (var thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Failure(130, "");
            }
        }
        if (!failures.isEmpty()) {
            throw new Failure(1, String.join("\n", failures) + "\nkist: the engine was not stopped");
        }
    }

    private void requireLocal(String what) {
        if (!context.settings().local()) {
            throw new Failure(
                    1,
                    "kist: the engine at " + context.settings().address() + " is not this command's own; 'kist system "
                            + what + "' works on the engine of --run-dir only");
        }
    }

    private Optional<Long> pid() throws IOException {
        try {
            return Optional.of(Long.parseLong(
                    Files.readString(context.settings().pidFile()).strip()));
        } catch (NoSuchFileException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /**
     * Whether a process is gone, or only its number is left because nobody has waited for it: then it has closed all files, which
     * it has not yet when its command line is gone.
     */
    private static boolean over(long pid) {
        var directory = Path.of("/proc", Long.toString(pid));
        try (var threads = Files.list(directory.resolve("task"))) {
            var stat = Files.readString(directory.resolve("stat"), java.nio.charset.StandardCharsets.ISO_8859_1);
            char state = stat.charAt(stat.lastIndexOf(')') + 2);
            return (state == 'Z' || state == 'X') && threads.count() <= 1;
        } catch (IOException | UncheckedIOException e) {
            return true;
        }
    }

    /** A pid file may be left from a killed engine, and its number may by now be anybody's. */
    private static boolean isEngine(long pid) {
        try {
            return Files.readString(
                            Path.of("/proc", Long.toString(pid), "cmdline"),
                            java.nio.charset.StandardCharsets.ISO_8859_1)
                    .contains("kist.daemon");
        } catch (IOException e) {
            return false;
        }
    }
}
