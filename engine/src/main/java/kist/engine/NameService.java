package kist.engine;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import kist.dns.DnsServer;
import kist.dns.HostResolvers;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.kernel.Fd;
import kist.network.Endpoint;
import kist.network.Networks;

/**
 * The names of running containers. For each container in a network of users' own the engine answers DNS inside the
 * container's network namespace, at {@value #ADDRESS}: no firewall of the host is in between, nobody can ask in another's
 * name, and a container's own programs may have port 53. There is no process and no platform thread for it; an engine
 * that starts again opens its sockets there anew. Thread-safe.
 */
final class NameService implements AutoCloseable {
    /** Where Docker answers too, and so what is written in people's configurations. */
    static final String ADDRESS = "127.0.0.11";

    private static final int PORT = 53;
    private static final int SHORT = 12;

    private final Networks networks;
    private final Registry registry;
    private final NetworkDirectory directory;
    private final HostResolvers host = new HostResolvers(Path.of("/etc/resolv.conf"));
    private final DnsServer server = new DnsServer();
    /** By container. */
    private final Map<String, DnsServer.Listener> listeners = new ConcurrentHashMap<>();

    private final Map<InetAddress, Place> byAddress = new ConcurrentHashMap<>();
    /** By network, then by name in lower case. */
    private final Map<String, Map<String, Set<InetAddress>>> byName = new HashMap<>();

    /** A container's place in a network, with the names that it has there. */
    private record Place(Container container, Endpoint endpoint, Set<String> names) {}

    NameService(Networks networks, Registry registry, NetworkDirectory directory) {
        this.networks = networks;
        this.registry = registry;
        this.directory = directory;
    }

    /**
     * Answers a container from now on; harmless where that is so already.
     *
     * @throws kist.network.NetworkException if the kernel refuses
     * @throws kist.dns.DnsException if no socket can be had
     */
    void serve(Container c, Fd namespace) {
        if (!listeners.containsKey(c.id())) {
            networks.nameServer(namespace, ADDRESS, () -> {
                DnsServer.Listener listener = server.listen(new View(c), InetAddress.ofLiteral(ADDRESS), 0);
                listeners.put(c.id(), listener);
                return listener.address().getPort();
            });
        }
    }

    /** Answers a container no more. */
    void end(Container c) {
        DnsServer.Listener listener = listeners.remove(c.id());
        if (listener != null) {
            listener.close();
        }
    }

    /** A container has a place; its names are found from now on. */
    void add(Container c, Endpoint e, EndpointConfig wish) {
        InetAddress address = InetAddress.ofLiteral(e.address());
        Set<String> names = new LinkedHashSet<>();
        names.add(c.name().toLowerCase(Locale.ROOT));
        names.add(c.id().substring(0, SHORT));
        wish.aliases().forEach(a -> names.add(a.toLowerCase(Locale.ROOT)));
        if (!c.config().hostname().isEmpty()) {
            names.add(c.config().hostname().toLowerCase(Locale.ROOT));
        }
        byAddress.put(address, new Place(c, e, names));
        synchronized (byName) {
            Map<String, Set<InetAddress>> here = byName.computeIfAbsent(e.networkId(), n -> new HashMap<>());
            names.forEach(name ->
                    here.computeIfAbsent(name, n -> new LinkedHashSet<>()).add(address));
        }
    }

    /** A container has left a place. */
    void remove(Endpoint e) {
        InetAddress address = InetAddress.ofLiteral(e.address());
        Place place = byAddress.get(address);
        if (place == null || !place.endpoint().endpointId().equals(e.endpointId())) {
            return;
        }
        byAddress.remove(address);
        synchronized (byName) {
            Map<String, Set<InetAddress>> here = byName.getOrDefault(e.networkId(), new HashMap<>());
            for (String name : place.names()) {
                Set<InetAddress> known = here.getOrDefault(name, Set.of());
                known.remove(address);
                if (known.isEmpty()) {
                    here.remove(name);
                }
            }
            if (here.isEmpty()) {
                byName.remove(e.networkId());
            }
        }
    }

    /** What one container knows. Who asks is known by where: the sender's address says nothing more. */
    private final class View implements kist.dns.Names {
        private final Container c;

        View(Container c) {
            this.c = c;
        }

        @Override
        public Answer find(InetAddress client, String name) {
            for (Endpoint e : c.places.endpoints()) {
                List<InetAddress> found = linked(c, e, name);
                if (found.isEmpty()) {
                    found = named(e.networkId(), name);
                }
                String suffix = "." + e.network().toLowerCase(Locale.ROOT);
                if (found.isEmpty() && name.endsWith(suffix)) {
                    found = named(e.networkId(), name.substring(0, name.length() - suffix.length()));
                }
                if (!found.isEmpty()) {
                    return new Answer.Addresses(found);
                }
            }
            return elsewhere();
        }

        @Override
        public Answer reverse(InetAddress client, InetAddress address) {
            Place found = byAddress.get(address);
            if (found != null && c.places.in(found.endpoint().networkId()).isPresent()) {
                return new Answer.Pointers(List.of(
                        found.container().name() + "." + found.endpoint().network()));
            }
            return elsewhere();
        }

        /** Without a way out of the host there is none for questions either (CVE-2024-29018). */
        private Answer elsewhere() {
            return reachesOut(c) ? new Answer.Elsewhere() : new Answer.Nothing();
        }

        @Override
        public List<InetSocketAddress> upstreams(InetAddress client) {
            List<String> own = c.host().dns();
            return own.isEmpty()
                    ? host.servers()
                    : own.stream()
                            .map(s -> new InetSocketAddress(InetAddress.ofLiteral(s), PORT))
                            .toList();
        }
    }

    private List<InetAddress> named(String networkId, String name) {
        synchronized (byName) {
            return List.copyOf(byName.getOrDefault(networkId, Map.of()).getOrDefault(name, Set.of()));
        }
    }

    /** What the container alone calls another in a network. */
    private List<InetAddress> linked(Container c, Endpoint e, String name) {
        List<String> links = new ArrayList<>(c.config()
                .endpoints()
                .getOrDefault(e.network(), EndpointConfig.DEFAULT)
                .links());
        links.addAll(c.host().links());
        for (String link : links) {
            Links.Link l = Links.parse(link);
            if (l.alias().toLowerCase(Locale.ROOT).equals(name)) {
                try {
                    Optional<Endpoint> other = registry.get(l.ref()).places.in(e.networkId());
                    if (other.isPresent()) {
                        return List.of(InetAddress.ofLiteral(other.get().address()));
                    }
                } catch (EngineException gone) {
                    return List.of();
                }
            }
        }
        return List.of();
    }

    private boolean reachesOut(Container c) {
        return c.places.endpoints().stream()
                .anyMatch(e -> directory
                        .user(e.networkId())
                        .map(n -> !n.config().internal())
                        .orElse(true));
    }

    @Override
    public void close() {
        listeners.values().forEach(DnsServer.Listener::close);
        listeners.clear();
    }
}
