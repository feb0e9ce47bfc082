package kist.network;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Netlink;

/**
 * The networks of an engine: one bridge with outgoing address translation, and network namespaces for containers, of
 * which some are kept ready so that a claim takes microseconds; further bridge networks, in which a container can be
 * besides or instead; and the published ports. Thread-safe.
 *
 * <p>What is claimed belongs to a container and outlives this object, as the bridge does. Namespaces that are ready
 * belong to this process: however it ends, the kernel destroys them with their links.
 *
 * <p>The bridge, forwarding (net.ipv4.ip_forward) and the table of nftables are made in the background or by the first
 * claim that needs them, never by {@link #open}. The table masks outgoing packets and drops what comes from outside
 * straight to a container's address. It opens nothing: where the host's own firewall drops forwarded packets, as
 * Docker's does, containers reach the outside only once it lets the bridge through.
 */
public final class Networks implements AutoCloseable {
    private static final Pattern MAC = Pattern.compile("[0-9a-f][02468ace](:[0-9a-f]{2}){5}");
    private static final Path NAMESPACE = Path.of("/proc/thread-self/ns/net");

    private final Linux linux;
    private final NetworkState state;
    private final Addresses addresses;
    private final String bridgeName;
    private final Bridge bridge;
    private final Fd home;
    private final Firewall firewall;
    private final UserNetworks users;
    private final Worker worker;
    private final Ports ports = new Ports();
    private final Disposal disposal;
    private final Pool pool;
    private final Map<String, Lease> leases = new HashMap<>();

    /**
     * What a container has.
     *
     * @param endpoint on the default bridge
     * @param others in further networks
     * @param altered whether there ever were others
     * @param prepared empty where this engine took the container over from one before
     */
    private record Lease(
            Mode mode,
            Optional<Endpoint> endpoint,
            List<Endpoint> others,
            boolean altered,
            List<Publication> published,
            Optional<Prepared> prepared) {
        static Lease of(Mode mode, Optional<Endpoint> endpoint, Optional<Prepared> prepared) {
            return new Lease(mode, endpoint, List.of(), false, List.of(), prepared);
        }

        Lease with(Optional<Endpoint> newEndpoint, List<Endpoint> newOthers) {
            return new Lease(mode, newEndpoint, List.copyOf(newOthers), true, published, prepared);
        }

        Lease with(List<Publication> newPublished) {
            return new Lease(mode, endpoint, others, altered, List.copyOf(newPublished), prepared);
        }

        Optional<Netlink> inside() {
            return prepared.flatMap(Prepared::inside);
        }
    }

    private Networks(Linux linux, NetworkState state, Subnet subnet, Fd home, Options options) {
        this.linux = linux;
        this.state = state;
        this.home = home;
        this.addresses = new Addresses(subnet);
        this.firewall = new Firewall(linux, options.table());
        this.bridgeName = options.bridge();
        this.bridge = new Bridge(options, subnet, firewall);
        this.users = new UserNetworks(linux, home, firewall);
        users.add(UserNetwork.ofDefault(state.bridgeId(), options.bridge(), addresses));
        this.worker = new Worker(linux, home, firewall::watch);
        this.disposal = new Disposal(linux, home, users::free);
        this.pool = new Pool(
                options.poolSize(), disposal, () -> new Namespaces(linux, home, bridge, addresses, state.bridgeId()));
    }

    /**
     * Opens the networks; takes about a millisecond and changes nothing in the kernel. The calling thread's network
     * namespace is the host's from then on.
     *
     * @param stateDirectory made where missing; one engine's alone
     * @throws NetworkException if the subnet that is asked for, or every other, is in use on this host
     */
    public static Networks open(Path stateDirectory, Linux linux, Options options) {
        Optional<NetworkState> before = NetworkState.read(stateDirectory);
        NetworkState state = before.orElseGet(NetworkState::fresh);
        Subnet subnet;
        try (Netlink route = Netlink.open(linux, Netlink.ROUTE)) {
            subnet = Bridge.chooseSubnet(route, options, state.subnet());
        }
        NetworkState now = state.withSubnet(subnet);
        if (!before.equals(Optional.of(now))) {
            now.write(stateDirectory);
        }
        return new Networks(linux, now, subnet, linux.open(NAMESPACE, Flags.O_RDONLY, 0), options);
    }

