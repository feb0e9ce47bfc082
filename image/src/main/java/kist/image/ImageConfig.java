package kist.image;

import java.util.List;
import java.util.Map;

/**
 * What a container starts with unless it says otherwise (OCI image spec, config.md, config). Empty means "not said".
 *
 * @param environment NAME=value
 * @param exposedPorts such as {@code 80/tcp}
 * @param volumes paths that want a volume
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
        String stopSignal) {

    /** Nothing said. */
    public static final ImageConfig EMPTY =
            new ImageConfig(List.of(), List.of(), List.of(), "", "", List.of(), List.of(), Map.of(), "");
}
