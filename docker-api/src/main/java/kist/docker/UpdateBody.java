package kist.docker;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.engine.ContainerUpdate;
import kist.engine.ContainerUpdateBuilder;
import kist.engine.HostConfig.RestartPolicy;

/**
 * The body of a container's update: the resources of its creation that can be changed, and the restart policy. Zero means
 * that a limit stays, but for the number of processes, where it means none.
 */
final class UpdateBody {
    private UpdateBody() {}

    /** @param pids whether the client speaks an API in which the number of processes can be changed: 1.40 */
    static ContainerUpdate parse(Fields body, boolean pids) {
        RestartPolicy restart = HostBody.restart(body.object("RestartPolicy"));
        OptionalLong processes = body.number("PidsLimit");
        if (!pids) {
            processes = OptionalLong.empty(); // clients of that time do not know that they say it
        }
        OptionalLong weight = number(body, "BlkioWeight");
        // what only a creation can say
        body.nothing("CgroupParent", "Devices", "DeviceCgroupRules", "DeviceRequests", "Ulimits", "OomKillDisable");
        body.nothing("Init", "KernelMemory", "KernelMemoryTCP", "CpuCount", "CpuPercent", "IOMaximumIOps");
        body.nothing("IOMaximumBandwidth", "DiskQuota");
        body.only("MemorySwappiness", -1L, 0L);
        ContainerUpdate update = ContainerUpdateBuilder.builder()
                .memory(number(body, "Memory"))
                .memorySwap(number(body, "MemorySwap"))
                .memoryReservation(number(body, "MemoryReservation"))
                .nanoCpus(number(body, "NanoCpus"))
                .cpuShares(number(body, "CpuShares"))
                .cpuPeriod(number(body, "CpuPeriod"))
                .cpuQuota(number(body, "CpuQuota"))
                .cpuRealtimePeriod(number(body, "CpuRealtimePeriod"))
                .cpuRealtimeRuntime(number(body, "CpuRealtimeRuntime"))
                .cpusetCpus(body.string("CpusetCpus"))
                .cpusetMems(body.string("CpusetMems"))
                .pidsLimit(processes)
                .blkioWeight(
                        weight.isPresent()
                                ? OptionalInt.of(CreateBody.small("BlkioWeight", weight.getAsLong()))
                                : OptionalInt.empty())
                .blkioWeightDevices(HostBody.weights(body))
                .blkioReadBps(HostBody.rates(body, "BlkioDeviceReadBps"))
                .blkioWriteBps(HostBody.rates(body, "BlkioDeviceWriteBps"))
                .blkioReadIops(HostBody.rates(body, "BlkioDeviceReadIOps"))
                .blkioWriteIops(HostBody.rates(body, "BlkioDeviceWriteIOps"))
                .restart(restart.name().isEmpty() ? Optional.empty() : Optional.of(restart))
                .build();
        body.end();
        return update;
    }

    private static OptionalLong number(Fields body, String field) {
        OptionalLong value = body.number(field);
        return value.orElse(0) == 0 ? OptionalLong.empty() : value;
    }
}