    /**
     * Begins to fill the pool in the background; the first claim does so too. Not before all that runs is
     * {@linkplain #adopt adopted}. What the adopted need of bridges and of the table is made if it is missing.
     */
    public void startPool() {
        java.util.Set<String> needed = new java.util.TreeSet<>();
        synchronized (leases) {
            leases.values().forEach(l -> {
                l.endpoint().ifPresent(e -> needed.add(e.networkId()));
                l.others().forEach(e -> needed.add(e.networkId()));
            });
        }
        worker.start(() -> needed.forEach(id -> users.find(id).ifPresent(users::make)));
        pool.fill();
    }

    /**
     * A network namespace for a container, which it holds until {@link #release}. Microseconds where one is ready, about
     * a millisecond where it must be made.
     *
     * @param requestedMac of {@code eth0}, lower or upper case with colons; empty for one that follows from the address
     * @throws NetworkException if the container has one, the hardware address is not one for a single host, all addresses
     *     are in use, or the kernel refuses
     */
    public Claimed claim(String containerId, Mode mode, Optional<String> requestedMac) {
        Optional<String> mac = requestedMac.map(Networks::checkedMac);
        mac.ifPresent(m -> {
            if (mode == Mode.NONE) {
                throw new NetworkException("A container without a network cannot have the MAC address " + m + ".");
            }
        });
        synchronized (leases) {
            refuseSecond(containerId);
            // the place is taken before the namespace is there: a second claim must not get past it meanwhile
            leases.put(containerId, Lease.of(mode, Optional.empty(), Optional.empty()));
        }
        try {
            Prepared prepared = pool.claim(mode, mac);
            Claimed claimed = prepared.claimed();
            synchronized (leases) {
                leases.put(containerId, Lease.of(mode, claimed.endpoint(), Optional.of(prepared)));
            }
            return claimed;
        } catch (RuntimeException e) {
            synchronized (leases) {
                leases.remove(containerId);
            }
            throw e;
        }
    }

    /** As {@link #adopt(String, List, List)} for a container on the default bridge without published ports. */
    public void adopt(String containerId, Endpoint endpoint) {
        adopt(containerId, List.of(endpoint), List.of());
    }

    /**
     * After a restart of the engine: a container that still runs, or has not been released, has these places and ports. To
     * be called before {@link #startPool} and the first claim, and after {@link #restore}.
     *
     * @throws NetworkException if the container has a place already, or an address is in use
     */
    public void adopt(String containerId, List<Endpoint> endpoints, List<Publication> published) {
        synchronized (leases) {
            refuseSecond(containerId);
            Optional<Endpoint> own = Optional.empty();
            List<Endpoint> others = new ArrayList<>();
            for (Endpoint e : endpoints) {
                int address = Subnet.number(e.address());
                boolean usual = e.networkId().equals(state.bridgeId());
                Optional<Addresses> of = users.find(e.networkId()).map(UserNetwork::addresses);
                // where the subnet had to change, an address of the former one is in nobody's way
                if (of.isPresent()
                        && of.get().subnet().contains(address)
                        && !of.get().reserve(address)) {
                    throw new NetworkException("Container " + containerId + " has the address " + e.address()
                            + ", which is in use by another or by the bridge.");
                }
                if (usual) {
                    own = Optional.of(e);
                } else {
                    others.add(e);
                }
            }
            published.forEach(firewall::note);
            published.forEach(ports::adopt);
            leases.put(
                    containerId,
                    new Lease(
                            own.isPresent() ? Mode.BRIDGE : Mode.NONE,
                            own,
                            List.copyOf(others),
                            !others.isEmpty(),
                            List.copyOf(published),
                            Optional.empty()));
        }
    }

    /** After a restart of the engine: a container that runs without a network. It only shows in {@link #list}. */
    public void adoptWithoutNetwork(String containerId) {
        synchronized (leases) {
            refuseSecond(containerId);
            leases.put(containerId, Lease.of(Mode.NONE, Optional.empty(), Optional.empty()));
        }
    }

    private void refuseSecond(String containerId) {
        if (leases.containsKey(containerId)) {
            throw new NetworkException("Container " + containerId + " has a network namespace already.");
        }
    }

