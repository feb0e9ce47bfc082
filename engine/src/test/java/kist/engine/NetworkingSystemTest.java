package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import kist.engine.ContainerConfig.EndpointConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Networks as containers see them, on the real kernel. */
@Timeout(120)
class NetworkingSystemTest {
    private static final String SERVE = "while busybox true; do echo hello | busybox nc -l -p 80; done";
    private static final String WAIT = "sleep 600";

    private LiveEngine engine;

    @BeforeEach
    void open(@TempDir Path directory) throws Exception {
        engine = new LiveEngine(directory);
    }

    @AfterEach
    void close() throws Exception {
        for (ContainerView c : engine.call(new Request.ListContainers(true))) {
            engine.remove(c.id());
        }
        engine.call(new NetworkRequest.PruneNetworks(0, Map.of(), Map.of()));
        engine.close();
    }

    private String network(String name) throws InterruptedException {
        return engine.call(new NetworkRequest.CreateNetwork(NetworkConfig.of(name)));
    }

    private static ContainerConfig in(String network, String command, String... aliases) {
        return host(
                ContainerConfigBuilder.builder(ContainerConfig.of("busybox", "sh", "-c", command))
                        .endpoints(
                                aliases.length == 0
                                        ? Map.of()
                                        : Map.of(
                                                network,
                                                new EndpointConfig(
                                                        "",
                                                        "",
                                                        List.of(),
                                                        List.of(),
                                                        List.of(aliases),
                                                        "",
                                                        Map.of(),
                                                        0)))
                        .build(),
                h -> h.network(network));
    }

    private static ContainerConfig host(ContainerConfig config, UnaryOperator<HostConfigBuilder> more) {
        return config.withHost(
                more.apply(HostConfigBuilder.builder(config.host())).build());
    }

    /** What a command in a new container of a network says, with its exit code. */
    private String ask(String network, String command) throws Exception {
        return ask(in(network, command + " 2>&1; echo =$?"));
    }

    private String ask(ContainerConfig config) throws Exception {
        String id = engine.run("", config);
        LiveEngine.until("the end of " + config.command(), () -> engine.view(id).state() == ContainerView.State.EXITED);
        String said = engine.logs(id);
        engine.remove(id);
        return said;
    }

