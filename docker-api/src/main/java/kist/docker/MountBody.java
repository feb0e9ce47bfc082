package kist.docker;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.VolumeOptions;
import kist.engine.HostConfigMountSpecBuilder;

/** Mounts in each of the forms in which clients ask for them. */
final class MountBody {
    private static final Set<String> PROPAGATIONS =
            Set.of("private", "rprivate", "shared", "rshared", "slave", "rslave");
    private static final Set<String> CONSISTENCIES = Set.of("default", "consistent", "cached", "delegated");

    private MountBody() {}

    /** A bind or a volume in the short form {@code [source:]target[:options]}. */
    static MountSpec bind(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length > 3 || parts[0].isEmpty()) {
            throw Errors.invalid("invalid volume specification: '" + text + "': it is not [source:]target[:options]");
        }
        boolean anonymous = parts.length == 1;
        String source = anonymous ? "" : parts[0];
        String target = anonymous ? parts[0] : parts[1];
        boolean bind = source.startsWith("/");
        if (!bind && (source.startsWith(".") || source.contains("/"))) {
            throw Errors.invalid(
                    "invalid bind \"" + text + "\": the source \"" + source + "\" is not an absolute path");
        }
        if (!target.startsWith("/")) {
            throw Errors.invalid("invalid volume specification: '" + text + "': invalid mount config: the target \""
                    + target + "\" is not an absolute path");
        }
        HostConfigMountSpecBuilder mount = HostConfigMountSpecBuilder.builder()
                .type(bind ? "bind" : "volume")
                .source(source)
                .target(target)
                .createSource(bind)
                .options(List.of())
                .shortForm(true);
        if (parts.length == 3 && !parts[2].isEmpty()) {
            options(text, bind, parts[2].split(",", -1), mount);
        }
        return mount.build();
    }

    private static void options(String text, boolean bind, String[] options, HostConfigMountSpecBuilder mount) {
        boolean modeSaid = false;
        boolean propagationSaid = false;
        for (String option : options) {
            if (option.equals("ro") || option.equals("rw")) {
                if (modeSaid) {
                    throw Errors.invalid("invalid bind \"" + text + "\": ro or rw is said twice");
                }
                modeSaid = true;
                mount.readOnly(option.equals("ro"));
            } else if (PROPAGATIONS.contains(option) && bind) {
                if (propagationSaid) {
                    throw Errors.invalid("invalid bind \"" + text + "\": two propagation modes");
                }
                propagationSaid = true;
                mount.propagation(option);
            } else if (option.equals("nocopy") && !bind) {
                mount.volume(Optional.of(new VolumeOptions(true, Map.of(), "", Map.of(), "")));
            } else if (option.equals("z") || option.equals("Z")) {
                refuseLabel(text);
            } else if (!CONSISTENCIES.contains(option)) {
                throw Errors.invalid("invalid bind \"" + text + "\": option \"" + option + "\" is not known"
                        + (bind ? "" : " for a volume"));
            }
        }
    }

    /** Without SELinux there is nothing to label, in Docker neither. */
    private static void refuseLabel(String bind) {
        if (Files.exists(Path.of("/sys/fs/selinux/enforce"))) {
            throw Errors.unsupported("the SELinux label of bind \"" + bind + "\"");
        }
    }

    /** A mount in the long form, an element of Mounts. */
    static MountSpec mount(Fields mount) {
        String type = mount.string("Type");
        String target = mount.string("Target");
        String source = mount.string("Source");
        mount.only("Consistency", "", "default", "consistent", "cached", "delegated");
        if (!target.startsWith("/")) {
            throw Errors.invalid("invalid mount target \"" + target + "\": an absolute path is wanted");
        }
        HostConfigMountSpecBuilder made = HostConfigMountSpecBuilder.builder()
                .type(type)
                .source(source)
                .target(target)
                .readOnly(mount.bool("ReadOnly"))
                .options(List.of());
        mount.nothing("ClusterOptions");
        // options of another type are a contradiction
        for (String other : List.of("bind", "volume", "image", "tmpfs")) {
            if (!other.equals(type)) {
                mount.without(
                        "a mount of type " + type,
                        Character.toUpperCase(other.charAt(0)) + other.substring(1) + "Options");
            }
        }
        switch (type) {
            case "bind" -> bound(mount.object("BindOptions"), source, target, made);
            case "tmpfs" -> {
                if (!source.isEmpty()) {
                    throw Errors.invalid(
                            "the tmpfs at " + target + " has the source \"" + source + "\": it can have none");
                }
                made.options(tmpfsOptions(mount.object("TmpfsOptions"), target));
            }
            case "volume" -> made.volume(volume(mount.object("VolumeOptions")));
            case "image" -> made.volume(subpath(mount.object("ImageOptions")));
            case "" -> throw Errors.invalid("a mount has no Type: bind, volume, tmpfs or image is wanted");
            default -> throw Errors.unsupported("a mount of type " + type);
        }
        mount.end();
        return made.build();
    }

    private static void bound(Fields options, String source, String target, HostConfigMountSpecBuilder made) {
        if (!source.startsWith("/")) {
            throw Errors.invalid(
                    "invalid mount source \"" + source + "\" for " + target + ": an absolute path is wanted");
        }
        String propagation = options.string("Propagation");
        if (!propagation.isEmpty() && !PROPAGATIONS.contains(propagation)) {
            throw Errors.invalid("the propagation \"" + propagation + "\" of the mount at " + target + " is not known");
        }
        made.propagation(propagation)
                .createSource(options.bool("CreateMountpoint"))
                .nonRecursive(options.bool("NonRecursive"))
                .readOnlyNonRecursive(options.bool("ReadOnlyNonRecursive"))
                .readOnlyForceRecursive(options.bool("ReadOnlyForceRecursive"));
        options.end();
    }

    private static Optional<VolumeOptions> volume(Fields options) {
        if (options.names().isEmpty()) {
            return Optional.empty();
        }
        Fields driver = options.object("DriverConfig");
        VolumeOptions made = new VolumeOptions(
                options.bool("NoCopy"),
                options.map("Labels"),
                driver.string("Name"),
                driver.map("Options"),
                options.string("Subpath"));
        driver.end();
        options.end();
        return Optional.of(made);
    }

    private static Optional<VolumeOptions> subpath(Fields options) {
        String subpath = options.string("Subpath");
        options.end();
        return subpath.isEmpty()
                ? Optional.empty()
                : Optional.of(new VolumeOptions(false, Map.of(), "", Map.of(), subpath));
    }

    private static List<String> tmpfsOptions(Fields options, String target) {
        List<String> made = new ArrayList<>();
        OptionalLong size = options.number("SizeBytes");
        if (size.isPresent() && size.getAsLong() != 0) {
            made.add("size=" + size.getAsLong());
        }
        OptionalLong mode = options.number("Mode");
        if (mode.isPresent() && mode.getAsLong() != 0) {
            made.add("mode=" + Long.toOctalString(mode.getAsLong()));
        }
        for (List<String> option : options.stringLists("Options")) {
            if (option.isEmpty() || option.size() > 2) {
                throw Errors.invalid("an option of the tmpfs at " + target + " is not a name or a name and a value");
            }
            made.add(String.join("=", option));
        }
        options.end();
        return List.copyOf(made);
    }

    /** A tmpfs in the short form: its path and comma-separated mount options. */
    static MountSpec tmpfs(String target, String text) {
        if (!target.startsWith("/")) {
            throw Errors.invalid("invalid tmpfs target \"" + target + "\": an absolute path is wanted");
        }
        boolean readOnly = false;
        List<String> options = new ArrayList<>();
        for (String option : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            if (option.equals("ro") || option.equals("rw")) {
                readOnly = option.equals("ro");
            } else if (!option.isEmpty()) {
                options.add(option);
            }
        }
        return HostConfigMountSpecBuilder.builder()
                .type("tmpfs")
                .target(target)
                .readOnly(readOnly)
                .options(List.copyOf(options))
                .shortForm(true)
                .build();
    }
}
