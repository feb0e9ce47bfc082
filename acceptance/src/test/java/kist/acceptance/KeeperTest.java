package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The engine is killed; its containers are not disturbed, and the next engine knows all that happened meanwhile. */
class KeeperTest {
    private static final String COUNTER = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";

    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    private static List<String> log(String name) {
        return engine.docker("logs", name).run().lines();
    }

    /** The log counts from 1 on without a gap. */
    private static int counted(String name) {
        var lines = log(name);
        for (int i = 0; i < lines.size(); i++) {
            assertEquals(Integer.toString(i + 1), lines.get(i), name + " has a gap in its log");
        }
        return lines.size();
    }

    @Test
    void twenty_containers_that_write_outlive_the_engine_without_a_gap_in_their_logs() {
        var pids = new HashMap<String, Long>();
        for (int i = 0; i < 20; i++) {
            var name = "c" + i;
            engine.docker(
                            "run",
                            "-d",
                            "--name",
                            name,
                            "--network",
                            i % 2 == 0 ? "none" : "bridge",
                            "busybox",
                            "sh",
                            "-c",
                            COUNTER)
                    .ok();
            pids.put(name, engine.pid(name));
        }
        engine.docker(
                        "run",
                        "-d",
                        "--name",
                        "short",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "sleep 1; echo last words; exit 42")
                .ok();
        engine.docker("run", "-d", "--name", "victim", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long victim = engine.pid("victim");
        engine.kill();
        var before = new HashMap<String, String>();
        pids.forEach((name, pid) -> before.put(name, Processes.read(pid, "stat")));
        ProcessHandle.of(victim).ifPresent(ProcessHandle::destroyForcibly);
        Wait.sleep(Duration.ofMillis(1500));
        pids.forEach((name, pid) -> assertTrue(ProcessHandle.of(pid).isPresent(), name + " ended with the engine"));

        engine.start();
        assertEquals(22, engine.containers().size());
        for (var entry : pids.entrySet()) {
            var name = entry.getKey();
            var state = engine.inspect(name).at("State");
            assertTrue(state.flag("Running"), name + " " + state);
            assertEquals(entry.getValue(), state.number("Pid"), name);
        }
        assertEquals(42, engine.inspect("short").number("State", "ExitCode"));
        assertEquals("exited", engine.inspect("short").text("State", "Status"));
        assertEquals("last words", engine.docker("logs", "short").ok());
        assertEquals(137, engine.inspect("victim").number("State", "ExitCode"));
        for (var name : pids.keySet()) {
            int lines = counted(name);
            assertTrue(lines > 60, name + " wrote only " + lines + " lines");
            assertEquals(
                    "in " + name,
                    engine.docker("exec", name, "echo", "in " + name).ok());
        }
        // and the log goes on
        int lines = counted("c0");
        Wait.until("more lines", () -> counted("c0") > lines);
        assertEquals(
                "137",
                engine.docker("kill", "c0").run().exits(0).out().equals("c0")
                        ? engine.docker("wait", "c0").ok()
                        : "");
    }

    @Test
    void a_clean_shutdown_leaves_containers_running_too() {
        engine.docker("run", "-d", "--name", "stays", "--network", "none", "busybox", "sh", "-c", COUNTER)
                .ok();
        long pid = engine.pid("stays");
        engine.kist("system", "shutdown").ok();
        assertTrue(ProcessHandle.of(pid).isPresent());
        engine.start();
        assertEquals(pid, engine.pid("stays"));
        counted("stays");
    }

    @Test
    void a_container_can_be_stopped_started_and_removed_by_the_next_engine() {
        engine.docker("run", "-d", "--name", "box", "busybox", "sh", "-c", "trap 'exit 9' TERM; " + COUNTER)
                .ok();
        engine.kill();
        engine.start();
        engine.docker("stop", "box").ok();
        assertEquals(9, engine.inspect("box").number("State", "ExitCode"));
        engine.docker("start", "box").ok();
        assertTrue(engine.inspect("box").flag("State", "Running"));
        engine.docker(
                        "exec",
                        "box",
                        "ping",
                        "-c",
                        "1",
                        "-W",
                        "5",
                        engine.inspect("box").text("NetworkSettings", "Networks", "bridge", "Gateway"))
                .ok();
        engine.docker("rm", "-f", "box").ok();
    }

    @Test
    void rm_is_done_by_the_next_engine_where_the_container_ended_meanwhile() {
        engine.docker("run", "-d", "--rm", "--name", "passing", "--network", "none", "busybox", "sleep", "0.5")
                .ok();
        engine.kill();
        Wait.sleep(Duration.ofMillis(700));
        engine.start();
        Wait.until("its removal", () -> engine.containers().isEmpty());
    }

    @Test
    void the_keeper_is_one_process_with_no_file_of_the_host_and_no_container_has_it_as_a_child() {
        engine.docker("run", "-d", "--name", "one", "--network", "none", "busybox", "sleep", "600")
                .ok();
        engine.docker("run", "-d", "--name", "two", "--network", "none", "busybox", "sleep", "600")
                .ok();
        var parent = Processes.status(engine.pid("one"), "PPid");
        assertEquals(parent, Processes.status(engine.pid("two"), "PPid"));
        assertNotEquals(Long.toString(engine.enginePid()), parent);
        long keeper = Long.parseLong(parent);
        assertTrue(Integer.parseInt(Processes.status(keeper, "Threads")) == 1);
        assertTrue(Processes.read(keeper, "mountinfo").lines().count() <= 2, Processes.read(keeper, "mountinfo"));
    }

    @Test
    void descriptors_of_engine_and_keeper_do_not_grow_with_the_containers_that_were() {
        long keeper = Long.parseLong(keeperPid());
        // a first burst lets the pool of ready namespaces grow to what such bursts need
        burst();
        int engineBefore = settled(engine.enginePid());
        int keeperBefore = settled(keeper);
        burst();
        burst();
        Wait.until(
                "descriptors given back",
                Duration.ofSeconds(20),
                () -> Processes.descriptors(engine.enginePid()) <= engineBefore + 12
                        && Processes.descriptors(keeper) <= keeperBefore,
                () -> "engine " + engineBefore + " -> " + Processes.descriptors(engine.enginePid()) + ", keeper "
                        + keeperBefore + " -> " + Processes.descriptors(keeper));
    }

    /** The number of descriptors once it has not changed for half a second. */
    private static int settled(long pid) {
        int count = -1;
        while (count != Processes.descriptors(pid)) {
            count = Processes.descriptors(pid);
            Wait.sleep(Duration.ofMillis(500));
        }
        return count;
    }

    /** Forty containers at once that are started, entered, read and removed. */
    private static void burst() {
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < 40; i++) {
            var name = "burst" + i;
            var network = i % 2 == 0 ? "none" : "bridge";
            threads.add(Thread.startVirtualThread(() -> {
                engine.docker("run", "-d", "--name", name, "--network", network, "busybox", "sleep", "600")
                        .ok();
                engine.docker("exec", name, "true").ok();
                engine.docker("logs", name).ok();
                engine.docker("rm", "-f", name).ok();
            }));
        }
        for (var thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static String keeperPid() {
        engine.docker("run", "-d", "--name", "probe", "--network", "none", "busybox", "sleep", "600")
                .ok();
        var pid = Processes.status(engine.pid("probe"), "PPid");
        engine.docker("rm", "-f", "probe").ok();
        return pid;
    }
}
