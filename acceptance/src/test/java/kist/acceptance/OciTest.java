package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Bundles of the OCI runtime specification, run by kist-oci and, to prove the tests, by Debian's runc. */
@ParameterizedClass
@ValueSource(strings = {"kist-oci", "runc"})
class OciTest {
    @Parameter
    String runtime;

    private Path home = Path.of("");
    private Path bundle = Path.of("");
    private Leftovers before = Leftovers.NONE;
    private final String id = "ocitest" + ProcessHandle.current().pid();

    @BeforeEach
    void makeBundle() throws IOException {
        before = Leftovers.now();
        home = Files.createTempDirectory(Path.of("/var/tmp"), "kist-oci-");
        bundle = Files.createDirectory(home.resolve("bundle"));
        var root = Files.createDirectory(bundle.resolve("rootfs"));
        Command.of("tar", "-C", root.toString(), "-xf", Images.busyboxTar().toString())
                .ok();
    }

    @AfterEach
    void nothingStays() {
        oci("delete", "--force", id).run();
        var faults = Leftovers.since(before, List.of(home.toString(), id));
        Leftovers.clear(List.of(home.toString(), id));
        Engine.deleteTree(home);
        assertEquals(List.of(), faults);
    }

    private Command oci(String... arguments) {
        return Command.of(
                        runtime.equals("runc") ? "runc" : Engine.dist("bin/kist-oci"),
                        "--root",
                        home.resolve("state").toString())
                .with(arguments);
    }

    /** The configuration that {@code spec} writes, with another command and without a terminal. */
    private void configure(String... command) throws IOException {
        Files.deleteIfExists(bundle.resolve("config.json"));
        oci("spec", "--bundle", bundle.toString()).ok();
        change("process", "args", List.of(command));
        change("process", "terminal", false);
    }

    @SuppressWarnings("unchecked")
    private void change(String part, String key, Object value) throws IOException {
        var file = bundle.resolve("config.json");
        var config = (Map<String, Object>) Json.parse(Files.readAllBytes(file)).value();
        var within = part.isEmpty() ? config : (Map<String, Object>) config.get(part);
        within.put(key, value);
        Files.writeString(file, Json.write(config));
    }

    private Json state() {
        return Json.parse(oci("state", id).ok());
    }

    @Test
    void run_runs_the_bundle_and_exits_as_it_exits() throws IOException {
        configure("sh", "-c", "echo out; echo err >&2; cat; exit 7");
        var result = oci("run", "--bundle", bundle.toString(), id)
                .stdin("in\n")
                .run()
                .exits(7);
        assertEquals("out\nin", result.out());
        assertEquals("err\n", result.err());
        oci("state", id).run().exits(1).says("does not exist");
    }

    @Test
    void create_start_kill_and_delete_are_its_life() throws IOException {
        configure("sleep", "600");
        create();
        var created = state();
        assertEquals("created", created.text("status"));
        assertEquals(id, created.text("id"));
        assertEquals(bundle.toString(), created.text("bundle"));
        assertTrue(created.text("ociVersion").startsWith("1."), "" + created);
        long pid = created.number("pid");
        assertTrue(ProcessHandle.of(pid).isPresent());
        // the program of the bundle has not begun
        assertFalse(Processes.read(pid, "cmdline").startsWith("sleep"), Processes.read(pid, "cmdline"));
        oci("start", id).ok();
        assertEquals("running", state().text("status"));
        assertEquals(pid, state().number("pid"));
        Wait.until("the program", () -> Processes.read(pid, "cmdline").startsWith("sleep"));
        oci("delete", id).run().exits(1);
        oci("kill", id, "KILL").ok();
        Wait.until("its end", () -> state().text("status").equals("stopped"));
        oci("delete", id).ok();
        oci("state", id).run().exits(1);
    }

    /** Its streams go to files: the container would keep the test's pipes open. */
    private void create(String... flags) throws IOException {
        var out = home.resolve("out");
        var result = oci("create", "--bundle", bundle.toString())
                .with(flags)
                .with(id)
                .run(Path.of("/dev/null"), out);
        result.exits(0);
    }

    @Test
    void kill_takes_a_signal_by_name_or_number() throws IOException {
        configure("sh", "-c", "trap 'exit 5' USR1; echo up; while :; do sleep 0.05; done");
        create();
        oci("start", id).ok();
        Wait.until("its trap", () -> {
            try {
                return Files.readString(home.resolve("out")).contains("up");
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        oci("kill", id, "10").ok();
        Wait.until("its end", () -> state().text("status").equals("stopped"));
    }

    @Test
    void the_pid_file_has_the_pid() throws IOException {
        configure("sleep", "600");
        create("--pid-file", home.resolve("pid").toString());
        assertEquals(
                Long.toString(state().number("pid")),
                Files.readString(home.resolve("pid")).strip());
        oci("delete", "--force", id).ok();
    }

    @Test
    void list_names_the_containers() throws IOException {
        configure("sleep", "600");
        create();
        assertTrue(oci("list").ok().contains(id));
        oci("delete", "-f", id).ok();
        assertFalse(oci("list").ok().contains(id));
    }

    @Test
    void an_id_is_taken_once() throws IOException {
        configure("sleep", "600");
        create();
        oci("create", "--bundle", bundle.toString(), id).run().exits(1).says("exist");
        assertEquals("created", state().text("status"));
    }

    @Test
    void ids_that_lead_elsewhere_are_refused() throws IOException {
        configure("true");
        for (var bad : List.of("../x", "a/b", "..", ".")) {
            assertTrue(oci("run", "--bundle", bundle.toString(), bad).run().exit() != 0, bad);
        }
        assertTrue(oci("state", "missing").run().says("exist").exit() != 0);
    }

    @Test
    void a_bundle_that_is_none_is_told() throws IOException {
        oci("run", "--bundle", home.resolve("missing").toString(), id)
                .run()
                .exits(1)
                .says("missing");
        oci("run", "--bundle", bundle.toString(), id).run().exits(1).says("config.json");
        configure("nonesuch");
        oci("run", "--bundle", bundle.toString(), id).run().exits(1).says("nonesuch");
        Files.writeString(bundle.resolve("config.json"), "{ nonsense");
        assertTrue(oci("run", "--bundle", bundle.toString(), id).run().exit() != 0);
    }

    @Test
    void what_the_bundle_says_holds() throws IOException {
        configure("sh", "-c", "hostname; id -u; pwd; grep NoNewPrivs /proc/self/status; touch /x 2>&1");
        change("", "hostname", "box");
        change("process", "cwd", "/etc");
        change("process", "noNewPrivileges", true);
        change("root", "readonly", true);
        var result = oci("run", "--bundle", bundle.toString(), id).run().exits(1);
        assertTrue(result.out().startsWith("box\n0\n/etc\nNoNewPrivs:\t1\n"), result.toString());
        assertTrue(result.out().contains("Read-only file system"), result.toString());
    }
}
