package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.image.ImageConfig;
import org.junit.jupiter.api.Test;

class CommitsTest {
    private static final ImageConfig IMAGE = new ImageConfig(
            List.of("/entry"),
            List.of("arg"),
            List.of("A=1"),
            "/srv",
            "app",
            List.of("80/tcp"),
            List.of("/data"),
            Map.of("from", "image"),
            "SIGINT",
            Optional.empty(),
            List.of("RUN make"),
            List.of(),
            false);

    private static StoredContainer container(ContainerConfig config, List<String> environment) {
        return new StoredContainer(
                1,
                "id",
                "name",
                config,
                "sha256:0",
                0,
                List.of("x"),
                environment,
                "/srv",
                "app",
                Map.of("from", "image", "own", "label"),
                "SIGINT",
                OptionalInt.empty());
    }

    @Test
    void a_container_says_what_its_image_said_and_what_it_was_made_with() {
        ImageConfig config = Commits.of(container(ContainerConfig.of("image", "other"), List.of("A=1")), IMAGE);
        assertEquals(List.of("/entry"), config.entrypoint());
        assertEquals(List.of("other"), config.command());
        assertEquals(List.of("A=1"), config.environment());
        assertEquals("/srv", config.workingDir());
        assertEquals(Map.of("from", "image", "own", "label"), config.labels());
        assertEquals(List.of("80/tcp"), config.exposedPorts());
        assertEquals(List.of(), config.onBuild(), "triggers are not inherited");
    }

    @Test
    void a_request_is_laid_over_what_the_container_says() {
        ImageConfig said = new ImageConfig(
                List.of("/new"),
                List.of(),
                List.of("A=2", "B=3"),
                "",
                "root",
                List.of("53/udp"),
                List.of(),
                Map.of(),
                "");
        ImageConfig config = Commits.over(said, IMAGE);
        assertEquals(List.of("/new"), config.entrypoint());
        assertEquals(List.of(), config.command(), "a new entry point does away with the old arguments");
        assertEquals(List.of("A=2", "B=3"), config.environment());
        assertEquals("root", config.user());
        assertEquals("/srv", config.workingDir());
        assertEquals(List.of("80/tcp", "53/udp"), config.exposedPorts());
        assertEquals(IMAGE, Commits.over(ImageConfig.EMPTY, IMAGE));
    }
}
