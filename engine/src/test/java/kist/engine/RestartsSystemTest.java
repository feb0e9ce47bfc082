package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import kist.engine.ContainerView.State;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class RestartsSystemTest {
    private static final String COUNT = "echo run >>/count; ";

    @TempDir
    static Path directory;

    private LiveEngine engine;

    @BeforeEach
    void open(@TempDir Path mine) throws Exception {
        engine = new LiveEngine(mine);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private State state(String name) throws InterruptedException {
        return engine.view(name).state();
    }

    @Test
    void alwaysRunsAgainUntilItIsStopped() throws Exception {
        engine.run("web", LiveEngine.shell("exit 3", "always", 0));
        LiveEngine.until("three restarts", () -> engine.view("web").restarts() >= 3);
        assertTrue(state("web") == State.RESTARTING || state("web") == State.RUNNING, "" + state("web"));
        engine.stop("web");
        ContainerView stopped = engine.view("web");
        assertEquals(State.EXITED, stopped.state());
        assertEquals(3, stopped.exitCode());
        Thread.sleep(1500);
        assertEquals(stopped.restarts(), engine.view("web").restarts());
        assertEquals(State.EXITED, state("web"));
        engine.call(new Request.StartContainer("web"));
        assertTrue(engine.view("web").restarts() < stopped.restarts(), "a start by hand is a new life");
        engine.call(new Request.KillContainer("web", "KILL"));
        assertEquals(State.EXITED, state("web"));
    }

    @Test
    void onFailureGivesUpAndIsHappyWithSuccess() throws Exception {
        engine.run("bad", LiveEngine.shell("exit 7", "on-failure", 2));
        LiveEngine.until("the end", () -> state("bad") == State.EXITED);
        assertEquals(2, engine.view("bad").restarts());
        assertEquals(7, engine.view("bad").exitCode());
        engine.run(
                "good",
                LiveEngine.shell(
                        COUNT + "test $(cat /count | head -c 100000 | dd 2>/dev/null | grep -c run) = 2",
                        "on-failure",
                        0));
        LiveEngine.until(
                "success",
                () -> state("good") == State.EXITED || engine.view("good").restarts() > 3);
    }

    @Test
    void aContainerThatWaitsForItsRestartCanBeStartedStoppedKilledAndRemoved() throws Exception {
        engine.run("web", LiveEngine.shell("test -e /up && sleep 600; exit 1", "always", 0));
        LiveEngine.until("a long wait", () -> engine.view("web").restarts() >= 5 && state("web") == State.RESTARTING);
        EngineException running = assertThrows(
                EngineException.class, () -> engine.call(new Request.RemoveContainer("web", false, false)));
        assertEquals(EngineException.Kind.CONFLICT, running.kind());
        assertTrue(running.getMessage().contains("restarting"), running.getMessage());
        EngineException exec = assertThrows(
                EngineException.class,
                () -> engine.call(new Request.CreateExec(
                        "web", new ExecConfig(List.of("true"), List.of(), "", "", false, false, true, true, false))));
        assertTrue(exec.getMessage().contains("is restarting"), exec.getMessage());
        assertThrows(EngineException.class, () -> engine.call(new Request.PauseContainer("web")));
        assertTrue(engine.call(new Request.ListContainers(false)).stream()
                .anyMatch(c -> c.name().equals("web")));
        engine.call(new Request.StartContainer("web"));
        LiveEngine.until(
                "waiting again",
                () -> state("web") == State.RESTARTING && engine.view("web").restarts() >= 5);
        engine.call(new Request.KillContainer("web", "KILL"));
        assertEquals(State.EXITED, state("web"));
        engine.call(new Request.StartContainer("web"));
        LiveEngine.until(
                "waiting again",
                () -> state("web") == State.RESTARTING && engine.view("web").restarts() >= 4);
        engine.call(new Request.RestartContainer("web", OptionalInt.of(0), ""));
        LiveEngine.until("waiting again", () -> state("web") == State.RESTARTING);
        engine.remove("web");
        assertTrue(engine.call(new Request.ListContainers(true)).isEmpty());
    }

    @Test
    void anotherEngineGoesOnWithWhatWasWaitedFor() throws Exception {
        engine.run("web", LiveEngine.shell("exit 1", "always", 0));
        LiveEngine.until("waiting", () -> engine.view("web").restarts() >= 3 && state("web") == State.RESTARTING);
        int before = engine.view("web").restarts();
        engine.restart();
        LiveEngine.until("it goes on", () -> engine.view("web").restarts() > before);
        engine.stop("web");
    }

    @Test
    void whatEndsWhileThereIsNoEngineIsStartedByTheNext() throws Exception {
        engine.run("web", LiveEngine.shell("sleep 600", "unless-stopped", 0));
        engine.run("plain", LiveEngine.shell("sleep 600"));
        engine.run("fine", LiveEngine.shell("sleep 600", "always", 0));
        long web = engine.view("web").pid();
        long plain = engine.view("plain").pid();
        long fine = engine.view("fine").pid();
        engine.restart(() -> {
            ProcessHandle.of(web).orElseThrow().destroyForcibly();
            ProcessHandle.of(plain).orElseThrow().destroyForcibly();
            Thread.sleep(300);
            return true;
        });
        LiveEngine.until("it runs again", () -> state("web") == State.RUNNING);
        assertNotEquals(web, engine.view("web").pid());
        assertEquals(1, engine.view("web").restarts());
        assertEquals(State.EXITED, state("plain"));
        assertEquals(137, engine.view("plain").exitCode());
        assertEquals(fine, engine.view("fine").pid(), "what runs is not touched");
    }

    /** As after a crash of the host: neither processes nor the keeper are there any more. */
    @Test
    void whatTheHostTookWithItIsStartedAsItsPolicySays() throws Exception {
        engine.run("web", LiveEngine.shell("sleep 600", "on-failure", 0));
        engine.run("plain", LiveEngine.shell("sleep 600"));
        ProcessHandle web = ProcessHandle.of(engine.view("web").pid()).orElseThrow();
        ProcessHandle plain = ProcessHandle.of(engine.view("plain").pid()).orElseThrow();
        ProcessHandle keeper = web.parent().orElseThrow();
        engine.restart(() -> {
            keeper.destroyForcibly();
            web.destroyForcibly();
            plain.destroyForcibly();
            LiveEngine.until("all gone", () -> !keeper.isAlive() && !web.isAlive() && !plain.isAlive());
            return true;
        });
        LiveEngine.until("it runs again", () -> state("web") == State.RUNNING);
        assertEquals(State.EXITED, state("plain"));
        assertEquals(255, engine.view("plain").exitCode());
        assertTrue(engine.view("plain").error().contains("its exit code is not known"));
    }

    @Test
    void whatWasStoppedStaysSoUnlessItsPolicyIsAlways() throws Exception {
        for (String policy : List.of("always", "unless-stopped", "on-failure")) {
            engine.run(policy, LiveEngine.shell("sleep 600", policy, 0));
            engine.stop(policy);
        }
        engine.create("never", LiveEngine.shell("sleep 600", "always", 0));
        engine.restart();
        LiveEngine.until("always runs", () -> state("always") == State.RUNNING);
        Thread.sleep(300);
        assertEquals(State.EXITED, state("unless-stopped"));
        assertEquals(State.EXITED, state("on-failure"));
        assertEquals(State.CREATED, state("never"));
    }

    @Test
    void aSignalThatIsNoEndDoesNotCountAsOne() throws Exception {
        engine.run("web", LiveEngine.shell("trap 'exit 5' USR1; while :; do sleep 0.05; done", "always", 0));
        Thread.sleep(300);
        engine.call(new Request.KillContainer("web", "USR1"));
        LiveEngine.until("it runs again", () -> engine.view("web").restarts() == 1 && state("web") == State.RUNNING);
        engine.call(new Request.KillContainer("web", "TERM"));
        Thread.sleep(200);
        engine.call(new Request.KillContainer("web", "KILL"));
        Thread.sleep(500);
        assertEquals(State.EXITED, state("web"));
    }

    @Test
    void aStartThatFailsIsTriedAgain() throws Exception {
        Path source = directory.resolve("source");
        Files.createDirectories(source);
        ContainerConfig config = LiveEngine.shell("exit 1")
                .withHost(HostConfigBuilder.builder()
                        .network("none")
                        .restart(new HostConfig.RestartPolicy("always", 0))
                        .mounts(List.of(HostConfigMountSpecBuilder.builder()
                                .type("bind")
                                .source(source.toString())
                                .target("/data")
                                .build()))
                        .build());
        engine.run("web", config);
        Files.delete(source);
        LiveEngine.until("a failed start", () -> !engine.view("web").error().isEmpty());
        int before = engine.view("web").restarts();
        LiveEngine.until("another try", () -> engine.view("web").restarts() > before);
        Files.createDirectories(source);
        LiveEngine.until("it starts", () -> engine.view("web").error().isEmpty());
        engine.stop("web");
    }

    @Test
    void eventsTellOfEachRestartAndOfTheStop() throws Exception {
        long since = Clock.nanos();
        engine.run("web", LiveEngine.shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"));
        Thread.sleep(200);
        engine.call(new Request.RestartContainer("web", OptionalInt.empty(), ""));
        Thread.sleep(200);
        engine.call(new Request.StopContainer("web", OptionalInt.empty(), ""));
        engine.call(new Request.RemoveContainer("web", false, false));
        assertEquals(
                List.of(
                        "create web",
                        "start web",
                        "kill web",
                        "die web",
                        "stop web",
                        "start web",
                        "restart web",
                        "kill web",
                        "die web",
                        "stop web",
                        "destroy web"),
                engine.events(since));
        engine.restart();
        assertEquals(11, engine.events(since).size(), "the past survives the engine");
    }

    @Test
    void aContainerToBeRemovedIsRemovedAlsoWhereItsEngineIsNotThere() throws Exception {
        ContainerConfig config = LiveEngine.shell("sleep 600")
                .withHost(HostConfigBuilder.builder()
                        .network("none")
                        .autoRemove(true)
                        .build());
        engine.run("brief", config);
        long pid = engine.view("brief").pid();
        engine.restart(() -> {
            ProcessHandle.of(pid).orElseThrow().destroyForcibly();
            Thread.sleep(300);
            return true;
        });
        assertTrue(engine.call(new Request.ListContainers(true)).isEmpty());
    }

    @Test
    void aWaitEndsWithEachRunAndOneForRemovalWithTheRemoval() throws Exception {
        engine.create("web", LiveEngine.shell("exit 4", "on-failure", 1));
        try (Request.Waiting next = engine.call(new Request.WaitContainer("web", Request.WaitCondition.NEXT_EXIT));
                Request.Waiting now = engine.call(new Request.WaitContainer("web", Request.WaitCondition.NOT_RUNNING));
                Request.Waiting gone = engine.call(new Request.WaitContainer("web", Request.WaitCondition.REMOVED))) {
            assertEquals(0, now.await());
            engine.call(new Request.StartContainer("web"));
            assertEquals(4, next.await());
            LiveEngine.until("the end", () -> state("web") == State.EXITED);
            assertEquals(1, engine.view("web").restarts());
            engine.remove("web");
            assertEquals(4, gone.await());
        }
        assertFalse(engine.call(new Request.ListContainers(true)).stream()
                .anyMatch(c -> c.name().equals("web")));
    }
}
