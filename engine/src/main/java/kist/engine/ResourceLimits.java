package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.runtime.Resources;

/** The limits of a container: which are refused, and what they are in the words of the OCI runtime spec. */
final class ResourceLimits {
    private static final long LEAST_MEMORY = 6L << 20;
    private static final long PERIOD_MICROSECONDS = 100_000;

    private ResourceLimits() {}

    /** Refuses limits that are none or that contradict each other, in the sentences that Docker's users know. */
    static void check(HostConfig host) {
        memory(host);
        cpu(host);
        block(host);
        if (host.shmSize() < 0) {
            throw Creation.invalid("SHM size can not be less than 0");
        }
        if (host.oomScoreAdj() < -1000 || host.oomScoreAdj() > 1000) {
            throw Creation.invalid(
                    "Invalid value " + host.oomScoreAdj() + ", range for oom score adj is [-1000, 1000]");
        }
        for (HostConfig.Rlimit limit : host.rlimits()) {
            boolean unordered = limit.hard() != -1 && (limit.soft() == -1 || limit.soft() > limit.hard());
            if (unordered || limit.soft() < -1 || limit.hard() < -1) {
                throw Creation.invalid("ulimit " + Names.printable(limit.name())
                        + ": the soft limit must be less than or equal to the hard limit: " + limit.soft() + " > "
                        + limit.hard());
            }
        }
    }

    private static void memory(HostConfig host) {
        if (host.memory() != 0 && host.memory() < LEAST_MEMORY) {
            throw Creation.invalid("Minimum memory limit allowed is 6MB");
        }
        if (host.memorySwap() > 0 && host.memory() == 0) {
            throw Creation.invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
        }
        if (host.memorySwap() > 0 && host.memorySwap() < host.memory()) {
            throw Creation.invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
        }
        if (host.memorySwap() < -1) {
            throw Creation.invalid("the limit of memory and swap must be a number of bytes, or -1 for none");
        }
        if (host.memoryReservation() != 0 && host.memoryReservation() < LEAST_MEMORY) {
            throw Creation.invalid("Minimum memory reservation allowed is 6MB");
        }
        if (host.memoryReservation() != 0 && host.memory() != 0 && host.memoryReservation() > host.memory()) {
            throw Creation.invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
        }
        OptionalInt swappiness = host.memorySwappiness();
        if (swappiness.isPresent() && (swappiness.getAsInt() < 0 || swappiness.getAsInt() > 100)) {
            throw Creation.invalid(
                    "Invalid value: " + swappiness.getAsInt() + ", valid memory swappiness range is 0-100");
        }
    }

