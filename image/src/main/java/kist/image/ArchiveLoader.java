package kist.image;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads an archive of images in one pass: layers are unpacked as they come by, documents are kept, and only at the end,
 * when the manifest is known, is it clear what was what. Understands docker-archive ({@code manifest.json}, docker image
 * specification 1.2) and the OCI image layout ({@code index.json}). Closing it removes what was not installed. Not
 * thread-safe.
 */
final class ArchiveLoader implements AutoCloseable {
    private static final long MAXIMUM_DOCUMENTS = 64L << 20;
    private static final int MAXIMUM_MEMBERS = 100_000;
    private static final String ARCHIVE = "the archive";
    private static final String MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
    private static final String INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
    private static final String DOCKER_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
    private static final String DOCKER_INDEX_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json";

    private final StoreFiles files;
    private final Budget budget;
    private final Map<String, byte[]> documents = new HashMap<>();
    private final Map<String, PendingLayer> layers = new HashMap<>();
    private final Map<String, String> links = new HashMap<>();
    private final Map<String, ImageException> unusable = new HashMap<>();
    private long documentBytes;

    ArchiveLoader(StoreFiles files, Budget budget) {
        this.files = files;
        this.budget = budget;
    }

    /** Reads to the end of the stream and answers the images that the archive says it holds. */
    List<NewImage> read(InputStream in) throws IOException {
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
        if (documents.containsKey("manifest.json")) {
            return dockerArchive();
        }
        if (documents.containsKey("index.json") && documents.containsKey("oci-layout")) {
            return ociLayout();
        }
        throw ImageException.invalid(ARCHIVE
                + " holds no images: it has neither manifest.json nor index.json; a root file system is imported");
    }

    private static byte[] head(BufferedInputStream in) throws IOException {
        in.mark(Compression.HEAD);
        byte[] head = in.readNBytes(Compression.HEAD);
        in.reset();
        return head;
    }

