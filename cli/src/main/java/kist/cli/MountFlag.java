package kist.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** {@code --mount type=bind,source=/a,target=/b,readonly}. */
final class MountFlag {
    private MountFlag() {}

    /** The engine's form of one such value. */
    static Map<String, Object> parse(Flags.Parsed flags, String value) {
        var mount = new LinkedHashMap<String, Object>();
        var bind = new LinkedHashMap<String, Object>();
        var tmpfs = new LinkedHashMap<String, Object>();
        mount.put("Type", "volume");
        for (var field : value.split(",", -1)) {
            int equals = field.indexOf('=');
            var key = equals < 0 ? field : field.substring(0, equals);
            var text = equals < 0 ? "" : field.substring(equals + 1);
            switch (key) {
                case "type" -> mount.put("Type", text);
                case "source", "src" ->
                    mount.put(
                            "Source",
                            text.startsWith(".")
                                    ? Path.of(text).toAbsolutePath().normalize().toString()
                                    : text);
                case "target", "dst", "destination" -> mount.put("Target", text);
                case "readonly", "ro" ->
                    mount.put(
                            "ReadOnly",
                            switch (text) {
                                case "", "true", "1" -> true;
                                case "false", "0" -> false;
                                default -> throw flags.invalid("mount", value, key + " must be true or false");
                            });
                case "bind-propagation" -> bind.put("Propagation", text);
                case "bind-create-src", "bind-nonrecursive", "bind-recursive", "volume-driver", "volume-nocopy" ->
                    throw flags.invalid("mount", value, key + " is not supported by this version of Kist");
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
        if (!mount.containsKey("Target")) {
            throw flags.invalid("mount", value, "target is required");
        }
        if (!bind.isEmpty()) {
            mount.put("BindOptions", bind);
        }
        if (!tmpfs.isEmpty()) {
            mount.put("TmpfsOptions", tmpfs);
        }
        return mount;
    }
}
