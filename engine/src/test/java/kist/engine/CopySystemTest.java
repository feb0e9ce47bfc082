package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import kist.engine.HostConfig.MountSpec;
import kist.image.PathStat;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of containers in and out, running or not, on the real kernel. */
final class CopySystemTest {
    @TempDir
    static Path directory;

    private static EngineBox box;
    private static Path canary;

    @BeforeAll
    static void open() throws Exception {
        box = new EngineBox(directory);
        canary = Files.writeString(directory.resolve("canary"), "host's");
    }

    @AfterAll
    static void close() throws Exception {
        assertEquals("host's", Files.readString(canary));
        box.close();
    }

    private static byte[] tar(String name, String content) throws Exception {
        return tar(name, content, "--owner=7:7", "--group=8:8");
    }

    private static byte[] tar(String name, String content, String... options) throws Exception {
        Path dir = Files.createTempDirectory(directory, "tar");
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
        List<String> command = new java.util.ArrayList<>(List.of("tar", "-C", dir.toString(), "-c"));
        command.addAll(List.of(options));
        command.add(name);
        return new ProcessBuilder(command).start().getInputStream().readAllBytes();
    }

    private static void put(String id, String path, byte[] tar) throws Exception {
        put(id, path, new ByteArrayInputStream(tar), false);
    }

    private static void put(String id, String path, InputStream tar, boolean owner) throws Exception {
        box.call(new ArchiveRequest.WritePath(id, path, tar, false, owner));
    }

    private static PathStat stat(String id, String path) throws Exception {
        return box.call(new ArchiveRequest.StatPath(id, path));
    }

