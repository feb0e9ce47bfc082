package kist.image;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The members of an archive of images, as they come by: layers are unpacked, or held against what the store has already,
 * documents are kept. Closing it removes what was not installed. Not thread-safe.
 */
final class ArchiveMembers implements AutoCloseable {
    private static final String ARCHIVE = ArchiveLoader.ARCHIVE;
    private static final long MAXIMUM_DOCUMENTS = 64L << 20;
    private static final int MAXIMUM_MEMBERS = 100_000;
    /** Each has files open until all is known. */
    private static final int MAXIMUM_LAYERS = 4096;
    /** Members that are neither layer nor document, each of which has its reason remembered. */
    private static final int MAXIMUM_UNUSABLE = 4096;

    private static final int PIECE = 512 << 10;

    private final StoreFiles files;
    private final Catalog catalog;
    private final Budget budget;
    private final Map<String, byte[]> documents = new HashMap<>();
    private final Map<String, PendingLayer> layers = new HashMap<>();
    private final Map<String, Known> known = new HashMap<>();
    private final Map<String, String> links = new HashMap<>();
    private final Map<String, ImageException> unusable = new HashMap<>();
    private final List<String> pinned = new ArrayList<>();
    private long documentBytes;

    /**
     * A layer that the store has.
     *
     * @param blobDigest of the archive as it is in this archive
     */
    private record Known(String diffId, String blobDigest, LayerBlob blob) {}

    /** So many bytes of a stream. */
    private static final class Beginning extends InputStream {
        private final InputStream in;
        private long left;

        Beginning(InputStream in, long length) {
            this.in = in;
            this.left = length;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int n = left == 0 ? -1 : in.read(bytes, offset, (int) Math.min(length, left));
            left -= Math.max(0, n);
            return n;
        }
    }

    ArchiveMembers(StoreFiles files, Catalog catalog, Budget budget) {
        this.files = files;
        this.catalog = catalog;
        this.budget = budget;
    }

    /** Reads to the end of the archive. */
    void read(InputStream in) throws IOException {
        BufferedInputStream buffered = new BufferedInputStream(in, 64 << 10);
        Compression compression = Compression.detect(head(buffered));
        try (InputStream plain = compression.open(buffered, ARCHIVE)) {
            TarReader tar = new TarReader(plain, ARCHIVE);
            int members = 0;
            for (Optional<TarEntry> next = tar.next(); next.isPresent(); next = tar.next()) {
                if (++members > MAXIMUM_MEMBERS) {
                    throw ImageException.invalid(ARCHIVE + " has more than " + MAXIMUM_MEMBERS + " members");
                }
                member(tar, next.get());
            }
            tar.drain();
        }
    }

    private static byte[] head(BufferedInputStream in) throws IOException {
        in.mark(Compression.HEAD);
        byte[] head = in.readNBytes(Compression.HEAD);
        in.reset();
        return head;
    }

    /** Of a kind that no single member is to blame for. */
    private static ImageException tooMany(String what) {
        return new ImageException(ImageException.Kind.NO_SPACE, ARCHIVE + " has more than " + what);
    }

    private void member(TarReader tar, TarEntry entry) throws IOException {
        if (unusable.size() >= MAXIMUM_UNUSABLE) {
            throw tooMany(MAXIMUM_UNUSABLE + " members that are no part of an image");
        }
        String name = EntryPath.normalise(entry.name(), ARCHIVE);
        switch (entry.type()) {
            case DIRECTORY -> {}
            case SYMBOLIC_LINK, HARD_LINK -> {
                String target = entry.type() == TarEntry.Type.HARD_LINK
                        ? entry.linkName()
                        : EntryPath.parent(name) + "/" + entry.linkName();
                links.put(name, ImageDocument.insideRoot(target).substring(1));
            }
            case FILE -> {
                if (documents.containsKey(name)
                        || layers.containsKey(name)
                        || known.containsKey(name)
                        || unusable.containsKey(name)) {
                    throw ImageException.invalid(ARCHIVE + " has two members named " + Text.quote(name));
                }
                file(tar, entry, name);
            }
            default ->
                throw ImageException.invalid(ARCHIVE + ": member " + Text.quote(name)
                        + " is a device or fifo, which has" + " no place in an archive of images");
        }
    }

