package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What can be done with a container that is there: through the docker command and through kist's. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class LifecycleTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private String sleeper(String name) {
        return command("run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "600")
                .ok();
    }

    /** One whose first process ends by SIGTERM. */
    private String obedient(String name) {
        return command(
                        "run",
                        "-d",
                        "--name",
                        name,
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "trap 'exit 7' TERM; while :; do sleep 0.05; done")
                .ok();
    }

    private Json state(String container) {
        return engine.inspect(container).at("State");
    }

    @Test
    void create_start_and_wait_are_run_in_three_steps() {
        var id = command("create", "--name", "steps", "--network", "none", "busybox", "sh", "-c", "exit 4")
                .ok();
        assertEquals("created", state("steps").text("Status"));
        assertEquals("steps", command("start", "steps").ok());
        assertEquals("4", command("wait", "steps").ok());
        var state = state(id);
        assertEquals("exited", state.text("Status"));
        assertEquals(4, state.number("ExitCode"));
        assertEquals(0, state.number("Pid"));
        assertFalse(state.text("FinishedAt").startsWith("0001"), "" + state);
    }

    @Test
    void a_stopped_container_starts_again_with_what_it_wrote() {
        command(
                        "run",
                        "--name",
                        "again",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "echo run >>/count; wc -l </count")
                .ok();
        assertEquals("2", command("start", "-a", "again").ok());
        assertEquals("3", command("start", "--attach", "again").ok());
    }

    @Test
    void stop_asks_first_and_waits() {
        obedient("polite");
        assertEquals("polite", command("stop", "polite").ok());
        assertEquals(7, state("polite").number("ExitCode"));
    }

    @Test
    void stop_kills_when_the_time_is_over() {
        // sleep as process 1 has no handler for SIGTERM, and the kernel protects process 1
        sleeper("deaf");
        var result = command("stop", "-t", "1", "deaf").run();
        result.ok();
        assertTrue(result.took().compareTo(Duration.ofMillis(900)) > 0, result.toString());
        assertEquals(137, state("deaf").number("ExitCode"));
    }

    @Test
    void stopping_a_stopped_container_is_fine() {
        sleeper("twice");
        command("stop", "-t", "0", "twice").ok();
        assertEquals("twice", command("stop", "twice").ok());
    }

    @Test
    void kill_sends_the_signal_asked_for() {
        sleeper("killed");
        assertEquals("killed", command("kill", "killed").ok());
        assertEquals("137", command("wait", "killed").ok());
        obedient("told");
        // its shell needs a moment to set the trap
        Wait.sleep(Duration.ofMillis(300));
        command("kill", "--signal", "TERM", "told").ok();
        assertEquals("7", command("wait", "told").ok());
    }

    @Test
    void restart_gives_another_process() {
        sleeper("restarted");
        long before = engine.pid("restarted");
        command("restart", "-t", "0", "restarted").ok();
        assertTrue(state("restarted").flag("Running"));
        assertNotEquals(before, engine.pid("restarted"));
    }

    @Test
    void a_paused_container_stands_still_until_it_is_unpaused() {
        command(
                        "run",
                        "-d",
                        "--name",
                        "still",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "while :; do echo tick; sleep 0.05; done")
                .ok();
        command("pause", "still").ok();
        assertTrue(state("still").flag("Paused"));
        assertEquals("paused", state("still").text("Status"));
        var lines = command("logs", "still").run().lines().size();
        Wait.sleep(Duration.ofMillis(300));
        assertEquals(lines, command("logs", "still").run().lines().size());
        command("exec", "still", "true").run().exits(1).says("paused");
        command("unpause", "still").ok();
        assertEquals("running", state("still").text("Status"));
        Wait.until("more ticks", () -> command("logs", "still").run().lines().size() > lines);
    }

    @Test
    void rename_gives_another_name_and_frees_the_old_one() {
        var id = sleeper("old");
        command("rename", "old", "new").ok();
        assertEquals("/new", engine.inspect(id).text("Name"));
        assertEquals(404, engine.api().get("/containers/old/json").status());
        assertNotEquals(id, sleeper("old"));
    }

    @Test
    void rm_removes_a_stopped_container_and_with_f_a_running_one() {
        sleeper("running");
        command("run", "--name", "stopped", "--network", "none", "busybox", "true")
                .ok();
        assertEquals("stopped", command("rm", "stopped").ok());
        command("rm", "running").run().exits(1).says("running");
        assertTrue(state("running").flag("Running"));
        assertEquals("running", command("rm", "-f", "running").ok());
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void several_containers_can_be_named_at_once() {
        sleeper("one");
        sleeper("two");
        assertEquals("one\ntwo", command("kill", "one", "two").ok());
        assertEquals("137\n137", command("wait", "one", "two").ok());
        var result = command("rm", "one", "missing", "two").run().exits(1).says("missing");
        assertEquals("one\ntwo", result.out());
    }

    @Test
    void a_container_is_known_by_its_name_its_id_and_the_begin_of_its_id() {
        var id = sleeper("known");
        assertEquals(id, command("inspect", "--format", "{{.Id}}", "known").ok());
        assertEquals(
                id, command("inspect", "-f", "{{.Id}}", id.substring(0, 10)).ok());
        assertEquals("/known", command("inspect", "-f", "{{.Name}}", id).ok());
    }

    @Test
    void top_lists_the_processes() {
        sleeper("top");
        var lines = command("top", "top").run().lines();
        assertTrue(lines.getFirst().contains("PID") && lines.getFirst().contains("CMD"), "" + lines);
        assertTrue(lines.get(1).endsWith("sleep 600"), "" + lines);
        assertEquals(2, lines.size());
    }

    @Test
    void attach_shows_what_comes_and_ends_with_the_container() {
        command("create", "-i", "--name", "attached", "--network", "none", "busybox", "cat")
                .ok();
        command("start", "attached").ok();
        try (var running = command("attach", "attached").start()) {
            running.write("through\n");
            running.awaitOut("through");
            running.closeInput();
            assertEquals("through", running.await().ok());
        }
        // cat saw the end of its input
        assertEquals("0", command("wait", "attached").ok());
    }

    @Test
    void an_image_in_use_is_not_removed() {
        sleeper("user");
        command("rmi", "busybox").run().exits(1).says("busybox");
        assertEquals(
                "busybox works",
                command("run", "--rm", "busybox", "echo", "busybox works").ok());
    }
}