    private static String get(String id, String path) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        box.call(new ArchiveRequest.ReadPath(id, path, stat -> out));
        return out.toString(StandardCharsets.ISO_8859_1);
    }

    private static EngineException refused(Call call) {
        return assertThrows(EngineException.class, call::run);
    }

    private interface Call extends org.junit.jupiter.api.function.Executable {
        void run() throws Exception;

        @Override
        default void execute() throws Throwable {
            run();
        }
    }

    private static HostConfigBuilder volume(String name, String target, boolean readOnly) {
        MountSpec m = HostConfigMountSpecBuilder.builder()
                .type("volume")
                .source(name)
                .target(target)
                .readOnly(readOnly)
                .volume(Optional.empty())
                .build();
        return HostConfigBuilder.builder().mounts(List.of(m));
    }

    @Test
    void files_go_in_and_out_of_a_container_whether_it_runs_or_not() throws Exception {
        String mountsBefore = Files.readString(Path.of("/proc/self/mountinfo"));
        String id = box.create(HostConfigBuilder.builder(), "sleep", "600");
        put(id, "/root", tar("a", "created"));
        assertTrue(get(id, "/root/a").contains("created"));
        box.call(new Request.StartContainer(id));
        assertEquals("created7:8\n=0", box.exec(id, "cat /root/a; stat -c %u:%g /root/a"));
        put(id, "/root", tar("b", "running"));
        assertEquals("running=0", box.exec(id, "cat /root/b"));
        assertEquals("=0", box.exec(id, "echo from inside > /root/c"));
        assertTrue(get(id, "/root/").contains("from inside"));
        box.call(new Request.StopContainer(id, OptionalInt.of(0), ""));
        assertTrue(get(id, "/root/").contains("from inside"));
        put(id, "/root", tar("d", "stopped"));
        assertEquals(7, stat(id, "/root/d").size());
        box.call(new Request.StartContainer(id));
        assertEquals("stopped=0", box.exec(id, "cat /root/d"));
        assertEquals(mountsBefore, Files.readString(Path.of("/proc/self/mountinfo")));
        box.remove(id);
    }

    @Test
    void volumes_and_memory_are_part_of_what_a_container_sees() throws Exception {
        MountSpec memory = HostConfigMountSpecBuilder.builder()
                .type("tmpfs")
                .target("/m")
                .volume(Optional.empty())
                .build();
        List<MountSpec> mounts =
                new java.util.ArrayList<>(volume("copied", "/v/deep", false).mounts());
        mounts.add(memory);
        String id = box.create(HostConfigBuilder.builder().mounts(mounts), "sleep", "600");
        assertEquals("deep", stat(id, "/v/deep").name());
        put(id, "/v/deep", tar("f", "in the volume"));
        Path data = box.call(new VolumeRequest.InspectVolume("copied")).data();
        assertEquals("in the volume", Files.readString(data.resolve("f")));
        box.call(new Request.StartContainer(id));
        put(id, "/m", tar("g", "in memory"));
        put(id, "/v/deep", tar("h", "in the volume too"));
        assertEquals("in memory=0", box.exec(id, "cat /m/g"));
        assertEquals("in the volume too", Files.readString(data.resolve("h")));
        assertTrue(get(id, "/v").contains("in the volume too"));
        box.remove(id);
        box.call(new VolumeRequest.RemoveVolume("copied", false));
    }

    @Test
    void what_is_read_only_is_not_written_to() throws Exception {
        for (boolean running : List.of(false, true)) {
            String id = box.create(volume("locked", "/v", true).readonlyRootfs(true), "sleep", "600");
            if (running) {
                box.call(new Request.StartContainer(id));
            }
            EngineException e = refused(() -> put(id, "/root", tar("f", "x")));
            assertEquals(EngineException.Kind.PERMISSION_DENIED, e.kind());
            assertTrue(e.getMessage().contains("container rootfs is marked read-only"), e.getMessage());
            e = refused(() -> put(id, "/v", tar("f", "x")));
            assertTrue(e.getMessage().contains("mounted volume is marked read-only"), e.getMessage());
            assertTrue(get(id, "/etc/passwd").contains("root:x:0"));
            box.remove(id);
        }
        box.call(new VolumeRequest.RemoveVolume("locked", false));
    }

    @Test
    void the_owner_may_be_the_containers_user() throws Exception {
        ContainerConfigBuilder config = ContainerConfigBuilder.builder(ContainerConfig.of("box", "sleep", "600"))
                .user("user");
        String id = box.create(config, HostConfigBuilder.builder());
        put(id, "/tmp", new ByteArrayInputStream(tar("f", "x")), true);
        box.call(new Request.StartContainer(id));
        assertEquals("1000:1001\n=0", box.exec(id, "stat -c %u:%g /tmp/f"));
        box.remove(id);
    }

    @Test
    void what_is_not_there_is_said_in_dockers_words() throws Exception {
        String id = box.create(HostConfigBuilder.builder(), "true");
        EngineException e = refused(() -> stat(id, "/nope"));
        assertEquals(EngineException.Kind.NOT_FOUND, e.kind());
        assertEquals("Could not find the file /nope in container " + id, e.getMessage());
        assertEquals(
                EngineException.Kind.NOT_FOUND,
                refused(() -> put(id, "/nope", tar("f", "x"))).kind());
        e = refused(() -> put(id, "/etc/passwd", tar("f", "x")));
        assertEquals("extraction point is not a directory", e.getMessage());
        assertTrue(refused(() -> get(id, "/etc/passwd/")).getMessage().contains("not a directory"));
        assertEquals("/bin/busybox", stat(id, "/bin/sh").linkTarget());
        box.remove(id);
    }

    @Test
    void moby_52653_an_absolute_link_to_a_directory_works() throws Exception {
        String id = box.start(HostConfigBuilder.builder());
        box.exec(id, "mkdir -p /run/x; ln -s /run /var/run");
        put(id, "/var/run/x", tar("f", "through"));
        assertEquals("through=0", box.exec(id, "cat /run/x/f"));
        box.call(new Request.StopContainer(id, OptionalInt.of(0), ""));
        put(id, "/var/run/x", tar("g", "again"));
        assertTrue(get(id, "/run/x").contains("again"));
        box.remove(id);
    }

    @Test
    void cve_2019_14271_nothing_of_the_container_is_loaded_or_run() throws Exception {
        String id = box.start(HostConfigBuilder.builder());
        box.exec(
                id,
                "mkdir -p /lib/x86_64-linux-gnu; for f in /lib/x86_64-linux-gnu/libnss_files.so.2 /etc/ld.so.preload"
                        + " /bin/xz /bin/tar; do rm -f $f; echo '#!/bin/sh' > $f; echo 'touch /marker' >> $f;"
                        + " chmod 755 $f; done; echo 'passwd: files' > /etc/nsswitch.conf");
        put(id, "/tmp", tar("f", "x", "-J"));
        put(id, "/tmp", new ByteArrayInputStream(tar("g", "x", "-z")), true);
        get(id, "/tmp");
        assertEquals("f\ng\n=0", box.exec(id, "ls /tmp"));
        assertTrue(box.exec(id, "ls /marker").endsWith("=1"));
        box.remove(id);
    }

    @Test
    void cve_2018_15664_a_container_that_swaps_a_link_shows_and_changes_nothing_of_the_host() throws Exception {
        String id = box.start(HostConfigBuilder.builder());
        String out = directory.toString();
        box.exec(id, "mkdir -p /s/real; echo own > /s/real/canary; ln -s " + out + " /s/link");
        String swap =
                "cd /s; while :; do ln -sfn " + out + " x; rm -rf x; mkdir x; echo own > x/canary; rm -rf x; done";
        String exec = box.call(new Request.CreateExec(
                id, new ExecConfig(List.of("sh", "-c", swap), List.of(), "", "", false, false, false, false, false)));
        box.call(new Request.StartExec(exec, true, 0, 0));
        byte[] tar = tar("canary", "container's");
        for (int i = 0; i < 400; i++) {
            try {
                assertFalse(get(id, i % 2 == 0 ? "/s/x/canary" : "/s/x/").contains("host's"));
            } catch (EngineException expected) {
                assertFalse(expected.getMessage().contains("host's"));
            }
            try {
                put(id, "/s/x", tar);
            } catch (EngineException expected) {
                assertTrue(expected.kind() != EngineException.Kind.EXHAUSTED);
            }
        }
        assertEquals("host's", Files.readString(canary));
        box.remove(id);
    }

    @Test
    void cve_2026_42306_a_mount_point_that_is_swapped_while_it_is_made_stays_inside() throws Exception {
        // the stopped container's second volume is mounted in the first, which another container plays with
        MountSpec outer = volume("outer", "/o", false).mounts().getFirst();
        MountSpec inner = volume("inner", "/o/a/b", false).mounts().getFirst();
        String player = box.start(volume("outer", "/o", false));
        String swap = "cd /o; while :; do rm -rf a; ln -s /../../../../" + directory + " a; rm -f a; mkdir a; done";
        String exec = box.call(new Request.CreateExec(
                player,
                new ExecConfig(List.of("sh", "-c", swap), List.of(), "", "", false, false, false, false, false)));
        box.call(new Request.StartExec(exec, true, 0, 0));
        String id = box.create(HostConfigBuilder.builder().mounts(List.of(outer, inner)), "sleep", "600");
        byte[] tar = tar("canary", "container's");
        for (int i = 0; i < 100; i++) {
            try {
                put(id, "/o/a", tar);
            } catch (EngineException expected) {
                assertTrue(expected.kind() != EngineException.Kind.EXHAUSTED);
            }
        }
        assertEquals("host's", Files.readString(canary));
        assertFalse(Files.exists(directory.resolve("b")));
        box.remove(player);
        box.remove(id);
        box.call(new VolumeRequest.RemoveVolume("outer", false));
        box.call(new VolumeRequest.RemoveVolume("inner", false));
    }

    @Test
    void a_slow_upload_does_not_let_a_container_start_on_two_mounts() throws Exception {
        String id = box.create(HostConfigBuilder.builder(), "sleep", "600");
        byte[] tar = tar("f", "x".repeat(100_000));
        InputStream slow = new InputStream() {
            private int at;

            @Override
            public int read() {
                throw new IllegalStateException();
            }

            @Override
            public int read(byte[] b, int off, int len) throws IOException {
                if (at == tar.length) {
                    return -1;
                }
                try {
                    Thread.sleep(50);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                int n = Math.min(Math.min(len, 5000), tar.length - at);
                System.arraycopy(tar, at, b, off, n);
                at += n;
                return n;
            }
        };
        Thread copy = Thread.ofVirtual().start(() -> {
            try {
                put(id, "/root", slow, false);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Thread.sleep(200);
        box.call(new Request.StartContainer(id)); // waits until the copy is whole
        copy.join();
        assertEquals("100000\n=0", box.exec(id, "cat /root/f | wc -c"));
        box.remove(id);
    }

    @Test
    void a_client_that_goes_away_leaves_nothing_half_made_and_the_container_usable() throws Exception {
        String id = box.create(HostConfigBuilder.builder(), "sleep", "600");
        byte[] tar = tar("f", "x".repeat(300_000));
        InputStream broken = new InputStream() {
            private int left = 100_000;

            @Override
            public int read() throws IOException {
                throw new IOException("gone");
            }

            @Override
            public int read(byte[] b, int off, int len) throws IOException {
                if (left <= 0) {
                    throw new IOException("the client has gone");
                }
                int n = Math.min(len, left);
                System.arraycopy(tar, 100_000 - left, b, off, n);
                left -= n;
                return n;
            }
        };
        assertThrows(java.io.UncheckedIOException.class, () -> put(id, "/root", broken, false));
        assertEquals(
                EngineException.Kind.NOT_FOUND,
                refused(() -> stat(id, "/root/f")).kind());
        box.call(new Request.StartContainer(id));
        assertEquals("=0", box.exec(id, "find /root -type f"));
        box.remove(id);
    }
}
