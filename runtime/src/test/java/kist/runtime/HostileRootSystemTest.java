package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kist.kernel.Fd;
import kist.kernel.Flags;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Root file systems that were made to lead a runtime astray: whatever they are, nothing outside of them changes. */
@Timeout(120)
final class HostileRootSystemTest {
    @TempDir
    Path dir;

    private Sandbox box;
    private Path canary;

    @BeforeEach
    void launch() throws Exception {
        box = new Sandbox(dir);
        canary = Files.createDirectory(dir.resolve("canary"));
        Files.writeString(canary.resolve("file"), "untouched");
    }

    @AfterEach
    void end() throws Exception {
        box.close();
        try (var entries = Files.list(canary)) {
            assertEquals(List.of(canary.resolve("file")), entries.toList(), "made outside of the root");
        }
        assertEquals("untouched", Files.readString(canary.resolve("file")));
    }

    private void replace(String path, Path target) throws Exception {
        new ProcessBuilder("rm", "-rf", box.root.resolve(path).toString())
                .start()
                .waitFor();
        Files.createSymbolicLink(box.root.resolve(path), target);
    }

    private Fd bind(Path source) {
        return box.linux.openTree(Fd.CWD, source.toString(), Flags.OPEN_TREE_CLONE);
    }

    /** Starts, whatever comes of it. */
    private void attempt(Spec spec, Map<String, Fd> volumes) throws Exception {
        try {
            box.start(spec, volumes).await();
        } catch (StartException | SpecException e) {
            assertTrue(box.keeper.list().isEmpty(), "nothing is left of the process");
        }
    }

    @Test
    void links_in_place_of_the_standard_directories_lead_nowhere_outside() throws Exception {
        String up = "../".repeat(12) + canary.toString().substring(1);
        for (String name : List.of("dev", "proc", "sys", "etc")) {
            for (Path target : List.of(canary, Path.of(up), Path.of("/proc/self/cwd"), Path.of("/proc/1/root"))) {
                replace(name, target);
                attempt(box.spec("/bin/true").cwd("/etc/work").build(), Map.of());
            }
            Files.delete(box.root.resolve(name));
            Files.createDirectory(box.root.resolve(name));
        }
    }

    @Test
    void a_link_to_a_directory_of_the_image_works() throws Exception {
        Files.createDirectory(box.root.resolve("real-dev"));
        replace("dev", Path.of("/real-dev"));
        assertEquals(0, box.run(box.spec("/bin/true")).status());
        Sandbox.Result r = box.sh("ls /real-dev/null && echo x > /dev/null");
        assertEquals(0, r.status(), r.output());
    }

    @Test
    void volumes_on_links_stay_inside() throws Exception {
        Path volume = Files.createDirectory(dir.resolve("volume"));
        Path file = Files.writeString(dir.resolve("file"), "mine\n");
        Files.createSymbolicLink(box.root.resolve("out"), canary);
        Files.createSymbolicLink(
                box.root.resolve("out2"),
                Path.of("../".repeat(12) + canary.toString().substring(1) + "/made"));
        for (String destination :
                List.of("/out", "/out/made", "/out2", "/out2/deeper", "/var/run/x", "/out/../etc/x")) {
            try (Fd tree = bind(volume);
                    Fd single = bind(file)) {
                attempt(box.spec("/bin/true").build(), Map.of(destination, tree));
                attempt(box.spec("/bin/true").build(), Map.of(destination + "-f", single));
            }
        }
        try (Fd single = bind(file)) {
            Spec spec = box.spec("cat", "/var/run/f").build();
            assertEquals(
                    "mine\n",
                    box.start(spec, Map.of("/var/run/f", single)).await().output(),
                    "an absolute link inside works");
        }
    }

    @Test
    void a_file_on_a_link_to_nowhere_is_made_where_it_points() throws Exception {
        Path file = Files.writeString(dir.resolve("resolv.conf"), "nameserver 1.2.3.4\n");
        Files.createSymbolicLink(box.root.resolve("etc/resolv.conf"), Path.of("../run/systemd/stub.conf"));
        try (Fd single = bind(file)) {
            Spec spec = box.spec("cat", "/etc/resolv.conf").build();
            assertEquals(
                    "nameserver 1.2.3.4\n",
                    box.start(spec, Map.of("/etc/resolv.conf", single)).await().output());
        }
        Files.createSymbolicLink(box.root.resolve("etc/loop"), Path.of("loop"));
        try (Fd single = bind(file)) {
            attempt(box.spec("true").build(), Map.of("/etc/loop", single));
        }
    }

    @Test
    void a_fifo_or_a_device_to_mount_on_does_not_stop_the_start() throws Exception {
        Path file = Files.writeString(dir.resolve("hosts"), "1.2.3.4 x\n");
        new ProcessBuilder("mkfifo", box.root.resolve("etc/hosts").toString())
                .start()
                .waitFor();
        new ProcessBuilder("mknod", box.root.resolve("etc/watchdog").toString(), "c", "10", "130")
                .start()
                .waitFor();
        for (String destination : List.of("/etc/hosts", "/etc/watchdog")) {
            try (Fd single = bind(file)) {
                Spec spec = box.spec("cat", destination).build();
                assertEquals(
                        "1.2.3.4 x\n",
                        box.start(spec, Map.of(destination, single)).await().output());
            }
        }
    }

    @Test
    void what_the_image_has_in_dev_is_covered() throws Exception {
        Files.createSymbolicLink(box.root.resolve("dev/null"), canary.resolve("null"));
        Files.createSymbolicLink(box.root.resolve("dev/console"), canary.resolve("console"));
        Files.createSymbolicLink(box.root.resolve("dev/ptmx"), canary.resolve("ptmx"));
        assertEquals("0\n", box.sh("cat /proc/keys /proc/interrupts | wc -c").output());
        assertEquals(0, box.sh("echo x > /dev/null").status());
    }

    @Test
    void a_volume_whose_directories_are_swapped_for_links_all_the_while_leads_nowhere() throws Exception {
        Path shared = Files.createDirectory(dir.resolve("shared"));
        Files.createDirectories(shared.resolve("a"));
        Files.createSymbolicLink(shared.resolve("b"), canary);
        Path inner = Files.createDirectory(dir.resolve("inner"));
        // as one process can: two names exchanged by rename, over and over (CVE-2021-30465)
        java.lang.Process swapper = new ProcessBuilder("python3", "-c", """
                        import ctypes, sys
                        c = ctypes.CDLL(None)
                        a, b = (sys.argv[1] + "/a").encode(), (sys.argv[1] + "/b").encode()
                        while True: c.syscall(316, -100, a, -100, b, 2)
                        """, shared.toString()).start();
        try {
            for (int i = 0; i < 150; i++) {
                try (Fd volume = bind(shared);
                        Fd below = bind(inner)) {
                    Spec spec = box.spec("/bin/true")
                            .mounts(List.of(
                                    Mount.bind("shared", "/shared", List.of("rbind")),
                                    Mount.bind("inner", "/shared/a/made", List.of("rbind"))))
                            .build();
                    attempt(spec, Map.of("/shared", volume, "/shared/a/made", below));
                }
            }
        } finally {
            swapper.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
    }
}
