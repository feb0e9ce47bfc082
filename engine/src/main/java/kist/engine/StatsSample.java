package kist.engine;

import java.util.List;
import java.util.Optional;
import kist.runtime.CgroupStats;

/**
 * What a container uses at one moment.
 *
 * @param nanos Unix time in nanoseconds
 * @param name without a leading slash
 * @param group what its control group counts; empty while it does not run
 * @param cgroupVersion 1 or 2
 * @param interfaces those of its network but for the loopback; empty where it has the host's
 * @param cpus processors of the host
 * @param cpuTime nanoseconds that all of the host's processors together have had, from some moment in the past on
 * @param memory bytes of the host
 */
public record StatsSample(
        long nanos,
        String id,
        String name,
        Optional<CgroupStats> group,
        int cgroupVersion,
        List<Interface> interfaces,
        int cpus,
        long cpuTime,
        long memory) {

    /** Counters of one network interface (proc_pid_net(5), dev). */
    public record Interface(
            String name,
            long rxBytes,
            long rxPackets,
            long rxErrors,
            long rxDropped,
            long txBytes,
            long txPackets,
            long txErrors,
            long txDropped) {}
}
