package kist.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Further networks and published ports on the real kernel, as root, in namespaces that stand for hosts. */
class UserNetworksSystemTest {
    private static final Linux LINUX = Linux.system();
    private static final long PATIENCE = 20_000_000_000L;
    private static final String HOST = "10.250.0.1";
    private static final String OUTSIDE = "10.250.0.2";

    private final String bridge =
            "kistt" + Integer.toHexString(ThreadLocalRandom.current().nextInt(0x10000, 0xfffff));

    @TempDir
    Path state;

    private Networks open() {
        Options o = Options.forBridge(bridge);
        return Networks.open(state, LINUX, new Options(bridge, "", 1, o.table()));
    }

    private static BridgeNetwork wish(String subnet, boolean internal, boolean communication) {
        return new BridgeNetwork(
                NetworkState.randomId(), "n", "", subnet, "", "", Map.of(), internal, 0, communication, true, "");
    }

    private static BridgeNetwork made(Networks networks, BridgeNetwork wish) {
        BridgeNetwork n = networks.define(wish);
        networks.make(n.id());
        return n;
    }

    private static Endpoint connect(Networks networks, String container, Claimed claimed, BridgeNetwork n) {
        Endpoint e = networks.connect(container, claimed.namespace(), new EndpointWish(n.id(), "", ""));
        if (!n.internal()) {
            networks.route(container, claimed.namespace(), e);
        }
        return e;
    }

    private static Claimed empty(Networks networks, String container) {
        return networks.claim(container, Mode.NONE, Optional.empty());
    }

    /** A server in a namespace that answers each connection with its client's address. */
    private static AutoCloseable server(Fd namespace, int port) throws Exception {
        ServerSocket server = Sandbox.in(namespace, () -> new ServerSocket(port));
        Thread.ofPlatform().daemon().start(() -> {
            while (true) {
                try (Socket s = server.accept()) {
                    s.getOutputStream()
                            .write(((InetSocketAddress) s.getRemoteSocketAddress())
                                    .getAddress()
                                    .getHostAddress()
                                    .getBytes(StandardCharsets.UTF_8));
                } catch (IOException e) {
                    return;
                }
            }
        });
        return server;
    }