    private static String connect(int port) {
        try (Socket s = new Socket()) {
            s.connect(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 2000);
            s.setSoTimeout(2000);
            s.shutdownOutput();
            return new String(s.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    private EngineException refused(EngineException.Kind kind, String word, Request<?> request) {
        EngineException e = assertThrows(EngineException.class, () -> engine.call(request));
        assertEquals(kind, e.kind(), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).contains(word), e.getMessage());
        return e;
    }

    @Test
    void containersOfANetworkFindEachOtherByNameAliasAndAddress() throws Exception {
        network("shop");
        network("other");
        String db = engine.run("db", in("shop", SERVE, "database", "DB2"));
        String address = engine.view("db").endpoints().getFirst().address();
        for (String name : List.of("db", "database", "db2", "db.shop", db.substring(0, 12), address)) {
            String said = ask("shop", "busybox nc " + name + " 80 </dev/null");
            assertTrue(said.startsWith("hello"), name + ": " + said);
        }
        assertTrue(ask("shop", "busybox nslookup " + address).contains("db.shop"));
        assertFalse(ask("other", "busybox nslookup db").contains(address), "not from another network");
        assertFalse(
                ask("other", "busybox nc -w 2 " + address + " 80 </dev/null").contains("hello"));
        assertFalse(
                ask("bridge", "busybox nc -w 2 " + address + " 80 </dev/null").contains("hello"));
        engine.call(new Request.RenameContainer("db", "store"));
        assertTrue(ask("shop", "busybox nslookup store").contains(address));
        engine.stop("store");
        assertFalse(ask("shop", "busybox nslookup database").contains(address), "nobody's name any more");
    }

    @Test
    void aRunningContainerIsConnectedAndDisconnected() throws Exception {
        String shop = network("shop");
        engine.run("db", in("shop", SERVE));
        engine.run("web", in("bridge", WAIT));
        assertEquals(1, engine.view("web").endpoints().size());
        engine.call(new NetworkRequest.ConnectContainer(
                shop, "web", new EndpointConfig("", "", List.of(), List.of(), List.of("www"), "", Map.of(), 0)));
        ContainerView web = engine.view("web");
        assertEquals(2, web.endpoints().size());
        String resolver = Files.readString(engine.inside("web", "/etc/resolv.conf"));
        assertTrue(resolver.contains("nameserver 127.0.0.11\n"), resolver);
        assertTrue(Files.readString(engine.inside("web", "/etc/hosts"))
                .contains(web.endpoints().get(1).address()));
        assertTrue(ask("shop", "busybox nslookup www")
                .contains(web.endpoints().get(1).address()));
        assertEquals(
                List.of("db", "web"),
                engine.call(new NetworkRequest.InspectNetwork("shop")).members().values().stream()
                        .map(NetworkView.Member::containerName)
                        .sorted()
                        .toList());
        refused(
                EngineException.Kind.PERMISSION_DENIED,
                "already exists",
                new NetworkRequest.ConnectContainer("shop", "web", EndpointConfig.DEFAULT));
        refused(
                EngineException.Kind.PERMISSION_DENIED,
                "has active endpoints",
                new NetworkRequest.RemoveNetwork("shop"));
        engine.restart();
        assertEquals(2, engine.view("web").endpoints().size());
        assertTrue(
                ask("shop", "busybox nslookup www")
                        .contains(web.endpoints().get(1).address()),
                "after a restart");
        engine.call(new NetworkRequest.DisconnectContainer("bridge", "web", false));
        assertEquals(List.of("shop"), names("web"));
        engine.call(new NetworkRequest.DisconnectContainer("shop", "web", false));
        assertEquals(List.of(), names("web"));
        refused(
                EngineException.Kind.PERMISSION_DENIED,
                "is not connected",
                new NetworkRequest.DisconnectContainer("shop", "web", false));
        engine.call(new NetworkRequest.ConnectContainer("bridge", "web", EndpointConfig.DEFAULT));
        engine.stop("web");
        engine.call(new NetworkRequest.ConnectContainer("shop", "web", EndpointConfig.DEFAULT));
        engine.call(new Request.StartContainer("web"));
        assertEquals(List.of("bridge", "shop"), names("web"));
        engine.stop("web");
        engine.stop("db");
        engine.call(new NetworkRequest.RemoveNetwork("shop"));
        refused(EngineException.Kind.NOT_FOUND, "not found", new NetworkRequest.InspectNetwork("shop"));
    }

    private List<String> names(String container) throws InterruptedException {
        return engine.view(container).endpoints().stream()
                .map(kist.network.Endpoint::network)
                .toList();
    }

    @Test
    void portsArePublishedWhileTheContainerRunsAndTheEngineComesAndGoes() throws Exception {
        network("shop");
        for (String network : List.of("bridge", "shop")) {
            int port;
            try (ServerSocket free = new ServerSocket(0)) {
                port = free.getLocalPort();
            }
            ContainerConfig config = ContainerConfigBuilder.builder(in(network, SERVE))
                    .exposedPorts(List.of("80/tcp", "81/udp"))
                    .build();
            ContainerConfig published = host(
                    config,
                    h -> h.ports(List.of(new HostConfig.PortBinding("80/tcp", "", Integer.toString(port))))
                            .publishAllPorts(true));
            engine.run("web", published);
            ContainerView view = engine.view("web");
            assertEquals(port, view.published().getFirst().hostPort());
            assertEquals(2, view.published().size());
            assertEquals("udp", view.published().get(1).protocol());
            LiveEngine.until("an answer", () -> connect(port).equals("hello\n"));
            String other = engine.create("other", published);
            EngineException taken = refused(
                    EngineException.Kind.INTERNAL, "port is already allocated", new Request.StartContainer(other));
            assertTrue(String.valueOf(taken.getMessage()).contains("0.0.0.0:" + port), taken.getMessage());
            engine.restart();
            LiveEngine.until(
                    "an answer after the engine's restart", () -> connect(port).equals("hello\n"));
            assertEquals(view.published(), engine.view("web").published());
            refused(EngineException.Kind.INTERNAL, "allocated", new Request.StartContainer(other));
            engine.stop("web");
            assertEquals("", connect(port));
            assertEquals(List.of(), engine.view("web").published());
            engine.call(new Request.StartContainer(other));
            LiveEngine.until("the other's answer", () -> connect(port).equals("hello\n"));
            engine.remove("other");
            engine.remove("web");
        }
    }

    @Test
    void aNetworkOutlivesTheEngineAndAnInternalOneHasNoWayOut() throws Exception {
        NetworkConfig wish = new NetworkConfig(
                "inner",
                "bridge",
                true,
                false,
                true,
                false,
                "",
                Map.of(),
                List.of(new NetworkConfig.Pool("10.248.77.0/24", "", "10.248.77.254", Map.of())),
                Map.of("com.docker.network.driver.mtu", "1400"),
                Map.of("a", "b"));
        String id = engine.call(new NetworkRequest.CreateNetwork(wish));
        engine.restart();
        NetworkView view = engine.call(new NetworkRequest.InspectNetwork(id.substring(0, 10)));
        assertEquals("10.248.77.254", view.gateway());
        assertEquals(Map.of("a", "b"), view.config().labels());
        engine.run("peer", in("inner", SERVE));
        assertTrue(ask("inner", "busybox nc peer 80 </dev/null").startsWith("hello"));
        assertTrue(ask("inner", "busybox nslookup nobody.example").contains("NXDOMAIN"));
        assertFalse(ask("inner", "busybox ip route").contains("default"));
        assertTrue(ask("inner", "busybox ip link").contains("mtu 1400"));
        String fixed = ask(ContainerConfigBuilder.builder(in("inner", "busybox ip address"))
                .endpoints(Map.of(
                        "inner",
                        new EndpointConfig(
                                "10.248.77.9", "", List.of(), List.of(), List.of(), "02:00:00:00:00:09", Map.of(), 0)))
                .build());
        assertTrue(fixed.contains("10.248.77.9/24") && fixed.contains("02:00:00:00:00:09"), fixed);
    }

    @Test
    void oneContainerSharesTheNetworkOfAnother() throws Exception {
        network("shop");
        engine.run("web", in("shop", SERVE));
        String said = ask(in("container:web", "busybox nc 127.0.0.1 80 </dev/null; busybox cat /etc/hosts"));
        assertTrue(said.startsWith("hello"), said);
        assertTrue(said.contains(engine.view("web").endpoints().getFirst().address()), said);
        engine.stop("web");
        String late = engine.create("late", in("container:web", "true"));
        refused(EngineException.Kind.CONFLICT, "non running container", new Request.StartContainer(late));
        refused(
                EngineException.Kind.INVALID_ARGUMENT,
                "conflicting options",
                new Request.CreateContainer("", host(in("container:web", "true"), h -> h.publishAllPorts(true))));
    }

    @Test
    void aLinkGivesANameAndVariables() throws Exception {
        engine.run(
                "db",
                ContainerConfigBuilder.builder(in("bridge", SERVE))
                        .exposedPorts(List.of("80/tcp"))
                        .environment(List.of("SECRET=x"))
                        .build());
        String said = ask(
                host(in("bridge", "busybox nc store 80 </dev/null; busybox env"), h -> h.links(List.of("db:store"))));
        String address = engine.view("db").endpoints().getFirst().address();
        assertTrue(said.startsWith("hello"), said);
        assertTrue(said.contains("STORE_PORT_80_TCP=tcp://" + address + ":80\n"), said);
        assertTrue(said.contains("STORE_ENV_SECRET=x\n"), said);
        network("shop");
        engine.run("two", in("shop", SERVE));
        assertTrue(ask(host(in("shop", "busybox nc store 80 </dev/null"), h -> h.links(List.of("two:store"))))
                .startsWith("hello"));
    }

    @Test
    void resolversAreAsTheyWereAskedFor() throws Exception {
        String said = ask(host(
                in("bridge", "cat /etc/resolv.conf"),
                h -> h.dns(List.of("192.0.2.1")).dnsSearch(List.of("a.example")).dnsOptions(List.of("timeout:1"))));
        assertEquals("nameserver 192.0.2.1\nsearch a.example\noptions timeout:1\n", said);
    }

    @Test
    void whatContradictsItselfIsRefused() throws Exception {
        network("shop");
        refused(
                EngineException.Kind.ALREADY_EXISTS,
                "already exists",
                new NetworkRequest.CreateNetwork(NetworkConfig.of("shop")));
        refused(EngineException.Kind.PERMISSION_DENIED, "pre-defined", new NetworkRequest.RemoveNetwork("bridge"));
        refused(
                EngineException.Kind.INVALID_ARGUMENT,
                "not found",
                new Request.CreateContainer("", in("nosuch", "true")));
        refused(
                EngineException.Kind.INVALID_ARGUMENT,
                "user defined networks",
                new Request.CreateContainer("", in("bridge", "true", "alias")));
        refused(
                EngineException.Kind.INVALID_ARGUMENT,
                "1 to 65535",
                new Request.CreateContainer(
                        "",
                        host(
                                in("shop", "true"),
                                h -> h.ports(List.of(new HostConfig.PortBinding("99999/tcp", "", ""))))));
        List<NetworkView> all = engine.call(new NetworkRequest.ListNetworks());
        assertEquals(
                List.of("bridge", "host", "none", "shop"),
                all.stream().map(NetworkView::name).toList());
        assertNotEquals(all.get(0).subnet(), all.get(3).subnet());
    }
}
