package kist.image;

import java.util.ArrayList;
import java.util.List;
import kist.kernel.Fd;
import kist.kernel.Linux;

/** The trees that an image's file system is made of. Thread-safe. */
final class ImageLayers {
    private final StoreFiles files;
    private final Linux linux;
    private final Catalog catalog;

    ImageLayers(StoreFiles files, Catalog catalog) {
        this.files = files;
        this.linux = files.linux;
        this.catalog = catalog;
    }

    /** Owner, mode and time of a root directory. */
    record Root(long uid, long gid, int mode, long mtimeSec, long mtimeNsec) {}

    boolean has(String imageId) {
        return catalog.has(imageId);
    }

    /** The layers' trees, topmost first; they are added to {@code open} for the caller to close, whatever happens. */
    List<Fd> open(String imageId, List<Fd> open) {
        List<Fd> lowers = new ArrayList<>();
        for (Layer layer : catalog.layersOf(imageId)) {
            Fd fd = catalog.openLayer(layer.directory());
            open.add(fd);
            lowers.add(fd);
        }
        return lowers;
    }

    /** What lies below the layers of each container. */
    Fd openMountpoints(List<Fd> open) {
        Fd mountpoints = files.openPath(files.empty, StoreFiles.MOUNTPOINTS);
        open.add(mountpoints);
        return mountpoints;
    }

    /** The image's directories of layers, topmost first. */
    List<String> directories(String imageId) {
        return catalog.layersOf(imageId).stream().map(Layer::directory).toList();
    }

    /** The root directory is like that of the topmost layer whose archive says something of it. */
    Root root(String imageId) {
        for (Layer layer : catalog.layersOf(imageId)) {
            if (layer.root()) {
                try (Fd root = catalog.openLayer(layer.directory())) {
                    Linux.Stat stat = linux.stat(root, "");
                    return new Root(stat.uid(), stat.gid(), stat.mode() & 07777, stat.mtimeSec(), stat.mtimeNsec());
                }
            }
        }
        return new Root(0, 0, 0755, 0, 0);
    }

    /** Makes a directory like the image's root. */
    void likeRoot(String imageId, Fd directory) {
        Root root = root(imageId);
        linux.fchownat(directory, "", root.uid(), root.gid());
        linux.chmod(directory, root.mode());
        linux.utimensat(directory, "", root.mtimeSec(), root.mtimeNsec(), root.mtimeSec(), root.mtimeNsec());
    }
}
