package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The bridge, and doing without it. */
@Tag("peer")
class NetworkTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    private static Command run(String... arguments) {
        return engine.docker("run", "--rm").with(arguments);
    }

    private static String sleeper(String name) {
        return engine.docker("run", "-d", "--name", name, "busybox", "sleep", "600")
                .ok();
    }

    private static Json network(String container) {
        return engine.inspect(container).at("NetworkSettings", "Networks", "bridge");
    }

    @Test
    void a_container_has_an_address_a_route_and_a_gateway() {
        sleeper("one");
        var network = network("one");
        var address = network.text("IPAddress");
        assertTrue(address.matches("\\d+\\.\\d+\\.\\d+\\.\\d+"), "" + network);
        assertEquals(
                address + "/" + network.number("IPPrefixLen"),
                engine.docker("exec", "one", "sh", "-c", "ip -4 -o addr show eth0 | awk '{print $4}'")
                        .ok());
        assertTrue(engine.docker("exec", "one", "ip", "route")
                .ok()
                .contains("default via " + network.text("Gateway") + " dev eth0"));
        assertEquals(
                network.text("MacAddress"),
                engine.docker("exec", "one", "cat", "/sys/class/net/eth0/address")
                        .ok());
        assertEquals(
                "127.0.0.1/8",
                engine.docker("exec", "one", "sh", "-c", "ip -4 -o addr show lo | awk '{print $4}'")
                        .ok());
    }

    @Test
    void two_containers_reach_each_other_and_the_gateway() {
        sleeper("one");
        sleeper("two");
        var other = network("two").text("IPAddress");
        assertNotEquals(network("one").text("IPAddress"), other);
        assertNotEquals(network("one").text("MacAddress"), network("two").text("MacAddress"));
        engine.docker("exec", "one", "ping", "-c", "1", "-W", "5", other).ok();
        engine.docker(
                        "exec",
                        "two",
                        "ping",
                        "-c",
                        "1",
                        "-W",
                        "5",
                        network("one").text("IPAddress"))
                .ok();
        engine.docker(
                        "exec",
                        "one",
                        "ping",
                        "-c",
                        "1",
                        "-W",
                        "5",
                        network("one").text("Gateway"))
                .ok();
    }

    @Test
    void the_host_reaches_a_container() {
        sleeper("one");
        Command.of("busybox", "ping", "-c", "1", "-W", "5", network("one").text("IPAddress"))
                .ok();
    }

    @Test
    void bytes_flow_over_tcp() {
        engine.docker(
                        "run",
                        "-d",
                        "--name",
                        "server",
                        "busybox",
                        "sh",
                        "-c",
                        "mkdir /www; head -c 3000000 /dev/zero >/www/f; httpd -f -p 7000 -h /www")
                .ok();
        var address = network("server").text("IPAddress");
        var script = "for i in $(seq 50); do wget -qO /tmp/f http://" + address
                + ":7000/f && break; sleep 0.1; done; wc -c </tmp/f";
        assertEquals("3000000", run("busybox", "sh", "-c", script).ok());
    }

    @Test
    void its_own_name_and_address_are_in_hosts() {
        engine.docker("run", "-d", "--name", "one", "--hostname", "box", "busybox", "sleep", "600")
                .ok();
        var hosts = engine.docker("exec", "one", "cat", "/etc/hosts").ok();
        assertTrue(hosts.contains("127.0.0.1\tlocalhost"), hosts);
        assertTrue(hosts.contains(network("one").text("IPAddress") + "\tbox"), hosts);
        engine.docker("exec", "one", "cat", "/etc/resolv.conf").ok();
    }

    @Test
    void with_none_there_is_only_loopback() {
        assertEquals(
                "lo",
                run("--network", "none", "busybox", "ls", "/sys/class/net").ok());
        run("--network", "none", "busybox", "ping", "-c", "1", "-W", "2", "127.0.0.1")
                .ok();
        run("--network", "none", "busybox", "ping", "-c", "1", "-W", "1", "10.255.255.1")
                .run()
                .exits(1);
    }

    @Test
    void with_host_the_links_are_the_hosts() throws IOException {
        var links = new TreeSet<String>();
        try (var directory = Files.newDirectoryStream(Path.of("/sys/class/net"))) {
            directory.forEach(link -> links.add(link.getFileName().toString()));
        }
        var seen = new TreeSet<>(List.of(
                run("--network", "host", "busybox", "ls", "/sys/class/net").ok().split("\n")));
        // links of other programs come and go meanwhile
        links.removeIf(name -> name.startsWith("veth") || name.startsWith("kist"));
        assertTrue(seen.containsAll(links), seen + " without one of " + links);
        assertEquals(
                Command.of("hostname").ok(),
                run("--network", "host", "busybox", "hostname").ok());
    }

    @Test
    void thirty_containers_have_thirty_addresses_and_give_them_back() {
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 30; i++) {
            sleeper("c" + i);
            seen.add(network("c" + i).text("IPAddress"));
        }
        assertEquals(30, seen.size(), "" + seen);
        engine.removeContainers();
        sleeper("after");
        engine.docker(
                        "exec",
                        "after",
                        "ping",
                        "-c",
                        "1",
                        "-W",
                        "5",
                        network("after").text("Gateway"))
                .ok();
    }

    /** A network namespace that stands for the world outside: behind a link of the host, with no route back. */
    @Test
    void packets_to_the_outside_bear_the_hosts_address() {
        var name = "kistout" + ProcessHandle.current().pid() % 10000;
        var link = "kto" + ProcessHandle.current().pid() % 10000;
        Command.of("ip", "netns", "add", name).ok();
        try {
            Command.of("ip", "link", "add", link, "type", "veth", "peer", "name", "out0", "netns", name)
                    .ok();
            Command.of("ip", "addr", "add", "198.51.100.1/30", "dev", link).ok();
            Command.of("ip", "link", "set", link, "up").ok();
            Command.of("ip", "-n", name, "addr", "add", "198.51.100.2/30", "dev", "out0")
                    .ok();
            Command.of("ip", "-n", name, "link", "set", "out0", "up").ok();
            run("busybox", "ping", "-c", "1", "-W", "5", "198.51.100.2").ok();
            try (var server = Command.of(
                            "ip",
                            "netns",
                            "exec",
                            name,
                            "busybox",
                            "nc",
                            "-l",
                            "-p",
                            "7001",
                            "-e",
                            "/bin/sh",
                            "-c",
                            "echo $NC_REMOTE; netstat -tn | grep 7001")
                    .start()) {
                var script =
                        "for i in $(seq 30); do nc -w 3 198.51.100.2 7001 </dev/null | grep . && exit; sleep 0.1; done; exit 1";
                var peer = run("busybox", "sh", "-c", script).ok();
                assertTrue(peer.contains("198.51.100.1:"), "the outside saw " + peer + server.err());
            }
        } finally {
            Command.of("ip", "link", "delete", link).run();
            Command.of("ip", "netns", "delete", name).run();
        }
    }
}
