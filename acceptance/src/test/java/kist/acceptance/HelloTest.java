package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The first thing a new user types. */
class HelloTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine();

    @Test
    void it_says_what_it_finds_itself_in() {
        var result = engine.kist("run", "hello").run();
        var text = result.ok();
        var id = engine.containers().getFirst().text("Id");
        assertTrue(text.contains(id.substring(0, 12)), text);
        for (var word : new String[] {"hostname", "pid", "uid", "memory", "cpu", "capabilit", "eth0", "seccomp"}) {
            assertTrue(text.toLowerCase(Locale.ROOT).contains(word), word + " is missing in\n" + text);
        }
        assertTrue(
                text.contains(engine.inspect(id).text("NetworkSettings", "Networks", "bridge", "IPAddress"))
                        || !engine.inspect(id).flag("State", "Running"),
                text);
        assertTrue(text.matches("(?s).*pid[ :]+1\\b.*"), text);
        assertEquals("", result.err());
    }

    @Test
    void limits_show_in_it() {
        var text = engine.kist(
                        "run",
                        "--rm",
                        "-m",
                        "64m",
                        "--pids-limit",
                        "77",
                        "--cpus",
                        "0.5",
                        "--network",
                        "none",
                        "--hostname",
                        "greeter",
                        "hello")
                .ok();
        assertTrue(text.contains("greeter"), text);
        assertTrue(text.contains("64.0 MiB"), text);
        assertTrue(text.contains("77"), text);
        assertTrue(!text.contains("eth0"), text);
    }

    @Test
    void it_also_comes_through_the_docker_command() {
        assertTrue(engine.docker("run", "--rm", "hello").ok().length() > 50);
    }
}
