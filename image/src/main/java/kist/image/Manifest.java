package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A manifest from somebody who is not trusted: that of one image or artifact, or an index of several (OCI image spec,
 * manifest.md and image-index.md; Docker image manifest v2 schema 2). Its bytes are kept as they came, as its digest is over
 * them.
 */
public sealed interface Manifest {
    /** Larger manifests are refused (OCI distribution spec, pushing manifests). */
    int MAXIMUM_SIZE = Document.MAXIMUM_SIZE;

    /** The bytes as they came; not to be changed. */
    byte[] content();

    /** The media type that it was served or listed with. */
    String mediaType();

    /** What this is about, where it is an addition to another manifest, such as a signature. */
    Optional<Descriptor> subject();

    /** Empty where it is not said. */
    String artifactType();

    /** Additional facts. */
    Map<String, String> annotations();

    /** The digest of {@link #content}. */
    default String digest() {
        return Digest.of(content());
    }

    /** Describes this manifest. */
    default Descriptor descriptor() {
        return Descriptor.of(mediaType(), content());
    }

    /**
     * The manifest of an image or of another artifact.
     *
     * @param layers lowest first
     */
    record Single(
            byte[] content,
            String mediaType,
            Descriptor config,
            List<Descriptor> layers,
            Optional<Descriptor> subject,
            String artifactType,
            Map<String, String> annotations)
            implements Manifest {

        /** Whether this is an image that can be run, rather than some other artifact. */
        public boolean isImage() {
            return MediaTypes.isConfig(config.mediaType())
                    && layers.stream().allMatch(l -> MediaTypes.isLayer(l.mediaType()));
        }
    }

    /** A list of manifests, such as one for each platform. */
    record Index(
            byte[] content,
            String mediaType,
            List<Descriptor> manifests,
            Optional<Descriptor> subject,
            String artifactType,
            Map<String, String> annotations)
            implements Manifest {

        /** The first manifest that fits a platform; entries that say none, such as attestations, fit nothing. */
        public Optional<Descriptor> choose(Platform wanted) {
            return manifests.stream()
                    .filter(d -> d.platform().isPresent()
                            && wanted.accepts(d.platform().get()))
                    .findFirst();
        }
    }

    /**
     * Reads a manifest. One that could be taken for two things at once is refused, whatever its type says (CVE-2021-41190).
     *
     * @param mediaType what it was served or listed as, without parameters
     * @param what names it in messages
     * @throws ImageException INVALID naming what is wrong; UNSUPPORTED for Docker's schema 1 and unknown types
     */
    static Manifest parse(byte[] content, String mediaType, String what) {
        Document json = Document.parse(content, what);
        long schema = json.has("schemaVersion") ? json.number("schemaVersion") : 2;
        if (schema == 1 || json.has("fsLayers")) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    what
                            + " is in Docker's schema 1, which cannot be verified and is no longer used; push the image again"
                            + " with a current client");
        }
        if (schema != 2) {
            throw ImageException.invalid(what + ".schemaVersion is " + schema + ", not 2");
        }
        String said = json.text("mediaType");
        if (!said.isEmpty() && !said.equals(mediaType)) {
            throw ImageException.invalid(
                    what + " was served as " + Text.quote(mediaType) + " but says it is " + Text.quote(said));
        }
        boolean index = MediaTypes.isIndex(mediaType);
        if (!index && !MediaTypes.isManifest(mediaType)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    what + " is of type " + Text.quote(mediaType) + ", which is no manifest of an image");
        }
        if (json.has("manifests") && (json.has("layers") || json.has("config"))) {
            throw ImageException.invalid(what + " is an index and a manifest at once");
        }
        if (index ? !json.has("manifests") : !json.has("config") || !json.has("layers")) {
            throw ImageException.invalid(
                    what + (index ? " is an index without manifests" : " is a manifest without config or layers"));
        }
        Optional<Descriptor> subject = json.object("subject").map(Descriptor::read);
        Map<String, String> annotations = Map.copyOf(json.map("annotations"));
        String artifactType = json.text("artifactType");
        if (index) {
            return new Index(content, mediaType, descriptors(json, "manifests"), subject, artifactType, annotations);
        }
        Descriptor config = json.object("config")
                .map(Descriptor::read)
                .orElseThrow(() -> ImageException.invalid(what + ".config is missing"));
        return new Single(content, mediaType, config, descriptors(json, "layers"), subject, artifactType, annotations);
    }

    private static List<Descriptor> descriptors(Document json, String key) {
        List<Descriptor> all = new ArrayList<>();
        json.objects(key).forEach(d -> all.add(Descriptor.read(d)));
        return List.copyOf(all);
    }

    /** Makes the manifest of an image; the same arguments always give the same bytes. */
    static Single image(String mediaType, Descriptor config, List<Descriptor> layers) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("schemaVersion", 2);
        json.put("mediaType", mediaType);
        json.put("config", config.toJson());
        json.put("layers", layers.stream().map(Descriptor::toJson).toList());
        return new Single(Document.write(json), mediaType, config, List.copyOf(layers), Optional.empty(), "", Map.of());
    }
}
