package kist.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kist.config.Settings;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class EngineProcessTest {
    @TempDir
    Path directory;

    private Settings settings;

    @BeforeEach
    void settle() {
        settings = Settings.of(directory.resolve("a/root"), directory.resolve("a/run"), "");
    }

    /** An engine that is a file for a socket; tells when it is open and when it is closed. */
    private static final class Engine implements Assembly {
        final CountDownLatch open = new CountDownLatch(1);
        final CountDownLatch closed = new CountDownLatch(1);

        @Override
        public AutoCloseable open(Settings settings) throws IOException {
            Files.createFile(settings.dockerSocket());
            open.countDown();
            return closed::countDown;
        }
    }

    private static Thread start(EngineProcess process) {
        return Thread.startVirtualThread(() -> {
            try {
                process.run();
            } catch (IOException | Refusal | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }

    @Test
    void a_run_leaves_nothing_but_its_state() throws Exception {
        var engine = new Engine();
        var process = new EngineProcess(settings, engine);
        var thread = start(process);
        engine.open.await();
        assertEquals(ProcessHandle.current().pid() + "\n", Files.readString(settings.pidFile()));
        for (var path : List.of(settings.root(), settings.runDir())) {
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        }
        process.stop();
        thread.join();
        assertEquals(0, engine.closed.getCount());
        assertFalse(Files.exists(settings.pidFile()) || Files.exists(settings.dockerSocket()));
    }

    @Test
    void a_second_engine_is_refused_and_the_first_one_untouched() throws Exception {
        var engine = new Engine();
        var process = new EngineProcess(settings, engine);
        var thread = start(process);
        engine.open.await();
        for (var second : List.of(
                settings,
                Settings.of(settings.root(), directory.resolve("b/run"), ""),
                Settings.of(directory.resolve("b/root"), settings.runDir(), ""))) {
            var refusal =
                    assertThrows(Refusal.class, () -> new EngineProcess(second, new Engine()).run(), second::toString);
            assertTrue(
                    refusal.getMessage()
                            .startsWith("another engine (pid "
                                    + ProcessHandle.current().pid() + ") already uses "),
                    refusal.getMessage());
            assertTrue(Files.exists(settings.pidFile()) && Files.exists(settings.dockerSocket()));
        }
        process.stop();
        thread.join();
    }

    @Test
    void what_a_killed_engine_left_is_taken_over() throws Exception {
        Files.createDirectories(settings.runDir());
        Files.createFile(settings.dockerSocket());
        Files.writeString(settings.pidFile(), "1\n");
        var engine = new Engine();
        var process = new EngineProcess(settings, engine);
        var thread = start(process);
        engine.open.await();
        assertEquals(ProcessHandle.current().pid() + "\n", Files.readString(settings.pidFile()));
        process.stop();
        thread.join();
    }

    @Test
    void directories_that_others_could_walk_into_are_closed_to_them() throws Exception {
        Files.createDirectories(settings.root());
        Files.setPosixFilePermissions(settings.root(), PosixFilePermissions.fromString("rwxr-xr-x"));
        var engine = new Engine();
        var process = new EngineProcess(settings, engine);
        var thread = start(process);
        engine.open.await();
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(settings.root())));
        process.stop();
        thread.join();
    }

    @Test
    void an_engine_that_does_not_open_leaves_the_place_free() throws Exception {
        var process = new EngineProcess(settings, s -> {
            throw new IOException("no luck");
        });
        assertThrows(IOException.class, process::run);
        assertFalse(Files.exists(settings.pidFile()));
        var engine = new Engine();
        var next = new EngineProcess(settings, engine);
        var thread = start(next);
        engine.open.await();
        next.stop();
        thread.join();
    }

    @Test
    void a_file_in_place_of_a_directory_is_named() throws Exception {
        Files.createDirectories(settings.root().getParent());
        Files.createFile(settings.root());
        var refusal = assertThrows(Refusal.class, () -> new EngineProcess(settings, new Engine()).run());
        assertTrue(refusal.getMessage().startsWith(settings.root() + " is not a directory"), refusal.getMessage());
    }

    /** A whole process around such an engine, to be killed. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] args) {
            System.exit(Main.run(args, settings -> {
                Files.createFile(settings.dockerSocket());
                System.out.println("open");
                return () -> System.out.println("closed");
            }));
        }
    }

    private Process victim() throws IOException {
        var classes = System.getProperty("jdk.module.path", "") + ":" + System.getProperty("java.class.path", "") + ":"
                + Path.of("target/test-classes").toAbsolutePath();
        return new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classes,
                        Victim.class.getName(),
                        "--root=" + settings.root(),
                        "engine",
                        "--run-dir",
                        settings.runDir().toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @Test
    void sigterm_ends_it_well_and_after_kill_9_the_next_one_starts() throws Exception {
        var first = victim();
        try (var reader = new BufferedReader(new InputStreamReader(first.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("open", reader.readLine());
            var refusal = assertThrows(Refusal.class, () -> new EngineProcess(settings, new Engine()).run());
            assertTrue(refusal.getMessage().contains("(pid " + first.pid() + ")"), refusal.getMessage());
        } finally {
            first.destroyForcibly().waitFor();
        }
        assertTrue(Files.exists(settings.dockerSocket()));
        var second = victim();
        try (var reader = new BufferedReader(new InputStreamReader(second.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("open", reader.readLine());
            // of the handle: Process.destroy would close its output as well
            second.toHandle().destroy();
            assertEquals("closed", reader.readLine());
            assertTrue(second.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, second.exitValue());
        } finally {
            second.destroyForcibly().waitFor();
        }
        assertFalse(Files.exists(settings.dockerSocket()));
    }
}
