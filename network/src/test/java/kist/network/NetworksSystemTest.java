package kist.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;
import kist.kernel.NetlinkRoute.Link;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks on the real kernel, as root, in a namespace that stands for the host's. */
class NetworksSystemTest {
    private static final Linux LINUX = Linux.system();
    private static final Duration LONG = Duration.ofSeconds(20);

    private final String bridge =
            "kistt" + Integer.toHexString(ThreadLocalRandom.current().nextInt(0x10000, 0xfffff));

    @TempDir
    Path state;

    private Networks open(int pool) {
        Options o = Options.forBridge(bridge);
        return Networks.open(state, LINUX, new Options(bridge, "", pool, o.table()));
    }

    private static Claimed claim(Networks networks, String id, Mode mode) {
        return networks.claim(id, mode, Optional.empty());
    }

    private static Endpoint endpoint(Claimed claimed) {
        return claimed.endpoint().orElseThrow();
    }

    private static Set<String> linkNames() {
        Set<String> names = new HashSet<>();
        for (Link link : Sandbox.ask(NetlinkRoute::links)) {
            names.add(link.name());
        }
        return names;
    }

    private static long veths() {
        return Sandbox.ask(NetlinkRoute::links).stream()
                .filter(l -> l.kind().equals("veth"))
                .count();
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + LONG.toNanos();
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end, "after " + LONG + " still not: " + what);
            Thread.sleep(10);
        }
    }

    @Test
    void containers_reach_each_other_and_the_host_and_nothing_is_changed_by_opening() throws Exception {
        Sandbox.run(() -> {
            Set<String> before = linkNames();
            try (Networks networks = open(2)) {
                assertEquals(before, linkNames(), "opening makes no link");
                Claimed one = claim(networks, "one", Mode.BRIDGE);
                Claimed two = claim(networks, "two", Mode.BRIDGE);
                assertTrue(Sandbox.ping(one.namespace(), endpoint(two).address()), "container to container");
                assertTrue(Sandbox.ping(two.namespace(), endpoint(one).address()), "and back");
                assertTrue(Sandbox.ping(one.namespace(), endpoint(one).gateway()), "container to host");
                assertEquals(List.of(), networks.warnings());
                assertEquals(
                        "1",
                        Files.readString(Path.of("/proc/sys/net/ipv4/ip_forward"))
                                .strip());
                networks.release("one", one, true);
                networks.release("two", two, false);
                networks.destroyAll();
            }
            await("the links are gone", () -> linkNames().equals(before));
        });
    }

    @Test
    void a_namespace_without_a_network_has_loopback_that_is_up_and_nothing_else() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(1)) {
                Claimed none = claim(networks, "c", Mode.NONE);
                assertEquals(Optional.empty(), none.endpoint());
                Sandbox.in(none.namespace(), () -> {
                    List<Link> up = Sandbox.ask(NetlinkRoute::links).stream()
                            .filter(Link::up)
                            .toList();
                    assertEquals(List.of("lo"), up.stream().map(Link::name).toList());
                    return 0;
                });
                assertTrue(Sandbox.ping(none.namespace(), "127.0.0.1"));
                networks.release("c", none, true);
                networks.destroyAll();
            }
        });
    }

    @Test
    void the_place_of_a_container_is_what_the_kernel_shows() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(0)) {
                Claimed c = claim(networks, "c", Mode.BRIDGE);
                Endpoint e = endpoint(c);
                NetworkInfo info = networks.list().getFirst();
                assertEquals("172.29.0.0/16", info.subnet());
                assertEquals(info.id(), e.networkId());
                assertEquals(info.gateway(), e.gateway());
                assertEquals(List.of("c"), info.containers());
                assertEquals(16, e.prefixLength());
                assertTrue(e.endpointId().matches("[0-9a-f]{64}"));
                Link host = Sandbox.ask(n -> NetlinkRoute.findLink(n, e.hostInterface()))
                        .orElseThrow();
                Link br = Sandbox.ask(n -> NetlinkRoute.findLink(n, bridge)).orElseThrow();
                assertEquals(br.index(), host.master());
                assertTrue(host.up() && br.up());
                assertEquals(
                        List.of(),
                        Sandbox.ask(NetlinkRoute::addresses).stream()
                                .filter(a -> a.link() != 1 && a.address().getAddress().length > 4)
                                .toList(),
                        "no IPv6 on the host's side");
                Sandbox.in(c.namespace(), () -> {
                    Link inside =
                            Sandbox.ask(n -> NetlinkRoute.findLink(n, "eth0")).orElseThrow();
                    assertEquals(e.mac(), inside.mac());
                    assertEquals(br.mtu(), inside.mtu());
                    assertEquals(
                            List.of(e.address()),
                            Sandbox.ask(NetlinkRoute::addresses).stream()
                                    .filter(a -> a.link() == inside.index())
                                    .map(a -> a.address().getHostAddress())
                                    .toList());
                    return 0;
                });
                networks.release("c", c, false);
                networks.destroyAll();
            }
        });
    }

    @Test
    void a_hardware_address_that_was_asked_for_is_given_or_refused() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(1)) {
                Claimed c = networks.claim("c", Mode.BRIDGE, Optional.of("02:AA:bb:cc:dd:ee"));
                assertEquals("02:aa:bb:cc:dd:ee", endpoint(c).mac());
                Claimed other = claim(networks, "d", Mode.BRIDGE);
                assertTrue(Sandbox.ping(c.namespace(), endpoint(other).address()));
                for (String bad : List.of("", "02:42", "01:00:5e:00:00:01", "gg:00:00:00:00:00", "02-42-ac-1d-00-02")) {
                    assertThrows(NetworkException.class, () -> networks.claim("e", Mode.BRIDGE, Optional.of(bad)), bad);
                }
                assertThrows(
                        NetworkException.class, () -> networks.claim("e", Mode.NONE, Optional.of("02:aa:bb:cc:dd:ee")));
                networks.release("c", c, true);
                networks.release("d", other, true);
                networks.destroyAll();
            }
        });
    }

    @Test
    void outgoing_connections_carry_the_address_of_the_host_and_nobody_outside_reaches_in() throws Exception {
        Sandbox.run(() -> {
            Fd outside = Sandbox.namespace();
            try (Networks networks = open(0);
                    outside) {
                try (Netlink host = Netlink.open(LINUX, Netlink.ROUTE)) {
                    host.execute(NetlinkRoute.newVeth("uplink", 0, 1500, "out0", "02:00:00:00:00:02", outside));
                    host.execute(
                            NetlinkRoute.up("uplink"),
                            NetlinkRoute.newAddress(
                                    NetlinkRoute.findLink(host, "uplink")
                                            .orElseThrow()
                                            .index(),
                                    InetAddress.getByName("198.51.100.1"),
                                    24));
                }
                InetAddress server = InetAddress.getByName("198.51.100.2");
                int out = Sandbox.in(
                        outside,
                        () -> Sandbox.ask(n -> {
                            int index = NetlinkRoute.findLink(n, "out0")
                                    .orElseThrow()
                                    .index();
                            n.execute(
                                    NetlinkRoute.up("lo"),
                                    NetlinkRoute.up(index),
                                    NetlinkRoute.newAddress(index, server, 24));
                            return index;
                        }));
                Claimed c = claim(networks, "c", Mode.BRIDGE);
                try (ServerSocket listening = Sandbox.in(outside, () -> new ServerSocket(0, 5, server))) {
                    Sandbox.in(c.namespace(), () -> {
                        try (Socket socket = new Socket()) {
                            socket.connect(new InetSocketAddress(server, listening.getLocalPort()), 3000);
                            try (Socket accepted = listening.accept()) {
                                assertEquals(
                                        "198.51.100.1",
                                        accepted.getInetAddress().getHostAddress());
                            }
                        }
                        return 0;
                    });
                }
                // the outside has no route to the bridge so far; a hostile neighbour would set one
                Sandbox.in(
                        outside,
                        () -> Sandbox.ask(n -> {
                            n.execute(NetlinkRoute.newDefaultRoute(out, address("198.51.100.1")));
                            return 0;
                        }));
                assertFalse(Sandbox.ping(outside, endpoint(c).address()), "from outside straight to a container");
                assertTrue(Sandbox.ping(c.namespace(), "198.51.100.2"), "answers come back");
                networks.release("c", c, false);
                networks.destroyAll();
            }
        });
    }

    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }

    @Test
    void a_recycled_namespace_keeps_nothing_of_the_container_before() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(1)) {
                Claimed first = claim(networks, "first", Mode.BRIDGE);
                Claimed peer = claim(networks, "peer", Mode.BRIDGE);
                Endpoint old = endpoint(first);
                assertTrue(Sandbox.ping(first.namespace(), endpoint(peer).address()), "fills the neighbours");
                networks.release("first", first, true);
                Claimed again = claimUntil(networks, old.hostInterface());
                Endpoint e = endpoint(again);
                assertNotEquals(old.address(), e.address());
                assertNotEquals(old.mac(), e.mac());
                assertNotEquals(old.endpointId(), e.endpointId());
                Sandbox.in(again.namespace(), () -> {
                    Link eth =
                            Sandbox.ask(n -> NetlinkRoute.findLink(n, "eth0")).orElseThrow();
                    assertEquals(e.mac(), eth.mac());
                    Set<String> addresses = new HashSet<>();
                    Sandbox.ask(NetlinkRoute::addresses)
                            .forEach(a -> addresses.add(a.address().getHostAddress()));
                    assertTrue(addresses.remove("127.0.0.1"));
                    addresses.remove("0:0:0:0:0:0:0:1");
                    assertEquals(Set.of(e.address()), addresses);
                    List<NetlinkRoute.Route> routes = Sandbox.ask(NetlinkRoute::routes).stream()
                            .filter(r -> r.link() != 1)
                            .toList();
                    assertEquals(
                            1,
                            routes.stream()
                                    .filter(r -> r.destination().isEmpty()
                                            && r.gateway().equals(Optional.of(address(e.gateway()))))
                                    .count());
                    assertTrue(routes.stream()
                            .noneMatch(r -> r.destination().equals(Optional.of(address(old.address())))));
                    assertEquals(4, routes.size(), "default, subnet, address, broadcast: " + routes);
                    assertTrue(
                            Sandbox.ask(NetlinkRoute::neighbours).stream()
                                    .noneMatch(n -> n.address()
                                            .equals(Optional.of(
                                                    address(endpoint(peer).address())))),
                            "neighbours are forgotten");
                    return 0;
                });
                assertTrue(Sandbox.ping(again.namespace(), endpoint(peer).address()));
                assertTrue(Sandbox.ping(peer.namespace(), e.address()));
                networks.release("peer", peer, true);
                networks.destroyAll();
                again.namespace().close();
            }
        });
    }

    /** Claims until the namespace with this link comes; what else came is held meanwhile and then given back. */
    private static Claimed claimUntil(Networks networks, String link) throws Exception {
        List<Claimed> others = new ArrayList<>();
        try {
            for (int i = 0; i < 40; i++) {
                Claimed c = claim(networks, "again" + i, Mode.BRIDGE);
                if (endpoint(c).hostInterface().equals(link)) {
                    return c;
                }
                others.add(c);
                Thread.sleep(5);
            }
        } finally {
            for (int i = 0; i < others.size(); i++) {
                networks.release("again" + i, others.get(i), false);
            }
        }
        throw new AssertionError("the namespace of " + link + " did not come back");
    }

    @Test
    void a_namespace_in_which_a_socket_lives_on_is_destroyed_though_it_may_be_recycled() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(1)) {
                Claimed first = claim(networks, "first", Mode.BRIDGE);
                String link = endpoint(first).hostInterface();
                // as one that a container sent to a friend in another: in no table, but it could listen any time
                Fd socket = Sandbox.in(first.namespace(), () -> LINUX.socket(Flags.AF_INET, Flags.SOCK_STREAM, 0));
                try (socket) {
                    networks.release("first", first, true);
                    assertThrows(AssertionError.class, () -> claimUntil(networks, link));
                }
                await("its link is gone", () -> !linkNames().contains(link));
                networks.destroyAll();
            }
        });
    }

    @Test
    void two_hundred_claims_leave_no_descriptor_and_no_link() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(3)) {
                Claimed warm = claim(networks, "warm", Mode.BRIDGE);
                networks.release("warm", warm, false);
                await("the pool is full", () -> networks.ready(Mode.BRIDGE) >= 3 && networks.ready(Mode.NONE) >= 3);
                int descriptors = descriptors();
                Set<String> seen = new HashSet<>();
                for (int i = 0; i < 200; i++) {
                    Mode mode = i % 4 == 0 ? Mode.NONE : Mode.BRIDGE;
                    Claimed c = claim(networks, "c" + i, mode);
                    c.endpoint().ifPresent(e -> seen.add(e.address()));
                    networks.release("c" + i, c, i % 3 != 0);
                }
                assertEquals(150, seen.size(), "an address comes up again late");
                await(
                        "all links but those of the pool are gone",
                        () -> veths() <= networks.ready(Mode.BRIDGE) && networks.ready(Mode.BRIDGE) >= 3);
                await(
                        "the descriptors are closed",
                        () -> descriptors()
                                <= descriptors + 2 * (networks.ready(Mode.BRIDGE) - 3 + networks.ready(Mode.NONE) - 3));
                networks.destroyAll();
                await("every link is gone", () -> veths() == 0);
            }
        });
    }

    @Test
    void forty_claims_at_once_are_all_served_with_different_places() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(2)) {
                Set<String> addresses = ConcurrentHashMap.newKeySet();
                Set<String> links = ConcurrentHashMap.newKeySet();
                Map<String, Claimed> all = new ConcurrentHashMap<>();
                try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
                    List<Future<?>> futures = new ArrayList<>();
                    for (int i = 0; i < 40; i++) {
                        String id = "c" + i;
                        futures.add(executor.submit(() -> {
                            Claimed c = claim(networks, id, Mode.BRIDGE);
                            all.put(id, c);
                            addresses.add(endpoint(c).address());
                            links.add(endpoint(c).hostInterface());
                        }));
                    }
                    for (Future<?> f : futures) {
                        f.get();
                    }
                }
                assertEquals(40, addresses.size());
                assertEquals(40, links.size());
                assertEquals(40, networks.list().getFirst().containers().size());
                List<Claimed> some = List.copyOf(all.values());
                assertTrue(Sandbox.ping(
                        some.getFirst().namespace(), endpoint(some.getLast()).address()));
                all.forEach((id, c) -> networks.release(id, c, id.endsWith("2")));
                networks.destroyAll();
            }
            await("every link is gone", () -> veths() == 0);
        });
    }

    private static int descriptors() throws Exception {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return (int) files.count();
        }
    }

    @Test
    void what_ran_before_a_restart_keeps_its_address() throws Exception {
        Sandbox.run(() -> {
            Networks before = open(1);
            Claimed running = claim(before, "running", Mode.BRIDGE);
            String id = before.list().getFirst().id();
            before.close();
            try (Networks after = open(2)) {
                assertEquals(id, after.list().getFirst().id());
                after.adopt("running", endpoint(running));
                assertThrows(NetworkException.class, () -> after.adopt("another", endpoint(running)));
                assertThrows(NetworkException.class, () -> after.adopt("running", endpoint(running)));
                after.startPool();
                for (int i = 0; i < 10; i++) {
                    Claimed c = claim(after, "c" + i, Mode.BRIDGE);
                    assertNotEquals(endpoint(running).address(), endpoint(c).address());
                    assertTrue(i > 0
                            || Sandbox.ping(running.namespace(), endpoint(c).address()));
                    after.release("c" + i, c, true);
                }
                // it ended: its processes are gone and the namespace with them
                running.namespace().close();
                after.release("running");
                await(
                        "its link is gone",
                        () -> !linkNames().contains(endpoint(running).hostInterface()));
                assertEquals(List.of(), after.list().getFirst().containers());
                after.destroyAll();
            }
        });
    }

    @Test
    void two_engines_on_one_host_have_different_subnets_and_tables() throws Exception {
        Sandbox.run(() -> {
            Options otherOptions = Options.forBridge(bridge + "b");
            try (Networks one = open(1)) {
                Claimed a = claim(one, "a", Mode.BRIDGE);
                try (Networks other = Networks.open(state.resolve("other"), LINUX, otherOptions)) {
                    Claimed b = claim(other, "b", Mode.BRIDGE);
                    assertNotEquals(
                            one.list().getFirst().subnet(),
                            other.list().getFirst().subnet());
                    assertFalse(Sandbox.ping(a.namespace(), endpoint(b).address()), "from bridge to bridge");
                    other.release("b", b, false);
                    other.destroyAll();
                }
                assertTrue(Sandbox.ping(a.namespace(), endpoint(a).gateway()));
                one.release("a", a, false);
                one.destroyAll();
            }
        });
    }

    @Test
    void a_second_claim_and_a_full_subnet_are_refused_and_leave_nothing() throws Exception {
        Sandbox.run(() -> {
            Options options = new Options(bridge, "10.99.7.0/29", 0, "kist_test");
            try (Networks networks = Networks.open(state, LINUX, options)) {
                List<Claimed> all = new ArrayList<>();
                for (int i = 0; i < 5; i++) {
                    all.add(claim(networks, "c" + i, Mode.BRIDGE));
                }
                assertThrows(NetworkException.class, () -> claim(networks, "c0", Mode.NONE));
                int descriptors = descriptors();
                NetworkException e = assertThrows(NetworkException.class, () -> claim(networks, "c5", Mode.BRIDGE));
                assertTrue(e.toString().contains("All 5 addresses of 10.99.7.0/29"), e.toString());
                assertEquals(descriptors, descriptors());
                assertEquals(5, veths());
                networks.release("c3", all.get(3), false);
                await("an address is free again", () -> {
                    try {
                        claim(networks, "c5", Mode.BRIDGE);
                        return true;
                    } catch (NetworkException full) {
                        return false;
                    }
                });
                networks.destroyAll();
            }
        });
    }

    @Test
    void the_name_of_a_link_that_is_no_bridge_is_refused() throws Exception {
        Sandbox.run(() -> {
            Fd other = Sandbox.namespace();
            try (Networks networks = open(0);
                    other) {
                Sandbox.ask(n -> {
                    n.execute(NetlinkRoute.newVeth(bridge, 0, 1500, "x0", "02:00:00:00:00:02", other));
                    return 0;
                });
                NetworkException e = assertThrows(NetworkException.class, () -> claim(networks, "c", Mode.BRIDGE));
                assertTrue(e.toString().contains("is not a bridge"), e.toString());
                Claimed none = claim(networks, "c", Mode.NONE);
                networks.release("c", none, true);
            }
        });
    }

    @Test
    void a_bridge_that_somebody_removed_is_made_again() throws Exception {
        Sandbox.run(() -> {
            try (Networks networks = open(0)) {
                networks.release("a", claim(networks, "a", Mode.BRIDGE), false);
                Sandbox.ask(n -> {
                    n.execute(NetlinkRoute.deleteLink(bridge));
                    return 0;
                });
                Claimed b = claim(networks, "b", Mode.BRIDGE);
                assertTrue(Sandbox.ping(b.namespace(), endpoint(b).gateway()));
                networks.release("b", b, false);
                networks.destroyAll();
            }
        });
    }

    @Test
    void after_kill_9_only_the_bridge_is_left() throws Exception {
        Sandbox.run(() -> {
            Process victim = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin/java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            classPath(),
                            PoolHolder.class.getName(),
                            state.toString(),
                            bridge)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try (BufferedReader out =
                    new BufferedReader(new InputStreamReader(victim.getInputStream(), StandardCharsets.UTF_8))) {
                assertEquals("ready", out.readLine());
                assertTrue(veths() >= 4);
            } finally {
                victim.destroyForcibly().waitFor();
            }
            await("the links of the pool are gone", () -> veths() == 0);
            assertTrue(linkNames().contains(bridge));
            try (Networks after = open(1)) {
                Claimed c = claim(after, "c", Mode.BRIDGE);
                assertTrue(Sandbox.ping(c.namespace(), endpoint(c).gateway()));
                after.release("c", c, false);
                after.destroyAll();
            }
        });
    }

    /** On the module path the classes are known by where they came from. */
    private static String classPath() {
        return Stream.of(PoolHolder.class, Networks.class, Linux.class)
                        .map(NetworksSystemTest::origin)
                        .distinct()
                        .reduce((a, b) -> a + ":" + b)
                        .orElseThrow()
                + ":" + Path.of("target/test-classes").toAbsolutePath();
    }

    private static String origin(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void claims_are_quick() throws Exception {
        Sandbox.run(() -> {
            long begin = System.nanoTime();
            try (Networks networks = open(4)) {
                long opened = System.nanoTime() - begin;
                begin = System.nanoTime();
                networks.startPool();
                await("the pool is full", () -> networks.ready(Mode.BRIDGE) >= 4 && networks.ready(Mode.NONE) >= 4);
                long filled = System.nanoTime() - begin;
                StringBuilder report = new StringBuilder();
                report.append("open ")
                        .append(ms(opened))
                        .append(" ms, pool of 8 with the bridge ")
                        .append(ms(filled))
                        .append(" ms\n");
                for (Mode mode : Mode.values()) {
                    for (boolean recycle : new boolean[] {true, false}) {
                        report.append(measure(networks, mode, recycle));
                    }
                }
                System.out.print(report);
                networks.destroyAll();
            }
            try (Networks networks = open(0)) {
                String line = measure(networks, Mode.BRIDGE, false);
                System.out.print("without a pool: " + line);
                networks.destroyAll();
            }
        });
    }

    private static String measure(Networks networks, Mode mode, boolean recycle) throws Exception {
        int rounds = 300;
        long[] claims = new long[rounds];
        long[] releases = new long[rounds];
        for (int i = 0; i < rounds; i++) {
            long start = System.nanoTime();
            Claimed c = networks.claim("m" + i, mode, Optional.empty());
            claims[i] = System.nanoTime() - start;
            Thread.sleep(3);
            start = System.nanoTime();
            networks.release("m" + i, c, recycle);
            releases[i] = System.nanoTime() - start;
        }
        Arrays.sort(claims);
        Arrays.sort(releases);
        return String.format(
                "%s, %s: claim %s ms (p95 %s, p99 %s), release %s ms (p99 %s)%n",
                mode,
                recycle ? "recyclable" : "destroyed",
                ms(claims[rounds / 2]),
                ms(claims[rounds * 95 / 100]),
                ms(claims[rounds * 99 / 100]),
                ms(releases[rounds / 2]),
                ms(releases[rounds * 99 / 100]));
    }

    private static String ms(long nanos) {
        return String.format("%.3f", nanos / 1e6);
    }
}
