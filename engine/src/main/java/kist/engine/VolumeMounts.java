package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import kist.image.FileTree;
import kist.image.Snapshots;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.runtime.Mount;
import kist.volume.Volume;
import kist.volume.VolumeException;
import kist.volume.Volumes;
import kist.volume.Wanted;

/** What containers have mounted: the volumes are made and held, and everything is opened as detached mounts. Thread-safe. */
final class VolumeMounts {
    /** Parents before what is below them; otherwise as they were said. */
    static final Comparator<MountPoint> ORDER = Comparator.comparingLong(
            p -> p.target().chars().filter(ch -> ch == '/').count());

    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    private static final System.Logger LOG = System.getLogger("kist");

    private final Linux linux;
    private final Volumes volumes;
    private final Snapshots snapshots;
    private final Registry registry;
    private final Events events;
    /** Held while a container starts with a file system that it may have to share with one that runs. */
    private final ReentrantLock sharing = new ReentrantLock();

    VolumeMounts(Linux linux, Volumes volumes, Snapshots snapshots, Registry registry, Events events) {
        this.linux = linux;
        this.volumes = volumes;
        this.snapshots = snapshots;
        this.registry = registry;
        this.events = events;
    }

    /** The mounts as the OCI runtime spec says them, parents first. */
    static List<Mount> spec(List<MountPoint> points) {
        List<Mount> mounts = new ArrayList<>();
        for (MountPoint point : points) {
            HostConfig.MountSpec m = point.spec();
            List<String> options = new ArrayList<>(m.options());
            if (m.type().equals("tmpfs")) {
                options.add(m.readOnly() ? "ro" : "rw");
                for (String usual : List.of("nosuid", "nodev", "noexec")) {
                    String opposite = usual.substring(2);
                    if (!options.contains(usual) && !options.contains(opposite)) {
                        options.add(usual);
                    }
                }
                mounts.add(new Mount(m.target(), "tmpfs", "tmpfs", options));
                continue;
            }
            if (m.readOnly()) {
                options.add(m.readOnlyNonRecursive() ? "ro" : "rro");
            } else if (m.type().equals("bind")) {
                options.add("rw");
            }
            options.add(m.nonRecursive() ? "bind" : "rbind");
            options.add(m.propagation().isEmpty() ? "rprivate" : m.propagation());
            String source = switch (m.type()) {
                case "bind" -> m.source();
                case "volume" -> "volume " + point.object();
                default -> "image " + m.source();
            };
            mounts.add(Mount.bind(source, m.target(), options));
        }
        return mounts;
    }

    static void checkSources(List<MountPoint> points) {
        for (MountPoint point : points) {
            if (point.spec().type().equals("bind") && !point.spec().createSource()) {
                checkSource(point.spec());
            }
        }
    }

    private static void checkSource(HostConfig.MountSpec m) {
        if (!Files.exists(Path.of(m.source()))) {
            throw Creation.invalid(
                    "invalid mount config for type \"bind\": bind source path does not exist: " + m.source());
        }
    }

    /**
     * Makes the volumes that are not there, fills those that are empty from the image, and holds all.
     *
     * @param undo takes back what is made now
     */
    void make(StoredContainer c, Undo undo) {
        for (MountPoint point : c.mountPoints()) {
            if (point.isVolume()) {
                make(c, point, undo);
            }
        }
    }

    /** Makes those again that somebody has taken away since; a container that was made by hand may have none yet. */
    private void makeMissing(StoredContainer c) {
        for (MountPoint point : c.mountPoints()) {
            if (point.isVolume() && volumes.find(point.object()).isEmpty()) {
                try (Undo undo = new Undo()) {
                    make(c, point, undo);
                    undo.commit();
                }
            }
        }
    }

    private void make(StoredContainer c, MountPoint point, Undo undo) {
        boolean durable = !c.config().host().autoRemove();
        Volumes.Ensured made;
        try {
            made = volumes.ensure(wanted(c, point), c.id(), durable, filler(c, point));
        } catch (VolumeException e) {
            if (e.kind() == VolumeException.Kind.NOT_FOUND) {
                // not "not found": clients would take it for the image and pull it
                throw Creation.invalid(String.valueOf(e.getMessage()));
            }
            throw failure(e);
        }
        undo.push(() -> {
            volumes.release(point.object(), c.id());
            if (made.isNew()) {
                volumes.removeUnused(point.object(), v -> true);
            }
        });
        if (made.isNew()) {
            events.publish("volume", "create", point.object(), Map.of("driver", Volume.DRIVER));
        }
    }

    private static Wanted wanted(StoredContainer c, MountPoint point) {
        Optional<HostConfig.VolumeOptions> options = point.spec().volume();
        Map<String, String> labels = new LinkedHashMap<>(
                options.map(HostConfig.VolumeOptions::labels).orElse(Map.of()));
        if (point.owned()) {
            labels.put(Volume.ANONYMOUS, "");
        }
        String driver = options.map(HostConfig.VolumeOptions::driver).orElse("");
        return new Wanted(
                point.object(),
                driver.isEmpty() ? c.config().host().volumeDriver() : driver,
                options.map(HostConfig.VolumeOptions::driverOptions).orElse(Map.of()),
                labels);
    }

