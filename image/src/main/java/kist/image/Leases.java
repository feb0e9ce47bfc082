package kist.image;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Trees;

/**
 * All leases of a store. Each is a file of lines, named by the digest of its id: a JSON object that says what it is, then
 * {@code +DIGEST SECONDS} for what it holds until when and {@code -DIGEST} for what it holds no longer; lines are only
 * appended, and one without its end does not count. Thread-safe.
 */
final class Leases {
    private static final System.Logger LOG = System.getLogger(Leases.class.getName());
    /** Shorter files are left as they are. */
    private static final int COMPACT = 64 << 10;

    private static final int MAXIMUM_FILE = 64 << 20;

    private final StoreFiles files;
    private final ReentrantLock lock;
    private final Runnable collect;
    private final Consumer<Lease> onEnd;
    private final Limits limits;
    private final Map<String, Lease> leases = new HashMap<>();
    private boolean damaged;

    /**
     * Makes an empty set.
     *
     * @param lock the lock of the store, held while anything in it comes or goes
     * @param collect removes what nothing holds any longer; called with the lock held
     * @param onEnd is told of a lease that ended; called with the lock held
     */
    Leases(StoreFiles files, ReentrantLock lock, Limits limits, Runnable collect, Consumer<Lease> onEnd) {
        this.files = files;
        this.lock = lock;
        this.limits = limits;
        this.collect = collect;
        this.onEnd = onEnd;
    }

