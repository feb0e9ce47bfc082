package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.network.Endpoint;
import kist.network.PortWish;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkWishesTest {
    private static ContainerConfig config(UnaryOperator<HostConfigBuilder> host) {
        return ContainerConfig.of("busybox", "true")
                .withHost(host.apply(HostConfigBuilder.builder()).build());
    }

    private static List<PortWish> ports(String port, String address, String hostPort) {
        return PortWishes.of(config(h -> h.ports(List.of(new HostConfig.PortBinding(port, address, hostPort)))), "");
    }

    @Test
    void portsAreReadAsTheyAreWritten() {
        assertEquals(List.of(new PortWish("tcp", 80, "0.0.0.0", 8080, 8080)), ports("80/tcp", "", "8080"));
        assertEquals(List.of(new PortWish("tcp", 80, "0.0.0.0", 0, 0)), ports("80", "", ""));
        assertEquals(
                List.of(new PortWish("udp", 53, "127.0.0.1", 5000, 5010)), ports("53/UDP", "127.0.0.1", "5000-5010"));
        assertEquals(
                List.of(new PortWish("tcp", 80, "0.0.0.0", 90, 90), new PortWish("tcp", 81, "0.0.0.0", 91, 91)),
                ports("80-81/tcp", "0.0.0.0", "90-91"));
        ContainerConfig all = ContainerConfigBuilder.builder(config(
                        h -> h.publishAllPorts(true).ports(List.of(new HostConfig.PortBinding("80/tcp", "", "8080")))))
                .exposedPorts(List.of("80/tcp", "53/udp"))
                .build();
        assertEquals(
                List.of(new PortWish("tcp", 80, "192.0.2.1", 8080, 8080), new PortWish("udp", 53, "192.0.2.1", 0, 0)),
                PortWishes.of(all, "192.0.2.1"));
    }

    @ParameterizedTest
    @CsvSource({
        "0/tcp,'',1",
        "65536/tcp,'',1",
        "-1/tcp,'',1",
        "x/tcp,'',1",
        "80/xyz,'',1",
        "80/tcp,'',65536",
        "80/tcp,'',9-8",
        "80/tcp,'',a",
        "80/tcp,nowhere,80",
        "80/tcp,::1,80",
        "80-82/tcp,'',90-91",
        "99999999999/tcp,'',1"
    })
    void portsThatAreNoneAreRefused(String port, String address, String hostPort) {
        assertThrows(EngineException.class, () -> ports(port, address, hostPort));
    }

    @Test
    void linksAreReadInBothForms() {
        assertEquals(new Links.Link("db", "db"), Links.parse("db"));
        assertEquals(new Links.Link("db", "store"), Links.parse("db:store"));
        assertEquals(new Links.Link("db", "store"), Links.parse("/db:/web/store"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":", "db:", "db:a b", "db:a\n10.0.0.1 evil"})
    void linksThatAreNoneAreRefused(String link) {
        assertThrows(EngineException.class, () -> Links.parse(link));
    }

    @Test
    void theNetworkOfTheModeComesFirstAndTheBridgeBeforeIt() {
        ContainerConfig config = ContainerConfigBuilder.builder(config(h -> h.network("b")))
                .endpoints(
                        Map.of("c", EndpointConfig.DEFAULT, "a", EndpointConfig.DEFAULT, "b", EndpointConfig.DEFAULT))
                .build();
        assertEquals(
                List.of("b", "a", "c"),
                NetworkWishes.ordered(config, "b").stream()
                        .map(Map.Entry::getKey)
                        .toList());
        assertEquals(
                List.of("bridge"),
                NetworkWishes.ordered(config(h -> h), "bridge").stream()
                        .map(Map.Entry::getKey)
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0", "x", "::1", "10.0.0.256"})
    void addressesThatAreNoneAreRefused(String address) {
        EndpointConfig wish = new EndpointConfig(address, "", List.of(), List.of(), List.of(), "", Map.of(), 0);
        assertThrows(EngineException.class, () -> NetworkWishes.checkEndpoint("n", wish));
    }

    @Test
    void whatAnEndpointCannotHaveIsNamed() {
        EndpointConfig v6 = new EndpointConfig("", "fd00::1", List.of(), List.of(), List.of(), "", Map.of(), 0);
        assertTrue(String.valueOf(assertThrows(EngineException.class, () -> NetworkWishes.checkEndpoint("n", v6))
                        .getMessage())
                .contains("fd00::1"));
        EndpointConfig option =
                new EndpointConfig("", "", List.of(), List.of(), List.of(), "", Map.of("some.option", "1"), 0);
        assertTrue(String.valueOf(assertThrows(EngineException.class, () -> NetworkWishes.checkEndpoint("n", option))
                        .getMessage())
                .contains("some.option"));
        EndpointConfig mac =
                new EndpointConfig("", "", List.of(), List.of(), List.of(), "03:00:00:00:00:01", Map.of(), 0);
        assertThrows(EngineException.class, () -> NetworkWishes.checkEndpoint("n", mac));
    }

    @Test
    void theHostsFileNamesEveryPlace(@TempDir Path directory) throws Exception {
        List<Endpoint> places = List.of(
                new Endpoint("a", "1", "e1", "v1", "10.0.0.2", 24, "10.0.0.1", "m"),
                new Endpoint("b", "2", "e2", "v2", "10.0.1.2", 24, "10.0.1.1", "m"));
        ContainerConfig config = ContainerConfigBuilder.builder(
                        config(h -> h.extraHosts(List.of("gate:host-gateway")).dnsSearch(List.of("."))))
                .domainname("example.org")
                .build();
        HostFiles.write(
                directory,
                "web",
                config,
                places,
                Optional.of(places.get(1)),
                List.of("10.0.0.9\tdb"),
                Optional.of("127.0.0.11"));
        String hosts = Files.readString(directory.resolve("hosts"));
        assertTrue(
                hosts.endsWith("10.0.1.1\tgate\n10.0.0.9\tdb\n10.0.0.2\tweb.example.org web\n"
                        + "10.0.1.2\tweb.example.org web\n"),
                hosts);
        String resolver = Files.readString(directory.resolve("resolv.conf"));
        assertTrue(resolver.startsWith("nameserver 127.0.0.11\noptions "), resolver);
        assertTrue(resolver.contains("ndots:0"), resolver);
    }

    @Test
    void whatAnOlderEngineWroteOfANetworkIsRead() {
        StoredState.StoredEndpoint old = io.avaje.jsonb.Jsonb.builder()
                .build()
                .type(StoredState.StoredEndpoint.class)
                .fromJson("{\"network\":\"bridge\",\"networkId\":\"i\",\"endpointId\":\"e\",\"hostInterface\":\"v\","
                        + "\"address\":\"10.0.0.2\",\"prefixLength\":24,\"gateway\":\"10.0.0.1\",\"mac\":\"m\"}");
        Places places = Places.of(Optional.of(old));
        assertEquals(
                List.of("10.0.0.2"),
                places.endpoints().stream().map(Endpoint::address).toList());
        assertEquals(List.of(), places.published());
        assertEquals(places, Places.of(places.stored()));
    }
}
