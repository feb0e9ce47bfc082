package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.engine.HostConfig.MountSpec;
import kist.engine.HostConfig.VolumeOptions;
import kist.volume.Volume;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes and mounts of containers on the real kernel. */
final class VolumesSystemTest {
    @TempDir
    static Path directory;

    private static EngineBox box;

    @BeforeAll
    static void open() throws Exception {
        box = new EngineBox(directory);
    }

    @AfterAll
    static void close() throws Exception {
        box.close();
    }

    private static HostConfigMountSpecBuilder mount(String type, String source, String target) {
        return HostConfigMountSpecBuilder.builder()
                .type(type)
                .source(source)
                .target(target)
                .shortForm(true)
                .volume(Optional.empty());
    }

    private static HostConfigBuilder with(MountSpec... mounts) {
        return HostConfigBuilder.builder().mounts(List.of(mounts));
    }

    private static HostConfigBuilder volume(String name, String target) {
        return with(mount("volume", name, target).build());
    }

    private static List<String> names() throws Exception {
        return box.call(new VolumeRequest.ListVolumes()).stream()
                .map(v -> v.volume().name())
                .toList();
    }

    private static String refused(HostConfigBuilder host) {
        EngineException e = assertThrows(EngineException.class, () -> box.create(host, "true"));
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind(), e.getMessage());
        return String.valueOf(e.getMessage());
    }

    private static void drop(String name) throws Exception {
        box.call(new VolumeRequest.RemoveVolume(name, false));
    }

    @Test
    void what_one_container_writes_another_reads() throws Exception {
        assertEquals("=0", box.run(volume("shared", "/data"), "echo hello > /data/f"));
        assertEquals("hello\n=0", box.run(volume("shared", "/other"), "cat /other/f"));
        MountSpec readOnly = mount("volume", "shared", "/d").readOnly(true).build();
        assertTrue(box.run(with(readOnly), "cat /d/f; echo x > /d/g").endsWith("=1"));
        assertTrue(names().contains("shared"));
        drop("shared");
    }

    @Test
    void an_empty_volume_gets_what_the_image_has_there() throws Exception {
        assertTrue(box.run(volume("filled", "/etc"), "ls /etc").contains("passwd"));
        assertTrue(Files.exists(
                box.call(new VolumeRequest.InspectVolume("filled")).data().resolve("group")));
        MountSpec empty = mount("volume", "unfilled", "/etc")
                .volume(Optional.of(new VolumeOptions(true, Map.of(), "", Map.of(), "")))
                .build();
        assertFalse(box.run(with(empty), "ls /etc").contains("passwd"));
        drop("filled");
        drop("unfilled");
    }

    @Test
    void volumes_without_a_name_go_with_their_container_and_others_stay() throws Exception {
        ContainerConfigBuilder config = ContainerConfigBuilder.builder(ContainerConfig.of("box", "true"))
                .volumes(List.of("/a", "/b/"));
        String id = box.create(config, volume("named", "/n"));
        List<MountView> mounts = box.inspect(id).mounts();
        assertEquals(
                List.of("/a", "/b", "/n"),
                mounts.stream().map(MountView::target).sorted().toList());
        List<String> made = mounts.stream().map(MountView::name).toList();
        assertTrue(names().containsAll(made));
        EngineException e = assertThrows(EngineException.class, () -> drop("named"));
        assertEquals(EngineException.Kind.CONFLICT, e.kind());
        box.call(new Request.RemoveContainer(id, false, true));
        assertTrue(names().contains("named"));
        assertEquals(1, made.stream().filter(n -> has(n)).count());
        drop("named");
        id = box.create(config, HostConfigBuilder.builder());
        made = box.inspect(id).mounts().stream().map(MountView::name).toList();
        box.call(new Request.RemoveContainer(id, false, false));
        assertTrue(names().containsAll(made), "without -v they stay");
        VolumeRequest.PrunedVolumes pruned = box.call(new VolumeRequest.PruneVolumes(false, List.of(), List.of()));
        assertTrue(pruned.names().containsAll(made));
    }

    private static boolean has(String name) {
        try {
            return names().contains(name);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void an_auto_removed_container_takes_its_own_volumes_along() throws Exception {
        ContainerConfigBuilder config = ContainerConfigBuilder.builder(ContainerConfig.of("box", "true"))
                .volumes(List.of("/a"));
        String id = box.create(config, volume("kept", "/k").autoRemove(true));
        String own = box.inspect(id).mounts().stream()
                .map(MountView::name)
                .filter(n -> !n.equals("kept"))
                .findFirst()
                .orElseThrow();
        try (Request.Waiting gone = box.call(new Request.WaitContainer(id, Request.WaitCondition.REMOVED))) {
            box.call(new Request.StartContainer(id));
            gone.await();
        }
        assertFalse(names().contains(own));
        drop("kept");
    }

    @Test
    void a_container_takes_over_the_mounts_of_another() throws Exception {
        Path host = Files.createDirectories(directory.resolve("host-from"));
        String first = box.create(
                with(
                        mount("volume", "v1", "/v").build(),
                        mount("bind", host.toString(), "/h").build(),
                        mount("tmpfs", "", "/t").build()),
                "true");
        String out = box.run(
                HostConfigBuilder.builder().volumesFrom(List.of(first + ":ro")),
                "echo x > /v/f; echo y > /h/f; ls -d /t");
        assertTrue(out.contains("Read-only file system"), out);
        assertFalse(Files.exists(host.resolve("f")));
        assertEquals("=0", box.run(HostConfigBuilder.builder().volumesFrom(List.of(first)), "echo x > /h/f"));
        assertTrue(Files.exists(host.resolve("f")));
        assertTrue(refused(HostConfigBuilder.builder().volumesFrom(List.of("nosuch")))
                .contains("nosuch"));
        assertTrue(refused(HostConfigBuilder.builder().volumesFrom(List.of(first + ":rx")))
                .contains("rx"));
        box.remove(first);
        drop("v1");
    }

    @Test
    void wrong_mounts_are_refused_by_name() {
        assertTrue(refused(with(
                        mount("volume", "v", "/x").build(),
                        mount("bind", "/tmp", "/x/").build()))
                .contains("names should be at least two"));
        assertTrue(refused(with(
                        mount("volume", "vv", "/x").build(),
                        mount("bind", "/tmp", "/x/").build()))
                .contains("Duplicate mount point: /x"));
        assertTrue(refused(volume("../../etc", "/x")).contains("invalid characters"));
        assertTrue(refused(volume("ok", "/..")).contains("can't be '/'"));
        assertTrue(
                refused(with(mount("volume", "", "/x").readOnly(true).build())).contains("anonymous"));
        assertTrue(refused(with(mount("cluster", "ok", "/x").build())).contains("cluster"));
        assertTrue(refused(volume("ok", "/x").volumeDriver("rexray")).contains("rexray"));
        assertTrue(refused(with(mount("image", "nosuch", "/x").build())).contains("nosuch"));
        for (String subpath : List.of("/abs", "../up", "a/../b", "a\0")) {
            VolumeOptions options = new VolumeOptions(false, Map.of(), "", Map.of(), subpath);
            refused(with(
                    mount("volume", "ok", "/x").volume(Optional.of(options)).build()));
        }
        assertFalse(has("ok"), "nothing is left of what was refused");
    }

    @Test
    void a_part_of_a_volume_is_mounted_and_links_do_not_lead_out_of_it() throws Exception {
        box.run(volume("parts", "/v"), "mkdir /v/sub; echo in > /v/sub/f; ln -s /etc /v/out; ln -s sub /v/in");
        for (String path : List.of("sub", "in")) {
            VolumeOptions part = new VolumeOptions(true, Map.of(), "", Map.of(), path);
            MountSpec m =
                    mount("volume", "parts", "/x").volume(Optional.of(part)).build();
            assertEquals("in\n=0", box.run(with(m), "cat /x/f"));
        }
        for (String path : List.of("out", "nosuch")) {
            VolumeOptions part = new VolumeOptions(true, Map.of(), "", Map.of(), path);
            MountSpec m =
                    mount("volume", "parts", "/x").volume(Optional.of(part)).build();
            String id = box.create(with(m), "true");
            EngineException e = assertThrows(EngineException.class, () -> box.call(new Request.StartContainer(id)));
            assertTrue(e.getMessage().contains(path), e.getMessage());
            box.remove(id);
        }
        drop("parts");
    }

    @Test
    void a_volume_of_memory_is_the_same_for_all_who_run() throws Exception {
        String before = Files.readString(Path.of("/proc/self/mountinfo"));
        box.call(new VolumeRequest.CreateVolume(
                "memory", "", Map.of("type", "tmpfs", "device", "tmpfs", "o", "size=1m,mode=1777"), Map.of()));
        String one = box.start(volume("memory", "/m"));
        String two = box.start(volume("memory", "/mm"));
        assertEquals("=0", box.exec(one, "echo both > /m/f"));
        assertEquals("both\n=0", box.exec(two, "cat /mm/f"));
        box.restart();
        String three = box.start(volume("memory", "/m"));
        assertEquals("both\n=0", box.exec(three, "cat /m/f"));
        assertEquals(before, Files.readString(Path.of("/proc/self/mountinfo")));
        for (String id : List.of(one, two, three)) {
            box.remove(id);
        }
        drop("memory");
    }

    @Test
    void an_image_is_mounted_read_only_and_stays_as_long_as_it_is_used() throws Exception {
        MountSpec m = mount("image", "box", "/img").build();
        String out = box.run(with(m), "cat /img/etc/passwd; touch /img/x");
        assertTrue(out.contains("root:x:0") && out.contains("Read-only"), out);
    }

    @Test
    void read_only_binds_are_so_all_the_way_down_unless_told_otherwise() throws Exception {
        Path host = Files.createDirectories(directory.resolve("deep/sub")).getParent();
        Process p = new ProcessBuilder(
                        "mount", "-t", "tmpfs", "t", host.resolve("sub").toString())
                .start();
        assertEquals(0, p.waitFor());
        try {
            MountSpec deep = mount("bind", host.toString(), "/b").readOnly(true).build();
            assertTrue(box.run(with(deep), "touch /b/sub/x").endsWith("=1"));
            MountSpec shallow = mount("bind", host.toString(), "/b")
                    .readOnly(true)
                    .readOnlyNonRecursive(true)
                    .build();
            assertEquals("=0", box.run(with(shallow), "touch /b/sub/x"));
            MountSpec alone =
                    mount("bind", host.toString(), "/b").nonRecursive(true).build();
            assertEquals("=1", box.run(with(alone), "test -e /b/sub/x"));
        } finally {
            new ProcessBuilder("umount", host.resolve("sub").toString()).start().waitFor();
        }
    }

    @Test
    void who_uses_a_volume_is_known_again_after_a_restart() throws Exception {
        String id = box.create(volume("held", "/h"), "true");
        box.restart();
        EngineException e = assertThrows(EngineException.class, () -> drop("held"));
        assertTrue(e.getMessage().contains("volume is in use - [" + id + "]"), e.getMessage());
        box.remove(id);
        drop("held");
    }

    @Test
    void a_volume_that_was_taken_away_by_hand_is_made_anew() throws Exception {
        String id = box.create(volume("lost", "/etc"), "cat", "/etc/passwd");
        Path data = box.call(new VolumeRequest.InspectVolume("lost")).data();
        box.restart();
        assertTrue(Files.exists(data));
        assertTrue(box.finish(id).contains("root:x:0"));
        drop("lost");
    }

    @Test
    void clients_are_told_what_becomes_of_volumes() throws Exception {
        long since = Clock.nanos();
        String id = box.create(volume("told", "/t"), "true");
        box.finish(id);
        drop("told");
        List<String> said = new ArrayList<>();
        try (EventStream past = box.call(new Request.WatchEvents(since, Clock.nanos() + 1))) {
            for (Optional<Event> e = past.read(); e.isPresent(); e = past.read()) {
                if (e.get().type().equals("volume") && e.get().id().equals("told")) {
                    said.add(e.get().action());
                }
            }
        }
        assertEquals(List.of("create", "mount", "unmount", "destroy"), said);
    }

    @Test
    void volumes_and_logs_count_as_use_of_the_disk() throws Exception {
        String id = box.create(volume("big", "/b"), "sh", "-c", "dd if=/dev/zero of=/b/f bs=1000 count=5; seq 1 2000");
        box.call(new Request.StartContainer(id));
        try (Request.Waiting end = box.call(new Request.WaitContainer(id, Request.WaitCondition.NOT_RUNNING))) {
            end.await();
        }
        VolumeRequest.UsedVolume used = box.call(new VolumeRequest.VolumeUsage()).stream()
                .filter(u -> u.volume().name().equals("big"))
                .findFirst()
                .orElseThrow();
        assertEquals(5000, used.size().orElse(0));
        assertEquals(1, used.users());
        ImageRequest.ContainerUsage container = box.call(new ImageRequest.DiskUsage(false, true)).containers().stream()
                .filter(c -> c.container().id().equals(id))
                .findFirst()
                .orElseThrow();
        assertTrue(container.log() > 8000, "log " + container.log());
        box.remove(id);
        VolumeRequest.PrunedVolumes pruned =
                box.call(new VolumeRequest.PruneVolumes(true, List.of(), List.of("nosuch")));
        assertTrue(pruned.names().contains("big"));
        assertTrue(pruned.reclaimed() >= 5000);
    }

    @Test
    void a_volume_of_the_image_never_shows_the_host() throws Exception {
        Path canary = Files.writeString(directory.resolve("canary"), "host's");
        for (String path : List.of("/../../../../" + directory, "/proc/self/root" + directory)) {
            ContainerConfigBuilder config = ContainerConfigBuilder.builder(ContainerConfig.of("box", "true"))
                    .volumes(List.of(path));
            String id;
            try {
                id = box.create(config, HostConfigBuilder.builder());
            } catch (EngineException e) {
                continue;
            }
            for (MountView m : box.inspect(id).mounts()) {
                Volume v = box.call(new VolumeRequest.InspectVolume(m.name()));
                assertFalse(Files.exists(v.data().resolve("canary")), path);
            }
            box.call(new Request.StopContainer(id, OptionalInt.of(0), ""));
            box.remove(id);
        }
        assertEquals("host's", Files.readString(canary));
    }
}
