package kist.oci;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The directory that holds one directory for each container: its state, its config, its keeper's socket, a lock. */
final class Store {
    private static final int MAXIMUM_ID = 128;

    private final Path root;

    Store(Path root) {
        this.root = root.toAbsolutePath();
    }

    Path directory(String id) {
        if (id.isEmpty() || id.length() > MAXIMUM_ID || id.equals(".") || id.equals("..")) {
            throw new OciException("invalid container ID: \"" + id + "\"");
        }
        for (char c : id.toCharArray()) {
            boolean good =
                    c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || "_+-.".indexOf(c) >= 0;
            if (!good) {
                throw new OciException("invalid container ID: \"" + id + "\" has the character '" + c + "'");
            }
        }
        return root.resolve(id);
    }

    /** Claims a name: of two that ask at once, one gets it. */
    Path claim(String id) {
        Path directory = directory(id);
        try {
            var owner = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
            Files.createDirectories(root, owner);
            Files.createDirectory(directory, owner);
            return directory;
        } catch (FileAlreadyExistsException e) {
            throw new OciException("container with given ID already exists: " + id);
        } catch (IOException e) {
            throw new OciException("cannot make " + directory + ": " + e.getMessage());
        }
    }

    boolean exists(String id) {
        return Files.isDirectory(directory(id));
    }

    /** Waits for whoever else works on the container. */
    FileChannel lock(String id) {
        try {
            FileChannel channel = FileChannel.open(
                    directory(id).resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.lock();
            return channel;
        } catch (NoSuchFileException e) {
            throw missing(id);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static OciException missing(String id) {
        return new OciException("container does not exist: " + id);
    }

    State state(String id) {
        try {
            return State.read(Files.readString(directory(id).resolve("state.json")));
        } catch (NoSuchFileException e) {
            throw missing(id);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes all of it or nothing. */
    void save(State state) {
        Path file = directory(state.id()).resolve("state.json");
        Path next = file.resolveSibling("state.json.new");
        try {
            Files.writeString(next, state.json());
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    byte[] config(String id) {
        try {
            return Files.readAllBytes(directory(id).resolve("config.json"));
        } catch (NoSuchFileException e) {
            throw missing(id);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void saveConfig(String id, String json) {
        try {
            Files.write(directory(id).resolve("config.json"), json.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void remove(String id) {
        Path directory = directory(id);
        if (!Files.exists(directory)) {
            return;
        }
        try (var all = Files.walk(directory)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(p);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<String> ids() {
        List<String> ids = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(root)) {
            for (Path p : all) {
                if (Files.exists(p.resolve("state.json"))) {
                    ids.add(String.valueOf(p.getFileName()));
                }
            }
        } catch (NoSuchFileException e) {
            return ids;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        ids.sort(null);
        return ids;
    }
}
