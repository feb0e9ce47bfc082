package kist.volume;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * The volumes of an engine and who uses them. A volume is held by the containers that were made with it, running or not,
 * and cannot be removed while it is. Who holds what is not on disk: the engine says so anew when it starts. Thread-safe.
 *
 * <p>All methods throw {@link VolumeException}.
 */
public final class Volumes implements AutoCloseable {
    private final Linux linux;
    private final VolumeFiles files;
    private final ConcurrentMap<String, Entry> entries = new ConcurrentHashMap<>();

    /** What is known of a name; each change is made under its own lock, since filling a volume may take long. */
    private static final class Entry {
        final ReentrantLock lock = new ReentrantLock();
        final Set<String> holders = new TreeSet<>();
        volatile Optional<Volume> volume = Optional.empty();
        boolean dropped;
    }

    /** Puts an image's content into an empty volume. */
    public interface Filler {
        /** Leaves it empty. */
        Filler NOTHING = data -> {};

        /** Fills the directory, which is open for reading, and gives it an owner and a mode. */
        void fill(Fd data);
    }

    /**
     * Answer of {@link #ensure}.
     *
     * @param isNew whether it was made now
     */
    public record Ensured(Volume volume, boolean isNew) {}

    private Volumes(Linux linux, VolumeFiles files) {
        this.linux = linux;
        this.files = files;
    }

    /**
     * Opens the volumes below a directory, which is made where it is not there. What a crash left is finished or taken back.
     *
     * @throws IOException if the directory cannot be made
     */
    public static Volumes open(Path directory, Linux linux) throws IOException {
        VolumeFiles files = new VolumeFiles(directory, linux);
        Volumes volumes = new Volumes(linux, files);
        for (StoredVolume stored : files.load()) {
            Entry entry = new Entry();
            entry.volume = Optional.of(volumes.shown(stored));
            volumes.entries.put(stored.name(), entry);
        }
        return volumes;
    }

    private Volume shown(StoredVolume stored) {
        return new Volume(
                stored.name(),
                Instant.ofEpochSecond(0, stored.createdNanos()),
                stored.labels(),
                stored.options(),
                files.data(stored.name()));
    }

    /** All volumes in the order of their names. */
    public List<Volume> list() {
        List<Volume> all = new ArrayList<>();
        entries.values().forEach(e -> e.volume.ifPresent(all::add));
        all.sort(Comparator.comparing(Volume::name));
        return all;
    }

    /** The volume of a name. */
    public Optional<Volume> find(String name) {
        return Optional.ofNullable(entries.get(name)).flatMap(e -> e.volume);
    }

    /** The same where it must be there. */
    public Volume get(String name) {
        return find(name).orElseThrow(() -> VolumeException.notFound(name));
    }

