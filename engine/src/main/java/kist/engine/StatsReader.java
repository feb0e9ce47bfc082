package kist.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.kernel.KernelException;
import kist.runtime.Cgroup;
import kist.runtime.CgroupStats;
import kist.runtime.Cgroups;

/** Reads what containers use. Nothing is kept and nobody waits between two samples. Thread-safe. */
final class StatsReader {
    private static final int COLUMNS = 16;

    private final Cgroups cgroups;
    private final int cpus = Runtime.getRuntime().availableProcessors();
    private final long memory = HostFacts.memoryBytes();

    StatsReader(Cgroups cgroups) {
        this.cgroups = cgroups;
    }

    StatsStream open(Container c) {
        return new StatsStream() {
            @Override
            public Optional<StatsSample> sample() {
                return c.run.removed() ? Optional.empty() : Optional.of(read(c));
            }

            @Override
            public void close() {}
        };
    }

    private StatsSample read(Container c) {
        StoredState before = c.state;
        Optional<CgroupStats> group = before.alive() ? group(c) : Optional.empty();
        List<StatsSample.Interface> interfaces =
                group.isPresent() && !c.host().network().equals("host") ? interfaces(before.pid()) : List.of();
        if (c.state.pid() != before.pid() || !c.state.alive()) {
            // it ended in between: the process may be another's by now
            group = Optional.empty();
            interfaces = List.of();
        }
        return new StatsSample(
                Clock.nanos(),
                c.id(),
                c.name(),
                group,
                cgroups.version(),
                interfaces,
                cpus,
                // of each processor as much as of time; the host's own counters have ticks of 10 ms
                System.nanoTime() * cpus,
                memory);
    }

    private static Optional<CgroupStats> group(Container c) {
        Optional<Cgroup> cgroup = c.cgroup;
        try {
            return cgroup.map(Cgroup::stats);
        } catch (KernelException | NumberFormatException e) {
            // it is being removed
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "statistics of " + c.id(), e);
            return Optional.empty();
        }
    }

    private static List<StatsSample.Interface> interfaces(long pid) {
        try {
            return parse(Files.readString(Path.of("/proc/" + pid + "/net/dev"), StandardCharsets.UTF_8));
        } catch (IOException e) {
            return List.of();
        }
    }

    /** The file net/dev: two lines of titles, then a line for each interface. */
    static List<StatsSample.Interface> parse(String text) {
        List<StatsSample.Interface> all = new ArrayList<>();
        for (String line : text.split("\n")) {
            int colon = line.indexOf(':');
            if (colon < 0) {
                continue;
            }
            String name = line.substring(0, colon).strip();
            String[] n = line.substring(colon + 1).strip().split("\\s+");
            if (n.length < COLUMNS || name.equals("lo")) {
                continue;
            }
            all.add(new StatsSample.Interface(
                    name,
                    Long.parseLong(n[0]),
                    Long.parseLong(n[1]),
                    Long.parseLong(n[2]),
                    Long.parseLong(n[3]),
                    Long.parseLong(n[8]),
                    Long.parseLong(n[9]),
                    Long.parseLong(n[10]),
                    Long.parseLong(n[11])));
        }
        return all;
    }
}
