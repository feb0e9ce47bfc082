package kist.image;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;
import kist.kernel.Fd;

/**
 * A layer unpacked below the store's temporary directory that is not part of the store yet. Closing it removes it unless
 * it was installed. Not thread-safe.
 */
final class PendingLayer implements AutoCloseable {
    private final StoreFiles files;
    private final String temporary;
    private final Fd root;
    private final LayerWriter writer;
    private String diffId = "";
    private String blobDigest = "";
    private Optional<Layer> finished = Optional.empty();
    private boolean installed;

    private PendingLayer(StoreFiles files, Budget budget, String what) {
        this.files = files;
        this.temporary = files.newTemporary();
        try (Fd dir = files.openPath(files.temporary, temporary)) {
            files.linux.mkdirat(dir, "diff", 0700);
            this.root = files.openPath(dir, "diff");
        }
        this.writer = new LayerWriter(files.linux, root, budget, what);
    }

    /**
     * Unpacks a tar, plain or compressed, to the end of the stream.
     *
     * @param what names it in messages
     * @param wantEnd whether a tar without its end marker is refused, because nothing else would tell that it is cut short
     */
    static PendingLayer unpack(StoreFiles files, InputStream in, Budget budget, String what, boolean wantEnd)
            throws IOException {
        byte[] head = in.readNBytes(Compression.HEAD);
        if (head.length == 0) {
            throw ImageException.invalid(what + " is empty");
        }
        Compression compression = Compression.detect(head);
        MessageDigest blob = Digest.sha256();
        MessageDigest diff = Digest.sha256();
        InputStream raw = new SequenceInputStream(new ByteArrayInputStream(head), in);
        if (compression != Compression.NONE) {
            raw = new DigestInputStream(raw, blob);
        }
        PendingLayer layer = new PendingLayer(files, budget, what);
        boolean done = false;
        try (InputStream plain = compression.open(raw, what)) {
            TarReader tar = new TarReader(new DigestInputStream(plain, diff), what);
            layer.writer.apply(tar);
            if (wantEnd && !tar.endMarker()) {
                throw ImageException.invalid(what + " is cut short: it has no end marker");
            }
            if (raw.read() >= 0) {
                throw ImageException.invalid(what + " has data after its end");
            }
            layer.diffId = Digest.finish(diff);
            layer.blobDigest = compression == Compression.NONE ? layer.diffId : Digest.finish(blob);
            done = true;
        } finally {
            if (!done) {
                layer.close();
            }
        }
        return layer;
    }

    /** Digest of the plain tar. */
    String diffId() {
        return diffId;
    }

    /** Digest of the tar as it was stored. */
    String blobDigest() {
        return blobDigest;
    }

    /** What it will be in the store, once {@link #finish} was called. */
    Optional<Layer> finished() {
        return finished;
    }

    /** The unpacked tree. */
    Fd openRoot() {
        return files.linux.duplicate(root);
    }

    /**
     * Completes the tree with what it takes from the layers below.
     *
     * @param chain digest of this layer and all below
     * @param below trees of the layers below, topmost first
     */
    Layer finish(Overlay overlay, String chain, List<Fd> below) {
        boolean dependent = writer.needsLower();
        if (dependent && !below.isEmpty()) {
            overlay.merged(files, below, mount -> writer.finish(Optional.of(mount)));
        } else {
            writer.finish(Optional.empty());
        }
        String directory = Digest.hex(dependent ? chain : diffId, "the layer");
        Layer layer = new Layer(directory, diffId, writer.size(), writer.hasRoot(), writer.opaqueRoot(), dependent);
        try (Fd dir = files.openPath(files.temporary, temporary)) {
            layer.write(files.linux, dir);
        }
        finished = Optional.of(layer);
        return layer;
    }

    /** Moves it into the store; the caller has made everything durable. */
    void install(Layer layer) {
        files.linux.renameat2(files.temporary, temporary, files.layers, layer.directory(), StoreFiles.RENAME_NOREPLACE);
        installed = true;
    }

    @Override
    public void close() {
        writer.close();
        root.close();
        if (!installed) {
            files.discard(files.temporary, temporary);
        }
    }
}
