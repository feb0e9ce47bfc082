package kist.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;

/** Finds the mounted control groups (proc_pid_mountinfo(5)). */
final class CgroupMounts {
    private static final Set<String> NOT_CONTROLLERS =
            Set.of("rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "none", "nsdelegate");

    private CgroupMounts() {}

    static Cgroups detect(Linux linux, Path mountinfo) {
        Map<String, ControlFiles> hierarchies = new LinkedHashMap<>();
        String unified = "";
        List<String> lines;
        try {
            lines = Files.readAllLines(mountinfo);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (String line : lines) {
            int dash = line.indexOf(" - ");
            if (dash < 0) {
                continue;
            }
            String[] before = line.substring(0, dash).split(" ");
            String[] after = line.substring(dash + 3).split(" ");
            if (before.length < 5 || after.length < 3) {
                continue;
            }
            String point = before[4];
            if (after[0].equals("cgroup2") && (unified.isEmpty() || point.equals("/sys/fs/cgroup"))) {
                unified = point;
            } else if (after[0].equals("cgroup")) {
                String name = name(after[2]);
                if (!name.isEmpty() && !hierarchies.containsKey(name)) {
                    hierarchies.put(name, files(linux, point));
                }
            }
        }
        if (!hierarchies.isEmpty()) {
            return new CgroupsV1(linux, hierarchies);
        }
        if (unified.isEmpty()) {
            throw new IllegalStateException("no control groups are mounted; mount cgroup2 on /sys/fs/cgroup");
        }
        return new CgroupsV2(linux, files(linux, unified));
    }

    /** What a hierarchy controls, as a name: {@code memory}, {@code cpu,cpuacct}, {@code systemd}. */
    private static String name(String options) {
        StringBuilder name = new StringBuilder();
        for (String option : options.split(",")) {
            if (option.startsWith("name=")) {
                return option.substring(5);
            }
            if (!NOT_CONTROLLERS.contains(option) && option.indexOf('=') < 0) {
                name.append(name.isEmpty() ? "" : ",").append(option);
            }
        }
        return name.toString();
    }

    private static ControlFiles files(Linux linux, String point) {
        Fd root = linux.open(Path.of(point), Flags.O_PATH | Flags.O_DIRECTORY, 0);
        return new ControlFiles(linux, root, point);
    }
}
