package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Health checks, from the command line, from the image, and without. */
class HealthTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @BeforeAll
    static void image() {
        engine.docker("load")
                .stdin(Images.dockerArchive(
                        "checked:latest",
                        Map.of(
                                "Cmd",
                                List.of("sleep", "600"),
                                "Healthcheck",
                                Map.of(
                                        "Test",
                                        List.of("CMD", "test", "-e", "/tmp/well"),
                                        "Interval",
                                        300_000_000L,
                                        "Timeout",
                                        30_000_000_000L,
                                        "Retries",
                                        1L)),
                        List.of(Images.tar(Images::busybox))))
                .ok();
    }

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String run(String... arguments) {
        return docker("run", "-d", "--network", "none").with(arguments).ok();
    }

    private static Json health(String id) {
        return engine.inspect(id).at("State", "Health");
    }

    private static void await(String id, String status) {
        Wait.until(
                status,
                Duration.ofSeconds(30),
                () -> health(id).text("Status").equals(status),
                () -> engine.inspect(id).at("State").toString());
    }

    @Test
    @Tag("peer")
    void a_check_that_passes_makes_it_healthy_and_one_that_fails_often_enough_unhealthy() {
        var id = run(
                "--health-cmd",
                "echo looked; test ! -e /tmp/ill",
                "--health-interval",
                "300ms",
                "--health-retries",
                "2",
                "busybox",
                "sleep",
                "600");
        await(id, "healthy");
        assertEquals(0, health(id).number("FailingStreak"));
        var log = health(id).list("Log").getLast();
        assertEquals(0, log.number("ExitCode"));
        assertEquals("looked\n", log.text("Output"));
        assertTrue(log.text("Start").startsWith("20") && log.text("End").startsWith("20"), "" + log);
        assertTrue(docker("ps").ok().contains("(healthy)"));
        docker("exec", id, "touch", "/tmp/ill").ok();
        await(id, "unhealthy");
        assertTrue(health(id).number("FailingStreak") >= 2);
        assertEquals(1, health(id).list("Log").getLast().number("ExitCode"));
        assertTrue(docker("ps").ok().contains("(unhealthy)"));
        docker("exec", id, "rm", "/tmp/ill").ok();
        await(id, "healthy");
        assertTrue(health(id).list("Log").size() <= 5, "" + health(id));
        var events = docker(
                        "events",
                        "--since",
                        "1m",
                        "--until",
                        EventsTest.now(),
                        "--filter",
                        "container=" + id,
                        "--format",
                        "{{.Action}}")
                .ok();
        assertTrue(events.contains("health_status: healthy\n"), events);
        assertTrue(events.contains("health_status: unhealthy"), events);
    }

    @Test
    @Tag("peer")
    void it_is_starting_until_the_first_check_and_a_failure_in_the_start_period_does_not_count() {
        var id = run(
                "--health-cmd",
                "test -e /tmp/well",
                "--health-interval",
                "200ms",
                "--health-retries",
                "1",
                "--health-start-period",
                "1m",
                "busybox",
                "sleep",
                "600");
        assertEquals("starting", health(id).text("Status"));
        assertTrue(docker("ps").ok().contains("(health: starting)"));
        Wait.until("two checks", () -> health(id).list("Log").size() >= 2);
        assertEquals("starting", health(id).text("Status"));
        assertEquals(0, health(id).number("FailingStreak"));
        docker("exec", id, "touch", "/tmp/well").ok();
        await(id, "healthy");
        // a success ends the period
        docker("exec", id, "rm", "/tmp/well").ok();
        await(id, "unhealthy");
    }

    @Test
    @Tag("peer")
    void a_check_that_takes_too_long_has_failed() {
        var id = run(
                "--health-cmd",
                "sleep 30",
                "--health-interval",
                "100ms",
                "--health-timeout",
                "500ms",
                "--health-retries",
                "1",
                "busybox",
                "sleep",
                "600");
        await(id, "unhealthy");
        var log = health(id).list("Log").getFirst();
        assertEquals(-1, log.number("ExitCode"));
        assertTrue(log.text("Output").contains("Health check exceeded timeout (500ms)"), "" + log);
    }

    @Test
    @Tag("peer")
    void an_image_brings_its_check_and_the_user_may_forbid_it() {
        var id = run("checked");
        await(id, "unhealthy");
        docker("exec", id, "touch", "/tmp/well").ok();
        await(id, "healthy");
        var without = run("--no-healthcheck", "checked");
        assertFalse(engine.inspect(without).at("State", "Health").present());
        assertEquals(List.of("NONE"), engine.inspect(without).texts("Config", "Healthcheck", "Test"));
        var other = run("--health-cmd", "true", "checked");
        await(other, "healthy");
        // what the user does not say is the image's
        assertEquals(300_000_000, engine.inspect(other).number("Config", "Healthcheck", "Interval"));
    }

    @Test
    @Tag("peer")
    void a_check_runs_as_the_containers_user_in_its_directory_with_its_environment() {
        var id = run(
                "--health-cmd",
                "echo $(id -u) $(pwd) $COLOR",
                "--health-interval",
                "200ms",
                "-u",
                "tester",
                "-w",
                "/etc",
                "-e",
                "COLOR=green",
                "busybox",
                "sleep",
                "600");
        await(id, "healthy");
        assertEquals("1000 /etc green\n", health(id).list("Log").getFirst().text("Output"));
    }

    @Test
    @Tag("peer")
    void ps_filters_by_health() {
        var well =
                run("--name", "well", "--health-cmd", "true", "--health-interval", "200ms", "busybox", "sleep", "600");
        run(
                "--name",
                "ill",
                "--health-cmd",
                "false",
                "--health-interval",
                "200ms",
                "--health-retries",
                "1",
                "busybox",
                "sleep",
                "600");
        run("--name", "neither", "busybox", "sleep", "600");
        await(well, "healthy");
        await("ill", "unhealthy");
        assertEquals("well", names("health=healthy"));
        assertEquals("ill", names("health=unhealthy"));
        assertEquals("neither", names("health=none"));
        assertEquals("", names("health=starting"));
    }

    private static String names(String filter) {
        return docker("ps", "--filter", filter, "--format", "{{.Names}}").ok();
    }

    @Test
    @Tag("peer")
    void a_container_that_ended_is_checked_no_more_and_starts_anew() {
        var id = run("--health-cmd", "true", "--health-interval", "200ms", "busybox", "sleep", "600");
        await(id, "healthy");
        docker("kill", id).ok();
        docker("wait", id).ok();
        var log = health(id).list("Log").size();
        Wait.sleep(Duration.ofMillis(500));
        assertEquals(log, health(id).list("Log").size());
        docker("start", id).ok();
        await(id, "healthy");
    }

    @Test
    @Tag("peer")
    void a_paused_container_does_not_become_ill() {
        var id = run(
                "--health-cmd",
                "true",
                "--health-interval",
                "200ms",
                "--health-timeout",
                "500ms",
                "--health-retries",
                "1",
                "busybox",
                "sleep",
                "600");
        await(id, "healthy");
        docker("pause", id).ok();
        Wait.sleep(Duration.ofSeconds(1));
        docker("unpause", id).ok();
        await(id, "healthy");
    }

    @Test
    @Tag("peer")
    void values_that_make_no_sense_are_refused() {
        for (var wrong : List.of(
                "\"Interval\":-1", "\"Interval\":1000", "\"Timeout\":1000", "\"Retries\":-1", "\"StartPeriod\":-1")) {
            var answer = engine.api()
                    .post(
                            "/containers/create",
                            "{\"Image\":\"busybox\",\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]," + wrong + "}}");
            assertEquals(400, answer.status(), wrong + ": " + answer.text());
            var name = wrong.substring(1, wrong.indexOf('"', 1));
            assertTrue(answer.message().replace(" ", "").contains(name), answer.text());
        }
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void a_check_of_an_unknown_kind_is_refused() {
        var answer = engine.api()
                .post(
                        "/containers/create",
                        "{\"Image\":\"busybox\",\"Healthcheck\":{\"Test\":[\"PERHAPS\",\"true\"]}}");
        assertEquals(400, answer.status(), answer.text());
        assertTrue(answer.message().contains("PERHAPS"), answer.text());
    }

    @Test
    void the_start_interval_is_heeded() {
        var id = engine.api()
                .run("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"600\"],\"HostConfig\":{\"NetworkMode\":\"none\"},"
                        + "\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":600000000000,"
                        + "\"StartPeriod\":600000000000,\"StartInterval\":200000000}}");
        await(id, "healthy");
    }

    @Test
    void health_goes_on_when_the_engine_was_killed() {
        if (engine instanceof KistEngine kist) {
            var id = run(
                    "--health-cmd",
                    "test ! -e /tmp/ill",
                    "--health-interval",
                    "300ms",
                    "--health-retries",
                    "1",
                    "busybox",
                    "sleep",
                    "600");
            await(id, "healthy");
            kist.kill();
            kist.start();
            assertEquals("healthy", health(id).text("Status"));
            docker("exec", id, "touch", "/tmp/ill").ok();
            await(id, "unhealthy");
        }
    }
}
