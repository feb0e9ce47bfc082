package kist.image;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import kist.kernel.Fd;

/**
 * Writes images into one tar that is a docker-archive and an OCI image layout at once: documents first, then all blobs, each
 * once. Layers are as they came, those that came as a plain tar are that tar again. The same images always give the same
 * bytes. Not thread-safe.
 */
final class ArchiveWriter implements AutoCloseable {
    private static final String BLOBS = "blobs/sha256/";
    private static final int PIECE = 512 << 10;

    private final StoreFiles files;
    private final Catalog catalog;
    private final List<String> pinned = new ArrayList<>();
    /** By digest, so that the order says nothing of how it came about. */
    private final Map<String, Source> blobs = new TreeMap<>();

    /** Where the bytes of a blob are. */
    private sealed interface Source {
        record Bytes(byte[] content) implements Source {}

        record Kept(String digest, long size) implements Source {}

        /** The plain tar in our own form. */
        record Plain(String digest, long size) implements Source {}
    }

    /**
     * Images to be written.
     *
     * @param image the first of them
     * @param names tags that are to point to it
     * @param index what lists this and the others, where there are others
     * @param others images for other platforms
     */
    record Item(Image image, List<Reference> names, Optional<Manifest.Index> index, List<Image> others) {}

    ArchiveWriter(StoreFiles files, Catalog catalog) {
        this.files = files;
        this.catalog = catalog;
    }

