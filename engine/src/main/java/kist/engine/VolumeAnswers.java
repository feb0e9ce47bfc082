package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import kist.volume.Volume;
import kist.volume.VolumeException;
import kist.volume.Volumes;
import kist.volume.Wanted;

/** What is asked of volumes. Thread-safe. */
final class VolumeAnswers {
    private final Volumes volumes;
    private final Events events;

    VolumeAnswers(Volumes volumes, Events events) {
        this.volumes = volumes;
        this.events = events;
    }

    Object perform(VolumeRequest<?> request) {
        try {
            return switch (request) {
                case VolumeRequest.CreateVolume r -> create(r);
                case VolumeRequest.ListVolumes r -> list();
                case VolumeRequest.InspectVolume r -> volumes.get(r.name());
                case VolumeRequest.RemoveVolume r -> remove(r);
                case VolumeRequest.PruneVolumes r -> prune(r);
                case VolumeRequest.VolumeUsage r -> usage();
            };
        } catch (VolumeException e) {
            throw VolumeMounts.failure(e);
        }
    }

    private Volume create(VolumeRequest.CreateVolume r) {
        Volumes.Ensured made;
        try {
            made = volumes.ensure(
                    new Wanted(r.name(), r.driver(), r.options(), r.labels()), "", true, Volumes.Filler.NOTHING);
        } catch (VolumeException e) {
            throw new VolumeException(e.kind(), "create " + Names.printable(r.name()) + ": " + e.getMessage(), e);
        }
        if (made.isNew()) {
            publish("create", made.volume().name());
        }
        return made.volume();
    }

    private List<VolumeRequest.VolumeView> list() {
        List<VolumeRequest.VolumeView> views = new ArrayList<>();
        for (Volume v : volumes.list()) {
            views.add(new VolumeRequest.VolumeView(v, List.copyOf(volumes.holders(v.name()))));
        }
        return views;
    }

    private Request.Done remove(VolumeRequest.RemoveVolume r) {
        try {
            volumes.remove(r.name());
        } catch (VolumeException e) {
            if (r.force() && e.kind() == VolumeException.Kind.NOT_FOUND) {
                return Request.Done.DONE;
            }
            throw e;
        }
        publish("destroy", r.name());
        return Request.Done.DONE;
    }

    private VolumeRequest.PrunedVolumes prune(VolumeRequest.PruneVolumes r) {
        List<String> removed = new ArrayList<>();
        long reclaimed = 0;
        for (Volume v : volumes.list()) {
            boolean wanted = (r.all() || v.isAnonymous())
                    && r.labels().stream().allMatch(l -> has(v, l))
                    && r.notLabels().stream().noneMatch(l -> has(v, l));
            if (!wanted || !volumes.holders(v.name()).isEmpty()) {
                continue;
            }
            long size = size(v).orElse(0);
            if (volumes.removeUnused(v.name(), still -> true)) {
                removed.add(v.name());
                reclaimed += size;
                publish("destroy", v.name());
            }
        }
        events.publish("volume", "prune", "", Map.of("reclaimed", Long.toString(reclaimed)));
        return new VolumeRequest.PrunedVolumes(List.copyOf(removed), reclaimed);
    }

    private static boolean has(Volume volume, String label) {
        int equals = label.indexOf('=');
        String value = volume.labels().get(equals < 0 ? label : label.substring(0, equals));
        return value != null && (equals < 0 || value.equals(label.substring(equals + 1)));
    }

    private List<VolumeRequest.UsedVolume> usage() {
        List<VolumeRequest.UsedVolume> used = new ArrayList<>();
        for (Volume v : volumes.list()) {
            used.add(new VolumeRequest.UsedVolume(
                    v, size(v), volumes.holders(v.name()).size()));
        }
        return used;
    }

    /** Nothing where the volume was removed meanwhile. */
    private OptionalLong size(Volume v) {
        try {
            return volumes.size(v.name());
        } catch (VolumeException e) {
            if (volumes.find(v.name()).isEmpty()) {
                return OptionalLong.empty();
            }
            throw e;
        }
    }

    private void publish(String action, String name) {
        events.publish("volume", action, name, Map.of("driver", Volume.DRIVER));
    }
}
