package kist.image;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * The writable layers of containers, each above the layers of an image: {@code snapshots/<id>} with the directories
 * {@code upper} and {@code work} and the link {@code image}, whose target is the image's id. Thread-safe.
 *
 * <p>All methods throw {@link ImageException}.
 */
public final class Snapshots {
    private static final System.Logger LOG = System.getLogger(Snapshots.class.getName());
    private static final String IMAGE = "image";
    private static final String UPPER = "upper";
    private static final String WORK = "work";

    private final StoreFiles files;
    private final Linux linux;
    private final Overlay overlay;
    private final Catalog catalog;
    private final Map<String, String> images = new ConcurrentHashMap<>();

    Snapshots(StoreFiles files, Overlay overlay, Catalog catalog) {
        this.files = files;
        this.linux = files.linux;
        this.overlay = overlay;
        this.catalog = catalog;
    }

    void load() {
        linux.scan(files.snapshots, e -> {
            try (Fd dir = files.openPath(files.snapshots, e.name())) {
                images.put(e.name(), linux.readlinkat(dir, IMAGE));
            } catch (KernelException damaged) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the file system of container {0} is damaged: {1}",
                        e.name(),
                        damaged.getMessage());
            }
        });
    }

    boolean uses(String imageId) {
        return images.containsValue(imageId);
    }

    /**
     * Makes the writable layer of a container, empty; nothing is left of it on failure. It is durable when the caller has
     * synced its own record of the container, on the same file system: a journal is committed in order.
     *
     * @param id up to 128 letters, digits, {@code _}, {@code .} and {@code -}, beginning with a letter or digit
     * @throws ImageException CONFLICT if there is one of that id, NOT_FOUND if there is no such image
     */
    public void prepare(String id, String imageId) {
        checkId(id);
        String temporary = files.unique();
        boolean done = false;
        try {
            linux.mkdirat(files.temporary, temporary, 0700);
            try (Fd dir = files.openPath(files.temporary, temporary)) {
                linux.mkdirat(dir, UPPER, 0700);
                linux.mkdirat(dir, WORK, 0700);
                linux.symlinkat(imageId, dir, IMAGE);
                try (Fd upper = files.openPath(dir, UPPER)) {
                    likeRoot(imageId, upper);
                }
            }
            catalog.locked(() -> {
                if (!catalog.has(imageId)) {
                    throw new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + imageId);
                }
                linux.renameat2(files.temporary, temporary, files.snapshots, id, StoreFiles.RENAME_NOREPLACE);
                return images.put(id, imageId) == null;
            });
            done = true;
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST) {
                throw new ImageException(
                        ImageException.Kind.CONFLICT, "a container of the id " + id + " has a file system already", e);
            }
            if (done) {
                remove(id);
            }
            throw ImageException.of("make the file system of container " + id, e);
        } finally {
            if (!done) {
                files.discard(files.temporary, temporary);
            }
        }
    }

    /** The root directory of a container is the upper one: it gets owner and mode from the topmost layer that says. */
    private void likeRoot(String imageId, Fd upper) {
        for (Layer layer : catalog.layersOf(imageId)) {
            if (layer.root()) {
                try (Fd root = catalog.openLayer(layer.directory())) {
                    Linux.Stat stat = linux.stat(root, "");
                    linux.fchownat(upper, "", stat.uid(), stat.gid());
                    linux.chmod(upper, stat.mode() & 07777);
                    linux.utimensat(upper, "", stat.mtimeSec(), stat.mtimeNsec(), stat.mtimeSec(), stat.mtimeNsec());
                }
                return;
            }
        }
        linux.chmod(upper, 0755);
    }

    /**
     * Makes the root file system of a container as a detached mount, which the caller closes; it appears in no mount table
     * until it is attached.
     *
     * @param readOnly whether the mount refuses writes
     * @param isVolatile whether nothing needs to be on disk after a crash of the machine: for containers that are removed
     *     when they end
     */
    public Fd mount(String id, boolean readOnly, boolean isVolatile) {
        String image = images.get(id);
        if (image == null) {
            throw notFound(id);
        }
        List<Fd> open = new ArrayList<>();
        try {
            Fd upper = files.openPath(files.snapshots, id + "/" + UPPER);
            open.add(upper);
            Fd work = files.openPath(files.snapshots, id + "/" + WORK);
            open.add(work);
            forgetVolatile(work);
            List<Fd> lowers = lowers(image, 0, open);
            Fd mountpoints = files.openPath(files.empty, StoreFiles.MOUNTPOINTS);
            open.add(mountpoints);
            lowers.add(mountpoints);
            return overlay.mount(lowers, Optional.of(new Overlay.Writable(upper, work)), readOnly, isVolatile);
        } catch (KernelException e) {
            throw e.errno() == Errno.ENOENT
                    ? notFound(id)
                    : ImageException.of("mount the file system of container " + id, e);
        } finally {
            open.forEach(Fd::close);
        }
    }

    /** Overlay leaves a mark in a volatile mount and then refuses to mount it again; who asks for it knows. */
    private void forgetVolatile(Fd work) {
        try (Fd marks = linux.openat2(work, "work/incompat", Flags.O_PATH | Flags.O_DIRECTORY, 0, Trees.INSIDE)) {
            Trees.delete(linux, marks, "volatile");
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    /** The file system of an image, read-only, as a detached mount, which the caller closes. */
    public Fd mountImage(String imageId) {
        List<Fd> open = new ArrayList<>();
        try {
            return overlay.mount(lowers(imageId, 2, open), Optional.empty(), true, false);
        } catch (KernelException e) {
            throw ImageException.of("mount image " + imageId, e);
        } finally {
            open.forEach(Fd::close);
        }
    }

    /** Layers topmost first, filled up with empty directories, as overlay wants at least so many. */
    private List<Fd> lowers(String imageId, int atLeast, List<Fd> open) {
        List<Fd> lowers = new ArrayList<>();
        for (Layer layer : catalog.layersOf(imageId)) {
            Fd fd = catalog.openLayer(layer.directory());
            open.add(fd);
            lowers.add(fd);
        }
        for (int i = 1; lowers.size() < atLeast; i++) {
            Fd fd = files.openPath(files.empty, Integer.toString(i));
            open.add(fd);
            lowers.add(fd);
        }
        return lowers;
    }

    /**
     * Removes the writable layer of a container; nothing happens where there is none. It is out of sight at once, and off
     * the disk soon after.
     */
    public void remove(String id) {
        checkId(id);
        try {
            files.discard(files.snapshots, id);
        } catch (KernelException e) {
            throw ImageException.of("remove the file system of container " + id, e);
        }
        String image = images.remove(id);
        if (image != null) {
            catalog.released(image);
        }
    }

    /** The containers that have a writable layer. */
    public List<String> ids() {
        return List.copyOf(images.keySet());
    }

    /** The image that a container's writable layer lies on. */
    public String imageOf(String id) {
        String image = images.get(id);
        if (image == null) {
            throw notFound(id);
        }
        return image;
    }

    /** Bytes of the regular files that a container has written or changed, files with several names once. */
    public long usage(String id) {
        checkId(id);
        try (Fd upper =
                linux.openat2(files.snapshots, id + "/" + UPPER, Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Trees.INSIDE)) {
            return Trees.size(linux, upper);
        } catch (KernelException e) {
            throw e.errno() == Errno.ENOENT
                    ? notFound(id)
                    : ImageException.of("measure the file system of container " + id, e);
        }
    }

    private static ImageException notFound(String id) {
        return new ImageException(ImageException.Kind.NOT_FOUND, "container " + id + " has no file system");
    }

    private static void checkId(String id) {
        boolean good = !id.isEmpty() && id.length() <= 128;
        for (int i = 0; good && i < id.length(); i++) {
            char c = id.charAt(i);
            boolean word = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
            good = word || i > 0 && (c == '_' || c == '.' || c == '-');
        }
        if (!good) {
            throw ImageException.invalid(Text.quote(id)
                    + " is not an id: up to 128 letters, digits, '_', '.', '-', the first a letter or digit");
        }
    }
}
