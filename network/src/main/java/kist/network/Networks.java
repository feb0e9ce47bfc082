package kist.network;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Netlink;

/**
 * The networks of an engine: one bridge with outgoing address translation, and network namespaces for containers, of
 * which some are kept ready so that a claim takes microseconds. Thread-safe.
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
    private final Bridge bridge;
    private final Fd home;
    private final Disposal disposal;
    private final Pool pool;
    private final Map<String, Lease> leases = new HashMap<>();

    /** What a container has; {@code prepared} is empty where this engine took it over from one before. */
    private record Lease(Mode mode, Optional<Endpoint> endpoint, Optional<Prepared> prepared) {}

    private Networks(Linux linux, NetworkState state, Subnet subnet, Fd home, Options options) {
        this.linux = linux;
        this.state = state;
        this.home = home;
        this.addresses = new Addresses(subnet);
        this.bridge = new Bridge(linux, options, subnet);
        this.disposal = new Disposal(linux, home, addresses);
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
     * {@linkplain #adopt adopted}.
     */
    public void startPool() {
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
        Optional<String> mac = requestedMac.map(m -> m.toLowerCase(Locale.ROOT));
        mac.ifPresent(m -> {
            if (!MAC.matcher(m).matches()) {
                throw new NetworkException("MAC address \"" + m
                        + "\" must be six bytes such as 02:42:ac:1d:00:02, the first of them even.");
            }
            if (mode == Mode.NONE) {
                throw new NetworkException("A container without a network cannot have the MAC address " + m + ".");
            }
        });
        synchronized (leases) {
            refuseSecond(containerId);
            // the place is taken before the namespace is there: a second claim must not get past it meanwhile
            leases.put(containerId, new Lease(mode, Optional.empty(), Optional.empty()));
        }
        try {
            Prepared prepared = pool.claim(mode, mac);
            Claimed claimed = prepared.claimed();
            synchronized (leases) {
                leases.put(containerId, new Lease(mode, claimed.endpoint(), Optional.of(prepared)));
            }
            return claimed;
        } catch (RuntimeException e) {
            synchronized (leases) {
                leases.remove(containerId);
            }
            throw e;
        }
    }

    /**
     * After a restart of the engine: a container that still runs, or has not been released, has this place. To be called
     * before {@link #startPool} and the first claim.
     *
     * @throws NetworkException if the container has a place already, or the address is in use
     */
    public void adopt(String containerId, Endpoint endpoint) {
        int address = Subnet.number(endpoint.address());
        synchronized (leases) {
            refuseSecond(containerId);
            // where the subnet had to change, an address of the former one is in nobody's way
            if (addresses.subnet().contains(address) && !addresses.reserve(address)) {
                throw new NetworkException("Container " + containerId + " has the address " + endpoint.address()
                        + ", which is in use by another or by the bridge.");
            }
            leases.put(containerId, new Lease(Mode.BRIDGE, Optional.of(endpoint), Optional.empty()));
        }
    }

    /** After a restart of the engine: a container that runs without a network. It only shows in {@link #list}. */
    public void adoptWithoutNetwork(String containerId) {
        synchronized (leases) {
            refuseSecond(containerId);
            leases.put(containerId, new Lease(Mode.NONE, Optional.empty(), Optional.empty()));
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
        boolean ordinary = claimed.endpoint().isEmpty()
                || claimed.endpoint()
                        .filter(e -> e.mac().equals(Subnet.mac(Subnet.number(e.address()))))
                        .filter(e -> addresses.subnet().contains(Subnet.number(e.address())))
                        .isPresent();
        Prepared prepared = lease.get().prepared().orElse(new Prepared(claimed, Optional.empty()));
        if (recyclable && ordinary) {
            pool.giveBack(prepared);
        } else {
            disposal.add(prepared);
        }
    }

    /**
     * An {@linkplain #adopt adopted} container has ended, and there is no descriptor of its namespace: the kernel
     * destroys that by itself. Its address is free when its link is gone. Returns at once.
     */
    public void release(String containerId) {
        Optional<Lease> lease;
        synchronized (leases) {
            lease = Optional.ofNullable(leases.remove(containerId));
        }
        lease.flatMap(Lease::endpoint).ifPresent(disposal::add);
    }

    /** The three networks: bridge, host, none. */
    public List<NetworkInfo> list() {
        Subnet subnet = addresses.subnet();
        String gateway = Subnet.address(subnet.gateway()).getHostAddress();
        return List.of(
                new NetworkInfo("bridge", state.bridgeId(), "bridge", subnet.toString(), gateway, in(Mode.BRIDGE)),
                new NetworkInfo("host", state.hostId(), "host", "", "", List.of()),
                new NetworkInfo("none", state.noneId(), "null", "", "", in(Mode.NONE)));
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
        pool.close();
        disposal.close();
        home.close();
    }

    /**
     * Closes, and removes the bridge and the table; to be called when no container runs. Forwarding stays on, since
     * others may have come to need it.
     *
     * @throws kist.kernel.KernelException if the kernel refuses
     */
    public void destroyAll() {
        pool.close();
        disposal.close();
        Throwable[] failure = new Throwable[1];
        Thread remover = Thread.ofPlatform().name("kist-network-remover").start(() -> {
            linux.setns(home, Flags.CLONE_NEWNET);
            try (Netlink route = Netlink.open(linux, Netlink.ROUTE)) {
                bridge.remove(route);
            } catch (RuntimeException e) {
                failure[0] = e;
            }
        });
        Threads.join(remover);
        home.close();
        if (failure[0] instanceof RuntimeException e) {
            throw e;
        }
    }
}
