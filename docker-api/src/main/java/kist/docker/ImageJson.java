package kist.docker;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.engine.ImageRequest;
import kist.image.Image;
import kist.image.ImageConfig;
import org.jspecify.annotations.Nullable;

/** Images as Docker's inspect, list and history show them. */
final class ImageJson {
    private ImageJson() {}

    /** An element of {@code GET /images/json}. */
    static Map<String, @Nullable Object> summary(Image image, List<String> names, List<String> digests, Call call) {
        boolean dangling = image.references().isEmpty();
        boolean marked = dangling && !call.atLeast(43);
        Map<String, String> labels = image.config().labels();
        Map<String, @Nullable Object> summary = Json.object(
                "Containers",
                -1,
                "Created",
                image.created().getEpochSecond(),
                "Id",
                image.id(),
                "Labels",
                labels.isEmpty() ? null : labels,
                "ParentId",
                image.parent(),
                "RepoDigests",
                marked && digests.isEmpty() ? List.of("<none>@<none>") : digests,
                "RepoTags",
                marked ? List.of("<none>:<none>") : names,
                "SharedSize",
                -1,
                "Size",
                image.size());
        if (!call.atLeast(44)) {
            summary.put("VirtualSize", image.size());
        }
        return summary;
    }

    /** The body of {@code GET /images/{name}/json}. */
    static Map<String, @Nullable Object> inspect(
            Image image, ImageRequest.Variants variants, boolean manifests, Call call) {
        Map<String, @Nullable Object> shown = Json.object(
                "Id", image.id(),
                "RepoTags", image.references(),
                "RepoDigests", image.digests(),
                "Parent", image.parent(),
                "Comment", image.comment(),
                "Created", image.created().toString(),
                "DockerVersion", "",
                "Author", image.author(),
                "Config", config(image.config(), call),
                "Architecture", image.architecture());
        if (!image.variant().isEmpty()) {
            shown.put("Variant", image.variant());
        }
        shown.put("Os", image.os());
        shown.put("Size", image.size());
        if (!call.atLeast(44)) {
            shown.put("VirtualSize", image.size());
        }
        shown.put("GraphDriver", Json.object("Data", null, "Name", call.storageDriver()));
        shown.put("RootFS", Json.object("Type", "layers", "Layers", image.layers()));
        String tagged = variants.lastTagged().map(Instant::toString).orElse(Times.rfc3339(0));
        shown.put("Metadata", Json.object("LastTagTime", tagged));
        if (call.atLeast(48)) {
            variants.target().ifPresent(d -> shown.put("Descriptor", d.toJson()));
            if (manifests) {
                shown.put("Manifests", manifests(variants));
            }
        }
        return shown;
    }

    /** ImageManifestSummary of each variant. */
    static List<Object> manifests(ImageRequest.Variants variants) {
        List<Object> shown = new ArrayList<>();
        for (ImageRequest.Variant variant : variants.variants()) {
            long unpacked = variant.image().map(Image::size).orElse(0L);
            Map<String, @Nullable Object> summary = Json.object(
                    "ID", variant.manifest().digest(),
                    "Descriptor", variant.manifest().toJson(),
                    "Available", variant.image().isPresent(),
                    "Size", Json.object("Content", variant.blobBytes(), "Total", variant.blobBytes() + unpacked));
            String subject = variant.manifest().annotations().getOrDefault("vnd.docker.reference.digest", "");
            Optional<kist.image.Platform> platform =
                    variant.image().map(Image::platform).or(variant.manifest()::platform);
            if (!subject.isEmpty()) {
                summary.put("Kind", "attestation");
                summary.put("AttestationData", Json.object("For", subject));
            } else if (platform.isPresent()) {
                summary.put("Kind", "image");
                summary.put(
                        "ImageData",
                        Json.object(
                                "Platform", Platforms.json(platform.get()),
                                "Containers", variant.containers(),
                                "Size", Json.object("Unpacked", unpacked)));
            } else {
                summary.put("Kind", "unknown");
            }
            shown.add(summary);
        }
        return shown;
    }

