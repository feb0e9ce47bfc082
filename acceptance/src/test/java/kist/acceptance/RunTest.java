package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code run} and its flags, typed at the docker command and at kist's. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class RunTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Parameter
    String client;

    private Command command(String... arguments) {
        return engine.client(client, arguments);
    }

    /** {@code run --rm --network none} of these. */
    private Command run(String... arguments) {
        return command("run", "--rm", "--network", "none").with(arguments);
    }

    @Test
    void prints_what_the_container_prints_and_removes_it() {
        var result = command("run", "--rm", "busybox", "echo", "hello world").run();
        assertEquals("hello world", result.ok());
        assertEquals("", result.err());
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void without_rm_the_container_stays() {
        command("run", "--name", "stays", "--network", "none", "busybox", "true")
                .ok();
        assertEquals("exited", engine.inspect("stays").text("State", "Status"));
    }

    @Test
    void keeps_standard_output_and_standard_error_apart() {
        var result = run("busybox", "sh", "-c", "echo out; echo err >&2").run();
        assertEquals("out", result.ok());
        assertEquals("err\n", result.err());
    }

    @Test
    void exits_as_the_container_exits() {
        run("busybox", "sh", "-c", "exit 3").run().exits(3);
        // the first process of a pid namespace cannot kill itself, so its child does
        run("busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?").run().exits(137);
    }

    @Test
    void runs_the_command_of_the_image_where_none_is_given() {
        assertEquals("from sh", run("-i", "busybox").stdin("echo from sh\n").ok());
    }

    @Test
    void hands_standard_input_on_and_closes_it() {
        assertEquals("hi", run("-i", "busybox", "cat").stdin("hi\n").ok());
    }

    @Test
    void standard_input_is_empty_without_i() {
        assertEquals("0", run("busybox", "wc", "-c").stdin("hi\n").ok());
    }

    @Test
    void fifty_megabytes_pass_through_a_container_unchanged(@TempDir Path directory) throws IOException {
        var bytes = new byte[50 << 20];
        new Random(1).nextBytes(bytes);
        var in = directory.resolve("in");
        var out = directory.resolve("out");
        Files.write(in, bytes);
        run("-i", "busybox", "cat").run(in, out).exits(0);
        assertEquals(Files.size(in), Files.size(out));
        assertEquals(-1, Files.mismatch(in, out));
    }

    @Test
    void the_container_sees_the_end_of_input_while_its_output_goes_on() {
        var result = run("-i", "busybox", "sh", "-c", "cat >/tmp/in; sleep 0.3; wc -c </tmp/in; sha256sum </tmp/in")
                .stdin(new byte[300_000])
                .run();
        assertEquals("300000", result.lines().getFirst().strip());
        assertTrue(result.out().contains(Images.digest(new byte[300_000])), result.toString());
    }

    @Test
    void detached_prints_the_id() {
        var id = command("run", "-d", "--network", "none", "busybox", "sleep", "60")
                .ok();
        assertTrue(id.matches("[0-9a-f]{64}"), id);
        assertTrue(engine.inspect(id).flag("State", "Running"));
    }

    @Test
    void names_hostname_and_labels_are_as_given() {
        assertEquals(
                "box",
                run("--name", "named", "--hostname", "box", "busybox", "hostname")
                        .ok());
        command(
                        "run",
                        "-d",
                        "--name",
                        "named",
                        "-l",
                        "a=b",
                        "--label",
                        "c=d",
                        "--network",
                        "none",
                        "busybox",
                        "sleep",
                        "60")
                .ok();
        var found = engine.inspect("named");
        assertEquals("/named", found.text("Name"));
        assertEquals("b", found.text("Config", "Labels", "a"));
        assertEquals("d", found.text("Config", "Labels", "c"));
    }

    @Test
    void the_hostname_is_the_short_id_where_none_is_given() {
        var id =
                command("run", "-d", "--network", "none", "busybox", "hostname").ok();
        command("wait", id).ok();
        assertEquals(id.substring(0, 12), command("logs", id).ok());
    }

    @Test
    void the_environment_is_as_given(@TempDir Path directory) throws IOException {
        var file = directory.resolve("env");
        Files.writeString(file, "# a comment\nC=from file\nD=\n");
        var lines = run("-e", "A=1", "-eB=2=3", "--env", "FROM_HERE", "--env-file", file.toString(), "busybox", "env")
                .env("FROM_HERE", "taken over")
                .run()
                .lines();
        assertTrue(lines.containsAll(List.of("A=1", "B=2=3", "C=from file", "D=", "FROM_HERE=taken over")), "" + lines);
        assertTrue(lines.contains("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), "" + lines);
        assertTrue(lines.contains("HOME=/root"), "" + lines);
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("HOSTNAME=")), "" + lines);
    }

    @Test
    void the_working_directory_is_as_given_and_made_where_missing() {
        assertEquals("/", run("busybox", "pwd").ok());
        assertEquals("/etc", run("-w", "/etc", "busybox", "pwd").ok());
        assertEquals("/new/one", run("--workdir", "/new/one", "busybox", "pwd").ok());
    }

    @Test
    void the_user_is_as_given_by_name_or_number() {
        assertEquals("0 0", run("busybox", "sh", "-c", "echo $(id -u) $(id -g)").ok());
        assertEquals(
                "1000 1000 1000 29",
                run("-u", "tester", "busybox", "sh", "-c", "echo $(id -u) $(id -g) $(id -G)")
                        .ok());
        assertEquals(
                "1234 0",
                run("-u", "1234", "busybox", "sh", "-c", "echo $(id -u) $(id -g)")
                        .ok());
        assertEquals(
                "7 8",
                run("--user", "7:8", "busybox", "sh", "-c", "echo $(id -u) $(id -g)")
                        .ok());
        assertEquals(
                "1000 29",
                run("-u", "tester:audio", "busybox", "sh", "-c", "echo $(id -u) $(id -g)")
                        .ok());
        assertEquals(
                "/home/tester",
                run("-u", "tester", "busybox", "sh", "-c", "echo $HOME").ok());
    }

    @Test
    void the_entrypoint_is_as_given() {
        assertEquals("a b", run("--entrypoint", "echo", "busybox", "a", "b").ok());
    }

    @Test
    void a_bind_mount_shows_the_directory_of_the_host(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("given"), "by the host");
        assertEquals(
                "by the host",
                run("-v", directory + ":/data", "busybox", "sh", "-c", "echo back >/data/made; cat /data/given")
                        .ok());
        assertEquals("back\n", Files.readString(directory.resolve("made")));
        var readOnly = run("-v", directory + ":/data:ro", "busybox", "touch", "/data/no")
                .run();
        assertTrue(readOnly.exits(1).err().contains("Read-only file system"), readOnly.toString());
        assertFalse(Files.exists(directory.resolve("no")));
    }

    @Test
    void mount_takes_binds_and_tmpfs(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("given"), "by the host");
        assertEquals(
                "by the host",
                run(
                                "--mount",
                                "type=bind,source=" + directory + ",target=/data,readonly",
                                "busybox",
                                "cat",
                                "/data/given")
                        .ok());
        assertTrue(run(
                        "--mount",
                        "type=tmpfs,target=/scratch,tmpfs-size=1m",
                        "busybox",
                        "sh",
                        "-c",
                        "mount | grep scratch")
                .ok()
                .contains("size=1024k"));
        assertTrue(run("--tmpfs", "/scratch:size=2m", "busybox", "sh", "-c", "mount | grep scratch")
                .ok()
                .contains("size=2048k"));
    }

    @Test
    void a_single_file_can_be_mounted(@TempDir Path directory) throws IOException {
        var file = Files.writeString(directory.resolve("file"), "one file");
        assertEquals(
                "one file",
                run("-v", file + ":/etc/one:ro", "busybox", "cat", "/etc/one").ok());
    }

    @Test
    void a_read_only_root_takes_no_writes_but_dev_and_tmpfs_do() {
        var result = run(
                        "--read-only",
                        "--tmpfs",
                        "/tmp",
                        "busybox",
                        "sh",
                        "-c",
                        "echo >/tmp/a; echo >/dev/null; touch /b")
                .run();
        assertTrue(result.exits(1).err().contains("Read-only file system"), result.toString());
    }

    @Test
    void shm_size_and_ulimits_are_as_given() {
        assertTrue(run("--shm-size", "1m", "busybox", "sh", "-c", "mount | grep /dev/shm")
                .ok()
                .contains("size=1024k"));
        assertEquals(
                "77",
                run("--ulimit", "nofile=77:88", "busybox", "sh", "-c", "ulimit -n")
                        .ok());
    }

    @Test
    void hosts_can_be_added() {
        assertTrue(run("--add-host", "there:10.1.2.3", "busybox", "cat", "/etc/hosts")
                .ok()
                .contains("10.1.2.3\tthere"));
    }

    @Test
    void network_sysctls_are_as_given() {
        assertEquals(
                "1",
                run("--sysctl", "net.ipv4.ip_forward=1", "busybox", "cat", "/proc/sys/net/ipv4/ip_forward")
                        .ok());
    }

    @Test
    void the_id_goes_into_the_cidfile(@TempDir Path directory) throws IOException {
        var file = directory.resolve("cid");
        command("run", "--cidfile", file.toString(), "--network", "none", "busybox", "true")
                .ok();
        var id = Files.readString(file).strip();
        assertEquals(id, engine.inspect(id).text("Id"));
        run("--cidfile", file.toString(), "busybox", "true").run().exits(125).says(file.toString());
    }

    @Test
    void flags_behind_the_image_belong_to_the_command() {
        assertEquals("-d --name x", run("busybox", "echo", "-d", "--name", "x").ok());
    }

    @Test
    void sigterm_is_handed_to_the_container() {
        try (var running = command(
                        "run",
                        "--rm",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "trap 'echo got it; exit 5' TERM; echo up; while :; do sleep 0.1; done")
                .start()) {
            running.awaitOut("up");
            running.signal("TERM");
            var result = running.await();
            assertTrue(result.exits(5).out().contains("got it"), result.toString());
        }
    }

    @Test
    void twenty_at_once_all_come_back_with_their_own_output() throws InterruptedException {
        var results = new Command.Result[20];
        var threads = new Thread[results.length];
        for (int i = 0; i < results.length; i++) {
            int number = i;
            threads[i] = Thread.startVirtualThread(() ->
                    results[number] = run("busybox", "echo", "number " + number).run());
        }
        for (var thread : threads) {
            thread.join();
        }
        for (int i = 0; i < results.length; i++) {
            assertEquals("number " + i, results[i].ok(), Arrays.toString(results));
        }
    }
}
