package kist.runtime;

import java.nio.file.Path;
import java.util.List;
import kist.kernel.Linux;

/** The control groups of the machine, v1 or v2 (cgroups(7)). Thread-safe. */
public interface Cgroups {
    /**
     * Finds out which version the machine has its controllers on; where both are mounted, v1 if it holds any.
     *
     * @throws IllegalStateException where no control groups are mounted
     */
    static Cgroups detect() {
        return CgroupMounts.detect(Linux.system(), Path.of("/proc/self/mountinfo"));
    }

    /** 1 or 2. */
    int version();

    /** The names below /sys/fs/cgroup of the hierarchies of v1, such as {@code memory}; empty on v2. */
    List<String> hierarchies();

    /** The controllers that can be used, such as {@code memory}. */
    List<String> controllers();

    /**
     * Makes a group with limits; on failure nothing is left of it.
     *
     * @param path such as {@code /kist/0123}; missing parents are made and stay
     * @throws SpecException for a limit that this kernel cannot set
     * @throws kist.kernel.KernelException with EBUSY where the group exists and holds processes
     */
    Cgroup create(String path, Resources limits);

    /** A group that exists, or that its caller wants to remove whether it exists or not. */
    Cgroup open(String path);

    /** The groups directly below a path, by name; empty where the path does not exist. For clearing up after a crash. */
    List<String> children(String path);
}
