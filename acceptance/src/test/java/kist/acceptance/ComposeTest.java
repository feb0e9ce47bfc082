package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** docker-compose 1.29 of Debian with three services: web, worker and PostgreSQL. */
@Tag("peer")
class ComposeTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @TempDir
    Path project;

    @BeforeAll
    static void image() {
        engine.docker("import", Images.postgresTar().toString(), "postgres-debian")
                .patience(Duration.ofMinutes(3))
                .ok();
    }

    @BeforeEach
    void file() throws IOException {
        try (var file = ComposeTest.class.getResourceAsStream("compose/docker-compose.yml")) {
            Files.write(project.resolve("docker-compose.yml"), file.readAllBytes());
        }
    }

    @AfterEach
    void down() {
        compose("down", "-v", "--timeout", "1").run();
    }

    private Command compose(String... arguments) {
        return Command.of("docker-compose", "--no-ansi", "-p", "shop", "-f")
                .with(project.resolve("docker-compose.yml").toString())
                .with(arguments)
                .env("DOCKER_HOST", engine.address())
                .env("HOME", project.toString())
                .patience(Duration.ofMinutes(2));
    }

    private String sql(String query) {
        return compose("exec", "-T", "db", "psql", "-Atc", query).ok();
    }

    private long rows() {
        return Long.parseLong(sql("select count(*) from work"));
    }

    @Test
    @Timeout(300)
    void a_project_of_three_services_lives_its_whole_life() {
        compose("up", "-d").ok();
        var ps = compose("ps").ok();
        assertTrue(ps.contains("shop_db_1") && ps.contains("Up (healthy)"), ps);
        assertTrue(ps.contains("shop_worker_1") && ps.contains("shop_web_1"), ps);

        // names: the worker found the data base as "db"
        Wait.until("the worker's first row", () -> rows() > 0);
        // ports
        var port = compose("port", "web", "80").ok();
        assertTrue(port.startsWith("127.0.0.1:"), port);
        assertEquals(
                "served by compose",
                Command.of("curl", "-sf", "http://" + port + "/").ok());
        // logs of all services, named
        var logs = compose("logs", "--tail", "20").ok();
        assertTrue(logs.contains("worker_1") && logs.contains("| worked"), logs);

        // three workers, each with a name of its own
        compose("up", "-d", "--scale", "worker=3").ok();
        Wait.until(
                "rows of three workers",
                () -> sql("select count(distinct who) from work").equals("3"));

        // a restart keeps the data
        long before = rows();
        compose("restart", "--timeout", "20", "db").ok();
        Wait.until(
                "the data base after its restart",
                () -> compose("exec", "-T", "db", "pg_isready").run().exit() == 0);
        assertTrue(rows() >= before, "rows were lost");
        // workers that failed meanwhile were started again by their policy
        long now = rows();
        Wait.until("workers that work again", () -> rows() > now);

        // down -v leaves nothing of it
        compose("down", "-v", "--timeout", "20").ok();
        assertEquals(List.of(), engine.containers());
        assertEquals(
                "",
                engine.docker("volume", "ls", "-q", "--filter", "label=com.docker.compose.project=shop")
                        .ok());
        assertEquals(
                "",
                engine.docker("network", "ls", "-q", "--filter", "label=com.docker.compose.project=shop")
                        .ok());
    }

    @Test
    @Timeout(200)
    void a_project_keeps_its_data_over_down_and_up() {
        compose("up", "-d", "db").ok();
        Wait.until(
                "the data base",
                () -> compose("exec", "-T", "db", "pg_isready").run().exit() == 0);
        sql("create table kept as select 42 as answer");
        compose("down", "--timeout", "20").ok();
        compose("up", "-d", "db").ok();
        Wait.until(
                "the data base again",
                () -> compose("exec", "-T", "db", "pg_isready").run().exit() == 0);
        assertEquals("42", sql("select answer from kept"));
    }

    @Test
    @Timeout(200)
    void run_and_its_exit_code_reach_the_user() {
        compose("run", "--rm", "--no-deps", "web", "sh", "-c", "exit 7").run().exits(7);
        assertEquals(
                "hi",
                compose("run", "--rm", "--no-deps", "-T", "web", "echo", "hi").ok());
    }
}
