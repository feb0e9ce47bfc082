package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Docker's library for Python, as Debian packages it, in a script that uses most of what it has. */
@Tag("peer")
class PythonSdkTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @AfterEach
    void clear() {
        engine.removeContainers();
        engine.api().delete("/volumes/pythons?force=1");
        engine.api().delete("/networks/pythons");
    }

    @Test
    void the_library_for_python_does_what_its_users_expect(@TempDir Path directory) throws IOException {
        var script = directory.resolve("sdk.py");
        try (var file = PythonSdkTest.class.getResourceAsStream("python/sdk.py")) {
            Files.write(script, file.readAllBytes());
        }
        var result = Command.of("/usr/bin/python3", "-W", "ignore", script.toString())
                .env("DOCKER_HOST", engine.address())
                .patience(java.time.Duration.ofMinutes(2))
                .run();
        assertTrue(result.ok().endsWith("the end"), result.toString());
    }
}
