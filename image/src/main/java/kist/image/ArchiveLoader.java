package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads an archive of images in one pass: layers are unpacked as they come by, documents are kept, and only at the end,
 * when the manifest is known, is it clear what was what. A layer that the store has already is only held against its digest.
 * Understands docker-archive ({@code manifest.json}, docker image specification 1.2), the OCI image layout
 * ({@code index.json}), and both in one. Closing it removes what was not installed. Not thread-safe.
 */
final class ArchiveLoader implements AutoCloseable {
    private static final int MAXIMUM_NESTING = 4;
    static final String ARCHIVE = "the archive";

    private final Optional<Platform> wanted;
    private final ArchiveMembers members;

    /** An image that an index names. */
    private static final class Named {
        private final Manifest.Single manifest;
        private final byte[] config;
        private final Set<Reference> references = new LinkedHashSet<>();
        private Optional<Manifest.Index> index = Optional.empty();

        Named(Manifest.Single manifest, byte[] config) {
            this.manifest = manifest;
            this.config = config;
        }
    }

    /**
     * Makes a loader.
     *
     * @param wanted the only platform whose images are loaded; empty for all
     */
    ArchiveLoader(StoreFiles files, Catalog catalog, Budget budget, Optional<Platform> wanted) {
        this.members = new ArchiveMembers(files, catalog, budget);
        this.wanted = wanted;
    }

    /** Reads to the end of the stream and answers the images that the archive says it holds. */
    List<NewImage> read(InputStream in) throws IOException {
        members.read(in);
        boolean docker = members.hasDocument("manifest.json");
        boolean oci = members.hasDocument("index.json") && members.hasDocument("oci-layout");
        if (!docker && !oci) {
            throw ImageException.invalid(
                    ARCHIVE
                            + " holds no images: it has neither manifest.json nor index.json; a root file system is brought in by import");
        }
        Map<String, NewImage> images = new LinkedHashMap<>();
        if (oci) {
            ociLayout().forEach(i -> images.merge(i.id(), i, ArchiveLoader::merged));
        }
        if (docker) {
            dockerArchive().forEach(i -> images.merge(i.id(), i, ArchiveLoader::merged));
        }
        if (images.isEmpty()) {
            throw ImageException.invalid(
                    ARCHIVE + " holds no image" + wanted.map(w -> " for " + w).orElse(""));
        }
        return List.copyOf(images.values());
    }

    /** One image, described twice. */
    private static NewImage merged(NewImage first, NewImage second) {
        Set<Reference> references = new LinkedHashSet<>(first.references());
        references.addAll(second.references());
        return new NewImage(
                first.config(),
                first.document(),
                first.layers(),
                List.copyOf(references),
                first.digests(),
                first.manifest().or(second::manifest),
                first.index().or(second::index),
                first.parent());
    }

    private List<NewImage> dockerArchive() {
        List<NewImage> images = new ArrayList<>();
        List<Document> items = Document.parseArray(members.document("manifest.json", "manifest.json"), "manifest.json");
        if (items.isEmpty()) {
            throw ImageException.invalid(ARCHIVE + " holds no images: its manifest.json is empty");
        }
        for (Document item : items) {
            String configName = EntryPath.normalise(item.text("Config"), item.what());
            List<NewImage.NewLayer> found = new ArrayList<>();
            for (String layer : item.texts("Layers")) {
                found.add(members.layer(EntryPath.normalise(layer, item.what()), item.what() + ".Layers"));
            }
            List<Reference> references = new ArrayList<>();
            for (String tag : item.texts("RepoTags")) {
                references.add(Reference.parse(tag));
            }
            NewImage image = image(
                    members.document(configName, item.what() + ".Config"),
                    found,
                    references,
                    configName,
                    Optional.empty());
            if (accepts(image.document())) {
                images.add(image);
            }
        }
        return images;
    }

    private boolean accepts(ImageDocument document) {
        return wanted.isEmpty()
                || wanted.get().accepts(new Platform(document.os(), document.architecture(), document.variant(), ""));
    }

