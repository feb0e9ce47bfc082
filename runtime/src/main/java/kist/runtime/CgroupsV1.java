package kist.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** Control groups of version 1: one directory in each hierarchy. */
final class CgroupsV1 implements Cgroups {
    private static final String SUM = "memory.memsw.limit_in_bytes";
    private static final ControlFiles NOWHERE = new ControlFiles(Linux.system(), Fd.borrowed(-2), "nowhere");

    private final Linux linux;
    private final Map<String, ControlFiles> hierarchies;
    private final Map<String, ControlFiles> byController = new HashMap<>();

    CgroupsV1(Linux linux, Map<String, ControlFiles> hierarchies) {
        this.linux = linux;
        this.hierarchies = new LinkedHashMap<>(hierarchies);
        hierarchies.forEach((name, files) -> {
            for (String controller : name.split(",")) {
                byController.put(controller, files);
            }
        });
    }

    @Override
    public int version() {
        return 1;
    }

    @Override
    public List<String> hierarchies() {
        return List.copyOf(hierarchies.keySet());
    }

    @Override
    public List<String> controllers() {
        return List.copyOf(byController.keySet());
    }

    @Override
    public Cgroup create(String path, Resources limits) {
        String below = GroupSupport.below(path);
        List<ControlFiles> made = new ArrayList<>();
        try {
            for (ControlFiles files : hierarchies.values()) {
                makeParents(files, below);
                if (!files.make(below)) {
                    // left over by an engine that was killed; with processes in it the kernel keeps it
                    files.removeTree(below);
                    if (!files.make(below)) {
                        throw new KernelException("control group /" + below, Errno.EEXIST);
                    }
                }
                made.add(files);
            }
            fillCpuset(below);
            Group group = new Group(below);
            group.update(limits);
            return group;
        } catch (RuntimeException e) {
            for (ControlFiles files : made) {
                try {
                    files.removeTree(below);
                } catch (KernelException again) {
                    e.addSuppressed(again);
                }
            }
            throw e;
        }
    }

    private static void makeParents(ControlFiles files, String below) {
        for (int slash = below.indexOf('/'); slash > 0; slash = below.indexOf('/', slash + 1)) {
            files.make(below.substring(0, slash));
        }
    }

    /** A cpuset begins empty, and then takes no process, unless its parent is set to hand its own down. */
    private void fillCpuset(String below) {
        ControlFiles files = byController.get("cpuset");
        if (files == null || !files.read(below + "/cpuset.cpus").isBlank()) {
            return;
        }
        int slash = below.lastIndexOf('/');
        if (slash > 0) {
            String parent = below.substring(0, slash);
            fillCpuset(parent);
            files.write(parent + "/cgroup.clone_children", "1");
        }
        String above = below.substring(0, slash + 1);
        files.write(below + "/cpuset.cpus", files.read(above + "cpuset.cpus").strip());
        files.write(below + "/cpuset.mems", files.read(above + "cpuset.mems").strip());
    }

    @Override
    public Cgroup open(String path) {
        return new Group(GroupSupport.below(path));
    }

    @Override
    public List<String> children(String path) {
        List<String> all = new ArrayList<>();
        String below = GroupSupport.below(path);
        for (ControlFiles files : hierarchies.values()) {
            for (String child : files.children(below)) {
                if (!all.contains(child)) {
                    all.add(child);
                }
            }
        }
        return all;
    }

    private final class Group implements Cgroup {
        private final String path;
        private final List<Fd> tasks = new ArrayList<>();

        Group(String path) {
            this.path = path;
        }

        private ControlFiles files(String controller) {
            return byController.getOrDefault(controller, NOWHERE);
        }

        private String at(String file) {
            return path + "/" + file;
        }

        @Override
        public String path() {
            return "/" + path;
        }

        @Override
        public synchronized List<Fd> joinDescriptors() {
            if (tasks.isEmpty()) {
                for (ControlFiles files : hierarchies.values()) {
                    tasks.add(files.open(at("tasks"), Flags.O_WRONLY));
                }
            }
            return List.copyOf(tasks);
        }

        @Override
        public Optional<Fd> cloneInto() {
            return Optional.empty();
        }

