package kist.engine;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import kist.volume.Volume;

/**
 * What can be asked of volumes. {@code name} is a volume's whole name.
 *
 * @param <R> the answer
 */
public sealed interface VolumeRequest<R> extends Request.OfVolumes<R> {
    /** Requests that change nothing. */
    sealed interface Reading<R> extends VolumeRequest<R> {
        @Override
        default boolean readOnly() {
            return true;
        }
    }

    /**
     * Makes a volume, or finds it where there is one of that name.
     *
     * @param name empty for a new one
     * @param driver empty for {@code local}
     * @param options of the driver: {@code type}, {@code o}, {@code device}
     */
    record CreateVolume(String name, String driver, Map<String, String> options, Map<String, String> labels)
            implements VolumeRequest<Volume> {
        @Override
        public String object() {
            return name;
        }
    }

    /** All volumes in the order of their names. */
    record ListVolumes() implements Reading<List<VolumeView>> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * A volume and who uses it.
     *
     * @param users ids of the containers that were made with it, running or not
     */
    record VolumeView(Volume volume, List<String> users) {}

    /** One volume. */
    record InspectVolume(String name) implements Reading<Volume> {
        @Override
        public String object() {
            return name;
        }
    }

    /**
     * Removes a volume that no container uses.
     *
     * @param force do not mind if there is none
     */
    record RemoveVolume(String name, boolean force) implements VolumeRequest<Request.Done> {
        @Override
        public String object() {
            return name;
        }
    }

    /**
     * Removes volumes that no container uses.
     *
     * @param all those with a name too
     * @param labels only those with all of these, {@code name} or {@code name=value}
     * @param notLabels only those with none of these
     */
    record PruneVolumes(boolean all, List<String> labels, List<String> notLabels)
            implements VolumeRequest<PrunedVolumes> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * Answer of {@link PruneVolumes}.
     *
     * @param reclaimed bytes of files
     */
    record PrunedVolumes(List<String> names, long reclaimed) {}

    /** How much of the disk volumes take. */
    record VolumeUsage() implements Reading<List<UsedVolume>> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * A volume's share.
     *
     * @param size bytes of the files in it; empty where it is not a directory of the engine's
     * @param users how many containers were made with it
     */
    record UsedVolume(Volume volume, OptionalLong size, int users) {}
}
