package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RestartsTest {
    private static final long MILLISECOND = 1_000_000;
    private static final long SECOND = 1000 * MILLISECOND;

    private static HostConfig.RestartPolicy policy(String text) {
        String[] parts = text.split(":");
        return new HostConfig.RestartPolicy(parts[0], parts.length > 1 ? Integer.parseInt(parts[1]) : 0);
    }

    private static StoredState ended(int code, long ran) {
        return StoredState.NEW.running(7, SECOND).exited(code, false, SECOND + ran, "");
    }

    static Container container(ContainerConfig config, StoredState state) {
        return new Container(
                new StoredContainer(
                        1,
                        "c1",
                        "web",
                        config,
                        "sha256:x",
                        42,
                        List.of("true"),
                        List.of(),
                        "/",
                        "",
                        Map.of(),
                        "SIGTERM",
                        OptionalInt.empty()),
                state,
                l -> {});
    }

    @ParameterizedTest
    @CsvSource({
        "'', 1, false",
        "no, 1, false",
        "always, 0, true",
        "always, 1, true",
        "unless-stopped, 0, true",
        "on-failure, 0, false",
        "on-failure, 1, true",
        "on-failure:2, 137, true",
    })
    void aPolicySaysAfterWhichExitsAContainerRunsAgain(String policy, int code, boolean again) {
        assertEquals(again, Restarts.delay(policy(policy), ended(code, 0), true).isPresent());
        assertFalse(
                Restarts.delay(policy(policy), ended(code, 0).unwanted(), true).isPresent(),
                "never where its user stopped it");
    }

    @Test
    void onFailureCountsItsAttempts() {
        StoredState state = ended(1, 0);
        int restarts = 0;
        for (OptionalLong delay = Restarts.delay(policy("on-failure:3"), state, true);
                delay.isPresent();
                delay = Restarts.delay(policy("on-failure:3"), state, true)) {
            state = state.waiting(delay.getAsLong()).running(8, SECOND).exited(1, false, SECOND, "");
            restarts++;
        }
        assertEquals(3, restarts);
        assertEquals(3, state.restarts());
        assertTrue(
                Restarts.delay(policy("on-failure:3"), state.wanted(), true).isPresent(),
                "a start by hand is a new life");
    }

    @Test
    void theDelayDoublesUpToAMinuteAndBeginsAnewAfterTenSecondsOfRun() {
        List<Long> delays = new ArrayList<>();
        StoredState state = ended(1, 0);
        for (int i = 0; i < 12; i++) {
            long delay = Restarts.delay(policy("always"), state, true).orElseThrow();
            delays.add(delay / MILLISECOND);
            state = state.waiting(delay).running(8, SECOND).exited(1, false, 2 * SECOND, "");
        }
        assertEquals(
                List.of(100L, 200L, 400L, 800L, 1600L, 3200L, 6400L, 12800L, 25600L, 51200L, 60000L, 60000L), delays);
        StoredState settled = state.running(9, SECOND).exited(1, false, 11 * SECOND, "");
        assertEquals(
                100 * MILLISECOND,
                Restarts.delay(policy("always"), settled, true).orElseThrow());
        assertEquals(
                60 * SECOND,
                Restarts.delay(policy("always"), settled, false).orElseThrow(),
                "a start that failed has not run");
    }

    @ParameterizedTest
    @CsvSource({
        "always, false, true",
        "always, true, true",
        "unless-stopped, false, true",
        "unless-stopped, true, false",
        "on-failure, false, false",
        "no, false, false",
    })
    void aPolicySaysWhetherAContainerStartsWithItsEngine(String policy, boolean stopped, boolean starts) {
        StoredState state = stopped ? ended(1, 0).unwanted() : ended(1, 0);
        assertEquals(starts, Restarts.startsWithEngine(policy(policy), state));
        assertFalse(Restarts.startsWithEngine(policy(policy), StoredState.NEW), "never what was never started");
    }

    @Test
    void whatWaitsIsStartedWhenItsTimeHasComeUnlessSomebodyCameBefore() {
        FakeTimers timers = new FakeTimers();
        List<String> started = new ArrayList<>();
        Restarts restarts = new Restarts(timers, c -> started.add(c.id()));
        Container c = container(ContainerConfig.of("busybox"), ended(1, 0).waiting(SECOND));
        restarts.schedule(c, SECOND);
        timers.pass(SECOND - 1);
        assertEquals(List.of(), started);
        timers.pass(1);
        assertEquals(List.of("c1"), started);

        restarts.schedule(c, SECOND);
        restarts.cancel(c);
        assertEquals(0, timers.waiting());
        timers.pass(2 * SECOND);
        assertEquals(1, started.size());

        restarts.schedule(c, SECOND);
        c.state = c.state.phase(StoredState.Phase.RUNNING);
        timers.pass(2 * SECOND);
        assertEquals(1, started.size(), "it runs already");

        c.state = c.state.phase(StoredState.Phase.RESTARTING);
        restarts.schedule(c, SECOND);
        c.removing = true;
        timers.pass(2 * SECOND);
        assertEquals(1, started.size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            sometimes         | unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'
            on-failure:-1     | maximum retry count cannot be negative
            always:3          | maximum retry count can only be used with 'on-failure'
            unless-stopped:-3 | can only be used with 'on-failure' and cannot be negative
            """)
    void aPolicyThatIsNoneIsRefused(String policy, String why) {
        HostConfig host = HostConfigBuilder.builder().restart(policy(policy)).build();
        EngineException e = assertThrows(EngineException.class, () -> Restarts.check(host));
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind());
        assertTrue(e.getMessage().contains(why), e.getMessage());
    }

    @Test
    void removalAndRestartExcludeEachOther() {
        HostConfig host = HostConfigBuilder.builder()
                .restart(policy("always"))
                .autoRemove(true)
                .build();
        EngineException e = assertThrows(EngineException.class, () -> Restarts.check(host));
        assertTrue(e.getMessage().contains("AutoRemove"), e.getMessage());
        Restarts.check(HostConfigBuilder.builder(host).restart(policy("no")).build());
    }
}
