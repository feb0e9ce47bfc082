package kist.cli;

/**
 * What a container used at one moment.
 *
 * @param id of the container, in full
 * @param name without the slash
 * @param there whether the container runs, so that the figures mean something
 * @param cpuPercent of one processor
 * @param memory bytes, without what the kernel may drop at any time
 * @param memoryLimit bytes; zero if unknown
 * @param netIn bytes received since the container's start
 * @param netOut bytes sent
 * @param blockRead bytes
 * @param blockWritten bytes
 * @param pids processes and threads
 */
record StatsSample(
        String id,
        String name,
        boolean there,
        double cpuPercent,
        long memory,
        long memoryLimit,
        long netIn,
        long netOut,
        long blockRead,
        long blockWritten,
        long pids) {

    /** A container of which nothing is known yet. */
    static StatsSample unknown(String id, String name) {
        return new StatsSample(id, name, false, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /** Reads a sample of the API, which holds the one before it for the sake of the processor's share. */
    static StatsSample of(String id, String name, Doc stats) {
        long in = 0;
        long out = 0;
        for (var network : stats.map("networks").values()) {
            in += network.number("rx_bytes");
            out += network.number("tx_bytes");
        }
        long read = 0;
        long written = 0;
        for (var entry : stats.list("blkio_stats", "io_service_bytes_recursive")) {
            switch (entry.text("op")) {
                case "Read", "read" -> read += entry.number("value");
                case "Write", "write" -> written += entry.number("value");
                default -> {
                    // sums and kinds of what is counted already
                }
            }
        }
        long limit = stats.number("memory_stats", "limit");
        return new StatsSample(
                stats.text("id").isEmpty() ? id : stats.text("id"),
                stats.text("name").isEmpty() ? name : withoutSlash(stats.text("name")),
                limit > 0 || stats.number("pids_stats", "current") > 0,
                cpu(stats),
                memory(stats),
                limit,
                in,
                out,
                read,
                written,
                stats.number("pids_stats", "current"));
    }

    static String withoutSlash(String name) {
        return name.startsWith("/") ? name.substring(1) : name;
    }

    private static double cpu(Doc stats) {
        double used = number(stats, "cpu_stats", "cpu_usage", "total_usage")
                - number(stats, "precpu_stats", "cpu_usage", "total_usage");
        double all = number(stats, "cpu_stats", "system_cpu_usage") - number(stats, "precpu_stats", "system_cpu_usage");
        long processors = stats.number("cpu_stats", "online_cpus");
        if (processors == 0) {
            processors = stats.list("cpu_stats", "cpu_usage", "percpu_usage").size();
        }
        return used > 0 && all > 0 ? used / all * Math.max(1, processors) * 100 : 0;
    }

    private static double number(Doc stats, String... path) {
        return stats.at(path).value() instanceof Number n ? n.doubleValue() : 0;
    }

    private static long memory(Doc stats) {
        long usage = stats.number("memory_stats", "usage");
        // of control groups v1 and v2
        for (var name : java.util.List.of("total_inactive_file", "inactive_file")) {
            long droppable = stats.number("memory_stats", "stats", name);
            if (droppable > 0 && droppable < usage) {
                return usage - droppable;
            }
        }
        return usage;
    }

    double memoryPercent() {
        return memoryLimit > 0 ? memory * 100.0 / memoryLimit : 0;
    }
}
