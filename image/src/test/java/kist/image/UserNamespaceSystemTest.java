package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Both forms of snapshots where root is only root of a user namespace (user_namespaces(7)), as without root. */
class UserNamespaceSystemTest {
    private static String classPath() {
        Set<String> path = new LinkedHashSet<>();
        for (Class<?> type : List.of(UserNamespaceSystemTest.class, ImageStore.class)) {
            path.add(Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .getPath())
                    .toString());
        }
        Path own = Path.of("").toAbsolutePath();
        path.add(own.resolve("target/test-classes").toString());
        for (String property : List.of("jdk.module.path", "java.class.path", "surefire.test.class.path")) {
            path.addAll(List.of(System.getProperty(property, "").split(File.pathSeparator)));
        }
        path.remove("");
        return String.join(File.pathSeparator, path);
    }

    @Test
    void the_conformance_tests_pass_in_a_user_namespace() throws Exception {
        Process p = new ProcessBuilder(
                        "unshare",
                        "--user",
                        "--map-root-user",
                        "--mount",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath(),
                        InUserNamespace.class.getName())
                .redirectErrorStream(true)
                .start();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), said);
        int passed = Integer.parseInt(said.strip().substring(said.strip().lastIndexOf(' ') + 1));
        assertTrue(passed > 40, said);
    }
}
