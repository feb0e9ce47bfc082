package kist.network;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The host's ports that are published. Each is held by a socket that nobody reads, so that no program of the host takes
 * it, and `ss -ltn` shows it as taken; connections never come to it, since the table of nftables sends them on. To be
 * used on threads in the host's network namespace. Thread-safe.
 */
final class Ports {
    private static final Path RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");
    private static final Path SCTP = Path.of("/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established");
    private static final int TRIES = 200;

    private record Key(String protocol, int address, int port) {}

    private final Map<Key, Optional<Channel>> held = new HashMap<>();

    /** Takes a port of the host for each wish; all or none. */
    synchronized List<Publication> take(List<PortWish> wishes, String containerAddress) {
        List<Publication> taken = new ArrayList<>();
        try {
            for (PortWish w : wishes) {
                taken.add(take(w, containerAddress));
            }
            return taken;
        } catch (RuntimeException e) {
            give(taken);
            throw e;
        }
    }

    /** Takes a port that an engine before this one had published; it stays published even where the port is gone. */
    synchronized void adopt(Publication p) {
        Key key = key(p);
        Optional<Channel> socket;
        try {
            socket = bind(key);
        } catch (IOException e) {
            System.getLogger("kist.network")
                    .log(System.Logger.Level.WARNING, "{0} stays published, but another program has the port too", p);
            socket = Optional.empty();
        }
        held.put(key, socket);
    }

    synchronized void give(List<Publication> publications) {
        for (Publication p : publications) {
            Optional<Channel> socket = held.getOrDefault(key(p), Optional.empty());
            held.remove(key(p));
            close(socket);
        }
    }

    synchronized void closeAll() {
        held.values().forEach(Ports::close);
        held.clear();
    }

    private static void close(Optional<Channel> socket) {
        if (socket.isPresent()) {
            try {
                socket.get().close();
            } catch (IOException e) {
                System.getLogger("kist.network").log(System.Logger.Level.DEBUG, "closing a port", e);
            }
        }
    }

    private static Key key(Publication p) {
        return new Key(p.protocol(), Subnet.number(p.hostAddress()), p.hostPort());
    }

    private Publication take(PortWish w, String containerAddress) {
        if (w.protocol().equals("sctp") && !Files.exists(SCTP)) {
            throw new NetworkException("This kernel cannot translate sctp (CONFIG_NF_CT_PROTO_SCTP); port "
                    + w.containerPort() + "/sctp cannot be published.");
        }
        int address = Subnet.number(w.hostAddress());
        int first = w.firstPort();
        int last = w.lastPort();
        boolean any = first == 0;
        if (any) {
            int[] range = range();
            first = range[0];
            last = range[1];
        }
        int size = last - first + 1;
        int start = any ? ThreadLocalRandom.current().nextInt(size) : 0;
        String why = "port is already allocated";
        for (int i = 0; i < Math.min(size, any ? TRIES : size); i++) {
            Key key = new Key(w.protocol(), address, first + (start + i) % size);
            if (isTaken(key)) {
                why = "port is already allocated";
                continue;
            }
            try {
                held.put(key, bind(key));
                return new Publication(w.protocol(), w.hostAddress(), key.port(), containerAddress, w.containerPort());
            } catch (IOException e) {
                why = "address already in use".equalsIgnoreCase(String.valueOf(e.getMessage()))
                        ? "port is already in use by a program of this host: address already in use"
                        : e.getMessage() + "";
            }
        }
        String ports = any ? "any port" : first == last ? Integer.toString(first) : first + "-" + last;
        throw new PortTakenException("Bind for " + w.hostAddress() + ":" + ports + " failed: " + why);
    }

    /** A port of all addresses excludes the same port of one. */
    private boolean isTaken(Key wanted) {
        return held.keySet().stream()
                .anyMatch(k -> k.port() == wanted.port()
                        && k.protocol().equals(wanted.protocol())
                        && (k.address() == 0 || wanted.address() == 0 || k.address() == wanted.address()));
    }

    private static int[] range() {
        try {
            String[] words = Files.readString(RANGE).strip().split("\\s+");
            return new int[] {Integer.parseInt(words[0]), Integer.parseInt(words[1])};
        } catch (IOException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
            return new int[] {32768, 60999};
        }
    }

    private static Optional<Channel> bind(Key key) throws IOException {
        InetSocketAddress at = new InetSocketAddress(Subnet.address(key.address()), key.port());
        return switch (key.protocol()) {
            case "tcp" -> {
                ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.INET);
                try {
                    // without: what a program of the host left in TIME_WAIT would keep the port for a minute
                    socket.setOption(StandardSocketOptions.SO_REUSEADDR, true);
                    yield Optional.of(socket.bind(at, 1));
                } catch (IOException | RuntimeException e) {
                    socket.close();
                    throw e;
                }
            }
            case "udp" -> {
                DatagramChannel socket = DatagramChannel.open(StandardProtocolFamily.INET);
                try {
                    yield Optional.of(socket.bind(at));
                } catch (IOException | RuntimeException e) {
                    socket.close();
                    throw e;
                }
            }
            default -> Optional.empty();
        };
    }
}
