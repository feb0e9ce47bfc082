package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;

/**
 * What a container takes from its host. Empty strings, empty lists and zero mean "not said".
 *
 * @param network {@code none}, {@code host}, {@code bridge}; empty or {@code default} means bridge
 * @param memory bytes, 0 for no limit
 * @param memorySwap memory and swap in bytes, -1 for no limit, 0 for twice the memory
 * @param memoryReservation bytes
 * @param nanoCpus CPUs times 10^9
 * @param cpuShares relative weight, 2 to 262144
 * @param cpuPeriod microseconds
 * @param cpuQuota microseconds in each period
 * @param cpusetCpus list such as {@code 0-2,4}
 * @param cpusetMems list of memory nodes
 * @param pidsLimit -1 or 0 for no limit
 * @param capAdd names with or without CAP_, or ALL
 * @param securityOpt {@code no-new-privileges[:true]}, {@code seccomp=unconfined}
 * @param mounts bind mounts and tmpfs
 * @param autoRemove remove the container when it has exited
 * @param shmSize bytes of /dev/shm, 0 for 64 MiB
 * @param rlimits resource limits
 * @param extraHosts {@code name:address} lines for /etc/hosts
 */
@Json
public record HostConfig(
        String network,
        long memory,
        long memorySwap,
        long memoryReservation,
        long nanoCpus,
        long cpuShares,
        long cpuPeriod,
        long cpuQuota,
        String cpusetCpus,
        String cpusetMems,
        long pidsLimit,
        List<String> capAdd,
        List<String> capDrop,
        boolean privileged,
        boolean readonlyRootfs,
        List<String> securityOpt,
        List<MountSpec> mounts,
        boolean autoRemove,
        long shmSize,
        List<Rlimit> rlimits,
        List<String> extraHosts,
        Map<String, String> sysctls) {

    /** Nothing said. */
    public static final HostConfig DEFAULT = new HostConfig(
            "", 0, 0, 0, 0, 0, 0, 0, "", "", 0, List.of(), List.of(), false, false, List.of(), List.of(), false, 0,
            List.of(), List.of(), Map.of());

    /**
     * A mount that the user asked for.
     *
     * @param type {@code bind} or {@code tmpfs}
     * @param source path on the host (bind), empty for tmpfs
     * @param target absolute path in the container
     * @param createSource make the source as a directory where it is missing (-v does, --mount does not)
     * @param propagation {@code rprivate} (the default where empty), {@code private}, {@code rslave}, {@code slave},
     *     {@code rshared}, {@code shared}
     * @param options of tmpfs: {@code size=64m}, {@code mode=1777}, {@code noexec}, ...
     */
    @Json
    public record MountSpec(
            String type,
            String source,
            String target,
            boolean readOnly,
            boolean createSource,
            String propagation,
            List<String> options) {}

    /**
     * A resource limit (setrlimit(2)).
     *
     * @param name such as {@code nofile}
     */
    @Json
    public record Rlimit(String name, long soft, long hard) {}
}
