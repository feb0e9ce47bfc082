package kist.engine;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.dns.HostResolvers;
import kist.network.Endpoint;

/** The files that a container gets from its host: /etc/hosts, /etc/hostname, /etc/resolv.conf (hosts(5), resolv.conf(5)). */
final class HostFiles {
    /** Where systemd-resolved says whom it asks. */
    private static final Path UPSTREAM = Path.of("/run/systemd/resolve/resolv.conf");

    private static final int LONGEST = 1 << 20;

    private HostFiles() {}

    /**
     * Writes them into the container's directory. What is there is overwritten in place, so that a running container sees
     * it.
     *
     * @param places in networks
     * @param gateway by which the container reaches the world
     * @param linked lines of the hosts file for links
     * @param nameServer the engine's, where the container is in a network that has names
     */
    static void write(
            Path directory,
            String hostname,
            ContainerConfig config,
            List<Endpoint> places,
            Optional<Endpoint> gateway,
            List<String> linked,
            Optional<String> nameServer)
            throws IOException {
        HostConfig host = config.host();
        boolean hostNetwork = host.network().equals("host");
        Files.writeString(directory.resolve("hostname"), hostname + "\n");
        StringBuilder hosts = new StringBuilder(256);
        if (hostNetwork) {
            hosts.append(read(Path.of("/etc/hosts")));
            if (!hosts.isEmpty() && hosts.charAt(hosts.length() - 1) != '\n') {
                hosts.append('\n');
            }
        } else {
            hosts.append("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        }
        for (String extra : host.extraHosts()) {
            int colon = extra.indexOf(':');
            String address = extra.substring(colon + 1);
            if (address.equals("host-gateway")) {
                address = gateway.map(Endpoint::gateway).orElse("127.0.0.1");
            }
            hosts.append(address).append('\t').append(extra, 0, colon).append('\n');
        }
        linked.forEach(line -> hosts.append(line).append('\n'));
        if (!hostNetwork) {
            String domain = config.domainname();
            String full = domain.isEmpty() ? hostname : hostname + "." + domain + " " + hostname;
            List<String> addresses = places.isEmpty()
                    ? List.of("127.0.0.1")
                    : places.stream().map(Endpoint::address).toList();
            addresses.forEach(
                    address -> hosts.append(address).append('\t').append(full).append('\n'));
        }
        Files.writeString(directory.resolve("hosts"), hosts);
        Files.writeString(directory.resolve("resolv.conf"), resolver(host, hostNetwork, nameServer));
    }

    /** The name that was written last. */
    static String hostname(Path directory) throws IOException {
        return new String(start(directory.resolve("hostname")), StandardCharsets.ISO_8859_1).strip();
    }

    /** Gives a container the files of the one whose network it shares. */
    static void copy(Path from, Path to) throws IOException {
        for (String file : List.of("hostname", "hosts", "resolv.conf")) {
            Files.write(to.resolve(file), start(from.resolve(file)));
        }
    }

    /** As much as such a file can have in earnest: the container may have written anything into it. */
    private static byte[] start(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(LONGEST);
        }
    }

    /** Refuses an entry that is not NAME:ADDRESS, or would add lines of its own. */
    static void checkExtraHost(String extra) {
        int colon = extra.indexOf(':');
        boolean good = colon > 0 && colon < extra.length() - 1;
        for (int i = 0; good && i < extra.length(); i++) {
            good = extra.charAt(i) > ' ' && extra.charAt(i) < 127;
        }
        String address = good ? extra.substring(colon + 1) : "";
        if (!good || !address.equals("host-gateway") && !NetworkWishes.isAddress(address)) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "extra host " + Names.printable(extra)
                            + " is not of the form name:address, with an IP address or host-gateway");
        }
    }

    /**
     * The engine's name server, those that were asked for, or else the host's, of which those on its loopback cannot be
     * reached from a namespace of its own.
     */
    private static String resolver(HostConfig host, boolean hostNetwork, Optional<String> nameServer)
            throws IOException {
        List<String> servers = new ArrayList<>();
        List<String> search = new ArrayList<>();
        List<String> options = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        for (String line : read(Path.of("/etc/resolv.conf")).split("\n", -1)) {
            String[] words = line.strip().split("\\s+");
            List<String> values = List.of(words).subList(1, words.length);
            switch (words[0]) {
                case "nameserver" -> {
                    boolean loopback =
                            !values.isEmpty() && (values.getFirst().startsWith("127.") || values.contains("::1"));
                    if (hostNetwork || !loopback) {
                        servers.addAll(values);
                    }
                }
                case "search", "domain" -> {
                    search.clear();
                    search.addAll(values);
                }
                case "options" -> options.addAll(values);
                case "" -> {}
                default -> {
                    if (!line.startsWith("#") && !line.startsWith(";")) {
                        rest.add(line);
                    }
                }
            }
        }
        if (servers.isEmpty()) {
            // what a stub on the loopback asks in its turn
            for (InetSocketAddress s : HostResolvers.parse(read(UPSTREAM))) {
                servers.add(s.getAddress().getHostAddress());
            }
        }
        if (!host.dns().isEmpty()) {
            servers = host.dns();
        }
        if (!host.dnsSearch().isEmpty()) {
            search = host.dnsSearch().equals(List.of(".")) ? List.of() : host.dnsSearch();
        }
        if (!host.dnsOptions().isEmpty()) {
            options = new ArrayList<>(host.dnsOptions());
        }
        if (nameServer.isPresent()) {
            servers = List.of(nameServer.get());
            if (options.stream().noneMatch(o -> o.startsWith("ndots:"))) {
                options.add("ndots:0");
            }
        }
        StringBuilder text = new StringBuilder(128);
        servers.forEach(s -> text.append("nameserver ").append(s).append('\n'));
        if (!search.isEmpty()) {
            text.append("search ").append(String.join(" ", search)).append('\n');
        }
        if (!options.isEmpty()) {
            text.append("options ").append(String.join(" ", options)).append('\n');
        }
        rest.forEach(line -> text.append(line).append('\n'));
        return text.toString();
    }

    private static String read(Path file) throws IOException {
        return Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
    }
}
