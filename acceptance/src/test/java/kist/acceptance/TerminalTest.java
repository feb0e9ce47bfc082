package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Containers at a terminal: {@code -it}. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class TerminalTest {
    /** Prints the size of its terminal now and each time that it changes. */
    private static final String SIZES = "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done";

    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private Command run(String... arguments) {
        return command("run", "--rm", "-it", "--network", "none").with(arguments);
    }

    @Test
    void a_shell_at_a_terminal_answers_what_is_typed() {
        try (var pty = Pty.start(run("--name", "shell", "busybox", "sh"), 24, 80)) {
            pty.await("# ");
            pty.type("tty; echo $((6*7)) $TERM\n");
            pty.await("42 xterm");
            assertTrue(pty.printed().contains("/dev/"), pty.printed());
            pty.type("exit 6\n");
            pty.awaitExit().exits(6);
        }
    }

    @Test
    void the_size_of_the_terminal_follows_the_window() {
        try (var pty = Pty.start(run("busybox", "sh", "-c", SIZES), 33, 101)) {
            pty.await("33 101");
            pty.resize(44, 122);
            pty.await("44 122");
            pty.type("\u0003");
            pty.awaitExit().exits(130);
        }
    }

    @Test
    void the_size_of_an_execs_terminal_follows_the_window() {
        command("run", "-d", "--name", "box", "--network", "none", "busybox", "sleep", "600")
                .ok();
        try (var pty = Pty.start(command("exec", "-it", "box", "sh", "-c", SIZES), 33, 101)) {
            pty.await("33 101");
            pty.resize(44, 122);
            pty.await("44 122");
            pty.type("\u0003");
            pty.awaitExit().exits(130);
        }
    }

    @Test
    void control_c_reaches_the_process_not_the_client() {
        try (var pty = Pty.start(
                run("busybox", "sh", "-c", "trap 'echo caught; exit 8' INT; echo up; while :; do sleep 0.05; done"),
                24,
                80)) {
            pty.await("up");
            pty.type("\u0003");
            pty.await("caught");
            pty.awaitExit().exits(8);
        }
    }

    @Test
    void control_d_ends_a_cat() {
        try (var pty = Pty.start(run("busybox", "cat"), 24, 80)) {
            pty.type("line\n");
            pty.await("line\r\nline");
            pty.type("\u0004");
            pty.awaitExit().exits(0);
        }
    }

    @Test
    void the_detach_keys_leave_the_container_running() {
        try (var pty =
                Pty.start(command("run", "-it", "--name", "left", "--network", "none", "busybox", "sh"), 24, 80)) {
            pty.await("# ");
            pty.type("\u0010\u0011");
            pty.awaitExit().exits(0);
        }
        assertTrue(engine.inspect("left").flag("State", "Running"));
        try (var pty = Pty.start(command("attach", "left"), 24, 80)) {
            // a prompt comes with the next line
            pty.type("echo back $((1+1))\n");
            pty.await("back 2");
            pty.type("exit 3\n");
            pty.awaitExit().exits(3);
        }
    }

    @Test
    void an_exec_at_a_terminal_has_one_of_its_own() {
        command("run", "-d", "-t", "--name", "box", "--network", "none", "busybox", "sleep", "600")
                .ok();
        try (var pty = Pty.start(command("exec", "-it", "box", "sh"), 24, 80)) {
            pty.await("# ");
            pty.type("[ -t 0 ] && [ -t 1 ] && echo both $((2*2)); exit 4\n");
            pty.await("both 4");
            pty.awaitExit().exits(4);
        }
    }

    @Test
    void the_terminal_is_the_controlling_one_of_a_new_session() {
        var line = "cut -d' ' -f6,7 /proc/self/stat; ls -l /dev/console | cut -c1";
        try (var pty = Pty.start(run("busybox", "sh", "-c", line), 24, 80)) {
            pty.awaitExit().exits(0);
            var lines = pty.printed().split("\n");
            assertTrue(lines[0].startsWith("1 ") && !lines[0].endsWith(" 0"), pty.printed());
            assertEquals("c", lines[1]);
        }
    }

    @Test
    void what_came_over_a_terminal_is_in_the_log() {
        var id = command("run", "-d", "-t", "--network", "none", "busybox", "echo", "at a terminal")
                .ok();
        command("wait", id).ok();
        assertEquals("at a terminal\r", command("logs", id).ok());
    }
}
