package kist.network;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What must be the same after a restart: names for the three networks, and the subnet that was chosen. It holds no
 * lease; the truth about an address is its container's state.
 *
 * @param subnet empty before one was chosen
 */
record NetworkState(String bridgeId, String hostId, String noneId, Optional<Subnet> subnet) {
    private static final String FILE = "networks";
    private static final List<String> IDS = List.of("bridge-id", "host-id", "none-id");

    static NetworkState fresh() {
        return new NetworkState(randomId(), randomId(), randomId(), Optional.empty());
    }

    NetworkState withSubnet(Subnet chosen) {
        return new NetworkState(bridgeId, hostId, noneId, Optional.of(chosen));
    }

    /** Reads it; empty where there is none, or only what a crash left of one. */
    static Optional<NetworkState> read(Path directory) {
        Map<String, String> values = new HashMap<>();
        try {
            for (String line : Files.readAllLines(directory.resolve(FILE))) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    values.put(line.substring(0, equals), line.substring(equals + 1));
                }
            }
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (String id : IDS) {
            if (!values.getOrDefault(id, "").matches("[0-9a-f]{64}")) {
                return Optional.empty();
            }
        }
        return Optional.of(new NetworkState(
                values.getOrDefault("bridge-id", ""),
                values.getOrDefault("host-id", ""),
                values.getOrDefault("none-id", ""),
                Optional.ofNullable(values.get("subnet")).map(Subnet::parse)));
    }

    void write(Path directory) {
        String text = "bridge-id=" + bridgeId + "\nhost-id=" + hostId + "\nnone-id=" + noneId + "\n"
                + subnet.map(s -> "subnet=" + s + "\n").orElse("");
        try {
            Files.createDirectories(directory);
            Path next = directory.resolve(FILE + ".new");
            Files.writeString(next, text);
            Files.move(next, directory.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + directory.resolve(FILE), e);
        }
    }

    /** Sixty-four hexadecimal digits. The kernel's source directly: SecureRandom would load its providers at start. */
    static String randomId() {
        try (FileInputStream in = new FileInputStream("/dev/urandom")) {
            return HexFormat.of().formatHex(in.readNBytes(32));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
