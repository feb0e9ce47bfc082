package kist.runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** Control groups of version 2: one directory with the files of all controllers. */
final class CgroupsV2 implements Cgroups {
    private final Linux linux;
    private final ControlFiles files;
    private final List<String> controllers;

    CgroupsV2(Linux linux, ControlFiles files) {
        this.linux = linux;
        this.files = files;
        this.controllers = List.of(files.read("cgroup.controllers").strip().split(" "));
    }

    @Override
    public int version() {
        return 2;
    }

    @Override
    public List<String> hierarchies() {
        return List.of();
    }

    @Override
    public List<String> controllers() {
        return controllers;
    }

    @Override
    public Cgroup create(String path, Resources limits) {
        String below = GroupSupport.below(path);
        delegate("");
        for (int slash = below.indexOf('/'); slash > 0; slash = below.indexOf('/', slash + 1)) {
            String parent = below.substring(0, slash);
            files.make(parent);
            delegate(parent + "/");
        }
        if (!files.make(below)) {
            files.removeTree(below);
            if (!files.make(below)) {
                throw new KernelException("control group /" + below, Errno.EEXIST);
            }
        }
        Group group = new Group(below);
        try {
            group.update(limits);
            return group;
        } catch (RuntimeException e) {
            group.remove();
            throw e;
        }
    }

    /** Hands the controllers down to the groups below a directory. */
    private void delegate(String directory) {
        String on = files.read(directory + "cgroup.subtree_control");
        List<String> have = List.of(on.strip().split(" "));
        StringBuilder wanted = new StringBuilder();
        for (String controller :
                files.read(directory + "cgroup.controllers").strip().split(" ")) {
            if (!controller.isEmpty() && !have.contains(controller)) {
                wanted.append(wanted.isEmpty() ? "+" : " +").append(controller);
            }
        }
        if (wanted.isEmpty()) {
            return;
        }
        try {
            files.write(directory + "cgroup.subtree_control", wanted.toString());
        } catch (KernelException e) {
            throw new KernelException(
                    "handing the controllers " + wanted + " down in " + files.mountPoint + "/" + directory
                            + " (a group with processes of its own cannot)",
                    e.errno());
        }
    }

    @Override
    public Cgroup open(String path) {
        return new Group(GroupSupport.below(path));
    }

    @Override
    public List<String> children(String path) {
        return files.children(GroupSupport.below(path));
    }

    private final class Group implements Cgroup {
        private final String path;
        private Optional<Fd> directory = Optional.empty();

        Group(String path) {
            this.path = path;
        }

        private String at(String file) {
            return path + "/" + file;
        }

        @Override
        public String path() {
            return "/" + path;
        }

        @Override
        public List<Fd> joinDescriptors() {
            return List.of();
        }

        @Override
        public synchronized Optional<Fd> cloneInto() {
            if (directory.isEmpty()) {
                directory = Optional.of(files.open(path, Flags.O_RDONLY | Flags.O_DIRECTORY));
            }
            return directory;
        }

        @Override
        public Map<String, String> directories() {
            return Map.of("", files.mountPoint + "/" + path);
        }

        private void set(String field, String file, String value) {
            files.set(field, at(file), value);
        }

        private static String limit(long value) {
            return value < 0 ? "max" : Long.toString(value);
        }

        @Override
        public void update(Resources r) {
            r.memory().ifPresent(this::memory);
            r.cpu().ifPresent(this::cpu);
            r.pids().ifPresent(p -> set("pids.limit", "pids.max", p.limit() > 0 ? Long.toString(p.limit()) : "max"));
            r.blockIO().ifPresent(this::blockIo);
            r.unified().forEach((file, value) -> {
                if (file.indexOf('/') >= 0 || file.startsWith(".") || file.startsWith("cgroup.")) {
                    throw new SpecException("linux.resources.unified", "\"" + file + "\" is no limit of cgroup v2");
                }
                set("unified." + file, file, value);
            });
            if (!r.devices().isEmpty()) {
                List<Resources.DeviceRule> rules = new ArrayList<>(r.devices());
                rules.addAll(GroupSupport.ALWAYS);
                try (Fd dir = files.open(path, Flags.O_RDONLY | Flags.O_DIRECTORY)) {
                    DeviceProgram.attach(dir, rules);
                }
            }
        }

