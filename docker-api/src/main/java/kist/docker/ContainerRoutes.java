package kist.docker;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.engine.Attachment;
import kist.engine.LogStream;
import kist.engine.Output;
import kist.engine.Request;
import kist.engine.Request.WaitCondition;
import kist.http.ResponseStream;
import org.jspecify.annotations.Nullable;

/** {@code /containers/...}. */
final class ContainerRoutes {
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
        if (call.part(2).equals("checkpoints")) {
            throw Errors.unsupported("freezing processes to disk: checkpoints of containers");
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
            case "GET json" -> ListRoutes.list(call);
            case "POST create" -> create(call);
            case "POST prune" -> ListRoutes.prune(call);
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean get(Call call, String ref) throws IOException, InterruptedException {
        switch (call.part(2)) {
            case "json" -> {
                Map<String, @Nullable Object> json =
                        ContainerJson.inspect(call.ask(new Request.InspectContainer(ref)), call);
                if (call.flag("size")) {
                    Request.ContainerSize size = call.ask(new Request.MeasureContainer(ref));
                    json.put("SizeRw", size.written());
                    json.put("SizeRootFs", size.total());
                }
                call.answer(200, json);
            }
            case "logs" -> logs(call, ref);
            case "stats" -> StatsRoutes.stats(call, ref);
            case "changes" -> ArchiveRoutes.changes(call, ref);
            case "export" -> ArchiveRoutes.export(call, ref);
            case "top" -> {
                String options = call.parameter("ps_args");
                call.answer(
                        200,
                        call.ask(new Request.ListProcesses<>(
                                ref,
                                pids -> options.isEmpty() || options.equals("-ef")
                                        ? ProcessTable.of(pids)
                                        : PsCommand.run(options, pids))));
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
                List<String> warnings =
                        call.ask(new Request.UpdateContainer(ref, UpdateBody.parse(call.body(""), call.atLeast(40))));
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

    private static void await(Call call, String ref) throws IOException, InterruptedException {
        WaitCondition condition = switch (call.parameter("condition")) {
            case "", "not-running" -> WaitCondition.NOT_RUNNING;
            case "next-exit" -> WaitCondition.NEXT_EXIT;
            case "removed" -> WaitCondition.REMOVED;
            // Kist's own: Docker's clients have to ask again and again
            case "healthy" -> WaitCondition.HEALTHY;
            default ->
                throw Errors.invalid("invalid condition \"" + call.parameter("condition")
                        + "\": not-running, next-exit, removed or healthy is wanted");
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
            Map<String, @Nullable Object> answer = Json.object("StatusCode", waiting.await());
            if (!waiting.error().isEmpty()) {
                answer.put("Error", Json.object("Message", waiting.error()));
            }
            out.write(Json.bytes(answer));
            out.write('\n');
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
