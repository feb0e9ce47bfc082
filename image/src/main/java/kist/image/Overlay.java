package kist.image;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * Makes detached overlay mounts (Linux Documentation/filesystems/overlayfs.rst): they appear in no mount table until
 * somebody attaches them, and are gone with their last descriptor. Thread-safe.
 */
final class Overlay {
    /** Says that a directory hides the one of the same name below. */
    private static final String OPAQUE = "trusted.overlay.opaque";

    /** The same in a user namespace, where nobody may set the former. */
    private static final String USER_OPAQUE = "user.overlay.opaque";

    private static final byte[] YES = {'y'};
    private static final System.Logger LOG = System.getLogger(Overlay.class.getName());

    /** Overlay's own bound (OVL_MAX_STACK). */
    private static final int MAXIMUM_LAYERS = 500;

    /** How the kernel takes its directories; newer ones first. */
    enum Form {
        /** One descriptor a layer, Linux 6.13. */
        DESCRIPTORS,
        /** One path a layer, Linux 6.5. */
        PATHS,
        /** All layers in one string of at most 255 bytes. */
        ONE_STRING
    }

    private final Linux linux;
    private final AtomicReference<Form> form;
    private final boolean user;
    private final boolean usable;

    /** The writable part of a mount. */
    record Writable(Fd upper, Fd work) {}

    Overlay(Linux linux) {
        this(linux, Form.DESCRIPTORS);
    }

    /** Begins with an older form, for tests. */
    Overlay(Linux linux, Form first) {
        this(linux, first, false, true);
    }

    private Overlay(Linux linux, Form first, boolean user, boolean usable) {
        this.linux = linux;
        this.form = new AtomicReference<>(first);
        this.user = user;
        this.usable = usable;
    }

    /**
     * Finds out by trying in the store's own directory what this kernel, file system and user namespace can do.
     *
     * @throws ImageException where overlay is asked for and does not work
     */
    static Overlay find(StoreFiles files, Snapshotter snapshotter) {
        Linux linux = files.linux;
        String temporary = files.newTemporary();
        try (Fd dir = files.openPath(files.temporary, temporary)) {
            linux.mkdirat(dir, "upper", 0700);
            linux.mkdirat(dir, "work", 0700);
            boolean user = mark(linux, dir, "upper");
            Overlay overlay = new Overlay(linux, Form.DESCRIPTORS, user, true);
            if (snapshotter == Snapshotter.COPY) {
                return new Overlay(linux, Form.DESCRIPTORS, user, false);
            }
            try (Fd upper = files.openPath(dir, "upper");
                    Fd work = files.openPath(dir, "work");
                    Fd lower = files.openPath(files.empty, "1");
                    Fd mount = overlay.mount(List.of(lower), Optional.of(new Writable(upper, work)), false, false)) {
                return overlay;
            } catch (ImageException e) {
                if (snapshotter == Snapshotter.OVERLAY || e.kind() == ImageException.Kind.NO_SPACE) {
                    throw e;
                }
                LOG.log(
                        System.Logger.Level.WARNING,
                        "overlay does not work in {0}, containers get whole copies of their images: {1}",
                        files.where,
                        e.getMessage());
                return new Overlay(linux, Form.DESCRIPTORS, user, false);
            }
        } finally {
            Trees.delete(linux, files.temporary, temporary);
        }
    }

    /** Whether mounts can and shall be made. */
    boolean isUsable() {
        return usable;
    }

    /**
     * Marks a directory as one that hides the one of the same name below; answers whether it is the mark of a user
     * namespace.
     */
    static boolean mark(Linux linux, Fd dir, String name) {
        try {
            linux.setxattr(dir, name, OPAQUE, YES);
            return false;
        } catch (KernelException e) {
            if (e.errno() != Errno.EPERM) {
                throw e;
            }
            linux.setxattr(dir, name, USER_OPAQUE, YES);
            return true;
        }
    }

    /** Whether a directory hides the one of the same name below. */
    boolean isOpaque(Fd dir, String name) {
        Optional<byte[]> mark = linux.getxattr(dir, name, user ? USER_OPAQUE : OPAQUE);
        return mark.isPresent() && mark.get().length > 0 && mark.get()[0] == 'y';
    }

