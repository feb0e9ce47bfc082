package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class HtpasswdTest {
    @TempDir
    Path directory;

    private Path write(String content) throws IOException {
        return Files.writeString(directory.resolve("users"), content);
    }

    /** What Apache's own command writes. */
    static String line(String user, String password) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("htpasswd", "-nbB", "-C", "4", user, password)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String line = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0) {
            throw new IOException("htpasswd failed");
        }
        return line + "\n";
    }

    private static boolean verify(Htpasswd users, String user, String password) throws InterruptedException {
        return users.verify(user, password.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void onlyTheRightPasswordOfAKnownUserIsRight() throws Exception {
        Htpasswd users =
                new Htpasswd(write("# people\n\n" + line("alice", "sécret:x") + line("bob", "") + line("c d", "p")));
        for (int i = 0; i < 3; i++) {
            assertTrue(verify(users, "alice", "sécret:x"));
            assertFalse(verify(users, "alice", "sécret:y"));
            assertFalse(verify(users, "alice", ""));
            assertFalse(verify(users, "Alice", "sécret:x"));
            assertFalse(verify(users, "eve", "sécret:x"));
            assertFalse(verify(users, "", ""));
            assertTrue(verify(users, "bob", ""));
            assertTrue(verify(users, "c d", "p"));
        }
    }

    @Test
    void aPasswordOfMoreThanBcryptTakesIsCutAsApacheCutsIt() throws Exception {
        Htpasswd users = new Htpasswd(write(line("alice", "x".repeat(100))));
        assertTrue(verify(users, "alice", "x".repeat(100)));
        assertFalse(verify(users, "alice", "x".repeat(20)));
        assertFalse(verify(users, "alice", "x".repeat(100_000).replace('x', 'y')));
    }

    @Test
    void aChangedFileCountsAndAnUnreadableOneDoesNot() throws Exception {
        Htpasswd users = new Htpasswd(write(line("alice", "one")));
        assertTrue(verify(users, "alice", "one"));
        write("nonsense");
        Thread.sleep(1100);
        assertTrue(verify(users, "alice", "one"));
        write(line("alice", "two") + "# changed\n");
        Thread.sleep(1100);
        assertFalse(verify(users, "alice", "one"), "what was remembered is forgotten");
        assertTrue(verify(users, "alice", "two"));
    }

    @Test
    void whatWasRightIsRememberedSoThatBcryptDoesNotRunForEachRequest() throws Exception {
        String hash = line("alice", "one");
        Htpasswd users = new Htpasswd(write(hash));
        assertTrue(verify(users, "alice", "one"));
        long start = System.nanoTime();
        for (int i = 0; i < 2000; i++) {
            assertTrue(verify(users, "alice", "one"));
        }
        assertTrue(System.nanoTime() - start < 2_000_000_000L, "one millisecond each at most");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "# only\n",
                "alice\n",
                "alice:\n",
                "alice:secret\n",
                ":$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijklmno\n",
                "alice:$apr1$abcdefgh$abcdefghijklmnopqrstuv\n",
                "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
                "alice:$2y$31$7EqJtq98hPqEX7fNZaFWoOhi5BWX4e1Yh0s6Q1bV7pKq9v5y9v5yW\n",
                "alice:$2y$05$short\n"
            })
    void aFileThatIsNoPasswordFileIsRefusedByName(String content) throws IOException {
        Path file = write(content);
        String message =
                assertThrows(IOException.class, () -> new Htpasswd(file)).getMessage();
        assertTrue(message.contains(file.toString()), message);
        assertFalse(message.contains("secret"), "no secret in a message");
    }

    @Test
    void aFileThatIsNotThereIsRefused() {
        assertThrows(IOException.class, () -> new Htpasswd(directory.resolve("none")));
    }
}