    /** What a server says, or why there is no answer. */
    private static Callable<String> asking(String address, int port) {
        return () -> {
            try (Socket s = new Socket()) {
                s.connect(new InetSocketAddress(InetAddress.ofLiteral(address), port), 1500);
                s.setSoTimeout(1500);
                return new String(s.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                return "no answer";
            }
        };
    }

    /** Another host, joined to this one by a veth pair. */
    private static Fd neighbour() throws Exception {
        Fd other = Sandbox.namespace();
        Sandbox.ask(n -> {
            n.execute(
                    NetlinkRoute.newVeth("wire0", 0, 1500, "wire1", "02:00:00:00:00:77", other),
                    NetlinkRoute.up("wire0"));
            int index = NetlinkRoute.findLink(n, "wire0").orElseThrow().index();
            n.execute(NetlinkRoute.newAddress(index, InetAddress.ofLiteral(HOST), 24));
            return 0;
        });
        Sandbox.in(
                other,
                () -> Sandbox.ask(n -> {
                    int index = NetlinkRoute.findLink(n, "wire1").orElseThrow().index();
                    n.execute(
                            NetlinkRoute.up("wire1"),
                            NetlinkRoute.newAddress(index, InetAddress.ofLiteral(OUTSIDE), 24),
                            NetlinkRoute.newDefaultRoute(index, InetAddress.ofLiteral(HOST)));
                    return 0;
                }));
        return other;
    }

    @Test
    void containers_of_one_network_reach_each_other_and_those_of_another_do_not() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open()) {
                BridgeNetwork red = made(networks, wish("", false, true));
                BridgeNetwork blue = made(networks, wish("10.9.8.0/24", false, true));
                assertNotEquals(red.subnet(), blue.subnet());
                Claimed one = empty(networks, "one");
                Claimed two = empty(networks, "two");
                Claimed three = empty(networks, "three");
                Claimed four = networks.claim("four", Mode.BRIDGE, Optional.empty());
                connect(networks, "one", one, red);
                Endpoint second = connect(networks, "two", two, red);
                Endpoint third = connect(networks, "three", three, blue);
                assertEquals("10.9.8.2", third.address());
                assertEquals("10.9.8.1", third.gateway());
                assertTrue(Sandbox.ping(one.namespace(), second.address()), "within a network");
                assertFalse(Sandbox.ping(one.namespace(), third.address()), "between networks");
                assertFalse(Sandbox.ping(four.namespace(), third.address()), "from the default bridge");
                assertFalse(
                        Sandbox.ping(
                                one.namespace(), four.endpoint().orElseThrow().address()),
                        "to the default bridge");
                Endpoint also = connect(networks, "one", one, blue);
                assertTrue(Sandbox.ping(one.namespace(), third.address()), "a container of both");
                networks.disconnect("one", also);
                assertFalse(Sandbox.ping(one.namespace(), third.address()), "no longer of both");
                for (String c : List.of("one", "two", "three", "four")) {
                    Claimed claimed = Map.of("one", one, "two", two, "three", three, "four", four)
                            .get(c);
                    networks.release(c, claimed, true);
                }
                networks.destroyAll();
            }
        });
    }

    @Test
    void a_published_port_is_reached_from_everywhere_and_nothing_else_is() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open();
                    Fd outside = neighbour()) {
                BridgeNetwork net = made(networks, wish("", false, true));
                Claimed web = empty(networks, "web");
                Claimed peer = empty(networks, "peer");
                Claimed stranger = networks.claim("stranger", Mode.BRIDGE, Optional.empty());
                Endpoint e = connect(networks, "web", web, net);
                Endpoint p = connect(networks, "peer", peer, net);
                try (AutoCloseable open = server(web.namespace(), 80);
                        AutoCloseable closed = server(web.namespace(), 81)) {
                    List<Publication> published = networks.publish(
                            "web",
                            e,
                            List.of(
                                    new PortWish("tcp", 80, "0.0.0.0", 8080, 8080),
                                    new PortWish("tcp", 80, "127.0.0.1", 8081, 8081),
                                    new PortWish("tcp", 80, "0.0.0.0", 0, 0)));
                    assertEquals(8080, published.getFirst().hostPort());
                    int chosen = published.getLast().hostPort();
                    assertTrue(chosen >= 1024, "chosen " + chosen);
                    assertEquals(e.gateway(), asking("127.0.0.1", 8080).call(), "by loopback");
                    assertEquals(HOST, asking(HOST, 8080).call(), "by the host's own address");
                    assertEquals(e.gateway(), asking("127.0.0.1", chosen).call());
                    assertEquals(e.gateway(), asking("127.0.0.1", 8081).call(), "published for loopback alone");
                    assertEquals(
                            OUTSIDE,
                            Sandbox.in(outside, asking(HOST, 8080)),
                            "from another host, whose address the container sees");
                    assertEquals("no answer", Sandbox.in(outside, asking(HOST, 8081)), "loopback is not for others");
                    assertEquals("no answer", Sandbox.in(outside, asking(e.address(), 80)), "not past the port");
                    assertEquals("no answer", Sandbox.in(outside, asking(e.address(), 81)));
                    assertNotEquals("no answer", Sandbox.in(peer.namespace(), asking(HOST, 8080)), "a neighbour");
                    assertNotEquals("no answer", Sandbox.in(web.namespace(), asking(HOST, 8080)), "itself");
                    assertNotEquals(
                            "no answer", Sandbox.in(stranger.namespace(), asking(HOST, 8080)), "another network");
                    assertEquals(
                            "no answer", Sandbox.in(stranger.namespace(), asking(e.address(), 80)), "not straight");
                    PortTakenException taken = assertThrows(
                            PortTakenException.class,
                            () -> networks.publish("peer", p, List.of(new PortWish("tcp", 80, "0.0.0.0", 8080, 8080))));
                    assertEquals(
                            "Bind for 0.0.0.0:8080 failed: port is already allocated",
                            String.valueOf(taken.getMessage()));
                    try (ServerSocket host = new ServerSocket(8090)) {
                        assertThrows(
                                PortTakenException.class,
                                () -> networks.publish(
                                        "peer", p, List.of(new PortWish("tcp", 80, "0.0.0.0", 8090, 8090))));
                        assertEquals(
                                8091,
                                networks.publish("peer", p, List.of(new PortWish("tcp", 80, "0.0.0.0", 8090, 8092)))
                                        .getFirst()
                                        .hostPort());
                    }
                    flush();
                    long end = System.nanoTime() + 2_000_000_000L;
                    while (!asking("127.0.0.1", 8080).call().equals(e.gateway())) {
                        assertTrue(System.nanoTime() < end, "after a flush of all tables it is there again");
                    }
                    networks.unpublish("web");
                    assertEquals("no answer", asking("127.0.0.1", 8080).call());
                    assertEquals("no answer", Sandbox.in(outside, asking(HOST, 8080)));
                    new ServerSocket(8080).close();
                }
                networks.release("web", web, true);
                networks.release("peer", peer, true);
                networks.release("stranger", stranger, true);
                networks.destroyAll();
            }
        });
    }

    private static void flush() throws Exception {
        assertEquals(0, new ProcessBuilder("nft", "flush", "ruleset").start().waitFor());
    }

    @Test
    void a_datagram_to_a_published_port_is_answered() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open()) {
                BridgeNetwork net = made(networks, wish("", false, true));
                Claimed c = empty(networks, "c");
                Endpoint e = connect(networks, "c", c, net);
                networks.publish("c", e, List.of(new PortWish("udp", 53, "0.0.0.0", 5300, 5300)));
                try (DatagramSocket server = Sandbox.in(c.namespace(), () -> new DatagramSocket(53));
                        DatagramSocket client = new DatagramSocket()) {
                    Thread.ofPlatform().daemon().start(() -> {
                        try {
                            DatagramPacket p = new DatagramPacket(new byte[100], 100);
                            server.receive(p);
                            server.send(p);
                        } catch (IOException x) {
                            // closed
                        }
                    });
                    client.setSoTimeout(3000);
                    client.send(new DatagramPacket(
                            new byte[] {1, 2, 3}, 3, new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 5300)));
                    DatagramPacket answer = new DatagramPacket(new byte[100], 100);
                    client.receive(answer);
                    assertEquals(3, answer.getLength());
                }
                networks.release("c", c, true);
                networks.destroyAll();
            }
        });
    }

    @Test
    void a_container_cannot_reach_what_listens_on_the_loopback_of_the_host_CVE_2020_8558() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open();
                    AutoCloseable secret = server(LINUX.open(Path.of("/proc/thread-self/ns/net"), 0, 0), 7000)) {
                BridgeNetwork net = made(networks, wish("", false, true));
                Claimed c = empty(networks, "c");
                Endpoint e = connect(networks, "c", c, net);
                assertEquals("127.0.0.1", asking("127.0.0.1", 7000).call());
                Sandbox.in(c.namespace(), () -> {
                    // as one could who may change the namespace: 127.0.0.2 is no address of its own then
                    Files.writeString(Path.of("/proc/sys/net/ipv4/conf/all/route_localnet"), "1");
                    run("ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
                    run("ip", "route", "add", "127.0.0.0/8", "via", e.gateway(), "src", e.address());
                    return 0;
                });
                assertEquals("no answer", Sandbox.in(c.namespace(), asking("127.0.0.1", 7000)));
                networks.release("c", c, false);
                networks.destroyAll();
            }
        });
    }

    private static void run(String... command) throws Exception {
        String line = String.join(" ", command);
        Process p = new ProcessBuilder("nsenter", "--net=/proc/self/ns/net", "sh", "-c", line).start();
        String error = new String(p.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        p.waitFor();
        assertTrue(error.isEmpty() || p.exitValue() == 0, line + ": " + error);
    }

    @Test
    void an_internal_network_has_no_way_out_and_one_without_communication_none_between() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open();
                    Fd outside = neighbour()) {
                BridgeNetwork inner = made(networks, wish("", true, true));
                BridgeNetwork lonely = made(networks, wish("", false, false));
                Claimed a = empty(networks, "a");
                Claimed b = empty(networks, "b");
                connect(networks, "a", a, inner);
                Endpoint eb = connect(networks, "b", b, inner);
                assertTrue(Sandbox.ping(a.namespace(), eb.address()));
                networks.route("a", a.namespace(), connectAgain(networks, "a", a, inner));
                assertFalse(Sandbox.ping(a.namespace(), OUTSIDE), "even with a default route");
                Claimed c = empty(networks, "c");
                Claimed d = empty(networks, "d");
                connect(networks, "c", c, lonely);
                Endpoint ed = connect(networks, "d", d, lonely);
                assertFalse(Sandbox.ping(c.namespace(), ed.address()), "kept apart");
                assertTrue(Sandbox.ping(c.namespace(), ed.gateway()));
                assertTrue(Sandbox.ping(c.namespace(), OUTSIDE), "but not from the world");
                networks.release("a", a, true);
                networks.release("b", b, true);
                networks.release("c", c, true);
                networks.release("d", d, true);
                networks.destroyAll();
            }
        });
    }

    private static Endpoint connectAgain(Networks networks, String id, Claimed c, BridgeNetwork n) {
        return networks.connect(id, c.namespace(), new EndpointWish(n.id(), "", ""));
    }

    @Test
    void addresses_can_be_asked_for_and_come_back_when_the_container_is_gone() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open()) {
                BridgeNetwork n = made(
                        networks,
                        new BridgeNetwork(
                                NetworkState.randomId(),
                                "n",
                                "",
                                "10.9.8.0/24",
                                "10.9.8.254",
                                "10.9.8.128/29",
                                Map.of("printer", "10.9.8.129"),
                                false,
                                1400,
                                true,
                                true,
                                ""));
                Claimed c = empty(networks, "c");
                Endpoint own =
                        networks.connect("c", c.namespace(), new EndpointWish(n.id(), "10.9.8.7", "02:00:00:00:00:AA"));
                assertEquals("10.9.8.7", own.address());
                assertEquals("10.9.8.254", own.gateway());
                assertEquals("02:00:00:00:00:aa", own.mac());
                Claimed d = empty(networks, "d");
                NetworkException used = assertThrows(
                        NetworkException.class,
                        () -> networks.connect("d", d.namespace(), new EndpointWish(n.id(), "10.9.8.7", "")));
                assertTrue(String.valueOf(used.getMessage()).contains("already in use"), used.getMessage());
                for (String wrong : List.of("10.9.8.254", "10.9.8.129", "10.9.9.1", "10.9.8.255", "x")) {
                    assertThrows(
                            NetworkException.class,
                            () -> networks.connect("d", d.namespace(), new EndpointWish(n.id(), wrong, "")));
                }
                Endpoint chosen = networks.connect("d", d.namespace(), new EndpointWish(n.id(), "", ""));
                assertEquals("10.9.8.128", chosen.address());
                assertTrue(Sandbox.ping(d.namespace(), own.address()));
                int mtu = Sandbox.in(
                        d.namespace(),
                        () -> Sandbox.ask(x ->
                                NetlinkRoute.findLink(x, "eth0").orElseThrow().mtu()));
                assertEquals(1400, mtu);
                networks.release("c", c, true);
                long end = System.nanoTime() + PATIENCE;
                while (true) {
                    try {
                        networks.connect("d", d.namespace(), new EndpointWish(n.id(), "10.9.8.7", ""));
                        break;
                    } catch (NetworkException e) {
                        assertTrue(System.nanoTime() < end, "the address never came back");
                        Thread.sleep(50);
                    }
                }
                networks.release("d", d, true);
                networks.destroyAll();
            }
        });
    }

    @Test
    void an_engine_that_starts_again_finds_places_and_ports_as_they_were() throws Exception {
        Sandbox.run(() -> {
            BridgeNetwork n;
            Claimed c;
            Endpoint e;
            List<Publication> published;
            try (Networks networks = open()) {
                n = made(networks, wish("", false, true));
                c = empty(networks, "c");
                e = connect(networks, "c", c, n);
                published = networks.publish("c", e, List.of(new PortWish("tcp", 80, "0.0.0.0", 8080, 8080)));
            }
            try (AutoCloseable server = server(c.namespace(), 80);
                    Networks networks = open()) {
                assertEquals(e.gateway(), asking("127.0.0.1", 8080).call(), "without an engine");
                networks.restore(n);
                networks.adopt("c", List.of(e), published);
                networks.startPool();
                assertEquals(e.gateway(), asking("127.0.0.1", 8080).call(), "with the next engine");
                assertThrows(
                        PortTakenException.class,
                        () -> networks.publish("c", e, List.of(new PortWish("tcp", 80, "0.0.0.0", 8080, 8080))));
                Claimed d = empty(networks, "d");
                assertNotEquals(e.address(), connect(networks, "d", d, n).address());
                networks.release("d", d, true);
                networks.release("c", c, true);
                assertEquals("no answer", asking("127.0.0.1", 8080).call());
                networks.remove(n.id());
                assertTrue(
                        Sandbox.ask(x -> NetlinkRoute.findLink(x, n.bridge())).isEmpty());
                networks.destroyAll();
            }
        });
    }

    @Test
    void what_is_wrong_with_a_network_is_named() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open();
                    Fd outside = neighbour()) {
                assertEquals(0, Flags.O_RDONLY);
                BridgeNetwork first = networks.define(wish("10.9.8.0/24", false, true));
                refused(networks, wish("10.9.0.0/16", false, true), "overlaps");
                refused(networks, wish("10.250.0.0/24", false, true), "already routes");
                refused(networks, wish("10.9.9.1/24", false, true), "no bit set");
                refused(networks, with("10.9.9.0/24", "10.9.8.1", ""), "gateway");
                refused(networks, with("10.9.9.0/24", "", "10.9.8.0/25"), "range");
                refused(networks, with("", "10.9.9.1", ""), "together with a subnet");
                assertEquals("10.9.8.1", first.gateway());
                networks.remove(first.id());
                networks.define(wish("10.9.0.0/16", false, true));
                try (Netlink n = Netlink.open(LINUX, Netlink.ROUTE)) {
                    assertEquals(2, NetlinkRoute.links(n).size(), "nothing was made: " + NetlinkRoute.links(n));
                }
            }
        });
    }

    private static BridgeNetwork with(String subnet, String gateway, String range) {
        return new BridgeNetwork(
                NetworkState.randomId(), "n", "", subnet, gateway, range, Map.of(), false, 0, true, true, "");
    }

    private static void refused(Networks networks, BridgeNetwork wish, String word) {
        NetworkException e = assertThrows(NetworkException.class, () -> networks.define(wish));
        assertTrue(String.valueOf(e.getMessage()).contains(word), e.getMessage());
    }
}
