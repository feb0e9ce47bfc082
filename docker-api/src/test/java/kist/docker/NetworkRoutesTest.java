package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import kist.engine.Caller;
import kist.engine.Engine;
import kist.engine.EngineException;
import kist.engine.NetworkConfig;
import kist.engine.NetworkRequest;
import kist.engine.NetworkView;
import kist.engine.Request;
import kist.http.HttpServer;
import kist.http.Peer;
import kist.network.Endpoint;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Networks over the wire, and what the engine is asked. */
@Timeout(30)
class NetworkRoutesTest {
    private static final String ID = "ab".repeat(32);

    private final List<Request<?>> requests = Collections.synchronizedList(new ArrayList<>());

    @TempDir
    Path directory;

    private Path socket = Path.of("");
    private HttpServer server;

    /** Has the networks bridge and shop. */
    private final class Fake implements Engine {
        @Override
        @SuppressWarnings("unchecked")
        public <R> R call(Caller caller, Request<R> request) {
            requests.add(request);
            return (R)
                    switch (request) {
                        case NetworkRequest.ListNetworks r -> List.of(view("bridge", true), view("shop", false));
                        case NetworkRequest.InspectNetwork r -> {
                            if (!r.ref().equals("shop")) {
                                throw new EngineException(
                                        EngineException.Kind.NOT_FOUND, "network " + r.ref() + " not found");
                            }
                            yield view("shop", false);
                        }
                        case NetworkRequest.CreateNetwork r -> ID;
                        case NetworkRequest.PruneNetworks r -> List.of("shop");
                        default -> Request.Done.DONE;
                    };
        }

        @Override
        public String storageDriver() {
            return "overlay";
        }

        @Override
        public void close() {}
    }

    private static NetworkView view(String name, boolean predefined) {
        NetworkConfig config = new NetworkConfig(
                name,
                "bridge",
                false,
                true,
                true,
                false,
                "",
                Map.of(),
                List.of(new NetworkConfig.Pool("10.1.0.0/24", "10.1.0.0/28", "", Map.of("a", "10.1.0.9"))),
                Map.of(),
                Map.of("app", name));
        return new NetworkView(
                ID,
                config,
                1_700_000_000_000_000_000L,
                "10.1.0.0/24",
                "10.1.0.1",
                "kn-1",
                Map.of(
                        "c1",
                        new NetworkView.Member(
                                "web",
                                new Endpoint(name, ID, "e1", "veth", "10.1.0.2", 24, "10.1.0.1", "02:42:0a:01:00:02"))),
                predefined);
    }

