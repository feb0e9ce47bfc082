package kist.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * The engine that a test class talks to: one of its own, with the image {@code busybox} in it, taken down behind the last
 * test. Containers are removed behind each test.
 */
abstract sealed class Engine implements BeforeAllCallback, AfterEachCallback, AfterAllCallback, TestWatcher
        permits KistEngine, PeerEngine {
    private static final Path DIST = Path.of(System.getProperty("kist.dist", ""));

    /** Kist or, where the build says so, Debian's dockerd: for tests that hold on both. */
    static Engine underTest() {
        return System.getProperty("kist.engine", "kist").equals("peer") ? new PeerEngine() : new KistEngine();
    }

    /** The commands to type at it: on the peer only its own, where the point is to prove the tests. */
    static List<String> clients() {
        return underTest().isKist() ? List.of("docker", "kist") : List.of("docker");
    }

    /** A file of the built distribution. */
    static String dist(String file) {
        var path = DIST.resolve(file);
        if (!Files.exists(path)) {
            throw new AssertionError(
                    "there is no " + path + "; name a built distribution with -Dkist.dist=…/build/dist");
        }
        return path.toAbsolutePath().toString();
    }

    /** Where it answers. */
    abstract Path socket();

    abstract boolean isKist();

    /** The directory that all its state is under. */
    abstract Path home();

    /** The end of its log. */
    abstract String log();

    String address() {
        return "unix://" + socket();
    }

    Api api() {
        return new Api(socket());
    }

    /** The docker command, as a user with no settings of his own has it. */
    Command docker(String... arguments) {
        return Command.of("docker")
                .with(arguments)
                .env("DOCKER_HOST", address())
                .env("DOCKER_CONFIG", home().resolve("docker-config").toString())
                .env("DOCKER_CONTEXT", "")
                .env("DOCKER_API_VERSION", "");
    }

    /** The kist command of the distribution. */
    Command kist(String... arguments) {
        return Command.of(dist("bin/kist")).with(arguments).env("KIST_HOST", address());
    }

    /** One of the two commands. */
    Command client(String name, String... arguments) {
        return name.equals("kist") ? kist(arguments) : docker(arguments);
    }

    void importBusybox() {
        docker("import", "--change", "CMD [\"sh\"]", Images.busyboxTar().toString(), "busybox:latest")
                .ok();
    }

    void removeContainers() {
        for (var container :
                api().get("/containers/json?all=1").expect(200).json().list()) {
            var id = container.text("Id");
            var answer = api().delete("/containers/" + id + "?force=1&v=1");
            if (answer.status() != 204 && answer.status() != 404 && answer.status() != 409) {
                throw new AssertionError("removing " + id + ": " + answer.text());
            }
        }
        // those that are being removed already, by --rm, answer 409 and are gone soon
        Wait.until("all containers removed", () -> containers().isEmpty());
    }

    List<Json> containers() {
        return api().get("/containers/json?all=1").expect(200).json().list();
    }

    Json inspect(String container) {
        return api().get("/containers/" + container + "/json").expect(200).json();
    }

    /** The host's id of a container's first process. */
    long pid(String container) {
        return inspect(container).number("State", "Pid");
    }

    @Override
    public void afterEach(ExtensionContext context) {
        removeContainers();
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
        try {
            var file = Path.of(System.getProperty("kist.target", "target"), "engine-logs");
            Files.createDirectories(file);
            Files.writeString(
                    file.resolve(context.getRequiredTestClass().getSimpleName() + "."
                            + context.getRequiredTestMethod().getName() + ".log"),
                    log());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void deleteTree(Path directory) {
        Command.of("rm", "-rf", "--one-file-system", directory.toString())
                .patience(Duration.ofMinutes(2))
                .run();
    }
}
