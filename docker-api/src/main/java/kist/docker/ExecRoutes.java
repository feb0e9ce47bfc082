package kist.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.engine.Attachment;
import kist.engine.EngineException;
import kist.engine.ExecConfig;
import kist.engine.ExecView;
import kist.engine.Output;
import kist.engine.Request;
import kist.http.Hijacked;
import org.jspecify.annotations.Nullable;

/** {@code /exec/...} and the creation of an exec. */
final class ExecRoutes {
    private ExecRoutes() {}

    /** Answers a call under {@code /exec}; {@code false} where there is no such thing. */
    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() != 3) {
            return false;
        }
        String id = call.part(1);
        switch (call.request().method() + " " + call.part(2)) {
            case "POST start" -> start(call, id);
            case "POST resize" -> {
                call.ask(new Request.ResizeExec(id, ContainerRoutes.side(call, "h"), ContainerRoutes.side(call, "w")));
                call.answer(200);
            }
            case "GET json" -> inspect(call, id);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** {@code POST /containers/{id}/exec}. */
    static void create(Call call, String ref) throws IOException, InterruptedException {
        Fields body = call.body("");
        List<String> command = body.stringsOrOne("Cmd").orElse(List.of());
        if (command.isEmpty()) {
            throw Errors.invalid("No exec command specified");
        }
        List<Integer> size = CreateBody.consoleSize(body);
        ExecConfig config = new ExecConfig(
                command,
                body.strings("Env"),
                body.string("WorkingDir"),
                body.string("User"),
                body.bool("Tty"),
                body.bool("AttachStdin"),
                body.bool("AttachStdout"),
                body.bool("AttachStderr"),
                body.bool("Privileged"),
                size.get(0),
                size.get(1),
                body.string("DetachKeys"));
        DetachKeys.parse(config.detachKeys());
        // comes again, and counts, when the exec is started
        // the others are how docker-java and Docker's library for Python say again what the path says
        body.clientsOwn("Detach", "containerId", "Container");
        body.end();
        call.answer(201, Json.object("Id", call.ask(new Request.CreateExec(ref, config))));
    }

    private static void start(Call call, String id) throws IOException, InterruptedException {
        Fields body = call.body("");
        boolean detach = body.bool("Detach");
        boolean tty = body.bool("Tty");
        List<Integer> size = CreateBody.consoleSize(body);
        body.end();
        Request.StartExec start = new Request.StartExec(id, detach, size.get(0), size.get(1));
        if (detach) {
            call.ask(start);
            call.answer(200);
            return;
        }
        Optional<Attachment> attachment;
        try {
            attachment = call.ask(start);
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.COMMAND_NOT_FOUND
                    && e.kind() != EngineException.Kind.COMMAND_NOT_EXECUTABLE) {
                throw e;
            }
            // dockerd has left HTTP by then, and clients print what they find in the stream
            Hijacked raw = call.exchange().hijack(Frames.contentType(!tty, call));
            byte[] text = (Errors.message(e) + "\r\n").getBytes(StandardCharsets.UTF_8);
            raw.output().write(Frames.frame(new Output(0, 1, text), tty, ""));
            return;
        }
        if (attachment.isEmpty()) {
            throw new EngineException(EngineException.Kind.INTERNAL, "exec " + id + " has no streams to join");
        }
        String keys = call.ask(new Request.InspectExec(id)).config().detachKeys();
        Streams.join(call, attachment.get(), true, DetachKeys.parse(keys));
    }

    private static void inspect(Call call, String id) throws IOException, InterruptedException {
        ExecView exec = call.ask(new Request.InspectExec(id));
        ExecConfig config = exec.config();
        List<Object> arguments =
                new ArrayList<>(config.command().subList(1, config.command().size()));
        @Nullable Object exitCode =
                exec.exitCode().isPresent() ? (Integer) exec.exitCode().getAsInt() : null;
        var process = Json.object(
                "tty", config.tty(),
                "entrypoint", config.command().getFirst(),
                "arguments", arguments,
                "privileged", config.privileged());
        if (!config.user().isEmpty()) {
            process.put("user", config.user());
        }
        call.answer(
                200,
                Json.object(
                        "ID", exec.id(),
                        "Running", exec.running(),
                        "ExitCode", exitCode,
                        "ProcessConfig", process,
                        "OpenStdin", config.attachStdin(),
                        "OpenStderr", config.attachStderr(),
                        "OpenStdout", config.attachStdout(),
                        "CanRemove", false,
                        "ContainerID", exec.containerId(),
                        "DetachKeys", config.detachKeys(),
                        "Pid", exec.pid()));
    }
}
