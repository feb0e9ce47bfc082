package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Further processes in a running container. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class ExecTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    @BeforeEach
    void start() {
        command(
                        "run",
                        "-d",
                        "--name",
                        "box",
                        "-e",
                        "FROM_RUN=yes",
                        "-w",
                        "/home",
                        "--network",
                        "none",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
    }

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private Command exec(String... arguments) {
        return command("exec").with(arguments);
    }

    @Test
    void prints_what_the_process_prints_and_exits_as_it_exits() {
        var result =
                exec("box", "sh", "-c", "echo out; echo err >&2; exit 9").run().exits(9);
        assertEquals("out", result.out());
        assertEquals("err\n", result.err());
    }

    @Test
    void shares_the_namespaces_and_the_root_of_the_container() {
        exec("box", "sh", "-c", "echo mark >/tmp/mark").ok();
        assertEquals("mark", exec("box", "cat", "/tmp/mark").ok());
        var namespaces = "for n in cgroup ipc mnt net pid uts; do readlink /proc/$0/ns/$n; done";
        assertEquals(
                exec("box", "sh", "-c", namespaces, "1").ok(),
                exec("box", "sh", "-c", namespaces, "self").ok());
    }

    @Test
    void has_the_environment_directory_and_user_asked_for() {
        assertEquals(
                "yes /home 0",
                exec("box", "sh", "-c", "echo $FROM_RUN $(pwd) $(id -u)").ok());
        assertEquals(
                "1 /etc 1000 29",
                exec(
                                "-e",
                                "A=1",
                                "-w",
                                "/etc",
                                "-u",
                                "tester:audio",
                                "box",
                                "sh",
                                "-c",
                                "echo $A $(pwd) $(id -u) $(id -g)")
                        .ok());
    }

    @Test
    void hands_standard_input_on_and_closes_it() {
        assertEquals("hi", exec("-i", "box", "cat").stdin("hi\n").ok());
        var bytes = new byte[5 << 20];
        new Random(2).nextBytes(bytes);
        assertTrue(exec("-i", "box", "sha256sum").stdin(bytes).ok().startsWith(Images.digest(bytes)));
    }

    @Test
    void detached_it_returns_at_once() {
        exec("-d", "box", "sh", "-c", "sleep 0.2; echo done >/tmp/done").ok();
        Wait.until(
                "the detached process",
                () -> exec("box", "cat", "/tmp/done").run().out().equals("done"));
    }

    @Test
    void has_the_same_capabilities_and_seccomp_filter_as_the_first_process() {
        var status = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/$0/status";
        assertEquals(
                exec("box", "sh", "-c", status, "1").ok(),
                exec("box", "sh", "-c", status, "self").ok());
    }

    @Test
    void has_no_descriptors_but_its_standard_streams() {
        // 3 is the directory that ls reads
        assertEquals("0 1 2 3", exec("box", "ls", "/proc/self/fd").ok().replace('\n', ' '));
    }

    @Test
    void is_inside_the_limits_of_the_container() {
        assertEquals(
                exec("box", "cat", "/proc/1/cgroup").ok(),
                exec("box", "cat", "/proc/self/cgroup").ok());
    }

    @Test
    void a_command_that_is_not_there_exits_127() {
        var result = exec("box", "nonesuch").run();
        // dockerd 20.10 answers 126, newer ones 127
        assertTrue(result.exit() == 127 || !engine.isKist() && result.exit() == 126, result.toString());
        result.tells("nonesuch", "executable file not found");
    }

    @Test
    void a_file_that_is_not_executable_exits_126() {
        exec("box", "/etc/data").run().exits(126).tells("/etc/data", "permission denied");
    }

    @Test
    void nothing_runs_in_a_container_that_does_not_run() {
        command("kill", "box").ok();
        command("wait", "box").ok();
        exec("box", "true").run().exits(1).says("not running");
    }

    @Test
    void ends_with_the_container() {
        try (var running = exec("box", "sleep", "600").start()) {
            Wait.until("the process", () -> command("top", "box").run().lines().size() == 3);
            command("kill", "box").ok();
            assertEquals(137, running.await().exit());
        }
    }

    @Test
    void the_root_file_system_is_still_read_only_for_it() {
        command("run", "-d", "--name", "fixed", "--read-only", "--network", "none", "busybox", "sleep", "600")
                .ok();
        exec("fixed", "touch", "/a").run().exits(1).says("Read-only file system");
    }

    @Test
    void twenty_in_a_row_leave_no_process() {
        for (int i = 0; i < 20; i++) {
            exec("box", "true").ok();
        }
        assertEquals(2, command("top", "box").run().lines().size());
    }
}
