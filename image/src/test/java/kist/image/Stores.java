package kist.image;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** A store in a directory of its own on a real disk, gone with its test. */
final class Stores implements AutoCloseable {
    final Path directory;
    final Linux linux;
    private final Snapshotter snapshotter;
    ImageStore store;

    Stores() {
        this(Linux.system(), Limits.DEFAULT);
    }

    Stores(Snapshotter snapshotter) {
        this(Linux.system(), Limits.DEFAULT, snapshotter);
    }

    Stores(Linux linux, Limits limits) {
        this(linux, limits, Snapshotter.AUTO);
    }

    Stores(Linux linux, Limits limits, Snapshotter snapshotter) {
        this.snapshotter = snapshotter;
        try {
            directory = Files.createTempDirectory(Path.of("/var/tmp"), "kist-image-test");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.linux = linux;
        store = ImageStore.open(directory, linux, limits, snapshotter);
    }

    void reopen() {
        reopen(snapshotter);
    }

    void reopen(Snapshotter how) {
        store.close();
        store = ImageStore.open(directory, Linux.system(), Limits.DEFAULT, how);
    }

    Image importTar(byte[] tar, String name) {
        return store.importRootfs(new ByteArrayInputStream(tar), name, List.of(), "");
    }

    List<Loaded> load(byte[] archive) {
        return store.load(new ByteArrayInputStream(archive));
    }

    List<Loaded> load(InputStream archive) {
        return store.load(archive);
    }

    /** Names in a directory of the store. */
    List<String> names(String dir) {
        try (var list = Files.list(directory.resolve(dir))) {
            return list.map(p -> p.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Names in a directory once nothing is being written there any more: the store syncs its index in the background. */
    List<String> settled(String dir) throws InterruptedException {
        for (int i = 0; i < 300 && !names(dir).isEmpty(); i++) {
            Thread.sleep(10);
        }
        return names(dir);
    }

    /** The tree of the only, or a given, layer on disk. */
    Path diff(String diffId) {
        return directory.resolve("layers/" + diffId.substring(7) + "/diff");
    }

    /** Every path of a mounted image with its type and permission bits, such as {@code etc/passwd file 644}. */
    Map<String, String> tree(Fd mount) {
        Map<String, String> tree = new TreeMap<>();
        walk(mount, "", tree);
        return tree;
    }

    private void walk(Fd dir, String prefix, Map<String, String> tree) {
        Linux real = Linux.system();
        for (Linux.DirEntry e : real.list(dir)) {
            Linux.Stat s = real.stat(dir, e.name());
            String type = switch (s.type()) {
                case Flags.S_IFDIR -> "dir";
                case Flags.S_IFREG -> "file";
                case Flags.S_IFLNK -> "-> " + real.readlinkat(dir, e.name());
                case Flags.S_IFCHR -> "char " + s.rdevMajor() + ":" + s.rdevMinor();
                case Flags.S_IFBLK -> "block " + s.rdevMajor() + ":" + s.rdevMinor();
                default -> "fifo";
            };
            tree.put(
                    prefix + e.name(),
                    s.type() == Flags.S_IFLNK ? type : type + " " + Integer.toOctalString(s.mode() & 07777));
            if (s.isDirectory()) {
                try (Fd child = real.openat2(dir, e.name(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Trees.INSIDE)) {
                    walk(child, prefix + e.name() + "/", tree);
                }
            }
        }
    }

    /** The same of an image. */
    Map<String, String> tree(Image image) {
        try (Fd mount = store.snapshots().mountImage(image.id());
                Fd root = Linux.system().openat2(mount, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, 0)) {
            return tree(root);
        }
    }

    /** Content of a file of an image. */
    String content(Image image, String path) {
        try (Fd mount = store.snapshots().mountImage(image.id())) {
            return content(mount, path);
        }
    }

    static String content(Fd mount, String path) {
        try (Fd file = Linux.system().openat2(mount, path, Flags.O_RDONLY, 0, Flags.RESOLVE_IN_ROOT)) {
            byte[] bytes = new byte[1 << 16];
            return new String(bytes, 0, Math.max(0, Linux.system().read(file, bytes, 0, bytes.length)));
        }
    }

    static void write(Fd mount, String path, String text) {
        try (Fd file = Linux.system()
                .openat2(mount, path, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_TRUNC, 0644, Flags.RESOLVE_IN_ROOT)) {
            byte[] bytes = text.getBytes();
            Linux.system().write(file, bytes, 0, bytes.length);
        }
    }

    @Override
    public void close() {
        store.close();
        try (Fd parent = Linux.system().open(directory.getParent(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            Trees.delete(Linux.system(), parent, directory.getFileName().toString());
        }
    }
}
