package kist.engine;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import kist.image.Platform;

/**
 * Everything that can be asked of the engine, one record a request; the type parameter is what it answers. {@code ref}
 * is a container's full id, a unique prefix of it, or its name. What concerns images is in {@link ImageRequest}.
 *
 * @param <R> the answer
 */
public sealed interface Request<R> {
    /** Whether the request only reads; the gate treats reads and changes apart. */
    default boolean readOnly() {
        return false;
    }

    /** What the audit line names as the object, or an empty string. */
    String object();

    /** Requests that change nothing. */
    sealed interface Reading<R> extends Request<R> {
        @Override
        default boolean readOnly() {
            return true;
        }
    }

    /** What is asked of images and registries: {@link ImageRequest}. */
    sealed interface OfImages<R> extends Request<R> permits ImageRequest {}

    /** What is asked of networks: {@link NetworkRequest}. */
    sealed interface OfNetworks<R> extends Request<R> permits NetworkRequest {}

    /** What is asked of the repositories that this engine serves: {@link HostedRequest}. */
    sealed interface Hosted<R> extends Request<R> permits HostedRequest {}

    /** What is asked of volumes: {@link VolumeRequest}. */
    sealed interface OfVolumes<R> extends Request<R> permits VolumeRequest {}

    /** What is asked of the files that a container sees: {@link ArchiveRequest}. */
    sealed interface OfFiles<R> extends Request<R> permits ArchiveRequest {}

    /** A request that answers nothing of interest. */
    enum Done {
        /** It was done. */
        DONE
    }

    /**
     * Makes a container; the name is made up where it is empty.
     *
     * @param platform of an image of several platforms this one; empty for this machine's or, if there is none for it, any
     */
    record CreateContainer(String name, ContainerConfig config, Optional<Platform> platform)
            implements Request<Created> {
        /** A container of whatever platform the image is for. */
        public CreateContainer(String name, ContainerConfig config) {
            this(name, config, Optional.empty());
        }

        @Override
        public String object() {
            return name.isEmpty() ? config.image() : name;
        }
    }

    /**
     * Answer of {@link CreateContainer}.
     *
     * @param id 64 hexadecimal digits
     * @param warnings sentences for the user
     */
    record Created(String id, List<String> warnings) {}

    /** Starts a container; {@code false} where it runs already. */
    record StartContainer(String ref) implements Request<Boolean> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Stops a container: the signal, then SIGKILL after the timeout; {@code false} where it was not running.
     *
     * @param timeoutSeconds seconds of grace, empty for the container's own, negative for no limit
     * @param signal name or number, empty for the container's own
     */
    record StopContainer(String ref, OptionalInt timeoutSeconds, String signal) implements Request<Boolean> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Stops, if it runs, and starts a container. */
    record RestartContainer(String ref, OptionalInt timeoutSeconds, String signal) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Sends a signal (name or number, empty for KILL) to the container's first process. */
    record KillContainer(String ref, String signal) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Freezes every process of the container. */
    record PauseContainer(String ref) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Thaws a paused container. */
    record UnpauseContainer(String ref) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Begins to wait; the wait is in place when this answers, so that an exit right after it is not missed. */
    record WaitContainer(String ref, WaitCondition condition) implements Reading<Waiting> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** What a wait ends on. */
    enum WaitCondition {
        /** The container does not run: at once where it is not running now. */
        NOT_RUNNING,
        /** Its next exit, even where it has not been started yet. */
        NEXT_EXIT,
        /** Its removal. */
        REMOVED,
        /**
         * It runs and its health check has succeeded, or it has no check; or this can no longer come about: it has ended for
         * good, or is unhealthy.
         */
        HEALTHY
    }

    /** A wait in place. */
    interface Waiting extends AutoCloseable {
        /** Blocks until the condition holds and returns the exit code; not 0 where it cannot come about. */
        int await() throws InterruptedException;

        /** After {@link #await}: why the condition cannot come about any more, or an empty string. */
        default String error() {
            return "";
        }

        @Override
        void close();
    }

