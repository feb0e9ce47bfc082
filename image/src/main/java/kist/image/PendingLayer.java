package kist.image;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
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
    private long plainSize;
    private Optional<BlobFile> archive = Optional.empty();
    private LayerBlob.Form form = LayerBlob.Form.AS_CAME;
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

    /** Sees all bytes that are read through it. */
    private static final class Tee extends InputStream {
        private final InputStream in;
        private final Taker taker;

        private interface Taker {
            void take(byte[] bytes, int offset, int length) throws IOException;
        }

        Tee(InputStream in, Taker taker) {
            this.in = in;
            this.taker = taker;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int n = in.read(bytes, offset, length);
            if (n > 0) {
                taker.take(bytes, offset, n);
            }
            return n;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }

    /**
     * Unpacks a tar, plain or compressed, to the end of the stream.
     *
     * @param what names it in messages
     * @param wantEnd whether a tar without its end marker is refused, because nothing else would tell that it is cut short
     * @param keep whether the archive is to become a blob of the store too
     */
    static PendingLayer unpack(
            StoreFiles files, InputStream in, Budget budget, String what, boolean wantEnd, boolean keep)
            throws IOException {
        byte[] head = in.readNBytes(Compression.HEAD);
        if (head.length == 0) {
            throw ImageException.invalid(what + " is empty");
        }
        Compression compression = Compression.detect(head);
        boolean asCame = compression == Compression.GZIP || compression == Compression.ZSTD;
        MessageDigest diff = Digest.sha256();
        InputStream raw = new SequenceInputStream(new ByteArrayInputStream(head), in);
        PendingLayer layer = new PendingLayer(files, budget, what);
        boolean done = false;
        try (Archive archive = new Archive(files, budget, what, keep, asCame)) {
            InputStream told = compression == Compression.NONE ? raw : new Tee(raw, archive::came);
            try (InputStream plain = compression.open(told, what)) {
                Tee seen = new Tee(plain, (bytes, offset, length) -> {
                    diff.update(bytes, offset, length);
                    layer.plainSize += length;
                    archive.plain(bytes, offset, length);
                });
                TarReader tar = new TarReader(seen, what);
                layer.writer.apply(tar);
                if (wantEnd && !tar.endMarker()) {
                    throw ImageException.invalid(what + " is cut short: it has no end marker");
                }
                if (told.read() >= 0) {
                    throw ImageException.invalid(what + " has data after its end");
                }
            }
            layer.diffId = Digest.finish(diff);
            layer.blobDigest = compression == Compression.NONE ? layer.diffId : archive.digest();
            layer.archive = archive.finish();
            layer.form = compression == Compression.ZSTD
                    ? LayerBlob.Form.ZSTD
                    : asCame ? LayerBlob.Form.AS_CAME : LayerBlob.Form.OWN;
            done = true;
        } finally {
            if (!done) {
                layer.close();
            }
        }
        return layer;
    }

    /** What becomes of the bytes of the archive while they are unpacked. */
    private static final class Archive implements AutoCloseable {
        private final Optional<BlobFile> asCame;
        private final Optional<OwnForm> own;
        private final MessageDigest came = Digest.sha256();
        private boolean taken;

        Archive(StoreFiles files, Budget budget, String what, boolean keep, boolean asItCame) {
            asCame = keep && asItCame ? Optional.of(new BlobFile(files, budget, what)) : Optional.empty();
            own = keep && !asItCame ? Optional.of(new OwnForm(files, budget, what)) : Optional.empty();
        }

        void came(byte[] bytes, int offset, int length) {
            if (asCame.isPresent()) {
                asCame.get().write(bytes, offset, length);
            } else {
                came.update(bytes, offset, length);
            }
        }

        void plain(byte[] bytes, int offset, int length) throws IOException {
            if (own.isPresent()) {
                own.get().write(bytes, offset, length);
            }
        }

        String digest() {
            return asCame.isPresent() ? asCame.get().finish() : Digest.finish(came);
        }

        Optional<BlobFile> finish() throws IOException {
            Optional<BlobFile> file = own.isPresent() ? Optional.of(own.get().finish()) : asCame;
            taken = true;
            return file;
        }

        @Override
        public void close() {
            if (!taken) {
                own.ifPresent(OwnForm::close);
                asCame.ifPresent(BlobFile::close);
            }
        }
    }

    /** Digest of the plain tar. */
    String diffId() {
        return diffId;
    }

    /** Digest of the tar as it was stored. */
    String blobDigest() {
        return blobDigest;
    }

    /** Bytes of the plain tar. */
    long plainSize() {
        return plainSize;
    }

    /** The archive that is to become a blob; empty where it is not to be kept. */
    Optional<BlobFile> archive() {
        return archive;
    }

    /** What the archive will be among the blobs. */
    LayerBlob blob() {
        return archive.map(a -> new LayerBlob(a.digest(), a.size(), plainSize, form))
                .orElse(LayerBlob.NONE);
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
        Layer layer = new Layer(
                directory, diffId, writer.size(), plainSize, writer.hasRoot(), writer.opaqueRoot(), dependent);
        try (Fd dir = files.openPath(files.temporary, temporary)) {
            layer.write(files.linux, dir);
        }
        finished = Optional.of(layer);
        return layer;
    }

    /** Moves it into the store; the caller cares for its durability. */
    void install(Layer layer) {
        files.linux.renameat2(files.temporary, temporary, files.layers, layer.directory(), StoreFiles.RENAME_NOREPLACE);
        installed = true;
    }

    @Override
    public void close() {
        writer.close();
        root.close();
        archive.ifPresent(BlobFile::close);
        if (!installed) {
            files.discard(files.temporary, temporary);
        }
    }
}
