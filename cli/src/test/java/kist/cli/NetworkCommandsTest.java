package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NetworkCommandsTest {
    @TempDir
    Path directory;

    private FakeEngine engine;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeEach
    void open() throws IOException {
        engine = new FakeEngine(directory.resolve("s"));
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private int kist(String... command) throws IOException {
        var context = new Context(
                Settings.of(directory, directory, "unix://" + directory.resolve("s")),
                new ByteArrayInputStream("n\n".getBytes(StandardCharsets.UTF_8)),
                out,
                err,
                Map.of("DOCKER_CONFIG", directory.toString()),
                "",
                "");
        return Main.guarded(context, List.of(command));
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void create_sends_what_the_flags_say() throws IOException {
        engine.on("POST /networks/create", 201, "{\"Id\":\"n1\",\"Warning\":\"\"}");
        assertEquals(
                0,
                kist(
                        "network",
                        "create",
                        "--subnet",
                        "10.1.0.0/24",
                        "--gateway=10.1.0.1",
                        "--ip-range",
                        "10.1.0.0/28",
                        "--aux-address",
                        "a=10.1.0.9",
                        "--internal",
                        "--label",
                        "x=y",
                        "-o",
                        "k=v",
                        "shop"));
        assertEquals("n1\n", out());
        var body = engine.bodies.getLast();
        for (var part : List.of(
                "\"Name\":\"shop\"",
                "\"Internal\":true",
                "\"Subnet\":\"10.1.0.0/24\"",
                "\"IPRange\":\"10.1.0.0/28\"",
                "\"Gateway\":\"10.1.0.1\"",
                "\"AuxiliaryAddresses\":{\"a\":\"10.1.0.9\"}",
                "\"Labels\":{\"x\":\"y\"}",
                "\"Options\":{\"k\":\"v\"}")) {
            assertTrue(body.contains(part), part + " in " + body);
        }
        assertEquals(1, kist("network", "create", "--gateway", "10.1.0.1", "shop"));
    }

    @Test
    void ls_is_a_table_sorted_by_name() throws IOException {
        engine.on(
                "GET /networks",
                200,
                "[{\"Name\":\"shop\",\"Id\":\"aaaaaaaaaaaabbbb\",\"Driver\":\"bridge\",\"Scope\":\"local\","
                        + "\"Labels\":{\"a\":\"b\"}},"
                        + "{\"Name\":\"host\",\"Id\":\"cccccccccccc\",\"Driver\":\"host\",\"Scope\":\"local\"}]");
        assertEquals(0, kist("network", "ls"));
        assertEquals(
                "NETWORK ID     NAME      DRIVER    SCOPE\n"
                        + "cccccccccccc   host      host      local\n"
                        + "aaaaaaaaaaaa   shop      bridge    local\n",
                out());
        out.reset();
        assertEquals(0, kist("network", "list", "-q", "--no-trunc"));
        assertEquals("cccccccccccc\naaaaaaaaaaaabbbb\n", out());
        out.reset();
        assertEquals(0, kist("network", "ls", "--format", "{{.Name}} {{.Labels}}"));
        assertEquals("host \nshop a=b\n", out());
    }

    @Test
    void connect_disconnect_and_rm_name_network_and_container() throws IOException {
        engine.on("POST /networks/shop/connect", 200, "")
                .on("POST /networks/shop/disconnect", 200, "")
                .on("DELETE /networks/shop", 204, "");
        assertEquals(0, kist("network", "connect", "--alias", "www", "--ip", "10.1.0.7", "shop", "web"));
        var body = engine.bodies.getLast();
        assertTrue(body.contains("\"Aliases\":[\"www\"]") && body.contains("\"IPv4Address\":\"10.1.0.7\""), body);
        assertEquals(0, kist("network", "disconnect", "-f", "shop", "web"));
        assertTrue(engine.bodies.getLast().contains("\"Force\":true"));
        assertEquals(0, kist("network", "rm", "shop"));
        assertEquals("shop\n", out());
    }

    @Test
    void prune_asks_first() throws IOException {
        engine.on("POST /networks/prune", 200, "{\"NetworksDeleted\":[\"shop\"]}");
        assertEquals(1, kist("network", "prune"));
        assertEquals(List.of(), engine.requests);
        out.reset();
        assertEquals(0, kist("network", "prune", "-f"));
        assertEquals("Deleted Networks:\nshop\n\n", out());
    }
}
