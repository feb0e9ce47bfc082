package kist.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import kist.runtime.DefaultSpec;
import kist.runtime.Hooks;
import kist.runtime.Resources;
import kist.runtime.Spec;
import kist.runtime.User;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command as whole processes, on bundles with a busybox root. */
final class OciSystemTest {
    @TempDir
    Path dir;

    private final String id = "oci-test-" + ProcessHandle.current().pid();

    record Result(int status, String out, String err) {}

    @BeforeEach
    void bundle() throws Exception {
        Path bin = Files.createDirectories(dir.resolve("bundle/rootfs/bin"));
        for (String d : List.of("proc", "dev", "sys", "tmp", "etc")) {
            Files.createDirectories(dir.resolve("bundle/rootfs").resolve(d));
        }
        Files.copy(Path.of("/bin/busybox"), bin.resolve("busybox"));
        for (String applet : List.of("sh", "cat", "sleep", "echo", "hostname", "id", "touch", "tty")) {
            Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
        }
    }

    @AfterEach
    void clean() throws Exception {
        oci("delete", "-f", id);
        assertFalse(Files.exists(dir.resolve("state").resolve(id)));
        for (Path cgroup : List.of(Path.of("/sys/fs/cgroup/memory"), Path.of("/sys/fs/cgroup"))) {
            assertFalse(Files.exists(cgroup.resolve(id)), cgroup.toString());
        }
    }

