package kist.engine;

import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.engine.HostConfig.DeviceRate;
import kist.engine.HostConfig.DeviceWeight;
import kist.engine.HostConfig.RestartPolicy;

/**
 * New limits and a new restart policy of a container; what is empty stays as it is. Made by {@link
 * ContainerUpdateBuilder}. The units are those of {@link HostConfig}.
 *
 * @param memorySwap -1 for no limit
 * @param pidsLimit 0 or less for no limit
 * @param cpusetCpus an empty string where nothing is said, likewise {@code cpusetMems}
 * @param blkioWeightDevices replaces what was said of the same devices, likewise the four rates
 */
@RecordBuilder
public record ContainerUpdate(
        OptionalLong memory,
        OptionalLong memorySwap,
        OptionalLong memoryReservation,
        OptionalLong nanoCpus,
        OptionalLong cpuShares,
        OptionalLong cpuPeriod,
        OptionalLong cpuQuota,
        OptionalLong cpuRealtimePeriod,
        OptionalLong cpuRealtimeRuntime,
        String cpusetCpus,
        String cpusetMems,
        OptionalLong pidsLimit,
        OptionalInt blkioWeight,
        List<DeviceWeight> blkioWeightDevices,
        List<DeviceRate> blkioReadBps,
        List<DeviceRate> blkioWriteBps,
        List<DeviceRate> blkioReadIops,
        List<DeviceRate> blkioWriteIops,
        Optional<RestartPolicy> restart) {

    /** Reads what the builder was not told as nothing said. */
    public ContainerUpdate {
        memory = Objects.requireNonNullElse(memory, OptionalLong.empty());
        memorySwap = Objects.requireNonNullElse(memorySwap, OptionalLong.empty());
        memoryReservation = Objects.requireNonNullElse(memoryReservation, OptionalLong.empty());
        nanoCpus = Objects.requireNonNullElse(nanoCpus, OptionalLong.empty());
        cpuShares = Objects.requireNonNullElse(cpuShares, OptionalLong.empty());
        cpuPeriod = Objects.requireNonNullElse(cpuPeriod, OptionalLong.empty());
        cpuQuota = Objects.requireNonNullElse(cpuQuota, OptionalLong.empty());
        cpuRealtimePeriod = Objects.requireNonNullElse(cpuRealtimePeriod, OptionalLong.empty());
        cpuRealtimeRuntime = Objects.requireNonNullElse(cpuRealtimeRuntime, OptionalLong.empty());
        cpusetCpus = HostConfig.said(cpusetCpus);
        cpusetMems = HostConfig.said(cpusetMems);
        pidsLimit = Objects.requireNonNullElse(pidsLimit, OptionalLong.empty());
        blkioWeight = Objects.requireNonNullElse(blkioWeight, OptionalInt.empty());
        blkioWeightDevices = HostConfig.all(blkioWeightDevices);
        blkioReadBps = HostConfig.all(blkioReadBps);
        blkioWriteBps = HostConfig.all(blkioWriteBps);
        blkioReadIops = HostConfig.all(blkioReadIops);
        blkioWriteIops = HostConfig.all(blkioWriteIops);
        restart = Objects.requireNonNullElse(restart, Optional.empty());
    }
}