        private void memory(Resources.Memory m) {
            if (m.swappiness().isPresent()) {
                throw new SpecException("linux.resources.memory.swappiness", "cgroup v2 has no such limit");
            }
            if (m.disableOOMKiller().orElse(false)) {
                throw new SpecException("linux.resources.memory.disableOOMKiller", "cgroup v2 has no such switch");
            }
            // what is reserved has no limit here, but nothing reserved is 0
            m.reservation().ifPresent(v -> set("memory.reservation", "memory.low", Long.toString(Math.max(0, v))));
            m.limit().ifPresent(v -> set("memory.limit", "memory.max", limit(v)));
            if (m.swap().isPresent()) {
                long sum = m.swap().getAsLong();
                if (sum >= 0 && m.limit().isEmpty()) {
                    throw new SpecException(
                            "linux.resources.memory.swap", "is memory and swap together, so it needs memory.limit too");
                }
                long swap = sum < 0 ? -1 : sum - m.limit().getAsLong();
                if (sum >= 0 && swap < 0) {
                    throw new SpecException(
                            "linux.resources.memory.swap",
                            "is memory and swap together, so not less than memory.limit");
                }
                // without swap there is no file, and then nothing to be limited either
                if (swap > 0 || files.exists(at("memory.swap.max"))) {
                    set("memory.swap", "memory.swap.max", limit(swap));
                }
            }
        }

        private void cpu(Resources.Cpu c) {
            if (c.realtimePeriod().orElse(0) != 0 || c.realtimeRuntime().orElse(0) != 0) {
                throw new SpecException("linux.resources.cpu.realtimeRuntime", "cgroup v2 has no such limit");
            }
            long shares = c.shares().orElse(0);
            if (shares != 0) {
                long weight = 1 + (Math.clamp(shares, 2L, 262144L) - 2) * 9999 / 262142;
                set("cpu.shares", "cpu.weight", Long.toString(weight));
            }
            long quota = c.quota().orElse(0);
            long period = c.period().orElse(0);
            if (quota != 0 || period != 0) {
                String max = quota > 0 ? Long.toString(quota) : "max";
                set("cpu.quota", "cpu.max", max + (period > 0 ? " " + period : ""));
            }
            c.burst().ifPresent(v -> set("cpu.burst", "cpu.max.burst", Long.toString(v)));
            c.idle().ifPresent(v -> set("cpu.idle", "cpu.idle", Long.toString(v)));
            if (!c.cpus().isEmpty()) {
                set("cpu.cpus", "cpuset.cpus", c.cpus());
            }
            if (!c.mems().isEmpty()) {
                set("cpu.mems", "cpuset.mems", c.mems());
            }
        }

        /** 10 to 1000 of version 1 is 1 to 10000 of io.weight. */
        private static long weight(boolean bfq, int weight) {
            return bfq ? weight : 1 + (weight - 10L) * 9999 / 990;
        }

        private void blockIo(Resources.BlockIo io) {
            boolean bfq = files.exists(at("io.bfq.weight"));
            String file = bfq ? "io.bfq.weight" : "io.weight";
            int weight = io.weight().orElse(0);
            if (weight != 0) {
                set("blockIO.weight", file, Long.toString(weight(bfq, weight)));
            }
            for (Resources.Weight w : io.weightDevice()) {
                set("blockIO.weightDevice", file, w.major() + ":" + w.minor() + " " + weight(bfq, w.weight()));
            }
            throttle("throttleReadBpsDevice", "rbps", io.throttleReadBpsDevice());
            throttle("throttleWriteBpsDevice", "wbps", io.throttleWriteBpsDevice());
            throttle("throttleReadIOPSDevice", "riops", io.throttleReadIOPSDevice());
            throttle("throttleWriteIOPSDevice", "wiops", io.throttleWriteIOPSDevice());
        }