    /**
     * Makes a mount.
     *
     * @param lowers topmost first; at least one, and at least two where nothing is writable
     * @param readOnly whether the mount refuses writes even where there is a writable part
     * @param isVolatile whether the kernel may leave out every write-back to disk (overlayfs.rst, volatile mount)
     */
    Fd mount(List<Fd> lowers, Optional<Writable> writable, boolean readOnly, boolean isVolatile) {
        if (lowers.size() > MAXIMUM_LAYERS) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "an image of " + lowers.size() + " layers; Linux can stack " + MAXIMUM_LAYERS);
        }
        Form first = form.get();
        try {
            return mount(first, lowers, writable, readOnly, isVolatile);
        } catch (KernelException e) {
            if (e.errno() != Errno.EINVAL) {
                throw failed(e);
            }
            for (Form older : Form.values()) {
                if (older.compareTo(first) > 0) {
                    try {
                        Fd mount = mount(older, lowers, writable, readOnly, isVolatile);
                        form.set(older);
                        return mount;
                    } catch (KernelException next) {
                        e.addSuppressed(next);
                    }
                }
            }
            throw failed(e);
        }
    }

    private Fd mount(Form how, List<Fd> lowers, Optional<Writable> writable, boolean readOnly, boolean isVolatile) {
        try (Fd fs = linux.fsopen("overlay")) {
            switch (how) {
                case DESCRIPTORS -> lowers.forEach(l -> linux.fsconfigFd(fs, "lowerdir+", l));
                case PATHS -> lowers.forEach(l -> linux.fsconfigString(fs, "lowerdir+", l.procPath()));
                case ONE_STRING ->
                    linux.fsconfigString(
                            fs, "lowerdir", lowers.stream().map(Fd::procPath).collect(Collectors.joining(":")));
            }
            if (writable.isPresent()) {
                Writable w = writable.get();
                if (how == Form.DESCRIPTORS) {
                    linux.fsconfigFd(fs, "upperdir", w.upper());
                    linux.fsconfigFd(fs, "workdir", w.work());
                } else {
                    linux.fsconfigString(fs, "upperdir", w.upper().procPath());
                    linux.fsconfigString(fs, "workdir", w.work().procPath());
                }
                linux.fsconfigString(fs, "index", "off");
                if (isVolatile) {
                    linux.fsconfigFlag(fs, "volatile");
                }
            }
            if (user) {
                // which by itself turns off what follows here
                linux.fsconfigFlag(fs, "userxattr");
            } else {
                // what these would follow lies in extended attributes, which must never come from an image
                linux.fsconfigString(fs, "redirect_dir", "nofollow");
                linux.fsconfigString(fs, "metacopy", "off");
            }
            linux.fsconfigCreate(fs);
            return linux.fsmount(fs, readOnly ? Flags.MOUNT_ATTR_RDONLY : 0);
        }
    }

    /**
     * Has something work on the layers as one read-only tree.
     *
     * @param lowers topmost first
     */
    void merged(StoreFiles files, List<Fd> lowers, Consumer<Fd> work) {
        if (usable) {
            List<Fd> enough = new ArrayList<>(lowers);
            try (Fd first = files.openPath(files.empty, "1");
                    Fd second = files.openPath(files.empty, "2")) {
                enough.add(first);
                enough.add(second);
                try (Fd mount = mount(enough, Optional.empty(), true, false)) {
                    work.accept(mount);
                }
            }
            return;
        }
        String temporary = files.newTemporary();
        try (Fd tree = files.openPath(files.temporary, temporary)) {
            new TreeMerge(linux, this, lowers).linkInto(tree);
            work.accept(tree);
        } finally {
            files.discard(files.temporary, temporary);
        }
    }

    private static ImageException failed(KernelException e) {
        return switch (e.errno()) {
            case Errno.ENODEV ->
                new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        "this kernel has no overlay file system (CONFIG_OVERLAY_FS)",
                        e);
            default -> ImageException.of("mount the layers", e);
        };
    }
}
