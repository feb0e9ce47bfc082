package kist.image;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The configuration of an image as its JSON says it (OCI image spec, config.md).
 *
 * @param diffIds digests of the unpacked layers, lowest first
 */
record ImageDocument(
        Instant created,
        String architecture,
        String variant,
        String os,
        String author,
        String comment,
        List<String> diffIds,
        ImageConfig config,
        List<Image.History> history) {

    /** More layers than overlay can stack are of no use. */
    private static final int MAXIMUM_LAYERS = 500;

    static ImageDocument parse(byte[] content, String what) {
        Document json = Document.parse(content, what);
        if (json.has("manifests") || json.has("layers")) {
            throw ImageException.invalid(what + " is a manifest where the configuration of an image is wanted");
        }
        Document rootfs = json.object("rootfs").orElseThrow(() -> ImageException.invalid(what + ".rootfs is missing"));
        if (!rootfs.text("type").equals("layers")) {
            throw ImageException.invalid(
                    what + ".rootfs.type must be \"layers\", not " + Text.quote(rootfs.text("type")));
        }
        List<String> diffIds = rootfs.texts("diff_ids");
        if (diffIds.size() > MAXIMUM_LAYERS) {
            throw ImageException.invalid(
                    what + " names " + diffIds.size() + " layers; at most " + MAXIMUM_LAYERS + " can be stacked");
        }
        diffIds.forEach(d -> Digest.hex(d, what + ".rootfs.diff_ids"));
        String os = json.text("os");
        if (!os.equals("linux") && !os.isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    what + " is an image for " + Text.quote(os) + "; images for linux can be used");
        }
        List<Image.History> history = new ArrayList<>();
        for (Document step : json.objects("history")) {
            history.add(new Image.History(
                    time(step),
                    step.text("created_by"),
                    step.text("author"),
                    step.text("comment"),
                    step.flag("empty_layer")));
        }
        return new ImageDocument(
                time(json),
                json.text("architecture"),
                json.text("variant"),
                "linux",
                json.text("author"),
                json.text("comment"),
                List.copyOf(diffIds),
                json.object("config").map(ImageDocument::config).orElse(ImageConfig.EMPTY),
                List.copyOf(history));
    }

    private static ImageConfig config(Document json) {
        List<String> volumes = new ArrayList<>();
        for (String volume : json.keys("Volumes")) {
            volumes.add(insideRoot(volume));
        }
        for (String variable : json.texts("Env")) {
            if (variable.indexOf('=') <= 0) {
                throw ImageException.invalid(
                        json.what() + ".Env holds " + Text.quote(variable) + ", which is not of the form NAME=value");
            }
        }
        return new ImageConfig(
                List.copyOf(json.texts("Entrypoint")),
                List.copyOf(json.texts("Cmd")),
                List.copyOf(json.texts("Env")),
                json.text("WorkingDir"),
                json.text("User"),
                List.copyOf(json.keys("ExposedPorts")),
                List.copyOf(volumes),
                Map.copyOf(json.map("Labels")),
                json.text("StopSignal"),
                json.object("Healthcheck").map(ImageDocument::healthcheck),
                List.copyOf(json.texts("OnBuild")),
                List.copyOf(json.texts("Shell")),
                json.flag("ArgsEscaped"));
    }

    private static ImageConfig.Healthcheck healthcheck(Document json) {
        long retries = json.has("Retries") ? json.number("Retries") : 0;
        if (retries < 0 || retries > Integer.MAX_VALUE) {
            throw ImageException.invalid(json.what() + ".Retries is " + retries);
        }
        return new ImageConfig.Healthcheck(
                List.copyOf(json.texts("Test")),
                nanoseconds(json, "Interval"),
                nanoseconds(json, "Timeout"),
                nanoseconds(json, "StartPeriod"),
                nanoseconds(json, "StartInterval"),
                (int) retries);
    }

    private static Duration nanoseconds(Document json, String key) {
        return json.has(key) ? Duration.ofNanos(json.number(key)) : Duration.ZERO;
    }

    /** A path as the root of a container sees it: absolute, and {@code ..} does not lead above the root. */
    static String insideRoot(String path) {
        Deque<String> parts = new ArrayDeque<>();
        for (String part : path.split("/")) {
            if (part.equals("..")) {
                parts.pollLast();
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return "/" + String.join("/", parts);
    }

    private static Instant time(Document json) {
        String text = json.text("created");
        try {
            return text.isEmpty() ? Instant.EPOCH : OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException e) {
            throw ImageException.invalid(json.what() + ".created is not a time of RFC 3339: " + Text.quote(text));
        }
    }

    /** The JSON of this configuration; the same record always gives the same bytes. */
    byte[] toJson() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("architecture", architecture);
        put(json, "author", author);
        put(json, "comment", comment);
        put(json, "variant", variant);
        Map<String, Object> c = new LinkedHashMap<>();
        put(c, "User", config.user());
        put(c, "ExposedPorts", set(config.exposedPorts()));
        put(c, "Env", config.environment());
        put(c, "Entrypoint", config.entrypoint());
        put(c, "Cmd", config.command());
        put(c, "Volumes", set(config.volumes()));
        put(c, "WorkingDir", config.workingDir());
        put(c, "Labels", config.labels());
        put(c, "StopSignal", config.stopSignal());
        config.healthcheck().ifPresent(h -> c.put("Healthcheck", healthcheck(h)));
        put(c, "OnBuild", config.onBuild());
        put(c, "Shell", config.shell());
        if (config.argsEscaped()) {
            c.put("ArgsEscaped", true);
        }
        json.put("config", c);
        json.put("created", created.toString());
        List<Object> steps = new ArrayList<>();
        for (Image.History step : history) {
            Map<String, Object> h = new LinkedHashMap<>();
            h.put("created", step.created().toString());
            put(h, "created_by", step.createdBy());
            put(h, "author", step.author());
            put(h, "comment", step.comment());
            if (step.emptyLayer()) {
                h.put("empty_layer", true);
            }
            steps.add(h);
        }
        json.put("history", steps);
        json.put("os", os);
        Map<String, Object> rootfs = new LinkedHashMap<>();
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", diffIds);
        json.put("rootfs", rootfs);
        return Document.write(json);
    }

    private static Map<String, Object> healthcheck(ImageConfig.Healthcheck check) {
        Map<String, Object> json = new LinkedHashMap<>();
        put(json, "Test", check.test());
        putNanoseconds(json, "Interval", check.interval());
        putNanoseconds(json, "Timeout", check.timeout());
        putNanoseconds(json, "StartPeriod", check.startPeriod());
        putNanoseconds(json, "StartInterval", check.startInterval());
        if (check.retries() != 0) {
            json.put("Retries", check.retries());
        }
        return json;
    }

    private static void putNanoseconds(Map<String, Object> json, String key, Duration value) {
        if (!value.isZero()) {
            json.put(key, value.toNanos());
        }
    }

    private static void put(Map<String, Object> json, String key, Object value) {
        boolean empty = value instanceof String s && s.isEmpty()
                || value instanceof List<?> l && l.isEmpty()
                || value instanceof Map<?, ?> m && m.isEmpty();
        if (!empty) {
            json.put(key, value);
        }
    }

    private static Map<String, Object> set(List<String> keys) {
        Map<String, Object> set = new LinkedHashMap<>();
        keys.forEach(k -> set.put(k, Map.of()));
        return set;
    }
}