        private void throttle(String field, String key, List<Resources.Throttle> devices) {
            for (Resources.Throttle t : devices) {
                String rate = t.rate() == 0 ? "max" : Long.toString(t.rate());
                set("blockIO." + field, "io.max", t.major() + ":" + t.minor() + " " + key + "=" + rate);
            }
        }

        @Override
        public void freeze() {
            files.write(at("cgroup.freeze"), "1");
            try {
                GroupSupport.await("freezing the control group /" + path, this::isFrozen);
            } catch (KernelException e) {
                thaw();
                throw e;
            }
        }

        @Override
        public void thaw() {
            files.write(at("cgroup.freeze"), "0");
        }

        @Override
        public boolean isFrozen() {
            return files.table(at("cgroup.events")).getOrDefault("frozen", 0L) == 1;
        }

        @Override
        public boolean oomKilled() {
            return files.table(at("memory.events")).getOrDefault("oom_kill", 0L) > 0;
        }

        @Override
        public List<Long> processes() {
            List<Long> all = new ArrayList<>();
            collect(path, all);
            return all;
        }

        private void collect(String at, List<Long> all) {
            all.addAll(files.processes(at + "/cgroup.procs"));
            for (String child : files.children(at)) {
                collect(at + "/" + child, all);
            }
        }

        @Override
        public void killAll() {
            GroupSupport.await("killing the processes of the control group /" + path, () -> {
                if (!files.exists(path)) {
                    return true;
                }
                if (files.exists(at("cgroup.kill"))) {
                    files.write(at("cgroup.kill"), "1");
                } else {
                    GroupSupport.kill(linux, processes());
                }
                return processes().isEmpty();
            });
        }

        @Override
        public CgroupStats stats() {
            Map<String, Long> cpu = files.table(at("cpu.stat"));
            return new CgroupStats(
                    files.number(at("memory.current")),
                    files.number(at("memory.peak")),
                    files.limit(at("memory.max")),
                    files.table(at("memory.events")).getOrDefault("max", 0L),
                    files.table(at("memory.stat")),
                    1000 * cpu.getOrDefault("usage_usec", 0L),
                    1000 * cpu.getOrDefault("user_usec", 0L),
                    1000 * cpu.getOrDefault("system_usec", 0L),
                    List.of(),
                    cpu.getOrDefault("nr_periods", 0L),
                    cpu.getOrDefault("nr_throttled", 0L),
                    1000 * cpu.getOrDefault("throttled_usec", 0L),
                    files.number(at("pids.current")),
                    files.limit(at("pids.max")),
                    io());
        }

        private List<CgroupStats.DeviceIo> io() {
            List<CgroupStats.DeviceIo> all = new ArrayList<>();
            for (String line : files.read(at("io.stat")).split("\n")) {
                int space = line.indexOf(' ');
                int colon = line.indexOf(':');
                if (colon <= 0 || space < colon) {
                    continue;
                }
                Map<String, Long> n = new LinkedHashMap<>();
                for (String pair : line.substring(space + 1).split(" ")) {
                    int equals = pair.indexOf('=');
                    if (equals > 0) {
                        n.put(pair.substring(0, equals), ControlFiles.parse(pair.substring(equals + 1)));
                    }
                }
                all.add(new CgroupStats.DeviceIo(
                        ControlFiles.parse(line.substring(0, colon)),
                        ControlFiles.parse(line.substring(colon + 1, space)),
                        n.getOrDefault("rbytes", 0L),
                        n.getOrDefault("wbytes", 0L),
                        n.getOrDefault("rios", 0L),
                        n.getOrDefault("wios", 0L)));
            }
            return all;
        }

        @Override
        public void remove() {
            close();
            GroupSupport.removing(() -> files.removeTree(path));
        }

        @Override
        public synchronized void close() {
            directory.ifPresent(Fd::close);
            directory = Optional.empty();
        }
    }
}
