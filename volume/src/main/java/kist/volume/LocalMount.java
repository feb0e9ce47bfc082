package kist.volume;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * A volume that is mounted: what mount(8) would be told by {@code -t type -o o device}. It is made as a detached mount, which
 * no mount table shows.
 *
 * @param bind whether {@code device} is a directory of the host
 * @param data what the file system itself is told, {@code key} or {@code key=value}
 * @param attributes MOUNT_ATTR_* that are set
 */
record LocalMount(String type, String device, boolean bind, boolean recursive, List<String> data, long attributes) {
    private static final Set<String> KNOWN = Set.of("type", "o", "device");

    /** Reads the options of a volume, of which there are some. */
    static LocalMount of(Map<String, String> options) {
        if (options.containsKey("size")) {
            throw new VolumeException(
                    VolumeException.Kind.UNSUPPORTED,
                    "quota size requested but no quota support: the option \"size\" of the driver local needs project"
                            + " quotas, which this version does not set; a tmpfs takes o=size=...");
        }
        for (String key : options.keySet()) {
            if (!KNOWN.contains(key)) {
                throw VolumeException.invalid("invalid option: " + VolumeName.printable(key)
                        + "; the driver local has \"type\", \"o\" and \"device\"");
            }
        }
        for (String needed : List.of("device", "type")) {
            if (options.getOrDefault(needed, "").isEmpty()) {
                throw VolumeException.invalid("missing required option: \"" + needed + "\"");
            }
        }
        String type = options.getOrDefault("type", "");
        String device = options.getOrDefault("device", "");
        options.forEach((key, value) -> {
            if (value.indexOf('\0') >= 0 || value.indexOf('\n') >= 0) {
                throw VolumeException.invalid("the option \"" + key + "\" holds a NUL byte or a line's end");
            }
        });
        boolean bind = type.equals("bind");
        boolean recursive = false;
        long attributes = 0;
        List<String> data = new ArrayList<>();
        for (String option : options.getOrDefault("o", "").split(",")) {
            switch (option) {
                case "", "defaults", "rw", "suid", "dev", "exec", "async", "relatime", "private", "rprivate" -> {}
                case "bind" -> bind = true;
                case "rbind" -> {
                    bind = true;
                    recursive = true;
                }
                case "ro" -> attributes |= Flags.MOUNT_ATTR_RDONLY;
                case "nosuid" -> attributes |= Flags.MOUNT_ATTR_NOSUID;
                case "nodev" -> attributes |= Flags.MOUNT_ATTR_NODEV;
                case "noexec" -> attributes |= Flags.MOUNT_ATTR_NOEXEC;
                case "noatime" -> attributes |= Flags.MOUNT_ATTR_NOATIME;
                case "nodiratime" -> attributes |= Flags.MOUNT_ATTR_NODIRATIME;
                default -> data.add(option);
            }
        }
        if (bind && !device.startsWith("/")) {
            throw VolumeException.invalid("the device of a volume that is a bind mount must be an absolute path, not "
                    + VolumeName.printable(device));
        }
        if (bind && !data.isEmpty()) {
            throw VolumeException.invalid("a bind mount takes no option " + VolumeName.printable(data.getFirst()));
        }
        if (!bind && type.equals("none")) {
            throw VolumeException.invalid("the type \"none\" wants o=bind");
        }
        return new LocalMount(type, device, bind, recursive, List.copyOf(data), attributes);
    }

    /** Makes the mount; {@code volume} is for messages. */
    Fd open(Linux linux, String volume) {
        try {
            return bind ? bound(linux) : mounted(linux);
        } catch (KernelException e) {
            boolean unknown = e.errno() == Errno.ENODEV && !bind;
            throw new VolumeException(
                    unknown ? VolumeException.Kind.UNSUPPORTED : VolumeException.Kind.INVALID,
                    "failed to mount local volume: mount " + device + " (type " + type + ") for " + volume + ": "
                            + (unknown ? "this kernel has no file system " + type : e.getMessage()),
                    e);
        }
    }

    private Fd bound(Linux linux) {
        Fd tree = linux.openTree(Fd.CWD, device, Flags.OPEN_TREE_CLONE | (recursive ? (long) Flags.AT_RECURSIVE : 0));
        boolean done = false;
        try {
            if (attributes != 0) {
                linux.mountSetattr(tree, "", Flags.AT_EMPTY_PATH, attributes, atime(), 0);
            }
            done = true;
            return tree;
        } finally {
            if (!done) {
                tree.close();
            }
        }
    }

    private long atime() {
        return (attributes & Flags.MOUNT_ATTR_NOATIME) != 0 ? Flags.MOUNT_ATTR_ATIME : 0;
    }

    private Fd mounted(Linux linux) {
        try (Fd fs = linux.fsopen(type)) {
            linux.fsconfigString(fs, "source", device);
            for (String option : data) {
                int equals = option.indexOf('=');
                if (equals < 0) {
                    linux.fsconfigFlag(fs, option);
                } else {
                    String key = option.substring(0, equals);
                    linux.fsconfigString(fs, key, value(key, option.substring(equals + 1)));
                }
            }
            linux.fsconfigCreate(fs);
            return linux.fsmount(fs, attributes);
        }
    }

    /** Network file systems are told addresses, and mount(8) would have looked the name up. */
    private String value(String key, String value) {
        if (!key.equals("addr") || !(type.startsWith("nfs") || type.equals("cifs"))) {
            return value;
        }
        try {
            return InetAddress.getByName(value).getHostAddress();
        } catch (UnknownHostException e) {
            throw new VolumeException(
                    VolumeException.Kind.INVALID, "error resolving passed in network volume address " + value, e);
        }
    }

    /** Where a bind mount's content is; other kinds have no path. */
    Path source() {
        return Path.of(device);
    }
}
