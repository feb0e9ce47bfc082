package kist.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import kist.image.ImageConfig;
import kist.volume.VolumeException;
import kist.volume.VolumeName;
import kist.volume.Wanted;

/**
 * What a container shall have mounted: the mounts of other containers, those that were asked for, and a volume at each path
 * that its user or its image wants one at, where nothing else is. Everything that is wrong with them is said here.
 */
final class MountPlan {
    private final Function<String, Container> containers;
    private final Function<String, String> images;
    private final Map<String, MountPoint> points = new LinkedHashMap<>();

    /**
     * Makes a plan.
     *
     * @param containers finds a container
     * @param images finds an image's id
     */
    MountPlan(Function<String, Container> containers, Function<String, String> images) {
        this.containers = containers;
        this.images = images;
    }

    List<MountPoint> of(ContainerConfig config, ImageConfig image) {
        HostConfig host = config.host();
        host.volumesFrom().forEach(this::from);
        Map<String, MountPoint> own = new LinkedHashMap<>();
        for (HostConfig.MountSpec m : host.mounts()) {
            MountPoint point = asked(m);
            if (own.put(point.target(), point) != null) {
                throw Creation.invalid("Duplicate mount point: " + Names.printable(point.target()));
            }
        }
        points.putAll(own);
        for (List<String> targets : List.of(config.volumes(), image.volumes())) {
            for (String target : targets) {
                anonymous(target);
            }
        }
        List<MountPoint> sorted = new ArrayList<>(points.values());
        sorted.sort(VolumeMounts.ORDER);
        return List.copyOf(sorted);
    }

    private void from(String text) {
        int colon = text.indexOf(':');
        String ref = colon < 0 ? text : text.substring(0, colon);
        String mode = colon < 0 ? "" : text.substring(colon + 1);
        boolean readOnly = switch (mode) {
            case "", "rw", "z", "Z", "rw,z", "rw,Z" -> false;
            case "ro", "ro,z", "ro,Z" -> true;
            default ->
                throw Creation.invalid("invalid mode \"" + Names.printable(mode) + "\" of the volumes from "
                        + Names.printable(ref) + ": ro or rw is wanted");
        };
        if (ref.isEmpty()) {
            throw Creation.invalid("malformed volumes-from specification: \"" + Names.printable(text) + "\"");
        }
        Container other;
        try {
            other = containers.apply(ref);
        } catch (EngineException e) {
            // not "not found": clients would take it for the image and pull it
            throw Creation.invalid(String.valueOf(e.getMessage()));
        }
        for (MountPoint p : other.stored.mountPoints()) {
            if (!p.spec().type().equals("tmpfs")) {
                HostConfig.MountSpec spec = HostConfigMountSpecBuilder.builder(p.spec())
                        .readOnly(p.spec().readOnly() || readOnly)
                        .build();
                points.put(p.target(), new MountPoint(spec, p.object(), p.owned(), true));
            }
        }
    }

    private MountPoint asked(HostConfig.MountSpec m) {
        check(m);
        HostConfig.MountSpec cleaned =
                HostConfigMountSpecBuilder.builder(m).target(clean(m.target())).build();
        return switch (m.type()) {
            case "volume" ->
                new MountPoint(
                        cleaned,
                        m.source().isEmpty() ? Wanted.newName() : m.source(),
                        m.source().isEmpty(),
                        false);
            case "image" ->
                new MountPoint(
                        HostConfigMountSpecBuilder.builder(cleaned)
                                .readOnly(true)
                                .build(),
                        image(m.source()),
                        false,
                        false);
            default -> new MountPoint(cleaned, "", false, false);
        };
    }

    private String image(String name) {
        try {
            return images.apply(name);
        } catch (EngineException e) {
            throw Creation.invalid("invalid mount config for type \"image\": " + e.getMessage());
        }
    }

    private void anonymous(String target) {
        String cleaned = clean(target.startsWith("/") ? target : "/" + target);
        if (cleaned.equals("/") || target.indexOf('\0') >= 0) {
            throw Creation.invalid("invalid volume path \"" + Names.printable(target)
                    + "\": a directory below the root is wanted, without NUL bytes");
        }
        if (!points.containsKey(cleaned)) {
            HostConfig.MountSpec spec = HostConfigMountSpecBuilder.builder()
                    .type("volume")
                    .target(cleaned)
                    .volume(Optional.empty())
                    .build();
            points.put(cleaned, new MountPoint(spec, Wanted.newName(), true, false));
        }
    }

    /** Refuses what cannot be mounted, whatever else there is. */
    static void check(HostConfig.MountSpec m) {
        String config = "invalid mount config for type \"" + Names.printable(m.type()) + "\": ";
        if (!m.target().startsWith("/") || clean(m.target()).equals("/")) {
            throw Creation.invalid(config + "invalid mount path: '" + Names.printable(m.target())
                    + "' mount path must be absolute and the destination can't be '/'");
        }
        for (String path : List.of(m.target(), m.source())) {
            if (path.indexOf('\0') >= 0) {
                throw Creation.invalid(config + "a NUL byte in " + Names.printable(path));
            }
        }
        String subpath = m.volume().map(HostConfig.VolumeOptions::subpath).orElse("");
        if (subpath.startsWith("/") || List.of(subpath.split("/")).contains("..") || subpath.indexOf('\0') >= 0) {
            throw Creation.invalid(
                    config + "subpath must be a relative path within the volume, not " + Names.printable(subpath));
        }
        switch (m.type()) {
            case "bind" -> {
                if (!m.source().startsWith("/")) {
                    throw Creation.invalid(config + "invalid mount path: '" + Names.printable(m.source())
                            + "' mount path must be absolute");
                }
                if ((m.readOnlyNonRecursive() || m.readOnlyForceRecursive()) && !m.readOnly()) {
                    throw Creation.invalid(
                            config + "ReadOnlyNonRecursive and ReadOnlyForceRecursive want ReadOnly as well");
                }
                if (m.readOnlyNonRecursive() && m.readOnlyForceRecursive()) {
                    throw Creation.invalid(
                            config + "ReadOnlyNonRecursive and ReadOnlyForceRecursive contradict each other");
                }
            }
            case "volume" -> {
                if (m.source().isEmpty() && m.readOnly()) {
                    throw Creation.invalid(config + "must not set ReadOnly mode when using anonymous volumes");
                }
                if (m.source().isEmpty() && !subpath.isEmpty()) {
                    throw Creation.invalid(config + "must not set Subpath when using anonymous volumes");
                }
                if (!m.source().isEmpty()) {
                    try {
                        VolumeName.check(m.source());
                    } catch (VolumeException e) {
                        throw Creation.invalid(String.valueOf(e.getMessage()));
                    }
                }
            }
            case "image" -> {
                if (m.source().isEmpty()) {
                    throw Creation.invalid(config + "field Source must not be empty: name an image");
                }
            }
            case "tmpfs" -> TmpfsOptions.check(m.options());
            default ->
                throw Creation.invalid("mount type unknown: \"" + Names.printable(m.type())
                        + "\"; bind, volume, tmpfs or image" + " is wanted");
        }
    }

    /** By letter, as the runtime has it. */
    static String clean(String path) {
        List<String> parts = new ArrayList<>();
        for (String part : path.split("/")) {
            if (part.equals("..")) {
                if (!parts.isEmpty()) {
                    parts.removeLast();
                }
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return "/" + String.join("/", parts);
    }
}