    /** Removes a container; a running one only with {@code force}. */
    record RemoveContainer(String ref, boolean force, boolean volumes) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Gives a container other limits or another restart policy; answers warnings. */
    record UpdateContainer(String ref, ContainerUpdate update) implements Request<List<String>> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Gives a container another name. */
    record RenameContainer(String ref, String newName) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Running containers, or with {@code all} every one, newest first. */
    record ListContainers(boolean all) implements Reading<List<ContainerView>> {
        @Override
        public String object() {
            return "";
        }
    }

    /** Measures the files of a container. */
    record MeasureContainer(String ref) implements Reading<ContainerSize> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Answer of {@link MeasureContainer}, in bytes.
     *
     * @param written what the container has written or changed
     * @param total the same and its image
     */
    record ContainerSize(long written, long total) {}

    /**
     * Removes containers that do not run.
     *
     * @param untilNanos only those created before this (Unix time in nanoseconds; 0 for all)
     * @param labels {@code name} or {@code name=value}, all of which they must have
     * @param unwantedLabels none of which they may have
     */
    record PruneContainers(long untilNanos, List<String> labels, List<String> unwantedLabels)
            implements Request<PrunedContainers> {
        @Override
        public String object() {
            return "";
        }
    }

    /** Answer of {@link PruneContainers}: ids, and the bytes that they had written. */
    record PrunedContainers(List<String> ids, long bytes) {}

    /** Begins to watch what a container uses. */
    record ReadStats(String ref) implements Reading<StatsStream> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** One container. */
    record InspectContainer(String ref) implements Reading<ContainerView> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Shows a container's processes.
     *
     * @param table what is made of their ids on the host; where it fails, nothing was shown
     */
    record ListProcesses<T>(String ref, ProcessTable<T> table) implements Reading<T> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Makes something of ids of processes on the host. */
    interface ProcessTable<T> {
        /** Reads from the host's /proc, never with a program of the container. */
        T of(List<Long> pids) throws IOException, InterruptedException;
    }

    /**
     * Joins a container's standard streams.
     *
     * @param stdin whether the caller will write
     * @param replay whether what was logged before comes first
     * @param live whether output goes on after the replay
     */
    record AttachContainer(String ref, boolean stdin, boolean stdout, boolean stderr, boolean replay, boolean live)
            implements Request<Attachment> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Reads a container's log.
     *
     * @param sinceNanos only what was written at or after this (Unix time in nanoseconds; 0 for all)
     * @param untilNanos only what was written before or at this (0 for no end)
     * @param tailLines only so many last lines (negative for all)
     */
    record ReadLogs(
            String ref,
            boolean stdout,
            boolean stderr,
            boolean follow,
            long sinceNanos,
            long untilNanos,
            long tailLines)
            implements Reading<LogStream> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Sets the terminal size of a container's first process. */
    record ResizeContainer(String ref, int rows, int columns) implements Request<Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Prepares a further process in a running container; answers its id. */
    record CreateExec(String ref, ExecConfig config) implements Request<String> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Starts a prepared process; the attachment is absent where it was asked to be detached.
     *
     * @param rows terminal rows, 0 for what was said when it was prepared
     * @param columns terminal columns, 0 for what was said when it was prepared
     */
    record StartExec(String execId, boolean detach, int rows, int columns) implements Request<Optional<Attachment>> {
        @Override
        public String object() {
            return execId;
        }
    }

    /** Sets the terminal size of an exec'ed process. */
    record ResizeExec(String execId, int rows, int columns) implements Request<Done> {
        @Override
        public String object() {
            return execId;
        }
    }

    /** One exec'ed process. */
    record InspectExec(String execId) implements Reading<ExecView> {
        @Override
        public String object() {
            return execId;
        }
    }

    /** The engine and its host. */
    record Info() implements Reading<EngineInfo> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * What happened and happens.
     *
     * @param sinceNanos begin with the past from this on (0: only from now on)
     * @param untilNanos end then (0: go on)
     */
    record WatchEvents(long sinceNanos, long untilNanos) implements Reading<EventStream> {
        @Override
        public String object() {
            return "";
        }
    }
}