    /** Who holds a volume. */
    public Set<String> holders(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            return Set.of();
        }
        entry.lock.lock();
        try {
            return Set.copyOf(entry.holders);
        } finally {
            entry.lock.unlock();
        }
    }

    /** Makes a volume, or finds it where there is one of that name. */
    public Volume create(Wanted wanted) {
        return ensure(wanted, "", true, Filler.NOTHING).volume();
    }

    /**
     * Finds or makes a volume, fills it where it is empty, and holds it.
     *
     * @param holder who holds it from now on; empty for nobody
     * @param durable whether a new volume must survive a crash of the host
     */
    public Ensured ensure(Wanted asked, String holder, boolean durable, Filler filler) {
        if (!asked.driver().isEmpty() && !asked.driver().equals(Volume.DRIVER)) {
            throw new VolumeException(
                    VolumeException.Kind.NOT_FOUND,
                    "error looking up volume plugin " + VolumeName.printable(asked.driver()) + ": plugin "
                            + VolumeName.printable(asked.driver()) + " not found; this version has the driver local");
        }
        Wanted wanted = asked.withName();
        VolumeName.check(wanted.name());
        Optional<LocalMount> mount =
                wanted.options().isEmpty() ? Optional.empty() : Optional.of(LocalMount.of(wanted.options()));
        while (true) {
            Entry entry = entries.computeIfAbsent(wanted.name(), n -> new Entry());
            entry.lock.lock();
            try {
                if (entry.dropped) {
                    continue;
                }
                boolean isNew = entry.volume.isEmpty();
                boolean done = false;
                try {
                    if (isNew) {
                        make(entry, wanted, durable, mount.isPresent() ? Filler.NOTHING : filler);
                    }
                    Volume volume = entry.volume.orElseThrow();
                    if (filler != Filler.NOTHING && (!isNew || volume.isMounted())) {
                        fillEmpty(volume, filler);
                    }
                    if (!holder.isEmpty()) {
                        entry.holders.add(holder);
                    }
                    done = true;
                    return new Ensured(volume, isNew);
                } finally {
                    if (!done && isNew) {
                        drop(entry, wanted.name());
                    }
                }
            } finally {
                entry.lock.unlock();
            }
        }
    }

    private void make(Entry entry, Wanted wanted, boolean durable, Filler filler) {
        Instant now = Instant.now();
        StoredVolume record = files.record(wanted, now.getEpochSecond() * 1_000_000_000L + now.getNano());
        files.create(record, durable, filler);
        entry.volume = Optional.of(shown(record));
    }

    private void fillEmpty(Volume volume, Filler filler) {
        if (!volume.isMounted()) {
            if (files.isEmpty(volume.name())) {
                files.fill(volume.name(), filler);
            }
            return;
        }
        LocalMount mount = LocalMount.of(volume.options());
        if (mount.type().equals("tmpfs") && !mount.bind()) {
            return; // it lives no longer than its mount
        }
        try (Fd tree = mount.open(linux, volume.name());
                Fd data = linux.openat2(tree, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Flags.RESOLVE_BENEATH)) {
            if (linux.list(data).isEmpty()) {
                filler.fill(data);
            }
        } catch (KernelException e) {
            throw VolumeException.of("fill the volume " + volume.name(), e);
        }
    }

    private void drop(Entry entry, String name) {
        if (entry.volume.isPresent()) {
            files.discard(name);
        }
        entry.volume = Optional.empty();
        entry.dropped = true;
        entries.remove(name, entry);
    }

    /** Notes that somebody uses a volume; false where there is no such volume. */
    public boolean hold(String name, String holder) {
        Entry entry = entries.get(name);
        if (entry == null) {
            return false;
        }
        entry.lock.lock();
        try {
            if (entry.volume.isPresent()) {
                entry.holders.add(holder);
            }
            return entry.volume.isPresent();
        } finally {
            entry.lock.unlock();
        }
    }

    /** Notes that somebody does not use a volume any more; nothing happens where that is known. */
    public void release(String name, String holder) {
        Entry entry = entries.get(name);
        if (entry != null) {
            entry.lock.lock();
            try {
                entry.holders.remove(holder);
            } finally {
                entry.lock.unlock();
            }
        }
    }

    /**
     * Removes a volume with its content, which is out of sight at once and off the disk soon.
     *
     * @throws VolumeException NOT_FOUND, CONFLICT where somebody holds it
     */
    public void remove(String name) {
        Entry entry = entries.get(name);
        if (entry == null || !removed(entry, name, v -> true, true)) {
            throw VolumeException.notFound(name);
        }
    }

    /** Removes a volume that nobody holds if it is one of those wanted; true if it is gone now. */
    public boolean removeUnused(String name, Predicate<Volume> wanted) {
        Entry entry = entries.get(name);
        return entry != null && removed(entry, name, wanted, false);
    }

    private boolean removed(Entry entry, String name, Predicate<Volume> wanted, boolean refuse) {
        entry.lock.lock();
        try {
            if (entry.volume.isEmpty() || !wanted.test(entry.volume.get())) {
                return false;
            }
            if (!entry.holders.isEmpty()) {
                if (refuse) {
                    throw new VolumeException(
                            VolumeException.Kind.CONFLICT,
                            "remove " + name + ": volume is in use - [" + String.join(", ", entry.holders) + "]");
                }
                return false;
            }
            drop(entry, name);
            return true;
        } finally {
            entry.lock.unlock();
        }
    }

    /** A volume's content as a detached mount, which the caller closes; of a file system of its own, a new mount of it. */
    public Fd mount(String name) {
        Volume volume = get(name);
        return volume.isMounted() ? LocalMount.of(volume.options()).open(linux, name) : files.mount(name, "");
    }

    /**
     * The same of a part of a plain volume.
     *
     * @param subpath a path without {@code ..}; links are followed as long as they stay in the volume
     */
    public Fd mount(String name, String subpath) {
        return subpath.isEmpty() || get(name).isMounted() ? mount(name) : files.mount(name, subpath);
    }

    /** Whether each mount of a volume is another file system, so that containers share it only by sharing a mount. */
    public boolean isPerMount(Volume volume) {
        return volume.isMounted() && !LocalMount.of(volume.options()).bind();
    }

    /** Bytes of the regular files in a volume; empty for one that is mounted. */
    public OptionalLong size(String name) {
        Volume volume = get(name);
        return volume.isMounted() ? OptionalLong.empty() : OptionalLong.of(files.size(name));
    }

    /** Waits until everything that was removed so far is off the disk. */
    public void awaitDeletions() throws InterruptedException {
        files.awaitDeletions();
    }

    @Override
    public void close() {
        files.close();
    }
}
