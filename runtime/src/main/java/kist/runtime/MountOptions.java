package kist.runtime;

import java.util.ArrayList;
import java.util.List;
import kist.kernel.Flags;

/** The options of a mount, sorted by what the kernel's new mount calls take (mount(8), mount_setattr(2)). */
final class MountOptions {
    long set;
    long clear;
    long recursiveSet;
    boolean recursiveBind;
    long propagation;
    boolean recursivePropagation;
    /** What the file system itself is told: {@code key} or {@code key=value}. */
    final List<String> data = new ArrayList<>(4);

    private MountOptions() {}

    static MountOptions of(Mount mount) {
        MountOptions o = new MountOptions();
        for (String option : mount.options()) {
            o.add(option, mount);
        }
        return o;
    }

    boolean readOnly() {
        return (set & Flags.MOUNT_ATTR_RDONLY) != 0;
    }

    private void add(String option, Mount mount) {
        switch (option) {
            case "", "defaults", "rw", "async", "norelatime", "bind", "loud", "nomand" -> {
                if (option.equals("rw")) {
                    set &= ~Flags.MOUNT_ATTR_RDONLY;
                    clear |= Flags.MOUNT_ATTR_RDONLY;
                }
            }
            case "rbind" -> recursiveBind = true;
            case "ro" -> on(Flags.MOUNT_ATTR_RDONLY);
            case "nosuid" -> on(Flags.MOUNT_ATTR_NOSUID);
            case "suid" -> off(Flags.MOUNT_ATTR_NOSUID);
            case "nodev" -> on(Flags.MOUNT_ATTR_NODEV);
            case "dev" -> off(Flags.MOUNT_ATTR_NODEV);
            case "noexec" -> on(Flags.MOUNT_ATTR_NOEXEC);
            case "exec" -> off(Flags.MOUNT_ATTR_NOEXEC);
            case "nodiratime" -> on(Flags.MOUNT_ATTR_NODIRATIME);
            case "diratime" -> off(Flags.MOUNT_ATTR_NODIRATIME);
            case "nosymfollow" -> on(Flags.MOUNT_ATTR_NOSYMFOLLOW);
            case "symfollow" -> off(Flags.MOUNT_ATTR_NOSYMFOLLOW);
            case "noatime" -> atime(Flags.MOUNT_ATTR_NOATIME);
            case "strictatime" -> atime(Flags.MOUNT_ATTR_STRICTATIME);
            case "relatime", "atime", "nostrictatime" -> atime(0);
            case "rro" -> recursiveSet |= Flags.MOUNT_ATTR_RDONLY;
            case "rnosuid" -> recursiveSet |= Flags.MOUNT_ATTR_NOSUID;
            case "rnodev" -> recursiveSet |= Flags.MOUNT_ATTR_NODEV;
            case "rnoexec" -> recursiveSet |= Flags.MOUNT_ATTR_NOEXEC;
            case "private", "rprivate" -> propagation(Flags.MS_PRIVATE, option);
            case "slave", "rslave" -> propagation(Flags.MS_SLAVE, option);
            case "shared", "rshared" -> propagation(Flags.MS_SHARED, option);
            case "unbindable", "runbindable" -> propagation(Flags.MS_UNBINDABLE, option);
            case "remount", "tmpcopyup", "idmap", "ridmap" ->
                throw new SpecException(
                        "mounts",
                        "the option \"" + option + "\" of " + mount.destination()
                                + " is not supported by this version");
            default -> {
                if (mount.isBind()) {
                    throw new SpecException(
                            "mounts",
                            "the bind mount " + mount.destination() + " has the unknown option \"" + option + "\"");
                }
                data.add(option);
            }
        }
    }

    private void on(long attribute) {
        set |= attribute;
        clear &= ~attribute;
    }

    private void off(long attribute) {
        set &= ~attribute;
        clear |= attribute;
    }

    private void atime(long value) {
        set = set & ~Flags.MOUNT_ATTR_ATIME | value;
        clear |= Flags.MOUNT_ATTR_ATIME;
    }

    private void propagation(long value, String option) {
        propagation = value;
        recursivePropagation = option.startsWith("r");
    }
}
