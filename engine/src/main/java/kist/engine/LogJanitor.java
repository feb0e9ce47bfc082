package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import kist.kernel.Keeper;

/**
 * Packs segments of logs that have ended, and deletes what is older than a log's options allow. The keeper bounds logs by size
 * alone and needs nobody for that; this needs the engine, and catches up when it is there again. Used by one thread.
 */
final class LogJanitor {
    private static final System.Logger LOG = System.getLogger("kist");
    /** A segment that has just ended may be the next to go: of a log that turns quickly nothing is packed. */
    private static final long SETTLED_NANOS = 5_000_000_000L;
    /** A segment goes when all of it is too old, so it may not hold too long a time. */
    private static final int SHARE = 8;

    private final Keeper keeper;

    LogJanitor(Keeper keeper) {
        this.keeper = keeper;
    }

    /** Looks after one container's log. */
    void visit(Container c, LogDirectory directory, LogOptions options) {
        try {
            if (options.maxAgeNanos() > 0) {
                expire(c, directory, Clock.nanos(), options.maxAgeNanos());
            }
            if (options.compress()) {
                pack(directory);
            }
        } catch (NoSuchFileException e) {
            LOG.log(System.Logger.Level.DEBUG, "the log of " + c.id() + " went meanwhile", e);
        } catch (IOException | RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot look after the log of " + c.id(), e);
        }
    }

    private void expire(Container c, LogDirectory directory, long now, long age) throws IOException {
        NavigableMap<Long, LogDirectory.Entry> all = directory.list();
        if (all.isEmpty()) {
            return;
        }
        LogDirectory.Entry last = all.lastEntry().getValue();
        // a last segment that began long ago must end, so that its beginning can go
        if (directory.firstNanos(last) < now - age / SHARE) {
            if (c.state.alive()) {
                keeper.rotate(c.id());
            } else if (c.state.phase() != StoredState.Phase.STARTING) {
                beginAnother(c, directory, last);
            }
            all = directory.list();
        }
        for (LogDirectory.Entry entry : all.headMap(all.lastKey(), false).values()) {
            if (nanos(directory.file(entry)) < now - age && c.run.held() > entry.start()) {
                directory.delete(entry.start());
            }
        }
    }

    private static void beginAnother(Container c, LogDirectory directory, LogDirectory.Entry last) throws IOException {
        if (!c.lock.tryLock()) {
            return; // it is being started, and the next visit sees
        }
        try {
            if (!c.state.alive() && !c.removing && !last.packed()) {
                directory.beginAnother(last.start() + Files.size(directory.file(last)));
            }
        } finally {
            c.lock.unlock();
        }
    }

    private static long nanos(Path file) throws IOException {
        return Files.getLastModifiedTime(file).to(java.util.concurrent.TimeUnit.NANOSECONDS);
    }

    private void pack(LogDirectory directory) throws IOException {
        NavigableMap<Long, LogDirectory.Entry> all = directory.list();
        List<LogDirectory.Entry> ended = new ArrayList<>();
        for (Map.Entry<Long, LogDirectory.Entry> e : all.entrySet()) {
            if (e.getKey() < all.lastKey() && !e.getValue().packed()) {
                ended.add(e.getValue());
            }
        }
        for (LogDirectory.Entry entry : ended) {
            Path plain = directory.file(entry);
            FileTime written = Files.getLastModifiedTime(plain);
            if (Clock.nanos() - nanos(plain) >= SETTLED_NANOS) {
                pack(directory, entry.start(), plain, written);
            }
        }
    }

    /** Packs one segment, so that at each moment one of the two forms is whole. */
    static void pack(LogDirectory directory, long start, Path plain, FileTime written) throws IOException {
        Path unfinished = directory.unfinished(start);
        try {
            Files.deleteIfExists(unfinished); // of an engine that was killed
            PackedSegment.pack(plain, unfinished);
            Files.setLastModifiedTime(unfinished, written);
            Files.move(unfinished, directory.packed(start), java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            Files.deleteIfExists(unfinished);
            throw e;
        }
        if (!Files.deleteIfExists(plain)) {
            // the keeper has deleted the segment meanwhile, and did not know of this form
            Files.deleteIfExists(directory.packed(start));
        }
    }
}