        @Override
        public Map<String, String> directories() {
            Map<String, String> all = new LinkedHashMap<>();
            hierarchies.forEach((name, files) -> all.put(name, files.mountPoint + "/" + path));
            return all;
        }

        private void set(String field, String controller, String file, String value) {
            ControlFiles files = byController.get(controller);
            if (files == null) {
                throw new SpecException(
                        "linux.resources." + field, "the controller " + controller + " is not mounted on this machine");
            }
            files.set(field, at(file), value);
        }

        private void set(String field, String controller, String file, OptionalLong value) {
            if (value.isPresent()) {
                set(field, controller, file, Long.toString(value.getAsLong()));
            }
        }

        @Override
        public void update(Resources r) {
            r.memory().ifPresent(this::memory);
            r.cpu().ifPresent(this::cpu);
            r.pids()
                    .ifPresent(p ->
                            set("pids.limit", "pids", "pids.max", p.limit() > 0 ? Long.toString(p.limit()) : "max"));
            r.blockIO().ifPresent(this::blockIo);
            if (!r.unified().isEmpty()) {
                throw new SpecException(
                        "linux.resources.unified", "needs cgroup v2; the controllers of this machine are on v1");
            }
            if (!r.devices().isEmpty()) {
                devices(r.devices());
                devices(GroupSupport.ALWAYS);
            }
        }

        private void devices(List<Resources.DeviceRule> rules) {
            for (Resources.DeviceRule rule : rules) {
                String text = GroupSupport.device(rule);
                set("devices", "devices", rule.allow() ? "devices.allow" : "devices.deny", text);
            }
        }

        private void memory(Resources.Memory m) {
            set("memory.reservation", "memory", "memory.soft_limit_in_bytes", m.reservation());
            set("memory.swappiness", "memory", "memory.swappiness", m.swappiness());
            m.disableOOMKiller()
                    .ifPresent(off -> set("memory.disableOOMKiller", "memory", "memory.oom_control", off ? "1" : "0"));
            if (m.limit().isEmpty() && m.swap().isEmpty()) {
                return;
            }
            if (m.swap().isPresent() && isUsualSwap(m) && !files("memory").exists(at(SUM))) {
                set("memory.limit", "memory", "memory.limit_in_bytes", m.limit());
                return;
            }
            // the kernel wants limit <= memory and swap at every moment, so a raise begins with the sum
            OptionalLong now = files("memory").limit(at(SUM));
            boolean sumFirst = m.swap().isPresent()
                    && now.isPresent()
                    && (m.swap().getAsLong() == -1 || m.swap().getAsLong() > now.getAsLong());
            if (sumFirst) {
                set("memory.swap", "memory", SUM, m.swap());
            }
            set("memory.limit", "memory", "memory.limit_in_bytes", m.limit());
            if (!sumFirst) {
                set("memory.swap", "memory", SUM, m.swap());
            }
        }

        /** Kernels can be without a limit of the sum (swapaccount=0); what nobody asked for need not fail there. */
        private static boolean isUsualSwap(Resources.Memory m) {
            long sum = m.swap().orElse(-1);
            return sum == -1 || sum == 2 * m.limit().orElse(0);
        }

        private void cpu(Resources.Cpu c) {
            if (c.shares().isPresent() && c.shares().getAsLong() != 0) {
                set("cpu.shares", "cpu", "cpu.shares", c.shares());
            }
            if (c.period().isPresent() && c.period().getAsLong() != 0) {
                set("cpu.period", "cpu", "cpu.cfs_period_us", c.period());
            }
            if (c.quota().isPresent() && c.quota().getAsLong() != 0) {
                set("cpu.quota", "cpu", "cpu.cfs_quota_us", c.quota());
            }
            set("cpu.burst", "cpu", "cpu.cfs_burst_us", c.burst());
            realtime(c);
            set("cpu.idle", "cpu", "cpu.idle", c.idle());
            if (!c.cpus().isEmpty()) {
                set("cpu.cpus", "cpuset", "cpuset.cpus", c.cpus());
            }
            if (!c.mems().isEmpty()) {
                set("cpu.mems", "cpuset", "cpuset.mems", c.mems());
            }
        }

