package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.Linux;

/**
 * The segments of one log, beside other files in a directory. A segment is named after the offset at which it begins, counted
 * from the first byte ever logged: {@code log} for 0, which is also the whole log of the first format, else {@code log.} and
 * 19 digits; {@code .gz} is added when it is packed. The keeper begins segments and deletes them (native/keeper.c);
 * the engine packs and deletes those that have ended.
 */
record LogDirectory(Path path) {
    private static final String NAME = "log";
    private static final String PACKED = ".gz";
    private static final String UNFINISHED = ".gz.tmp";
    private static final int DIGITS = 19;
    private static final int MOST_TRIES = 16;

    /** A segment that is there. */
    record Entry(long start, boolean packed) {}

    /** An opened segment. */
    record Opened(long start, LogSegment bytes) {}

    static String name(long start) {
        if (start == 0) {
            return NAME;
        }
        String digits = Long.toString(start);
        return NAME + "." + "0".repeat(DIGITS - digits.length()) + digits;
    }

    Path file(Entry entry) {
        return path.resolve(name(entry.start) + (entry.packed ? PACKED : ""));
    }

    Path unfinished(long start) {
        return path.resolve(name(start) + UNFINISHED);
    }

    Path packed(long start) {
        return path.resolve(name(start) + PACKED);
    }

    /** The segments by the offset at which they begin; of one that is there twice, the one that is not packed. */
    NavigableMap<Long, Entry> list() throws IOException {
        TreeMap<Long, Entry> all = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path, NAME + "*")) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                boolean packed = name.endsWith(PACKED);
                start(packed ? name.substring(0, name.length() - PACKED.length()) : name)
                        .ifPresent(start ->
                                all.merge(start, new Entry(start, packed), (one, other) -> one.packed ? other : one));
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return all;
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return all;
    }

    private static Optional<Long> start(String name) {
        if (name.equals(NAME)) {
            return Optional.of(0L);
        }
        int digits = NAME.length() + 1;
        if (name.length() != digits + DIGITS || !name.startsWith(NAME + ".")) {
            return Optional.empty();
        }
        try {
            long start = Long.parseLong(name.substring(digits));
            return start > 0 ? Optional.of(start) : Optional.empty();
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Opens the segment that holds an offset, or the first behind it; empty where there is none. */
    Optional<Opened> open(long offset) throws IOException {
        for (int tries = 0; ; tries++) {
            NavigableMap<Long, Entry> all = list();
            Map.Entry<Long, Entry> found = all.floorEntry(offset);
            if (found == null) {
                found = all.ceilingEntry(offset);
            }
            if (found == null) {
                return Optional.empty();
            }
            try {
                return Optional.of(new Opened(found.getKey(), open(found.getValue())));
            } catch (NoSuchFileException e) {
                if (tries == MOST_TRIES) { // deleted or packed between the look and the opening, again and again
                    throw e;
                }
            }
        }
    }

    /** Opens a segment. */
    LogSegment open(Entry entry) throws IOException {
        return entry.packed ? PackedSegment.open(file(entry)) : LogSegment.Plain.open(file(entry));
    }

    /** The segment after this one; empty where it is the last. */
    Optional<Opened> after(long start) throws IOException {
        for (int tries = 0; ; tries++) {
            Map.Entry<Long, Entry> next = list().higherEntry(start);
            if (next == null) {
                return Optional.empty();
            }
            try {
                return Optional.of(new Opened(next.getKey(), open(next.getValue())));
            } catch (NoSuchFileException e) {
                if (tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
    }

    /** The segment before this one; empty where it is the first. */
    Optional<Opened> before(long start) throws IOException {
        Map.Entry<Long, Entry> previous = list().lowerEntry(start);
        try {
            return previous == null
                    ? Optional.empty()
                    : Optional.of(new Opened(previous.getKey(), open(previous.getValue())));
        } catch (NoSuchFileException deletedMeanwhile) {
            return Optional.empty();
        }
    }

    /** Bytes that the log takes on the disk. */
    long bytes() {
        long sum = 0;
        try {
            Map<Path, Long> sizes = new HashMap<>();
            try (DirectoryStream<Path> files = Files.newDirectoryStream(path, NAME + "*")) {
                for (Path file : files) {
                    sizes.put(file, Files.size(file));
                }
            }
            for (long size : sizes.values()) {
                sum += size;
            }
        } catch (IOException | DirectoryIteratorException e) {
            return sum; // it goes just now
        }
        return sum;
    }

    /**
     * Opens the last segment for a keeper to go on with, or makes the first. A last segment that a crash of the host has left
     * torn is ended there.
     *
     * @param hold see {@link Keeper#hold}
     */
    Keeper.Log openForKeeper(Linux linux, LogOptions options, long hold) throws IOException {
        Map.Entry<Long, Entry> last = list().lastEntry();
        long start = last == null ? 0 : last.getKey();
        if (last != null && last.getValue().packed) {
            try (LogSegment bytes = open(last.getValue())) {
                start += bytes.size();
            }
        } else if (last != null) {
            long size = Files.size(file(last.getValue()));
            try (LogReader reader = LogReader.open(this)) {
                if (reader.isTorn()) {
                    start += size;
                }
            }
        }
        Fd file = linux.open(path.resolve(name(start)), Flags.O_WRONLY | Flags.O_CREAT | Flags.O_APPEND, 0600);
        try {
            Fd directory = linux.open(path, Flags.O_RDONLY | Flags.O_DIRECTORY, 0);
            // one file alone would be empty right after each turn, so its bytes are spread over two
            boolean one = options.maxFiles() == 1;
            return new Keeper.Log(
                    file,
                    start,
                    Optional.of(directory),
                    one ? (options.maxSize() + 1) / 2 : options.maxSize(),
                    one ? 2 : options.maxFiles(),
                    hold);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** When the first record of a segment was written; the greatest number where it has none. */
    long firstNanos(Entry entry) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(LogReader.HEADER).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        try (LogSegment bytes = open(entry)) {
            while (header.hasRemaining()) {
                if (bytes.read(header, header.position()) <= 0) {
                    return Long.MAX_VALUE;
                }
            }
        }
        return header.getLong(8);
    }

    /** Deletes a segment, packed or not. */
    void delete(long start) throws IOException {
        Files.deleteIfExists(path.resolve(name(start)));
        Files.deleteIfExists(packed(start));
    }

    /** Begins a segment behind the last one, of a log that nobody writes to. */
    void beginAnother(long start) throws IOException {
        Files.newByteChannel(path.resolve(name(start)), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
                .close();
    }
}
