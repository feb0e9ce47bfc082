package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import kist.http.Tls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Debian's skopeo, podman and docker push to this registry and pull from it, by HTTP and by HTTPS with passwords. */
@Timeout(180)
class ClientsSystemTest {
    private Path directory;
    private Served served;

    @BeforeEach
    void make() throws Exception {
        directory = Files.createTempDirectory("kist-clients");
        Files.createDirectories(directory.resolve("tree/etc"));
        Files.write(directory.resolve("tree/data"), Conformance.random(3_000_000));
        Files.writeString(directory.resolve("tree/etc/motd"), "hello\n");
        Tool.good(directory, "umoci init --layout layout");
        Tool.good(directory, "umoci new --image layout:t");
        Tool.good(directory, "umoci insert --image layout:t tree /");
        Tool.good(directory, "umoci insert --image layout:t tree/etc /other");
        Tool.good(directory, "skopeo copy -q oci:layout:t docker-archive:image.tar:example/image:1");
    }

    @AfterEach
    void clean() throws Exception {
        if (served != null) {
            served.close();
        }
        Tool.good(directory, "rm -rf --one-file-system " + directory);
    }

    /** Serves, and answers the options by which skopeo reaches the registry. */
    private String[] serve(boolean secure) throws Exception {
        Path state = Files.createDirectories(directory.resolve("state"));
        if (!secure) {
            served = new Served(state, false, DistributionOptions.LOCAL);
            return new String[] {"--src-tls-verify=false", "--dest-tls-verify=false", "--tls-verify=false"};
        }
        Files.createDirectories(directory.resolve("certs"));
        Tool.good(
                directory,
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=registry"
                        + " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certs/ca.crt");
        Path users = Files.writeString(directory.resolve("users"), HtpasswdTest.line("alice", "secret"));
        served = new Served(
                state,
                false,
                Served.options(
                        Optional.of(new Tls(directory.resolve("certs/ca.crt"), directory.resolve("key.pem"))),
                        Optional.of(users),
                        Anonymous.DEFAULT));
        return new String[] {
            "--src-cert-dir=certs --src-creds=alice:secret",
            "--dest-cert-dir=certs --dest-creds=alice:secret",
            "--cert-dir=certs --creds=alice:secret"
        };
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void skopeoCopiesToAndFroListsAndDeletes(boolean secure) throws Exception {
        String[] how = serve(secure);
        String image = "docker://" + served.address() + "/some/image";
        Tool.good(directory, "skopeo copy -q " + how[1] + " docker-archive:image.tar " + image + ":archive");
        Tool.good(directory, "skopeo copy -q --preserve-digests " + how[1] + " oci:layout:t " + image + ":layout");
        String tags = Tool.good(directory, "skopeo list-tags " + how[2] + " " + image);
        assertTrue(tags.contains("\"archive\"") && tags.contains("\"layout\""), tags);
        // bit for bit: the digest of what comes back is that of what went in
        Tool.good(directory, "skopeo copy -q --preserve-digests " + how[0] + " " + image + ":layout oci:back:t");
        assertEquals(
                Tool.good(directory, "skopeo inspect --raw oci:layout:t"),
                Tool.good(directory, "skopeo inspect --raw oci:back:t"));
        Tool.good(
                directory,
                "skopeo copy -q " + how[0] + " " + how[1] + " " + image + ":layout docker://" + served.address()
                        + "/other/image:copied");
        Tool.good(directory, "skopeo delete " + how[2] + " " + image + ":layout");
        tags = Tool.good(directory, "skopeo list-tags " + how[2] + " " + image);
        assertFalse(tags.contains("\"layout\""), tags);
        Tool.bad(directory, "skopeo inspect " + how[2] + " " + image + ":layout");
        Tool.good(directory, "skopeo inspect " + how[2] + " docker://" + served.address() + "/other/image:copied");
        if (secure) {
            String refusal =
                    Tool.bad(directory, "skopeo inspect --cert-dir=certs --creds=alice:wrong " + image + ":archive");
            assertTrue(refusal.contains("unauthorized") || refusal.contains("authentication"), refusal);
            Tool.bad(directory, "skopeo inspect --cert-dir=certs --no-creds " + image + ":archive");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void podmanPushesAndPulls(boolean secure) throws Exception {
        serve(secure);
        String podman = "podman --root " + directory + "/p --runroot " + directory + "/r --storage-driver vfs ";
        String how = secure ? "--cert-dir=certs --creds=alice:secret " : "--tls-verify=false ";
        String image = served.address() + "/some/image:1";
        Tool.good(directory, podman + "load -q -i image.tar");
        Tool.good(directory, podman + "tag docker.io/example/image:1 " + image);
        Tool.good(directory, podman + "push -q " + how + image);
        Tool.good(directory, podman + "rmi -af");
        Tool.good(directory, podman + "pull -q " + how + image);
        assertTrue(Tool.good(directory, podman + "images").contains("some/image"));
        Tool.good(directory, podman + "rmi -af");
    }

    @Test
    void dockerPushesMountsAndPulls() throws Exception {
        serve(false);
        withDockerd(client -> dockerRound(client));
    }

    @Test
    void dockerLogsInPushesAndPullsByHttps() throws Exception {
        serve(true);
        Path trusted = Path.of("/etc/docker/certs.d", served.address());
        Files.createDirectories(trusted);
        try {
            Files.copy(directory.resolve("certs/ca.crt"), trusted.resolve("ca.crt"));
            withDockerd(client -> {
                client.bad("login -u alice -p wrong " + served.address());
                client.good("login -u alice -p secret " + served.address());
                dockerRound(client);
            });
        } finally {
            Served.delete(trusted);
        }
    }

    private void dockerRound(Docker docker) throws Exception {
        String image = served.address() + "/some/image:1";
        String other = served.address() + "/other/image:1";
        docker.good("load -q -i image.tar");
        docker.good("tag example/image:1 " + image);
        String pushed = docker.good("push " + image);
        assertTrue(pushed.contains("1: digest: sha256:"), pushed);
        docker.good("tag example/image:1 " + other);
        String mounted = docker.good("push " + other);
        assertTrue(mounted.contains("Mounted from some/image"), mounted);
        docker.good("rmi example/image:1 " + image + " " + other);
        String pulled = docker.good("pull " + image);
        String digest = pushed.substring(pushed.indexOf("sha256:"), pushed.indexOf("sha256:") + 71);
        assertTrue(pulled.contains("Digest: " + digest), pulled);
        docker.good("rmi " + image);
    }

    private interface Docker {
        String good(String arguments) throws Exception;

        default void bad(String arguments) throws Exception {
            try {
                good(arguments);
            } catch (IOException expected) {
                return;
            }
            throw new AssertionError("docker " + arguments + " should have failed");
        }
    }

    private interface Work {
        void with(Docker docker) throws Exception;
    }

    /** Debian's dockerd without networks of its own. */
    private void withDockerd(Work work) throws Exception {
        Path socket = directory.resolve("docker.sock");
        Process dockerd = new ProcessBuilder(List.of(("/usr/sbin/dockerd -H unix://" + socket + " --data-root "
                                + directory + "/data --exec-root " + directory + "/exec --pidfile " + directory
                                + "/pid --bridge none --iptables=false --storage-driver vfs")
                        .split(" ")))
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("dockerd.log").toFile())
                .start();
        Map<String, String> environment = Map.of(
                "DOCKER_HOST",
                "unix://" + socket,
                "DOCKER_CONFIG",
                directory.resolve("config").toString());
        Docker docker = arguments -> {
            Tool tool = Tool.run(directory, environment, List.of(("/usr/bin/docker " + arguments).split(" ")));
            if (tool.status() != 0) {
                throw new IOException("docker " + arguments + ": " + tool.text());
            }
            return tool.text();
        };
        try {
            for (int i = 0; !answers(docker); i++) {
                if (i == 300 || !dockerd.isAlive()) {
                    throw new IOException("dockerd: " + Files.readString(directory.resolve("dockerd.log")));
                }
                Thread.sleep(100);
            }
            work.with(docker);
        } finally {
            dockerd.destroy();
            if (!dockerd.waitFor(30, TimeUnit.SECONDS)) {
                dockerd.destroyForcibly().waitFor();
            }
        }
    }

    private static boolean answers(Docker docker) throws Exception {
        try {
            docker.good("version");
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
