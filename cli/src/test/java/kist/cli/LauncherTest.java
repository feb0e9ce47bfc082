package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script in a made-up distribution, with JDKs that only print how they are called. */
class LauncherTest {
    @TempDir
    Path directory;

    private Path bin;
    private Path jdk;

    @BeforeEach
    void distribution() throws IOException {
        bin = Files.createDirectories(directory.resolve("with space/dist/bin"));
        Files.createDirectories(directory.resolve("with space/dist/lib"));
        Files.copy(Path.of("../kist"), bin.resolve("kist"));
        Files.createSymbolicLink(bin.resolve("kist-oci"), Path.of("kist"));
        var train = directory.resolve("with space/dist/lib/train.sh");
        Files.writeString(train, "#!/bin/sh\necho \"trained for $2\"\nexit 1\n");
        assertTrue(train.toFile().setExecutable(true));
        assertTrue(bin.resolve("kist").toFile().setExecutable(true));
        jdk = jdk("jdk 25", "25.0.1");
    }

    private Path jdk(String name, String version) throws IOException {
        var home = directory.resolve(name);
        var java = Files.createDirectories(home.resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; done\n");
        assertTrue(java.toFile().setExecutable(true));
        Files.writeString(
                home.resolve("release"),
                "JAVA_RUNTIME_VERSION=\"" + version + "+1\"\nJAVA_VERSION=\"" + version + "\"\nOS=\"x\"\n");
        return home;
    }

    private record Result(int status, String text) {}

    private static Result run(Map<String, String> environment, List<String> command) throws Exception {
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().keySet().removeIf(name -> name.startsWith("KIST_") || name.equals("JAVA_HOME"));
        builder.environment().putAll(environment);
        var process = builder.start();
        process.getOutputStream().close();
        var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), text);
    }

    private Result kist(Map<String, String> environment, String... args) throws Exception {
        var command = new java.util.ArrayList<>(List.of(bin.resolve("kist").toString()));
        command.addAll(List.of(args));
        return run(environment, command);
    }

    @Test
    void arguments_arrive_as_they_were_given_also_from_paths_with_spaces() throws Exception {
        var result = kist(Map.of("KIST_JAVA_HOME", jdk.toString()), "run", "a b", "", "*", "$x");
        assertEquals(0, result.status());
        assertTrue(result.text().endsWith("[kist.cli/kist.cli.Main][run][a b][][*][$x]"), result.text());
        assertTrue(result.text().contains("[-Dkist.home=" + bin.getParent() + "]"), result.text());
    }

    @Test
    void a_link_to_it_works_from_anywhere_also_through_another_link() throws Exception {
        var first = Files.createSymbolicLink(directory.resolve("first"), bin.resolve("kist"));
        var second = Files.createSymbolicLink(directory.resolve("second"), first.getFileName());
        var result = run(Map.of("KIST_JAVA_HOME", jdk.toString()), List.of(second.toString(), "ps"));
        assertTrue(result.text().contains("[-Dkist.home=" + bin.getParent() + "]"), result.text());
    }

    @Test
    void kist_oci_is_the_runtime_whatever_the_links_to_it_are_called() throws Exception {
        var link = Files.createSymbolicLink(directory.resolve("runc"), bin.resolve("kist-oci"));
        var result = run(Map.of("KIST_JAVA_HOME", jdk.toString()), List.of(link.toString(), "state", "x"));
        assertTrue(result.text().endsWith("[-m][kist.oci/kist.oci.Main][state][x]"), result.text());
    }

    @Test
    void engine_runs_the_engine_wherever_its_flags_stand() throws Exception {
        for (var args : List.of(List.of("--root", "/engine", "engine"), List.of("engine", "--root=/x"))) {
            var result = kist(Map.of("KIST_JAVA_HOME", jdk.toString()), args.toArray(String[]::new));
            assertTrue(result.text().contains("[kist.daemon/kist.daemon.Main]"), result.text());
        }
        var exec = kist(Map.of("KIST_JAVA_HOME", jdk.toString()), "exec", "engine", "ls");
        assertTrue(exec.text().contains("[kist.cli/kist.cli.Main]"), exec.text());
    }

    @Test
    void java_home_counts_only_if_it_is_a_jdk_25() throws Exception {
        var old = jdk("jdk 17", "17.0.9");
        var result = kist(Map.of("JAVA_HOME", jdk.toString()), "ps");
        assertTrue(result.text().contains("[ps]"), result.text());
        var wrong = kist(Map.of("KIST_JAVA_HOME", old.toString()), "ps");
        assertEquals(1, wrong.status());
        assertEquals("kist: KIST_JAVA_HOME=" + old + " is not a JDK 25; unset it or let it name one\n", wrong.text());
        var almost = jdk("jdk 250", "250.1");
        assertEquals(1, kist(Map.of("KIST_JAVA_HOME", almost.toString()), "ps").status());
    }

    @Test
    void a_cache_is_used_only_where_and_for_what_it_was_made() throws Exception {
        var lib = bin.resolveSibling("lib");
        Files.writeString(lib.resolve("cli.aot"), "x");
        var environment = Map.of("KIST_JAVA_HOME", jdk.toString());
        var stamp = lib + " " + jdk + " \"25.0.1+1\"";
        var before = kist(environment, "ps");
        assertTrue(before.text().contains("trained for " + stamp), before.text());
        assertFalse(before.text().contains("AOTCache"), before.text());
        Files.writeString(lib.resolve("trained"), stamp + "\n");
        var after = kist(environment, "ps");
        assertTrue(after.text().contains("[-XX:AOTCache=" + lib.resolve("cli.aot") + "]"), after.text());
        assertFalse(after.text().contains("trained for"), after.text());
    }
}