    private List<NewImage> ociLayout() {
        Document layout = Document.parse(members.document("oci-layout", "oci-layout"), "oci-layout");
        if (!layout.text("imageLayoutVersion").startsWith("1.")) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "oci-layout.imageLayoutVersion is " + Text.quote(layout.text("imageLayoutVersion"))
                            + "; version 1 is understood");
        }
        Manifest top = Manifest.parse(members.document("index.json", "index.json"), MediaTypes.OCI_INDEX, "index.json");
        Map<String, Named> named = new LinkedHashMap<>();
        for (Descriptor descriptor : ((Manifest.Index) top).manifests()) {
            List<Named> found = new ArrayList<>();
            Optional<Manifest> index = collect(descriptor, 0, named, found);
            Optional<Reference> name = name(descriptor);
            if (name.isPresent() && !found.isEmpty()) {
                // the name stands for the image for this machine, if there is one
                Named first = found.stream()
                        .filter(n -> Platform.HOST.accepts(platform(n)))
                        .findFirst()
                        .orElse(found.getFirst());
                first.references.add(name.get());
                index.filter(Manifest.Index.class::isInstance)
                        .ifPresent(i -> first.index = Optional.of((Manifest.Index) i));
            }
        }
        List<NewImage> images = new ArrayList<>();
        named.values().forEach(n -> images.add(ociImage(n)));
        return images;
    }

    private static Platform platform(Named named) {
        ImageDocument document = ImageDocument.parse(named.config, "configuration of " + named.manifest.digest());
        return new Platform(document.os(), document.architecture(), document.variant(), "");
    }

    /** Finds the images behind a descriptor, those of other systems and what are no images left out. */
    private Optional<Manifest> collect(Descriptor descriptor, int depth, Map<String, Named> all, List<Named> found) {
        boolean elsewhere = descriptor.platform().isPresent()
                && (!descriptor.platform().get().os().equals("linux")
                        || wanted.isPresent()
                                && !wanted.get().accepts(descriptor.platform().get()));
        boolean isIndex = MediaTypes.isIndex(descriptor.mediaType());
        if (elsewhere || !isIndex && !MediaTypes.isManifest(descriptor.mediaType())) {
            return Optional.empty();
        }
        String member = "blobs/sha256/" + Digest.hex(descriptor.digest(), "index.json");
        if (depth > 0 && !members.hasDocument(member)) {
            // an index lists more than an archive need hold
            return Optional.empty();
        }
        String what = (isIndex ? "index " : "manifest ") + descriptor.digest();
        if (depth > MAXIMUM_NESTING) {
            throw ImageException.invalid(what + " is nested deeper than " + MAXIMUM_NESTING + " levels");
        }
        Manifest manifest = Manifest.parse(members.document(member, what), descriptor.mediaType(), what);
        switch (manifest) {
            case Manifest.Index index -> index.manifests().forEach(d -> collect(d, depth + 1, all, found));
            case Manifest.Single single -> {
                if (single.isImage() || depth == 0) {
                    Named named = all.get(single.digest());
                    if (named == null) {
                        String config =
                                "blobs/sha256/" + Digest.hex(single.config().digest(), what + ".config");
                        named = new Named(single, members.document(config, what + ".config"));
                    }
                    if (wanted.isEmpty() || wanted.get().accepts(platform(named))) {
                        all.put(single.digest(), named);
                        found.add(named);
                    }
                }
            }
        }
        return Optional.of(manifest);
    }

    /** The name that the index gives a manifest; a bare tag says too little to be one. */
    private static Optional<Reference> name(Descriptor descriptor) {
        Map<String, String> annotations = descriptor.annotations();
        String full = annotations.getOrDefault("io.containerd.image.name", "");
        String name = full.isEmpty() ? annotations.getOrDefault("org.opencontainers.image.ref.name", "") : full;
        return name.indexOf(':') < 0 && name.indexOf('/') < 0 ? Optional.empty() : Optional.of(Reference.parse(name));
    }

    private NewImage ociImage(Named named) {
        String what = "manifest " + named.manifest.digest();
        List<NewImage.NewLayer> found = new ArrayList<>();
        for (Descriptor layer : named.manifest.layers()) {
            NewImage.NewLayer member = members.layer("blobs/sha256/" + Digest.hex(layer.digest(), what), what);
            found.add(member);
        }
        String configName = named.manifest.config().digest();
        NewImage image =
                image(named.config, found, List.copyOf(named.references), configName, Optional.of(named.manifest));
        return named.index.isEmpty()
                ? image
                : new NewImage(
                        image.config(),
                        image.document(),
                        image.layers(),
                        image.references(),
                        image.digests(),
                        image.manifest(),
                        named.index,
                        "");
    }

    private static NewImage image(
            byte[] config,
            List<NewImage.NewLayer> layers,
            List<Reference> references,
            String name,
            Optional<Manifest.Single> manifest) {
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
                List.copyOf(layers),
                List.copyOf(references),
                List.of(),
                manifest,
                Optional.empty(),
                "");
    }

    /**
     * Pairs the layers of a manifest with those of the configuration; their archives are among the blobs, or their trees are
     * there.
     */
    static List<NewImage.NewLayer> layers(ImageDocument document, Manifest.Single manifest, String what) {
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
                    Optional.empty(),
                    new LayerBlob(
                            blob.digest(),
                            blob.size(),
                            blob.digest().equals(diffId) ? blob.size() : 0,
                            zstd ? LayerBlob.Form.ZSTD : LayerBlob.Form.AS_CAME)));
        }
        return layers;
    }

    static String architecture() {
        String jdk = System.getProperty("os.arch", "");
        return jdk.equals("aarch64") ? "arm64" : jdk;
    }

    @Override
    public void close() {
        members.close();
    }
}
