package kist.image;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * Containers as whole copies of their images: {@code tree}. What a container has changed is found by comparison, by size,
 * time, mode, owner, type and extended attributes. The file system of an image by itself is made of hard links to its
 * layers in {@code merged/<id>}, when somebody wants to see it, and goes with the image.
 */
final class CopySnapshots implements SnapshotForm {
    static final String TREE = "tree";
    private static final String MERGED = "merged";

    private final StoreFiles files;
    private final Linux linux;
    private final Overlay overlay;
    private final ImageLayers images;

    CopySnapshots(StoreFiles files, Overlay overlay, ImageLayers images) {
        this.files = files;
        this.linux = files.linux;
        this.overlay = overlay;
        this.images = images;
    }

    @Override
    public void make(Fd directory, String imageId) {
        linux.mkdirat(directory, TREE, 0700);
        List<Fd> open = new ArrayList<>();
        try (Fd tree = files.openPath(directory, TREE)) {
            List<Fd> lowers = images.open(imageId, open);
            lowers.add(images.openMountpoints(open));
            new TreeMerge(linux, overlay, lowers).copyInto(tree);
            images.likeRoot(imageId, tree);
            // a journal keeps the order of names, not of content
            linux.syncfs(files.snapshots);
        } finally {
            open.forEach(Fd::close);
        }
    }

    @Override
    public Fd mount(String id, String imageId, boolean readOnly, boolean isVolatile) {
        return clone(files.snapshots, id + "/" + TREE, readOnly);
    }

    @Override
    public Fd mountForReading(String id, String imageId) {
        return clone(files.snapshots, id + "/" + TREE, true);
    }

    @Override
    public Fd mountImage(String imageId) {
        try (Fd merged = merged()) {
            String name = Digest.hex(imageId, "the image");
            if (!files.exists(merged, name)) {
                merge(merged, name, imageId);
            }
            return clone(merged, name, true);
        }
    }

    private void merge(Fd merged, String name, String imageId) {
        String temporary = files.newTemporary();
        boolean done = false;
        List<Fd> open = new ArrayList<>();
        try (Fd tree = files.openPath(files.temporary, temporary)) {
            new TreeMerge(linux, overlay, images.open(imageId, open)).linkInto(tree);
            images.likeRoot(imageId, tree);
            linux.renameat2(files.temporary, temporary, merged, name, StoreFiles.RENAME_NOREPLACE);
            done = true;
        } catch (KernelException e) {
            // another thread may have made the same
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
        } finally {
            open.forEach(Fd::close);
            if (!done) {
                files.discard(files.temporary, temporary);
            }
        }
    }

    private Fd merged() {
        try {
            linux.mkdirat(files.root, MERGED, 0700);
        } catch (KernelException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
        }
        return linux.openat2(
                files.root, MERGED, Flags.O_RDONLY | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
    }

    private Fd clone(Fd dir, String path, boolean readOnly) {
        try (Fd tree = files.openPath(dir, path)) {
            Fd mount = linux.openTree(tree, "", Flags.OPEN_TREE_CLONE | Flags.AT_EMPTY_PATH);
            boolean done = false;
            try {
                linux.mountSetattr(
                        mount, "", Flags.AT_EMPTY_PATH, readOnly ? Flags.MOUNT_ATTR_RDONLY : 0, 0, Flags.MS_PRIVATE);
                done = true;
                return mount;
            } finally {
                if (!done) {
                    mount.close();
                }
            }
        }
    }

    @Override
    public Fd openChanged(String id) {
        return linux.openat2(files.snapshots, id + "/" + TREE, Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Trees.INSIDE);
    }

    @Override
    public void differences(Directories changed, Directories image, Difference.Visitor visitor) throws IOException {
        try (Fd mountpoints = files.openPath(files.empty, StoreFiles.MOUNTPOINTS);
                Directories placeholders = new Directories(linux, mountpoints)) {
            new TreeComparison(linux, image, changed, visitor)
                    .ignoring(placeholders)
                    .run();
        }
    }

    @Override
    public long usage(String id, String imageId) {
        long[] sum = {0};
        Set<Long> seen = new HashSet<>();
        try (Fd tree = openChanged(id);
                Fd image = mountImage(imageId);
                Directories after = new Directories(linux, tree);
                Directories before = new Directories(linux, image)) {
            differences(after, before, d -> {
                Optional<Linux.Stat> file = d.after().filter(s -> s.type() == Flags.S_IFREG);
                if (file.isPresent()
                        && (file.get().links() == 1 || seen.add(file.get().inode()))) {
                    sum[0] += file.get().size();
                }
            });
        } catch (IOException e) {
            throw new IllegalStateException("nothing is written here", e);
        }
        return sum[0];
    }

    @Override
    public void sweep() {
        if (!files.exists(files.root, MERGED)) {
            return;
        }
        try (Fd merged = merged()) {
            linux.scan(merged, e -> {
                if (!images.has("sha256:" + e.name())) {
                    files.discard(merged, e.name());
                }
            });
        }
    }
}
