package kist.runtime;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What a control group uses. Times in nanoseconds, memory in bytes; a maximum is empty where there is no limit.
 *
 * @param memoryPeak highest usage so far, 0 where the kernel does not say
 * @param memoryFailures how often the limit was hit
 * @param memoryDetail the memory.stat file
 * @param cpuPerCpu nanoseconds on each processor, empty on cgroup v2
 * @param periods periods of the quota that have passed
 */
public record CgroupStats(
        long memoryUsage,
        long memoryPeak,
        OptionalLong memoryLimit,
        long memoryFailures,
        Map<String, Long> memoryDetail,
        long cpuTotal,
        long cpuUser,
        long cpuSystem,
        List<Long> cpuPerCpu,
        long periods,
        long throttledPeriods,
        long throttledTime,
        long pids,
        OptionalLong pidsLimit,
        List<DeviceIo> io) {

    /** Bytes and operations on one block device. */
    public record DeviceIo(
            long major, long minor, long readBytes, long writtenBytes, long readOperations, long writeOperations) {}
}
