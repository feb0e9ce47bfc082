package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;

/**
 * A mount as a container has it, when volumes without a name have got one and those of other containers are among its own.
 *
 * @param spec as it was asked for, with its target cleaned
 * @param object the volume's name, or an image's id; empty for other types
 * @param owned whether the volume was made for this container alone and may go with it
 * @param foreign whether it was taken over from another container
 */
@Json
public record MountPoint(HostConfig.MountSpec spec, String object, boolean owned, boolean foreign) {
    /** The mounts that need no volume, as they were asked for. */
    static List<MountPoint> plain(HostConfig host) {
        return host.mounts().stream()
                .filter(m -> m.type().equals("bind") || m.type().equals("tmpfs"))
                .map(m -> new MountPoint(m, "", false, false))
                .toList();
    }

    /** Where it is in the container. */
    public String target() {
        return spec.target();
    }

    /** Whether it is a volume. */
    public boolean isVolume() {
        return spec.type().equals("volume");
    }

    /** The path within the volume or image that is mounted; empty for all of it. */
    public String subpath() {
        return spec.volume().map(HostConfig.VolumeOptions::subpath).orElse("");
    }

    /** Whether what the image has at the target is to go into a volume that is empty. */
    boolean isFilled() {
        return isVolume()
                && !foreign
                && subpath().isEmpty()
                && !spec.volume().map(HostConfig.VolumeOptions::noCopy).orElse(false);
    }
}
