package kist.acceptance;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The project in examples/testcontainers, with no setting but DOCKER_HOST and the switch for hosts without a registry. */
@Tag("peer")
class TestcontainersTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @Test
    @Timeout(400)
    void the_example_of_testcontainers_passes(@TempDir Path copy) {
        var example = Path.of(System.getProperty("kist.source", ".."), "examples/testcontainers")
                .toAbsolutePath()
                .normalize();
        Command.of("cp", "-r", example + "/.", copy.toString()).ok();
        // where it finds itself in a container it looks around with this image, which cannot be pulled here
        engine.docker("tag", "busybox", "alpine:3.17").ok();
        // the newest asks for API 1.44, which the peer does not know
        var version = engine.isKist() ? "2.0.2" : "1.21.3";
        Command.of("mvn", "-q", "-B", "-f", copy.toString(), "-Dtestcontainers.version=" + version, "test")
                .env("DOCKER_HOST", engine.address())
                .env("TESTCONTAINERS_RYUK_DISABLED", "true")
                .env("JAVA_HOME", System.getProperty("java.home"))
                .patience(Duration.ofSeconds(390))
                .ok();
    }
}
