package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import kist.engine.ContainerConfig.HealthConfig;
import kist.image.ImageConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HealthTest {
    private static final long SECOND = 1_000_000_000L;

    private final FakeTimers timers = new FakeTimers();
    private final List<Long> checks = new ArrayList<>();
    private final List<String> changes = new ArrayList<>();
    private int exitCode;
    private Runnable during = () -> {};

    private HealthView.Check probe(Container c, List<String> argv, long timeout) {
        checks.add((timers.now() - c.state.startedNanos()) / SECOND);
        during.run();
        return new HealthView.Check(timers.now(), timers.now(), exitCode, String.join(" ", argv));
    }

    private void changed(Container c, Health health) {
        changes.add(health.view().status());
    }

    private static HealthConfig config(String test, long interval, long startPeriod, long startInterval, int retries) {
        return new HealthConfig(
                List.of(test.split(" ")), interval * SECOND, 0, startPeriod * SECOND, startInterval * SECOND, retries);
    }

    private Health begin(HealthConfig config) {
        ContainerConfig made = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(Optional.of(config))
                .build();
        Container c = RestartsTest.container(made, StoredState.NEW.running(7, timers.now()));
        return Health.begin(c, HealthCheck.of(made, Map.of()).orElseThrow(), timers, this::probe, this::changed);
    }

    @Test
    void itIsHealthyAfterTheFirstSuccessAndUnhealthyAfterSoManyFailures() {
        Health health = begin(config("CMD true", 10, 0, 0, 3));
        assertEquals(HealthView.STARTING, health.view().status());
        timers.pass(9 * SECOND);
        assertEquals(List.of(), checks);
        timers.pass(SECOND);
        assertEquals(List.of(10L), checks);
        assertEquals(HealthView.HEALTHY, health.view().status());
        exitCode = 1;
        timers.pass(20 * SECOND);
        assertEquals(HealthView.HEALTHY, health.view().status());
        assertEquals(2, health.view().failingStreak());
        timers.pass(10 * SECOND);
        assertEquals(HealthView.UNHEALTHY, health.view().status());
        exitCode = 0;
        timers.pass(10 * SECOND);
        assertEquals(List.of(HealthView.HEALTHY, HealthView.UNHEALTHY, HealthView.HEALTHY), changes);
        assertEquals(0, health.view().failingStreak());
        assertEquals(5, health.view().log().size());
        timers.pass(100 * SECOND);
        assertEquals(5, health.view().log().size(), "only the latest");
        assertEquals("true", health.view().log().getFirst().output());
    }

    @Test
    void inTheStartPeriodItIsCheckedOftenAndFailuresDoNotCount() {
        exitCode = 1;
        Health health = begin(config("CMD true", 30, 20, 2, 2));
        timers.pass(20 * SECOND);
        assertEquals(10, checks.size());
        assertEquals(HealthView.STARTING, health.view().status());
        timers.pass(60 * SECOND);
        assertEquals(HealthView.UNHEALTHY, health.view().status());
        assertEquals(List.of(20L, 50L), checks.subList(9, 11));
    }

    @Test
    void aSuccessEndsTheStartPeriod() {
        Health health = begin(config("CMD true", 30, 60, 2, 1));
        timers.pass(2 * SECOND);
        assertEquals(HealthView.HEALTHY, health.view().status());
        exitCode = 1;
        timers.pass(30 * SECOND);
        assertEquals(List.of(2L, 32L), checks);
        assertEquals(HealthView.UNHEALTHY, health.view().status());
    }

    @Test
    void betweenTwoChecksThereIsOneTimerAndAfterTheEndNone() {
        Health health = begin(config("CMD true", 10, 0, 0, 3));
        timers.pass(35 * SECOND);
        assertEquals(1, timers.waiting());
        health.end();
        assertEquals(0, timers.waiting());
        timers.pass(100 * SECOND);
        assertEquals(3, checks.size());
        assertEquals(HealthView.UNHEALTHY, health.view().status(), "one that does not run is not healthy");
    }

    @Test
    void aCheckThatTheEndOvertookDoesNotCount() {
        Health health = begin(config("CMD true", 10, 0, 0, 3));
        during = health::end;
        timers.pass(10 * SECOND);
        assertEquals(List.of(), changes);
        assertEquals(List.of(), health.view().log());
        assertEquals(0, timers.waiting());
    }

    @Test
    void aFrozenContainerIsNotCheckedAndKeepsItsStatus() {
        Health health = begin(config("CMD true", 10, 0, 0, 3));
        timers.pass(10 * SECOND);
        health.paused();
        timers.pass(100 * SECOND);
        assertEquals(1, checks.size());
        assertEquals(HealthView.HEALTHY, health.view().status());
        health.unpaused();
        timers.pass(10 * SECOND);
        assertEquals(2, checks.size());
        during = health::paused;
        timers.pass(10 * SECOND);
        assertEquals(0, timers.waiting(), "paused in the middle of a check");
        health.unpaused();
        assertEquals(1, timers.waiting());
    }

    @Test
    void anotherEngineGoesOnFromWhatIsOnDisk() {
        ContainerConfig made = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(Optional.of(config("CMD true", 10, 0, 0, 3)))
                .build();
        Container c = RestartsTest.container(
                made, StoredState.NEW.running(7, timers.now() - 100 * SECOND).health(HealthView.HEALTHY, 0));
        Health health =
                Health.resume(c, HealthCheck.of(made, Map.of()).orElseThrow(), timers, this::probe, this::changed);
        assertEquals(HealthView.HEALTHY, health.view().status());
        timers.pass(10 * SECOND);
        assertEquals(1, checks.size(), "somewhere in the first interval");
        assertEquals(List.of(), changes);
    }

    @Test
    void theImagesCheckIsLaidUnderTheUsersFieldByField() {
        ImageConfig image = new ImageConfig(
                List.of(),
                List.of(),
                List.of(),
                "",
                "",
                List.of(),
                List.of(),
                Map.of(),
                "",
                Optional.of(new ImageConfig.Healthcheck(
                        List.of("CMD", "a"), Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ZERO, 4)),
                List.of(),
                List.of(),
                false);
        assertEquals(
                new HealthConfig(List.of("CMD", "a"), SECOND, 2 * SECOND, 0, 0, 4),
                HealthCheck.merge(Optional.empty(), image).orElseThrow());
        assertEquals(
                new HealthConfig(List.of("CMD", "a"), SECOND, 9, 0, 0, 5),
                HealthCheck.merge(Optional.of(new HealthConfig(List.of(), 0, 9, 0, 0, 5)), image)
                        .orElseThrow());
        HealthConfig none = new HealthConfig(List.of("NONE"), 0, 0, 0, 0, 0);
        ContainerConfig off = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(HealthCheck.merge(Optional.of(none), image))
                .build();
        assertEquals(Optional.empty(), HealthCheck.of(off, Map.of()));
        assertEquals(Optional.empty(), HealthCheck.merge(Optional.empty(), ImageConfig.EMPTY));
    }

    @Test
    void theShellFormIsGivenToTheShell() {
        ContainerConfig config = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(Optional.of(config("CMD-SHELL a|b", 1, 0, 0, 0)))
                .build();
        HealthCheck check = HealthCheck.of(config, Map.of()).orElseThrow();
        assertEquals(List.of("/bin/sh", "-c", "a|b"), check.argv());
        assertEquals(3, check.retries());
        assertEquals(30 * SECOND, check.timeout());
        assertFalse(check.restart());
        ContainerConfig own = ContainerConfigBuilder.builder(config)
                .shell(List.of("/bin/ash", "-ec"))
                .build();
        assertEquals(
                List.of("/bin/ash", "-ec", "a|b"),
                HealthCheck.of(own, Map.of(HealthCheck.RESTART_LABEL, "true"))
                        .orElseThrow()
                        .argv());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            CMD      | 0 | Test in Healthcheck names no command after CMD
            WHAT x   | 0 | Unknown healthcheck type 'WHAT'
            CMD true | 5 | Interval in Healthcheck cannot be less than 1ms
            CMD true | -9 | Interval in Healthcheck cannot be less than 1ms
            """)
    void whatIsNoCheckIsRefused(String test, long interval, String why) {
        ContainerConfig config = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(Optional.of(new HealthConfig(List.of(test.split(" ")), interval, 0, 0, 0, 0)))
                .build();
        EngineException e = assertThrows(EngineException.class, () -> HealthCheck.check(config, Map.of()));
        assertTrue(e.getMessage().startsWith(why), e.getMessage());
    }

    @Test
    void theWishToBeRestartedNeedsACheckAndATruth() {
        ContainerConfig none = ContainerConfig.of("busybox");
        EngineException e = assertThrows(
                EngineException.class, () -> HealthCheck.check(none, Map.of(HealthCheck.RESTART_LABEL, "true")));
        assertTrue(e.getMessage().contains("needs a health check"), e.getMessage());
        EngineException odd = assertThrows(
                EngineException.class, () -> HealthCheck.check(none, Map.of(HealthCheck.RESTART_LABEL, "maybe")));
        assertTrue(odd.getMessage().contains("true or false"), odd.getMessage());
        HealthCheck.check(none, Map.of(HealthCheck.RESTART_LABEL, "false"));
    }

    @Test
    void tenThousandChecksTakeOneThreadAndLittleMemory() throws Exception {
        ContainerConfig made = ContainerConfigBuilder.builder(ContainerConfig.of("busybox"))
                .health(Optional.of(config("CMD true", 1, 0, 0, 3)))
                .build();
        HealthCheck check = HealthCheck.of(made, Map.of()).orElseThrow();
        AtomicLong done = new AtomicLong();
        try (Timers real = Timers.system()) {
            real.begin();
            List<Health> all = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                Container c = RestartsTest.container(made, StoredState.NEW.running(7, real.now()));
                Health.Probe probe = (container, argv, timeout) -> {
                    done.incrementAndGet();
                    return new HealthView.Check(real.now(), real.now(), 0, "fine");
                };
                all.add(Health.begin(c, check, real, probe, (container, health) -> {}));
            }
            int threads = Thread.activeCount();
            long first = used();
            Thread.sleep(4000);
            long last = used();
            assertTrue(done.get() >= 20_000, "only " + done);
            assertTrue(last - first < 32 << 20, "it grew by " + (last - first));
            assertTrue(Thread.activeCount() <= threads + 2, "threads: " + Thread.activeCount());
            all.forEach(Health::end);
        }
    }

    private static long used() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