    /** Reads all that have not expired. */
    void load() {
        // those that were set aside after the others, into which they are merged
        List<String> names = files.linux.list(files.leases).stream()
                .map(entry -> entry.name())
                .sorted(Comparator.comparing(String::length))
                .toList();
        for (String name : names) {
            try {
                byte[] content = files.read(files.leases, name, MAXIMUM_FILE);
                if (content.length == 0) {
                    // a temporary one after a crash of the machine; permanent ones are never seen empty
                    files.discard(files.leases, name);
                    continue;
                }
                Lease read = parse(new String(content, StandardCharsets.UTF_8), "lease " + name);
                Lease lease = leases.computeIfAbsent(read.id(), id -> read);
                read.held.forEach(lease.held::putIfAbsent);
                lease.written = content.length;
                boolean aside = !name.equals(file(lease.id()));
                if (content[content.length - 1] != '\n' || aside || isMostlyDropped(lease)) {
                    rewrite(lease);
                }
                if (aside) {
                    files.discard(files.leases, name);
                }
            } catch (ImageException | KernelException | NumberFormatException | DateTimeException e) {
                damaged = true;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "lease {0} in {1} cannot be read, so no blob is removed: {2}",
                        name,
                        files.where,
                        e.getMessage());
            }
        }
        expire();
    }

    private static boolean isMostlyDropped(Lease lease) {
        return lease.written > COMPACT && lease.written > 200L * lease.held.size();
    }

    private Lease parse(String text, String what) {
        String[] lines = text.split("\n", -1);
        Document header = Document.parseTrusted(lines[0].getBytes(StandardCharsets.UTF_8), what);
        if (header.number("format") != 1) {
            throw ImageException.invalid(what + " has format " + header.number("format") + ", not 1");
        }
        long seconds = header.number("expires");
        Lease lease = make(header.text("id"), header.text("purpose"), instant(seconds));
        // the last piece is empty, or a line without its end
        for (int i = 1; i < lines.length - 1; i++) {
            String line = lines[i];
            int space = line.indexOf(' ');
            if (line.startsWith("+") && space > 0 && Digest.isDigest(line.substring(1, space))) {
                lease.held.put(line.substring(1, space), instant(Long.parseLong(line.substring(space + 1))));
            } else if (line.startsWith("-")) {
                lease.held.remove(line.substring(1));
            } else {
                throw ImageException.invalid(what + " has the line " + Text.quote(line));
            }
        }
        return lease;
    }

    private Lease make(String id, String purpose, Instant expires) {
        return new Lease(this, id, purpose, expires, new Budget(files.linux, files.temporary, limits));
    }

    /** 0 stands for never. */
    private static Instant instant(long seconds) {
        return seconds == 0 ? Instant.MAX : Instant.ofEpochSecond(seconds);
    }

    private static long seconds(Instant instant) {
        return instant.equals(Instant.MAX) ? 0 : instant.getEpochSecond();
    }

    private static String file(String id) {
        return Digest.of(id.getBytes(StandardCharsets.UTF_8)).substring(7);
    }

    /** Makes one that ends by itself after a time. */
    Lease temporary(String purpose, Duration timeToLive) {
        Lease lease = make(
                files.unique(),
                purpose,
                Instant.ofEpochSecond(Instant.now().plus(timeToLive).getEpochSecond() + 1));
        locked(() -> {
            expire();
            create(lease, false);
        });
        return lease;
    }

    /** One that ends only when it is told to; the one of that id where there is one. */
    Lease permanent(String id) {
        List<Lease> found = new ArrayList<>();
        locked(() -> {
            Lease lease = leases.get(id);
            if (lease == null) {
                lease = make(id, id, Instant.MAX);
                create(lease, true);
            } else if (!lease.permanent()) {
                throw ImageException.invalid(Text.quote(id) + " is the id of a temporary lease");
            }
            found.add(lease);
        });
        return found.getFirst();
    }

    private void create(Lease lease, boolean durable) {
        String name = file(lease.id());
        if (damaged && files.exists(files.leases, name)) {
            // what it held is held as long as it lies there, though nobody can read it
            files.linux.renameat2(files.leases, name, files.leases, name + "." + files.unique(), 0);
        }
        byte[] content = text(lease).getBytes(StandardCharsets.UTF_8);
        if (durable) {
            files.write(files.leases, name, content);
        } else {
            files.writeUnsynced(files.leases, name, content);
        }
        lease.written = content.length;
        leases.put(lease.id(), lease);
    }

    private void rewrite(Lease lease) {
        byte[] content = text(lease).getBytes(StandardCharsets.UTF_8);
        files.write(files.leases, file(lease.id()), content);
        lease.written = content.length;
        lease.torn = false;
    }

    private static String text(Lease lease) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("format", 1);
        header.put("id", lease.id());
        header.put("purpose", lease.purpose());
        header.put("expires", seconds(lease.expires()));
        StringBuilder text = new StringBuilder(new String(Document.write(header), StandardCharsets.UTF_8)).append('\n');
        lease.held.forEach((digest, until) -> text.append('+')
                .append(digest)
                .append(' ')
                .append(seconds(until))
                .append('\n'));
        return text.toString();
    }

    /** Holds a blob, which need not be there yet, as long as the lease lasts. */
    void add(Lease lease, String digest) {
        add(lease, digest, lease.expires());
    }

    /** Holds a blob until a time. */
    void add(Lease lease, String digest, Instant until) {
        Digest.hex(digest, "the blob");
        locked(() -> {
            if (lease.ended) {
                throw new ImageException(ImageException.Kind.NOT_FOUND, "lease " + lease.id() + " has ended");
            }
            Instant before = lease.held.put(digest, until);
            if (!until.equals(before)) {
                boolean done = false;
                try {
                    append(lease, "+" + digest + " " + seconds(until) + "\n", until.equals(Instant.MAX));
                    done = true;
                } finally {
                    if (!done) {
                        // so that the next try writes it
                        lease.held.remove(digest);
                    }
                }
            }
        });
    }

    void drop(Lease lease, String digest) {
        locked(() -> {
            if (lease.held.remove(digest) != null && !lease.ended) {
                append(lease, "-" + digest + "\n", lease.permanent());
                collect.run();
            }
        });
    }

    /** Drops several that are held otherwise by now. */
    void forget(Lease lease, List<String> digests) {
        locked(() -> {
            StringBuilder lines = new StringBuilder();
            for (String digest : digests) {
                if (lease.held.remove(digest) != null) {
                    lines.append('-').append(digest).append('\n');
                }
            }
            if (!lines.isEmpty()) {
                append(lease, lines.toString(), false);
            }
        });
    }

    /** Drops all but some, and removes from the store what nothing else holds. */
    void retain(Lease lease, Set<String> digests) {
        locked(() -> {
            List<String> others = lease.held.keySet().stream()
                    .filter(digest -> !digests.contains(digest))
                    .toList();
            if (!others.isEmpty()) {
                forget(lease, others);
                collect.run();
            }
        });
    }

    boolean holds(Lease lease, String digest) {
        boolean[] answer = {false};
        locked(() -> answer[0] = lease.held.containsKey(digest));
        return answer[0];
    }

    boolean isEmpty(Lease lease) {
        boolean[] answer = {false};
        locked(() -> answer[0] = lease.held.isEmpty());
        return answer[0];
    }

    void end(Lease lease) {
        locked(() -> {
            if (!lease.ended) {
                forget(lease);
                collect.run();
            }
        });
    }

    private void forget(Lease lease) {
        lease.ended = true;
        lease.held.clear();
        leases.remove(lease.id());
        onEnd.accept(lease);
        files.discard(files.leases, file(lease.id()));
    }

    /** Of what a temporary lease holds nothing is lost with a crash of the machine but time. */
    private void append(Lease lease, String line, boolean durable) {
        byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
        if (lease.torn || isMostlyDropped(lease)) {
            rewrite(lease);
            return;
        }
        lease.torn = true;
        try (Fd file = files.linux.openat2(
                files.leases, file(lease.id()), Flags.O_WRONLY | Flags.O_APPEND | Flags.O_NOFOLLOW, 0, Trees.INSIDE)) {
            files.linux.write(file, bytes, 0, bytes.length);
            if (durable) {
                files.linux.sync(file, false);
            }
        }
        lease.written += bytes.length;
        lease.torn = false;
    }

    private void expire() {
        Instant now = Instant.now();
        for (Lease lease : List.copyOf(leases.values())) {
            if (lease.expires().isBefore(now)) {
                forget(lease);
            } else {
                lease.held.values().removeIf(until -> until.isBefore(now));
            }
        }
    }

    /** Adds all digests that are held. False where that is not known, so that nothing may be removed. The lock is held. */
    boolean holdings(Set<String> into) {
        expire();
        leases.values().forEach(lease -> into.addAll(lease.held.keySet()));
        return !damaged;
    }

    /** Whether a lease of this id is held. */
    boolean live(String id) {
        boolean[] answer = {false};
        locked(() -> answer[0] = leases.containsKey(id));
        return answer[0];
    }

    /** The lease of an id that is held. */
    Lease get(String id) {
        List<Lease> found = new ArrayList<>();
        locked(() -> {
            Lease lease = leases.get(id);
            if (lease == null) {
                throw new ImageException(ImageException.Kind.NOT_FOUND, "lease " + Text.quote(id) + " has ended");
            }
            found.add(lease);
        });
        return found.getFirst();
    }

    private void locked(Runnable work) {
        lock.lock();
        try {
            work.run();
        } catch (KernelException e) {
            throw ImageException.of("write a lease in " + files.where, e);
        } finally {
            lock.unlock();
        }
    }
}