    void write(List<Item> items, OutputStream out) throws IOException {
        List<Object> listed = new ArrayList<>();
        List<Object> docker = new ArrayList<>();
        Map<String, Map<String, Object>> repositories = new TreeMap<>();
        for (Item item : items) {
            Descriptor top = add(item.image(), docker, item.names());
            for (Image other : item.others()) {
                add(other, docker, List.of());
            }
            if (item.index().isPresent()) {
                Manifest.Index index = item.index().get();
                blobs.put(index.digest(), new Source.Bytes(index.content()));
                top = index.descriptor();
            }
            for (Reference name : item.names()) {
                listed.add(named(top, name).toJson());
                repositories
                        .computeIfAbsent(name.familiarName(), n -> new TreeMap<>())
                        .put(name.tag(), topLayer(item.image()));
            }
            if (item.names().isEmpty()) {
                listed.add(top.toJson());
            }
        }
        TarWriter tar = new TarWriter(out);
        member(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.UTF_8));
        Map<String, Object> index = new LinkedHashMap<>();
        index.put("schemaVersion", 2);
        index.put("mediaType", MediaTypes.OCI_INDEX);
        index.put("manifests", listed);
        member(tar, "index.json", Document.write(index));
        member(tar, "manifest.json", Document.write(docker));
        if (!repositories.isEmpty()) {
            member(tar, "repositories", Document.write(repositories));
        }
        begin(tar, "blobs", TarEntry.Type.DIRECTORY, 0);
        begin(tar, "blobs/sha256", TarEntry.Type.DIRECTORY, 0);
        for (Map.Entry<String, Source> blob : blobs.entrySet()) {
            String name = BLOBS + blob.getKey().substring(7);
            switch (blob.getValue()) {
                case Source.Bytes b -> member(tar, name, b.content());
                case Source.Kept k -> {
                    try (InputStream in =
                            new FdStream(files.linux, catalog.content().openFd(k.digest()))) {
                        stream(tar, name, in, k.size());
                    }
                }
                case Source.Plain p -> {
                    Fd file = catalog.content().openFd(p.digest());
                    try (InputStream in = new ZstdInputStreamNoFinalizer(new FdStream(files.linux, file))) {
                        stream(tar, name, in, p.size());
                    }
                }
            }
        }
        tar.finish();
        out.flush();
    }

    private static Descriptor named(Descriptor what, Reference name) {
        return new Descriptor(
                what.mediaType(),
                what.digest(),
                what.size(),
                what.platform(),
                new TreeMap<>(Map.of(
                        "io.containerd.image.name", name.toString(), "org.opencontainers.image.ref.name", name.tag())),
                "");
    }

    private static String topLayer(Image image) {
        return image.layers().isEmpty()
                ? image.id().substring(7)
                : image.layers().getLast().substring(7);
    }

    /** Has an image's blobs written; answers what describes it. */
    private Descriptor add(Image image, List<Object> docker, List<Reference> names) {
        Index.Entry entry = catalog.entry(image.id())
                .orElseThrow(() -> new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + image.id()));
        entry.blobs().forEach(b -> pin(b.digest()));
        entry.manifests().forEach(m -> pin(m.digest()));
        pin(image.id());
        Manifest.Single manifest =
                manifest(catalog, entry, image.layers(), false).orElseGet(() -> made(entry, image));
        blobs.put(manifest.digest(), new Source.Bytes(manifest.content()));
        blobs.put(image.id(), new Source.Kept(image.id(), manifest.config().size()));
        List<String> paths = new ArrayList<>();
        for (int i = 0; i < manifest.layers().size(); i++) {
            Descriptor layer = manifest.layers().get(i);
            LayerBlob kept = entry.blobs().get(i);
            blobs.put(
                    layer.digest(),
                    catalog.content().size(layer.digest()).isPresent()
                            ? new Source.Kept(layer.digest(), layer.size())
                            : new Source.Plain(kept.digest(), layer.size()));
            paths.add(BLOBS + layer.digest().substring(7));
        }
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("Config", BLOBS + image.id().substring(7));
        item.put("RepoTags", names.stream().map(Reference::familiar).toList());
        item.put("Layers", paths);
        docker.add(item);
        return new Descriptor(
                manifest.mediaType(),
                manifest.digest(),
                manifest.content().length,
                Optional.of(image.platform()),
                Map.of(),
                "");
    }

    private void pin(String digest) {
        catalog.pin(digest);
        pinned.add(digest);
    }

    /**
     * The first manifest that came with an image, or was made for it, whose layers are all here.
     *
     * @param asBlobs whether they must be among the blobs as they are, rather than as something they can be made of
     */
    static Optional<Manifest.Single> manifest(
            Catalog catalog, Index.Entry entry, List<String> diffIds, boolean asBlobs) {
        for (Index.Stored stored : entry.manifests()) {
            if (catalog.content().size(stored.digest()).isEmpty()) {
                continue;
            }
            byte[] content = catalog.content().read(stored.digest(), Manifest.MAXIMUM_SIZE);
            if (Manifest.parse(content, stored.mediaType(), "manifest " + stored.digest())
                            instanceof Manifest.Single manifest
                    && manifest.layers().size() == diffIds.size()) {
                boolean whole = true;
                for (int i = 0; i < diffIds.size(); i++) {
                    String digest = manifest.layers().get(i).digest();
                    LayerBlob kept = entry.blobs().get(i);
                    boolean plain = !asBlobs
                            && digest.equals(diffIds.get(i))
                            && kept.isOwn()
                            && catalog.content().size(kept.digest()).isPresent();
                    whole &= plain || catalog.content().size(digest).isPresent();
                }
                if (whole) {
                    return Optional.of(manifest);
                }
            }
        }
        return Optional.empty();
    }

    /** A manifest of what is kept. */
    private Manifest.Single made(Index.Entry entry, Image image) {
        List<Descriptor> layers = new ArrayList<>();
        for (int i = 0; i < image.layers().size(); i++) {
            String diffId = image.layers().get(i);
            LayerBlob blob = entry.blobs().get(i);
            if (!blob.isKept() || catalog.content().size(blob.digest()).isEmpty()) {
                throw incomplete(image, diffId);
            }
            boolean plain = blob.isOwn() || blob.digest().equals(diffId);
            layers.add(Descriptor.of(
                    MediaTypes.OCI_LAYER + (plain ? "" : blob.form() == LayerBlob.Form.ZSTD ? "+zstd" : "+gzip"),
                    plain ? diffId : blob.digest(),
                    blob.isOwn() ? blob.plainSize() : blob.size()));
        }
        long size = catalog.content().size(image.id()).orElseThrow();
        return Manifest.image(MediaTypes.OCI_MANIFEST, Descriptor.of(MediaTypes.OCI_CONFIG, image.id(), size), layers);
    }

    /** An image without all its archives. */
    static ImageException incomplete(Image image, String diffId) {
        return new ImageException(
                ImageException.Kind.UNSUPPORTED,
                "image " + image.id() + " was made by an older version, which kept no archive of its layer " + diffId
                        + "; load or pull it again");
    }

    private static void begin(TarWriter tar, String name, TarEntry.Type type, long size) throws IOException {
        int mode = type == TarEntry.Type.DIRECTORY ? 0755 : 0644;
        tar.begin(new TarEntry(name, "", type, mode, 0, 0, size, 0, 0, 0, 0, Map.of(), new long[0]));
    }

    private static void member(TarWriter tar, String name, byte[] content) throws IOException {
        begin(tar, name, TarEntry.Type.FILE, content.length);
        tar.content(content, content.length);
    }

    private static void stream(TarWriter tar, String name, InputStream in, long size) throws IOException {
        begin(tar, name, TarEntry.Type.FILE, size);
        byte[] piece = new byte[PIECE];
        long left = size;
        while (left > 0) {
            int n = in.readNBytes(piece, 0, (int) Math.min(piece.length, left));
            if (n == 0) {
                throw new ImageException(
                        ImageException.Kind.INTERNAL, name + " is shorter in the store than it should be");
            }
            tar.content(piece, n);
            left -= n;
        }
    }

    /** What is to be written for names, ids and repositories without a tag, which stand for all their tags. */
    static List<Item> items(Catalog catalog, List<String> names, Optional<Platform> platform) {
        Map<String, Set<Reference>> tags = new LinkedHashMap<>();
        Map<String, String> saidAs = new LinkedHashMap<>();
        for (String name : names) {
            for (String one : catalog.tagsOf(name)) {
                Image image = platform.isPresent()
                        ? catalog.find(one, platform.get()).orElseGet(() -> catalog.get(one))
                        : catalog.get(one);
                Set<Reference> own = tags.computeIfAbsent(image.id(), i -> new LinkedHashSet<>());
                saidAs.putIfAbsent(image.id(), one);
                CatalogState.tag(one)
                        .filter(t -> image.references().contains(t.familiar()) || platform.isPresent())
                        .ifPresent(own::add);
            }
        }
        List<Item> items = new ArrayList<>();
        tags.forEach((id, own) -> {
            List<Image> variants = platform.isPresent() ? List.of() : catalog.variants(saidAs.getOrDefault(id, id));
            List<Image> others =
                    variants.stream().filter(i -> !i.id().equals(id)).toList();
            items.add(new Item(
                    catalog.get(id),
                    List.copyOf(own),
                    others.isEmpty() ? Optional.empty() : catalog.listOf(saidAs.getOrDefault(id, id)),
                    others));
        });
        return items;
    }

    @Override
    public void close() {
        catalog.unpin(pinned);
    }
}
