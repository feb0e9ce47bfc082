package kist.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    Path directory;

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("config.json"), text);
    }

    @Test
    void defaults_hold_where_nothing_is_said() throws IOException {
        var settings = Settings.resolve(Map.of("config", file("{}").toString()), Map.of());
        assertEquals(Path.of("/var/lib/kist"), settings.root());
        assertEquals(Path.of("/run/kist/docker.sock"), settings.dockerSocket());
        assertEquals("unix:///run/kist/docker.sock", settings.address());
        assertTrue(settings.local());
    }

    @Test
    void a_flag_beats_the_environment_and_that_the_file() throws IOException {
        var config = file("{\"root\": \"/f\", \"runDir\": \"/f\", \"host\": \"unix:///f\"}")
                .toString();
        var settings = Settings.resolve(
                Map.of("root", "/a"), Map.of("KIST_CONFIG", config, "KIST_ROOT", "/e", "KIST_RUN_DIR", "/e"));
        assertEquals(Path.of("/a"), settings.root());
        assertEquals(Path.of("/e"), settings.runDir());
        assertEquals("unix:///f", settings.host());
        assertFalse(settings.local());
    }

    @Test
    void registries_policy_and_storage_are_settled_like_the_rest() throws IOException {
        var config =
                file("{\"registriesDir\": \"/f\", \"policyFile\": \"/p.json\"}").toString();
        var settings = Settings.resolve(
                Map.of("storage-driver", "copy"), Map.of("KIST_CONFIG", config, "KIST_REGISTRIES_DIR", "/e"));
        assertEquals(Path.of("/e"), settings.registriesDir());
        assertEquals(Path.of("/p.json"), settings.policyFile());
        assertEquals("copy", settings.storageDriver());
        var defaults = Settings.resolve(Map.of("config", file("{}").toString()), Map.of());
        assertEquals(Path.of("/etc/kist/policy.json"), defaults.policyFile());
        assertEquals("auto", defaults.storageDriver());
        assertThrows(IllegalArgumentException.class, () -> Settings.resolve(Map.of("storage-driver", "zfs"), Map.of()));
    }

    @Test
    void an_empty_variable_says_nothing() throws IOException {
        var settings =
                Settings.resolve(Map.of("config", file("{\"root\": \"/f\"}").toString()), Map.of("KIST_ROOT", ""));
        assertEquals(Path.of("/f"), settings.root());
    }

    @Test
    void the_host_of_the_own_run_directory_is_local() throws IOException {
        var settings = Settings.resolve(
                Map.of("config", file("{}").toString(), "run-dir", "/x", "host", "unix:///x/docker.sock"), Map.of());
        assertTrue(settings.local());
    }

    @Test
    void a_wrong_file_is_named_with_its_fault() throws IOException {
        for (var fault : Map.of(
                        "{\"rot\": \"/x\"}", "unknown key \"rot\"",
                        "{\"root\": 3}", "must give \"root\" as a string",
                        "[]", "not a JSON object",
                        "{", "not a JSON object")
                .entrySet()) {
            var path = file(fault.getKey()).toString();
            var thrown = assertThrows(
                    IllegalArgumentException.class,
                    () -> Settings.resolve(Map.of("config", path), Map.of()),
                    fault::getKey);
            assertTrue(thrown.getMessage().contains(fault.getValue()), thrown.getMessage());
            assertTrue(thrown.getMessage().contains(path), thrown.getMessage());
        }
    }

    @Test
    void a_named_file_must_exist() {
        assertThrows(
                IllegalArgumentException.class,
                () -> Settings.resolve(Map.of(), Map.of("KIST_CONFIG", directory + "/none.json")));
    }

    @Test
    void a_run_directory_too_long_for_a_socket_is_refused() throws IOException {
        var config = file("{}").toString();
        var thrown = assertThrows(
                IllegalArgumentException.class,
                () -> Settings.resolve(Map.of("config", config, "run-dir", "/" + "x".repeat(100)), Map.of()));
        assertTrue(thrown.getMessage().contains("107 bytes"), thrown.getMessage());
    }
}
