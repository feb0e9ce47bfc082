package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What is wrong is named, has the right exit status, and leaves nothing half-made. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class BadInputTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    private Command.Result run(String... arguments) {
        return command("run", "--network", "none").with(arguments).run();
    }

    private static void nothingMade() {
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void an_unknown_flag_is_named() {
        run("--nonesuch", "busybox").exits(125).says("--nonesuch", "run --help");
        run("-y", "busybox").exits(125).says("y", "run --help");
        assertTrue(command("ps", "--nonesuch").run().says("--nonesuch").exit() != 0);
        assertTrue(command("nonesuch").run().says("nonesuch").exit() != 0);
        nothingMade();
    }

    @Test
    void a_missing_argument_is_told() {
        assertTrue(command("run").run().says("requires at least 1 argument").exit() != 0);
        assertTrue(command("exec", "box")
                        .run()
                        .says("requires at least 2 arguments")
                        .exit()
                != 0);
        assertTrue(command("rm").run().says("requires at least 1 argument").exit() != 0);
        assertTrue(command("run", "--name").run().says("name").exit() != 0);
        nothingMade();
    }

    @Test
    void an_unknown_image_is_named() {
        // on the peer it ends in the attempt to pull
        run("nonesuch").exits(125).says("nonesuch");
        nothingMade();
    }

    @Test
    void an_image_name_that_is_none_is_told() {
        for (var name : List.of("UPPER", "a b", "../etc", "a:", ":b", "-x:y@z", "sha256:../../x")) {
            var result = run("--", name, "true");
            assertTrue(result.exit() == 125, result.toString());
        }
        assertTrue(command("import", Images.busyboxTar().toString(), "UPPER/Name")
                        .run()
                        .exit()
                != 0);
        assertTrue(command("tag", "busybox", "../x").run().exit() != 0);
        nothingMade();
    }

    @Test
    void an_unknown_container_is_named_whatever_is_asked() {
        for (var what : List.of(
                "start", "stop", "kill", "rm", "logs", "wait", "inspect", "pause", "unpause", "top", "restart",
                "attach")) {
            command(what, "missing").run().exits(1).says("missing");
        }
        command("exec", "missing", "true").run().exits(1).says("missing");
        command("rename", "missing", "other").run().exits(1).says("missing");
    }

    @Test
    void a_name_is_taken_once() {
        var id = command("run", "-d", "--name", "taken", "--network", "none", "busybox", "sleep", "600")
                .ok();
        run("--name", "taken", "busybox", "true").exits(125).says("taken", "in use", id.substring(0, 12));
        assertEquals(1, engine.containers().size());
        command("create", "--name", "second", "busybox", "true").ok();
        command("rename", "second", "taken").run().exits(1).says("taken");
        assertEquals("/second", engine.inspect("second").text("Name"));
    }

    @Test
    void a_container_name_that_is_none_is_told() {
        for (var name : List.of("a b", "../x", "/", "-x", "ä", "a/b")) {
            run("--name=" + name, "busybox", "true").exits(125).says("name");
        }
        nothingMade();
    }

    @Test
    void a_running_container_is_not_started_again_nor_removed_without_f() {
        command("run", "-d", "--name", "up", "--network", "none", "busybox", "sleep", "600")
                .ok();
        long pid = engine.pid("up");
        // starting it again is no error, and nothing happens
        assertEquals("up", command("start", "up").ok());
        assertEquals(pid, engine.pid("up"));
        command("rm", "up").run().exits(1).says("running");
        command("unpause", "up").run().exits(1).says("not paused");
        command("pause", "up").ok();
        command("pause", "up").run().exits(1).says("paused");
    }

    @Test
    void a_stopped_container_is_not_killed_paused_or_entered() {
        command("run", "--name", "down", "--network", "none", "busybox", "true").ok();
        command("kill", "down").run().exits(1).says("not running");
        command("pause", "down").run().exits(1).says("not running");
        command("exec", "down", "true").run().exits(1).says("not running");
        command("attach", "down").run().exits(1).says("stopped");
    }

    @Test
    void an_unknown_signal_is_named() {
        command("run", "-d", "--name", "up", "--network", "none", "busybox", "sleep", "600")
                .ok();
        command("kill", "-s", "NONESUCH", "up").run().exits(1).says("nonesuch");
        command("kill", "-s", "999", "up").run().exits(1).says("999");
        assertTrue(engine.inspect("up").flag("State", "Running"));
    }

    @Test
    void a_command_that_is_not_there_exits_127_with_dockers_words() {
        var result = run("--name", "xx", "busybox", "nonesuch").exits(127);
        result.says("\"nonesuch\"", "executable file not found in $PATH");
        assertEquals(127, engine.inspect("xx").number("State", "ExitCode"));
        run("--rm", "busybox", "/no/such/file").exits(127).says("/no/such/file", "no such file or directory");
    }

    @Test
    void a_file_that_is_not_executable_exits_126_with_dockers_words() {
        run("--name", "xx", "busybox", "/etc/data").exits(126).says("/etc/data", "permission denied");
        assertEquals(126, engine.inspect("xx").number("State", "ExitCode"));
        run("--rm", "busybox", "/etc").exits(126).says("/etc");
    }

    @Test
    void with_rm_a_container_that_did_not_start_is_gone() {
        run("--rm", "busybox", "nonesuch").exits(127);
        Wait.until("its removal", () -> engine.containers().isEmpty());
    }

    @Test
    void an_unknown_user_is_named() {
        for (var user : List.of("nobodyhere", "root:nogroup2", "4294967295", "2147483648", "-1")) {
            var result = run("--rm", "--user=" + user, "busybox", "id");
            // dockerd says 126 here, since it is the runtime that finds out
            assertTrue(result.exit() == 125 || result.exit() == 126, result.toString());
        }
    }

    @Test
    void limits_that_are_none_are_told() {
        run("-m", "lots", "busybox").exits(125).says("lots");
        run("-m", "1k", "busybox").exits(125).says("memory");
        run("--cpus", "-1", "busybox").exits(125);
        run("--cpus", "10000", "busybox").exits(125).says("cpu");
        run("--cpuset-cpus", "4000", "busybox").exits(125).says("4000");
        run("-m", "64m", "--memory-swap", "32m", "busybox").exits(125).says("memory");
        nothingMade();
    }

    @Test
    void capabilities_and_security_options_that_are_none_are_told() {
        run("--cap-add", "NONESUCH", "busybox").exits(125).says("nonesuch");
        run("--cap-drop", "NONESUCH", "busybox").exits(125).says("nonesuch");
        run("--security-opt", "nonesuch=1", "busybox").exits(125).says("nonesuch");
        nothingMade();
    }

    @Test
    void mounts_that_cannot_be_are_told(@TempDir Path directory) throws IOException {
        run("--mount", "type=bind,source=" + directory + "/missing,target=/data", "busybox")
                .exits(125)
                .says("/missing");
        run("--mount", "type=nonesuch,target=/data", "busybox").exits(125).says("nonesuch");
        run("-v", directory + ":relative", "busybox").exits(125).says("relative");
        run("-v", directory + ":/", "busybox").exits(125).says("/");
        run("-v", directory + ":/data:nonesuch", "busybox").exits(125).says("nonesuch");
        nothingMade();
        var file = Files.writeString(directory.resolve("file"), "");
        // a file onto a directory
        assertTrue(run("-v", file + ":/etc", "busybox", "true").exit() >= 125);
    }

    @Test
    void other_values_that_are_none_are_told() {
        command("run", "--network", "nonesuch", "busybox", "true")
                .run()
                .exits(125)
                .says("nonesuch");
        run("--stop-signal", "NONESUCH", "busybox", "true").exits(125).says("nonesuch");
        run("--ulimit", "nonesuch=1", "busybox", "true").exits(125).says("nonesuch");
        run("-w", "relative", "busybox", "true").exits(125).says("relative");
        run("--add-host", "nonesuch", "busybox", "true").exits(125).says("nonesuch");
        run("--shm-size", "lots", "busybox", "true").exits(125).says("lots");
        run("-e", "=x", "busybox", "true").exits(125);
    }

    @Test
    void a_working_directory_that_is_a_file_is_told() {
        var result = run("-w", "/etc/passwd", "busybox", "true");
        assertTrue(result.exit() >= 125, result.toString());
        result.says("/etc/passwd");
    }

    @Test
    void a_client_that_goes_away_leaves_the_container_running() {
        try (var running = command(
                        "run", "--name", "orphan", "--network", "none", "busybox", "sh", "-c", "echo up; sleep 600")
                .start()) {
            running.awaitOut("up");
            running.process().destroyForcibly();
        }
        assertTrue(engine.inspect("orphan").flag("State", "Running"));
    }

    @Test
    void a_sysctl_of_the_host_is_refused() {
        assertTrue(run("--sysctl", "kernel.panic=1", "busybox", "true").exit() >= 125);
        assertTrue(run("--sysctl", "vm.swappiness=1", "busybox", "true").exit() >= 125);
    }
}
