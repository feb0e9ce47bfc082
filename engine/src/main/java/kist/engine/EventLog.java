package kist.engine;

import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The events of the past on disk, one JSON object a line, in two files of bounded size of which the older goes when the
 * newer is full. What was published survives the engine. Where the disk is full, events are not kept, and the engine
 * goes on. Writers must exclude each other; a {@link Past} is read without them.
 */
final class EventLog implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("kist");
    private static final int FORMAT = 1;
    private static final String HEAD = "{\"format\":" + FORMAT + "}\n";
    /** No event of this engine is longer; a longer line is damage. */
    private static final int LONGEST = 4 << 20;

    private final Path current;
    private final Path previous;
    private final long limit;
    private final JsonType<Event> type = Jsonb.builder().build().type(Event.class);
    /** No channel: those close when a thread that writes is interrupted, as those of clients that go are. */
    private FileOutputStream out;

    private long size;
    private boolean failing;

    /**
     * Opens the log, or begins it.
     *
     * @param directory made where it is missing
     * @param limit bytes of each of the two files
     */
    EventLog(Path directory, long limit) {
        this.current = directory.resolve("events.jsonl");
        this.previous = directory.resolve("events.jsonl.1");
        this.limit = limit;
        try {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            if (Files.exists(current) && !head().equals(HEAD)) {
                // of another version: kept aside as the past, which readers skip over
                Files.move(current, previous, StandardCopyOption.REPLACE_EXISTING);
            }
            out = open();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open the event log in " + directory, e);
        }
    }

    private String head() throws IOException {
        try (InputStream in = Files.newInputStream(current)) {
            return new String(in.readNBytes(HEAD.length()), StandardCharsets.UTF_8);
        }
    }

    private FileOutputStream open() throws IOException {
        FileOutputStream stream = new FileOutputStream(current.toFile(), true);
        size = Files.size(current);
        // a line that a crash tore must not swallow the next one
        write(stream, size == 0 ? HEAD : "\n");
        return stream;
    }

    private void write(FileOutputStream stream, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        stream.write(bytes);
        size += bytes.length;
    }

    /** Keeps an event; never fails. */
    void append(Event event) {
        try {
            if (size >= limit) {
                Files.move(current, previous, StandardCopyOption.REPLACE_EXISTING);
                FileOutputStream next = open();
                out.close();
                out = next;
            }
            write(out, type.toJson(event) + "\n");
            failing = false;
        } catch (IOException e) {
            if (!failing) {
                LOG.log(System.Logger.Level.WARNING, "events cannot be kept in " + current + ": " + e.getMessage());
            }
            failing = true;
        }
    }

    /** What is kept now, to be read at leisure. To be closed. */
    Past past() {
        List<InputStream> files = new ArrayList<>();
        for (Path file : List.of(previous, current)) {
            try {
                if (Files.exists(file)) {
                    files.add(Files.newInputStream(file));
                }
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "cannot read " + file + ": " + e.getMessage());
            }
        }
        return new Past(files);
    }

    /** The events of the past, oldest first; also some that were appended since it was opened. Thread-safe. */
    final class Past implements AutoCloseable {
        private final List<InputStream> files;
        private Optional<BufferedReader> reader = Optional.empty();

        Past(List<InputStream> files) {
            this.files = files;
        }

        /** The next one, or empty when there are no more. */
        synchronized Optional<Event> next() {
            try {
                while (true) {
                    if (reader.isEmpty()) {
                        if (files.isEmpty()) {
                            return Optional.empty();
                        }
                        reader = Optional.of(
                                new BufferedReader(new InputStreamReader(files.removeFirst(), StandardCharsets.UTF_8)));
                    }
                    String line = reader.get().readLine();
                    if (line == null) {
                        reader.get().close();
                        reader = Optional.empty();
                        continue;
                    }
                    Event event = parse(line);
                    if (event != null) {
                        return Optional.of(event);
                    }
                }
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "cannot read the event log: " + e.getMessage());
                return Optional.empty();
            }
        }

        /** The event of a line; null where it is a head, or damaged. */
        private @Nullable Event parse(String line) {
            if (line.length() > LONGEST || !line.startsWith("{\"type\"") || !line.endsWith("}")) {
                return null;
            }
            try {
                return type.fromJson(line);
            } catch (RuntimeException e) {
                return null;
            }
        }

        @Override
        public synchronized void close() {
            try {
                if (reader.isPresent()) {
                    reader.get().close();
                }
                for (InputStream file : files) {
                    file.close();
                }
            } catch (IOException e) {
                LOG.log(System.Logger.Level.DEBUG, "closing the event log", e);
            }
            reader = Optional.empty();
            files.clear();
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot close " + current, e);
        }
    }
}
