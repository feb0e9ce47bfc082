package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** State that the first version wrote, byte for byte, is read by this one. */
class FormatTest {
    private static final Path WRITTEN = Path.of("src/test/resources/format-1");

    @TempDir
    Path directory;

    private Map<String, ContainerStore.Found> load() throws IOException {
        Path containers = Files.createDirectories(directory.resolve("containers"));
        try (var files = Files.walk(WRITTEN)) {
            for (Path from : files.toList()) {
                Path to = containers.resolve(WRITTEN.relativize(from).toString());
                if (!Files.exists(to)) {
                    Files.copy(from, to);
                }
            }
        }
        Map<String, ContainerStore.Found> found = new HashMap<>();
        for (ContainerStore.Found one : new ContainerStore(containers).load()) {
            found.put(one.container().name(), one);
        }
        return found;
    }

    @Test
    void containersOfTheFirstFormatAreReadWhole() throws IOException {
        Map<String, ContainerStore.Found> all = load();
        assertEquals(4, all.size());
        StoredContainer running = all.get("running").container();
        assertEquals(List.of("sleep", "3600"), running.argv());
        assertEquals(64 << 20, running.config().host().memory());
        assertEquals("box", running.config().hostname());
        assertEquals(OptionalInt.of(3), running.stopTimeout());
        assertEquals("/srv/data", running.config().host().mounts().getFirst().source());
        assertTrue(running.config().host().mounts().getFirst().readOnly());
        assertEquals("nofile", running.config().host().rlimits().getFirst().name());
        assertEquals("host", all.get("made").container().config().host().network());
    }

    @Test
    void whatTheFirstFormatDidNotSayMeansNothing() throws IOException {
        for (ContainerStore.Found found : load().values()) {
            ContainerConfig config = found.container().config();
            assertEquals(HostConfig.RestartPolicy.NONE, config.host().restart());
            assertFalse(config.health().isPresent());
            assertEquals(List.of(), config.host().ports());
            assertEquals(0, found.state().restarts());
            assertFalse(found.state().stopped());
            assertEquals("", found.state().health());
        }
    }

    @Test
    void statesOfTheFirstFormatAreWhatTheyWere() throws IOException {
        Map<String, ContainerStore.Found> all = load();
        StoredState running = all.get("running").state();
        assertEquals(StoredState.Phase.STARTING, running.phase(), "which means that it runs if the keeper has it");
        assertTrue(running.network().isPresent());
        assertEquals(StoredState.Phase.PAUSED, all.get("frozen").state().phase());
        assertEquals(StoredState.Phase.CREATED, all.get("made").state().phase());
        assertEquals(StoredState.Phase.EXITED, all.get("plain").state().phase());
        assertEquals(3, all.get("plain").state().exitCode());
    }

    @Test
    void whatThisVersionWritesIsReadAgain() throws IOException {
        Map<String, ContainerStore.Found> all = load();
        ContainerStore store = new ContainerStore(directory.resolve("containers"));
        StoredContainer plain = all.get("plain").container();
        StoredState state = all.get("plain").state().unwanted().waiting(5).health(HealthView.UNHEALTHY, 3);
        store.update(plain);
        store.update(plain.id(), state);
        ContainerStore.Found again = store.load().stream()
                .filter(f -> f.container().id().equals(plain.id()))
                .findFirst()
                .orElseThrow();
        assertEquals(plain, again.container());
        assertEquals(state, again.state());
    }
}