    private ProcessBuilder command(String... args) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=kist.kernel,kist.runtime",
                "--add-opens=java.base/sun.nio.ch=kist.kernel",
                "-Dkist.keeper=" + System.getProperty("kist.keeper"),
                "-p",
                System.getProperty("jdk.module.path"),
                "-m",
                "kist.oci/kist.oci.Main",
                "--root",
                dir.resolve("state").toString(),
                "--log",
                dir.resolve("log").toString(),
                "--log-format",
                "json"));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).directory(dir.resolve("bundle").toFile());
    }

    private Result oci(String... args) throws Exception {
        Path out = dir.resolve("out");
        Path err = dir.resolve("err");
        // files, not pipes: a container in the background keeps them open
        java.lang.Process p = command(args)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        if (!p.waitFor(60, TimeUnit.SECONDS)) {
            p.destroyForcibly();
            throw new AssertionError(String.join(" ", args) + " does not end");
        }
        return new Result(p.exitValue(), Files.readString(out), Files.readString(err));
    }

    private void config(String... args) throws Exception {
        config(DefaultSpec.docker()
                .args(List.of(args))
                .hostname("oci")
                .user(User.ROOT)
                .build());
    }

    private void config(Spec spec) throws Exception {
        Files.writeString(dir.resolve("bundle/config.json"), spec.json());
    }

    private String status() throws Exception {
        Result r = oci("state", id);
        assertEquals(0, r.status(), r.err());
        String json = r.out();
        int at = json.indexOf("\"status\":\"") + 10;
        return json.substring(at, json.indexOf('"', at));
    }

    @Test
    void a_bundle_runs_in_the_foreground_with_its_streams_and_status_and_leaves_nothing() throws Exception {
        config("sh", "-c", "hostname; cat; echo wrong >&2; exit 7");
        java.lang.Process p = command("run", id).start();
        try (var in = p.getOutputStream()) {
            in.write("typed\n".getBytes(StandardCharsets.UTF_8));
        }
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(p.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(7, p.waitFor(), err);
        assertEquals("oci\ntyped\n", out);
        assertEquals("wrong\n", err);
    }

    @Test
    void create_start_state_kill_delete() throws Exception {
        config("sh", "-c", "touch /tmp/began; exec sleep 1000");
        Result r = oci("create", "--pid-file", dir.resolve("pid").toString(), id);
        assertEquals(0, r.status(), r.err());
        assertEquals("created", status());
        long pid = Long.parseLong(Files.readString(dir.resolve("pid")));
        assertTrue(Files.isDirectory(Path.of("/proc/" + pid)));
        Path began = dir.resolve("bundle/rootfs/tmp/began");
        assertFalse(Files.exists(began));
        assertTrue(oci("create", id).err().contains("container with given ID already exists"));

        assertEquals(0, oci("start", id).status());
        assertEquals("running", status());
        for (int i = 0; i < 500 && !Files.exists(began); i++) {
            Thread.sleep(10);
        }
        assertTrue(Files.exists(began));
        assertTrue(oci("start", id).err().contains("cannot start a container in the running state"));
        assertTrue(oci("delete", id).err().contains("that is not stopped: running"));
        assertTrue(oci("list").out().contains(id));

        r = oci("exec", id, "sh", "-c", "hostname; exit 5");
        assertEquals(5, r.status(), r.err());
        assertEquals("oci\n", r.out());
        assertEquals(0, oci("pause", id).status());
        assertEquals("paused", status());
        assertEquals(0, oci("resume", id).status());
        assertTrue(oci("ps", "-f", "json", id).out().contains(Long.toString(pid)));
        assertEquals(0, oci("update", "--pids-limit", "50", id).status());

        assertEquals(0, oci("kill", id, "KILL").status());
        for (int i = 0; i < 100 && !status().equals("stopped"); i++) {
            Thread.sleep(10);
        }
        assertEquals("stopped", status());
        assertTrue(oci("kill", id).err().contains("container not running"));
        assertEquals(0, oci("delete", id).status());
        assertTrue(oci("state", id).err().contains("container does not exist"));
        assertEquals(1, oci("delete", id).status());
        assertEquals(0, oci("delete", "-f", id).status());
    }

    @Test
    void a_command_that_is_not_there_is_said_on_both_ways_and_leaves_nothing() throws Exception {
        config("nosuch");
        Result r = oci("run", id);
        assertEquals(1, r.status());
        String sentence = "exec: \\\"nosuch\\\": executable file not found in $PATH";
        assertTrue(r.err().contains(sentence), r.err());
        assertTrue(Files.readString(dir.resolve("log")).contains(sentence));
        assertTrue(Files.readString(dir.resolve("log")).startsWith("{\"level\":\"error\""));
        assertFalse(Files.exists(dir.resolve("state").resolve(id)));
    }

    @Test
    void what_is_wrong_with_a_bundle_is_named() throws Exception {
        assertTrue(oci("run", id).err().contains("config.json not found"));
        Files.writeString(dir.resolve("bundle/config.json"), "{\"ociVersion\":\"1.0.2\",\"odd\":1}");
        assertTrue(oci("run", id).err().contains("process: is missing"));
        config(DefaultSpec.docker()
                .args(List.of("sh"))
                .cgroupsPath("a.slice:kist:x")
                .build());
        assertTrue(oci("run", id).err().contains("cgroupsPath"));
        config("sh");
        for (String bad : List.of("..", "a/b", "a b", "")) {
            assertTrue(oci("run", bad).err().contains("invalid container ID"), bad);
        }
        assertTrue(oci("frobnicate").err().contains("unknown command frobnicate"));
        assertTrue(oci("kill", "--hard", "x").err().contains("unknown flag --hard"));
        assertTrue(oci("start").err().contains("needs the ID"));
        assertEquals(
                List.of(),
                List.of(java.util.Objects.requireNonNullElse(
                        dir.resolve("state").toFile().list(), new String[0])));
    }

    @Test
    void hooks_run_with_the_state_and_one_that_fails_stops_the_start() throws Exception {
        Path seen = dir.resolve("seen");
        Hooks.Hook good = new Hooks.Hook(
                "/bin/sh",
                List.of("sh", "-c", "echo $NAME >> " + seen + "; cat >> " + seen),
                List.of("NAME=value", "PATH=/bin"),
                OptionalInt.of(10));
        Hooks.Hook bad = new Hooks.Hook("/bin/false", List.of("false"), List.of(), OptionalInt.empty());
        Spec spec = DefaultSpec.docker().args(List.of("sh", "-c", "exit 0")).build();
        config(with(spec, new Hooks(List.of(good), List.of(), List.of(), List.of(), List.of(), List.of(good))));
        assertEquals(0, oci("run", id).status());
        String text = Files.readString(seen);
        assertTrue(text.startsWith("value\n{\"ociVersion\""), text);
        assertEquals(2, text.split("value\n", -1).length - 1, text);
        config(with(spec, new Hooks(List.of(), List.of(bad), List.of(), List.of(), List.of(), List.of())));
        Result r = oci("run", id);
        assertEquals(1, r.status());
        assertTrue(r.err().contains("error running createRuntime hook /bin/false: exit status 1"), r.err());
    }

    private static Spec with(Spec s, Hooks hooks) {
        return new Spec(
                s.ociVersion(),
                s.process(),
                s.root(),
                s.hostname(),
                s.domainname(),
                s.mounts(),
                Optional.of(hooks),
                s.annotations(),
                s.linux());
    }

    @Test
    void limits_of_the_bundle_hold() throws Exception {
        Resources limits = new Resources(
                List.of(),
                Optional.of(Resources.Memory.of(
                        OptionalLong.of(20 << 20), OptionalLong.of(20 << 20), OptionalLong.empty())),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of());
        config(DefaultSpec.docker()
                .args(List.of("cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"))
                .resources(limits)
                .build());
        assertEquals("20971520\n", oci("run", id).out());
    }

    @Test
    void a_written_spec_can_be_run_as_it_is_but_for_its_terminal() throws Exception {
        assertEquals(0, oci("spec").status());
        assertTrue(oci("spec").err().contains("exists. Remove it first"));
        Path config = dir.resolve("bundle/config.json");
        Files.writeString(config, Files.readString(config).replace("\"terminal\":true", "\"terminal\":false"));
        assertEquals(0, oci("run", id).status());
        assertTrue(oci("features").out().contains("ociVersionMax"));
    }

    @Test
    void a_terminal_goes_over_the_console_socket() throws Exception {
        config(DefaultSpec.docker()
                .args(List.of("sh", "-c", "tty; sleep 1000"))
                .terminal(true)
                .build());
        assertTrue(oci("create", id).err().contains("without setting a console socket"));
        Path socket = dir.resolve("console.sock");
        // a receiver of descriptors in a few lines of a language that has them
        Path script = Files.writeString(dir.resolve("receive.py"), """
                import os, select, socket, sys
                s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
                c, _ = s.accept()
                _, fds, _, _ = socket.recv_fds(c, 100, 1)
                select.select([fds[0]], [], [], 30)
                print(os.read(fds[0], 100).decode().strip())
                """);
        java.lang.Process receiver = new ProcessBuilder("python3", script.toString(), socket.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        for (int i = 0; i < 500 && !Files.exists(socket); i++) {
            Thread.sleep(10);
        }
        Result r = oci("create", "--console-socket", socket.toString(), id);
        assertEquals(0, r.status(), r.err());
        assertEquals(0, oci("start", id).status());
        assertEquals("/dev/pts/0\n", new String(receiver.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        receiver.waitFor();
    }

    @Test
    void a_keeper_that_was_killed_can_be_cleaned_up_after() throws Exception {
        config("sleep", "1000");
        assertEquals(0, oci("run", "-d", id).status());
        Path socket = dir.resolve("state").resolve(id).resolve("keeper.sock");
        java.lang.Process find = new ProcessBuilder("pgrep", "-f", socket.toString()).start();
        for (String pid : new String(find.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
            ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
        }
        Thread.sleep(200);
        assertEquals("running", status());
        assertEquals(0, oci("delete", "-f", id).status());
    }
}
