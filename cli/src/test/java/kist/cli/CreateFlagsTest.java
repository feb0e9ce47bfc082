package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CreateFlagsTest {
    private static Doc body(String... args) throws IOException {
        return body(true, args);
    }

    private static Doc body(boolean attached, String... args) throws IOException {
        var context = new Context(
                Settings.of(Path.of("/r"), Path.of("/r"), ""),
                new ByteArrayInputStream(new byte[0]),
                OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(),
                Map.of("HERE", "there"),
                "",
                "");
        var parsed = CreateFlags.declare(new Flags("run", "", "")).parse(List.of(args));
        return Doc.parse(Doc.json(CreateFlags.body(parsed, context, attached)));
    }

    @Test
    void the_least_says_nothing_but_image_and_streams() throws IOException {
        var body = body("busybox", "true");
        assertEquals("busybox", body.text("Image"));
        assertEquals(List.of("true"), body.strings("Cmd"));
        assertEquals(List.of("NetworkMode"), List.copyOf(body.map("HostConfig").keySet()));
        assertFalse(body.flag("AttachStdin"));
        assertTrue(body.flag("AttachStdout"));
    }

    @Test
    void streams_follow_i_t_d_and_a() throws IOException {
        var interactive = body("-it", "x");
        assertTrue(interactive.flag("Tty") && interactive.flag("OpenStdin") && interactive.flag("StdinOnce"));
        assertTrue(interactive.flag("AttachStdin"));
        var detached = body(false, "-i", "x");
        assertTrue(detached.flag("OpenStdin"));
        assertFalse(detached.flag("StdinOnce") || detached.flag("AttachStdin") || detached.flag("AttachStdout"));
        var chosen = body("-a", "stderr", "x");
        assertTrue(chosen.flag("AttachStderr"));
        assertFalse(chosen.flag("AttachStdout"));
    }

    @Test
    void limits_become_numbers() throws IOException {
        var host = body(
                        "-m",
                        "64m",
                        "--memory-swap",
                        "-1",
                        "--cpus",
                        "0.5",
                        "--pids-limit",
                        "20",
                        "--shm-size=1m",
                        "--cpu-shares",
                        "512",
                        "x")
                .at("HostConfig");
        assertEquals(64L << 20, host.number("Memory"));
        assertEquals(-1, host.number("MemorySwap"));
        assertEquals(500_000_000, host.number("NanoCpus"));
        assertEquals(20, host.number("PidsLimit"));
        assertEquals(1 << 20, host.number("ShmSize"));
        assertEquals(512, host.number("CpuShares"));
    }

    @Test
    void mounts_of_each_kind_are_carried_over() throws IOException {
        var host = body(
                        "-v",
                        "/a:/b:ro",
                        "--tmpfs",
                        "/t:size=1m",
                        "--tmpfs",
                        "/u",
                        "--mount",
                        "type=bind,source=/c,target=/d,readonly,bind-propagation=rslave",
                        "--mount",
                        "type=tmpfs,dst=/e,tmpfs-size=1m,tmpfs-mode=1770",
                        "x")
                .at("HostConfig");
        assertEquals(List.of("/a:/b:ro"), host.strings("Binds"));
        assertEquals("size=1m", host.text("Tmpfs", "/t"));
        assertEquals("", host.text("Tmpfs", "/u"));
        var mounts = host.list("Mounts");
        assertEquals("bind", mounts.getFirst().text("Type"));
        assertTrue(mounts.getFirst().flag("ReadOnly"));
        assertEquals("rslave", mounts.getFirst().text("BindOptions", "Propagation"));
        assertEquals(01770, mounts.getLast().number("TmpfsOptions", "Mode"));
    }

    @Test
    void a_relative_source_is_the_commands_own_directory() throws IOException {
        var host = body("-v", "./x:/y", "img").at("HostConfig");
        assertEquals(List.of(Path.of("x").toAbsolutePath() + ":/y"), host.strings("Binds"));
    }

    @Test
    void variables_come_from_flags_files_and_the_own_environment(@TempDir Path directory) throws IOException {
        var file = Files.writeString(directory.resolve("env"), "# comment\nF=1 2\n\nHERE\n");
        var body = body("-e", "A=B=C", "-e", "HERE", "-e", "NOT_SET", "--env-file", file.toString(), "x");
        assertEquals(List.of("F=1 2", "HERE=there", "A=B=C", "HERE=there", "NOT_SET"), body.strings("Env"));
        assertThrows(Failure.class, () -> body("-e", "=x", "x"));
        assertThrows(Failure.class, () -> body("--env-file", directory + "/none", "x"));
    }

    @Test
    void an_empty_entrypoint_takes_the_images_away() throws IOException {
        assertEquals(List.of(""), body("--entrypoint", "", "x").strings("Entrypoint"));
        assertEquals(List.of("/bin/sh"), body("--entrypoint=/bin/sh", "x").strings("Entrypoint"));
    }

    @Test
    void wrong_values_are_refused_and_named() {
        for (var args : List.of(
                List.of("-m", "lots"),
                List.of("--cpus", "a"),
                List.of("--pids-limit", "1.5"),
                List.of("--ulimit", "nofile"),
                List.of("--ulimit", "nofile=20:10"),
                List.of("--sysctl", "x"),
                List.of("--mount", "type=bind,source=/a"),
                List.of("--mount", "type=bind,target=/a,colour=red"),
                List.of("-l", "=x"),
                List.of("-a", "stdlog"))) {
            var all = new java.util.ArrayList<>(args);
            all.add("x");
            var failure = assertThrows(Failure.class, () -> body(all.toArray(String[]::new)), args::toString);
            assertEquals(125, failure.status());
            assertTrue(failure.text().contains(args.get(1)), failure.text());
        }
    }
}
