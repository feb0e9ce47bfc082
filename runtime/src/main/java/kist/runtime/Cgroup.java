package kist.runtime;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;

/**
 * A control group of a container: one directory in each hierarchy of cgroup v1, or the one of v2. Thread-safe; two
 * updates at the same time may mix.
 */
public interface Cgroup extends AutoCloseable {
    /** The path below the root of each hierarchy, such as {@code /kist/0123}. */
    String path();

    /**
     * On v1 the tasks file of each hierarchy, opened for writing: a process of one thread that writes 0 to them moves
     * itself without the wait that cgroup.procs costs. Empty on v2. The descriptors are this object's.
     */
    List<Fd> joinDescriptors();

    /** On v2 the directory, to be born into with CLONE_INTO_CGROUP; empty on v1. The descriptor is this object's. */
    Optional<Fd> cloneInto();

    /**
     * The directories of the group on the host, by the name of the mount below /sys/fs/cgroup: {@code memory}, {@code
     * cpu,cpuacct}; on v2 a single one with the empty name.
     */
    Map<String, String> directories();

    /**
     * Sets limits; what is empty stays as it is.
     *
     * @throws SpecException for a limit that this kernel cannot set
     */
    void update(Resources limits);

    /** Stops all processes (cgroups(7), freezer); returns when they stand still. */
    void freeze();

    /** Lets frozen processes go on. */
    void thaw();

    /** Whether the processes are frozen. */
    boolean isFrozen();

    /** Whether the kernel has killed a process of this group for want of memory. */
    boolean oomKilled();

    /** The processes, by their numbers in the engine's pid namespace. */
    List<Long> processes();

    /** Kills every process, also frozen ones and those that are being forked; returns when none is left. */
    void killAll();

    /** What the group uses now. */
    CgroupStats stats();

    /**
     * Removes the directories, also those that the container made below. Waits up to a second for processes that are on
     * their way out.
     *
     * @throws kist.kernel.KernelException with EBUSY while processes are in it
     */
    void remove();

    /** Closes the descriptors; the group itself stays. */
    @Override
    void close();
}
