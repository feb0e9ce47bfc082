package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerCommandsTest {
    @TempDir
    Path directory;

    private FakeEngine engine;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private String input = "";
    private String terminals = "";
    private Map<String, String> environment = Map.of();

    @BeforeEach
    void open() throws IOException {
        engine = new FakeEngine(directory.resolve("s"));
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private int kist(String... command) throws IOException {
        out.reset();
        err.reset();
        var context = new Context(
                Settings.of(directory, directory, "unix://" + directory.resolve("s")),
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                out,
                err,
                environment,
                "",
                terminals);
        return Main.guarded(context, List.of(command));
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void several_containers_are_stopped_at_once_and_told_in_their_order() throws IOException {
        var both = new CountDownLatch(2);
        for (var name : List.of("a", "b")) {
            engine.on("POST /containers/" + name + "/stop", exchange -> {
                both.countDown();
                try {
                    exchange.answer(both.await(20, TimeUnit.SECONDS) ? 204 : 500, "");
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }
        assertEquals(0, kist("stop", "a", "b"));
        assertEquals("a\nb\n", out());
    }

    @Test
    void start_names_those_that_did_not_start() throws IOException {
        engine.on("POST /containers/a/start", 204, "").on("POST /containers/b/start", 500, "{\"message\":\"no\"}");
        assertEquals(1, kist("start", "b", "a"));
        assertEquals("a\n", out());
        assertEquals("Error response from engine: no\nkist: failed to start containers: b\n", err());
    }

    @Test
    void start_and_run_can_wait_for_health() throws IOException {
        engine.on("POST /containers/a/start", 204, "")
                .on("POST /containers/a/wait?condition=healthy", 200, "{\"StatusCode\":0}")
                .on("POST /containers/create", 201, "{\"Id\":\"b\",\"Warnings\":[]}")
                .on("POST /containers/b/start", 204, "")
                .on(
                        "POST /containers/b/wait?condition=healthy",
                        200,
                        "{\"StatusCode\":1,\"Error\":{\"Message\":\"container b is unhealthy\"}}");
        assertEquals(0, kist("start", "--wait", "a"));
        assertEquals(1, kist("run", "-d", "--wait", "x"));
        assertEquals("b\n", out());
        assertTrue(err().contains("container b is unhealthy"), err());
        assertEquals(125, kist("run", "--wait", "x"));
    }

    @Test
    void wait_prints_the_status_of_each_and_knows_other_conditions() throws IOException {
        engine.on("POST /containers/a/wait", 200, "{\"StatusCode\":3}")
                .on("POST /containers/b/wait", 200, "{\"StatusCode\":0}");
        assertEquals(0, kist("wait", "a", "b"));
        assertEquals("3\n0\n", out());
        assertEquals(0, kist("wait", "--condition", "removed", "a"));
        assertEquals("POST /containers/a/wait?condition=removed", engine.requests.getLast());
    }

    @Test
    void update_sends_only_what_was_given() throws IOException {
        engine.on("POST /containers/a/update", 200, "{\"Warnings\":[\"careful\"]}");
        assertEquals(0, kist("update", "--memory", "64m", "--restart", "always", "a"));
        assertEquals("a\n", out());
        assertEquals("careful\n", err());
        assertEquals("{\"Memory\":67108864,\"RestartPolicy\":{\"Name\":\"always\"}}", engine.bodies.getLast());
        assertEquals(1, kist("update", "a"));
    }

    @Test
    void port_lists_what_is_published() throws IOException {
        engine.on("GET /containers/a/json", 200, """
                {"NetworkSettings":{"Ports":{"443/tcp":null,"8000/tcp":[{"HostIp":"::","HostPort":"1"}],
                 "80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]}}}""");
        assertEquals(0, kist("port", "a"));
        assertEquals("80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n8000/tcp -> [::]:1\n", out());
        assertEquals(0, kist("port", "a", "80"));
        assertEquals("0.0.0.0:8080\n[::]:8080\n", out());
        assertEquals(1, kist("port", "a", "443/tcp"));
        assertEquals("kist: no public port '443/tcp' published for a\n", err());
    }

    private static final String LISTED = """
            [{"Id":"0123456789abcdef","Names":["/web","/other/alias"],"Image":"sha256:0123456789abcdef","Command":"sh",
              "Created":1700000000,"State":"running","Status":"Up 3 seconds (unhealthy)",
              "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                       {"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                       {"IP":"0.0.0.0","PrivatePort":81,"PublicPort":81,"Type":"tcp"},
                       {"IP":"0.0.0.0","PrivatePort":82,"PublicPort":82,"Type":"tcp"},
                       {"PrivatePort":443,"Type":"tcp"},{"PrivatePort":444,"Type":"tcp"},{"PrivatePort":53,"Type":"udp"}],
              "Labels":{"a":"b","c.d-e":"f"},
              "Mounts":[{"Type":"volume","Name":"0123456789012345678901","Driver":"local"},{"Type":"bind","Source":"/a"}],
              "NetworkSettings":{"Networks":{"foo":{},"bridge":{}}},"SizeRw":1234,"SizeRootFs":4567890}]""";

    @Test
    void ps_has_all_of_dockers_fields() throws IOException {
        engine.on("GET /containers/json", 200, LISTED);
        assertEquals(
                0,
                kist(
                        "ps",
                        "--format",
                        "{{.Names}}|{{.Image}}|{{.Mounts}}|{{.LocalVolumes}}|{{.Networks}}|{{.Labels}}|{{.Label \"c.d-e\"}}"));
        assertEquals("web|0123456789ab|01234567890123…,/a|1|bridge,foo|a=b,c.d-e=f|f\n", out());
        assertEquals(0, kist("ps", "--format", "{{.Ports}}"));
        assertEquals("53/udp, 0.0.0.0:81-82->81-82/tcp, 443-444/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp\n", out());
        assertEquals(0, kist("ps", "-s", "--no-trunc"));
        assertEquals("GET /containers/json?all=0&size=1", engine.requests.getLast());
        assertTrue(out().contains("web,other/alias   1.23kB (virtual 4.57MB)"), out());
        assertEquals(0, kist("ps", "--format", "json"));
        assertTrue(out().startsWith("{\"Command\":\"\\\"sh\\\"\",\"CreatedAt\":\"2023-11-1"), out());
        assertFalse(out().contains("\"Label\""), out());
        assertEquals(0, kist("ps", "--format", "table {{.Names}}\\t{{.Label \"c.d-e\"}}"));
        assertEquals("NAMES     d e\nweb       f\n", out());
    }

    @Test
    void what_a_terminal_would_act_on_is_spelled_out() {
        assertEquals(
                "\"a\\\"b\\\\ \\n\\t\\x1b[2J é… \\u200b \\u0085\"",
                ListCommands.quoted("a\"b\\ \n\t\033[2J é… \u200b \u0085"));
    }

    @Test
    void colours_are_for_terminals_whose_owner_wants_them() throws IOException {
        engine.on("GET /containers/json", 200, LISTED).on("GET /containers/x/json", 404, "{\"message\":\"no\"}");
        terminals = "12";
        environment = Map.of("TERM", "xterm");
        assertEquals(0, kist("ps"));
        assertTrue(out().contains("\033[31mUp 3 seconds (unhealthy)\033[0m   "), out());
        var lines = out().split("\n");
        assertEquals(
                lines[0].indexOf("NAMES"),
                lines[1].replaceAll("\033\\[[0-9]*m", "").indexOf("web"),
                out());
        assertEquals(1, kist("port", "x"));
        assertTrue(err().startsWith("\033[31mError response from engine\033[0m: no"), err());
        environment = Map.of("TERM", "xterm", "NO_COLOR", "1");
        assertEquals(0, kist("ps"));
        assertFalse(out().contains("\033"), out());
        terminals = "";
        environment = Map.of("TERM", "xterm");
        assertEquals(0, kist("ps"));
        assertFalse(out().contains("\033"), out());
    }

    @Test
    void prune_asks_first_and_tells_what_went() throws IOException {
        engine.on("POST /containers/prune", 200, "{\"ContainersDeleted\":[\"c1\"],\"SpaceReclaimed\":1000}")
                .on("POST /networks/prune", 200, "{\"NetworksDeleted\":[\"n1\"]}")
                .on("POST /volumes/prune", 200, "{\"VolumesDeleted\":[],\"SpaceReclaimed\":500}")
                .on("POST /images/prune", 200, "{\"ImagesDeleted\":[{\"Untagged\":\"i:1\"}],\"SpaceReclaimed\":500}");
        input = "n\n";
        assertEquals(1, kist("container", "prune"));
        assertTrue(out().startsWith("WARNING! This will remove all stopped containers.\n"), out());
        assertEquals(List.of(), engine.requests);
        input = "y\n";
        assertEquals(0, kist("container", "prune", "--filter", "label=a"));
        assertTrue(out().endsWith("Deleted Containers:\nc1\n\nTotal reclaimed space: 1kB\n"), out());
        assertEquals(0, kist("system", "prune", "-af", "--volumes"));
        assertEquals(
                "Deleted Containers:\nc1\n\nDeleted Networks:\nn1\n\nDeleted Images:\nuntagged: i:1\n\n"
                        + "Total reclaimed space: 2kB\n",
                out());
        assertTrue(engine.requests.getLast().endsWith("filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D"));
        assertEquals(125, kist("system", "prune", "-f", "--volumes", "--filter", "until=1h"));
    }

    @Test
    void inspect_knows_types_and_sizes() throws IOException {
        engine.on("GET /networks/n", 200, "{\"Id\":\"n\"}")
                .on("GET /volumes/v", 200, "{\"Name\":\"v\"}")
                .on("GET /containers/c/json?size=1", 200, "{\"SizeRw\":5}");
        assertEquals(0, kist("inspect", "-f", "{{json .}}", "n", "v"));
        assertEquals("{\"Id\":\"n\"}\n{\"Name\":\"v\"}\n", out());
        assertEquals(0, kist("container", "inspect", "-s", "-f", "{{.SizeRw}}", "c"));
        assertEquals("5\n", out());
        assertEquals(1, kist("inspect", "--type", "secret", "c"));
        assertEquals(64, kist("inspect", "-f", "{{", "c"));
    }

    @Test
    void stats_compares_two_samples() throws IOException {
        engine.on("GET /containers/json?all=0", 200, "[{\"Id\":\"0123456789abcdef\",\"Names\":[\"/web\"]}]")
                .on("GET /containers/0123456789abcdef/stats?stream=0", 200, """
                        {"id":"0123456789abcdef","name":"/web",
                         "cpu_stats":{"cpu_usage":{"total_usage":300},"system_cpu_usage":2000,"online_cpus":4},
                         "precpu_stats":{"cpu_usage":{"total_usage":200},"system_cpu_usage":1000},
                         "memory_stats":{"usage":3145728,"limit":10485760,"stats":{"inactive_file":1048576}},
                         "networks":{"eth0":{"rx_bytes":1000,"tx_bytes":2000},"eth1":{"rx_bytes":234,"tx_bytes":0}},
                         "blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":5},{"op":"write","value":7},
                                                                      {"op":"Total","value":12}]},
                         "pids_stats":{"current":3}}""".replace("\n", " "));
        assertEquals(0, kist("stats", "--no-stream"));
        assertEquals("""
                CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O        BLOCK I/O   PIDS
                0123456789ab   web       40.00%    2MiB / 10MiB        20.00%    1.23kB / 2kB   5B / 7B     3
                """, out());
        assertEquals(0, kist("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}"));
        assertEquals("web 3\n", out());
        assertEquals(1, kist("stats", "--no-stream", "none"));
    }

    @Test
    void top_without_a_container_needs_a_terminal() throws IOException {
        assertEquals(1, kist("top"));
        assertTrue(err().contains("needs a terminal"), err());
    }

    @Test
    void a_group_lists_its_commands_and_refuses_others() throws IOException {
        assertEquals(0, kist("container", "--help"));
        assertTrue(out().contains("  prune     Remove all stopped containers\n"), out());
        assertEquals(0, kist("system"));
        assertEquals(1, kist("system", "fly"));
        assertEquals(
                "kist: unknown command: kist system fly\n\nRun 'kist system --help' for more information\n", err());
    }

    @Test
    void system_df_counts_volumes_in_both_forms_of_the_api() throws IOException {
        engine.on("GET /system/df", 200, """
                {"LayersSize":100,"Images":[{"Containers":1,"Size":60,"SharedSize":0}],"Containers":[],
                 "Volumes":[{"Name":"a","UsageData":{"RefCount":1,"Size":10}},{"Name":"b","UsageData":{"RefCount":0,"Size":30}}]}""");
        assertEquals(
                0,
                kist("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}"));
        assertEquals("""
                Images 1 1 100B 40B (40%)
                Containers 0 0 0B 0B
                Local Volumes 2 1 40B 30B (75%)
                Build Cache 0 0 0B 0B
                """, out());
        engine.on("GET /system/df", 200, """
                {"ImageUsage":{"TotalCount":1,"ActiveCount":1,"TotalSize":100,"Reclaimable":40},"ContainerUsage":{"TotalCount":0},
                 "VolumeUsage":{"TotalCount":2,"ActiveCount":1,"TotalSize":40,"Reclaimable":30,"Items":[{"Name":"a"}]}}""");
        assertEquals(0, kist("system", "df", "--format", "{{.Type}} {{.Size}} {{.Reclaimable}}"));
        assertTrue(out().startsWith("Images 100B 40B (40%)\n"), out());
        assertEquals(0, kist("system", "df", "-v", "--format", "{{range .Volumes}}{{.Name}}{{end}}"));
        assertEquals("a\n", out());
    }

    @Test
    void events_have_dockers_names_of_fields() throws IOException {
        var event =
                "{\"status\":\"start\",\"id\":\"c1\",\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"c1\","
                        + "\"Attributes\":{\"name\":\"web\"}},\"time\":1,\"timeNano\":1000000000}";
        engine.on("GET /events", 200, event + "\n");
        assertEquals(0, kist("events", "--format", "{{.Status}} {{.ID}} {{.Actor.Attributes.name}} {{.TimeNano}}"));
        assertEquals("start c1 web 1000000000\n", out());
        assertEquals(0, kist("events", "--format", "json"));
        assertEquals(event + "\n", out());
    }
}