        private void realtime(Resources.Cpu c) {
            long runtime = c.realtimeRuntime().orElse(0);
            if (c.realtimePeriod().orElse(0) != 0) {
                set("cpu.realtimePeriod", "cpu", "cpu.rt_period_us", c.realtimePeriod());
            }
            if (runtime > 0) {
                makeRoom(runtime, files("cpu").number(at("cpu.rt_period_us")));
            }
            set("cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", c.realtimeRuntime());
        }

        /** A group can have no more than its parent has left, and a parent that was just made has nothing. */
        private void makeRoom(long runtime, long period) {
            ControlFiles files = files("cpu");
            LinkedHashMap<String, Long> wanted = new LinkedHashMap<>();
            long below = runtime;
            long ofPeriod = period;
            for (int slash = path.lastIndexOf('/'), end = path.length(); slash > 0 && ofPeriod > 0; ) {
                String parent = path.substring(0, slash);
                String self = path.substring(slash + 1, end);
                long parents = files.number(parent + "/cpu.rt_period_us");
                long sum = Math.ceilDiv(below * parents, ofPeriod);
                for (String child : files.children(parent)) {
                    long its = files.number(parent + "/" + child + "/cpu.rt_period_us");
                    if (!child.equals(self) && its > 0) {
                        sum += Math.ceilDiv(files.number(parent + "/" + child + "/cpu.rt_runtime_us") * parents, its);
                    }
                }
                if (sum > files.number(parent + "/cpu.rt_runtime_us")) {
                    wanted.putFirst(parent, sum);
                }
                below = sum;
                ofPeriod = parents;
                end = slash;
                slash = path.lastIndexOf('/', slash - 1);
            }
            wanted.forEach((parent, sum) -> {
                try {
                    files.write(parent + "/cpu.rt_runtime_us", Long.toString(sum));
                } catch (KernelException e) {
                    // more than the machine has left: the kernel says so when the limit itself is set
                    System.getLogger("kist").log(System.Logger.Level.DEBUG, parent, e);
                }
            });
        }

        private void blockIo(Resources.BlockIo io) {
            String weight = files("blkio").exists(at("blkio.bfq.weight")) ? "blkio.bfq.weight" : "blkio.weight";
            if (io.weight().isPresent() && io.weight().getAsInt() != 0) {
                set(
                        "blockIO.weight",
                        "blkio",
                        weight,
                        Integer.toString(io.weight().getAsInt()));
            }
            for (Resources.Weight w : io.weightDevice()) {
                set(
                        "blockIO.weightDevice",
                        "blkio",
                        weight + "_device",
                        w.major() + ":" + w.minor() + " " + w.weight());
            }
            throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", io.throttleReadBpsDevice());
            throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", io.throttleWriteBpsDevice());
            throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", io.throttleReadIOPSDevice());
            throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", io.throttleWriteIOPSDevice());
        }

        private void throttle(String field, String file, List<Resources.Throttle> devices) {
            for (Resources.Throttle t : devices) {
                set("blockIO." + field, "blkio", file, t.major() + ":" + t.minor() + " " + t.rate());
            }
        }

        @Override
        public void freeze() {
            files("freezer").write(at("freezer.state"), "FROZEN");
            try {
                GroupSupport.await("freezing the control group /" + path, this::isFrozen);
            } catch (KernelException e) {
                thaw();
                throw e;
            }
        }

        @Override
        public void thaw() {
            files("freezer").write(at("freezer.state"), "THAWED");
        }

        @Override
        public boolean isFrozen() {
            return byController.containsKey("freezer")
                    && files("freezer").read(at("freezer.state")).startsWith("FROZEN");
        }

        @Override
        public boolean oomKilled() {
            return byController.containsKey("memory")
                    && files("memory").table(at("memory.oom_control")).getOrDefault("oom_kill", 0L) > 0;
        }

        @Override
        public List<Long> processes() {
            // all hierarchies hold the same ones, but for those that a container moved below
            ControlFiles files = byController.containsKey("devices") ? files("devices") : files("memory");
            List<Long> all = new ArrayList<>();
            collect(files, path, all);
            return all;
        }

