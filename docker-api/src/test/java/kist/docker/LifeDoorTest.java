package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kist.engine.ContainerConfigBuilder;
import kist.engine.ContainerView;
import kist.engine.ContainerView.State;
import kist.engine.ContainerViewBuilder;
import kist.engine.HealthView;
import kist.engine.Request;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What clients see of a container's life: health, restarts, statistics, lists. */
@Timeout(30)
class LifeDoorTest extends OpenDoor {
    private String ask(String method, String path, String body) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            client.say(method + " " + path + " HTTP/1.0\r\nHost: d\r\nContent-Length: " + body.length() + "\r\n\r\n"
                    + body);
            String text = client.rest();
            return text.substring(text.indexOf("\r\n\r\n") + 4);
        }
    }

    private String create(String name) throws IOException {
        String answer = ask("POST", "/containers/create?name=" + name, "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\"]}");
        return String.valueOf(
                Json.parse(answer.getBytes(StandardCharsets.UTF_8)).get("Id"));
    }

    private void become(String id, java.util.function.UnaryOperator<ContainerViewBuilder> change) {
        FakeEngine.Fake fake = java.util.Objects.requireNonNull(engine.containers.get(id));
        fake.view = change.apply(ContainerViewBuilder.builder(fake.view)).build();
    }

    private List<String> listed(String filters) throws IOException {
        String text =
                ask("GET", "/containers/json?all=1&filters=" + URLEncoder.encode(filters, StandardCharsets.UTF_8), "");
        List<String> names = new ArrayList<>();
        Object list = Json.parse(("{\"list\":" + text + "}").getBytes(StandardCharsets.UTF_8))
                .get("list");
        for (Object one : (List<?>) list) {
            names.add(String.valueOf(((List<?>) ((Map<?, ?>) one).get("Names")).getFirst())
                    .substring(1));
        }
        return names.stream().sorted().toList();
    }

    @Test
    void inspectAndListTellOfHealthAndRestarts() throws IOException {
        String id = create("web");
        become(
                id,
                v -> v.state(State.RUNNING)
                        .startedNanos(System.currentTimeMillis() * 1_000_000 - 5_000_000_000L)
                        .restarts(3)
                        .health(java.util.Optional.of(new HealthView(
                                HealthView.HEALTHY,
                                0,
                                List.of(new HealthView.Check(1_000_000_000L, 2_000_000_000L, 0, "fine"))))));
        String inspected = ask("GET", "/containers/web/json", "");
        assertTrue(
                inspected.contains(
                        "\"Health\":{\"Status\":\"healthy\",\"FailingStreak\":0,\"Log\":[{\"Start\":"
                                + "\"1970-01-01T00:00:01Z\",\"End\":\"1970-01-01T00:00:02Z\",\"ExitCode\":0,\"Output\":\"fine\"}]}"),
                inspected);
        assertTrue(inspected.contains("\"RestartCount\":3"), inspected);
        assertTrue(ask("GET", "/containers/json", "").contains("\"Status\":\"Up 5 seconds (healthy)\""));
        become(id, v -> v.health(java.util.Optional.of(new HealthView(HealthView.STARTING, 0, List.of()))));
        assertTrue(ask("GET", "/containers/json", "").contains("(health: starting)"));
        become(id, v -> v.state(State.RESTARTING).exitCode(7).finishedNanos(System.currentTimeMillis() * 1_000_000));
        assertTrue(ask("GET", "/containers/json?all=1", "")
                .contains("\"Status\":\"Restarting (7) Less than a second ago\""));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"health":["healthy"]}                     | web
            {"health":["none"]}                        | db,old
            {"health":["none","healthy"]}              | db,old,web
            {"publish":["8080"]}                       | web
            {"publish":["8070-8090/tcp"]}              | web
            {"publish":["8080/udp"]}                   | ''
            {"expose":["5432"]}                        | db
            {"exited":["3"]}                           | old
            {"exited":["0","3"]}                       | old
            {"status":["running"]}                     | db,web
            {"ancestor":["busybox"]}                   | db,old,web
            {"ancestor":["nosuch"]}                    | ''
            {"since":["old"]}                          | db,web
            {"before":["db"]}                          | old
            {"is-task":["false"],"name":["^/w"]}       | web
            {"isolation":["hyperv"]}                   | ''
            """)
    void everyFilterOfTheListCounts(String filters, String names) throws IOException {
        String old = create("old");
        String db = create("db");
        String web = create("web");
        become(old, v -> v.createdNanos(1).state(State.EXITED).exitCode(3));
        become(
                db,
                v -> v.createdNanos(2)
                        .state(State.RUNNING)
                        .config(ContainerConfigBuilder.builder(config(db))
                                .exposedPorts(List.of("5432/tcp"))
                                .build()));
        become(
                web,
                v -> v.createdNanos(3)
                        .state(State.RUNNING)
                        .health(java.util.Optional.of(new HealthView(HealthView.HEALTHY, 0, List.of())))
                        .published(List.of(new kist.network.Publication("tcp", "0.0.0.0", 8080, "172.29.0.2", 80))));
        assertEquals(names, String.join(",", listed(filters)));
    }

    private kist.engine.ContainerConfig config(String id) {
        ContainerView view = java.util.Objects.requireNonNull(engine.containers.get(id)).view;
        return view.config();
    }

    @Test
    void sizesAreMeasuredWhereTheyAreAskedFor() throws IOException {
        create("web");
        assertTrue(ask("GET", "/containers/web/json?size=1", "").contains("\"SizeRw\":7,\"SizeRootFs\":1007"));
        assertFalse(ask("GET", "/containers/web/json", "").contains("SizeRw"));
    }

    @Test
    void statisticsAreDockersWithTheSampleBeforeInThem() throws IOException {
        String id = create("web");
        String stopped = ask("GET", "/containers/web/stats?stream=0", "");
        assertTrue(
                stopped.contains("\"read\":\"0001-01-01T00:00:00Z\"") && stopped.contains("\"memory_stats\":{}"),
                stopped);
        become(id, v -> v.state(State.RUNNING));
        String twice = ask("GET", "/containers/web/stats?stream=false", "");
        for (String part : List.of(
                "\"name\":\"/web\"",
                "\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":2000000,\"usage_in_kernelmode\":400,\"usage_in_usermode\":600,"
                        + "\"percpu_usage\":[1,2]},\"system_cpu_usage\":2000000000,\"online_cpus\":2",
                "\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":1000000",
                "\"memory_stats\":{\"usage\":2000,\"max_usage\":5000,\"failcnt\":0,\"stats\":{\"cache\":3},\"limit\":1073741824}",
                "\"pids_stats\":{\"current\":4,\"limit\":100}",
                "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":22}",
                "\"networks\":{\"eth0\":{\"rx_bytes\":1,\"rx_packets\":2,\"rx_errors\":3,\"rx_dropped\":4,\"tx_bytes\":5,")) {
            assertTrue(twice.contains(part), part + " in " + twice);
        }
        String once = ask("GET", "/containers/web/stats?stream=0&one-shot=1", "");
        assertTrue(once.contains("\"preread\":\"0001-01-01T00:00:00Z\""), once);
        assertEquals(2, ask("GET", "/containers/web/stats", "").strip().split("\n").length, "until it is removed");
    }

    @Test
    void theWaitForHealthIsAConditionOfItsOwn() throws IOException {
        create("web");
        ask("POST", "/containers/web/start", "");
        ask("POST", "/containers/web/kill", "");
        ask("POST", "/containers/web/wait?condition=healthy", "");
        assertEquals(new Request.WaitContainer("web", Request.WaitCondition.HEALTHY), engine.requests.getLast());
        assertTrue(ask("POST", "/containers/web/wait?condition=rich", "").contains("removed or healthy is wanted"));
    }

    @Test
    void infoHasForOldClientsWhatNewOnesNoLongerSee() throws IOException {
        String old = ask("GET", "/v1.24/info", "");
        assertTrue(old.contains("\"KernelMemory\":false") && old.contains("BridgeNfIptables"), old);
        assertFalse(old.contains("name=seccomp"), old);
        String now = ask("GET", "/v1.51/info", "");
        assertFalse(now.contains("KernelMemory") || now.contains("BridgeNfIptables"), now);
        assertTrue(now.contains("\"OSVersion\":\"13\""), now);
    }
}
