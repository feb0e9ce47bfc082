package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import kist.engine.Attachment;
import kist.engine.ContainerView;
import kist.engine.EngineException;
import kist.engine.ImageRequest;
import kist.engine.LogStream;
import kist.engine.Output;
import kist.engine.Request;
import kist.engine.Request.WaitCondition;
import kist.http.ResponseStream;

/** {@code /containers/...}. */
final class ContainerRoutes {
    private static final Set<String> LIST_FILTERS = Set.of(
            "id",
            "name",
            "status",
            "label",
            "label!",
            "ancestor",
            "exited",
            "before",
            "since",
            "health",
            "network",
            "volume",
            "publish",
            "expose",
            "is-task");
    private static final Set<String> PRUNE_FILTERS = Set.of("label", "label!", "until");
    private static final Set<String> STATES =
            Set.of("created", "running", "paused", "restarting", "removing", "exited", "dead");
    /** What this version cannot do with a container. */
    private static final Set<String> LATER = Set.of("stats", "checkpoints");

    private ContainerRoutes() {}

    /** Answers a call under {@code /containers}; {@code false} where there is no such thing. */
    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() == 2) {
            return collection(call) || call.is("DELETE") && delete(call);
        }
        if (call.parts() == 4 && call.part(2).equals("attach") && call.part(3).equals("ws") && call.is("GET")) {
            attachWebSocket(call, Names.container(call.part(1)));
            return true;
        }
        if (call.parts() < 3 || call.part(1).isEmpty()) {
            return false;
        }
        if (LATER.contains(call.part(2))) {
            throw Errors.unsupported("/containers/{id}/" + call.part(2));
        }
        if (call.parts() != 3) {
            return false;
        }
        String ref = Names.container(call.part(1));
        if (call.part(2).equals("archive")) {
            return PathRoutes.route(call, ref);
        }
        return call.is("POST") ? post(call, ref) : call.is("GET") && get(call, ref);
    }

    private static boolean collection(Call call) throws IOException, InterruptedException {
        switch (call.request().method() + " " + call.part(1)) {
            case "GET json" -> list(call);
            case "POST create" -> create(call);
            case "POST prune" -> prune(call);
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean get(Call call, String ref) throws IOException, InterruptedException {
        switch (call.part(2)) {
            case "json" -> {
                call.refuse("size");
                call.answer(200, ContainerJson.inspect(call.ask(new Request.InspectContainer(ref)), call));
            }
            case "logs" -> logs(call, ref);
            case "changes" -> ArchiveRoutes.changes(call, ref);
            case "export" -> ArchiveRoutes.export(call, ref);
            case "top" -> {
                String options = call.parameter("ps_args");
                List<Long> pids = call.ask(new Request.ListProcesses(ref));
                call.answer(
                        200,
                        options.isEmpty() || options.equals("-ef")
                                ? ProcessTable.of(pids)
                                : PsCommand.run(options, pids));
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean post(Call call, String ref) throws IOException, InterruptedException {
        switch (call.part(2)) {
            case "start" -> {
                if (call.request().hasParameter("checkpoint")
                        && !call.parameter("checkpoint").isEmpty()) {
                    throw Errors.unsupported("starting from a checkpoint");
                }
                // settings in the body of a start are of times before API 1.24
                call.body("").end();
                call.answer(call.ask(new Request.StartContainer(ref)) ? 204 : 304);
            }
            case "stop" -> {
                boolean stopped = call.ask(new Request.StopContainer(ref, call.number("t"), call.parameter("signal")));
                call.answer(stopped ? 204 : 304);
            }
            case "restart" -> {
                call.ask(new Request.RestartContainer(ref, call.number("t"), call.parameter("signal")));
                call.answer(204);
            }
            case "kill" -> {
                call.ask(new Request.KillContainer(ref, call.parameter("signal")));
                call.answer(204);
            }
            case "pause" -> {
                call.ask(new Request.PauseContainer(ref));
                call.answer(204);
            }
            case "unpause" -> {
                call.ask(new Request.UnpauseContainer(ref));
                call.answer(204);
            }
            case "rename" -> {
                String name = Names.container(call.parameter("name"));
                if (name.isEmpty()) {
                    throw Errors.invalid("the new name of container " + ref + " is empty");
                }
                call.ask(new Request.RenameContainer(ref, name));
                call.answer(204);
            }
            case "resize" -> {
                call.ask(new Request.ResizeContainer(ref, side(call, "h"), side(call, "w")));
                call.answer(200);
            }
            case "update" -> {
                List<String> warnings = call.ask(new Request.UpdateContainer(ref, UpdateBody.parse(call.body(""))));
                call.answer(200, Json.object("Warnings", warnings));
            }
            case "wait" -> await(call, ref);
            case "attach" -> attach(call, ref);
            case "exec" -> ExecRoutes.create(call, ref);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** One side of a terminal. */
    static int side(Call call, String name) {
        int side = call.number(name).orElse(-1);
        if (side < 0 || side > 0xffff) {
            throw Errors.invalid("parameter " + name + " is not a terminal's size in characters");
        }
        return side;
    }

    private static void create(Call call) throws IOException, InterruptedException {
        Request.Created created = call.ask(new Request.CreateContainer(
                Names.container(call.parameter("name")), CreateBody.parse(call.body("")), Platforms.of(call)));
        call.answer(201, Json.object("Id", created.id(), "Warnings", created.warnings()));
    }

    private static boolean delete(Call call) throws IOException, InterruptedException {
        if (call.flag("link")) {
            throw Errors.unsupported("removing a link");
        }
        call.ask(new Request.RemoveContainer(Names.container(call.part(1)), call.flag("force"), call.flag("v")));
        call.answer(204);
        return true;
    }

    private static void list(Call call) throws IOException, InterruptedException {
        call.refuse("size");
        Filters filters = Filters.of(call, LIST_FILTERS);
        for (String state : filters.get("status")) {
            if (!STATES.contains(state)) {
                throw Errors.invalid("invalid filter 'status=" + state + "'");
            }
        }
        int limit = call.number("limit").orElse(-1);
        boolean all = call.flag("all") || limit > 0 || filters.has("status");
        boolean everyone = all || filters.has("before") || filters.has("since");
        List<ContainerView> containers = call.ask(new Request.ListContainers(everyone));
        long after = createdOf(call, filters, "since");
        long before = createdOf(call, filters, "before");
        Set<String> ancestors = ancestors(call, filters);
        long now = System.currentTimeMillis() * 1_000_000;
        List<Object> shown = new ArrayList<>();
        for (ContainerView c : containers) {
            boolean wanted = (all || ContainerJson.isRunning(c))
                    && (after == 0 || c.createdNanos() > after)
                    && (before == 0 || c.createdNanos() < before)
                    && (!filters.has("ancestor") || ancestors.contains(c.imageId()))
                    && fits(c, filters);
            if (wanted && (limit <= 0 || shown.size() < limit)) {
                shown.add(ContainerJson.summary(c, now));
            }
        }
        call.answer(200, shown);
    }

    private static long createdOf(Call call, Filters filters, String key) throws InterruptedException {
        if (!filters.has(key)) {
            return 0;
        }
        String ref = Names.container(filters.get(key).getFirst());
        return call.ask(new Request.InspectContainer(ref)).createdNanos();
    }

    private static Set<String> ancestors(Call call, Filters filters) throws InterruptedException {
        Set<String> ids = new java.util.HashSet<>();
        for (String name : filters.get("ancestor")) {
            try {
                ids.add(call.ask(new ImageRequest.InspectImage(Names.familiar(name)))
                        .id());
            } catch (EngineException e) {
                if (e.kind() != EngineException.Kind.NOT_FOUND) {
                    throw e;
                }
            }
        }
        return ids;
    }

    private static boolean fits(ContainerView c, Filters filters) {
        return filters.pattern("id", c.id())
                && (filters.pattern("name", c.name()) || filters.pattern("name", "/" + c.name()))
                && filters.exact("status", ContainerJson.state(c))
                && filters.labels(c.labels())
                && (!filters.has("exited")
                        || c.state() == ContainerView.State.EXITED
                                && filters.exact("exited", Integer.toString(c.exitCode())))
                && filters.exact("health", "none")
                && filters.truth("is-task", false)
                && !filters.has("publish")
                && !filters.has("expose")
                && fitsNetwork(c, filters)
                && fitsMount(c, filters);
    }

    private static boolean fitsNetwork(ContainerView c, Filters filters) {
        if (!filters.has("network")) {
            return true;
        }
        return PlaceJson.networks(c, false).keySet().stream().anyMatch(name -> filters.exact("network", name))
                || c.endpoints().stream().anyMatch(e -> filters.prefix("network", e.networkId()));
    }

    private static boolean fitsMount(ContainerView c, Filters filters) {
        if (!filters.has("volume")) {
            return true;
        }
        for (var mount : c.config().host().mounts()) {
            if (filters.exact("volume", mount.target()) || filters.exact("volume", mount.source())) {
                return true;
            }
        }
        return false;
    }

    private static void prune(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, PRUNE_FILTERS);
        long until = filters.has("until")
                ? Times.moment("until", filters.get("until").getFirst())
                : 0;
        List<String> removed = new ArrayList<>();
        for (ContainerView c : call.ask(new Request.ListContainers(true))) {
            boolean wanted = !ContainerJson.isRunning(c)
                    && c.state() != ContainerView.State.REMOVING
                    && filters.labels(c.labels())
                    && (until == 0 || c.createdNanos() < until);
            if (wanted) {
                try {
                    call.ask(new Request.RemoveContainer(c.id(), false, false));
                    removed.add(c.id());
                } catch (EngineException e) {
                    // started or removed by someone else meanwhile: then it is not ours to prune
                    if (e.kind() != EngineException.Kind.NOT_FOUND && e.kind() != EngineException.Kind.CONFLICT) {
                        throw e;
                    }
                }
            }
        }
        call.answer(200, Json.object("ContainersDeleted", removed, "SpaceReclaimed", 0));
    }

    private static void await(Call call, String ref) throws IOException, InterruptedException {
        WaitCondition condition = switch (call.parameter("condition")) {
            case "", "not-running" -> WaitCondition.NOT_RUNNING;
            case "next-exit" -> WaitCondition.NEXT_EXIT;
            case "removed" -> WaitCondition.REMOVED;
            default ->
                throw Errors.invalid("invalid condition \"" + call.parameter("condition")
                        + "\": not-running, next-exit or removed is wanted");
        };
        try (Request.Waiting waiting = call.ask(new Request.WaitContainer(ref, condition))) {
            ResponseStream out = call.exchange().stream(200, "application/json");
            // the client starts the container as soon as it sees that the wait is in place
            out.flush();
            Thread waiter = Thread.currentThread();
            call.exchange().onClientGone(new Runnable() {
                @Override
                public void run() {
                    waiter.interrupt();
                }
            });
            out.write(Json.bytes(Json.object("StatusCode", waiting.await())));
        }
    }

    private static void attach(Call call, String ref) throws IOException, InterruptedException {
        boolean stream = call.flag("stream");
        boolean logs = call.flag("logs");
        boolean stdin = call.flag("stdin") && stream;
        boolean stdout = call.flag("stdout");
        boolean stderr = call.flag("stderr");
        if (!stdin && !stdout && !stderr || !stream && !logs) {
            throw Errors.invalid(
                    "nothing to attach to: stream or logs, and one of stdin, stdout and stderr, must be set");
        }
        DetachKeys keys = DetachKeys.parse(call.parameter("detachKeys"));
        Attachment attachment = call.ask(new Request.AttachContainer(ref, stdin, stdout, stderr, logs, stream));
        Streams.join(call, attachment, stdin, keys);
    }

    private static void attachWebSocket(Call call, String ref) throws IOException, InterruptedException {
        // clients before 1.42 cannot choose
        boolean all = !call.atLeast(42);
        boolean stream = call.flag("stream");
        boolean logs = call.flag("logs");
        boolean stdin = (all || call.flag("stdin")) && stream;
        DetachKeys keys = DetachKeys.parse(call.parameter("detachKeys"));
        Attachment attachment = call.ask(new Request.AttachContainer(
                ref, stdin, all || call.flag("stdout"), all || call.flag("stderr"), logs, stream));
        Streams.joinWebSocket(call, attachment, stdin, keys);
    }

    private static void logs(Call call, String ref) throws IOException, InterruptedException {
        boolean stdout = call.flag("stdout");
        boolean stderr = call.flag("stderr");
        boolean follow = call.flag("follow");
        if (!stdout && !stderr) {
            throw Errors.invalid("Bad parameters: you must choose at least one stream");
        }
        long since = Times.logged("since", call.parameter("since"));
        long until = Times.logged("until", call.parameter("until"));
        boolean stamped = call.flag("timestamps");
        Times.Stamper stamper = new Times.Stamper();
        try (LogStream log = call.ask(new Request.ReadLogs(ref, stdout, stderr, follow, since, until, tail(call)))) {
            boolean tty = log.tty();
            String details = call.flag("details") ? Frames.details(log.details()) : "";
            ResponseStream out = call.exchange().stream(200, Frames.contentType(!tty, call));
            if (follow) {
                out.flush();
                call.exchange().onClientGone(new Runnable() {
                    @Override
                    public void run() {
                        log.close();
                    }
                });
            }
            for (Optional<Output> line = log.read(); line.isPresent(); line = log.read()) {
                Output output = line.get();
                out.write(Frames.frame(output, tty, (stamped ? stamper.stamp(output.nanos()) : "") + details));
                if (follow) {
                    out.flush();
                }
            }
        }
    }

    /** How many last lines; dockerd takes what is no number for "all", and so do clients that rely on it. */
    private static long tail(Call call) {
        String tail = call.parameter("tail");
        if (tail.isEmpty() || tail.equals("all")) {
            return -1;
        }
        try {
            return Long.parseLong(tail);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
