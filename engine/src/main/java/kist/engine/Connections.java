package kist.engine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.dns.DnsException;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.engine.NetworkDirectory.Found;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.network.Claimed;
import kist.network.Endpoint;
import kist.network.EndpointWish;
import kist.network.Mode;
import kist.network.NetworkException;
import kist.network.Networks;
import kist.network.PortTakenException;
import kist.network.PortWish;

/**
 * Containers in networks: what a start takes of them and an end gives back, and what changes while a container runs.
 * Methods that are given a container are called with its lock held. A container on the default bridge alone takes the
 * short way: a namespace from the pool and nothing else.
 */
final class Connections {
    private final Linux linux;
    private final Networks networks;
    private final NetworkDirectory directory;
    private final NameService names;
    private final Registry registry;
    private final ContainerStore store;
    private final Events events;

    Connections(
            Linux linux,
            Networks networks,
            NetworkDirectory directory,
            NameService names,
            Registry registry,
            ContainerStore store,
            Events events) {
        this.linux = linux;
        this.networks = networks;
        this.directory = directory;
        this.names = names;
        this.registry = registry;
        this.store = store;
        this.events = events;
    }

    /** Answers a request. */
    Object perform(NetworkRequest<?> request) {
        return switch (request) {
            case NetworkRequest.ListNetworks r -> directory.list(registry.all());
            case NetworkRequest.InspectNetwork r -> directory.inspect(r.ref(), registry.all());
            case NetworkRequest.CreateNetwork r -> directory.create(r.config());
            case NetworkRequest.RemoveNetwork r -> {
                directory.remove(r.ref());
                yield Request.Done.DONE;
            }
            case NetworkRequest.PruneNetworks r -> directory.prune(r);
            case NetworkRequest.ConnectContainer r -> {
                connect(registry.get(r.container()), directory.get(r.ref()), r.wish());
                yield Request.Done.DONE;
            }
            case NetworkRequest.DisconnectContainer r -> {
                Found network = directory.get(r.ref());
                disconnect(registry.get(r.container()), network);
                yield Request.Done.DONE;
            }
        };
    }

    /**
     * Takes what a start needs.
     *
     * @param undo gives it back
     * @return the namespace to enter; empty for the host's. The caller closes it if {@link #isBorrowed}
     */
    Optional<Fd> begin(Container c, Undo undo) {
        ContainerConfig config = c.config();
        c.places = Places.NONE;
        if (NetworkWishes.shared(config).isPresent()) {
            return Optional.of(borrow(c, NetworkWishes.shared(config).get()));
        }
        String mode = NetworkWishes.mode(config);
        if (mode.equals("host")) {
            return Optional.empty();
        }
        List<Map.Entry<String, EndpointConfig>> wishes = mode.equals("none")
                ? List.of()
                : NetworkWishes.ordered(
                        config,
                        mode.equals(NetworkWishes.BRIDGE)
                                ? mode
                                : directory.get(mode).name());
        boolean usual = !wishes.isEmpty() && wishes.getFirst().getKey().equals(NetworkWishes.BRIDGE);
        try {
            Optional<String> mac = usual ? mac(config, wishes.getFirst().getValue(), mode) : Optional.empty();
            Claimed claimed = networks.claim(c.id(), usual ? Mode.BRIDGE : Mode.NONE, mac);
            c.network = Optional.of(claimed);
            undo.push(() -> release(c, true));
            claimed.endpoint().ifPresent(e -> arrive(c, e, EndpointConfig.DEFAULT));
            for (Map.Entry<String, EndpointConfig> w : wishes.subList(usual ? 1 : 0, wishes.size())) {
                plug(c, claimed.namespace(), directory.get(w.getKey()), w.getValue());
            }
            leave(c, claimed.namespace());
            publish(c);
            return Optional.of(claimed.namespace());
        } catch (NetworkException e) {
            throw failure(c, e);
        }
    }

    private static Optional<String> mac(ContainerConfig config, EndpointConfig wish, String mode) {
        String mac = !wish.macAddress().isEmpty()
                ? wish.macAddress()
                : mode.equals(NetworkWishes.BRIDGE) ? config.macAddress() : "";
        return mac.isEmpty() ? Optional.empty() : Optional.of(mac);
    }

    private static EngineException failure(Container c, NetworkException e) {
        String why = String.valueOf(e.getMessage());
        if (e instanceof PortTakenException) {
            return new EngineException(
                    EngineException.Kind.INTERNAL,
                    "driver failed programming external connectivity on endpoint " + c.name() + ": " + why,
                    e);
        }
        return new EngineException(EngineException.Kind.INTERNAL, "failed to set up container networking: " + why, e);
    }

