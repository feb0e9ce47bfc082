package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Images go to Debian's docker-registry and come from it: open, with TLS, with passwords and with tokens. */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class RegistryTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static DebianRegistry registry;

    @TempDir
    static Path directory;

    private static Path archive;

    @Parameter
    String client;

    @BeforeAll
    static void fill() throws IOException {
        registry = DebianRegistry.open();
        var second = Images.tar(tar -> tar.directory("etc", 0755).file("etc/data", 0644, "of the second layer\n"));
        archive = Files.write(
                directory.resolve("two.tar"),
                Images.dockerArchive(
                        "two:v1",
                        Map.of("Cmd", List.of("cat", "/etc/data")),
                        List.of(Images.tar(Images::busybox), second)));
        registry.fill(archive, "team/two:v1");
        registry.fill(archive, "team/two:v2");
    }

    @AfterAll
    static void close() {
        registry.close();
    }

    private Command command(String... arguments) {
        return engine.client(client, arguments).patience(Duration.ofMinutes(3));
    }

    @AfterEach
    void removeAllButBusybox() {
        engine.removeContainers();
        engine.api().delete("/images/prefix/busybox:copy");
        for (var image : engine.api().get("/images/json").expect(200).json().list()) {
            if (!image.texts("RepoTags").contains("busybox:latest")) {
                engine.api().delete("/images/" + image.text("Id") + "?force=1");
            } else {
                image.texts("RepoTags").stream()
                        .filter(tag -> !tag.equals("busybox:latest"))
                        .forEach(tag -> engine.api().delete("/images/" + tag));
            }
        }
    }

    @Test
    void pull_brings_an_image_and_says_its_digest() {
        var name = registry.name("team/two:v1");
        var result = command("pull", name).run();
        var digest = registry.digest("team/two", "v1");
        result.exits(0).tells("v1: Pulling from team/two", "Pull complete", "Digest: " + digest);
        assertTrue(result.out().contains("Status: Downloaded newer image for " + name), result.toString());
        assertEquals(name, result.lines().getLast());
        assertEquals(
                "of the second layer",
                command("run", "--rm", "--network", "none", name).ok());
        var image = engine.api().get("/images/" + name + "/json").expect(200).json();
        assertEquals(List.of(name), image.texts("RepoTags"));
        assertEquals(List.of(registry.name("team/two@" + digest)), image.texts("RepoDigests"));
    }

    @Test
    void a_second_pull_finds_the_image_up_to_date() {
        var name = registry.name("team/two:v1");
        assertEquals(name, command("pull", "-q", name).ok());
        command("pull", name).run().exits(0).tells("Status: Image is up to date for " + name);
        var again = command("pull", registry.name("team/two:v2")).run().exits(0);
        assertFalse(again.out().contains("Downloading"), again.toString());
    }

    @Test
    void pull_takes_a_digest() {
        var name = registry.name("team/two@" + registry.digest("team/two", "v1"));
        command("pull", name).ok();
        assertEquals(
                "of the second layer",
                command("run", "--rm", "--network", "none", name).ok());
        var image = engine.api().get("/images/" + name + "/json").expect(200).json();
        assertEquals(List.of(), image.texts("RepoTags"));
        command("rmi", name).run().exits(0).tells("Untagged: " + name, "Deleted: sha256:");
    }

    @Test
    void pull_takes_all_tags() {
        command("pull", "-a", registry.name("team/two")).ok();
        var image = engine.api()
                .get("/images/" + registry.name("team/two:v2") + "/json")
                .expect(200)
                .json();
        assertEquals(List.of(registry.name("team/two:v1"), registry.name("team/two:v2")), image.texts("RepoTags"));
    }

    @Test
    void what_is_not_there_is_said() {
        command("pull", registry.name("team/none:v1")).run().exits(1).says("manifest for", "team/none:v1 not found");
        command("pull", registry.name("team/two@sha256:" + "0".repeat(64)))
                .run()
                .exits(1)
                .says("not found");
        command("pull", registry.name("Team/TWO")).run().exits(1).says("invalid reference format", "must be lowercase");
        command("pull", "localhost:1/nobody/there").run().exits(1).says("localhost:1", "refused");
    }

    @Test
    void push_brings_an_image_and_another_tool_finds_it() {
        var name = registry.name("pushed/" + client + ":v1");
        command("tag", "busybox", name).ok();
        var result = command("push", name).run().exits(0);
        result.tells("The push refers to repository [" + registry.name("pushed/" + client) + "]", "Pushed");
        var digest = registry.digest("pushed/" + client, "v1");
        result.tells("v1: digest: " + digest + " size: ");
        Command.of("skopeo", "copy", "--src-tls-verify=false", "docker://" + name, "dir:" + directory + "/" + client)
                .ok();
        var image = engine.api().get("/images/" + name + "/json").expect(200).json();
        assertTrue(image.texts("RepoDigests").contains(registry.name("pushed/" + client + "@" + digest)), "" + image);
        // a second time there is nothing to send
        command("push", name).run().exits(0).tells("Layer already exists", digest);
        // and what comes back is the same image
        var id = image.text("Id");
        engine.api().delete("/images/" + name).expect(200);
        command("pull", "-q", name).ok();
        assertEquals(
                id,
                engine.api().get("/images/" + name + "/json").expect(200).json().text("Id"));
    }

    @Test
    void a_layer_of_another_repository_is_mounted_not_sent() {
        var first = registry.name("mount/" + client + "-one:v1");
        var second = registry.name("mount/" + client + "-two:v1");
        command("tag", "busybox", first).ok();
        command("push", "-q", first).ok();
        command("tag", "busybox", second).ok();
        command("push", second).run().exits(0).tells("Mounted from mount/" + client + "-one");
    }

    @Test
    void what_is_pulled_and_pushed_has_the_same_digest() {
        command("pull", "-q", registry.name("team/two:v1")).ok();
        var copy = registry.name("copy/" + client + ":v1");
        command("tag", registry.name("team/two:v1"), copy).ok();
        command("push", "-q", copy).ok();
        var layers = Json.parse(registry.get(
                                "/v2/copy/" + client + "/manifests/v1",
                                "application/vnd.docker.distribution.manifest.v2+json")
                        .body())
                .list("layers");
        var original = Json.parse(registry.get(
                                "/v2/team/two/manifests/v1", "application/vnd.docker.distribution.manifest.v2+json")
                        .body())
                .list("layers");
        assertEquals(
                original.stream().map(l -> l.text("digest")).toList(),
                layers.stream().map(l -> l.text("digest")).toList());
    }

    @Test
    void run_pulls_what_is_missing() {
        var name = registry.name("team/two:v1");
        var result = command("run", "--rm", "--network", "none", name).run().exits(0);
        assertEquals("of the second layer", result.out());
        result.says("Unable to find image '" + name + "' locally", "Downloaded newer image");
        command("rmi", name).ok();
        command("run", "--rm", "--pull", "never", name).run().exits(125).says("No such image");
    }

    @Test
    void two_pulls_at_once_both_end_well() throws InterruptedException {
        var results = new ArrayList<Command.Result>();
        var threads = new ArrayList<Thread>();
        for (var tag : List.of("v1", "v2", "v1")) {
            threads.add(Thread.startVirtualThread(() -> {
                var result = command("pull", registry.name("team/two:" + tag)).run();
                synchronized (results) {
                    results.add(result);
                }
            }));
        }
        for (var thread : threads) {
            thread.join();
        }
        results.forEach(result -> result.exits(0));
        assertEquals(
                "of the second layer",
                command("run", "--rm", "--network", "none", registry.name("team/two:v2"))
                        .ok());
    }

    @Test
    void a_platform_that_is_not_there_is_said() {
        // an index of one platform that no test machine is
        registry.fill(archive, "team/odd:v1");
        var manifest = registry.get("/v2/team/two/manifests/v1", "application/vnd.docker.distribution.manifest.v2+json")
                .body();
        var index = Json.write(Map.of(
                "schemaVersion",
                2,
                "mediaType",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "manifests",
                List.of(Map.of(
                        "mediaType",
                        "application/vnd.docker.distribution.manifest.v2+json",
                        "size",
                        manifest.length,
                        "digest",
                        "sha256:" + Images.digest(manifest),
                        "platform",
                        Map.of("os", "linux", "architecture", "s390x")))));
        var put = java.net.http.HttpRequest.newBuilder(
                        java.net.URI.create("http://" + registry.address() + "/v2/team/odd/manifests/other"))
                .header("Content-Type", "application/vnd.docker.distribution.manifest.list.v2+json")
                .PUT(java.net.http.HttpRequest.BodyPublishers.ofString(index));
        assertEquals(201, registry.call(put).statusCode());
        command("pull", registry.name("team/odd:other"))
                .run()
                .exits(1)
                .says("no matching manifest for linux/", "in the manifest list entries");
    }

    private void withLogin(DebianRegistry guarded) {
        try (guarded) {
            var name = guarded.name("private/" + client + ":v1");
            command("tag", "busybox", name).ok();
            var refused = command("push", name).run();
            assertTrue(refused.exit() != 0, refused.toString());
            var config = engine.home().resolve("docker-config");
            command("login", "-u", DebianRegistry.USER, "--password-stdin", guarded.address())
                    .env("DOCKER_CONFIG", config.toString())
                    .stdin("wrong")
                    .run()
                    .exits(1)
                    .says("unauthorized");
            command("login", "-u", DebianRegistry.USER, "--password-stdin", guarded.address())
                    .env("DOCKER_CONFIG", config.toString())
                    .stdin(DebianRegistry.PASSWORD)
                    .run()
                    .exits(0)
                    .tells("Login Succeeded");
            command("push", "-q", name).env("DOCKER_CONFIG", config.toString()).ok();
            engine.api().delete("/images/" + name).expect(200);
            command("pull", "-q", name).env("DOCKER_CONFIG", config.toString()).ok();
            command("logout", guarded.address())
                    .env("DOCKER_CONFIG", config.toString())
                    .run()
                    .exits(0);
            engine.api().delete("/images/" + name).expect(200);
            var out = command("pull", "-q", name)
                    .env("DOCKER_CONFIG", config.toString())
                    .run();
            assertTrue(out.exit() != 0, out.toString());
        }
    }

    @Test
    void a_password_opens_a_registry() {
        withLogin(DebianRegistry.password());
    }

    @Test
    void a_token_opens_a_registry() {
        var guarded = DebianRegistry.token();
        withLogin(guarded);
        assertTrue(
                guarded.tokensAsked().stream().anyMatch(t -> t.contains("repository:private/" + client + ":")),
                "" + guarded.tokensAsked());
    }

    @Test
    void a_certificate_of_a_private_authority_is_taken_where_it_is_configured() throws IOException {
        try (var guarded = DebianRegistry.tls()) {
            // not called localhost, where plain HTTP would be tried next
            var address = "127.0.0.1:" + guarded.address().split(":")[1];
            var name = address + "/tls/" + client + ":v1";
            command("tag", "busybox", name).ok();
            var known = Path.of("/etc/docker/certs.d", address);
            Files.createDirectories(known);
            try {
                Files.copy(guarded.certificateFile(), known.resolve("ca.crt"));
                command("push", "-q", name).ok();
                engine.api().delete("/images/" + name).expect(200);
                command("pull", "-q", name).ok();
            } finally {
                Engine.deleteTree(known);
            }
        }
    }
}
