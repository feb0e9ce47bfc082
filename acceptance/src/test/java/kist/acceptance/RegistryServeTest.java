package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** {@code kist registry serve}: a registry out of the engine's own store, for skopeo, docker and other Kist hosts. */
class RegistryServeTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @RegisterExtension
    static final KistEngine other = new KistEngine();

    @TempDir
    Path directory;

    @AfterEach
    void removeAllButBusybox() {
        for (var one : List.of(engine, other)) {
            one.removeContainers();
            for (var image : one.api().get("/images/json").expect(200).json().list()) {
                image.texts("RepoTags").stream()
                        .filter(tag -> !tag.equals("busybox:latest"))
                        .forEach(tag -> one.api().delete("/images/" + tag + "?force=1"));
            }
        }
    }

    /** A registry in the foreground, as a user has it. */
    private record Serving(Command.Running process, String address) implements AutoCloseable {
        @Override
        public void close() {
            process.close();
        }
    }

    private static Serving serve(String... flags) throws IOException {
        var address = "127.0.0.1:" + DebianRegistry.freePort();
        var process = engine.kist("registry", "serve", "--listen", address)
                .with(flags)
                .start();
        Wait.until(
                "the registry says where it is",
                Duration.ofSeconds(20),
                () -> process.out().contains(address) || !process.process().isAlive(),
                process::err);
        assertTrue(process.process().isAlive(), process.err());
        return new Serving(process, address);
    }

    private Path archive(String tag) throws IOException {
        var second = Images.tar(tar -> tar.directory("etc", 0755).file("etc/data", 0644, "served\n"));
        return Files.write(
                directory.resolve("archive.tar"),
                Images.dockerArchive(
                        tag, Map.of("Cmd", List.of("cat", "/etc/data")), List.of(Images.tar(Images::busybox), second)));
    }

    @Test
    void what_one_host_pushes_another_pulls() throws IOException {
        engine.kist("load", "-i", archive("made:v1").toString()).ok();
        try (var serving = serve()) {
            var name = serving.address() + "/team/made:v1";
            engine.kist("tag", "made:v1", name).ok();
            engine.kist("push", name).run().exits(0).tells("Pushed", "v1: digest: sha256:");
            assertEquals(
                    "served",
                    other.kist("run", "--rm", "--network", "none", name).ok());
            // and the docker command, which knows nothing of Kist
            other.docker("rmi", name).ok();
            other.docker("pull", "-q", name).ok();
            var tags = Command.of(
                            "skopeo", "list-tags", "--tls-verify=false", "docker://" + serving.address() + "/team/made")
                    .ok();
            assertEquals(List.of("v1"), Json.parse(tags).texts("Tags"));
        }
    }

    @Test
    void with_images_a_host_offers_what_it_has() throws IOException {
        engine.kist("load", "-i", archive("made/here:v1").toString()).ok();
        try (var serving = serve("--images")) {
            assertEquals(
                    "served",
                    other.kist("run", "--rm", "--network", "none", serving.address() + "/made/here:v1")
                            .ok());
            other.kist("pull", "-q", serving.address() + "/busybox").ok();
        }
        try (var serving = serve()) {
            other.kist("pull", serving.address() + "/made/here:v1")
                    .run()
                    .exits(1)
                    .says("not found");
        }
    }

    @Test
    void what_was_pushed_is_there_after_a_crash() throws IOException {
        var archive = archive("made:v1");
        String digest;
        try (var serving = serve()) {
            Command.of(
                            "skopeo",
                            "copy",
                            "--dest-tls-verify=false",
                            "docker-archive:" + archive,
                            "docker://" + serving.address() + "/kept/made:v1")
                    .ok();
            digest = Command.of(
                            "skopeo",
                            "inspect",
                            "--raw",
                            "--tls-verify=false",
                            "docker://" + serving.address() + "/kept/made:v1")
                    .run()
                    .exits(0)
                    .digest();
            engine.kill();
            Wait.until(
                    "the command ends with its engine",
                    () -> !serving.process().process().isAlive());
        }
        engine.start();
        try (var serving = serve()) {
            assertEquals(
                    digest,
                    Command.of(
                                    "skopeo",
                                    "inspect",
                                    "--raw",
                                    "--tls-verify=false",
                                    "docker://" + serving.address() + "/kept/made:v1")
                            .run()
                            .exits(0)
                            .digest());
            Command.of(
                            "skopeo",
                            "copy",
                            "--src-tls-verify=false",
                            "docker://" + serving.address() + "/kept/made:v1",
                            "dir:" + directory.resolve("out"))
                    .ok();
            Command.of("skopeo", "delete", "--tls-verify=false", "docker://" + serving.address() + "/kept/made:v1")
                    .ok();
            var gone = Command.of(
                            "skopeo",
                            "inspect",
                            "--tls-verify=false",
                            "docker://" + serving.address() + "/kept/made:v1")
                    .run();
            assertTrue(gone.exit() != 0, gone.toString());
        }
    }

    @Test
    void passwords_and_a_certificate_keep_others_out() throws IOException {
        var passwords = Files.writeString(
                directory.resolve("htpasswd"),
                Command.of("htpasswd", "-Bbn", "anna", "secret").ok() + "\n");
        var key = directory.resolve("key.pem").toString();
        var certificates = Files.createDirectories(directory.resolve("certs"));
        var certificate = certificates.resolve("ca.crt").toString();
        DebianRegistry.certificate(Path.of(key), Path.of(certificate));
        try (var serving = serve("--htpasswd", passwords.toString(), "--tls-cert", certificate, "--tls-key", key)) {
            var target = "docker://" + serving.address() + "/team/private:v1";
            var copy = Command.of("skopeo", "copy", "--dest-cert-dir", certificates.toString());
            var refused = copy.with("docker-archive:" + archive("a:v1"), target).run();
            assertTrue(refused.exit() != 0, refused.toString());
            copy.with("--dest-creds", "anna:secret", "docker-archive:" + archive("a:v1"), target)
                    .ok();
            var wrong = copy.with("--dest-creds", "anna:wrong", "docker-archive:" + archive("a:v1"), target)
                    .run();
            assertTrue(wrong.exit() != 0, wrong.toString());
            var unknown = Command.of("skopeo", "inspect", "--creds", "anna:secret", target)
                    .run();
            assertTrue(unknown.exit() != 0 && unknown.err().contains("certificate"), unknown.toString());
        }
    }

    @Test
    void a_taken_port_and_a_public_address_without_passwords_are_refused_in_words() throws IOException {
        try (var serving = serve()) {
            engine.kist("registry", "serve", "--listen", serving.address())
                    .run()
                    .exits(1)
                    .says(serving.address(), "use");
        }
        engine.kist("registry", "serve", "--listen", "0.0.0.0:" + DebianRegistry.freePort())
                .run()
                .exits(1)
                .says("--htpasswd", "--anonymous");
    }
}
