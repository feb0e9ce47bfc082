package kist.engine;

import java.nio.file.Path;
import java.util.Optional;
import kist.image.Snapshotter;
import kist.registry.RegistryOptions;

/**
 * What an engine is made of.
 *
 * @param root durable state, a directory that nobody else uses
 * @param runDirectory sockets, a directory that does not outlive a reboot
 * @param keeper the keeper's binary
 * @param helloImage archive of the image {@code hello}, loaded when it is asked for and not there
 * @param version of Kist
 * @param commit of the source, or empty
 * @param bridge name of the bridge's interface
 * @param subnet of the bridge, or empty for the default
 * @param registries where registries are configured
 * @param snapshotter how the file systems of containers are made
 */
public record EngineOptions(
        Path root,
        Path runDirectory,
        Path keeper,
        Optional<Path> helloImage,
        String version,
        String commit,
        String bridge,
        Optional<String> subnet,
        RegistryOptions registries,
        Snapshotter snapshotter) {

    private static final String DEFAULT_BRIDGE = "kist0";

    /** Where the containers' control groups are: engines on one machine have different bridges, and so different groups. */
    String cgroupParent() {
        return bridge.equals(DEFAULT_BRIDGE) ? "/kist" : "/" + bridge;
    }
}
