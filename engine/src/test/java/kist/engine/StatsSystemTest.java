package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import kist.runtime.CgroupStats;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class StatsSystemTest {
    private LiveEngine engine;

    @BeforeEach
    void open(@TempDir Path mine) throws Exception {
        engine = new LiveEngine(mine);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    @Test
    void aContainersUseIsSeenFromItsStartToItsRemoval() throws Exception {
        String id = engine.create(
                "busy",
                LiveEngine.shell("while :; do :; done")
                        .withHost(HostConfigBuilder.builder()
                                .memory(64 << 20)
                                .pidsLimit(20)
                                .build()));
        try (StatsStream stats = engine.call(new Request.ReadStats("busy"))) {
            assertEquals(Optional.empty(), stats.sample().orElseThrow().group());
            engine.call(new Request.StartContainer(id));
            StatsSample first = stats.sample().orElseThrow();
            Thread.sleep(500);
            StatsSample second = stats.sample().orElseThrow();
            CgroupStats before = first.group().orElseThrow();
            CgroupStats after = second.group().orElseThrow();
            double share = (double) (after.cpuTotal() - before.cpuTotal()) / (second.cpuTime() - first.cpuTime());
            assertTrue(share > 0.05 && share < 1.01, "of all processors: " + share);
            assertEquals(64 << 20, after.memoryLimit().orElseThrow());
            assertEquals(20, after.pidsLimit().orElseThrow());
            assertEquals(1, after.pids());
            assertEquals(
                    List.of("eth0"),
                    second.interfaces().stream()
                            .map(StatsSample.Interface::name)
                            .toList());
            engine.stop("busy");
            assertEquals(Optional.empty(), stats.sample().orElseThrow().group());
            engine.remove("busy");
            assertEquals(Optional.empty(), stats.sample());
        }
    }

    @Test
    void whatDoesNotRunIsPrunedAndItsSizeTold() throws Exception {
        engine.run("writer", LiveEngine.shell("dd if=/dev/zero of=/big bs=1024 count=2048 2>/dev/null"));
        engine.run("sleeper", LiveEngine.shell("sleep 600"));
        engine.run("kept", LiveEngine.shell("true"), b -> b.labels(LiveEngine.label("keep", "yes")));
        engine.create("made", LiveEngine.shell("true"));
        LiveEngine.until(
                "their end",
                () -> engine.call(new Request.ListContainers(false)).size() == 1);
        assertTrue(engine.call(new Request.MeasureContainer("writer")).written() >= 2 << 20);
        long since = Clock.nanos();
        assertEquals(
                List.of(),
                engine.call(new Request.PruneContainers(1, List.of(), List.of()))
                        .ids());
        Request.PrunedContainers pruned = engine.call(new Request.PruneContainers(0, List.of(), List.of("keep=yes")));
        assertEquals(2, pruned.ids().size());
        assertTrue(pruned.bytes() >= 2 << 20);
        assertEquals(
                List.of("kept", "sleeper"),
                engine.call(new Request.ListContainers(true)).stream()
                        .map(ContainerView::name)
                        .sorted()
                        .toList());
        assertTrue(engine.events(since).contains("prune "), engine.events(since).toString());
    }
}
