package kist.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;

/** {@code kist run}, {@code create}, {@code exec}, {@code attach} and {@code start -a}: what joins a process's streams. */
final class RunCommand {
    private static final String DETACH_KEYS = "detach-keys";

    private final Context context;
    private final Engine engine;

    RunCommand(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int run(List<String> args) throws IOException {
        var flags = CreateFlags.declare(
                        new Flags("run", "IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image"))
                .bool("detach", 'd', "Run container in background and print container ID")
                .text(DETACH_KEYS, 0, "string", "Override the key sequence for detaching a container")
                .bool("sig-proxy", 0, "Proxy received signals to the process (default true)")
                .bool("wait", 0, "With -d: return when the health check says that the container is healthy");
        var parsed = flags.parse(args).expect(1, -1);
        boolean detach = parsed.on("detach");
        if (detach && parsed.given("attach")) {
            throw parsed.wrong("conflicting options: cannot specify both --attach and --detach");
        }
        if (parsed.on("wait") && !detach) {
            throw parsed.wrong("--wait goes with --detach: an attached run waits for the end anyway");
        }
        boolean tty = parsed.on("tty");
        boolean stdin = !detach && CreateFlags.attachesTo(parsed, "stdin");
        requireTerminal(tty && stdin);
        var keys = DetachKeys.of(parsed, parsed.text(DETACH_KEYS).orElse(""));
        String id;
        try {
            id = create(parsed, !detach);
        } catch (EngineError e) {
            throw runFailure(125, e);
        } catch (Failure e) {
            throw new Failure(125, e.text());
        }
        try {
            if (detach) {
                engine.post(Engine.container(id) + "/start");
                context.line(id);
                return parsed.on("wait") ? awaitHealthy(id) : 0;
            }
            return attached(
                    id,
                    attachQuery(
                            parsed,
                            stdin,
                            CreateFlags.attachesTo(parsed, "stdout"),
                            CreateFlags.attachesTo(parsed, "stderr")),
                    stdin,
                    tty,
                    parsed.on("rm") ? "removed" : "next-exit",
                    parsed.onUnlessFalse("sig-proxy"),
                    keys);
        } catch (EngineError e) {
            throw runFailure(startStatus(e), e);
        }
    }

    /** The container runs, whatever comes of this: its own failure and not that of {@code kist run}. */
    private int awaitHealthy(String id) throws IOException {
        try (var waiting = Waiting.begin(context, "Waiting for the container to be healthy")) {
            ContainerCommands.awaitHealthy(engine, id);
            return 0;
        } catch (EngineError e) {
            context.error(e.line());
            return 1;
        }
    }

    private static Failure runFailure(int status, EngineError error) {
        return new Failure(status, "kist: " + error.line() + "\n\nRun 'kist run --help' for more information");
    }

    int create(List<String> args) throws IOException {
        var flags = CreateFlags.declare(new Flags("create", "IMAGE [COMMAND] [ARG...]", "Create a new container"));
        var parsed = flags.parse(args).expect(1, -1);
        // streams are asked for as if attached: 'start -ai' joins them later
        context.line(create(parsed, true));
        return 0;
    }

    private String create(Flags.Parsed parsed, boolean attached) throws IOException {
        var pull = pullPolicy(parsed);
        var idFile = parsed.text("cidfile").map(Path::of);
        if (idFile.isPresent()) {
            claim(idFile.get());
        }
        boolean created = false;
        try {
            if (pull.equals("always")) {
                pull(parsed);
            }
            var answer = create(parsed, attached, pull);
            for (var warning : answer.strings("Warnings")) {
                context.error("WARNING: " + warning);
            }
            var id = answer.text("Id");
            if (idFile.isPresent()) {
                Files.writeString(idFile.get(), id);
            }
            created = true;
            return id;
        } finally {
            if (!created && idFile.isPresent()) {
                Files.deleteIfExists(idFile.get());
            }
        }
    }

    /** Asks for the container; where only its image is missing, pulls that and asks again. */
    private Doc create(Flags.Parsed parsed, boolean attached, String pull) throws IOException {
        var query = new StringBuilder();
        parsed.text("name").ifPresent(n -> query.append("&name=").append(Engine.quote(n)));
        parsed.text("platform").ifPresent(p -> query.append("&platform=").append(Engine.quote(p)));
        if (!query.isEmpty()) {
            query.setCharAt(0, '?');
        }
        var path = "/containers/create" + query;
        var body = CreateFlags.body(parsed, context, attached);
        try {
            return engine.post(path, body);
        } catch (EngineError e) {
            boolean missing =
                    e.status() == 404 && e.message().toLowerCase(Locale.ROOT).contains("no such image");
            if (!missing || !pull.equals("missing")) {
                throw e;
            }
            if (!parsed.on("quiet")) {
                var name = ImageName.parse(parsed.arguments().getFirst());
                context.error("Unable to find image '" + name.familiar()
                        + (name.digest().isEmpty() ? ":" + (name.bare() ? "latest" : name.tag()) : "@" + name.digest())
                        + "' locally");
            }
            pull(parsed);
            return engine.post(path, body);
        }
    }

    private void pull(Flags.Parsed parsed) throws IOException {
        var name = ImageName.parse(parsed.arguments().getFirst());
        new TransferCommands(context)
                .pull(
                        name.bare() ? name.withTag("latest") : name,
                        parsed.text("platform").orElse(""),
                        parsed.on("quiet"),
                        context.aside());
    }

    private static String pullPolicy(Flags.Parsed parsed) {
        var pull = parsed.text("pull").orElse("missing");
        if (!pull.equals("missing") && !pull.equals("never") && !pull.equals("always")) {
            throw parsed.invalid("pull", pull, "always, missing and never are known");
        }
        return pull;
    }

    private static void claim(Path file) throws IOException {
        try {
            Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
                    .close();
        } catch (FileAlreadyExistsException e) {
            throw new Failure(
                    125,
                    "kist: container ID file found, make sure the other container isn't running or" + " delete "
                            + file);
        }
    }

    int start(List<String> args) throws IOException {
        var flags = new Flags("start", "CONTAINER [CONTAINER...]", "Start one or more stopped containers")
                .bool("attach", 'a', "Attach STDOUT/STDERR and forward signals")
                .text(DETACH_KEYS, 0, "string", "Override the key sequence for detaching a container")
                .bool("interactive", 'i', "Attach container's STDIN")
                .bool("sig-proxy", 0, "Proxy received signals to the process (default true)")
                .bool("wait", 0, "Return when the containers' health checks say that they are healthy")
                .text("checkpoint", 0, "string", "Restore from this checkpoint")
                .text("checkpoint-dir", 0, "string", "Use a custom checkpoint storage directory");
        var parsed = flags.parse(args).expect(1, -1);
        var query = new StringBuilder();
        for (var name : List.of("checkpoint", "checkpoint-dir")) {
            parsed.text(name)
                    .ifPresent(value -> query.append(query.isEmpty() ? '?' : '&')
                            .append(name)
                            .append('=')
                            .append(Engine.quote(value)));
        }
        if (!parsed.on("attach") && !parsed.on("interactive")) {
            return new ContainerCommands(context).start(parsed.arguments(), query.toString(), parsed.on("wait"));
        }
        if (parsed.on("wait")) {
            throw parsed.wrong("--wait goes without --attach and --interactive");
        }
        if (parsed.arguments().size() > 1) {
            throw new Failure(1, "kist: you cannot start and attach multiple containers at once");
        }
        var details = engine.get(Engine.container(parsed.arguments().getFirst()) + "/json");
        boolean tty = details.flag("Config", "Tty");
        boolean stdin = parsed.on("interactive") && details.flag("Config", "OpenStdin");
        requireTerminal(tty && stdin);
        return attached(
                details.text("Id"),
                attachQuery(parsed, stdin, true, true),
                stdin,
                tty,
                details.flag("HostConfig", "AutoRemove") ? "removed" : "next-exit",
                parsed.onUnlessFalse("sig-proxy"),
                DetachKeys.of(parsed, parsed.text(DETACH_KEYS).orElse("")));
    }

    /** Attaches, waits, starts, in this order: so neither the first byte nor the last exit can be missed. */
    private int attached(
            String id,
            String query,
            boolean stdin,
            boolean tty,
            String condition,
            boolean forwardSignals,
            DetachKeys keys)
            throws IOException {
        var path = Engine.container(id);
        try (var session = new Session(context, engine.hijack(path + "/attach" + query, java.util.Map.of()), tty);
                var wait = engine.stream("POST", path + "/wait?condition=" + condition)) {
            if (forwardSignals && !tty) {
                Session.forwardSignals(engine, id);
            }
            engine.post(path + "/start");
            return converse(session, stdin, tty, keys, path + "/resize", wait);
        }
    }

    private int converse(
            Session session, boolean stdin, boolean tty, DetachKeys keys, String resizePath, Engine.Streaming wait)
            throws IOException {
        if (!joined(session, stdin, tty, keys, resizePath)) {
            return 0;
        }
        var result = Doc.parse(wait.response().text());
        var error = result.text("Error", "Message");
        if (!error.isEmpty()) {
            context.error("kist: " + error);
        }
        return (int) result.number("StatusCode");
    }

    /** Streams until the output ends, false if the user detached. */
    private boolean joined(Session session, boolean stdin, boolean tty, DetachKeys keys, String resizePath)
            throws IOException {
        boolean raw = tty && stdin && context.stdinIsTerminal();
        var terminal = raw ? Terminal.raw() : null;
        try {
            if (tty && context.stdinIsTerminal()) {
                Session.followSize(engine, resizePath);
            }
            if (stdin) {
                session.sendInput(keys);
            }
            return session.receiveOutput();
        } finally {
            if (terminal != null) {
                terminal.close();
            }
        }
    }

    int attach(List<String> args) throws IOException {
        var flags = new Flags(
                        "attach",
                        "CONTAINER",
                        "Attach local standard input, output, and error streams to a running container")
                .text(DETACH_KEYS, 0, "string", "Override the key sequence for detaching a container")
                .bool("no-stdin", 0, "Do not attach STDIN")
                .bool("sig-proxy", 0, "Proxy all received signals to the process (default true)");
        var parsed = flags.parse(args).expect(1, 1);
        var details = engine.get(Engine.container(parsed.arguments().getFirst()) + "/json");
        if (!details.flag("State", "Running")) {
            throw new Failure(1, "kist: cannot attach to a stopped container, start it first");
        }
        if (details.flag("State", "Restarting")) {
            throw new Failure(1, "kist: cannot attach to a restarting container, wait until it is running");
        }
        if (details.flag("State", "Paused")) {
            throw new Failure(1, "kist: cannot attach to a paused container, unpause it first");
        }
        boolean tty = details.flag("Config", "Tty");
        boolean stdin = !parsed.on("no-stdin") && details.flag("Config", "OpenStdin");
        requireTerminal(tty && stdin);
        var keys = DetachKeys.of(parsed, parsed.text(DETACH_KEYS).orElse(""));
        var id = details.text("Id");
        var path = Engine.container(id);
        try (var wait = engine.stream("POST", path + "/wait?condition=not-running");
                var session = new Session(
                        context,
                        engine.hijack(path + "/attach" + attachQuery(parsed, stdin, true, true), java.util.Map.of()),
                        tty)) {
            if (!tty && parsed.onUnlessFalse("sig-proxy")) {
                Session.forwardSignals(engine, id);
            }
            return converse(session, stdin, tty, keys, path + "/resize", wait);
        }
    }

    int exec(List<String> args) throws IOException {
        var flags = new Flags("exec", "CONTAINER COMMAND [ARG...]", "Execute a command in a running container")
                .stopAtFirstArgument()
                .bool("detach", 'd', "Detached mode: run command in the background")
                .text(DETACH_KEYS, 0, "string", "Override the key sequence for detaching a container")
                .list("env", 'e', "list", "Set environment variables")
                .list("env-file", 0, "list", "Read in a file of environment variables")
                .bool("interactive", 'i', "Keep STDIN open even if not attached")
                .bool("privileged", 0, "Give extended privileges to the command")
                .bool("tty", 't', "Allocate a pseudo-TTY")
                .text("user", 'u', "string", "Username or UID (format: <name|uid>[:<group|gid>])")
                .text("workdir", 'w', "string", "Working directory inside the container");
        var parsed = flags.parse(args).expect(2, -1);
        boolean detach = parsed.on("detach");
        boolean tty = parsed.on("tty");
        boolean stdin = parsed.on("interactive") && !detach;
        requireTerminal(tty && stdin);
        var keys = DetachKeys.of(parsed, parsed.text(DETACH_KEYS).orElse(""));
        var body = new java.util.LinkedHashMap<String, Object>();
        var arguments = parsed.arguments();
        body.put("Cmd", List.copyOf(arguments.subList(1, arguments.size())));
        body.put("AttachStdin", stdin);
        body.put("AttachStdout", !detach);
        body.put("AttachStderr", !detach);
        body.put("Tty", tty);
        var environment = CreateFlags.environment(parsed, context.environment());
        if (!environment.isEmpty()) {
            body.put("Env", environment);
        }
        parsed.text("user").ifPresent(user -> body.put("User", user));
        parsed.text("workdir").ifPresent(directory -> body.put("WorkingDir", directory));
        if (parsed.on("privileged")) {
            body.put("Privileged", true);
        }
        parsed.text(DETACH_KEYS).ifPresent(sequence -> body.put("DetachKeys", sequence));
        try {
            var id = engine.post(Engine.container(arguments.getFirst()) + "/exec", body)
                    .text("Id");
            var path = "/exec/" + Engine.quote(id);
            var start = new java.util.LinkedHashMap<String, Object>();
            start.put("Detach", detach);
            start.put("Tty", tty);
            if (detach) {
                engine.post(path + "/start", start);
                return 0;
            }
            try (var session = new Session(context, engine.hijack(path + "/start", start), tty)) {
                if (!joined(session, stdin, tty, keys, path + "/resize")) {
                    return 0;
                }
            }
            return (int) engine.get(path + "/json").number("ExitCode");
        } catch (EngineError e) {
            int status = startStatus(e);
            throw new Failure(status == 125 ? 1 : status, e.line());
        }
    }

    /** The engine knows the keys too, for clients that do not look for them, and must not take its own for them. */
    private static String attachQuery(Flags.Parsed parsed, boolean stdin, boolean stdout, boolean stderr) {
        return "?stream=1"
                + (stdin ? "&stdin=1" : "")
                + (stdout ? "&stdout=1" : "")
                + (stderr ? "&stderr=1" : "")
                + parsed.text(DETACH_KEYS)
                        .map(keys -> "&detachKeys=" + Engine.quote(keys))
                        .orElse("");
    }

    private void requireTerminal(boolean required) {
        if (required && !context.stdinIsTerminal()) {
            throw new Failure(1, "the input device is not a TTY");
        }
    }

    /** The shell's statuses for a command that cannot be run; the engine has but words for it, as dockerd does. */
    private static int startStatus(EngineError error) {
        var words = error.message();
        if (words.contains("executable file not found") || words.contains("no such file or directory")) {
            return 127;
        }
        return words.contains("permission denied") || words.contains("is a directory") ? 126 : 125;
    }
}
