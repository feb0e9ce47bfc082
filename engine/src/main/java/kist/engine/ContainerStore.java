package kist.engine;

import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Containers on disk, one directory each, in files that a person can read and repair. A directory appears and disappears
 * by one rename, so a crash leaves a container whole or not at all. Thread-safe for different containers.
 */
final class ContainerStore {
    private static final String NEW = ".new-";
    private static final String GONE = ".gone-";
    private static final String SPARE = ".spare-";
    /** Directories of removed containers that wait for the next ones: to make and delete files is the dear part of both. */
    private static final int MOST_SPARES = 16;
    /**
     * Files that the next container writes anew; all others are deleted with the old one, above all those that were mounted in
     * it: somebody may still have them open for writing.
     */
    private static final Set<String> KEPT = Set.of("container.json", "state.json");
    /** A state is padded to a multiple of this, so that one write replaces it wholly. */
    private static final int STATE_BLOCK = 1024;

    private final Path directory;
    private final JsonType<StoredContainer> containers;
    private final JsonType<StoredState> states;
    private final ConcurrentLinkedQueue<Path> spares = new ConcurrentLinkedQueue<>();
    private final AtomicLong spareNumber = new AtomicLong();

    /** A container as it was found. */
    record Found(StoredContainer container, StoredState state) {}

    ContainerStore(Path directory) {
        this.directory = directory;
        Jsonb jsonb = Jsonb.builder().build();
        containers = jsonb.type(StoredContainer.class);
        states = jsonb.type(StoredState.class);
        try {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw failure("make", directory, e);
        }
    }

    Path directory(String id) {
        return directory.resolve(id);
    }

    /**
     * Writes a new container; when it returns, a crash of the engine does not lose it, and with {@code durable} a crash of
     * the host neither.
     */
    void create(StoredContainer container, boolean durable) {
        Path spare = spares.poll();
        Path temporary = spare != null ? spare : directory.resolve(NEW + container.id());
        try {
            if (spare == null) {
                Files.createDirectory(temporary);
            } else {
                writeState(temporary, StoredState.NEW);
            }
            write(temporary.resolve("container.json"), containers.toJson(container), durable);
            Files.move(temporary, directory(container.id()), StandardCopyOption.ATOMIC_MOVE);
            if (durable) {
                sync(directory);
            }
        } catch (IOException e) {
            delete(temporary);
            throw failure("write container", container.id(), e);
        }
    }

    /** Replaces a container's record. */
    void update(StoredContainer container) {
        replace(directory(container.id()), "container.json", containers.toJson(container), true);
    }

    /** Replaces a container's state; survives a crash of the engine. */
    void update(String id, StoredState state) {
        try {
            writeState(directory(id), state);
        } catch (IOException e) {
            throw failure("write the state of container", id, e);
        }
    }

