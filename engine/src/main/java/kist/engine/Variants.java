package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Reference;

/** What is known of the manifests behind a name. Thread-safe. */
final class Variants {
    private final ImageStore store;
    private final Registry containers;

    Variants(ImageStore store, Registry containers) {
        this.store = store;
        this.containers = containers;
    }

    ImageRequest.Variants of(Image image, String name) {
        Optional<Manifest.Index> index = index(image, name);
        if (index.isEmpty()) {
            Optional<Descriptor> manifest = manifest(image);
            return new ImageRequest.Variants(
                    manifest, manifest.map(d -> List.of(variant(d))).orElse(List.of()), store.lastTagged(image.id()));
        }
        List<ImageRequest.Variant> all = new ArrayList<>();
        for (Descriptor listed : index.get().manifests()) {
            all.add(variant(listed));
        }
        return new ImageRequest.Variants(Optional.of(index.get().descriptor()), all, store.lastTagged(image.id()));
    }

    /** The index of the name itself, or of one of the image's names where its id was said. */
    private Optional<Manifest.Index> index(Image image, String name) {
        List<String> names = new ArrayList<>(List.of(name));
        names.addAll(image.references());
        for (String one : names) {
            try {
                Optional<Manifest.Index> index = store.index(Reference.parse(one));
                if (index.isPresent()) {
                    return index;
                }
            } catch (ImageException noName) {
                continue;
            }
        }
        return Optional.empty();
    }

    /** The manifest that the image was pulled or pushed with. */
    private Optional<Descriptor> manifest(Image image) {
        Content content = store.content();
        for (String known : image.digests()) {
            String digest = known.substring(known.indexOf('@') + 1);
            if (content.size(digest).isPresent()) {
                byte[] bytes = content.read(digest, Manifest.MAXIMUM_SIZE);
                for (String type : List.of(MediaTypes.OCI_MANIFEST, MediaTypes.DOCKER_MANIFEST)) {
                    try {
                        return Optional.of(Manifest.parse(bytes, type, digest).descriptor());
                    } catch (ImageException ofTheOtherType) {
                        continue;
                    }
                }
            }
        }
        return Optional.empty();
    }

    private ImageRequest.Variant variant(Descriptor manifest) {
        Content content = store.content();
        long bytes = 0;
        if (MediaTypes.isManifest(manifest.mediaType())
                && content.size(manifest.digest()).isPresent()) {
            Optional<Manifest> known = known(manifest);
            if (known.isPresent() && known.get() instanceof Manifest.Single single) {
                bytes = single.content().length;
                bytes += content.size(single.config().digest()).orElse(0L);
                for (Descriptor layer : single.layers()) {
                    bytes += content.size(layer.digest()).orElse(0L);
                }
                Optional<Image> image = store.find(single.config().digest());
                return new ImageRequest.Variant(
                        manifest, image, bytes, image.map(i -> users(i.id())).orElse(List.of()));
            }
        }
        return new ImageRequest.Variant(manifest, Optional.empty(), bytes, List.of());
    }

    /** Empty where what an index calls a manifest is none, or went away meanwhile. */
    private Optional<Manifest> known(Descriptor manifest) {
        try {
            byte[] document = store.content().read(manifest.digest(), Manifest.MAXIMUM_SIZE);
            return Optional.of(Manifest.parse(document, manifest.mediaType(), manifest.digest()));
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.INTERNAL) {
                throw e;
            }
            return Optional.empty();
        }
    }

    private List<String> users(String imageId) {
        List<String> ids = new ArrayList<>();
        for (Container c : containers.all()) {
            if (c.stored.imageId().equals(imageId)) {
                ids.add(c.id());
            }
        }
        return ids;
    }
}