    /**
     * All processes of the container have ended. Returns at once; the work is done in the background. The descriptor is
     * closed or used again: the caller must not touch it any more.
     *
     * @param recyclable that no process in the namespace ever could change it: it had neither CAP_NET_ADMIN nor
     *     CAP_SYS_ADMIN, was not privileged, and was given no sysctl of net. The namespace is then cleaned for the
     *     next container, on the bridge with another address; counters of its links and protocols go on.
     */
    public void release(String containerId, Claimed claimed, boolean recyclable) {
        Optional<Lease> lease;
        synchronized (leases) {
            lease = Optional.ofNullable(leases.remove(containerId));
        }
        if (lease.isEmpty()) {
            // its address may be another's by now
            claimed.namespace().close();
            return;
        }
        withdraw(lease.get());
        boolean ordinary = claimed.endpoint().isEmpty()
                || claimed.endpoint()
                        .filter(e -> e.mac().equals(Subnet.mac(Subnet.number(e.address()))))
                        .filter(e -> addresses.subnet().contains(Subnet.number(e.address())))
                        .isPresent();
        Prepared prepared = lease.get().prepared().orElse(new Prepared(claimed, Optional.empty()));
        lease.get().others().forEach(disposal::add);
        if (recyclable && ordinary && !lease.get().altered()) {
            pool.giveBack(prepared);
        } else if (lease.get().endpoint().equals(claimed.endpoint())) {
            disposal.add(prepared);
        } else {
            // it left or joined the default bridge while it ran
            lease.get().endpoint().ifPresent(disposal::add);
            disposal.add(new Prepared(new Claimed(claimed.namespace(), Optional.empty()), prepared.inside()));
        }
    }

    /**
     * An {@linkplain #adopt adopted} container has ended, and there is no descriptor of its namespace: the kernel
     * destroys that by itself. Its addresses are free when their links are gone. Returns at once.
     */
    public void release(String containerId) {
        Optional<Lease> lease;
        synchronized (leases) {
            lease = Optional.ofNullable(leases.remove(containerId));
        }
        lease.ifPresent(this::withdraw);
        lease.flatMap(Lease::endpoint).ifPresent(disposal::add);
        lease.ifPresent(l -> l.others().forEach(disposal::add));
    }

    private void withdraw(Lease lease) {
        if (!lease.published().isEmpty()) {
            worker.call(() -> {
                firewall.unpublish(lease.published());
                ports.give(lease.published());
                return lease;
            });
        }
    }

    private Lease lease(String containerId) {
        synchronized (leases) {
            Lease lease = leases.get(containerId);
            if (lease == null) {
                throw new NetworkException("Container " + containerId + " has no network namespace.");
            }
            return lease;
        }
    }

    private void update(String containerId, UnaryOperator<Lease> change) {
        synchronized (leases) {
            leases.computeIfPresent(containerId, (id, lease) -> change.apply(lease));
        }
    }

    /**
     * Chooses what a wish for a network leaves open and notes the network. Nothing changes in the kernel before
     * {@link #make}, so that the caller can write down first what it is about to do.
     *
     * @return the network with subnet, gateway and bridge
     * @throws NetworkException naming what is wrong with it, or that no subnet is free
     */
    public BridgeNetwork define(BridgeNetwork wish) {
        return worker.call(() -> users.define(wish));
    }

    /** After a restart of the engine: a network that was {@linkplain #define defined}. */
    public void restore(BridgeNetwork network) {
        users.restore(network);
    }

    /**
     * Makes the bridge of a network and what else is missing of it.
     *
     * @throws NetworkException if the kernel refuses
     */
    public void make(String networkId) {
        worker.call(() -> {
            users.make(users.get(networkId));
            return networkId;
        });
    }

    /** Removes a network, in which no container may be; harmless where there is none. */
    public void remove(String networkId) {
        worker.call(() -> {
            users.remove(networkId);
            return networkId;
        });
    }

    /** Removes the bridge of a network that is known no more. */
    public void removeBridge(String bridgeName) {
        worker.call(() -> {
            users.removeLink(bridgeName);
            return bridgeName;
        });
    }

    /**
     * Connects a container that has claimed its namespace to a network besides the default bridge; its link is the first
     * {@code ethN} that is free.
     *
     * @throws NetworkException if the address is in use or none of the network's, or the kernel refuses
     */
    public Endpoint connect(String containerId, Fd namespace, EndpointWish wish) {
        String mac = checkedMac(wish.mac());
        Lease lease = lease(containerId);
        Endpoint endpoint = worker.call(() ->
                users.connect(namespace, lease.inside(), new EndpointWish(wish.networkId(), wish.address(), mac)));
        update(containerId, l -> {
            List<Endpoint> others = new ArrayList<>(l.others());
            others.add(endpoint);
            return l.with(l.endpoint(), others);
        });
        return endpoint;
    }

