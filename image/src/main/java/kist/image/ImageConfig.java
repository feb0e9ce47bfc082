package kist.image;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a container starts with unless it says otherwise (OCI image spec, config.md, config; Docker image specification 1.2).
 * Empty means "not said".
 *
 * @param environment NAME=value
 * @param exposedPorts such as {@code 80/tcp}
 * @param volumes paths that want a volume
 * @param healthcheck how to find out whether the container works
 * @param onBuild instructions for who builds upon this image
 * @param shell what the shell form of instructions is given to
 * @param argsEscaped whether the command is one string that is not to be quoted again, for Windows
 */
public record ImageConfig(
        List<String> entrypoint,
        List<String> command,
        List<String> environment,
        String workingDir,
        String user,
        List<String> exposedPorts,
        List<String> volumes,
        Map<String, String> labels,
        String stopSignal,
        Optional<Healthcheck> healthcheck,
        List<String> onBuild,
        List<String> shell,
        boolean argsEscaped) {

    /** Nothing said. */
    public static final ImageConfig EMPTY =
            new ImageConfig(List.of(), List.of(), List.of(), "", "", List.of(), List.of(), Map.of(), "");

    /** One without what only some images have. */
    public ImageConfig(
            List<String> entrypoint,
            List<String> command,
            List<String> environment,
            String workingDir,
            String user,
            List<String> exposedPorts,
            List<String> volumes,
            Map<String, String> labels,
            String stopSignal) {
        this(
                entrypoint,
                command,
                environment,
                workingDir,
                user,
                exposedPorts,
                volumes,
                labels,
                stopSignal,
                Optional.empty(),
                List.of(),
                List.of(),
                false);
    }

    /**
     * How to find out whether a container works; a duration of zero and 0 retries mean "as usual".
     *
     * @param test begins with {@code NONE}, {@code CMD} or {@code CMD-SHELL}; empty where that of an image below counts
     * @param startInterval between two checks in the start period
     */
    public record Healthcheck(
            List<String> test,
            Duration interval,
            Duration timeout,
            Duration startPeriod,
            Duration startInterval,
            int retries) {

        /** One that checks in the start period as often as is usual. */
        public Healthcheck(List<String> test, Duration interval, Duration timeout, Duration startPeriod, int retries) {
            this(test, interval, timeout, startPeriod, Duration.ZERO, retries);
        }
    }
}
