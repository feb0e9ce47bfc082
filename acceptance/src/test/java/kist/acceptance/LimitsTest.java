package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Limits limit: each is tried by going past it. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class LimitsTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command run(String... arguments) {
        return engine.client(client, "run", "--network", "none").with(arguments);
    }

    @Test
    void memory_past_the_limit_kills_and_is_told_as_such() {
        // tail keeps what it has not yet seen the end of a line of
        run("--name", "greedy", "-m", "20m", "--memory-swap", "20m", "busybox", "tail", "/dev/zero")
                .run()
                .exits(137);
        var state = engine.inspect("greedy").at("State");
        assertTrue(state.flag("OOMKilled"), "" + state);
        assertEquals(137, state.number("ExitCode"));
    }

    @Test
    void memory_below_the_limit_is_not_an_offence() {
        run(
                        "--name",
                        "modest",
                        "-m",
                        "64m",
                        "busybox",
                        "sh",
                        "-c",
                        "head -c 20000000 /dev/zero | tail >/dev/null; kill -9 $$; exit 0")
                .run()
                .exits(0);
        assertFalse(engine.inspect("modest").flag("State", "OOMKilled"));
    }

    @Test
    void a_killed_child_is_told_while_the_container_goes_on() {
        run(
                        "--name",
                        "survivor",
                        "-m",
                        "20m",
                        "--memory-swap",
                        "20m",
                        "busybox",
                        "sh",
                        "-c",
                        "tail /dev/zero; echo child $?; exit 5")
                .run()
                .exits(5);
        // whose first process was not the victim
        assertTrue(engine.client(client, "logs", "survivor").ok().contains("child 137"));
    }

    @Test
    void the_number_of_processes_is_limited() {
        var result = run(
                        "--rm",
                        "--pids-limit",
                        "10",
                        "busybox",
                        "sh",
                        "-c",
                        "for i in $(seq 30); do sleep 5 & done; echo started $(ls /proc | grep -c '^[0-9]')")
                .run();
        assertTrue(result.err().contains("can't fork"), result.toString());
    }

    @Test
    void the_processor_is_limited() {
        var script = "sh -c 'while :; do :; done' & sleep 1.5; cut -d' ' -f14,15 /proc/$!/stat; kill $!";
        var result = run("--rm", "--cpus", "0.2", "busybox", "sh", "-c", script).run();
        // user and system time in ticks of 10 ms: 0.3 s are its due
        int ticks = 0;
        for (var time : result.ok().split(" ")) {
            ticks += Integer.parseInt(time);
        }
        assertTrue(ticks < 75, result.toString());
        assertTrue(ticks > 10, result.toString());
    }

    @Test
    void the_processors_are_as_given() {
        assertEquals(
                "0",
                run(
                                "--rm",
                                "--cpuset-cpus",
                                "0",
                                "busybox",
                                "awk",
                                "/^Cpus_allowed_list/{print $2}",
                                "/proc/self/status")
                        .ok());
    }

    @Test
    void limits_are_seen_from_inside() {
        var script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null"
                + " || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max";
        assertEquals(
                "67108864\n50",
                run("--rm", "-m", "64m", "--pids-limit", "50", "busybox", "sh", "-c", script)
                        .ok());
    }

    @Test
    void exec_is_limited_too() {
        run("-d", "--name", "limited", "-m", "20m", "--memory-swap", "20m", "busybox", "sleep", "600")
                .ok();
        engine.client(client, "exec", "limited", "tail", "/dev/zero").run().exits(137);
        assertTrue(engine.inspect("limited").flag("State", "Running"));
    }
}