    /** Takes a container out of a network, the default bridge too. */
    public void disconnect(String containerId, Endpoint endpoint) {
        worker.call(() -> {
            users.removeLink(endpoint.hostInterface());
            users.free(endpoint);
            return endpoint;
        });
        update(containerId, l -> {
            List<Endpoint> others = new ArrayList<>(l.others());
            others.removeIf(e -> e.endpointId().equals(endpoint.endpointId()));
            return l.with(l.endpoint().filter(e -> !e.endpointId().equals(endpoint.endpointId())), others);
        });
    }

    /** Has a container send what is for no network of its own to the gateway of this place. */
    public void route(String containerId, Fd namespace, Endpoint endpoint) {
        Lease lease = lease(containerId);
        worker.call(() -> {
            users.route(namespace, lease.inside(), endpoint);
            return endpoint;
        });
    }

    /**
     * Has the thread of this class do something inside a container's namespace, such as opening sockets that stay there,
     * and sends what the container asks of an address's port 53 to where it listens then. A container's own programs can
     * have port 53 for themselves meanwhile. Done again, it takes the place of what was there.
     *
     * @param address of the container's loopback
     * @param open answers the port, the same by UDP and TCP
     */
    public void nameServer(Fd namespace, String address, IntSupplier open) {
        worker.call(() -> {
            linux.setns(namespace, Flags.CLONE_NEWNET);
            try {
                InsideNames.install(linux, address, open.getAsInt());
            } finally {
                linux.setns(home, Flags.CLONE_NEWNET);
            }
            return address;
        });
    }

    /**
     * Publishes ports of a container at this host until {@link #release}, or {@link #unpublish}.
     *
     * @param endpoint of the container, to which connections go
     * @throws PortTakenException if a port is another's
     * @throws NetworkException if the kernel refuses
     */
    public List<Publication> publish(String containerId, Endpoint endpoint, List<PortWish> wishes) {
        List<Publication> published = worker.call(() -> {
            List<Publication> taken = ports.take(wishes, endpoint.address());
            try {
                users.reflect(endpoint);
                firewall.publish(taken);
                return taken;
            } catch (RuntimeException e) {
                ports.give(taken);
                throw e;
            }
        });
        update(containerId, l -> {
            List<Publication> all = new ArrayList<>(l.published());
            all.addAll(published);
            return l.with(all);
        });
        return published;
    }

    /** Takes all ports of a container back. */
    public void unpublish(String containerId) {
        withdraw(lease(containerId));
        update(containerId, l -> l.with(List.of()));
    }

    private static String checkedMac(String mac) {
        String lower = mac.toLowerCase(Locale.ROOT);
        if (!lower.isEmpty() && !MAC.matcher(lower).matches()) {
            throw new NetworkException(
                    "MAC address \"" + mac + "\" must be six bytes such as 02:42:ac:1d:00:02, the first of them even.");
        }
        return lower;
    }

    /** The three networks: bridge, host, none. */
    public List<NetworkInfo> list() {
        Subnet subnet = addresses.subnet();
        String gateway = Subnet.address(subnet.gateway()).getHostAddress();
        return List.of(
                new NetworkInfo(
                        "bridge", state.bridgeId(), "bridge", subnet.toString(), gateway, bridgeName, in(Mode.BRIDGE)),
                new NetworkInfo("host", state.hostId(), "host", "", "", "", List.of()),
                new NetworkInfo("none", state.noneId(), "null", "", "", "", in(Mode.NONE)));
    }

    private List<String> in(Mode mode) {
        synchronized (leases) {
            return leases.entrySet().stream()
                    .filter(e -> e.getValue().mode() == mode)
                    .map(Map.Entry::getKey)
                    .sorted()
                    .toList();
        }
    }

    /** Sentences about what the bridge lacks on this host, such as address translation; empty when all is well. */
    public List<String> warnings() {
        return bridge.warnings();
    }

    /** How many namespaces of a kind are ready. */
    public int ready(Mode mode) {
        return pool.ready(mode);
    }

    /** Destroys the namespaces that are ready. Those of containers, the bridge and the table stay. */
    @Override
    public void close() {
        endThreads();
        home.close();
    }

    private void endThreads() {
        pool.close();
        disposal.close();
        worker.close();
        ports.closeAll();
        users.close();
    }

    /**
     * Closes, and removes the bridges and the table; to be called when no container runs. Forwarding stays on, since
     * others may have come to need it.
     *
     * @throws NetworkException if the kernel refuses
     */
    public void destroyAll() {
        try {
            pool.close();
            disposal.close();
            worker.call(() -> {
                users.unmake();
                firewall.uninstall();
                return bridge;
            });
        } finally {
            endThreads();
            home.close();
        }
    }
}