    private void member(TarReader tar, TarEntry entry) throws IOException {
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
                if (documents.containsKey(name) || layers.containsKey(name) || unusable.containsKey(name)) {
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
        String what = "layer " + Text.quote(name);
        if (Compression.detect(head) != Compression.NONE || isTar(head)) {
            PendingLayer layer;
            try {
                layer = PendingLayer.unpack(files, content, budget, what, false, true);
            } catch (ImageException e) {
                if (e.kind() != ImageException.Kind.INVALID && e.kind() != ImageException.Kind.UNSUPPORTED) {
                    throw e;
                }
                // perhaps no image asks for it
                unusable.put(name, e);
                return;
            }
            layers.put(name, layer);
            checkName(name, layer.blobDigest());
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

    private List<NewImage> dockerArchive() {
        List<NewImage> images = new ArrayList<>();
        for (Document item : Document.parseArray(document("manifest.json", "manifest.json"), "manifest.json")) {
            String configName = EntryPath.normalise(item.text("Config"), item.what());
            List<PendingLayer> found = new ArrayList<>();
            for (String layer : item.texts("Layers")) {
                found.add(layer(EntryPath.normalise(layer, item.what()), item.what() + ".Layers"));
            }
            List<Reference> references = new ArrayList<>();
            for (String tag : item.texts("RepoTags")) {
                references.add(Reference.parse(tag));
            }
            images.add(image(document(configName, item.what() + ".Config"), found, references, configName));
        }
        if (images.isEmpty()) {
            throw ImageException.invalid(ARCHIVE + " holds no images: its manifest.json is empty");
        }
        return images;
    }

    private List<NewImage> ociLayout() {
        Document layout = Document.parse(document("oci-layout", "oci-layout"), "oci-layout");
        if (!layout.text("imageLayoutVersion").startsWith("1.")) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "oci-layout.imageLayoutVersion is " + Text.quote(layout.text("imageLayoutVersion"))
                            + "; version 1 is understood");
        }
        Map<String, Set<Reference>> names = new java.util.LinkedHashMap<>();
        collect(Document.parse(document("index.json", "index.json"), "index.json"), 0, names);
        List<NewImage> images = new ArrayList<>();
        names.forEach((digest, references) -> images.add(ociImage(digest, List.copyOf(references))));
        if (images.isEmpty()) {
            throw ImageException.invalid(ARCHIVE + " holds no image for linux/" + architecture());
        }
        return images;
    }

    /** Finds the manifests of an index that this machine can use, with the names they are given. */
    private void collect(Document index, int depth, Map<String, Set<Reference>> names) {
        if (index.has("layers") || index.has("config")) {
            throw ImageException.invalid(index.what() + " is an index and a manifest at once");
        }
        String said = index.text("mediaType");
        if (!said.isEmpty() && !said.equals(INDEX_TYPE) && !said.equals(DOCKER_INDEX_TYPE) || depth > 4) {
            throw ImageException.invalid(index.what() + " is not an index but says it is " + Text.quote(said));
        }
        for (Document descriptor : index.objects("manifests")) {
            Optional<Document> platform = descriptor.object("platform");
            if (platform.isPresent()
                    && !(platform.get().text("os").equals("linux")
                            && platform.get().text("architecture").equals(architecture()))) {
                continue;
            }
            String digest = descriptor.text("digest");
            String hex = Digest.hex(digest, descriptor.what() + ".digest");
            switch (descriptor.text("mediaType")) {
                case INDEX_TYPE, DOCKER_INDEX_TYPE -> {
                    Map<String, Set<Reference>> nested = new java.util.LinkedHashMap<>();
                    collect(
                            Document.parse(document("blobs/sha256/" + hex, descriptor.what()), "index " + digest),
                            depth + 1,
                            nested);
                    nested.forEach((d, r) -> {
                        Set<Reference> all = names.computeIfAbsent(d, x -> new LinkedHashSet<>());
                        all.addAll(r);
                        name(descriptor).ifPresent(all::add);
                    });
                }
                case MANIFEST_TYPE, DOCKER_MANIFEST_TYPE -> {
                    Set<Reference> all = names.computeIfAbsent(digest, x -> new LinkedHashSet<>());
                    name(descriptor).ifPresent(all::add);
                }
                default -> {
                    // an index may list things that are not images
                }
            }
        }
    }

    /** The name that the index gives a manifest; a bare tag says too little to be one. */
    private static Optional<Reference> name(Document descriptor) {
        Map<String, String> annotations = descriptor.map("annotations");
        String full = annotations.getOrDefault("io.containerd.image.name", "");
        String name = full.isEmpty() ? annotations.getOrDefault("org.opencontainers.image.ref.name", "") : full;
        return name.indexOf(':') < 0 && name.indexOf('/') < 0 ? Optional.empty() : Optional.of(Reference.parse(name));
    }

    private NewImage ociImage(String digest, List<Reference> references) {
        String what = "manifest " + digest;
        Document manifest = Document.parse(document("blobs/sha256/" + Digest.hex(digest, what), what), what);
        if (manifest.has("manifests")) {
            throw ImageException.invalid(what + " is an index and a manifest at once");
        }
        String said = manifest.text("mediaType");
        if (!said.isEmpty() && !said.equals(MANIFEST_TYPE) && !said.equals(DOCKER_MANIFEST_TYPE)) {
            throw ImageException.invalid(what + " is not a manifest but says it is " + Text.quote(said));
        }
        Document config =
                manifest.object("config").orElseThrow(() -> ImageException.invalid(what + ".config is missing"));
        List<PendingLayer> found = new ArrayList<>();
        for (Document layer : manifest.objects("layers")) {
            String hex = Digest.hex(layer.text("digest"), layer.what() + ".digest");
            found.add(layer("blobs/sha256/" + hex, layer.what()));
        }
        String configName = "blobs/sha256/" + Digest.hex(config.text("digest"), config.what() + ".digest");
        return image(document(configName, config.what()), found, references, configName);
    }

    private static NewImage image(byte[] config, List<PendingLayer> layers, List<Reference> references, String name) {
        ImageDocument document = ImageDocument.parse(config, "image configuration " + Text.quote(name));
        if (document.diffIds().size() != layers.size()) {
            throw ImageException.invalid("image configuration " + Text.quote(name) + " names "
                    + document.diffIds().size() + " layers, the manifest " + layers.size());
        }
        for (int i = 0; i < layers.size(); i++) {
            if (!document.diffIds().get(i).equals(layers.get(i).diffId())) {
                throw ImageException.invalid("layer " + (i + 1) + " of image configuration " + Text.quote(name)
                        + " has the digest " + layers.get(i).diffId() + ", not "
                        + document.diffIds().get(i));
            }
        }
        return new NewImage(
                config,
                document,
                layers.stream().map(NewImage.NewLayer::of).toList(),
                List.copyOf(references),
                List.of(),
                Optional.empty(),
                Optional.empty(),
                "");
    }

    /**
     * Pairs the layers of a manifest with those of the configuration.
     *
     * @param unpacked the trees that came with the manifest, by the digest of their archive
     */
    static List<NewImage.NewLayer> layers(
            ImageDocument document,
            Manifest.Single manifest,
            String what,
            Function<Descriptor, Optional<PendingLayer>> unpacked) {
        if (document.diffIds().size() != manifest.layers().size()) {
            throw ImageException.invalid(what + " names " + manifest.layers().size()
                    + " layers, the configuration of the image "
                    + document.diffIds().size());
        }
        List<NewImage.NewLayer> layers = new ArrayList<>();
        for (int i = 0; i < manifest.layers().size(); i++) {
            Descriptor blob = manifest.layers().get(i);
            String diffId = document.diffIds().get(i);
            boolean zstd = blob.mediaType().endsWith("zstd");
            layers.add(new NewImage.NewLayer(
                    diffId,
                    unpacked.apply(blob),
                    new LayerBlob(
                            blob.digest(),
                            blob.size(),
                            blob.digest().equals(diffId) ? blob.size() : 0,
                            zstd ? LayerBlob.Form.ZSTD : LayerBlob.Form.AS_CAME)));
        }
        return layers;
    }

    private byte[] document(String name, String what) {
        String member = resolve(name);
        byte[] document = documents.get(member);
        if (document == null) {
            throw missing(member, what);
        }
        return document;
    }

    private PendingLayer layer(String name, String what) {
        String member = resolve(name);
        PendingLayer layer = layers.get(member);
        if (layer == null) {
            throw missing(member, what);
        }
        return layer;
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

    static String architecture() {
        String jdk = System.getProperty("os.arch", "");
        return jdk.equals("aarch64") ? "arm64" : jdk;
    }

    @Override
    public void close() {
        layers.values().forEach(PendingLayer::close);
    }
}
