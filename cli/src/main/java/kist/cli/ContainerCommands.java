package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;

/** Commands that do one thing to each container named: stop, restart, kill, rm, pause, unpause, rename, wait, update, port. */
final class ContainerCommands {
    static final String EACH = "CONTAINER [CONTAINER...]";
    /** How many containers are seen to at once. */
    private static final int AT_ONCE = 50;

    private final Context context;
    private final Engine engine;

    ContainerCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    /** What is done to one container; returns the line to print, or nothing. */
    interface Action {
        String on(String container) throws IOException;
    }

    /** What became of one container: a line, or an error. */
    private record Outcome(String line, EngineError error) {}

    private static final EngineError NONE = new EngineError(0, "");

    /**
     * Does it to all of them, several at once, since each may take its grace; prints in the order they were named. Goes on after
     * a failure, so that one wrong name does not spare the others.
     *
     * @return the names that failed
     */
    private List<String> each(List<String> containers, boolean forgiveMissing, Action action) throws IOException {
        var tasks = new ArrayList<FutureTask<Outcome>>();
        var room = new Semaphore(AT_ONCE);
        for (var container : containers) {
            var task = new FutureTask<>(() -> {
                try {
                    return new Outcome(action.on(container), NONE);
                } catch (EngineError e) {
                    return new Outcome("", e);
                } finally {
                    room.release();
                }
            });
            tasks.add(task);
            room.acquireUninterruptibly();
            if (containers.size() == 1) {
                task.run();
            } else {
                Thread.ofVirtual().start(task);
            }
        }
        var failed = new ArrayList<String>();
        for (int i = 0; i < tasks.size(); i++) {
            var outcome = got(tasks.get(i));
            if (outcome.error() == NONE) {
                if (!outcome.line().isEmpty()) {
                    context.line(outcome.line());
                }
                continue;
            }
            context.error(outcome.error().line());
            if (!forgiveMissing || outcome.error().status() != 404) {
                failed.add(containers.get(i));
            }
        }
        return failed;
    }

