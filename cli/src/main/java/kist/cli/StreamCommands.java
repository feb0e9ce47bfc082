package kist.cli;

import java.io.IOException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** {@code kist logs} and {@code kist events}: what goes on until it ends or the user has seen enough. */
final class StreamCommands {
    private final Context context;
    private final Engine engine;

    StreamCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int logs(List<String> args) throws IOException {
        var parsed = new Flags("logs", "CONTAINER", "Fetch the logs of a container")
                .bool("details", 0, "Show extra details provided to logs")
                .bool("follow", 'f', "Follow log output")
                .text("since", 0, "string", "Show logs since a time (2013-01-02T13:23:37Z) or a span ago (42m)")
                .text("tail", 'n', "string", "Number of lines to show from the end of the logs (default \"all\")")
                .bool("timestamps", 't', "Show timestamps")
                .text("until", 0, "string", "Show logs before a time (2013-01-02T13:23:37Z) or a span ago (42m)")
                .parse(args)
                .expect(1, 1);
        var details = engine.get(Engine.container(parsed.arguments().getFirst()) + "/json");
        var query = new StringBuilder("/logs?stdout=1&stderr=1");
        query.append(parsed.on("follow") ? "&follow=1" : "").append(parsed.on("timestamps") ? "&timestamps=1" : "");
        query.append(parsed.on("details") ? "&details=1" : "");
        parsed.text("tail").ifPresent(tail -> query.append("&tail=").append(Engine.quote(tail)));
        parsed.text("since").ifPresent(t -> query.append("&since=").append(Units.moment("since", t)));
        parsed.text("until").ifPresent(t -> query.append("&until=").append(Units.moment("until", t)));
        try (var answer = engine.stream("GET", Engine.container(details.text("Id")) + query)) {
            var body = answer.response().stream();
            if (details.flag("Config", "Tty")) {
                body.transferTo(context.out());
            } else {
                Session.demultiplex(body, context.out(), context.err());
            }
        }
        return 0;
    }

    int events(List<String> args) throws IOException {
        var parsed = new Flags("events", "", "Get real time events from the engine")
                .list("filter", 'f', "filter", "Filter output based on conditions provided")
                .text("format", 0, "string", "'json' or a template")
                .text("since", 0, "string", "Show all events created since a time or a span ago")
                .text("until", 0, "string", "Stream events until this time")
                .parse(args)
                .expect(0, 0);
        var query = new StringBuilder();
        parsed.text("since").ifPresent(t -> query.append("&since=").append(Units.moment("since", t)));
        parsed.text("until").ifPresent(t -> query.append("&until=").append(Units.moment("until", t)));
        query.append(ListCommands.filters(parsed));
        if (!query.isEmpty()) {
            query.setCharAt(0, '?');
        }
        var format = parsed.text("format").orElse("");
        boolean json = format.equals("json");
        var template = format.isEmpty() || json ? Optional.<Template>empty() : Optional.of(Template.parse(format));
        try (var answer = engine.stream("GET", "/events" + query)) {
            Lines.each(answer.response(), line -> {
                if (json) {
                    context.line(line);
                    return;
                }
                var event = Doc.parse(line);
                context.line(template.isPresent() ? template.get().render(event.value()) : describe(event));
            });
        }
        return 0;
    }

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "yyyy-MM-dd'T'HH:mm:ss.nnnnnnnnnXXX", Locale.ROOT)
            .withZone(ZoneId.systemDefault());

    private static String describe(Doc event) {
        long nanos = event.number("timeNano");
        var out = new StringBuilder(TIME.format(Instant.ofEpochSecond(0, nanos)))
                .append(' ')
                .append(event.text("Type"))
                .append(' ')
                .append(event.text("Action"))
                .append(' ')
                .append(event.text("Actor", "ID"));
        var attributes = new java.util.TreeMap<>(event.map("Actor", "Attributes"));
        if (!attributes.isEmpty()) {
            var comma = " (";
            for (var attribute : attributes.entrySet()) {
                out.append(comma)
                        .append(attribute.getKey())
                        .append('=')
                        .append(attribute.getValue().text());
                comma = ", ";
            }
            out.append(')');
        }
        return out.toString();
    }
}
