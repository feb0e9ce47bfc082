package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Engines beside each other, and the process of one. */
class SecondEngineTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @TempDir
    Path directory;

    @Test
    void a_second_engine_on_the_same_state_is_refused_and_the_first_goes_on() {
        engine.docker("run", "-d", "--name", "box", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long pid = engine.enginePid();
        engine.kist("engine")
                .run()
                .exits(1)
                .says(Long.toString(pid), engine.root().toString());
        // also where only the state is shared
        engine.kist("--run-dir", directory.resolve("run").toString(), "engine")
                .run()
                .exits(1)
                .says(Long.toString(pid), engine.root().toString());
        assertEquals(pid, engine.enginePid());
        assertEquals("in", engine.docker("exec", "box", "echo", "in").ok());
    }

    @Test
    void two_engines_live_beside_each_other() throws IOException {
        var home = Files.createTempDirectory(Path.of("/var/tmp"), "kist-test-");
        var before = Leftovers.now();
        try {
            var kist = engine.kist()
                    .env("KIST_ROOT", home + "/root")
                    .env("KIST_RUN_DIR", home + "/run")
                    .env("KIST_BRIDGE", "");
            kist.with("import", Images.busyboxTar().toString(), "busybox").ok();
            var first = engine.docker("run", "-d", "busybox", "sleep", "600").ok();
            var second = kist.with("run", "-d", "busybox", "sleep", "600").ok();
            var gateway = kist.with("inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", second)
                    .ok();
            assertTrue(
                    !gateway.equals(engine.inspect(first).text("NetworkSettings", "Networks", "bridge", "Gateway")),
                    gateway);
            kist.with("exec", second, "ping", "-c", "1", "-W", "5", gateway).ok();
            assertEquals(1, engine.containers().size());
            kist.with("rm", "-f", second).ok();
            kist.with("system", "shutdown", "--stop-containers").ok();
            assertEquals("in", engine.docker("exec", first, "echo", "in").ok());
            engine.docker(
                            "exec",
                            first,
                            "ping",
                            "-c",
                            "1",
                            "-W",
                            "5",
                            engine.inspect(first).text("NetworkSettings", "Networks", "bridge", "Gateway"))
                    .ok();
            assertEquals(java.util.List.of(), Leftovers.since(before, java.util.List.of(home.toString(), second)));
        } finally {
            Leftovers.clear(java.util.List.of(home.toString()));
            Engine.deleteTree(home);
        }
    }

    @Test
    void five_commands_at_once_start_one_engine() throws IOException, InterruptedException {
        var home = Files.createTempDirectory(Path.of("/var/tmp"), "kist-test-");
        try {
            var kist = engine.kist()
                    .env("KIST_ROOT", home + "/root")
                    .env("KIST_RUN_DIR", home + "/run")
                    .env("KIST_BRIDGE", "");
            var results = new ArrayList<Command.Result>();
            var threads = new ArrayList<Thread>();
            for (int i = 0; i < 5; i++) {
                threads.add(Thread.startVirtualThread(() -> {
                    var result = kist.with("ps", "-q").run();
                    synchronized (results) {
                        results.add(result);
                    }
                }));
            }
            for (var thread : threads) {
                thread.join();
            }
            results.forEach(result -> assertEquals("", result.ok()));
            var engines = Processes.marked(java.util.List.of(home.toString())).values().stream()
                    .filter(line -> line.contains("kist.daemon"))
                    .toList();
            assertEquals(1, engines.size(), "" + engines);
            kist.with("system", "status").ok();
            kist.with("system", "shutdown").ok();
            kist.with("system", "status").run().exits(3);
        } finally {
            Leftovers.clear(java.util.List.of(home.toString()));
            Engine.deleteTree(home);
        }
    }

    @Test
    void directories_and_sockets_are_closed_to_others() throws IOException {
        assertEquals(
                "700", Command.of("stat", "-c", "%a", engine.root().toString()).ok());
        assertEquals(
                "700",
                Command.of("stat", "-c", "%a", engine.runDir().toString()).ok());
        assertTrue(
                Command.of("stat", "-c", "%a", engine.socket().toString()).ok().matches("6[06]0"));
        assertTrue(Files.readString(engine.runDir().resolve("kist.pid")).matches("\\d+\n"));
        // none of it is an abstract socket, which a container on the host's network could open
        assertTrue(Files.readAllLines(Path.of("/proc/net/unix")).stream()
                .noneMatch(line -> line.contains("@") && line.contains("kist")));
    }

    @Test
    void env_points_docker_at_the_engine() {
        var line = engine.kist("env").ok();
        assertEquals("export DOCKER_HOST=unix://" + engine.socket(), line);
        Command.of("sh", "-c", "eval \"$0\"; docker ps", line).ok();
    }

    @Test
    void a_socket_left_by_a_killed_engine_is_no_hindrance() {
        engine.kill();
        assertTrue(Files.exists(engine.socket()));
        engine.kist("ps").ok();
    }
}
