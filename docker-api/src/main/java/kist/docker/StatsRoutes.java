package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.engine.Request;
import kist.engine.StatsSample;
import kist.engine.StatsStream;
import kist.http.ResponseStream;
import kist.runtime.CgroupStats;
import org.jspecify.annotations.Nullable;

/** {@code GET /containers/{id}/stats}. */
final class StatsRoutes {
    private static final long INTERVAL_MILLIS = 1000;
    /** Between the two samples of one answer; time is counted finely enough for that. */
    private static final long BRIEF_MILLIS = 500;

    private StatsRoutes() {}

    static void stats(Call call, String ref) throws IOException, InterruptedException {
        boolean stream = !call.request().hasParameter("stream") || call.flag("stream");
        boolean once = call.flag("one-shot");
        if (stream && once) {
            throw Errors.invalid("cannot have stream=true and one-shot=true");
        }
        try (StatsStream stats = call.ask(new Request.ReadStats(ref))) {
            if (stream) {
                follow(call, stats);
            } else {
                call.answer(200, single(stats, once));
            }
        }
    }

    private static Map<String, @Nullable Object> single(StatsStream stats, boolean once) throws InterruptedException {
        Optional<StatsSample> first = stats.sample();
        if (once || first.filter(s -> s.group().isPresent()).isEmpty()) {
            return json(first.orElseThrow(() -> Errors.notFound("the container was removed")), Optional.empty());
        }
        Thread.sleep(BRIEF_MILLIS);
        return json(stats.sample().orElse(first.get()), first);
    }

    private static void follow(Call call, StatsStream stats) throws IOException, InterruptedException {
        ResponseStream out = call.exchange().stream(200, "application/json");
        Thread writer = Thread.currentThread();
        call.exchange().onClientGone(new Runnable() {
            @Override
            public void run() {
                writer.interrupt();
            }
        });
        Optional<StatsSample> before = Optional.empty();
        for (Optional<StatsSample> now = stats.sample(); now.isPresent(); now = stats.sample()) {
            out.write(Json.bytes(json(now.get(), before)));
            out.write('\n');
            out.flush();
            before = now;
            Thread.sleep(INTERVAL_MILLIS);
        }
    }

    /** A sample as Docker shows it, with the processor's counters of the sample before. */
    static Map<String, @Nullable Object> json(StatsSample now, Optional<StatsSample> before) {
        Map<String, @Nullable Object> json = Json.object("id", now.id(), "name", "/" + now.name());
        boolean runs = now.group().isPresent();
        json.put("os_type", "linux");
        json.put("read", runs ? Times.rfc3339(now.nanos()) : Times.rfc3339(0));
        json.put("preread", runs ? Times.rfc3339(before.map(StatsSample::nanos).orElse(0L)) : Times.rfc3339(0));
        json.put("num_procs", 0);
        json.put("storage_stats", Json.object());
        json.put("pids_stats", now.group().map(StatsRoutes::pids).orElse(Json.object()));
        json.put("cpu_stats", cpu(Optional.of(now)));
        json.put("precpu_stats", cpu(before));
        json.put("memory_stats", now.group().map(g -> memory(g, now)).orElse(Json.object()));
        json.put("blkio_stats", io(now));
        if (!now.interfaces().isEmpty()) {
            json.put("networks", networks(now.interfaces()));
        }
        return json;
    }

    private static Map<String, @Nullable Object> pids(CgroupStats group) {
        Map<String, @Nullable Object> pids = Json.object("current", group.pids());
        group.pidsLimit().ifPresent(limit -> pids.put("limit", limit));
        return pids;
    }

    private static Map<String, @Nullable Object> cpu(Optional<StatsSample> sample) {
        Optional<CgroupStats> group = sample.flatMap(StatsSample::group);
        Map<String, @Nullable Object> usage = Json.object(
                "total_usage", group.map(CgroupStats::cpuTotal).orElse(0L),
                "usage_in_kernelmode", group.map(CgroupStats::cpuSystem).orElse(0L),
                "usage_in_usermode", group.map(CgroupStats::cpuUser).orElse(0L));
        List<Long> each = group.map(CgroupStats::cpuPerCpu).orElse(List.of());
        if (!each.isEmpty()) {
            usage.put("percpu_usage", each);
        }
        Map<String, @Nullable Object> cpu = Json.object("cpu_usage", usage);
        if (group.isPresent()) {
            cpu.put("system_cpu_usage", sample.get().cpuTime());
            cpu.put("online_cpus", sample.get().cpus());
        }
        cpu.put(
                "throttling_data",
                Json.object(
                        "periods", group.map(CgroupStats::periods).orElse(0L),
                        "throttled_periods",
                                group.map(CgroupStats::throttledPeriods).orElse(0L),
                        "throttled_time", group.map(CgroupStats::throttledTime).orElse(0L)));
        return cpu;
    }

    private static Map<String, @Nullable Object> memory(CgroupStats group, StatsSample sample) {
        Map<String, @Nullable Object> memory = Json.object("usage", group.memoryUsage());
        if (sample.cgroupVersion() == 1) {
            memory.put("max_usage", group.memoryPeak());
            memory.put("failcnt", group.memoryFailures());
        }
        memory.put("stats", new LinkedHashMap<String, Object>(group.memoryDetail()));
        // where there is no limit, the host's memory is one
        memory.put("limit", Math.min(group.memoryLimit().orElse(sample.memory()), sample.memory()));
        return memory;
    }

    private static Map<String, @Nullable Object> io(StatsSample sample) {
        boolean first = sample.cgroupVersion() == 1;
        boolean runs = sample.group().isPresent();
        List<Object> bytes = new ArrayList<>();
        List<Object> operations = new ArrayList<>();
        for (CgroupStats.DeviceIo device : sample.group().map(CgroupStats::io).orElse(List.of())) {
            bytes.add(entry(device, first ? "Read" : "read", device.readBytes()));
            bytes.add(entry(device, first ? "Write" : "write", device.writtenBytes()));
            operations.add(entry(device, first ? "Read" : "read", device.readOperations()));
            operations.add(entry(device, first ? "Write" : "write", device.writeOperations()));
        }
        @Nullable Object empty = first && runs ? List.of() : null;
        return Json.object(
                "io_service_bytes_recursive", runs ? bytes : null,
                "io_serviced_recursive", first && runs ? operations : null,
                "io_queue_recursive", empty,
                "io_service_time_recursive", empty,
                "io_wait_time_recursive", empty,
                "io_merged_recursive", empty,
                "io_time_recursive", empty,
                "sectors_recursive", empty);
    }

    private static Map<String, @Nullable Object> entry(CgroupStats.DeviceIo device, String what, long value) {
        return Json.object("major", device.major(), "minor", device.minor(), "op", what, "value", value);
    }

    private static Map<String, @Nullable Object> networks(List<StatsSample.Interface> interfaces) {
        Map<String, @Nullable Object> networks = Json.object();
        for (StatsSample.Interface i : interfaces) {
            networks.put(
                    i.name(),
                    Json.object(
                            "rx_bytes", i.rxBytes(),
                            "rx_packets", i.rxPackets(),
                            "rx_errors", i.rxErrors(),
                            "rx_dropped", i.rxDropped(),
                            "tx_bytes", i.txBytes(),
                            "tx_packets", i.txPackets(),
                            "tx_errors", i.txErrors(),
                            "tx_dropped", i.txDropped()));
        }
        return networks;
    }
}
