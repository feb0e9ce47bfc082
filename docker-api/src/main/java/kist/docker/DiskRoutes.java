package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.engine.ImageRequest;
import kist.engine.VolumeRequest;
import org.jspecify.annotations.Nullable;

/** {@code GET /system/df}. There is no build cache yet, and its list says so. */
final class DiskRoutes {
    private static final Set<String> TYPES = Set.of("container", "image", "volume", "build-cache");

    private DiskRoutes() {}

    static void df(Call call) throws IOException, InterruptedException {
        List<String> asked = call.request().parameters("type");
        for (String type : asked) {
            if (!TYPES.contains(type)) {
                throw Errors.invalid("unknown object type: " + type);
            }
        }
        boolean images = asked.isEmpty() || asked.contains("image");
        boolean containers = asked.isEmpty() || asked.contains("container");
        boolean volumes = asked.isEmpty() || asked.contains("volume");
        boolean builds = asked.isEmpty() || asked.contains("build-cache");
        ImageRequest.Usage usage = call.ask(new ImageRequest.DiskUsage(images, containers));
        List<VolumeRequest.UsedVolume> used = volumes ? call.ask(new VolumeRequest.VolumeUsage()) : List.of();
        Map<String, @Nullable Object> answer = Json.object();
        if (call.atLeast(52)) {
            boolean verbose = call.flag("verbose");
            if (images) {
                answer.put("ImageUsage", imageUsage(usage, verbose, call));
            }
            if (containers) {
                answer.put("ContainerUsage", containerUsage(usage, verbose));
            }
            if (volumes) {
                answer.put("VolumeUsage", volumeUsage(used, verbose));
            }
            if (builds) {
                answer.put("BuildCacheUsage", usage(0, 0, 0, 0));
            }
        } else {
            answer.put("LayersSize", images ? usage.layers() + usage.blobs() : 0);
            answer.put("Images", images ? images(usage, call) : null);
            answer.put("Containers", containers ? containers(usage) : null);
            answer.put("Volumes", volumes ? volumes(used) : null);
            answer.put("BuildCache", builds ? List.of() : null);
            if (!call.atLeast(42)) {
                answer.put("BuilderSize", 0);
            }
        }
        call.answer(200, answer);
    }

    private static List<Object> images(ImageRequest.Usage usage, Call call) {
        List<Object> images = new ArrayList<>();
        for (ImageRequest.ImageUsage one : usage.images()) {
            Map<String, @Nullable Object> summary = ImageJson.summary(
                    one.image(), one.image().references(), one.image().digests(), call);
            summary.put("SharedSize", one.shared());
            summary.put("Containers", one.containers());
            images.add(summary);
        }
        return images;
    }

    private static List<Object> containers(ImageRequest.Usage usage) {
        long now = System.currentTimeMillis() * 1_000_000;
        List<Object> containers = new ArrayList<>();
        for (ImageRequest.ContainerUsage one : usage.containers()) {
            Map<String, @Nullable Object> summary = ContainerJson.summary(one.container(), now);
            // the log is of the container's making too, and may be the larger part
            summary.put("SizeRw", one.written() + one.log());
            summary.put("SizeRootFs", one.image() + one.written());
            containers.add(summary);
        }
        return containers;
    }

    private static Map<String, @Nullable Object> imageUsage(ImageRequest.Usage usage, boolean verbose, Call call) {
        int active = 0;
        long used = 0;
        for (ImageRequest.ImageUsage one : usage.images()) {
            if (one.containers() > 0) {
                active++;
                used += one.image().size() - one.shared();
            }
        }
        long total = usage.layers() + usage.blobs();
        Map<String, @Nullable Object> answer = usage(active, usage.images().size(), total, Math.max(0, total - used));
        if (verbose) {
            answer.put("Items", images(usage, call));
        }
        return answer;
    }

    private static Map<String, @Nullable Object> containerUsage(ImageRequest.Usage usage, boolean verbose) {
        int active = 0;
        long total = 0;
        long reclaimable = 0;
        for (ImageRequest.ContainerUsage one : usage.containers()) {
            long own = one.written() + one.log();
            total += own;
            if (ContainerJson.isRunning(one.container())) {
                active++;
            } else {
                reclaimable += own;
            }
        }
        Map<String, @Nullable Object> answer = usage(active, usage.containers().size(), total, reclaimable);
        if (verbose) {
            answer.put("Items", containers(usage));
        }
        return answer;
    }

    private static List<Object> volumes(List<VolumeRequest.UsedVolume> used) {
        List<Object> volumes = new ArrayList<>();
        used.forEach(one -> volumes.add(VolumeRoutes.json(one)));
        return volumes;
    }

    private static Map<String, @Nullable Object> volumeUsage(List<VolumeRequest.UsedVolume> used, boolean verbose) {
        int active = 0;
        long total = 0;
        long reclaimable = 0;
        for (VolumeRequest.UsedVolume one : used) {
            long size = one.size().orElse(0);
            total += size;
            if (one.users() > 0) {
                active++;
            } else {
                reclaimable += size;
            }
        }
        Map<String, @Nullable Object> answer = usage(active, used.size(), total, reclaimable);
        if (verbose) {
            answer.put("Items", volumes(used));
        }
        return answer;
    }

    private static Map<String, @Nullable Object> usage(int active, int count, long total, long reclaimable) {
        return Json.object("ActiveCount", active, "TotalCount", count, "Reclaimable", reclaimable, "TotalSize", total);
    }
}
