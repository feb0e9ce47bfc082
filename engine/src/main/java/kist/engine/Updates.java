package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import kist.kernel.KernelException;
import kist.runtime.Cgroup;
import kist.runtime.Resources;
import kist.runtime.SpecException;

/** Changes the limits and the restart policy of containers, of those that run at once. */
final class Updates {
    private final ContainerStore store;
    private final Events events;

    Updates(ContainerStore store, Events events) {
        this.store = store;
        this.events = events;
    }

    /**
     * Changes what was asked for, all of it or nothing; answers warnings.
     *
     * @throws EngineException for limits that are none, contradict those that stay, or that the kernel does not take
     */
    List<String> update(Container c, ContainerUpdate wish) {
        c.lock.lock();
        try {
            if (c.removing) {
                throw Lifecycle.conflict("cannot update container " + c.id()
                        + ": container is marked for removal and cannot be \"update\"");
            }
            HostConfig old = c.host();
            conflicts(old, wish);
            HostConfig changed = merge(old, wish);
            ResourceLimits.check(changed);
            Restarts.check(changed);
            StoredContainer stored = c.stored.withHost(changed);
            Optional<Cgroup> live = c.state.alive() ? c.cgroup : Optional.empty();
            try (Undo undo = new Undo()) {
                if (live.isPresent()) {
                    undo.push(() -> back(c, live.get(), old, changed));
                    live.get().update(difference(old, changed));
                }
                store.update(stored);
                undo.commit();
            } catch (SpecException | KernelException e) {
                throw new EngineException(
                        EngineException.Kind.INVALID_ARGUMENT,
                        "Cannot update container " + c.id() + ": " + e.getMessage(),
                        e);
            }
            c.stored = stored;
            events.publish("container", "update", c.id(), c.attributes());
            return ResourceLimits.warnings(changed);
        } finally {
            c.lock.unlock();
        }
    }

    private static void back(Container c, Cgroup live, HostConfig old, HostConfig changed) {
        try {
            live.update(difference(changed, old));
        } catch (SpecException | KernelException e) {
            System.getLogger("kist")
                    .log(System.Logger.Level.WARNING, "limits of " + c.id() + " are not as they were", e);
        }
    }

    private static void conflicts(HostConfig old, ContainerUpdate wish) {
        if (given(wish.nanoCpus()) && old.cpuPeriod() > 0) {
            throw conflict("Nano CPUs cannot be updated as CPU Period has already been set");
        }
        if (given(wish.nanoCpus()) && old.cpuQuota() > 0) {
            throw conflict("Nano CPUs cannot be updated as CPU Quota has already been set");
        }
        if (given(wish.cpuPeriod()) && old.nanoCpus() > 0) {
            throw conflict("CPU Period cannot be updated as NanoCPUs has already been set");
        }
        if (given(wish.cpuQuota()) && old.nanoCpus() > 0) {
            throw conflict("CPU Quota cannot be updated as NanoCPUs has already been set");
        }
        long swap = old.memorySwap();
        if (swap > 0 && wish.memory().orElse(0) > swap && !given(wish.memorySwap())) {
            throw Lifecycle.conflict("Memory limit should be smaller than already set memoryswap limit, update the"
                    + " memoryswap at the same time");
        }
        wish.restart().ifPresent(policy -> {
            boolean none = policy.name().isEmpty() || policy.name().equals("no");
            if (old.autoRemove() && !none) {
                throw Lifecycle.conflict(
                        "Restart policy cannot be updated because AutoRemove is enabled for the container");
            }
        });
    }

    private static EngineException conflict(String what) {
        return Lifecycle.conflict("Conflicting options: " + what);
    }

    private static boolean given(OptionalLong value) {
        return value.orElse(0) != 0;
    }