    /** Another container's namespace. */
    private Fd borrow(Container c, String ref) {
        Container other = registry.get(ref);
        if (other == c) {
            throw Creation.invalid("cannot join own network namespace");
        }
        long pid = other.state.pid();
        if (!other.state.alive() || pid == 0) {
            throw Lifecycle.conflict("cannot join network of a non running container: " + other.id());
        }
        // what the two do in it nobody can tell apart later
        other.networkShared = true;
        try {
            Fd namespace = linux.open(Path.of("/proc/" + pid + "/ns/net"), Flags.O_RDONLY, 0);
            if (other.state.pid() == pid) {
                return namespace;
            }
            namespace.close();
        } catch (KernelException e) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "it has just ended: " + other.id(), e);
        }
        throw Lifecycle.conflict("cannot join network of a non running container: " + other.id());
    }

    /** Whether what {@link #begin} answered belongs to its caller. */
    static boolean isBorrowed(Container c) {
        return NetworkWishes.shared(c.config()).isPresent();
    }

    private Endpoint plug(Container c, Fd namespace, Found network, EndpointConfig wish) {
        String mac = !wish.macAddress().isEmpty()
                ? wish.macAddress()
                : network.name().equals(directoryName(c)) ? c.config().macAddress() : "";
        directory.use(network.id(), c.id());
        try {
            if (!network.id().equals(directory.bridgeId())) {
                serve(c, namespace);
            }
            Endpoint e = networks.connect(c.id(), namespace, new EndpointWish(network.id(), wish.ipv4Address(), mac));
            arrive(c, e, wish);
            return e;
        } catch (RuntimeException e) {
            directory.leave(network.id(), c.id());
            if (c.places.endpoints().stream().noneMatch(this::hasNames)) {
                names.end(c);
            }
            throw e;
        }
    }

    private String directoryName(Container c) {
        return directory.find(NetworkWishes.mode(c.config())).map(Found::name).orElse("");
    }

    private void serve(Container c, Fd namespace) {
        try {
            names.serve(c, namespace);
        } catch (DnsException x) {
            throw new NetworkException(String.valueOf(x.getMessage()), x);
        }
    }

    private void arrive(Container c, Endpoint e, EndpointConfig wish) {
        directory.use(e.networkId(), c.id());
        c.places = c.places.with(e);
        if (!e.networkId().equals(directory.bridgeId())) {
            names.add(c, e, wish);
        }
        tell("connect", c, e);
    }

    private void tell(String action, Container c, Endpoint e) {
        Map<String, String> attributes = new LinkedHashMap<>();
        attributes.put("container", c.id());
        attributes.put("name", e.network());
        attributes.put("type", "bridge");
        events.publish("network", action, e.networkId(), attributes);
    }

    /** The place by which a container reaches the world: the highest priority, then the first by name; none if all are internal. */
    private Optional<Endpoint> gateway(Container c) {
        return c.places.endpoints().stream()
                .filter(e -> directory
                        .user(e.networkId())
                        .map(n -> !n.config().internal())
                        .orElse(true))
                .min(Comparator.comparingInt((Endpoint e) -> -wish(c, e).gatewayPriority())
                        .thenComparing(Endpoint::network));
    }

    private static EndpointConfig wish(Container c, Endpoint e) {
        return c.config().endpoints().getOrDefault(e.network(), EndpointConfig.DEFAULT);
    }

    /** Sets the way out. The pool's namespaces have theirs by the default bridge. */
    private void leave(Container c, Fd namespace) {
        Optional<Endpoint> gateway = gateway(c);
        boolean set = c.places.endpoints().size() == 1
                && c.places.endpoints().getFirst().networkId().equals(directory.bridgeId());
        if (gateway.isPresent() && !set) {
            networks.route(c.id(), namespace, gateway.get());
        }
    }

    private void publish(Container c) {
        HostConfig host = c.host();
        if (host.ports().isEmpty() && !host.publishAllPorts()) {
            return;
        }
        // a container that the world cannot reach publishes nothing, as with Docker
        Optional<Endpoint> at = gateway(c);
        if (at.isPresent()) {
            String binding = directory
                    .user(at.get().networkId())
                    .map(StoredNetwork::hostBinding)
                    .orElse("");
            List<PortWish> wishes = PortWishes.of(c.config(), binding);
            c.places = c.places.published(networks.publish(c.id(), at.get(), wishes));
        }
    }

    /** Gives back what a run held. */
    void release(Container c, boolean neverRan) {
        names.end(c); // its sockets would keep the namespace
        if (NetworkWishes.own(c.config())) {
            String sharing = NetworkWishes.CONTAINER + c.id();
            boolean shared = c.networkShared
                    || registry.all().stream().anyMatch(o -> o.host().network().equals(sharing));
            if (c.network.isPresent()) {
                networks.release(c.id(), c.network.get(), !shared && (neverRan || Lifecycle.recyclable(c.host())));
            } else {
                networks.release(c.id());
            }
        }
        c.network = Optional.empty();
        c.networkShared = false;
        for (Endpoint e : c.places.endpoints()) {
            names.remove(e);
            directory.leave(e.networkId(), c.id());
            tell("disconnect", c, e);
        }
        c.places = Places.NONE;
    }

    /** After a restart of the engine: what a container has that runs, or has not been released. */
    void adopt(Container c) {
        if (!NetworkWishes.own(c.config())) {
            return;
        }
        c.places = Places.of(c.state.network());
        if (c.places.endpoints().isEmpty()) {
            networks.adoptWithoutNetwork(c.id());
            return;
        }
        networks.adopt(c.id(), c.places.endpoints(), c.places.published());
        for (Endpoint e : c.places.endpoints()) {
            if (e.networkId().equals(directory.bridgeId())
                    || directory.user(e.networkId()).isPresent()) {
                directory.use(e.networkId(), c.id());
            }
            if (!e.networkId().equals(directory.bridgeId())) {
                names.add(c, e, wish(c, e));
            }
        }
    }

    /** After a restart of the engine: the namespace of a container that runs. */
    Optional<Claimed> claimed(Container c, long pid) {
        if (!NetworkWishes.own(c.config())) {
            return Optional.empty();
        }
        try {
            Fd namespace = linux.open(Path.of("/proc/" + pid + "/ns/net"), Flags.O_RDONLY, 0);
            if (c.places.endpoints().stream().anyMatch(this::hasNames)) {
                try {
                    serve(c, namespace);
                } catch (NetworkException e) {
                    System.getLogger("kist").log(System.Logger.Level.WARNING, "no names for " + c.id(), e);
                }
            }
            return Optional.of(new Claimed(
                    namespace,
                    c.places.endpoints().stream()
                            .filter(e -> e.networkId().equals(directory.bridgeId()))
                            .findFirst()));
        } catch (KernelException e) {
            return Optional.empty();
        }
    }

    /** The container with the environment that its links give it. */
    StoredContainer linked(Container c) {
        if (c.host().links().isEmpty() || c.places.in(directory.bridgeId()).isEmpty()) {
            return c.stored;
        }
        List<String> environment =
                new ArrayList<>(Links.environment(c, Links.targets(c, registry, directory.bridgeId())));
        environment.addAll(c.stored.environment());
        return c.stored.withEnvironment(environment);
    }

    /** Writes the files by which a container knows hosts and name servers. */
    void writeFiles(Container c, Path to, String hostname) throws IOException {
        Optional<String> shared = NetworkWishes.shared(c.config());
        if (shared.isPresent()) {
            HostFiles.copy(store.directory(registry.get(shared.get()).id()), to);
            return;
        }
        List<String> linked = new ArrayList<>();
        if (!c.host().links().isEmpty() && c.places.in(directory.bridgeId()).isPresent()) {
            for (Links.Target t : Links.targets(c, registry, directory.bridgeId())) {
                linked.add(t.endpoint().address() + "\t" + t.alias() + " "
                        + t.container().id().substring(0, 12) + " "
                        + t.container().name());
            }
        }
        HostFiles.write(to, hostname, c.config(), c.places.endpoints(), gateway(c), linked, nameServer(c));
    }

    /** The engine's name server, for a container in a network that has names. */
    private Optional<String> nameServer(Container c) {
        return c.places.endpoints().stream().anyMatch(this::hasNames)
                ? Optional.of(NameService.ADDRESS)
                : Optional.empty();
    }

    private boolean hasNames(Endpoint e) {
        return !e.networkId().equals(directory.bridgeId());
    }

    /** Connects a container, at once where it runs. */
    void connect(Container c, Found network, EndpointConfig wish) {
        NetworkWishes.checkEndpoint(network.name(), wish);
        c.lock.lock();
        try {
            String mode = NetworkWishes.mode(c.config());
            if (network.name().equals("host") || mode.equals("host")) {
                throw forbidden("container cannot be disconnected from host network or connected to host network");
            }
            if (NetworkWishes.shared(c.config()).isPresent()) {
                throw forbidden("container sharing network namespace with another container or host cannot be connected"
                        + " to any other network");
            }
            if (network.name().equals("none") || mode.equals("none")) {
                throw forbidden("container cannot be connected to multiple networks with one of the networks in private"
                        + " (none) mode");
            }
            Map<String, EndpointConfig> endpoints = current(c);
            if (c.places.in(network.id()).isPresent()) {
                throw forbidden("endpoint with name " + c.name() + " already exists in network " + network.name());
            }
            endpoints.put(network.name(), wish);
            try (Undo undo = new Undo()) {
                if (c.state.alive()) {
                    Fd namespace = c.network
                            .map(Claimed::namespace)
                            .orElseThrow(() -> Lifecycle.conflict("container " + c.name() + " has just ended"));
                    Endpoint e = plug(c, namespace, network, wish);
                    undo.push(() -> unplug(c, e));
                    remember(c, endpoints);
                    changed(c, namespace);
                } else {
                    remember(c, endpoints);
                }
                undo.commit();
            } catch (NetworkException e) {
                throw new EngineException(EngineException.Kind.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
            }
        } finally {
            c.lock.unlock();
        }
    }

    private static EngineException forbidden(String sentence) {
        return new EngineException(EngineException.Kind.PERMISSION_DENIED, sentence);
    }

    /** What the container is connected to, the default bridge by name too. */
    private Map<String, EndpointConfig> current(Container c) {
        Map<String, EndpointConfig> endpoints = new LinkedHashMap<>(c.config().endpoints());
        if (endpoints.isEmpty() && (!c.state.alive() || !c.places.endpoints().isEmpty())) {
            endpoints.put(directory.get(NetworkWishes.mode(c.config())).name(), EndpointConfig.DEFAULT);
        }
        return endpoints;
    }

    private void remember(Container c, Map<String, EndpointConfig> endpoints) {
        StoredContainer next = c.stored.withConfig(
                ContainerConfigBuilder.builder(c.config()).endpoints(endpoints).build());
        store.update(next);
        c.stored = next;
    }

    /** The places of a running container have changed: its way out, its files and its state follow. */
    private void changed(Container c, Fd namespace) {
        gateway(c).ifPresent(g -> networks.route(c.id(), namespace, g));
        c.state = c.state.connected(c.places.stored());
        store.update(c.id(), c.state);
        try {
            writeFiles(c, store.directory(c.id()), HostFiles.hostname(store.directory(c.id())));
        } catch (IOException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "the hosts file of " + c.id(), e);
        }
    }

    private void unplug(Container c, Endpoint e) {
        networks.disconnect(c.id(), e);
        names.remove(e);
        directory.leave(e.networkId(), c.id());
        c.places = c.places.without(e);
        if (c.places.endpoints().stream().noneMatch(this::hasNames)) {
            names.end(c);
        }
        tell("disconnect", c, e);
    }

    /** Takes a container out of a network, at once where it runs. */
    void disconnect(Container c, Found network) {
        c.lock.lock();
        try {
            String mode = NetworkWishes.mode(c.config());
            if (network.name().equals("host") || mode.equals("host")) {
                throw forbidden("container cannot be disconnected from host network or connected to host network");
            }
            Map<String, EndpointConfig> endpoints = current(c);
            if (endpoints.remove(network.name()) == null
                    && c.places.in(network.id()).isEmpty()) {
                throw forbidden("container " + c.id() + " is not connected to network " + network.name());
            }
            Optional<Endpoint> place = c.places.in(network.id());
            if (c.state.alive() && place.isPresent() && c.network.isPresent()) {
                boolean published = c.places.published().stream()
                        .anyMatch(p -> p.containerAddress().equals(place.get().address()));
                if (published) {
                    networks.unpublish(c.id());
                    c.places = c.places.published(List.of());
                }
                unplug(c, place.get());
                if (published) {
                    publish(c);
                }
                remember(c, endpoints);
                changed(c, c.network.get().namespace());
            } else {
                remember(c, endpoints);
            }
        } catch (NetworkException e) {
            throw new EngineException(EngineException.Kind.INTERNAL, String.valueOf(e.getMessage()), e);
        } finally {
            c.lock.unlock();
        }
    }

    /** A container has another name. */
    void renamed(Container c) {
        for (Endpoint e : c.places.endpoints()) {
            if (hasNames(e)) {
                names.remove(e);
                names.add(c, e, wish(c, e));
            }
        }
    }
}