    private static void cpu(HostConfig host) {
        int cpus = Runtime.getRuntime().availableProcessors();
        if (host.nanoCpus() < 0 || host.nanoCpus() > cpus * 1_000_000_000L) {
            throw Creation.invalid(
                    "Range of CPUs is from 0.01 to " + cpus + ".00, as there are only " + cpus + " CPUs available");
        }
        if (host.nanoCpus() > 0 && host.cpuPeriod() > 0) {
            throw Creation.invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
        }
        if (host.nanoCpus() > 0 && host.cpuQuota() > 0) {
            throw Creation.invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
        }
        if (host.cpuPeriod() != 0 && (host.cpuPeriod() < 1000 || host.cpuPeriod() > 1_000_000)) {
            throw Creation.invalid(
                    "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
        }
        if (host.cpuQuota() > 0 && host.cpuQuota() < 1000) {
            throw Creation.invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
        }
        if (host.cpuQuota() < -1) {
            throw Creation.invalid("the CPU quota must be a number of microseconds, or -1 for none");
        }
        if (host.cpuShares() < 0) {
            throw Creation.invalid("invalid CPU shares (" + host.cpuShares() + "): value must be a positive integer");
        }
        if (host.cpuShares() == 1 || host.cpuShares() > 262_144) {
            throw Creation.invalid("CPU shares must be from 2 to 262144, not " + host.cpuShares());
        }
        if (host.cpuRealtimePeriod() < 0 || host.cpuRealtimeRuntime() < 0) {
            throw Creation.invalid("CPU real-time period and runtime can not be less than 0");
        }
        if (host.cpuRealtimePeriod() != 0 && host.cpuRealtimeRuntime() > host.cpuRealtimePeriod()) {
            throw Creation.invalid("cpu real-time runtime cannot be higher than cpu real-time period");
        }
        HostFacts.checkProcessors(host.cpusetCpus());
        HostFacts.checkMemoryNodes(host.cpusetMems());
    }

    private static void block(HostConfig host) {
        weight(host.blkioWeight());
        for (HostConfig.DeviceWeight w : host.blkioWeightDevices()) {
            weight(w.weight());
        }
        for (List<HostConfig.DeviceRate> rates :
                List.of(host.blkioReadBps(), host.blkioWriteBps(), host.blkioReadIops(), host.blkioWriteIops())) {
            for (HostConfig.DeviceRate r : rates) {
                if (r.rate() < 0) {
                    throw Creation.invalid("the rate " + r.rate() + " of " + Names.printable(r.path())
                            + " is no number of bytes or operations in a second");
                }
            }
        }
    }

    private static void weight(int weight) {
        if (weight != 0 && (weight < 10 || weight > 1000)) {
            throw Creation.invalid("Range of blkio weight is from 10 to 1000");
        }
    }

    /** Sentences about limits that will be kept but may not be what was meant. */
    static List<String> warnings(HostConfig host) {
        List<String> warnings = new ArrayList<>();
        if (host.oomKillDisable() && host.memory() == 0) {
            warnings.add("OOM killer is disabled for the container, but no memory limit is set, this can result in the"
                    + " system running out of resources.");
        }
        return warnings;
    }

    /**
     * The limits as the runtime takes them.
     *
     * @throws EngineException for a block device that is none
     */
    static Resources resources(HostConfig host) {
        return limits(host).withDevices(Devices.rules(host));
    }

    /** The same without what may be done with devices. */
    static Resources limits(HostConfig host) {
        return new Resources(
                List.of(),
                memoryOf(host),
                cpuOf(host),
                host.pidsLimit() > 0 ? Optional.of(new Resources.Pids(host.pidsLimit())) : Optional.empty(),
                blockOf(host),
                Map.of());
    }

    private static Optional<Resources.Memory> memoryOf(HostConfig host) {
        boolean said = host.memory() > 0
                || host.memoryReservation() > 0
                || host.memorySwappiness().isPresent()
                || host.oomKillDisable();
        OptionalInt swappiness = host.memorySwappiness();
        return !said
                ? Optional.empty()
                : Optional.of(new Resources.Memory(
                        some(host.memory()),
                        some(host.memoryReservation()),
                        swap(host),
                        swappiness.isPresent() ? OptionalLong.of(swappiness.getAsInt()) : OptionalLong.empty(),
                        host.oomKillDisable() ? Optional.of(true) : Optional.empty()));
    }

    private static OptionalLong swap(HostConfig host) {
        return host.memorySwap() != 0
                ? OptionalLong.of(host.memorySwap())
                : host.memory() > 0 ? OptionalLong.of(2 * host.memory()) : OptionalLong.empty();
    }

    private static Optional<Resources.Cpu> cpuOf(HostConfig host) {
        OptionalLong quota = some(host.cpuQuota());
        OptionalLong period = some(host.cpuPeriod());
        if (host.nanoCpus() > 0) {
            period = OptionalLong.of(PERIOD_MICROSECONDS);
            quota = OptionalLong.of(host.nanoCpus() * PERIOD_MICROSECONDS / 1_000_000_000L);
        }
        boolean said = quota.isPresent()
                || period.isPresent()
                || host.cpuShares() > 0
                || host.cpuRealtimePeriod() > 0
                || host.cpuRealtimeRuntime() > 0
                || !host.cpusetCpus().isEmpty()
                || !host.cpusetMems().isEmpty();
        return !said
                ? Optional.empty()
                : Optional.of(new Resources.Cpu(
                        some(host.cpuShares()),
                        quota,
                        OptionalLong.empty(),
                        period,
                        some(host.cpuRealtimeRuntime()),
                        some(host.cpuRealtimePeriod()),
                        host.cpusetCpus(),
                        host.cpusetMems(),
                        OptionalLong.empty()));
    }

    private static Optional<Resources.BlockIo> blockOf(HostConfig host) {
        Resources.BlockIo io = new Resources.BlockIo(
                host.blkioWeight() == 0 ? OptionalInt.empty() : OptionalInt.of(host.blkioWeight()),
                host.blkioWeightDevices().stream()
                        .map(w -> {
                            long[] d = blockDevice(w.path());
                            return new Resources.Weight(d[0], d[1], w.weight());
                        })
                        .toList(),
                throttles(host.blkioReadBps()),
                throttles(host.blkioWriteBps()),
                throttles(host.blkioReadIops()),
                throttles(host.blkioWriteIops()));
        boolean said = io.weight().isPresent()
                || !io.weightDevice().isEmpty()
                || !io.throttleReadBpsDevice().isEmpty()
                || !io.throttleWriteBpsDevice().isEmpty()
                || !io.throttleReadIOPSDevice().isEmpty()
                || !io.throttleWriteIOPSDevice().isEmpty();
        return said ? Optional.of(io) : Optional.empty();
    }

    private static List<Resources.Throttle> throttles(List<HostConfig.DeviceRate> rates) {
        return rates.stream()
                .map(r -> {
                    long[] d = blockDevice(r.path());
                    return new Resources.Throttle(d[0], d[1], r.rate());
                })
                .toList();
    }

    /** Major and minor number of a block device by its path. */
    private static long[] blockDevice(String path) {
        try {
            Path file = Path.of(path);
            int mode = (Integer) Files.getAttribute(file, "unix:mode");
            if (file.isAbsolute() && (mode & 0170000) == 0060000) {
                long device = (Long) Files.getAttribute(file, "unix:rdev");
                return new long[] {device >>> 8 & 0xfff, device & 0xff | device >>> 12 & 0xfff00};
            }
        } catch (IOException | java.nio.file.InvalidPathException e) {
            throw Creation.invalid("the block device " + Names.printable(path) + " cannot be found: " + e.getMessage());
        }
        throw Creation.invalid(Names.printable(path) + " is not a block device");
    }

    private static OptionalLong some(long value) {
        return value == 0 ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
