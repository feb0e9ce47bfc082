package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashSet;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The engine is killed at moments nobody chose, while containers are made, started and removed. */
class CrashTest {
    private static final int KILLS = 12;

    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @Test
    void whatever_moment_it_is_killed_at_the_next_engine_is_whole() throws InterruptedException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        engine.docker("run", "-d", "--name", "witness", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long witness = engine.pid("witness");
        for (int kill = 0; kill < KILLS; kill++) {
            var stop = new AtomicBoolean();
            var confirmed = java.util.Collections.synchronizedSet(new HashSet<String>());
            var workers = new Thread[3];
            for (int i = 0; i < workers.length; i++) {
                var prefix = "k" + kill + "w" + i + "n";
                workers[i] = Thread.startVirtualThread(() -> work(prefix, stop, confirmed));
            }
            Wait.sleep(Duration.ofMillis(50 + random.nextInt(400)));
            engine.kill();
            stop.set(true);
            for (var worker : workers) {
                worker.join();
            }
            engine.start();
            // what was answered with success is there
            var names = new TreeSet<String>();
            for (var container : engine.containers()) {
                names.add(container.texts("Names").getFirst().substring(1));
            }
            for (var name : confirmed) {
                assertTrue(
                        names.contains(name),
                        "seed " + seed + ": " + name + " was made and is gone; there are " + names);
            }
            assertEquals(witness, engine.pid("witness"), "seed " + seed);
            assertEquals(
                    "ok", engine.docker("run", "--rm", "busybox", "echo", "ok").ok(), "seed " + seed);
            // each that is there can be inspected, started or not, and removed
            for (var name : names) {
                if (!name.equals("witness")) {
                    engine.inspect(name);
                    engine.api().delete("/containers/" + name + "?force=1").expect(204);
                }
            }
        }
        engine.docker("exec", "witness", "true").ok();
        // that nothing is left is looked at behind the last test of every class
    }

    /** Makes, starts, leaves or removes containers until the engine is gone. */
    private static void work(String prefix, AtomicBoolean stop, java.util.Set<String> confirmed) {
        for (int i = 0; !stop.get(); i++) {
            var name = prefix + i;
            try {
                var network = i % 2 == 0 ? "none" : "bridge";
                var made = engine.api()
                        .post(
                                "/containers/create?name=" + name,
                                "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"600\"],\"HostConfig\":{\"NetworkMode\":\""
                                        + network + "\"}}");
                if (made.status() == 201) {
                    confirmed.add(name);
                }
                engine.api().post("/containers/" + name + "/start", "");
                if (i % 3 != 0) {
                    confirmed.remove(name);
                    engine.api().delete("/containers/" + name + "?force=1");
                }
            } catch (java.io.UncheckedIOException | AssertionError e) {
                // the engine went away in the middle: that is the point
                Wait.sleep(Duration.ofMillis(5));
            }
        }
    }

    @Test
    void killed_while_it_imports_it_forgets_the_half_image() {
        var tar = Images.busyboxTar();
        for (int delay : new int[] {5, 20, 60}) {
            try (var running = engine.docker("import", tar.toString(), "half").start()) {
                Wait.sleep(Duration.ofMillis(delay));
                engine.kill();
                running.await();
            }
            engine.start();
            var list = engine.docker("images", "-q", "half").ok();
            if (!list.isEmpty()) {
                assertEquals(
                        "whole",
                        engine.docker("run", "--rm", "--network", "none", "half", "echo", "whole")
                                .ok());
                engine.docker("rmi", "half").ok();
            }
        }
    }

    @Test
    void killed_while_it_starts_it_starts_the_next_time() {
        engine.docker("run", "-d", "--name", "witness", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long witness = engine.pid("witness");
        for (int delay : new int[] {20, 80, 150, 250}) {
            engine.kill();
            try (var starting = engine.kist("engine").start()) {
                Wait.sleep(Duration.ofMillis(delay));
                starting.process().destroyForcibly();
            }
            engine.start();
            assertEquals(witness, engine.pid("witness"));
        }
    }
}
