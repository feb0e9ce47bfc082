package kist.image;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Containers above the layers of their images: {@code upper} with what they have changed, and overlay's {@code work}. */
final class OverlaySnapshots implements SnapshotForm {
    private static final String UPPER = "upper";
    private static final String WORK = "work";

    private final StoreFiles files;
    private final Linux linux;
    private final Overlay overlay;
    private final ImageLayers images;

    OverlaySnapshots(StoreFiles files, Overlay overlay, ImageLayers images) {
        this.files = files;
        this.linux = files.linux;
        this.overlay = overlay;
        this.images = images;
    }

    @Override
    public void make(Fd directory, String imageId) {
        linux.mkdirat(directory, UPPER, 0700);
        linux.mkdirat(directory, WORK, 0700);
        try (Fd upper = files.openPath(directory, UPPER)) {
            images.likeRoot(imageId, upper);
        }
    }

    @Override
    public Fd mount(String id, String imageId, boolean readOnly, boolean isVolatile) {
        return closing(open -> {
            Fd upper = files.openPath(files.snapshots, id + "/" + UPPER);
            open.add(upper);
            Fd work = files.openPath(files.snapshots, id + "/" + WORK);
            open.add(work);
            forgetVolatile(work);
            List<Fd> lowers = images.open(imageId, open);
            lowers.add(images.openMountpoints(open));
            return overlay.mount(lowers, Optional.of(new Overlay.Writable(upper, work)), readOnly, isVolatile);
        });
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

    @Override
    public Fd mountForReading(String id, String imageId) {
        return closing(open -> {
            // as a layer like the others: a second mount must not have the same upper directory
            Fd upper = files.openPath(files.snapshots, id + "/" + UPPER);
            open.add(upper);
            List<Fd> lowers = new ArrayList<>();
            lowers.add(upper);
            lowers.addAll(images.open(imageId, open));
            lowers.add(images.openMountpoints(open));
            return overlay.mount(lowers, Optional.empty(), true, false);
        });
    }

    @Override
    public Fd mountImage(String imageId) {
        return closing(open -> {
            List<Fd> lowers = images.open(imageId, open);
            // overlay wants at least two
            for (int i = 1; lowers.size() < 2; i++) {
                Fd empty = files.openPath(files.empty, Integer.toString(i));
                open.add(empty);
                lowers.add(empty);
            }
            return overlay.mount(lowers, Optional.empty(), true, false);
        });
    }

    @Override
    public Fd openChanged(String id) {
        return linux.openat2(files.snapshots, id + "/" + UPPER, Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Trees.INSIDE);
    }

    @Override
    public void differences(Directories changed, Directories image, Difference.Visitor visitor) throws IOException {
        new UpperChanges(linux, overlay, changed, image, visitor).run();
    }

    @Override
    public long usage(String id, String imageId) {
        try (Fd upper = openChanged(id)) {
            return Trees.size(linux, upper);
        }
    }

    @Override
    public void sweep() {
        // images have nothing here
    }

    private interface Mounting {
        Fd mount(List<Fd> open);
    }

    private static Fd closing(Mounting mounting) {
        List<Fd> open = new ArrayList<>();
        try {
            return mounting.mount(open);
        } finally {
            open.forEach(Fd::close);
        }
    }
}