    @BeforeEach
    void open() throws IOException {
        socket = directory.resolve("docker.sock");
        server = DockerDoor.open(socket, new Fake(), "0.1.0", channel -> new Peer(1000, 1001, 77));
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private String ask(String method, String path, String body) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            client.say(method + " " + path + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: "
                    + bytes.length + "\r\n\r\n");
            client.say(bytes);
            return client.rest();
        }
    }

    private void status(int wanted, String answer) {
        assertTrue(answer.startsWith("HTTP/1.1 " + wanted + " "), answer);
    }

    @Test
    void aNetworkIsShownAsDockerShowsIt() throws IOException {
        String answer = ask("GET", "/v1.41/networks/shop", "");
        status(200, answer);
        for (String part : List.of(
                "\"Name\":\"shop\"",
                "\"Scope\":\"local\"",
                "\"Config\":[{\"Subnet\":\"10.1.0.0/24\",\"IPRange\":\"10.1.0.0/28\",\"Gateway\":\"10.1.0.1\","
                        + "\"AuxiliaryAddresses\":{\"a\":\"10.1.0.9\"}}]",
                "\"Attachable\":true",
                "\"c1\":{\"Name\":\"web\",\"EndpointID\":\"e1\",\"MacAddress\":\"02:42:0a:01:00:02\","
                        + "\"IPv4Address\":\"10.1.0.2/24\"",
                "\"Labels\":{\"app\":\"shop\"}")) {
            assertTrue(answer.contains(part), part + " in " + answer);
        }
        status(404, ask("GET", "/networks/none", ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"name\":[\"sho\"]}|shop",
                "{\"type\":[\"builtin\"]}|bridge",
                "{\"type\":[\"custom\"]}|shop",
                "{\"label\":[\"app=shop\"]}|shop",
                "{\"label\":[\"app\"]}|bridge,shop",
                "{\"driver\":[\"macvlan\"]}|",
                "{\"dangling\":[\"true\"]}|",
            })
    void theListIsFiltered(String filters, String names) throws IOException {
        String query = java.net.URLEncoder.encode(filters, StandardCharsets.UTF_8);
        String answer = ask("GET", "/networks?filters=" + query, "");
        status(200, answer);
        for (String name : List.of("bridge", "shop")) {
            boolean wanted = names != null && List.of(names.split(",")).contains(name);
            assertEquals(wanted, answer.contains("\"Name\":\"" + name + "\""), answer);
        }
    }

    @Test
    void everyFieldOfCreateReachesTheEngine() throws IOException {
        String answer = ask(
                "POST",
                "/networks/create",
                "{\"Name\":\"n\",\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"Internal\":true,\"Attachable\":true,"
                        + "\"Ingress\":false,\"EnableIPv6\":false,\"Options\":{\"o\":\"1\"},\"Labels\":{\"l\":\"2\"},"
                        + "\"IPAM\":{\"Driver\":\"default\",\"Options\":{},\"Config\":[{\"Subnet\":\"10.2.0.0/24\","
                        + "\"IPRange\":\"10.2.0.0/28\",\"Gateway\":\"10.2.0.1\",\"AuxAddress\":{\"x\":\"10.2.0.2\"}}]}}");
        status(201, answer);
        assertTrue(answer.contains("{\"Id\":\"" + ID + "\",\"Warning\":\"\"}"), answer);
        assertEquals(
                new NetworkRequest.CreateNetwork(new NetworkConfig(
                        "n",
                        "bridge",
                        true,
                        true,
                        true,
                        false,
                        "default",
                        Map.of(),
                        List.of(new NetworkConfig.Pool(
                                "10.2.0.0/24", "10.2.0.0/28", "10.2.0.1", Map.of("x", "10.2.0.2"))),
                        Map.of("o", "1"),
                        Map.of("l", "2"))),
                requests.getLast());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"Name\":5}|400",
                "{\"Name\":\"n\",\"Ingress\":true}|501",
                "{\"Name\":\"n\",\"ConfigOnly\":true}|501",
                "{\"Name\":\"n\",\"Scope\":\"swarm\"}|501",
                "{\"Name\":\"n\",\"Nonsense\":1}|400",
                "{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":7}]}}|400",
                "{|400",
            })
    void whatIsWrongWithCreateIsRefused(String body, int status) throws IOException {
        status(status, ask("POST", "/networks/create", body));
        assertEquals(List.of(), requests);
    }

    @Test
    void containersAreConnectedAndDisconnected() throws IOException {
        status(
                200,
                ask(
                        "POST",
                        "/networks/shop/connect",
                        "{\"Container\":\"web\",\"EndpointConfig\":{\"Aliases\":[\"www\"],"
                                + "\"IPAMConfig\":{\"IPv4Address\":\"10.1.0.7\"}}}"));
        NetworkRequest.ConnectContainer r = (NetworkRequest.ConnectContainer) requests.getLast();
        assertEquals(List.of("www"), r.wish().aliases());
        assertEquals("10.1.0.7", r.wish().ipv4Address());
        status(200, ask("POST", "/networks/shop/disconnect", "{\"Container\":\"web\",\"Force\":true}"));
        assertEquals(new NetworkRequest.DisconnectContainer("shop", "web", true), requests.getLast());
        status(400, ask("POST", "/networks/shop/connect", "{}"));
    }

    @Test
    void networksAreRemovedAndPruned() throws IOException {
        status(204, ask("DELETE", "/networks/shop", ""));
        assertEquals(new NetworkRequest.RemoveNetwork("shop"), requests.getLast());
        String filters = java.net.URLEncoder.encode("{\"label!\":[\"keep\",\"a=b\"]}", StandardCharsets.UTF_8);
        String answer = ask("POST", "/networks/prune?filters=" + filters, "");
        assertTrue(answer.endsWith("{\"NetworksDeleted\":[\"shop\"]}"), answer);
        assertEquals(new NetworkRequest.PruneNetworks(0, Map.of(), Map.of("keep", "", "a", "b")), requests.getLast());
        status(404, ask("PUT", "/networks/shop", ""));
    }
}
