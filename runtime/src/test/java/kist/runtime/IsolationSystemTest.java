package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a container of the default spec sees and may do, on the real kernel. */
final class IsolationSystemTest {
    @TempDir
    static Path dir;

    static Sandbox box;

    @BeforeAll
    static void launch() throws Exception {
        box = new Sandbox(dir);
    }

    @AfterAll
    static void end() throws Exception {
        box.close();
    }

    @Test
    void printsAll() throws Exception {
        Sandbox.Result r = box.sh(
                "id; hostname; pwd; cat /proc/self/status; cat /proc/self/mountinfo; ls -l /proc/self/fd /dev /; env; cat /proc/self/cgroup");
        System.out.println(r.output());
        assertEquals(0, r.status());
    }
}
