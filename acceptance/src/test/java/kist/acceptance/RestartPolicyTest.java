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

/** Containers that come back, and those that do not. */
class RestartPolicyTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String run(String policy, String... command) {
        return docker("run", "-d", "--network", "none", "--restart", policy, "busybox")
                .with(command)
                .ok();
    }

    private static long count(String id) {
        return engine.inspect(id).number("RestartCount");
    }

    private static void awaitCount(String id, long count) {
        Wait.until(
                "restart " + count,
                Duration.ofSeconds(30),
                () -> count(id) >= count,
                () -> engine.inspect(id).at("State").toString());
    }

    private static String status(String id) {
        return engine.inspect(id).text("State", "Status");
    }

    @Test
    @Tag("peer")
    void always_comes_back_whatever_the_exit_status_ever_later() {
        var id = run("always", "sh", "-c", "echo run; exit 0");
        var begun = System.nanoTime();
        awaitCount(id, 4);
        // 100, 200 and 400 ms between the runs, some of which the command was on its way back
        assertTrue(System.nanoTime() - begun > 400_000_000L, "too fast");
        var log = docker("logs", id).run().lines().size();
        assertTrue(log >= 4 && log <= count(id) + 1, log + " runs, count " + count(id));
    }

    @Test
    @Tag("peer")
    void between_two_runs_it_is_restarting() {
        var id = run("always", "sh", "-c", "exit 3");
        awaitCount(id, 3);
        Wait.until("restarting", () -> status(id).equals("restarting"));
        var state = engine.inspect(id).at("State");
        assertEquals(3, state.number("ExitCode"), "" + state);
        Wait.until(
                "restarting in ps",
                () -> docker("ps", "--filter", "status=restarting").ok().contains("Restarting (3)"));
        docker("exec", id, "true").run().exits(1);
    }

    @Test
    @Tag("peer")
    void on_failure_comes_back_so_often_and_then_stays() {
        var id = run("on-failure:2", "sh", "-c", "exit 5");
        assertEquals("5", docker("wait", id).ok());
        awaitCount(id, 2);
        Wait.until("the end", () -> status(id).equals("exited"));
        assertEquals(2, count(id));
        assertEquals(5, engine.inspect(id).number("State", "ExitCode"));
    }

    @Test
    @Tag("peer")
    void on_failure_does_not_come_back_after_success() {
        var id = run("on-failure", "true");
        docker("wait", id).ok();
        Wait.sleep(Duration.ofMillis(500));
        assertEquals("exited", status(id));
        assertEquals(0, count(id));
    }

    @Test
    @Tag("peer")
    void no_does_not_come_back() {
        var id = run("no", "false");
        docker("wait", id).ok();
        Wait.sleep(Duration.ofMillis(300));
        assertEquals("exited", status(id));
        assertEquals(0, count(id));
    }

    @Test
    @Tag("peer")
    void a_process_that_is_killed_inside_comes_back_with_another() {
        var id = run("unless-stopped", "sleep", "600");
        long pid = engine.pid(id);
        Command.of("kill", "-KILL", Long.toString(pid)).ok();
        awaitCount(id, 1);
        Wait.until("running again", () -> engine.inspect(id).flag("State", "Running") && engine.pid(id) > 0);
        assertNotEquals(pid, engine.pid(id));
    }

    @Test
    @Tag("peer")
    void what_the_user_stops_or_kills_stays_stopped() {
        for (var policy : List.of("always", "unless-stopped", "on-failure")) {
            var stopped = run(policy, "sleep", "600");
            var killed = run(policy, "sleep", "600");
            docker("stop", "-t", "0", stopped).ok();
            docker("kill", killed).ok();
            Wait.sleep(Duration.ofMillis(500));
            assertEquals("exited", status(stopped), policy);
            assertEquals("exited", status(killed), policy);
        }
    }

    @Test
    @Tag("peer")
    void a_stop_between_two_runs_ends_it() {
        var id = run("always", "false");
        awaitCount(id, 3);
        docker("stop", id).ok();
        Wait.until("the end", () -> status(id).equals("exited"));
        long count = count(id);
        Wait.sleep(Duration.ofMillis(1200));
        assertEquals(count, count(id));
        assertEquals("exited", status(id));
    }

    @Test
    @Tag("peer")
    void a_container_between_two_runs_can_be_removed() {
        var id = run("always", "false");
        awaitCount(id, 3);
        docker("rm", "-f", id).ok();
        assertEquals(List.of(), engine.containers());
    }

    @Test
    @Tag("peer")
    void an_update_of_the_policy_takes_hold() {
        var id = run("always", "sh", "-c", "sleep 0.3; exit 1");
        awaitCount(id, 1);
        docker("update", "--restart", "no", id).ok();
        Wait.until("the end", () -> status(id).equals("exited"));
        long count = count(id);
        Wait.sleep(Duration.ofMillis(500));
        assertEquals(count, count(id));
        assertEquals("no", engine.inspect(id).text("HostConfig", "RestartPolicy", "Name"));
    }

    @Test
    @Tag("peer")
    void a_start_by_the_user_counts_anew() {
        var id = run("on-failure:1", "false");
        awaitCount(id, 1);
        Wait.until("the end", () -> status(id).equals("exited"));
        docker("start", id).ok();
        Wait.until("the end", () -> status(id).equals("exited"));
        Wait.until("one restart", () -> count(id) == 1);
    }

    @Test
    @Tag("peer")
    void policies_that_are_none_are_refused() {
        docker("create", "--restart", "sometimes", "busybox").run().exits(1).says("sometimes");
        docker("create", "--restart", "always:3", "busybox").run().exits(1).says("maximum");
        docker("create", "--restart", "on-failure:-1", "busybox").run().exits(1).says("maximum");
        docker("create", "--restart", "always", "--rm", "busybox")
                .run()
                .exits(125)
                .says("--restart", "--rm");
        var both = engine.api()
                .post(
                        "/containers/create",
                        "{\"Image\":\"busybox\",\"HostConfig\":{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}}");
        assertEquals(400, both.status(), both.text());
        assertTrue(both.message().contains("AutoRemove"), both.text());
        assertEquals(List.of(), engine.containers());
    }

    @Test
    @Tag("peer")
    void each_run_is_told_by_events() {
        var id = run("on-failure:2", "false");
        awaitCount(id, 2);
        Wait.until(
                "create start die start die start die",
                () -> docker(
                                "events",
                                "--since",
                                "1m",
                                "--until",
                                EventsTest.now(),
                                "-f",
                                "container=" + id,
                                "--format",
                                "{{.Action}}")
                        .ok()
                        .replace('\n', ' ')
                        .equals("create start die start die start die"));
    }

    @Test
    void over_a_crash_of_the_engine_each_policy_is_kept() {
        if (engine instanceof KistEngine kist) {
            var always = run("always", "sleep", "600");
            var stopped = run("unless-stopped", "sleep", "600");
            docker("stop", "-t", "0", stopped).ok();
            var never = run("no", "sleep", "600");
            long kept = engine.pid(always);
            long lost = engine.pid(never);
            kist.kill();
            Command.of("kill", "-KILL", Long.toString(lost)).ok();
            kist.start();
            assertEquals(kept, engine.pid(always));
            assertEquals("exited", status(stopped));
            Wait.until("the end", () -> status(never).equals("exited"));
            // what ends while there is no engine comes back with the next one
            kist.kill();
            Command.of("kill", "-KILL", Long.toString(kept)).ok();
            kist.start();
            Wait.until("running again", () -> engine.inspect(always).flag("State", "Running"));
            assertNotEquals(kept, engine.pid(always));
            assertFalse(engine.inspect(stopped).flag("State", "Running"));
        }
    }

    @Test
    void back_off_goes_on_after_a_crash_of_the_engine() {
        if (engine instanceof KistEngine kist) {
            var id = run("always", "false");
            awaitCount(id, 2);
            kist.kill();
            kist.start();
            long count = count(id);
            assertTrue(count >= 2, "count " + count);
            awaitCount(id, count + 1);
        }
    }
}
