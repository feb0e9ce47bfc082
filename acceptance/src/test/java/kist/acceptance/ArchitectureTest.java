package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The arrows of ARCHITECTURE.md, read from the sources. */
final class ArchitectureTest {
    private static final Map<String, Set<String>> ALLOWED = Map.ofEntries(
            Map.entry("kist.kernel", Set.of()),
            Map.entry("kist.runtime", Set.of("kist.kernel")),
            Map.entry("kist.image", Set.of("kist.kernel")),
            Map.entry("kist.network", Set.of("kist.kernel")),
            Map.entry("kist.dns", Set.of()),
            Map.entry("kist.volume", Set.of("kist.kernel")),
            Map.entry("kist.registry", Set.of("kist.kernel", "kist.image")),
            Map.entry(
                    "kist.engine",
                    Set.of(
                            "kist.kernel",
                            "kist.runtime",
                            "kist.image",
                            "kist.network",
                            "kist.dns",
                            "kist.volume",
                            "kist.registry")),
            Map.entry("kist.http", Set.of("kist.kernel")),
            Map.entry("kist.docker", Set.of("kist.engine", "kist.http")),
            Map.entry("kist.distribution", Set.of("kist.engine", "kist.http", "kist.registry")),
            Map.entry("kist.config", Set.of()),
            Map.entry(
                    "kist.daemon",
                    Set.of(
                            "kist.config",
                            "kist.docker",
                            "kist.distribution",
                            "kist.engine",
                            "kist.http",
                            "kist.kernel")),
            Map.entry("kist.cli", Set.of("kist.config")),
            Map.entry("kist.oci", Set.of("kist.runtime", "kist.kernel", "kist.config")));
    private static final Pattern NAME = Pattern.compile("module (kist\\.[a-z]+)");
    private static final Pattern REQUIRES = Pattern.compile("requires (?:transitive |static )*(kist\\.[a-z]+);");

    private static Path top() {
        Path here = Path.of("").toAbsolutePath();
        while (!Files.exists(here.resolve("ARCHITECTURE.md"))) {
            here = here.getParent();
        }
        return here;
    }

    private static List<Path> modules() throws IOException {
        try (var dirs = Files.list(top())) {
            return dirs.map(d -> d.resolve("src/main/java"))
                    .filter(d -> Files.exists(d.resolve("module-info.java")))
                    .toList();
        }
    }

    @Test
    void modules_depend_on_each_other_only_as_the_map_says() throws Exception {
        var found = new TreeMap<String, Set<String>>();
        for (var module : modules()) {
            var text = Files.readString(module.resolve("module-info.java"));
            var name = NAME.matcher(text);
            assertTrue(name.find(), module.toString());
            var needs = new TreeSet<String>();
            REQUIRES.matcher(text).results().forEach(r -> needs.add(r.group(1)));
            found.put(name.group(1), needs);
        }
        assertEquals(ALLOWED.keySet(), found.keySet(), "a new module wants a place on the map");
        found.forEach((module, needs) ->
                needs.forEach(n -> assertTrue(ALLOWED.get(module).contains(n), module + " must not require " + n)));
    }

    @Test
    void a_module_is_one_flat_package() throws Exception {
        for (var module : modules()) {
            try (var files = Files.walk(module)) {
                var packages = new TreeSet<String>();
                files.filter(f -> f.toString().endsWith(".java") && !f.endsWith("module-info.java"))
                        .forEach(f -> packages.add(f.getParent().toString()));
                assertEquals(1, packages.size(), packages.toString());
            }
        }
    }

    @Test
    void nothing_is_left_to_be_done_later() throws Exception {
        var later = Pattern.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");
        for (var module : modules()) {
            try (var files = Files.walk(module)) {
                for (var file : files.filter(Files::isRegularFile).toList()) {
                    assertFalse(later.matcher(Files.readString(file)).find(), file.toString());
                }
            }
        }
    }
}