    /** The settings with the wish laid over them. */
    static HostConfig merge(HostConfig old, ContainerUpdate wish) {
        long memory = wish.memory().orElse(old.memory());
        long swap = wish.memorySwap().orElse(old.memorySwap());
        return HostConfigBuilder.builder(old)
                .memory(memory)
                .memorySwap(swap == 0 && memory > 0 ? 2 * memory : swap)
                .memoryReservation(wish.memoryReservation().orElse(old.memoryReservation()))
                .nanoCpus(wish.nanoCpus().orElse(old.nanoCpus()))
                .cpuShares(wish.cpuShares().orElse(old.cpuShares()))
                .cpuPeriod(wish.cpuPeriod().orElse(old.cpuPeriod()))
                .cpuQuota(wish.cpuQuota().orElse(old.cpuQuota()))
                .cpuRealtimePeriod(wish.cpuRealtimePeriod().orElse(old.cpuRealtimePeriod()))
                .cpuRealtimeRuntime(wish.cpuRealtimeRuntime().orElse(old.cpuRealtimeRuntime()))
                .cpusetCpus(wish.cpusetCpus().isEmpty() ? old.cpusetCpus() : wish.cpusetCpus())
                .cpusetMems(wish.cpusetMems().isEmpty() ? old.cpusetMems() : wish.cpusetMems())
                // -1 remembers that somebody said "none"
                .pidsLimit(wish.pidsLimit().isPresent() ? none(wish.pidsLimit().getAsLong()) : old.pidsLimit())
                .blkioWeight(wish.blkioWeight().orElse(old.blkioWeight()))
                .blkioWeightDevices(
                        over(old.blkioWeightDevices(), wish.blkioWeightDevices(), HostConfig.DeviceWeight::path))
                .blkioReadBps(over(old.blkioReadBps(), wish.blkioReadBps(), HostConfig.DeviceRate::path))
                .blkioWriteBps(over(old.blkioWriteBps(), wish.blkioWriteBps(), HostConfig.DeviceRate::path))
                .blkioReadIops(over(old.blkioReadIops(), wish.blkioReadIops(), HostConfig.DeviceRate::path))
                .blkioWriteIops(over(old.blkioWriteIops(), wish.blkioWriteIops(), HostConfig.DeviceRate::path))
                .restart(wish.restart().orElse(old.restart()))
                .build();
    }

    private static long none(long limit) {
        return limit > 0 ? limit : -1;
    }

    private static <T> List<T> over(List<T> old, List<T> wish, Function<T, String> path) {
        List<T> all = new ArrayList<>();
        for (T o : old) {
            if (wish.stream().noneMatch(w -> path.apply(w).equals(path.apply(o)))) {
                all.add(o);
            }
        }
        all.addAll(wish);
        return List.copyOf(all);
    }

    /** What must be written to come from one to the other; where the other has no limit, the kernel's word for none. */
    static Resources difference(HostConfig from, HostConfig to) {
        Resources before = ResourceLimits.limits(from);
        Resources after = ResourceLimits.limits(to);
        return new Resources(
                List.of(),
                after.memory().equals(before.memory()) ? Optional.empty() : Optional.of(memory(to)),
                after.cpu().equals(before.cpu())
                        ? Optional.empty()
                        : Optional.of(after.cpu().map(Updates::cpu).orElse(NO_CPU_LIMIT)),
                from.pidsLimit() == to.pidsLimit() ? Optional.empty() : Optional.of(new Resources.Pids(to.pidsLimit())),
                after.blockIO().equals(before.blockIO())
                        ? Optional.empty()
                        : Optional.of(block(before.blockIO(), after.blockIO())),
                Map.of());
    }

    private static Resources.Memory memory(HostConfig to) {
        boolean limited = to.memory() > 0;
        return Resources.Memory.of(
                OptionalLong.of(limited ? to.memory() : -1),
                OptionalLong.of(limited && to.memorySwap() > 0 ? to.memorySwap() : -1),
                OptionalLong.of(to.memoryReservation() > 0 ? to.memoryReservation() : -1));
    }

    private static final Resources.Cpu NO_CPU_LIMIT =
            cpu(Resources.Cpu.of(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty(), "", ""));

    private static Resources.Cpu cpu(Resources.Cpu c) {
        return new Resources.Cpu(
                OptionalLong.of(c.shares().orElse(1024)),
                OptionalLong.of(c.quota().orElse(-1)),
                OptionalLong.empty(),
                c.period(),
                c.realtimeRuntime(),
                c.realtimePeriod(),
                c.cpus(),
                c.mems(),
                OptionalLong.empty());
    }

    private static final Resources.BlockIo NO_BLOCK_LIMIT =
            new Resources.BlockIo(OptionalInt.empty(), List.of(), List.of(), List.of(), List.of(), List.of());

    private static Resources.BlockIo block(Optional<Resources.BlockIo> before, Optional<Resources.BlockIo> after) {
        Resources.BlockIo old = before.orElse(NO_BLOCK_LIMIT);
        Resources.BlockIo now = after.orElse(NO_BLOCK_LIMIT);
        return new Resources.BlockIo(
                now.weight(),
                now.weightDevice(),
                throttles(old.throttleReadBpsDevice(), now.throttleReadBpsDevice()),
                throttles(old.throttleWriteBpsDevice(), now.throttleWriteBpsDevice()),
                throttles(old.throttleReadIOPSDevice(), now.throttleReadIOPSDevice()),
                throttles(old.throttleWriteIOPSDevice(), now.throttleWriteIOPSDevice()));
    }

    /** A rate of 0 takes a limit away. */
    private static List<Resources.Throttle> throttles(List<Resources.Throttle> old, List<Resources.Throttle> now) {
        List<Resources.Throttle> all = new ArrayList<>();
        for (Resources.Throttle o : old) {
            if (now.stream().noneMatch(n -> n.major() == o.major() && n.minor() == o.minor())) {
                all.add(new Resources.Throttle(o.major(), o.minor(), 0));
            }
        }
        all.addAll(now);
        return all;
    }
}
