package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import kist.engine.ContainerConfig.HealthConfig;
import kist.engine.ContainerView.State;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class HealthSystemTest {
    private static final long MILLISECOND = 1_000_000;

    private LiveEngine engine;

    @BeforeEach
    void open(@TempDir Path mine) throws Exception {
        engine = new LiveEngine(mine);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static HealthConfig check(String command, int timeoutMillis, int retries) {
        return new HealthConfig(
                List.of("CMD-SHELL", command), 100 * MILLISECOND, timeoutMillis * MILLISECOND, 0, 0, retries);
    }

    private String run(String name, String command, HealthConfig health, boolean restart) throws InterruptedException {
        return engine.run(
                name,
                LiveEngine.shell(command),
                b -> b.health(Optional.of(health))
                        .labels(LiveEngine.label(HealthCheck.RESTART_LABEL, Boolean.toString(restart))));
    }

    private HealthView health(String name) throws InterruptedException {
        return engine.view(name).health().orElseThrow();
    }

    private void until(String name, String status) throws Exception {
        LiveEngine.until(name + " is " + status, () -> health(name).status().equals(status));
    }

    @Test
    void aContainerIsStartingThenHealthyThenUnhealthyAndEventsSaySo() throws Exception {
        long since = Clock.nanos();
        String id = run("web", "sleep 600", check("echo looking; ls /ok", 5000, 2), false);
        assertEquals(HealthView.STARTING, health("web").status());
        Files.createFile(engine.inside("web", "/ok"));
        until("web", HealthView.HEALTHY);
        Files.delete(engine.inside("web", "/ok"));
        until("web", HealthView.UNHEALTHY);
        HealthView.Check last = health("web").log().getLast();
        assertEquals(1, last.exitCode());
        assertTrue(last.output().startsWith("looking") && last.output().contains("/ok"), last.output());
        assertTrue(last.endNanos() > last.startNanos());
        assertEquals(
                List.of("create web", "start web", "health_status: healthy web", "health_status: unhealthy web"),
                engine.events(since));
        assertEquals(List.of(), engine.view("web").execs(), "checks are not the user's execs");
        engine.stop("web");
        assertEquals(HealthView.UNHEALTHY, health("web").status());
        assertEquals(id, engine.view("web").id());
    }

    @Test
    void aCheckThatTakesTooLongIsKilledWithWhatItStarted() throws Exception {
        run("web", "sleep 600", check("echo begun; sleep 12345; true", 300, 1), false);
        until("web", HealthView.UNHEALTHY);
        HealthView.Check last = health("web").log().getLast();
        assertEquals(-1, last.exitCode());
        assertEquals("Health check exceeded timeout (300ms): begun\n", last.output());
        engine.call(new Request.PauseContainer("web"));
        engine.call(new Request.UnpauseContainer("web"));
        LiveEngine.until("few processes", () -> engine.call(new Request.ListProcesses<>("web", List::size)) <= 4);
    }

    @Test
    void aCheckThatCannotBeRunSaysWhy() throws Exception {
        engine.run(
                "web",
                LiveEngine.shell("sleep 600"),
                b -> b.health(
                        Optional.of(new HealthConfig(List.of("CMD", "/nothere"), 100 * MILLISECOND, 0, 0, 0, 1))));
        until("web", HealthView.UNHEALTHY);
        assertTrue(
                health("web").log().getLast().output().contains("/nothere"),
                health("web").toString());
        assertEquals(-1, health("web").log().getLast().exitCode());
    }

    @Test
    void anotherEngineGoesOnChecking() throws Exception {
        run("web", "sleep 600", check("test -e /ok", 5000, 1), false);
        Files.createFile(engine.inside("web", "/ok"));
        until("web", HealthView.HEALTHY);
        long pid = engine.view("web").pid();
        engine.restart();
        assertEquals(HealthView.HEALTHY, health("web").status());
        Files.delete(engine.inside("web", "/ok"));
        until("web", HealthView.UNHEALTHY);
        assertEquals(pid, engine.view("web").pid());
    }

    @Test
    void anUnhealthyContainerIsRestartedWhereItsUserWishes() throws Exception {
        long since = Clock.nanos();
        run("web", "sleep 600", check("test ! -e /tmp/ill", 5000, 2), true);
        until("web", HealthView.HEALTHY);
        long pid = engine.view("web").pid();
        Files.createFile(engine.inside("web", "/tmp/ill"));
        // it takes sleep, which is process 1 and deaf to SIGTERM, its time of grace
        LiveEngine.until(
                "it is restarted",
                () -> engine.view("web").restarts() == 1 && engine.view("web").state() == State.RUNNING);
        assertNotEquals(pid, engine.view("web").pid());
        assertTrue(
                engine.events(since).contains("restart web"),
                engine.events(since).toString());
        engine.stop("web");
        Thread.sleep(500);
        assertEquals(State.EXITED, engine.view("web").state());
    }

    @Test
    void oneCanWaitForHealth() throws Exception {
        engine.create(
                "web",
                ContainerConfigBuilder.builder(LiveEngine.shell("sleep 0.5; touch /ok; sleep 600"))
                        .health(Optional.of(check("test -e /ok", 5000, 100)))
                        .build());
        try (Request.Waiting wait = engine.call(new Request.WaitContainer("web", Request.WaitCondition.HEALTHY))) {
            engine.call(new Request.StartContainer("web"));
            assertEquals(0, wait.await());
            assertEquals("", wait.error());
            assertEquals(HealthView.HEALTHY, health("web").status());
        }
        run("ill", "sleep 600", check("false", 5000, 2), false);
        try (Request.Waiting wait = engine.call(new Request.WaitContainer("ill", Request.WaitCondition.HEALTHY))) {
            assertEquals(1, wait.await());
            assertEquals("container ill is unhealthy", wait.error());
        }
        run("brief", "sleep 0.2; exit 9", check("false", 5000, 99), false);
        try (Request.Waiting wait = engine.call(new Request.WaitContainer("brief", Request.WaitCondition.HEALTHY))) {
            assertEquals(9, wait.await());
            assertEquals("container brief exited with code 9 before it was healthy", wait.error());
        }
        engine.run("plain", LiveEngine.shell("sleep 600"));
        try (Request.Waiting wait = engine.call(new Request.WaitContainer("plain", Request.WaitCondition.HEALTHY))) {
            assertEquals(0, wait.await());
        }
        assertFalse(engine.view("plain").health().isPresent());
    }

    @Test
    void checksOfManyContainersLeaveNoThreadAndNoProcessBehind() throws Exception {
        for (int i = 0; i < 10; i++) {
            run("web" + i, "sleep 600", check("true", 5000, 1), false);
        }
        Thread.sleep(2000);
        for (int i = 0; i < 10; i++) {
            assertEquals(HealthView.HEALTHY, health("web" + i).status());
            engine.call(new Request.PauseContainer("web" + i));
        }
        Thread.sleep(300);
        for (int i = 0; i < 10; i++) {
            engine.call(new Request.UnpauseContainer("web" + i));
            engine.stop("web" + i);
        }
        assertTrue(
                Thread.getAllStackTraces().size() < 60,
                "" + Thread.getAllStackTraces().keySet());
    }
}