    private static Outcome got(FutureTask<Outcome> task) throws IOException {
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failure(130, "");
        } catch (java.util.concurrent.ExecutionException e) {
            switch (e.getCause()) {
                case IOException failure -> throw failure;
                case RuntimeException failure -> throw failure;
                case null, default -> throw new IOException(e.getCause());
            }
        }
    }

    /** The same for commands whose status is 1 if any failed. */
    int each(List<String> containers, Action action) throws IOException {
        return each(containers, false, action).isEmpty() ? 0 : 1;
    }

    int start(List<String> containers, String query, boolean healthy) throws IOException {
        var failed = each(containers, false, name -> {
            engine.post(Engine.container(name) + "/start" + query);
            if (healthy) {
                awaitHealthy(engine, name);
            }
            return name;
        });
        if (!failed.isEmpty()) {
            context.error("kist: failed to start containers: " + String.join(", ", failed));
        }
        return failed.isEmpty() ? 0 : 1;
    }

    /** Returns when the container's health check is content; a container that ends before is an error. */
    static void awaitHealthy(Engine engine, String name) throws IOException {
        var answer = engine.post(Engine.container(name) + "/wait?condition=healthy");
        var error = answer.text("Error", "Message");
        if (!error.isEmpty() || answer.number("StatusCode") != 0) {
            throw new EngineError(500, error.isEmpty() ? "container " + name + " did not become healthy" : error);
        }
    }

    int stop(List<String> args) throws IOException {
        return stopLike("stop", "Stop one or more running containers", args);
    }

    int restart(List<String> args) throws IOException {
        return stopLike("restart", "Restart one or more containers", args);
    }

    private int stopLike(String command, String summary, List<String> args) throws IOException {
        var parsed = new Flags(command, EACH, summary)
                .text("signal", 's', "string", "Signal to send to the container")
                .text("timeout", 't', "int", "Seconds to wait before killing the container")
                .also("time", "timeout")
                .parse(args)
                .expect(1, -1);
        var query = new StringBuilder();
        parsed.number("timeout").ifPresent(seconds -> query.append("?t=").append(seconds));
        parsed.text("signal")
                .ifPresent(signal -> query.append(query.isEmpty() ? "?" : "&")
                        .append("signal=")
                        .append(Engine.quote(signal)));
        try (var waiting = Waiting.begin(context, "Waiting for " + count(parsed.arguments()) + " to " + command)) {
            return each(parsed.arguments(), name -> {
                engine.post(Engine.container(name) + "/" + command + query);
                return name;
            });
        }
    }

    private static String count(List<String> names) {
        return names.size() == 1 ? names.getFirst() : names.size() + " containers";
    }

    int kill(List<String> args) throws IOException {
        var parsed = new Flags("kill", EACH, "Kill one or more running containers")
                .text("signal", 's', "string", "Signal to send to the container (default KILL)")
                .parse(args)
                .expect(1, -1);
        var query = parsed.text("signal").map(s -> "?signal=" + Engine.quote(s)).orElse("");
        return each(parsed.arguments(), name -> {
            engine.post(Engine.container(name) + "/kill" + query);
            return name;
        });
    }

    int remove(List<String> args) throws IOException {
        var parsed = new Flags("rm", EACH, "Remove one or more containers")
                .bool("force", 'f', "Force the removal of a running container (uses SIGKILL)")
                .bool("link", 'l', "Remove the specified link")
                .bool("volumes", 'v', "Remove anonymous volumes associated with the container")
                .parse(args)
                .expect(1, -1);
        boolean force = parsed.on("force");
        var query = (force ? "?force=1" : "?force=0")
                + (parsed.on("volumes") ? "&v=1" : "")
                + (parsed.on("link") ? "&link=1" : "");
        // with -f it is no failure that there is nothing to remove
        var failed = each(parsed.arguments(), force, name -> {
            var bare = name.startsWith("/") ? name.substring(1) : name;
            engine.delete(Engine.container(bare) + query);
            return name;
        });
        return failed.isEmpty() ? 0 : 1;
    }

    int pause(List<String> args) throws IOException {
        return plain("pause", "Pause all processes within one or more containers", args);
    }

    int unpause(List<String> args) throws IOException {
        return plain("unpause", "Unpause all processes within one or more containers", args);
    }

    private int plain(String command, String summary, List<String> args) throws IOException {
        var parsed = new Flags(command, EACH, summary).parse(args).expect(1, -1);
        return each(parsed.arguments(), name -> {
            engine.post(Engine.container(name) + "/" + command);
            return name;
        });
    }

    int rename(List<String> args) throws IOException {
        var names = new Flags("rename", "CONTAINER NEW_NAME", "Rename a container")
                .parse(args)
                .expect(2, 2)
                .arguments();
        engine.post(Engine.container(names.getFirst()) + "/rename?name=" + Engine.quote(names.getLast()));
        return 0;
    }

    int await(List<String> args) throws IOException {
        var parsed = new Flags("wait", EACH, "Block until one or more containers stop, then print their exit codes")
                .text(
                        "condition",
                        0,
                        "string",
                        "What to wait for: not-running (default), next-exit, removed or healthy")
                .parse(args)
                .expect(1, -1);
        var query = parsed.text("condition")
                .map(c -> "?condition=" + Engine.quote(c))
                .orElse("");
        try (var waiting = Waiting.begin(context, "Waiting for " + count(parsed.arguments()))) {
            return each(parsed.arguments(), name -> {
                var answer = engine.post(Engine.container(name) + "/wait" + query);
                var error = answer.text("Error", "Message");
                if (!error.isEmpty()) {
                    throw new EngineError(500, error);
                }
                return answer.text("StatusCode");
            });
        }
    }

    int update(List<String> args) throws IOException {
        var parsed = HostFlags.declareLimits(
                        new Flags("update", EACH, "Update configuration of one or more containers"))
                .parse(args)
                .expect(1, -1);
        var body = HostFlags.limits(parsed);
        if (body.isEmpty()) {
            throw new Failure(1, "kist: nothing to update: you must provide one or more flags when using this command");
        }
        var warnings = java.util.Collections.synchronizedList(new ArrayList<String>());
        int status = each(parsed.arguments(), name -> {
            warnings.addAll(
                    engine.post(Engine.container(name) + "/update", body).strings("Warnings"));
            return name;
        });
        for (var warning : warnings) {
            context.error(warning);
        }
        return status;
    }

    int port(List<String> args) throws IOException {
        var parsed = new Flags(
                        "port",
                        "CONTAINER [PRIVATE_PORT[/PROTO]]",
                        "List port mappings or a specific mapping for the container")
                .parse(args)
                .expect(1, 2);
        var name = parsed.arguments().getFirst();
        var ports = engine.get(Engine.container(name) + "/json").map("NetworkSettings", "Ports");
        var out = new StringBuilder();
        if (parsed.arguments().size() == 2) {
            var wanted = parsed.arguments().getLast();
            var key = wanted.indexOf('/') < 0 ? wanted + "/tcp" : wanted;
            for (var binding : ports.getOrDefault(key, Doc.NOTHING).list()) {
                out.append(address(binding)).append('\n');
            }
            if (out.isEmpty()) {
                throw new Failure(1, "kist: no public port '" + key + "' published for " + name);
            }
        } else {
            var keys = new ArrayList<>(ports.keySet());
            keys.sort((a, b) -> {
                int order = Integer.compare(number(a), number(b));
                return order != 0 ? order : a.compareTo(b);
            });
            for (var key : keys) {
                for (var binding : ports.getOrDefault(key, Doc.NOTHING).list()) {
                    out.append(key).append(" -> ").append(address(binding)).append('\n');
                }
            }
        }
        context.print(out.toString());
        return 0;
    }

    private static int number(String port) {
        try {
            return Integer.parseInt(port.substring(0, Math.max(0, port.indexOf('/'))));
        } catch (NumberFormatException e) {
            return Integer.MAX_VALUE;
        }
    }

    private static String address(Doc binding) {
        var host = binding.text("HostIp");
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + binding.text("HostPort");
    }

    int top(List<String> args) throws IOException {
        var parsed = new Flags(
                        "top",
                        "[CONTAINER [ps OPTIONS]]",
                        "Display the running processes of a container, or all containers on a full screen")
                .stopAtFirstArgument()
                .parse(args)
                .expect(0, -1);
        var arguments = parsed.arguments();
        if (arguments.isEmpty()) {
            return new TopScreen(context).run();
        }
        var query = arguments.size() > 1
                ? "?ps_args=" + Engine.quote(String.join(" ", arguments.subList(1, arguments.size())))
                : "";
        var answer = engine.get(Engine.container(arguments.getFirst()) + "/top" + query);
        var table = new Table(20).row(answer.strings("Titles").toArray(String[]::new));
        for (var process : answer.list("Processes")) {
            table.row(process.strings().toArray(String[]::new));
        }
        context.print(table.toString());
        return 0;
    }
}
