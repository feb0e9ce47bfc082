package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Limits of a control group (config-linux.md, resources). What is empty is left as the kernel has it, or on an update as
 * it was.
 *
 * @param devices rules in order, the last that matches counts
 * @param unified files of cgroup v2 by name
 */
@Json
public record Resources(
        List<DeviceRule> devices,
        Optional<Memory> memory,
        Optional<Cpu> cpu,
        Optional<Pids> pids,
        Optional<BlockIo> blockIO,
        Map<String, String> unified) {
    /** No limits. */
    public static final Resources NONE =
            new Resources(List.of(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Map.of());

    /**
     * A rule of the device list.
     *
     * @param type {@code a} for all, {@code c} or {@code b}
     * @param major empty for any
     * @param access letters of r, w and m
     */
    @Json
    public record DeviceRule(boolean allow, String type, OptionalLong major, OptionalLong minor, String access) {}

    /**
     * Memory in bytes, -1 for no limit.
     *
     * @param swap memory and swap together
     * @param swappiness 0 to 100
     */
    @Json
    public record Memory(
            OptionalLong limit,
            OptionalLong reservation,
            OptionalLong swap,
            OptionalLong swappiness,
            Optional<Boolean> disableOOMKiller) {
        /** The limit, and the limit of memory and swap together; empty for none. */
        public static Memory of(OptionalLong limit, OptionalLong swap, OptionalLong reservation) {
            return new Memory(limit, reservation, swap, OptionalLong.empty(), Optional.empty());
        }
    }

    /**
     * Processors.
     *
     * @param shares weight, 2 to 262144
     * @param quota microseconds in each period, -1 for no limit
     * @param period microseconds
     * @param cpus list such as {@code 0-2,4}
     * @param mems list of memory nodes
     */
    @Json
    public record Cpu(
            OptionalLong shares,
            OptionalLong quota,
            OptionalLong burst,
            OptionalLong period,
            OptionalLong realtimeRuntime,
            OptionalLong realtimePeriod,
            String cpus,
            String mems,
            OptionalLong idle) {
        /** Weight, quota, period and the sets, which are empty for all. */
        public static Cpu of(OptionalLong shares, OptionalLong quota, OptionalLong period, String cpus, String mems) {
            return new Cpu(
                    shares,
                    quota,
                    OptionalLong.empty(),
                    period,
                    OptionalLong.empty(),
                    OptionalLong.empty(),
                    cpus,
                    mems,
                    OptionalLong.empty());
        }
    }

    /** The number of processes and threads; 0 or less for no limit. */
    @Json
    public record Pids(long limit) {}

    /**
     * Block devices.
     *
     * @param weight relative to other groups, 10 to 1000
     */
    @Json
    public record BlockIo(
            OptionalInt weight,
            List<Weight> weightDevice,
            List<Throttle> throttleReadBpsDevice,
            List<Throttle> throttleWriteBpsDevice,
            List<Throttle> throttleReadIOPSDevice,
            List<Throttle> throttleWriteIOPSDevice) {}

    /** The weight on one device, 10 to 1000. */
    @Json
    public record Weight(long major, long minor, int weight) {}

    /** Bytes or operations in a second on one device. */
    @Json
    public record Throttle(long major, long minor, long rate) {}

    /** The same limits with other device rules. */
    public Resources withDevices(List<DeviceRule> rules) {
        return new Resources(rules, memory, cpu, pids, blockIO, unified);
    }
}