    private void file(TarReader tar, TarEntry entry, String name) throws IOException {
        BufferedInputStream content = new BufferedInputStream(tar.stream(), 4096);
        byte[] head = head(content);
        Optional<Known> there = hinted(name);
        if (there.isPresent()) {
            String digest = digest(content);
            checkName(name, digest);
            if (digest.equals(there.get().blobDigest())) {
                known.put(name, there.get());
            } else {
                unusable.put(
                        name,
                        ImageException.invalid(
                                ARCHIVE + ": " + Text.quote(name) + " is not the layer that its name says"));
            }
            return;
        }
        boolean isTar = isTar(head);
        if (Compression.detect(head) != Compression.NONE || isTar) {
            try {
                if (isTar && !catalog.plainSized(entry.size()).isEmpty()) {
                    compared(content, entry.size(), name);
                } else {
                    unpacked(content, name);
                }
            } catch (ImageException e) {
                if (e.kind() != ImageException.Kind.INVALID && e.kind() != ImageException.Kind.UNSUPPORTED) {
                    throw e;
                }
                // perhaps no image asks for it
                unusable.put(name, e);
            }
        } else if (entry.size() <= Document.MAXIMUM_SIZE) {
            documentBytes += entry.size();
            if (documentBytes > MAXIMUM_DOCUMENTS) {
                throw ImageException.invalid(ARCHIVE + " has more than " + MAXIMUM_DOCUMENTS + " bytes of documents");
            }
            byte[] document = content.readAllBytes();
            documents.put(name, document);
            checkName(name, Digest.of(document));
        } else {
            unusable.put(
                    name,
                    ImageException.invalid(ARCHIVE + ": " + Text.quote(name)
                            + " is neither a tar nor a document of at most " + Document.MAXIMUM_SIZE + " bytes"));
        }
    }

    private void unpacked(InputStream content, String name) throws IOException {
        if (layers.size() >= MAXIMUM_LAYERS) {
            throw tooMany(MAXIMUM_LAYERS + " layers that are not here yet");
        }
        PendingLayer layer = PendingLayer.unpack(files, content, budget, "layer " + Text.quote(name), false, true);
        layers.put(name, layer);
        checkName(name, layer.blobDigest());
    }

    /** One that is as long as a layer of the store is perhaps that layer, and then need not be unpacked. */
    private void compared(InputStream content, long size, String name) throws IOException {
        List<String> candidates = catalog.plainSized(size);
        LayerBlob archive = candidates.size() == 1 ? catalog.archive(candidates.getFirst()) : LayerBlob.NONE;
        Optional<Known> candidate = archive.isKept() && archive.form() != LayerBlob.Form.AS_CAME
                ? kept(candidates.getFirst(), candidates.getFirst(), archive)
                : Optional.empty();
        if (candidate.isPresent()) {
            comparedWith(candidate.get(), content, name);
        } else {
            spooled(content, name);
        }
    }

    /** Holds it against the archive itself, as zstd gives it back faster than it could be written aside or digested. */
    private void comparedWith(Known candidate, InputStream content, String name) throws IOException {
        byte[] piece = new byte[PIECE];
        byte[] other = new byte[PIECE];
        long same = 0;
        try (InputStream archive = plain(candidate)) {
            for (int n; ; same += n) {
                n = content.readNBytes(piece, 0, piece.length);
                int m = archive.readNBytes(other, 0, n == 0 ? 1 : n);
                if (n != m || !Arrays.equals(piece, 0, n, other, 0, n)) {
                    // what was read so far is what the archive begins with
                    try (InputStream beginning = plain(candidate)) {
                        InputStream all = new SequenceInputStream(
                                new Beginning(beginning, same),
                                new SequenceInputStream(new ByteArrayInputStream(piece, 0, n), content));
                        unpacked(all, name);
                    }
                    return;
                }
                if (n == 0) {
                    known.put(name, candidate);
                    checkName(name, candidate.diffId());
                    return;
                }
            }
        }
    }

    private InputStream plain(Known layer) throws IOException {
        return new ZstdInputStreamNoFinalizer(
                new FdStream(files.linux, catalog.content().openFd(layer.blob().digest())));
    }

