package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The list of containers: each filter, its limits, its columns; and what prune takes of them. */
@Tag("peer")
class ListTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command docker(String... arguments) {
        return engine.docker(arguments);
    }

    private static String run(String name, String... arguments) {
        return docker("run", "-d", "--name", name, "--network", "none")
                .with(arguments)
                .ok();
    }

    private static String create(String name, String... arguments) {
        return docker("create", "--name", name, "--network", "none")
                .with(arguments)
                .ok();
    }

    /** Names that pass a filter, in their order. */
    private static String all(String... filters) {
        var command = docker("ps", "-a", "--format", "{{.Names}}");
        for (var filter : filters) {
            command = command.with("--filter", filter);
        }
        return command.ok().replace('\n', ' ');
    }

    @AfterEach
    void images() {
        engine.removeContainers();
        docker("rmi", "-f", "child", "parent").run();
    }

    @Test
    void by_name_label_and_id() {
        var alpha = create("alpha", "-l", "kind=a", "-l", "both", "busybox");
        create("beta", "-l", "kind=b", "-l", "both", "busybox");
        create("alphabet", "busybox");
        assertEquals("alphabet alpha", all("name=alpha"));
        assertEquals("alpha", all("name=^alpha$"));
        assertEquals("alpha", all("name=^/alpha$"));
        assertEquals("alphabet beta alpha", all("name=alpha", "name=beta"));
        assertEquals("beta alpha", all("label=both"));
        assertEquals("beta", all("label=kind=b"));
        assertEquals("alpha", all("label=both", "label=kind=a"));
        assertEquals("", all("label=kind=c"));
        assertEquals("alpha", all("id=" + alpha.substring(0, 8)));
        assertEquals("alpha", all("id=" + alpha));
        assertEquals("", all("id=0000000000"));
    }

    @Test
    void by_status_and_exit_status() {
        run("up", "busybox", "sleep", "600");
        run("paused", "busybox", "sleep", "600");
        docker("pause", "paused").ok();
        run("failed", "busybox", "sh", "-c", "exit 3");
        run("fine", "busybox", "true");
        docker("wait", "failed", "fine").ok();
        create("created", "busybox");
        assertEquals("up", all("status=running"));
        assertEquals("paused", all("status=paused"));
        assertEquals("fine failed", all("status=exited"));
        assertEquals("created", all("status=created"));
        assertEquals("", all("status=restarting"));
        assertEquals("", all("status=dead"));
        assertEquals("created up", all("status=running", "status=created"));
        assertEquals("failed", all("exited=3"));
        assertEquals("fine failed", all("exited=0", "exited=3"));
        assertEquals(
                "up",
                docker("ps", "--filter", "status=running", "--format", "{{.Names}}")
                        .ok());
        assertEquals(
                "fine failed",
                docker("ps", "--filter", "status=exited", "--format", "{{.Names}}")
                        .ok()
                        .replace('\n', ' '));
        docker("ps", "--filter", "status=nonesuch").run().exits(1).says("nonesuch");
        docker("ps", "--filter", "exited=x").run().exits(1).says("x");
    }

    @Test
    void by_image_and_the_images_made_of_it() {
        create("plain", "busybox");
        docker("commit", "plain", "parent").ok();
        create("first", "parent");
        docker("commit", "first", "child").ok();
        create("second", "child");
        assertEquals("second first plain", all("ancestor=busybox"));
        assertEquals("second first", all("ancestor=parent"));
        assertEquals("second", all("ancestor=child:latest"));
        var id = docker("images", "-q", "--no-trunc", "child").ok();
        assertEquals("second", all("ancestor=" + id));
        assertEquals("", all("ancestor=nonesuch"));
    }

    @Test
    void by_volume_network_and_ports() {
        docker("create", "--name", "mounted", "-v", "listed:/data", "--network", "none", "busybox")
                .ok();
        docker("run", "-d", "--name", "open", "-p", "127.0.0.1:28441:80", "--expose", "90", "busybox", "sleep", "600")
                .ok();
        assertEquals("mounted", all("volume=listed"));
        assertEquals("mounted", all("volume=/data"));
        assertEquals("", all("volume=/other"));
        assertEquals("open", all("network=bridge"));
        assertEquals("mounted", all("network=none"));
        var id = docker("network", "inspect", "-f", "{{.Id}}", "bridge").ok();
        assertEquals("open", all("network=" + id));
        assertEquals("open", all("publish=28441"));
        assertEquals("open", all("expose=80/tcp"));
        assertEquals("open", all("expose=90"));
        assertEquals("open", all("expose=85-95/tcp"));
        assertEquals("", all("expose=80/udp"));
        docker("rm", "mounted").ok();
        docker("volume", "rm", "listed").ok();
    }

    @Test
    void before_since_last_and_limit() {
        create("one", "busybox");
        create("two", "busybox");
        create("three", "busybox");
        assertEquals("one", all("before=two"));
        assertEquals("three", all("since=two"));
        assertEquals("two", all("since=one", "before=three"));
        docker("ps", "-a", "--filter", "before=missing").run().exits(1).says("missing");
        assertEquals("three", docker("ps", "-l", "--format", "{{.Names}}").ok());
        assertEquals(
                "three\ntwo", docker("ps", "-n", "2", "--format", "{{.Names}}").ok());
        assertEquals(
                1,
                engine.api()
                        .get("/containers/json?limit=1")
                        .expect(200)
                        .json()
                        .list()
                        .size());
        // a limit shows the stopped ones as well
        assertEquals(
                3,
                engine.api()
                        .get("/containers/json?limit=9")
                        .expect(200)
                        .json()
                        .list()
                        .size());
        assertEquals(
                0,
                engine.api().get("/containers/json").expect(200).json().list().size());
    }

    @Test
    void sizes_only_where_they_are_asked_for() {
        run("sized", "busybox", "sh", "-c", "head -c 200000 /dev/zero >/file; sleep 600");
        Wait.until("the file", () -> {
            var sized = engine.api()
                    .get("/containers/json?size=1")
                    .expect(200)
                    .json()
                    .list()
                    .getFirst();
            return sized.number("SizeRw") >= 200_000 && sized.number("SizeRootFs") > sized.number("SizeRw");
        });
        var plain =
                engine.api().get("/containers/json").expect(200).json().list().getFirst();
        assertFalse(plain.at("SizeRw").present(), "" + plain);
        assertTrue(docker("ps", "-s").ok().contains("(virtual "));
        var inspected =
                engine.api().get("/containers/sized/json?size=1").expect(200).json();
        assertTrue(inspected.number("SizeRw") >= 200_000, "" + inspected.at("SizeRw"));
        assertFalse(engine.inspect("sized").at("SizeRw").present());
    }

    @Test
    void an_entry_has_every_member_that_clients_read() {
        var id = docker(
                        "run",
                        "-d",
                        "--name",
                        "full",
                        "-l",
                        "tier=front",
                        "-p",
                        "127.0.0.1:28442:80/tcp",
                        "-v",
                        "/var/tmp:/host:ro",
                        "busybox",
                        "sleep",
                        "600")
                .ok();
        var entry = engine.api()
                .get("/v1.41/containers/json")
                .expect(200)
                .json()
                .list()
                .getFirst();
        assertEquals(id, entry.text("Id"));
        assertEquals(List.of("/full"), entry.texts("Names"));
        assertEquals("busybox", entry.text("Image"));
        assertTrue(entry.text("ImageID").matches("sha256:[0-9a-f]{64}"));
        assertEquals("sleep 600", entry.text("Command"));
        assertTrue(entry.number("Created") > 1_600_000_000);
        assertEquals("running", entry.text("State"));
        assertTrue(entry.text("Status").startsWith("Up "));
        assertEquals("front", entry.text("Labels", "tier"));
        assertEquals("default", entry.text("HostConfig", "NetworkMode"));
        assertTrue(
                entry.text("NetworkSettings", "Networks", "bridge", "IPAddress").matches("[0-9.]+"));
        var port = entry.list("Ports").getFirst();
        assertEquals("127.0.0.1", port.text("IP"));
        assertEquals(80, port.number("PrivatePort"));
        assertEquals(28442, port.number("PublicPort"));
        assertEquals("tcp", port.text("Type"));
        var mount = entry.list("Mounts").getFirst();
        assertEquals("bind", mount.text("Type"));
        assertEquals("/var/tmp", mount.text("Source"));
        assertEquals("/host", mount.text("Destination"));
        assertFalse(mount.flag("RW"));
    }

    @Test
    void formats_of_the_command() {
        var id = create("formatted", "-l", "tier=front", "busybox", "echo", "a long command that is cut somewhere");
        assertEquals(
                "NAMES       STATE\nformatted   created",
                docker("ps", "-a", "--format", "table {{.Names}}\\t{{.State}}").ok());
        assertEquals(id.substring(0, 12), docker("ps", "-aq").ok());
        assertEquals(id, docker("ps", "-aq", "--no-trunc").ok());
        assertEquals(
                "front FORMATTED",
                docker("ps", "-a", "--format", "{{.Label \"tier\"}} {{upper .Names}}")
                        .ok());
        assertTrue(
                docker("ps", "-a").ok().contains("\"echo 'a long comman…\""),
                docker("ps", "-a").ok());
        assertTrue(docker("ps", "-a", "--no-trunc").ok().contains("\"echo 'a long command that is cut somewhere'\""));
        assertEquals(
                "formatted",
                Json.parse(docker("ps", "-a", "--format", "{{json .}}").ok()).text("Names"));
    }

    @Test
    void filters_that_are_none_are_refused() {
        docker("ps", "--filter", "nonesuch=1").run().exits(1).says("nonesuch");
        for (var filters : List.of("{", "[]", "{\"name\":5}", "{\"nonesuch\":[\"1\"]}")) {
            var answer =
                    engine.api().get("/containers/json?filters=" + URLEncoder.encode(filters, StandardCharsets.UTF_8));
            // dockerd 20.10 takes some of them for faults of its own
            assertTrue(
                    answer.status() == 400 || answer.status() == 500 && !engine.isKist(),
                    filters + ": " + answer.text());
        }
        assertTrue(engine.api().get("/containers/json?limit=x").status() >= 400);
    }

    @Test
    void filters_may_be_maps_as_well_as_lists() {
        create("mapped", "busybox");
        create("other", "busybox");
        for (var filters : List.of("{\"name\":[\"mapped\"]}", "{\"name\":{\"mapped\":true}}")) {
            assertEquals(
                    1,
                    engine.api()
                            .get("/containers/json?all=1&filters=" + URLEncoder.encode(filters, StandardCharsets.UTF_8))
                            .expect(200)
                            .json()
                            .list()
                            .size());
        }
    }

    @Test
    void prune_takes_the_stopped_ones_that_pass() {
        run("up", "busybox", "sleep", "600");
        run("labelled", "-l", "keep=yes", "busybox", "true");
        run("plain", "busybox", "true");
        docker("wait", "labelled", "plain").ok();
        create("created", "busybox");
        var until = prune(Map.of("until", List.of("1h")));
        assertEquals(0, until.list("ContainersDeleted").size(), "" + until);
        var others = prune(Map.of("label!", List.of("keep")));
        assertEquals(2, others.list("ContainersDeleted").size(), "" + others);
        assertTrue(others.at("SpaceReclaimed").present());
        assertEquals("labelled up", all());
        var labelled = prune(Map.of("label", List.of("keep=yes")));
        assertEquals(1, labelled.list("ContainersDeleted").size());
        assertEquals("up", all());
        engine.api()
                .post("/containers/prune?filters=%7B%22nonesuch%22%3A%5B%22x%22%5D%7D", "")
                .expect(400);
        var soon = engine.api().post("/containers/prune?filters=%7B%22until%22%3A%5B%22soon%22%5D%7D", "");
        assertTrue(soon.status() >= 400 && soon.message().contains("soon"), soon.text());
    }

    private static Json prune(Map<String, List<String>> filters) {
        return engine.api()
                .post("/containers/prune?filters=" + URLEncoder.encode(Json.write(filters), StandardCharsets.UTF_8), "")
                .expect(200)
                .json();
    }

    @Test
    void names_are_made_up_where_none_is_given_and_each_once() {
        var names = new TreeSet<String>();
        for (int i = 0; i < 8; i++) {
            names.add(engine.inspect(docker("create", "busybox").ok()).text("Name"));
        }
        assertEquals(8, names.size());
        names.forEach(name -> assertTrue(name.matches("/[a-z]+_[a-z]+[0-9]*"), name));
    }
}
