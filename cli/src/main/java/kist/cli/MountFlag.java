package kist.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code --mount type=bind,source=/a,target=/b,readonly}. */
final class MountFlag {
    private MountFlag() {}

    /** The engine's form of one such value. */
    static Map<String, Object> parse(Flags.Parsed flags, String value) {
        var mount = new LinkedHashMap<String, Object>();
        var bind = new LinkedHashMap<String, Object>();
        var tmpfs = new LinkedHashMap<String, Object>();
        var volume = new LinkedHashMap<String, Object>();
        var driver = new LinkedHashMap<String, Object>();
        var image = new LinkedHashMap<String, Object>();
        mount.put("Type", "volume");
        for (var field : Csv.fields(value)) {
            int equals = field.indexOf('=');
            var key = equals < 0 ? field : field.substring(0, equals);
            var text = equals < 0 ? "" : field.substring(equals + 1);
            switch (key) {
                case "type" -> mount.put("Type", text.toLowerCase(java.util.Locale.ROOT));
                case "source", "src" ->
                    mount.put(
                            "Source",
                            text.startsWith("./") || text.startsWith("../") || text.equals(".") || text.equals("..")
                                    ? Path.of(text).toAbsolutePath().normalize().toString()
                                    : text);
                case "target", "dst", "destination" -> mount.put("Target", text);
                case "readonly", "ro" -> mount.put("ReadOnly", truth(flags, value, key, text));
                case "consistency" -> mount.put("Consistency", text);
                case "bind-propagation" -> bind.put("Propagation", text);
                case "bind-nonrecursive" -> bind.put("NonRecursive", truth(flags, value, key, text));
                case "bind-create-src" -> bind.put("CreateMountpoint", truth(flags, value, key, text));
                case "bind-recursive" -> {
                    switch (text) {
                        case "enabled" -> bind.remove("NonRecursive");
                        case "disabled" -> bind.put("NonRecursive", true);
                        case "writable" -> bind.put("ReadOnlyNonRecursive", true);
                        case "readonly" -> bind.put("ReadOnlyForceRecursive", true);
                        default ->
                            throw flags.invalid(
                                    "mount",
                                    value,
                                    "bind-recursive is one of enabled, disabled, writable and readonly");
                    }
                }
                case "volume-nocopy" -> volume.put("NoCopy", truth(flags, value, key, text));
                case "volume-subpath" -> volume.put("Subpath", text);
                case "volume-label" -> pair(volume, "Labels", text);
                case "volume-driver" -> driver.put("Name", text);
                case "volume-opt" -> pair(driver, "Options", text);
                case "image-subpath" -> image.put("Subpath", text);
                case "tmpfs-size" ->
                    tmpfs.put(
                            "SizeBytes",
                            Units.bytes(text)
                                    .orElseThrow(() -> flags.invalid("mount", value, "tmpfs-size must be a size")));
                case "tmpfs-mode" -> {
                    try {
                        tmpfs.put("Mode", Long.parseLong(text, 8));
                    } catch (NumberFormatException e) {
                        throw flags.invalid("mount", value, "tmpfs-mode must be an octal number such as 1777");
                    }
                }
                default -> throw flags.invalid("mount", value, "unexpected key '" + key + "' in '" + field + "'");
            }
        }
        if (String.valueOf(mount.getOrDefault("Target", "")).isEmpty()) {
            throw flags.invalid("mount", value, "target is required");
        }
        if (!driver.isEmpty()) {
            volume.put("DriverConfig", driver);
        }
        var type = String.valueOf(mount.get("Type"));
        for (var options : List.of(
                Map.entry("bind", bind),
                Map.entry("tmpfs", tmpfs),
                Map.entry("volume", volume),
                Map.entry("image", image))) {
            if (options.getValue().isEmpty()) {
                continue;
            }
            var kind = options.getKey();
            if (!kind.equals(type)) {
                throw flags.invalid(
                        "mount", value, "cannot mix '" + kind + "-*' options with mount type '" + type + "'");
            }
            mount.put(Character.toUpperCase(kind.charAt(0)) + kind.substring(1) + "Options", options.getValue());
        }
        return mount;
    }

    private static void pair(Map<String, Object> into, String field, String text) {
        var all = new LinkedHashMap<String, Object>();
        if (into.get(field) instanceof Map<?, ?> earlier) {
            earlier.forEach((key, value) -> all.put(String.valueOf(key), String.valueOf(value)));
        }
        int equals = text.indexOf('=');
        all.put(equals < 0 ? text : text.substring(0, equals), equals < 0 ? "" : text.substring(equals + 1));
        into.put(field, all);
    }

    private static boolean truth(Flags.Parsed flags, String value, String key, String text) {
        return switch (text) {
            case "", "true", "1" -> true;
            case "false", "0" -> false;
            default -> throw flags.invalid("mount", value, key + " must be true or false");
        };
    }
}
