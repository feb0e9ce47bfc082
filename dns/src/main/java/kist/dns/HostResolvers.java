package kist.dns;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The name servers of this host (resolv.conf(5)), read anew when the file has changed. Thread-safe. */
public final class HostResolvers {
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int PORT = 53;
    private static final int MOST = 3;

    private final Path file;
    private long looked;
    private FileTime changed = FileTime.fromMillis(0);
    private List<InetSocketAddress> servers = List.of();

    /** @param file usually /etc/resolv.conf */
    public HostResolvers(Path file) {
        this.file = file;
        this.looked = System.nanoTime() - LOOK_NANOS;
    }

    /** The servers as of a second ago at the latest; none where there is no such file. */
    public synchronized List<InetSocketAddress> servers() {
        long now = System.nanoTime();
        if (now - looked >= LOOK_NANOS) {
            looked = now;
            try {
                FileTime time = Files.getLastModifiedTime(file);
                if (!time.equals(changed)) {
                    servers = parse(Files.readString(file));
                    changed = time;
                }
            } catch (IOException | RuntimeException e) {
                servers = List.of();
                changed = FileTime.fromMillis(0);
            }
        }
        return servers;
    }

    /** The name servers that a resolv.conf(5) names. */
    public static List<InetSocketAddress> parse(String text) {
        List<InetSocketAddress> found = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String[] words = line.strip().split("\\s+");
            if (words.length >= 2 && words[0].equals("nameserver") && found.size() < MOST) {
                try {
                    found.add(new InetSocketAddress(InetAddress.ofLiteral(words[1]), PORT));
                } catch (IllegalArgumentException e) {
                    // as every resolver does, one that is no address is passed over
                    continue;
                }
            }
        }
        return List.copyOf(found);
    }
}