    /** The image's content at the target, wherever links in the image lead to: within the image. */
    private Volumes.Filler filler(StoredContainer c, MountPoint point) {
        if (!point.isFilled()) {
            return Volumes.Filler.NOTHING;
        }
        return data -> {
            try (Fd image = snapshots.mountImage(c.imageId())) {
                new FileTree(linux, image).copy(point.target(), data);
            }
        };
    }

    /** Holds the volumes of a container that was there before this engine. */
    void hold(StoredContainer c) {
        for (MountPoint point : c.mountPoints()) {
            if (point.isVolume() && !volumes.hold(point.object(), c.id())) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the volume {0} of container {1} is not there; a new one is made when it starts",
                        point.object(),
                        c.name());
            }
        }
    }

    /** Lets go of the volumes of a container that is removed, and removes with {@code owned} those made for it alone. */
    void release(StoredContainer c, boolean owned) {
        for (MountPoint point : c.mountPoints()) {
            if (point.isVolume()) {
                volumes.release(point.object(), c.id());
                if (owned && point.owned() && volumes.removeUnused(point.object(), Volume::isAnonymous)) {
                    events.publish("volume", "destroy", point.object(), Map.of("driver", Volume.DRIVER));
                }
            }
        }
    }

    /** What clients are told when a container begins to use its volumes, and when it ends. */
    void tell(Container c, boolean mounted) {
        for (MountPoint point : c.stored.mountPoints()) {
            if (!point.isVolume()) {
                continue;
            }
            Map<String, String> attributes = new LinkedHashMap<>();
            attributes.put("container", c.id());
            attributes.put("driver", Volume.DRIVER);
            if (mounted) {
                attributes.put("destination", point.target());
                attributes.put("propagation", point.spec().propagation());
                attributes.put("read/write", Boolean.toString(!point.spec().readOnly()));
            }
            events.publish("volume", mounted ? "mount" : "unmount", point.object(), attributes);
        }
    }

    List<MountView> views(StoredContainer c) {
        List<MountView> views = new ArrayList<>();
        for (MountPoint point : c.mountPoints()) {
            HostConfig.MountSpec m = point.spec();
            if (m.type().equals("tmpfs") && m.shortForm()) {
                continue; // which Docker's clients look for elsewhere
            }
            boolean bind = m.type().equals("bind");
            String source = switch (m.type()) {
                case "bind" -> m.source();
                case "volume" ->
                    volumes.find(point.object()).map(v -> v.data().toString()).orElse("");
                default -> point.object();
            };
            views.add(new MountView(
                    m.type(),
                    point.isVolume() ? point.object() : "",
                    source,
                    m.target(),
                    point.isVolume() ? Volume.DRIVER : "",
                    mode(point),
                    !m.readOnly() && !m.type().equals("image"),
                    bind ? m.propagation().isEmpty() ? "rprivate" : m.propagation() : ""));
        }
        return views;
    }

    /** In the words of Docker, where a volume given in the short form has the mode z of old. */
    private static String mode(MountPoint point) {
        HostConfig.MountSpec m = point.spec();
        if (!m.shortForm() || point.foreign()) {
            return "";
        }
        List<String> options = new ArrayList<>();
        if (m.readOnly()) {
            options.add("ro");
        }
        if (!m.propagation().isEmpty()) {
            options.add(m.propagation());
        }
        if (m.volume().map(HostConfig.VolumeOptions::noCopy).orElse(false)) {
            options.add("nocopy");
        }
        options.addAll(m.options());
        return options.isEmpty() && point.isVolume() && !point.owned() ? "z" : String.join(",", options);
    }

    /** Held from before {@link #open} until the container is known to run. */
    interface Sharing extends AutoCloseable {
        @Override
        void close();
    }

    /** Nobody else starts with the same file system of memory meanwhile, of which each mount would be another one. */
    Sharing share(StoredContainer c) {
        if (c.mountPoints().stream().noneMatch(this::isPerMount)) {
            return () -> {};
        }
        sharing.lock();
        return sharing::unlock;
    }

    private boolean isPerMount(MountPoint point) {
        return point.isVolume()
                && volumes.find(point.object()).filter(volumes::isPerMount).isPresent();
    }

    /**
     * Opens what the container gets from the host, as detached mounts by destination. What was opened is in the map even
     * where this fails.
     *
     * @param directory of the container, with hosts, hostname and resolv.conf
     */
    void open(StoredContainer c, Path directory, Map<String, Fd> into) throws IOException {
        makeMissing(c);
        for (MountPoint point : c.mountPoints()) {
            if (!point.spec().type().equals("tmpfs")) {
                into.put(point.target(), tree(c, point));
            }
        }
        for (String file : List.of("resolv.conf", "hostname", "hosts")) {
            String target = "/etc/" + file;
            if (!into.containsKey(target)) {
                into.put(target, linux.openTree(Fd.CWD, directory.resolve(file).toString(), Flags.OPEN_TREE_CLONE));
            }
        }
    }

    /** One mount of a container, anything but a tmpfs, as a detached mount that the caller closes. */
    Fd tree(StoredContainer c, MountPoint point) throws IOException {
        return switch (point.spec().type()) {
            case "bind" -> bound(point.spec());
            case "image" -> image(point);
            default -> volume(c, point);
        };
    }

    private Fd bound(HostConfig.MountSpec m) throws IOException {
        Path source = Path.of(m.source());
        if (!m.createSource()) {
            checkSource(m);
        } else if (!Files.exists(source)) {
            Files.createDirectories(source);
        }
        try {
            return linux.openTree(
                    Fd.CWD, m.source(), Flags.OPEN_TREE_CLONE | (m.nonRecursive() ? 0 : (long) Flags.AT_RECURSIVE));
        } catch (KernelException e) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT, "cannot mount " + m.source() + ": " + e.getMessage(), e);
        }
    }

    private Fd image(MountPoint point) {
        Fd whole = snapshots.mountImage(point.object());
        return point.subpath().isEmpty() ? whole : part(whole, point);
    }

    /** Of a mount that is closed with this, what is at the subpath. */
    private Fd part(Fd whole, MountPoint point) {
        long below = Flags.RESOLVE_BENEATH | Flags.RESOLVE_NO_MAGICLINKS;
        try (whole;
                Fd at = linux.openat2(whole, point.subpath(), Flags.O_PATH, 0, below)) {
            return linux.openTree(
                    at, "", Flags.OPEN_TREE_CLONE | (long) Flags.AT_EMPTY_PATH | (long) Flags.AT_RECURSIVE);
        } catch (KernelException e) {
            boolean old = e.errno() == Errno.EINVAL;
            throw new EngineException(
                    old ? EngineException.Kind.UNSUPPORTED : EngineException.Kind.INVALID_ARGUMENT,
                    "cannot mount the subpath " + Names.printable(point.subpath()) + " on " + point.target() + ": "
                            + (old ? "this kernel cannot mount a part of a file system by itself" : e.getMessage()),
                    e);
        }
    }

    private Fd volume(StoredContainer c, MountPoint point) {
        try {
            Volume volume = volumes.get(point.object());
            if (!volume.isMounted()) {
                return volumes.mount(point.object(), point.subpath());
            }
            Optional<Fd> shared = volumes.isPerMount(volume) ? shared(c, point) : Optional.empty();
            Fd whole = shared.orElseGet(() -> volumes.mount(point.object(), ""));
            return point.subpath().isEmpty() ? whole : part(whole, point);
        } catch (VolumeException e) {
            throw failure(e);
        }
    }

    /** The same mount that a running container has of a volume. */
    private Optional<Fd> shared(StoredContainer c, MountPoint wanted) {
        for (Container other : registry.all()) {
            if (other.id().equals(c.id()) || !other.state.alive()) {
                continue;
            }
            for (MountPoint point : other.stored.mountPoints()) {
                if (point.isVolume()
                        && point.object().equals(wanted.object())
                        && point.subpath().isEmpty()) {
                    Optional<Fd> found = shared(other, point.target());
                    if (found.isPresent()) {
                        return found;
                    }
                }
            }
        }
        return Optional.empty();
    }

    private Optional<Fd> shared(Container other, String target) {
        try (Fd namespace = linux.open(Path.of("/proc/" + other.state.pid() + "/ns/mnt"), Flags.O_RDONLY, 0)) {
            return Optional.of(MountSpace.within(linux, namespace, () -> {
                try (Fd root = linux.open(Path.of("/"), Flags.O_PATH | Flags.O_DIRECTORY, 0);
                        Fd at = linux.openat2(root, target, Flags.O_PATH, 0, IN_ROOT | Flags.RESOLVE_NO_SYMLINKS)) {
                    Fd tree = linux.openTree(at, "", Flags.OPEN_TREE_CLONE | (long) Flags.AT_EMPTY_PATH);
                    // read-only there need not be read-only here
                    linux.mountSetattr(tree, "", Flags.AT_EMPTY_PATH, 0, Flags.MOUNT_ATTR_RDONLY, Flags.MS_PRIVATE);
                    return tree;
                }
            }));
        } catch (KernelException e) {
            LOG.log(System.Logger.Level.DEBUG, "no mount to share with " + other.id(), e);
            return Optional.empty();
        }
    }

    /** What a failure of the volumes means to who asked. */
    static EngineException failure(VolumeException e) {
        EngineException.Kind kind = switch (e.kind()) {
            case NOT_FOUND -> EngineException.Kind.NOT_FOUND;
            case INVALID -> EngineException.Kind.INVALID_ARGUMENT;
            case CONFLICT -> EngineException.Kind.CONFLICT;
            case NO_SPACE -> EngineException.Kind.EXHAUSTED;
            case UNSUPPORTED -> EngineException.Kind.UNSUPPORTED;
            case INTERNAL -> EngineException.Kind.INTERNAL;
        };
        return new EngineException(kind, String.valueOf(e.getMessage()), e);
    }
}
