package kist.image;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the index says at one moment, and what follows from it; never changed, only replaced.
 *
 * @param images by id, without those that are damaged or kept only for their containers
 * @param names ids by name with tag and by name with digest
 * @param variants ids of the images for other platforms behind a name
 * @param archives what is kept of a layer, by its diff id
 * @param diffIds by the digest of the archive
 * @param plainSizes diff ids of the layers that are there by the size of their tar
 */
record CatalogState(
        Index index,
        Map<String, Image> images,
        Map<String, String> names,
        Map<String, List<String>> variants,
        Map<String, LayerBlob> archives,
        Map<String, String> diffIds,
        Map<Long, List<String>> plainSizes) {
    /** Nothing is there. */
    static final CatalogState EMPTY =
            new CatalogState(new Index(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Map.of());

    /**
     * Works out what follows from an index.
     *
     * @param documents what is known of the images, by id
     * @param layers those that are unpacked, by directory
     * @param lists the indexes of several platforms, by digest
     */
    static CatalogState of(
            Index index,
            Map<String, ImageDocument> documents,
            Map<String, Layer> layers,
            Map<String, Manifest.Index> lists) {
        Map<String, Image> images = new HashMap<>();
        Map<String, String> names = new HashMap<>();
        Map<String, String> byManifest = new HashMap<>();
        Map<String, LayerBlob> archives = new HashMap<>();
        Map<String, String> diffIds = new HashMap<>();
        for (Index.Entry entry : index.entries.values()) {
            ImageDocument d = documents.get(entry.id());
            if (d == null) {
                continue;
            }
            for (int i = 0; i < Math.min(entry.blobs().size(), d.diffIds().size()); i++) {
                LayerBlob blob = entry.blobs().get(i);
                if (blob.isKept()) {
                    // what came from elsewhere is worth more than our own form
                    diffIds.put(blob.digest(), d.diffIds().get(i));
                    archives.merge(d.diffIds().get(i), blob, (a, b) -> a.isOwn() ? b : a);
                }
            }
            if (entry.removed()) {
                continue;
            }
            entry.references().forEach(r -> names.put(r, entry.id()));
            entry.digests().forEach(r -> names.put(r, entry.id()));
            entry.manifests().forEach(m -> byManifest.put(m.digest(), entry.id()));
            images.put(entry.id(), image(entry, d, layers));
        }
        Map<String, List<String>> variants = new HashMap<>();
        index.lists.forEach((name, list) -> {
            Manifest.Index manifests = lists.get(list.digest());
            if (manifests != null && names.containsKey(name)) {
                variants.put(
                        name,
                        manifests.manifests().stream()
                                .flatMap(m -> Optional.ofNullable(byManifest.get(m.digest())).stream())
                                .distinct()
                                .toList());
            }
        });
        Map<Long, List<String>> plainSizes = layers.values().stream()
                .collect(Collectors.groupingBy(
                        Layer::plainSize,
                        Collectors.collectingAndThen(
                                Collectors.mapping(Layer::diffId, Collectors.toSet()), List::copyOf)));
        return new CatalogState(index, images, names, variants, archives, diffIds, plainSizes);
    }

    private static Image image(Index.Entry entry, ImageDocument d, Map<String, Layer> layers) {
        List<Long> sizes = new ArrayList<>();
        for (String directory : entry.layers()) {
            Layer layer = layers.get(directory);
            sizes.add(layer == null ? 0 : layer.size());
        }
        return new Image(
                entry.id(),
                familiar(entry.references()),
                familiar(entry.digests()),
                d.created(),
                d.architecture(),
                d.variant(),
                d.os(),
                d.author(),
                d.comment(),
                sizes.stream().mapToLong(Long::longValue).sum(),
                d.diffIds(),
                List.copyOf(sizes),
                entry.parent(),
                d.config(),
                d.history());
    }

    private static List<String> familiar(List<String> references) {
        return references.stream()
                .map(r -> Reference.parseAny(r).familiar())
                .sorted()
                .toList();
    }

    /** All images, newest first. */
    List<Image> list() {
        List<Image> images = new ArrayList<>(images().values());
        images.sort(Comparator.comparing(Image::created).reversed().thenComparing(Image::id));
        return images;
    }

    /** An image by its id. */
    Image byId(String id) {
        Image image = images().get(id);
        if (image == null) {
            throw notFound(id);
        }
        return image;
    }

    /**
     * An image by name ({@code latest} where no tag is said), by its full id with or without {@code sha256:}, or by a
     * unique beginning of its id.
     *
     * @throws ImageException INVALID where the beginning is that of several
     */
    Optional<Image> find(String nameOrId) {
        Optional<Reference> reference = reference(nameOrId);
        if (reference.isPresent()) {
            Optional<Image> named = byName(reference.get());
            if (named.isPresent()) {
                return named;
            }
        }
        String hex = nameOrId.startsWith("sha256:") ? nameOrId.substring(7) : nameOrId;
        if (hex.length() > 64 || !Digest.isHexPrefix(hex)) {
            return Optional.empty();
        }
        List<Image> found = new ArrayList<>();
        images().forEach((id, image) -> {
            if (id.startsWith(hex, 7)) {
                found.add(image);
            }
        });
        if (found.size() > 1) {
            throw ImageException.invalid(
                    Text.quote(nameOrId) + " is the beginning of " + found.size() + " image ids; say more of it");
        }
        if (found.isEmpty() && Digest.isDigest(nameOrId)) {
            return byManifest(nameOrId, image -> true);
        }
        return found.stream().findFirst();
    }

    /** Empty where the text is no name, but an id perhaps. */
    static Optional<Reference> reference(String nameOrId) {
        try {
            return Optional.of(Reference.parseAny(nameOrId));
        } catch (ImageException notAName) {
            return Optional.empty();
        }
    }

    private Optional<Image> byName(Reference reference) {
        if (reference.digest().isEmpty()) {
            return Optional.ofNullable(names().get(reference.toString())).map(id -> byId(id));
        }
        // where a tag is said beside the digest, the digest decides
        String id = names().get(reference.at(reference.digest()).toString());
        if (id != null) {
            return Optional.of(byId(id));
        }
        return byManifest(
                reference.digest(),
                image -> Stream.concat(image.references().stream(), image.digests().stream())
                        .anyMatch(r -> Reference.parseAny(r).repository().equals(reference.repository())));
    }

    private Optional<Image> byManifest(String digest, Predicate<Image> also) {
        return index().entries.values().stream()
                .filter(e -> e.hasManifest(digest))
                .flatMap(e -> Optional.ofNullable(images().get(e.id())).stream())
                .filter(also)
                .findFirst();
    }

    /** The image for a platform that a name or id stands for. */
    Optional<Image> find(String nameOrId, Platform platform) {
        Optional<Image> found = find(nameOrId);
        if (found.isEmpty() || platform.accepts(found.get().platform())) {
            return found;
        }
        String name = reference(nameOrId).map(Reference::toString).orElse("");
        for (String id : variants().getOrDefault(name, List.of())) {
            Image image = images().get(id);
            if (image != null && platform.accepts(image.platform())) {
                return Optional.of(image);
            }
        }
        throw new ImageException(
                ImageException.Kind.NOT_FOUND,
                "image with reference " + nameOrId + " was found but does not match the specified platform: wanted "
                        + platform + ", actual: " + found.get().platform());
    }

    /** The images for all platforms that are here behind a name, the one that the name itself stands for first. */
    List<Image> variants(String name) {
        Image primary = get(name);
        Set<Image> all = new LinkedHashSet<>();
        all.add(primary);
        String full = reference(name).map(Reference::toString).orElse("");
        for (String id : variants().getOrDefault(full, List.of())) {
            Optional.ofNullable(images().get(id)).ifPresent(all::add);
        }
        return List.copyOf(all);
    }

    /** Whether some name stands for an image, if only for its platform. */
    boolean isVariant(String id) {
        return variants().values().stream().anyMatch(ids -> ids.contains(id));
    }

    /** The names that a name without tag stands for when an image is saved; what was said where it is something else. */
    List<String> tagsOf(String name) {
        Optional<Reference> said = reference(name);
        boolean bare =
                said.isPresent() && said.get().digest().isEmpty() && name.indexOf(':', name.lastIndexOf('/') + 1) < 0;
        if (!bare) {
            return List.of(name);
        }
        List<String> tags = images().values().stream()
                .flatMap(i -> i.references().stream())
                .filter(r -> Reference.parse(r).repository().equals(said.get().repository()))
                .sorted()
                .toList();
        return tags.isEmpty() ? List.of(name) : tags;
    }

    /** The name with a tag that was said; empty where it was an id or a digest. */
    static Optional<Reference> tag(String nameOrId) {
        return reference(nameOrId).filter(r -> r.digest().isEmpty());
    }

    /** Ids of the images that were made from an image here. */
    List<String> children(String id) {
        return images().values().stream()
                .filter(i -> i.parent().equals(id))
                .map(Image::id)
                .toList();
    }

    /** The same, where there must be one. */
    Image get(String nameOrId) {
        return find(nameOrId).orElseThrow(() -> notFound(nameOrId));
    }

    static ImageException notFound(String nameOrId) {
        String shown = nameOrId;
        try {
            shown = Reference.parseAny(nameOrId).familiar();
        } catch (ImageException notAName) {
            // shown as it was said
        }
        return new ImageException(ImageException.Kind.NOT_FOUND, "No such image: " + shown);
    }
}