    private static Map<String, @Nullable Object> config(ImageConfig c, Call call) {
        Map<String, @Nullable Object> config = Json.object();
        if (!call.atLeast(50)) {
            // fields of containers, which images never had; gone with API 1.50
            config.put("Hostname", "");
            config.put("Domainname", "");
            config.put("AttachStdin", false);
            config.put("AttachStdout", false);
            config.put("AttachStderr", false);
            config.put("Tty", false);
            config.put("OpenStdin", false);
            config.put("StdinOnce", false);
            config.put("Image", "");
        }
        config.put("User", c.user());
        if (!c.exposedPorts().isEmpty()) {
            config.put("ExposedPorts", keys(c.exposedPorts()));
        }
        config.put("Env", orNull(c.environment()));
        config.put("Cmd", orNull(c.command()));
        c.healthcheck().ifPresent(h -> config.put("Healthcheck", health(h)));
        if (c.argsEscaped()) {
            config.put("ArgsEscaped", true);
        }
        config.put("Volumes", keys(c.volumes()));
        config.put("WorkingDir", c.workingDir());
        config.put("Entrypoint", orNull(c.entrypoint()));
        config.put("OnBuild", orNull(c.onBuild()));
        config.put("Labels", c.labels().isEmpty() ? null : c.labels());
        if (!c.stopSignal().isEmpty()) {
            config.put("StopSignal", c.stopSignal());
        }
        if (!c.shell().isEmpty()) {
            config.put("Shell", c.shell());
        }
        return config;
    }

    private static Map<String, @Nullable Object> health(ImageConfig.Healthcheck h) {
        Map<String, @Nullable Object> health = Json.object("Test", h.test());
        put(health, "Interval", h.interval().toNanos());
        put(health, "Timeout", h.timeout().toNanos());
        put(health, "StartPeriod", h.startPeriod().toNanos());
        put(health, "StartInterval", h.startInterval().toNanos());
        put(health, "Retries", h.retries());
        return health;
    }

    private static void put(Map<String, @Nullable Object> object, String name, long value) {
        if (value != 0) {
            object.put(name, value);
        }
    }

    private static @Nullable Object orNull(List<String> list) {
        return list.isEmpty() ? null : list;
    }

    private static @Nullable Object keys(List<String> names) {
        Map<String, Object> keys = new LinkedHashMap<>();
        for (String name : names) {
            keys.put(name, Map.of());
        }
        return keys.isEmpty() ? null : keys;
    }

    /** Steps newest first, each with the size of the layer that it made. */
    static List<Object> history(Image image) {
        long[] sizes = new long[image.history().size()];
        int layer = 0;
        for (int i = 0; i < sizes.length; i++) {
            boolean empty = image.history().get(i).emptyLayer();
            sizes[i] = empty || layer >= image.layerSizes().size()
                    ? 0
                    : image.layerSizes().get(layer);
            layer += empty ? 0 : 1;
        }
        List<Object> steps = new ArrayList<>();
        for (int i = sizes.length - 1; i >= 0; i--) {
            Image.History step = image.history().get(i);
            boolean newest = steps.isEmpty();
            steps.add(Json.object(
                    "Id",
                    newest ? image.id() : "<missing>",
                    "Created",
                    step.created().getEpochSecond(),
                    "CreatedBy",
                    step.createdBy(),
                    "Tags",
                    newest && !image.references().isEmpty() ? image.references() : null,
                    "Size",
                    sizes[i],
                    "Comment",
                    step.comment()));
        }
        return steps;
    }

    /** ImageDeleteResponseItems. */
    static List<Object> removed(List<ImageRequest.RemovedImage> all) {
        List<Object> items = new ArrayList<>();
        for (ImageRequest.RemovedImage removed : all) {
            for (String name : removed.untagged()) {
                items.add(Json.object("Untagged", name));
            }
            for (String id : removed.deleted()) {
                items.add(Json.object("Deleted", id));
            }
        }
        return items;
    }
}
