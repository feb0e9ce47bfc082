package kist.docker;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.engine.EngineInfo;
import kist.engine.Event;
import kist.engine.EventStream;
import kist.engine.Request;
import kist.http.ResponseStream;
import org.jspecify.annotations.Nullable;

/** Version and events. */
final class SystemRoutes {
    private static final Set<String> EVENT_FILTERS = Set.of(
            "container",
            "event",
            "image",
            "label",
            "type",
            "network",
            "scope",
            "volume",
            "daemon",
            "config",
            "node",
            "plugin",
            "secret",
            "service");
    /** What events can be of in Docker and cannot here. */
    private static final List<String> NEVER = List.of("config", "node", "plugin", "secret", "service");

    private SystemRoutes() {}

    static void version(Call call) throws IOException, InterruptedException {
        EngineInfo info = call.ask(new Request.Info());
        String arch = System.getProperty("os.arch", "");
        String java = "Java " + info.javaVersion();
        Map<String, @Nullable Object> details = Json.object(
                "ApiVersion",
                DockerDoor.API_VERSION,
                "Arch",
                arch,
                "BuildTime",
                "",
                "Experimental",
                "false",
                "GitCommit",
                info.gitCommit(),
                "GoVersion",
                java,
                "KernelVersion",
                info.kernelVersion(),
                "MinAPIVersion",
                DockerDoor.MIN_API_VERSION,
                "Os",
                "linux");
        call.answer(
                200,
                Json.object(
                        "Platform",
                        Json.object("Name", "Kist " + info.version()),
                        "Components",
                        List.of(Json.object("Name", "Engine", "Version", info.version(), "Details", details)),
                        "Version",
                        DockerDoor.serverVersion(info.version()),
                        "ApiVersion",
                        DockerDoor.API_VERSION,
                        "MinAPIVersion",
                        DockerDoor.MIN_API_VERSION,
                        "GitCommit",
                        info.gitCommit(),
                        "GoVersion",
                        java,
                        "Os",
                        "linux",
                        "Arch",
                        arch,
                        "KernelVersion",
                        info.kernelVersion(),
                        "BuildTime",
                        ""));
    }

    static void events(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, EVENT_FILTERS);
        long since = Times.parse("since", call.parameter("since"));
        long until = Times.parse("until", call.parameter("until"));
        try (EventStream events = call.ask(new Request.WatchEvents(since, until))) {
            ResponseStream out = call.exchange().stream(200, "application/json");
            out.flush();
            call.exchange().onClientGone(new Runnable() {
                @Override
                public void run() {
                    events.close();
                }
            });
            for (Optional<Event> next = events.read(); next.isPresent(); next = events.read()) {
                if (fits(next.get(), filters)) {
                    out.write(Json.bytes(json(next.get(), call)));
                    out.write('\n');
                    out.flush();
                }
            }
        }
    }

    private static Map<String, @Nullable Object> json(Event event, Call call) {
        Map<String, @Nullable Object> json = Json.object();
        if (!event.type().equals("network") && !call.atLeast(52)) {
            json.put("status", event.action());
            json.put("id", event.id());
            if (event.type().equals("container")) {
                json.put("from", event.attributes().getOrDefault("image", ""));
            }
        }
        json.put("Type", event.type());
        json.put("Action", event.action());
        json.put("Actor", Json.object("ID", event.id(), "Attributes", event.attributes()));
        json.put("scope", "local");
        json.put("time", Math.floorDiv(event.nanos(), 1_000_000_000L));
        json.put("timeNano", event.nanos());
        return json;
    }

    private static boolean fits(Event event, Filters filters) {
        // "exec_create: sh -c ..." is an exec_create
        String action = event.action().split(":", 2)[0];
        return filters.exact("type", event.type())
                && (filters.exact("event", action) || filters.exact("event", event.action()))
                && filters.exact("scope", "local")
                && filters.labels(event.attributes())
                && fitsObject(event, filters, "container")
                && fitsObject(event, filters, "network")
                && fitsObject(event, filters, "volume")
                && fitsObject(event, filters, "daemon")
                && NEVER.stream().noneMatch(filters::has)
                && fitsImage(event, filters);
    }

    private static boolean fitsObject(Event event, Filters filters, String type) {
        if (!filters.has(type)) {
            return true;
        }
        String name = event.attributes().getOrDefault("name", "");
        return event.type().equals(type) && (filters.prefix(type, event.id()) || filters.prefix(type, name));
    }

    private static boolean fitsImage(Event event, Filters filters) {
        if (!filters.has("image")) {
            return true;
        }
        String image = event.attributes().getOrDefault(event.type().equals("image") ? "name" : "image", "");
        int colon = image.lastIndexOf(':');
        String bare = colon > image.lastIndexOf('/') ? image.substring(0, colon) : image;
        return filters.exact("image", image)
                || filters.exact("image", bare)
                || event.type().equals("image") && filters.exact("image", event.id());
    }
}
