package kist.engine;

import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.network.Endpoint;
import kist.network.Publication;

/**
 * A container as it is now.
 *
 * @param name without a leading slash
 * @param config as it was asked for
 * @param argv the command that runs: entry point and arguments, after merging with the image
 * @param environment after merging with the image
 * @param workingDir after merging with the image
 * @param user after merging with the image
 * @param labels after merging with the image
 * @param imageId the image's id, {@code sha256:...}
 * @param createdNanos Unix time in nanoseconds
 * @param pid of the first process on the host, 0 while it does not run
 * @param exitCode of the last run, 0 where there was none
 * @param oomKilled whether the kernel killed a process of it for want of memory
 * @param error why the last start failed, or empty
 * @param startedNanos 0 if never
 * @param finishedNanos 0 if never
 * @param endpoint its first place in a network while it runs
 * @param endpoints all of them
 * @param published its ports at the host while it runs
 * @param stopSignal in force, such as {@code SIGTERM}
 * @param stopTimeout seconds, absent for the engine's default
 * @param execs ids of its exec'ed processes
 * @param logPath file of its log
 * @param mounts what it has mounted
 * @param restarts how often its policy has started it again since its user did
 * @param health what its health checks say; empty where it has none, or was never started
 */
@RecordBuilder
public record ContainerView(
        String id,
        String name,
        ContainerConfig config,
        List<String> argv,
        List<String> environment,
        String workingDir,
        String user,
        Map<String, String> labels,
        String imageId,
        State state,
        long createdNanos,
        long pid,
        int exitCode,
        boolean oomKilled,
        String error,
        long startedNanos,
        long finishedNanos,
        Optional<Endpoint> endpoint,
        List<Endpoint> endpoints,
        List<Publication> published,
        String stopSignal,
        OptionalInt stopTimeout,
        List<String> execs,
        String logPath,
        List<MountView> mounts,
        int restarts,
        Optional<HealthView> health) {

    /** Where a container is in its life; {@code name().toLowerCase()} is Docker's word for it. */
    public enum State {
        /** Made, never started. */
        CREATED,
        /** Its first process runs. */
        RUNNING,
        /** Frozen. */
        PAUSED,
        /** Being stopped and started, or waiting for the start that its policy wants. */
        RESTARTING,
        /** Its first process has ended. */
        EXITED,
        /** Being removed. */
        REMOVING,
        /** Could not be removed wholly. */
        DEAD
    }
}
