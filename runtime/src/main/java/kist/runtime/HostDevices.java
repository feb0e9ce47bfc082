package kist.runtime;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** The device nodes that the host has. Thread-safe. */
public final class HostDevices {
    /** What every container has an instance of its own of, or what is no device of anybody's. */
    private static final List<String> LEFT_OUT = List.of("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev");

    private HostDevices() {}

    /**
     * The devices that a path of the host stands for: the one that it is, or those of the directory and below it. Links
     * are followed for the path itself and left out below it.
     *
     * @throws IOException where there is nothing at the path
     */
    public static List<Device> at(Path path) throws IOException {
        Path real = path.toRealPath();
        if (Files.isDirectory(real)) {
            return below(real).stream()
                    .map(d -> d.at(path + d.path().substring(real.toString().length())))
                    .toList();
        }
        return node(real).map(d -> List.of(d.at(path.toString()))).orElse(List.of());
    }

    /** The device nodes of a directory and below it, without what every container has an own instance of. */
    static List<Device> below(Path directory) {
        List<Device> found = new ArrayList<>();
        collect(directory, found);
        return found;
    }

    private static void collect(Path directory, List<Device> found) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName());
                if (Files.isSymbolicLink(entry)) {
                    continue;
                }
                if (Files.isDirectory(entry)) {
                    if (!LEFT_OUT.contains(name)) {
                        collect(entry, found);
                    }
                } else if (!name.equals("console") && !name.equals("ptmx")) {
                    node(entry).ifPresent(found::add);
                }
            }
        } catch (IOException e) {
            // a device that went away while we looked
        }
    }

    private static Optional<Device> node(Path path) throws IOException {
        int mode = (Integer) Files.getAttribute(path, "unix:mode");
        String type = (mode & 0170000) == 0020000 ? "c" : (mode & 0170000) == 0060000 ? "b" : "";
        if (type.isEmpty()) {
            return Optional.empty();
        }
        long device = (Long) Files.getAttribute(path, "unix:rdev");
        return Optional.of(new Device(
                type,
                path.toString(),
                device >>> 8 & 0xfff,
                device & 0xff | device >>> 12 & 0xfff00,
                OptionalInt.of(mode & 07777),
                OptionalLong.of((Integer) Files.getAttribute(path, "unix:uid")),
                OptionalLong.of((Integer) Files.getAttribute(path, "unix:gid"))));
    }
}
