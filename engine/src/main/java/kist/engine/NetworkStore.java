package kist.engine;

import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Networks on disk, one file each. A network is there from the rename that puts its file in place until the one that
 * marks it as gone; a file so marked says which bridge may still have to be removed. Thread-safe for different networks.
 */
final class NetworkStore {
    private static final String JSON = ".json";
    private static final String GONE = ".gone";

    private final Path directory;
    private final JsonType<StoredNetwork> type;

    NetworkStore(Path directory) {
        this.directory = directory;
        this.type = Jsonb.builder().build().type(StoredNetwork.class);
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw failure("make", directory.toString(), e);
        }
    }

    /** Networks that are there, and those of which only the bridge may be left. */
    record Found(List<StoredNetwork> networks, List<StoredNetwork> gone) {}

    void write(StoredNetwork network) {
        Path temporary = directory.resolve(network.id() + ".new");
        try {
            try (FileChannel c = FileChannel.open(
                    temporary,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.TRUNCATE_EXISTING)) {
                ByteBuffer bytes = ByteBuffer.wrap(type.toJson(network).getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    c.write(bytes);
                }
                c.force(false);
            }
            Files.move(temporary, directory.resolve(network.id() + JSON), StandardCopyOption.ATOMIC_MOVE);
            sync();
        } catch (IOException e) {
            throw failure("write network", network.name(), e);
        }
    }

    /** Marks a network as gone; what is left of it is removed next, and then forgotten. */
    void markGone(StoredNetwork network) {
        try {
            Files.move(
                    directory.resolve(network.id() + JSON),
                    directory.resolve(network.id() + GONE),
                    StandardCopyOption.ATOMIC_MOVE);
            sync();
        } catch (IOException e) {
            throw failure("remove network", network.name(), e);
        }
    }

    void forget(String id) {
        try {
            Files.deleteIfExists(directory.resolve(id + GONE));
        } catch (IOException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "cannot delete the file of network " + id, e);
        }
    }

    private void sync() throws IOException {
        try (FileChannel c = FileChannel.open(directory, StandardOpenOption.READ)) {
            c.force(true);
        }
    }

    Found load() {
        List<StoredNetwork> networks = new ArrayList<>();
        List<StoredNetwork> gone = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                if (name.endsWith(JSON)) {
                    networks.add(read(file));
                } else if (name.endsWith(GONE)) {
                    gone.add(read(file));
                } else {
                    Files.delete(file); // half written by an engine that was killed
                }
            }
        } catch (IOException e) {
            throw failure("read", directory.toString(), e);
        }
        return new Found(networks, gone);
    }

    private StoredNetwork read(Path file) {
        try {
            StoredNetwork network = type.fromJson(Files.readString(file));
            if (network.format() < 1 || network.format() > StoredNetwork.FORMAT) {
                throw new IllegalStateException("its format " + network.format()
                        + " is not one this version knows (up to " + StoredNetwork.FORMAT + ")");
            }
            return network;
        } catch (IOException | RuntimeException e) {
            throw new EngineException(
                    EngineException.Kind.INTERNAL,
                    "cannot read the network in " + file + " (" + e.getMessage() + "); repair or move it away",
                    e);
        }
    }

    private static EngineException failure(String what, String about, IOException e) {
        String why = String.valueOf(e.getMessage());
        return new EngineException(
                why.contains("No space left") ? EngineException.Kind.EXHAUSTED : EngineException.Kind.INTERNAL,
                "cannot " + what + " " + about + ": " + why,
                e);
    }
}
