package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * What is on disk of a container and changes only by rename or update: containers/ID/container.json.
 *
 * @param format version of this format
 */
@Json
record StoredContainer(
        int format,
        String id,
        String name,
        ContainerConfig config,
        String imageId,
        long createdNanos,
        List<String> argv,
        List<String> environment,
        String workingDir,
        String user,
        Map<String, String> labels,
        String stopSignal,
        OptionalInt stopTimeout) {

    static final int FORMAT = 1;

    StoredContainer withName(String other) {
        return new StoredContainer(
                format,
                id,
                other,
                config,
                imageId,
                createdNanos,
                argv,
                environment,
                workingDir,
                user,
                labels,
                stopSignal,
                stopTimeout);
    }

    StoredContainer withHost(HostConfig host) {
        return new StoredContainer(
                format,
                id,
                name,
                config.withHost(host),
                imageId,
                createdNanos,
                argv,
                environment,
                workingDir,
                user,
                labels,
                stopSignal,
                stopTimeout);
    }
}
