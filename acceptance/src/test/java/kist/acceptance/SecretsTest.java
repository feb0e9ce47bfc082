package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What users entrust to the engine stays with it, and what images say of themselves is not obeyed. */
class SecretsTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @Test
    @DisplayName("CVE-2019-13509: passwords for registries are in no log, no event and no file of the engine")
    void passwords_stay_out_of_every_file() throws IOException {
        var since = Command.of("date", "+%s.%N").ok();
        try (var registry = DebianRegistry.password()) {
            var config = engine.home().resolve("secret-config").toString();
            engine.kist("login", "-u", DebianRegistry.USER, "--password-stdin", registry.address())
                    .env("DOCKER_CONFIG", config)
                    .stdin(DebianRegistry.PASSWORD)
                    .ok();
            engine.kist("login", "-u", DebianRegistry.USER, "--password-stdin", registry.address())
                    .env("DOCKER_CONFIG", config + "-wrong")
                    .stdin(DebianRegistry.PASSWORD + " wrong")
                    .run()
                    .exits(1);
            var name = registry.name("secret/busybox:v1");
            engine.kist("tag", "busybox", name).ok();
            engine.kist("push", "-q", name).env("DOCKER_CONFIG", config).ok();
            engine.docker("pull", "-q", name).env("DOCKER_CONFIG", config).ok();
            engine.kist("rmi", name).ok();
        }
        var until = Command.of("date", "+%s.%N").ok();
        var events = engine.kist("events", "--since", since, "--until", until, "--format", "{{json .}}")
                .ok();
        assertTrue(!events.contains(DebianRegistry.PASSWORD), events);
        var encoded = java.util.Base64.getEncoder()
                .encodeToString((DebianRegistry.USER + ":" + DebianRegistry.PASSWORD).getBytes());
        for (var secret : List.of(DebianRegistry.PASSWORD, encoded)) {
            Command.of(
                            "grep",
                            "-rlF",
                            "--exclude-dir=layers",
                            secret,
                            engine.root().toString())
                    .run()
                    .exits(1);
        }
    }

    @Test
    @DisplayName("CVE-2026-53488: labels and annotations of an image control nothing")
    void labels_of_an_image_give_no_rights(@TempDir Path directory) throws IOException {
        var labels = Map.of(
                "kist.privileged", "true",
                "io.kist.privileged", "true",
                "com.docker.privileged", "true",
                "io.kubernetes.cri-o.userns-mode", "host",
                "run.oci.hooks", "/bin/true",
                "org.opencontainers.image.stopSignal", "SIGKILL");
        var archive = Files.write(
                directory.resolve("labels.tar"),
                Images.dockerArchive(
                        "labels:v1",
                        Map.of("Labels", labels, "Cmd", List.of("grep", "^Cap", "/proc/self/status")),
                        List.of(Images.tar(Images::busybox))));
        engine.kist("load", "-i", archive.toString()).ok();
        var rights =
                engine.kist("run", "--rm", "--network", "none", "labels:v1").ok();
        assertEquals(
                engine.kist("run", "--rm", "--network", "none", "busybox", "grep", "^Cap", "/proc/self/status")
                        .ok(),
                rights);
        engine.kist("rmi", "labels:v1").ok();
    }
}