        private void collect(ControlFiles files, String at, List<Long> all) {
            all.addAll(files.processes(at + "/cgroup.procs"));
            for (String child : files.children(at)) {
                collect(files, at + "/" + child, all);
            }
        }

        @Override
        public void killAll() {
            GroupSupport.await("killing the processes of the control group /" + path, () -> {
                List<Long> pids = processes();
                GroupSupport.kill(linux, pids);
                if (!pids.isEmpty() && isFrozen()) {
                    thaw();
                }
                return pids.isEmpty();
            });
        }

        @Override
        public CgroupStats stats() {
            ControlFiles memory = files("memory");
            boolean hasMemory = byController.containsKey("memory");
            boolean hasCpu = byController.containsKey("cpuacct");
            Map<String, Long> throttling =
                    byController.containsKey("cpu") ? files("cpu").table(at("cpu.stat")) : Map.of();
            List<Long> perCpu = new ArrayList<>();
            if (hasCpu) {
                for (String n : files("cpuacct")
                        .read(at("cpuacct.usage_percpu"))
                        .strip()
                        .split(" ")) {
                    perCpu.add(ControlFiles.parse(n));
                }
            }
            boolean hasPids = byController.containsKey("pids");
            return new CgroupStats(
                    hasMemory ? memory.number(at("memory.usage_in_bytes")) : 0,
                    hasMemory ? memory.number(at("memory.max_usage_in_bytes")) : 0,
                    hasMemory ? memory.limit(at("memory.limit_in_bytes")) : OptionalLong.empty(),
                    hasMemory ? memory.number(at("memory.failcnt")) : 0,
                    hasMemory ? memory.table(at("memory.stat")) : Map.of(),
                    hasCpu ? files("cpuacct").number(at("cpuacct.usage")) : 0,
                    hasCpu ? files("cpuacct").number(at("cpuacct.usage_user")) : 0,
                    hasCpu ? files("cpuacct").number(at("cpuacct.usage_sys")) : 0,
                    List.copyOf(perCpu),
                    throttling.getOrDefault("nr_periods", 0L),
                    throttling.getOrDefault("nr_throttled", 0L),
                    throttling.getOrDefault("throttled_time", 0L),
                    hasPids ? files("pids").number(at("pids.current")) : 0,
                    hasPids ? files("pids").limit(at("pids.max")) : OptionalLong.empty(),
                    byController.containsKey("blkio") ? io() : List.of());
        }

        private List<CgroupStats.DeviceIo> io() {
            Map<String, long[]> devices = new LinkedHashMap<>();
            sum(devices, "blkio.throttle.io_service_bytes", 0);
            sum(devices, "blkio.throttle.io_serviced", 2);
            List<CgroupStats.DeviceIo> all = new ArrayList<>();
            devices.forEach((device, n) -> {
                int colon = device.indexOf(':');
                all.add(new CgroupStats.DeviceIo(
                        ControlFiles.parse(device.substring(0, colon)),
                        ControlFiles.parse(device.substring(colon + 1)),
                        n[0],
                        n[1],
                        n[2],
                        n[3]));
            });
            return all;
        }

        private void sum(Map<String, long[]> devices, String file, int at) {
            for (String line : files("blkio").read(at(file)).split("\n")) {
                String[] parts = line.split(" ");
                if (parts.length == 3 && parts[0].indexOf(':') > 0) {
                    long[] n = devices.computeIfAbsent(parts[0], k -> new long[4]);
                    if (parts[1].equals("Read")) {
                        n[at] = ControlFiles.parse(parts[2]);
                    } else if (parts[1].equals("Write")) {
                        n[at + 1] = ControlFiles.parse(parts[2]);
                    }
                }
            }
        }

        @Override
        public void remove() {
            close();
            GroupSupport.removing(() -> {
                for (ControlFiles files : hierarchies.values()) {
                    files.removeTree(path);
                }
            });
        }

        @Override
        public synchronized void close() {
            tasks.forEach(Fd::close);
            tasks.clear();
        }
    }
}
