package kist.engine;

import java.util.List;

/**
 * The engine and its host.
 *
 * @param id stable over restarts
 * @param version of Kist
 * @param root where state is
 * @param cgroupVersion 1 or 2
 * @param operatingSystemVersion such as 13, or empty
 * @param memoryBytes of the host
 * @param ipForwarding whether the host forwards IPv4, without which containers reach nothing outside
 * @param storageDriver how the file systems of new containers are made: overlay or copy
 * @param controllers of control groups that limits can be set with, such as {@code memory}
 * @param warnings sentences about what this host lacks
 */
public record EngineInfo(
        String id,
        String version,
        String gitCommit,
        String root,
        String hostname,
        String kernelVersion,
        String operatingSystem,
        String operatingSystemVersion,
        String architecture,
        int cpus,
        long memoryBytes,
        int cgroupVersion,
        String javaVersion,
        int containers,
        int running,
        int paused,
        int stopped,
        int images,
        String storageDriver,
        List<String> securityOptions,
        List<String> controllers,
        boolean ipForwarding,
        List<String> warnings) {}
