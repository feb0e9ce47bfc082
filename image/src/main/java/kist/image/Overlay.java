package kist.image;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * Makes detached overlay mounts (Linux Documentation/filesystems/overlayfs.rst): they appear in no mount table until
 * somebody attaches them, and are gone with their last descriptor. Thread-safe.
 */
final class Overlay {
    /** Says that a directory hides the one of the same name below. */
    static final String OPAQUE = "trusted.overlay.opaque";

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

    /** The writable part of a mount. */
    record Writable(Fd upper, Fd work) {}

    Overlay(Linux linux) {
        this(linux, Form.DESCRIPTORS);
    }

    /** Begins with an older form, for tests. */
    Overlay(Linux linux, Form first) {
        this.linux = linux;
        this.form = new AtomicReference<>(first);
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
            // what these would follow lies in extended attributes, which must never come from an image
            linux.fsconfigString(fs, "redirect_dir", "nofollow");
            linux.fsconfigString(fs, "metacopy", "off");
            linux.fsconfigCreate(fs);
            return linux.fsmount(fs, readOnly ? Flags.MOUNT_ATTR_RDONLY : 0);
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
