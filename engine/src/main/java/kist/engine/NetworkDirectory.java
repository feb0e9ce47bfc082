package kist.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import kist.network.BridgeNetwork;
import kist.network.NetworkException;
import kist.network.NetworkInfo;
import kist.network.Networks;

/**
 * The networks by id and name, and who uses them. What is made or removed is on disk first, so that an engine that is
 * killed in between finishes it at its next start. Thread-safe.
 */
final class NetworkDirectory {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}");
    private static final String OPTION = "com.docker.network.";

    private final Networks networks;
    private final NetworkStore store;
    private final Events events;
    private final Map<String, NetworkInfo> predefined = new LinkedHashMap<>();
    private final String bridgeId;
    private final TreeMap<String, StoredNetwork> byId = new TreeMap<>();
    /** Ids of the containers that hold a place in a network now. */
    private final Map<String, Set<String>> users = new HashMap<>();

    NetworkDirectory(Networks networks, NetworkStore store, Events events) {
        this.networks = networks;
        this.store = store;
        this.events = events;
        networks.list().forEach(n -> predefined.put(n.id(), n));
        this.bridgeId = predefined.keySet().iterator().next();
    }

    /** For the start of the engine: knows again what is on disk, and finishes what was to be removed. */
    void restore() {
        NetworkStore.Found found = store.load();
        for (StoredNetwork n : found.networks()) {
            try {
                networks.restore(n.network());
            } catch (NetworkException e) {
                throw new EngineException(
                        EngineException.Kind.INTERNAL,
                        "cannot take over network " + n.name() + ": " + e.getMessage(),
                        e);
            }
            byId.put(n.id(), n);
        }
        for (StoredNetwork n : found.gone()) {
            networks.removeBridge(n.bridge());
            store.forget(n.id());
        }
    }

    /** What a reference stands for. */
    sealed interface Found {
        /** One of bridge, host and none. */
        record Predefined(NetworkInfo network) implements Found {}

        /** One that a user made. */
        record User(StoredNetwork network) implements Found {}

        default String id() {
            return switch (this) {
                case Predefined p -> p.network().id();
                case User u -> u.network().id();
            };
        }

        default String name() {
            return switch (this) {
                case Predefined p -> p.network().name();
                case User u -> u.network().name();
            };
        }
    }

    /** The network of a full id, a name, or a unique prefix of an id, in this order. */
    synchronized Found get(String ref) {
        return find(ref)
                .orElseThrow(() -> new EngineException(
                        EngineException.Kind.NOT_FOUND, "network " + Names.printable(ref) + " not found"));
    }

    synchronized Optional<Found> find(String ref) {
        List<Found> all = new ArrayList<>();
        predefined.values().forEach(p -> all.add(new Found.Predefined(p)));
        byId.values().forEach(n -> all.add(new Found.User(n)));
        for (Found f : all) {
            if (f.id().equals(ref)) {
                return Optional.of(f);
            }
        }
        for (Found f : all) {
            if (f.name().equals(ref)) {
                return Optional.of(f);
            }
        }
        List<Found> beginning = ref.isEmpty()
                ? List.of()
                : all.stream().filter(f -> f.id().startsWith(ref)).toList();
        if (beginning.size() > 1) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "network " + Names.printable(ref) + " is ambiguous (" + beginning.size()
                            + " matches found based on ID prefix)");
        }
        return beginning.stream().findFirst();
    }

    synchronized Optional<StoredNetwork> user(String id) {
        return Optional.ofNullable(byId.get(id));
    }

    /** Id of the default bridge. */
    String bridgeId() {
        return bridgeId;
    }

    /** A container takes a place in a network, which cannot be removed until it gives it back. */
    synchronized void use(String networkId, String containerId) {
        if (!byId.containsKey(networkId) && !predefined.containsKey(networkId)) {
            throw new EngineException(EngineException.Kind.NOT_FOUND, "network " + networkId + " not found");
        }
        users.computeIfAbsent(networkId, id -> new HashSet<>()).add(containerId);
    }

    synchronized void leave(String networkId, String containerId) {
        Set<String> left = users.getOrDefault(networkId, Set.of());
        left.remove(containerId);
        if (left.isEmpty()) {
            users.remove(networkId);
        }
    }

    synchronized String create(NetworkConfig config) {
        StoredNetwork wish = wish(config);
        try (Undo undo = new Undo()) {
            BridgeNetwork chosen = networks.define(wish.network());
            undo.push(() -> networks.remove(chosen.id()));
            StoredNetwork network = wish.with(chosen);
            store.write(network);
            undo.push(() -> {
                store.markGone(network);
                store.forget(network.id());
            });
            networks.make(network.id());
            undo.commit();
            byId.put(network.id(), network);
            events.publish("network", "create", network.id(), attributes(network));
            return network.id();
        } catch (NetworkException e) {
            throw new EngineException(EngineException.Kind.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
        }
    }

    private StoredNetwork wish(NetworkConfig c) {
        if (!NAME.matcher(c.name()).matches()) {
            throw Creation.invalid("invalid network name \"" + Names.printable(c.name())
                    + "\": it must have letters, digits, '_', '.' or '-', and begin with a letter or digit");
        }
        if (Set.of("bridge", "host", "none", "default", "container").contains(c.name())) {
            throw new EngineException(
                    EngineException.Kind.PERMISSION_DENIED,
                    "operation is not permitted on predefined " + c.name() + " network");
        }
        if (byId.values().stream().anyMatch(n -> n.name().equals(c.name()))) {
            throw new EngineException(
                    EngineException.Kind.ALREADY_EXISTS, "network with name " + c.name() + " already exists");
        }
        switch (c.driver()) {
            case "", "bridge" -> {}
            case "host", "null" ->
                throw new EngineException(
                        EngineException.Kind.PERMISSION_DENIED,
                        "only one instance of \"" + c.driver() + "\" network is allowed");
            default ->
                throw new EngineException(
                        EngineException.Kind.NOT_FOUND,
                        "plugin \"" + Names.printable(c.driver())
                                + "\" not found; this version makes networks with the driver bridge");
        }
        if (!c.ipamDriver().isEmpty() && !c.ipamDriver().equals("default")) {
            throw new EngineException(
                    EngineException.Kind.NOT_FOUND,
                    "plugin \"" + Names.printable(c.ipamDriver()) + "\" not found; there is the IPAM driver default");
        }
        if (!c.ipamOptions().isEmpty()) {
            throw Creation.invalid("the IPAM driver default knows no option "
                    + Names.printable(c.ipamOptions().keySet().iterator().next()));
        }
        if (c.enableIpv6() || c.pools().stream().anyMatch(p -> p.subnet().contains(":"))) {
            throw unsupported("networks with IPv6 are not supported by this version");
        }
        if (!c.enableIpv4()) {
            throw unsupported("networks without IPv4 are not supported by this version");
        }
        if (c.pools().size() > 1) {
            throw unsupported(
                    "a bridge network has one IPv4 subnet; " + c.pools().size() + " were given");
        }
        return options(c);
    }

    private static StoredNetwork options(NetworkConfig c) {
        Map<String, String> left = new TreeMap<>(c.options());
        String bridge = take(left, OPTION + "bridge.name");
        boolean masquerade = truth(left, OPTION + "bridge.enable_ip_masquerade");
        boolean communication = truth(left, OPTION + "bridge.enable_icc");
        String binding = take(left, OPTION + "bridge.host_binding_ipv4");
        String mtu = take(left, OPTION + "driver.mtu");
        String mode = take(left, OPTION + "bridge.gateway_mode_ipv4");
        if (!mode.isEmpty() && !mode.equals("nat")) {
            throw unsupported(
                    "the gateway mode " + Names.printable(mode) + " is not supported by this version, only nat");
        }
        if (take(left, OPTION + "bridge.default_bridge").equals("true")) {
            throw new EngineException(
                    EngineException.Kind.PERMISSION_DENIED, "operation is not permitted on the default bridge");
        }
        if (!left.isEmpty()) {
            throw Creation.invalid("the driver bridge knows no option "
                    + Names.printable(left.keySet().iterator().next()));
        }
        int size;
        try {
            size = mtu.isEmpty() ? 0 : Integer.parseInt(mtu);
        } catch (NumberFormatException e) {
            throw Creation.invalid("the MTU " + Names.printable(mtu) + " must be a number");
        }
        Optional<NetworkConfig.Pool> pool = c.pools().stream().findFirst();
        NetworkConfig config = new NetworkConfig(
                c.name(),
                "bridge",
                c.internal(),
                c.attachable(),
                true,
                false,
                "default",
                Map.of(),
                c.pools(),
                c.options(),
                c.labels());
        return new StoredNetwork(
                StoredNetwork.FORMAT,
                Ids.random(),
                config,
                Clock.nanos(),
                bridge,
                pool.map(NetworkConfig.Pool::subnet).orElse(""),
                pool.map(NetworkConfig.Pool::gateway).orElse(""),
                size,
                communication,
                masquerade,
                binding.equals("0.0.0.0") ? "" : binding);
    }

    private static String take(Map<String, String> options, String name) {
        String value = options.getOrDefault(name, "");
        options.remove(name);
        return value;
    }

    private static boolean truth(Map<String, String> options, String name) {
        String value = take(options, name);
        return switch (value) {
            case "", "true", "1" -> true;
            case "false", "0" -> false;
            default ->
                throw Creation.invalid("the option " + name + " must be true or false, not " + Names.printable(value));
        };
    }

    private static EngineException unsupported(String sentence) {
        return new EngineException(EngineException.Kind.UNSUPPORTED, sentence);
    }

    /** Removes a network in which nobody is. */
    synchronized void remove(String ref) {
        switch (get(ref)) {
            case Found.Predefined p ->
                throw new EngineException(
                        EngineException.Kind.PERMISSION_DENIED,
                        p.network().name() + " is a pre-defined network and cannot be removed");
            case Found.User(StoredNetwork n) -> {
                if (users.containsKey(n.id())) {
                    throw new EngineException(
                            EngineException.Kind.PERMISSION_DENIED,
                            "error while removing network: network " + n.name() + " id " + n.id()
                                    + " has active endpoints");
                }
                store.markGone(n);
                byId.remove(n.id());
                try {
                    networks.remove(n.id());
                    store.forget(n.id());
                } catch (NetworkException e) {
                    // its file says at the next start that the bridge is still to go
                    System.getLogger("kist")
                            .log(System.Logger.Level.WARNING, "the bridge of " + n.name() + " stays", e);
                }
                events.publish("network", "destroy", n.id(), attributes(n));
            }
        }
    }

    synchronized List<String> prune(NetworkRequest.PruneNetworks r) {
        List<String> removed = new ArrayList<>();
        for (StoredNetwork n : List.copyOf(byId.values())) {
            boolean wanted = !users.containsKey(n.id())
                    && (r.untilNanos() == 0 || n.createdNanos() < r.untilNanos())
                    && r.labels().entrySet().stream().allMatch(l -> has(n, l))
                    && r.notLabels().entrySet().stream().noneMatch(l -> has(n, l));
            if (wanted) {
                remove(n.id());
                removed.add(n.name());
            }
        }
        events.publish("network", "prune", "", Map.of("reclaimed", "0"));
        return removed;
    }

    private static boolean has(StoredNetwork n, Map.Entry<String, String> label) {
        String value = n.config().labels().get(label.getKey());
        return value != null && (label.getValue().isEmpty() || label.getValue().equals(value));
    }

    static Map<String, String> attributes(StoredNetwork n) {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("name", n.name());
        all.put("type", "bridge");
        return all;
    }

    /** All networks, by name. */
    List<NetworkView> list(List<Container> containers) {
        List<NetworkView> views = new ArrayList<>();
        synchronized (this) {
            predefined.values().forEach(p -> views.add(view(p)));
            byId.values().forEach(n -> views.add(view(n)));
        }
        views.sort(Comparator.comparing(NetworkView::name));
        return views.stream().map(v -> with(v, containers)).toList();
    }

    NetworkView inspect(String ref, List<Container> containers) {
        return with(
                switch (get(ref)) {
                    case Found.Predefined p -> view(p.network());
                    case Found.User u -> view(u.network());
                },
                containers);
    }

    private NetworkView view(NetworkInfo n) {
        NetworkConfig config = new NetworkConfig(
                n.name(), n.driver(), false, false, true, false, "default", Map.of(), List.of(), Map.of(), Map.of());
        return new NetworkView(n.id(), config, 0, n.subnet(), n.gateway(), n.bridge(), Map.of(), true);
    }

    private static NetworkView view(StoredNetwork n) {
        return new NetworkView(
                n.id(), n.config(), n.createdNanos(), n.subnet(), n.gateway(), n.bridge(), Map.of(), false);
    }

    private static NetworkView with(NetworkView v, List<Container> containers) {
        Map<String, NetworkView.Member> members = new TreeMap<>();
        for (Container c : containers) {
            if (c.state.alive()) {
                c.places.in(v.id()).ifPresent(e -> members.put(c.id(), new NetworkView.Member(c.name(), e)));
                if (v.name().equals("host") && c.host().network().equals("host")
                        || v.name().equals("none") && c.host().network().equals("none")) {
                    members.put(
                            c.id(),
                            new NetworkView.Member(
                                    c.name(), new kist.network.Endpoint(v.name(), v.id(), "", "", "", 0, "", "")));
                }
            }
        }
        return new NetworkView(
                v.id(), v.config(), v.createdNanos(), v.subnet(), v.gateway(), v.bridge(), members, v.predefined());
    }
}
