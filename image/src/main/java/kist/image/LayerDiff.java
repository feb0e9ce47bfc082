package kist.image;

import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.kernel.Linux;

/**
 * Writes differences as a layer (OCI image spec, layer.md): what was added or modified with the directories on the way to
 * it, whiteouts for what was deleted. Not thread-safe.
 */
final class LayerDiff implements Difference.Visitor {
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";

    private final Directories tree;
    private final TarWriter tar;
    private final TreeTar entries;
    /** The directories on the way to the last entry that have been written. */
    private final Set<String> written = new HashSet<>();

    private String last = "";

    /** Makes one; {@code tree} is the tree after the changes. */
    LayerDiff(Linux linux, Directories tree, TarWriter tar) {
        this.tree = tree;
        this.tar = tar;
        this.entries = new TreeTar(linux, tree, tar);
    }

    @Override
    public void found(Difference difference) throws IOException {
        String path = difference.path();
        if (difference.hidden() && difference.kind() == Change.Kind.DELETED) {
            return;
        }
        if (EntryPath.name(path).startsWith(WHITEOUT)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "no layer can hold the file " + Text.quote("/" + path)
                            + ": names that begin with .wh. say there what was deleted; rename or remove it");
        }
        parents(EntryPath.parent(path));
        if (difference.kind() == Change.Kind.DELETED) {
            marker(Directories.join(EntryPath.parent(path), WHITEOUT + EntryPath.name(path)));
            return;
        }
        Optional<Linux.Stat> stat = difference.after();
        if (stat.isEmpty()) {
            return;
        }
        entries.add(path, stat.get());
        if (stat.get().isDirectory()) {
            written.add(path);
            if (difference.opaque()) {
                marker(path + "/" + OPAQUE);
            }
        }
    }

    private void parents(String directory) throws IOException {
        if (!last.equals(directory)) {
            // what is left behind in the order of paths does not come again
            written.removeIf(d -> !directory.equals(d) && !directory.startsWith(d + "/"));
            last = directory;
        }
        for (int end = directory.indexOf('/'); !directory.isEmpty(); end = directory.indexOf('/', end + 1)) {
            String parent = end < 0 ? directory : directory.substring(0, end);
            if (!written.contains(parent)) {
                Optional<Linux.Stat> stat = tree.stat(EntryPath.parent(parent), EntryPath.name(parent));
                if (stat.isPresent() && stat.get().isDirectory()) {
                    entries.add(parent, stat.get());
                }
                written.add(parent);
            }
            if (end < 0) {
                return;
            }
        }
    }

    private void marker(String path) throws IOException {
        tar.begin(new TarEntry(path, "", TarEntry.Type.FILE, 0, 0, 0, 0, 0, 0, 0, 0, Map.of(), new long[0]));
    }
}
