package kist.engine;

import io.avaje.jsonb.Json;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a container takes from its host. Empty strings, empty lists and zero mean "not said". Made by
 * {@link HostConfigBuilder}; read from disk, what an older engine did not write means "not said".
 *
 * @param network {@code none}, {@code host}, {@code bridge}, {@code container:REF} or the name or id of a network; empty or
 *     {@code default} means bridge
 * @param memory bytes, 0 for no limit
 * @param memorySwap memory and swap in bytes, -1 for no limit, 0 for twice the memory
 * @param memoryReservation bytes
 * @param memorySwappiness 0 to 100
 * @param nanoCpus CPUs times 10^9
 * @param cpuShares relative weight, 2 to 262144
 * @param cpuPeriod microseconds
 * @param cpuQuota microseconds in each period
 * @param cpuRealtimePeriod microseconds
 * @param cpuRealtimeRuntime microseconds in each period
 * @param cpusetCpus list such as {@code 0-2,4}
 * @param cpusetMems list of memory nodes
 * @param pidsLimit -1 or 0 for no limit
 * @param blkioWeight 10 to 1000, 0 for the kernel's default
 * @param oomKillDisable let processes wait for memory instead of killing one
 * @param oomScoreAdj -1000 to 1000 (proc_pid_oom_score_adj(5))
 * @param capAdd names with or without CAP_, or ALL
 * @param securityOpt {@code no-new-privileges[=true]}, {@code seccomp=unconfined}, {@code seccomp=} a profile's JSON,
 *     {@code apparmor=PROFILE}, {@code label=...}, {@code systempaths=unconfined}
 * @param groupAdd names or numbers of further groups
 * @param maskedPaths empty Optional for the default ones
 * @param readonlyPaths empty Optional for the default ones
 * @param mounts all mounts that were asked for
 * @param volumesFrom {@code REF[:ro|rw]}
 * @param volumeDriver of volumes that name none
 * @param autoRemove remove the container when it has exited
 * @param init empty for the engine's default, which is none
 * @param shmSize bytes of /dev/shm, 0 for 64 MiB
 * @param rlimits resource limits
 * @param devices devices of the host
 * @param deviceRules rules such as {@code c 13:* rwm}
 * @param deviceRequests devices by driver or capability
 * @param extraHosts {@code name:address} lines for /etc/hosts
 * @param links {@code REF[:ALIAS]}
 * @param publishAllPorts publish all exposed ports at ports that are free
 * @param ipcMode {@code private}, {@code shareable}, {@code none}, {@code host}, {@code container:REF}
 * @param pidMode {@code host} or {@code container:REF}
 * @param utsMode {@code host}
 * @param usernsMode {@code host}
 * @param cgroupnsMode {@code private} or {@code host}
 * @param cgroupParent control group below which the container's is made
 * @param storageOptions of the storage driver, such as {@code size}
 * @param annotations handed to the runtime with the OCI configuration
 * @param runtime name of a runtime
 */
