package kist.docker;

import java.io.IOException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.engine.VolumeRequest;
import kist.volume.Volume;
import org.jspecify.annotations.Nullable;

/** {@code /volumes...}. */
final class VolumeRoutes {
    private static final Set<String> LIST_FILTERS = Set.of("dangling", "driver", "label", "name");
    private static final Set<String> PRUNE_FILTERS = Set.of("label", "label!");
    private static final Set<String> PRUNE_FILTERS_142 = Set.of("label", "label!", "all");

    private VolumeRoutes() {}

    /** Answers a call under {@code /volumes}; {@code false} where there is no such thing. */
    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() == 1) {
            return call.is("GET") && list(call);
        }
        if (call.parts() != 2 || call.part(1).isEmpty()) {
            return false;
        }
        String name = call.part(1);
        switch (call.request().method()) {
            case "GET" -> call.answer(200, json(call.ask(new VolumeRequest.InspectVolume(name))));
            case "DELETE" -> {
                call.ask(new VolumeRequest.RemoveVolume(name, call.flag("force")));
                call.answer(204);
            }
            case "PUT" -> throw Errors.unsupported("updating a volume, which only volumes of a cluster can be,");
            case "POST" -> {
                if (name.equals("create")) {
                    create(call);
                } else if (name.equals("prune")) {
                    prune(call);
                } else {
                    return false;
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static boolean list(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, LIST_FILTERS);
        List<Object> volumes = new ArrayList<>();
        for (VolumeRequest.VolumeView view : call.ask(new VolumeRequest.ListVolumes())) {
            Volume volume = view.volume();
            if (filters.truth("dangling", view.users().isEmpty())
                    && filters.exact("driver", Volume.DRIVER)
                    && filters.labels(volume.labels())
                    && filters.pattern("name", volume.name())) {
                volumes.add(json(volume));
            }
        }
        call.answer(200, Json.object("Volumes", volumes, "Warnings", null));
        return true;
    }

    private static void create(Call call) throws IOException, InterruptedException {
        Fields body = call.body("");
        body.nothing("ClusterVolumeSpec");
        VolumeRequest.CreateVolume request = new VolumeRequest.CreateVolume(
                body.string("Name"), body.string("Driver"), body.map("DriverOpts"), body.map("Labels"));
        body.end();
        call.answer(201, json(call.ask(request)));
    }

    private static void prune(Call call) throws IOException, InterruptedException {
        boolean chooses = call.atLeast(42);
        Filters filters = Filters.of(call, chooses ? PRUNE_FILTERS_142 : PRUNE_FILTERS);
        boolean all = !chooses || filters.has("all") && filters.truth("all", true);
        VolumeRequest.PrunedVolumes pruned =
                call.ask(new VolumeRequest.PruneVolumes(all, filters.get("label"), filters.get("label!")));
        call.answer(200, Json.object("VolumesDeleted", pruned.names(), "SpaceReclaimed", pruned.reclaimed()));
    }

    /** A volume as all calls show it. */
    static Map<String, @Nullable Object> json(Volume volume) {
        return Json.object(
                "CreatedAt",
                volume.created().truncatedTo(ChronoUnit.SECONDS).toString(),
                "Driver",
                Volume.DRIVER,
                "Labels",
                volume.labels().isEmpty() ? null : volume.labels(),
                "Mountpoint",
                volume.data().toString(),
                "Name",
                volume.name(),
                "Options",
                volume.options().isEmpty() ? null : volume.options(),
                "Scope",
                "local");
    }

    /** The same with how much of the disk it takes, -1 where nobody knows. */
    static Map<String, @Nullable Object> json(VolumeRequest.UsedVolume used) {
        Map<String, @Nullable Object> shown = json(used.volume());
        shown.put(
                "UsageData",
                Json.object("RefCount", used.users(), "Size", used.size().orElse(-1)));
        return shown;
    }
}
