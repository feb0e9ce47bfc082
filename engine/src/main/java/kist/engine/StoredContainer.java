package kist.engine;

import io.avaje.jsonb.Json;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * What is on disk of a container and changes only by rename or update: containers/ID/container.json.
 *
 * @param format version of this format
 * @param mountPoints what it has mounted, parents first
 */
@Json
@RecordBuilder
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
        OptionalInt stopTimeout,
        List<MountPoint> mountPoints) {

    static final int FORMAT = 1;

    /** One that has mounted what needs no volume. */
    StoredContainer(
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
        this(
                format,
                id,
                name,
                config,
                imageId,
                createdNanos,
                argv,
                environment,
                workingDir,
                user,
                labels,
                stopSignal,
                stopTimeout,
                MountPoint.plain(config.host()));
    }

    /** Reads what an engine before volumes wrote. */
    StoredContainer {
        mountPoints = Objects.requireNonNullElseGet(mountPoints, () -> MountPoint.plain(config.host()));
    }

    StoredContainer withName(String other) {
        return StoredContainerBuilder.builder(this).name(other).build();
    }

    StoredContainer withConfig(ContainerConfig other) {
        return StoredContainerBuilder.builder(this).config(other).build();
    }

    StoredContainer withHost(HostConfig host) {
        return withConfig(config.withHost(host));
    }

    StoredContainer withEnvironment(List<String> other) {
        return StoredContainerBuilder.builder(this).environment(other).build();
    }

    StoredContainer withMountPoints(List<MountPoint> points) {
        return StoredContainerBuilder.builder(this).mountPoints(points).build();
    }
}