@Json
@RecordBuilder
public record HostConfig(
        String network,
        long memory,
        long memorySwap,
        long memoryReservation,
        OptionalInt memorySwappiness,
        long nanoCpus,
        long cpuShares,
        long cpuPeriod,
        long cpuQuota,
        long cpuRealtimePeriod,
        long cpuRealtimeRuntime,
        String cpusetCpus,
        String cpusetMems,
        long pidsLimit,
        int blkioWeight,
        List<DeviceWeight> blkioWeightDevices,
        List<DeviceRate> blkioReadBps,
        List<DeviceRate> blkioWriteBps,
        List<DeviceRate> blkioReadIops,
        List<DeviceRate> blkioWriteIops,
        boolean oomKillDisable,
        int oomScoreAdj,
        List<String> capAdd,
        List<String> capDrop,
        boolean privileged,
        boolean readonlyRootfs,
        List<String> securityOpt,
        List<String> groupAdd,
        Optional<List<String>> maskedPaths,
        Optional<List<String>> readonlyPaths,
        List<MountSpec> mounts,
        List<String> volumesFrom,
        String volumeDriver,
        boolean autoRemove,
        RestartPolicy restart,
        LogConfig log,
        Optional<Boolean> init,
        long shmSize,
        List<Rlimit> rlimits,
        List<DeviceWish> devices,
        List<String> deviceRules,
        List<DeviceRequest> deviceRequests,
        List<String> extraHosts,
        List<String> dns,
        List<String> dnsOptions,
        List<String> dnsSearch,
        List<String> links,
        List<PortBinding> ports,
        boolean publishAllPorts,
        Map<String, String> sysctls,
        String ipcMode,
        String pidMode,
        String utsMode,
        String usernsMode,
        String cgroupnsMode,
        String cgroupParent,
        Map<String, String> storageOptions,
        Map<String, String> annotations,
        String runtime) {

    /** Nothing said. */
    public static final HostConfig DEFAULT = HostConfigBuilder.builder().build();

    /** The paths that are hidden from a container where nothing was said. */
    public List<String> hiddenPaths() {
        return maskedPaths.orElse(privileged ? List.of() : kist.runtime.DefaultSpec.MASKED_PATHS);
    }

    /** The paths that a container cannot write where nothing was said. */
    public List<String> unwritablePaths() {
        return readonlyPaths.orElse(privileged ? List.of() : kist.runtime.DefaultSpec.READONLY_PATHS);
    }

    /** Reads silence of an older engine as silence of the user. */
    public HostConfig {
        network = said(network);
        cpusetCpus = said(cpusetCpus);
        cpusetMems = said(cpusetMems);
        blkioWeightDevices = all(blkioWeightDevices);
        blkioReadBps = all(blkioReadBps);
        blkioWriteBps = all(blkioWriteBps);
        blkioReadIops = all(blkioReadIops);
        blkioWriteIops = all(blkioWriteIops);
        capAdd = all(capAdd);
        capDrop = all(capDrop);
        securityOpt = all(securityOpt);
        groupAdd = all(groupAdd);
        mounts = all(mounts);
        volumesFrom = all(volumesFrom);
        volumeDriver = said(volumeDriver);
        restart = Objects.requireNonNullElse(restart, RestartPolicy.NONE);
        log = Objects.requireNonNullElse(log, LogConfig.DEFAULT);
        rlimits = all(rlimits);
        devices = all(devices);
        deviceRules = all(deviceRules);
        deviceRequests = all(deviceRequests);
        extraHosts = all(extraHosts);
        dns = all(dns);
        dnsOptions = all(dnsOptions);
        dnsSearch = all(dnsSearch);
        links = all(links);
        ports = all(ports);
        sysctls = all(sysctls);
        ipcMode = said(ipcMode);
        pidMode = said(pidMode);
        utsMode = said(utsMode);
        usernsMode = said(usernsMode);
        cgroupnsMode = said(cgroupnsMode);
        cgroupParent = said(cgroupParent);
        storageOptions = all(storageOptions);
        annotations = all(annotations);
        runtime = said(runtime);
    }

    static String said(String text) {
        return Objects.requireNonNullElse(text, "");
    }

    static <T> List<T> all(List<T> list) {
        return Objects.requireNonNullElse(list, List.of());
    }

    static <V> Map<String, V> all(Map<String, V> map) {
        return Objects.requireNonNullElse(map, Map.of());
    }

    /**
     * A mount that the user asked for. Made by the builder.
     *
     * @param type {@code bind}, {@code tmpfs}, {@code volume} or {@code image}
     * @param source path on the host (bind), name of a volume (empty for an anonymous one), name of an image, empty for tmpfs
     * @param target absolute path in the container
     * @param createSource make the source as a directory where it is missing (-v does, --mount does not)
     * @param propagation {@code rprivate} (the default where empty), {@code private}, {@code rslave}, {@code slave},
     *     {@code rshared}, {@code shared}
     * @param options of tmpfs: {@code size=64m}, {@code mode=1777}, {@code noexec}, ...
     * @param shortForm given as -v or --tmpfs, and so shown as such
     * @param nonRecursive do not take the mounts below the source along
     * @param readOnlyNonRecursive leave the mounts below it writable
     * @param readOnlyForceRecursive fail where the mounts below it cannot be made read-only
     * @param volume more about a volume, or of an image the path within it
     */
    @Json
    @RecordBuilder
    public record MountSpec(
            String type,
            String source,
            String target,
            boolean readOnly,
            boolean createSource,
            String propagation,
            List<String> options,
            boolean shortForm,
            boolean nonRecursive,
            boolean readOnlyNonRecursive,
            boolean readOnlyForceRecursive,
            Optional<VolumeOptions> volume) {
        /** Reads silence of an older engine, which knew the two types that need no more, as silence of the user. */
        public MountSpec {
            type = said(type);
            source = said(source);
            target = said(target);
            propagation = said(propagation);
            options = all(options);
        }
    }

    /**
     * What is said about the volume of a mount.
     *
     * @param noCopy leave a new volume empty
     * @param labels of a new volume
     * @param driver empty for the default
     * @param driverOptions of a new volume
     * @param subpath path within the volume or image that is mounted, empty for all of it
     */
    @Json
    public record VolumeOptions(
            boolean noCopy,
            Map<String, String> labels,
            String driver,
            Map<String, String> driverOptions,
            String subpath) {}

    /**
     * A resource limit (setrlimit(2)).
     *
     * @param name such as {@code nofile}
     */
    @Json
    public record Rlimit(String name, long soft, long hard) {}

    /**
     * When to start a container again that has ended.
     *
     * @param name empty, {@code no}, {@code always}, {@code unless-stopped} or {@code on-failure}
     * @param maximumRetries of on-failure, 0 for no end
     */
    @Json
    public record RestartPolicy(String name, int maximumRetries) {
        /** Never. */
        public static final RestartPolicy NONE = new RestartPolicy("", 0);
    }

    /**
     * Where output goes.
     *
     * @param driver empty for the default
     */
    @Json
    public record LogConfig(String driver, Map<String, String> options) {
        /** The default driver as it is. */
        public static final LogConfig DEFAULT = new LogConfig("", Map.of());
    }

    /**
     * A device, or a directory of devices, of the host.
     *
     * @param target empty for the same path
     * @param permissions some of {@code rwm}, empty for all
     */
    @Json
    public record DeviceWish(String source, String target, String permissions) {}

    /** A weight of block I/O on one device. */
    @Json
    public record DeviceWeight(String path, int weight) {}

    /** A limit of block I/O on one device: bytes or operations in a second. */
    @Json
    public record DeviceRate(String path, long rate) {}

    /**
     * Devices by what they can do.
     *
     * @param count -1 for all
     * @param capabilities one of the lists must hold wholly
     */
    @Json
    public record DeviceRequest(
            String driver, int count, List<String> ids, List<List<String>> capabilities, Map<String, String> options) {}

    /**
     * A published port.
     *
     * @param port of the container, with its protocol: {@code 80/tcp}
     * @param hostAddress empty for all
     * @param hostPort a port or a range {@code 8000-8010} to choose from, empty for any that is free
     */
    @Json
    public record PortBinding(String port, String hostAddress, String hostPort) {}
}