    /** Overwrites in place with one write, which a killed engine has made wholly or not at all. */
    private void writeState(Path dir, StoredState state) throws IOException {
        byte[] json = states.toJson(state).getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length / STATE_BLOCK + 1) * STATE_BLOCK);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        padded[padded.length - 1] = '\n';
        try (FileChannel c =
                FileChannel.open(dir.resolve("state.json"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(padded);
            for (long at = 0; bytes.hasRemaining(); ) {
                at += c.write(bytes, at);
            }
            if (c.size() > padded.length) {
                c.truncate(padded.length);
            }
        }
    }

    private void replace(Path dir, String name, String json, boolean durable) {
        Path temporary = dir.resolve(name + ".tmp");
        try {
            write(temporary, json, durable);
            Files.move(temporary, dir.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            if (durable) {
                sync(dir);
            }
        } catch (IOException e) {
            throw failure("write", dir.resolve(name), e);
        }
    }

    private static void write(Path file, String json, boolean durable) throws IOException {
        try (FileChannel c = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer bytes = ByteBuffer.wrap(json.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                c.write(bytes);
            }
            if (durable) {
                c.force(false);
            }
        }
    }

    private static void sync(Path dir) throws IOException {
        try (FileChannel c = FileChannel.open(dir, StandardOpenOption.READ)) {
            c.force(true);
        }
    }

    /** Takes a container out of sight at once and answers where its remains are, to be deleted at leisure. */
    Path remove(String id) {
        Path gone = directory.resolve(GONE + id);
        try {
            Files.move(directory(id), gone, StandardCopyOption.ATOMIC_MOVE);
            return gone;
        } catch (IOException e) {
            throw failure("remove container", id, e);
        }
    }

    /** Does away with what {@link #remove} left, and keeps what the next container can use. */
    void dispose(Path remains) {
        if (spares.size() >= MOST_SPARES) {
            delete(remains);
            return;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(remains)) {
            for (Path entry : entries) {
                if (KEPT.contains(String.valueOf(entry.getFileName()))) {
                    FileChannel.open(entry, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
                            .close(); // it may have held secrets
                } else {
                    Files.delete(entry); // above all the log, which somebody may still read
                }
            }
        } catch (IOException e) {
            delete(remains);
            return;
        }
        Path spare = directory.resolve(SPARE + spareNumber.incrementAndGet());
        try {
            Files.move(remains, spare, StandardCopyOption.ATOMIC_MOVE);
            spares.add(spare);
        } catch (IOException e) {
            delete(remains);
        }
    }

    /** Deletes a directory of files; it has no subdirectories but the log's. */
    void delete(Path dir) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(dir)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
                    delete(entry);
                } else {
                    Files.delete(entry);
                }
            }
            Files.delete(dir);
        } catch (NoSuchFileException e) {
            // deleted already
        } catch (IOException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "cannot delete " + dir, e);
        }
    }

    /** Reads all containers; what a crash left half made or half removed is deleted. */
    List<Found> load() {
        List<Found> found = new ArrayList<>();
        List<Path> left = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                if (name.startsWith(NEW) || name.startsWith(GONE) || name.startsWith(SPARE)) {
                    left.add(entry);
                } else {
                    found.add(read(entry));
                }
            }
        } catch (IOException e) {
            throw failure("read", directory, e);
        }
        left.forEach(this::delete);
        return found;
    }

    private Found read(Path dir) {
        try {
            StoredContainer container =
                    containers.fromJson(Files.readString(dir.resolve("container.json"), StandardCharsets.UTF_8));
            checkFormat(container.format(), StoredContainer.FORMAT, dir);
            Path stateFile = dir.resolve("state.json");
            StoredState state = StoredState.NEW;
            if (Files.exists(stateFile)) {
                state = state(stateFile);
                checkFormat(state.format(), StoredState.FORMAT, dir);
            }
            return new Found(container, state);
        } catch (IOException | RuntimeException e) {
            throw new EngineException(
                    EngineException.Kind.INTERNAL,
                    "cannot read the container in " + dir + " (" + e.getMessage() + "); repair or move it away",
                    e);
        }
    }

    /** A state that cannot be read was torn by a crash of the host, which ended the container. */
    private StoredState state(Path file) throws IOException {
        try {
            return states.fromJson(Files.readString(file, StandardCharsets.UTF_8));
        } catch (RuntimeException e) {
            System.getLogger("kist")
                    .log(System.Logger.Level.WARNING, file + " is damaged; its container counts as ended", e);
            return StoredState.NEW.exited(255, false, Clock.nanos(), "its state was damaged by a crash of the host");
        }
    }

    private static void checkFormat(int found, int known, Path dir) {
        if (found < 1 || found > known) {
            throw new IllegalStateException("its format " + found + " is not one this version knows (up to " + known
                    + "); a newer Kist wrote it: " + dir);
        }
    }

    private static EngineException failure(String what, Object about, IOException e) {
        String why = e.getMessage() == null ? e.toString() : e.getMessage();
        if (why.contains("No space left")) {
            return new EngineException(
                    EngineException.Kind.EXHAUSTED, "cannot " + what + " " + about + ": no space left on device", e);
        }
        return new EngineException(
                EngineException.Kind.INTERNAL,
                "cannot " + what + " " + about + ": " + why,
                new UncheckedIOException(e));
    }
}
