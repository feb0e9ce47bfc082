package kist.docker;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.ImageConfig;

/** The body of {@code POST /commit}: what the new image says instead of what its container was made with. */
final class CommitBody {
    private CommitBody() {}

    static ImageConfig parse(Fields body) {
        Fields health = body.object("Healthcheck");
        List<String> test = health.strings("Test");
        Optional<ImageConfig.Healthcheck> check = test.isEmpty()
                ? Optional.empty()
                : Optional.of(new ImageConfig.Healthcheck(
                        test,
                        nanos(health, "Interval"),
                        nanos(health, "Timeout"),
                        nanos(health, "StartPeriod"),
                        nanos(health, "StartInterval"),
                        (int) Math.clamp(health.number("Retries").orElse(0), 0, Integer.MAX_VALUE)));
        Map<String, String> labels = body.map("Labels");
        // what else a container's configuration has is none of an image's
        return new ImageConfig(
                body.stringsOrOne("Entrypoint").orElse(List.of()),
                body.stringsOrOne("Cmd").orElse(List.of()),
                body.strings("Env"),
                body.string("WorkingDir"),
                body.string("User"),
                body.object("ExposedPorts").names(),
                body.object("Volumes").names(),
                labels,
                body.string("StopSignal"),
                check,
                body.strings("OnBuild"),
                body.strings("Shell"),
                body.bool("ArgsEscaped"));
    }

    private static Duration nanos(Fields fields, String name) {
        return Duration.ofNanos(Math.max(0, fields.number(name).orElse(0)));
    }
}