    private void spooled(InputStream content, String name) throws IOException {
        try (BlobFile spool = new BlobFile(files, budget, "layer " + Text.quote(name))) {
            byte[] piece = new byte[PIECE];
            for (int n; (n = content.read(piece, 0, piece.length)) >= 0; ) {
                spool.write(piece, 0, n);
            }
            String digest = spool.finish();
            Optional<Known> same = kept(digest, digest, catalog.archive(digest));
            if (same.isPresent()) {
                known.put(name, same.get());
                checkName(name, digest);
                return;
            }
            try (FdStream again = new FdStream(files.linux, files.linux.duplicate(spool.file()))) {
                unpacked(again, name);
            }
        }
    }

    /** The layer of the store that a member is, if it is what its name says. */
    private Optional<Known> hinted(String name) {
        String base = EntryPath.name(name);
        String hex = base.endsWith(".tar") ? base.substring(0, base.length() - 4) : base;
        if (!Digest.isHex(hex)) {
            return Optional.empty();
        }
        String digest = "sha256:" + hex;
        Optional<String> diffId = catalog.diffIdOf(digest);
        return diffId.isPresent()
                ? kept(diffId.get(), digest, catalog.archive(diffId.get(), digest))
                : kept(digest, digest, catalog.archive(digest));
    }

    /** What is kept of a layer; it stays until this loader is closed. */
    private Optional<Known> kept(String diffId, String blobDigest, LayerBlob archive) {
        if (!archive.isKept()) {
            return Optional.empty();
        }
        catalog.pin(archive.digest());
        pinned.add(archive.digest());
        return catalog.content().size(archive.digest()).map(size -> new Known(diffId, blobDigest, archive));
    }

    private static String digest(InputStream content) throws IOException {
        MessageDigest running = Digest.sha256();
        byte[] piece = new byte[PIECE];
        for (int n; (n = content.read(piece, 0, piece.length)) >= 0; ) {
            running.update(piece, 0, n);
        }
        return Digest.finish(running);
    }

    /** Members named by a digest must have it. */
    private static void checkName(String name, String digest) {
        String base = EntryPath.name(name);
        boolean blob = name.startsWith("blobs/sha256/");
        boolean config = base.endsWith(".json") && Digest.isHex(base.substring(0, base.length() - 5));
        String said = config ? base.substring(0, base.length() - 5) : base;
        if ((blob || config) && !digest.equals("sha256:" + said)) {
            throw ImageException.invalid(ARCHIVE + ": " + Text.quote(name) + " has the digest " + digest
                    + ", not the one that its name says");
        }
    }

    private static boolean isTar(byte[] head) {
        if (head.length < Compression.HEAD) {
            return false;
        }
        boolean ustar =
                head[257] == 'u' && head[258] == 's' && head[259] == 't' && head[260] == 'a' && head[261] == 'r';
        boolean zeros = true;
        for (byte b : head) {
            zeros &= b == 0;
        }
        return ustar || zeros;
    }

    /** Whether there is such a document, by its name or a link. */
    boolean hasDocument(String name) {
        return documents.containsKey(resolve(name));
    }

    /** A document of the archive, which {@code what} asks for. */
    byte[] document(String name, String what) {
        String member = resolve(name);
        byte[] document = documents.get(member);
        if (document == null) {
            throw missing(member, what);
        }
        return document;
    }

    /** A layer of the archive, which {@code what} asks for. */
    NewImage.NewLayer layer(String name, String what) {
        String member = resolve(name);
        PendingLayer layer = layers.get(member);
        if (layer != null) {
            return NewImage.NewLayer.of(layer);
        }
        Known there = known.get(member);
        if (there != null) {
            return new NewImage.NewLayer(there.diffId(), Optional.empty(), there.blob());
        }
        throw missing(member, what);
    }

    private String resolve(String name) {
        String member = name;
        for (int i = 0; i < 8 && links.containsKey(member); i++) {
            member = links.getOrDefault(member, member);
        }
        return member;
    }

    private ImageException missing(String member, String what) {
        ImageException known = unusable.get(member);
        return known != null
                ? known
                : ImageException.invalid(
                        what + " names " + Text.quote(member) + ", which the archive does not have in that role");
    }

    @Override
    public void close() {
        layers.values().forEach(PendingLayer::close);
        catalog.unpin(pinned);
    }
}
