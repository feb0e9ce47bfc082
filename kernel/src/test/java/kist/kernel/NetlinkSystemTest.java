package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kist.kernel.NetlinkTables.Chain;
import kist.kernel.NetlinkTables.Hook;
import kist.kernel.NetlinkTables.Rule;
import org.junit.jupiter.api.Test;

/** Netlink on the real kernel, as root, in network namespaces of its own. */
class NetlinkSystemTest {
    private static final Linux LINUX = Linux.system();
    private static final Path SELF = Path.of("/proc/thread-self/ns/net");

    private interface Body {
        void run(Netlink netlink) throws Exception;
    }

    private static void inNewNamespace(Body body) throws Exception {
        CompletableFuture<Integer> result = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            LINUX.unshare(Flags.CLONE_NEWNET);
            try (Netlink netlink = Netlink.open(LINUX, Netlink.ROUTE)) {
                body.run(netlink);
                result.complete(0);
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        result.get(30, TimeUnit.SECONDS);
    }

    @Test
    void a_bridge_with_an_address_and_a_route_is_listed_as_it_was_made() throws Exception {
        inNewNamespace(netlink -> {
            InetAddress address = InetAddress.ofLiteral("10.1.2.3");
            netlink.execute(
                    NetlinkRoute.up("lo"),
                    NetlinkRoute.newBridge("br0", "02:42:0a:01:02:03", 1400),
                    NetlinkRoute.upWithoutIpv6Address("br0"));
            NetlinkRoute.Link link = NetlinkRoute.findLink(netlink, "br0").orElseThrow();
            netlink.execute(
                    NetlinkRoute.newAddress(link.index(), address, 24),
                    NetlinkRoute.newDefaultRoute(link.index(), InetAddress.ofLiteral("10.1.2.1")));
            assertEquals(
                    new NetlinkRoute.Link(link.index(), "br0", "02:42:0a:01:02:03", true, 1400, 0, "bridge"), link);
            assertTrue(NetlinkRoute.links(netlink).contains(link));
            assertEquals(
                    List.of(new NetlinkRoute.Address(link.index(), address, 24)),
                    NetlinkRoute.addresses(netlink).stream()
                            .filter(a -> a.link() == link.index())
                            .toList());
            assertTrue(NetlinkRoute.routes(netlink).stream()
                    .anyMatch(r -> r.destination().isEmpty() && r.link() == link.index()));
            netlink.execute(NetlinkRoute.deleteAddress(link.index(), address, 24));
            assertTrue(NetlinkRoute.routes(netlink).stream().noneMatch(r -> r.link() == link.index()));
            netlink.execute(NetlinkRoute.deleteLink("br0"));
            assertTrue(NetlinkRoute.findLink(netlink, "br0").isEmpty());
        });
    }

    @Test
    void the_other_end_of_a_veth_pair_is_born_in_its_namespace() throws Exception {
        inNewNamespace(netlink -> {
            CompletableFuture<Fd> other = new CompletableFuture<>();
            Thread.ofPlatform().daemon().start(() -> {
                LINUX.unshare(Flags.CLONE_NEWNET);
                other.complete(LINUX.open(SELF, Flags.O_RDONLY, 0));
            });
            try (Fd namespace = other.get(10, TimeUnit.SECONDS)) {
                netlink.execute(NetlinkRoute.newVeth("host0", 0, 1500, "eth0", "02:00:00:00:00:07", namespace));
                assertEquals(
                        "veth",
                        NetlinkRoute.findLink(netlink, "host0").orElseThrow().kind());
                assertTrue(NetlinkRoute.findLink(netlink, "eth0").isEmpty());
                LINUX.setns(namespace, Flags.CLONE_NEWNET);
                try (Netlink inside = Netlink.open(LINUX, Netlink.ROUTE)) {
                    assertEquals(
                            "02:00:00:00:00:07",
                            NetlinkRoute.findLink(inside, "eth0").orElseThrow().mac());
                }
                netlink.execute(NetlinkRoute.deleteLink("host0"));
            }
        });
    }

    @Test
    void what_the_kernel_refuses_is_named_and_the_socket_goes_on() throws Exception {
        inNewNamespace(netlink -> {
            KernelException e = assertThrows(
                    KernelException.class,
                    () -> netlink.execute(NetlinkRoute.up("lo"), NetlinkRoute.deleteLink("nothing0")));
            assertEquals(Errno.ENODEV, e.errno());
            assertTrue(e.call().startsWith("delete link nothing0"), e.call());
            KernelException busy = assertThrows(
                    KernelException.class,
                    () -> netlink.execute(
                            NetlinkRoute.newBridge("b0", "02:00:00:00:00:01", 1500),
                            NetlinkRoute.newBridge("b0", "02:00:00:00:00:01", 1500)));
            assertEquals(Errno.EEXIST, busy.errno());
            assertTrue(NetlinkRoute.findLink(netlink, "lo").orElseThrow().up());
        });
    }

    @Test
    void a_table_is_replaced_and_removed_and_a_bad_one_is_refused_as_a_whole() throws Exception {
        inNewNamespace(route -> {
            try (Netlink netfilter = Netlink.open(LINUX, Netlink.NETFILTER)) {
                List<Chain> good = List.of(
                        new Chain(
                                "out",
                                Hook.POSTROUTING,
                                List.of(Rule.rule()
                                        .fromSubnet(new byte[] {10, 1, 0, 0}, 16)
                                        .notToLink("br0")
                                        .masquerade())),
                        new Chain(
                                "through",
                                Hook.FORWARD,
                                List.of(Rule.rule()
                                        .toLink("br0")
                                        .notFromLink("br0")
                                        .notEstablished()
                                        .drop())));
                NetlinkTables.replace(netfilter, "t", good);
                NetlinkTables.replace(netfilter, "t", good);
                // a masquerade outside a chain of translation
                List<Chain> bad =
                        List.of(new Chain("f", Hook.FORWARD, List.of(Rule.rule().masquerade())));
                assertThrows(KernelException.class, () -> NetlinkTables.replace(netfilter, "t2", bad));
                assertThrows(
                        KernelException.class,
                        () -> NetlinkTables.replace(
                                netfilter, "t2", List.of(new Chain("x".repeat(5000), Hook.FORWARD, List.of()))));
                NetlinkTables.remove(netfilter, "t");
                NetlinkTables.remove(netfilter, "t");
            }
            Process nft = new ProcessBuilder("nft", "list", "tables").start();
            String tables = new String(nft.getInputStream().readAllBytes());
            assertEquals(0, nft.waitFor());
            assertFalse(tables.contains("table"), tables);
        });
    }
}
