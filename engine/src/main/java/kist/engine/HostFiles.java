package kist.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.network.Endpoint;

/** The files that a container gets from its host: /etc/hosts, /etc/hostname, /etc/resolv.conf (hosts(5), resolv.conf(5)). */
final class HostFiles {
    private HostFiles() {}

    /** Writes them into the container's directory, anew at each start. */
    static void write(Path directory, String hostname, HostConfig host, String domainname, Optional<Endpoint> endpoint)
            throws IOException {
        Files.writeString(directory.resolve("hostname"), hostname + "\n");
        StringBuilder hosts = new StringBuilder(256);
        if (host.network().equals("host")) {
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
                address = endpoint.map(Endpoint::gateway).orElse("127.0.0.1");
            }
            hosts.append(address).append('\t').append(extra, 0, colon).append('\n');
        }
        if (!host.network().equals("host")) {
            String full = domainname.isEmpty() ? hostname : hostname + "." + domainname + "\t" + hostname;
            hosts.append(endpoint.map(Endpoint::address).orElse("127.0.0.1"))
                    .append('\t')
                    .append(full)
                    .append('\n');
        }
        Files.writeString(directory.resolve("hosts"), hosts);
        Files.writeString(
                directory.resolve("resolv.conf"), resolver(host.network().equals("host")));
    }

    /** Refuses an entry that is not NAME:ADDRESS, or would add lines of its own. */
    static void checkExtraHost(String extra) {
        int colon = extra.indexOf(':');
        boolean good = colon > 0 && colon < extra.length() - 1;
        for (int i = 0; good && i < extra.length(); i++) {
            good = extra.charAt(i) > ' ' && extra.charAt(i) < 127;
        }
        if (!good) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "extra host " + Names.printable(extra) + " is not of the form name:address");
        }
    }

    /** The host's name servers; those on its loopback cannot be reached from a namespace of its own. */
    private static String resolver(boolean hostNetwork) throws IOException {
        String text = read(Path.of("/etc/resolv.conf"));
        if (hostNetwork) {
            return text;
        }
        List<String> lines = new ArrayList<>();
        for (String line : text.split("\n", -1)) {
            String[] words = line.strip().split("\\s+");
            if (words.length >= 2
                    && words[0].equals("nameserver")
                    && (words[1].startsWith("127.") || words[1].equals("::1"))) {
                continue;
            }
            lines.add(line);
        }
        return String.join("\n", lines);
    }

    private static String read(Path file) throws IOException {
        return Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
    }
}
