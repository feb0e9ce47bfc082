package kist.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import kist.image.Image;
import kist.image.ImageStore;
import kist.image.Lease;
import kist.image.Manifest;
import kist.registry.StoredManifest;

/**
 * The engine's own images as repositories to read from: each under its familiar name, such as {@code busybox}, and those of
 * Docker's library also under {@code library/busybox}, by which mirrors are asked. Names with a port are no names of
 * repositories and are left out. Thread-safe.
 */
final class OwnImages implements AutoCloseable {
    /** How long the blobs of an image that was asked for stay, even if it is removed meanwhile. */
    private static final Duration KEPT = Duration.ofHours(1);

    private static final String LIBRARY = "library/";

    /** Makes an image's manifest with every blob in the content store: {@code ImageStore.pushable}. */
    interface Preparation {
        Manifest.Single prepare(String imageId, Lease lease);
    }

    private record Offer(Manifest.Single manifest, Lease lease, Instant renew) {}

    private final ImageStore images;
    private final Preparation preparation;
    private final Map<String, Offer> offers = new ConcurrentHashMap<>();
    private final Map<String, Object> locks = new ConcurrentHashMap<>();

    OwnImages(ImageStore images, Preparation preparation) {
        this.images = images;
        this.preparation = preparation;
    }

    /** Names of repositories in their order, after this one. */
    List<String> names(String last) {
        TreeSet<String> names = new TreeSet<>();
        for (Image image : images.list()) {
            image.references().forEach(reference -> name(reference).ifPresent(names::add));
        }
        return List.copyOf(names.tailSet(last, false));
    }

    /** Tags of a repository; none if there is no such. */
    List<String> tags(String repository) {
        return List.copyOf(tagged(repository).keySet());
    }

    /** Ids of images by their tags. */
    private TreeMap<String, String> tagged(String repository) {
        String familiar = repository.startsWith(LIBRARY) && repository.indexOf('/', LIBRARY.length()) < 0
                ? repository.substring(LIBRARY.length())
                : repository;
        TreeMap<String, String> tags = new TreeMap<>();
        for (Image image : images.list()) {
            for (String reference : image.references()) {
                if (name(reference).filter(familiar::equals).isPresent()) {
                    tags.put(reference.substring(familiar.length() + 1), image.id());
                }
            }
        }
        return tags;
    }

    private static Optional<String> name(String reference) {
        int colon = reference.lastIndexOf(':');
        String name = reference.substring(0, colon);
        return name.indexOf(':') < 0 ? Optional.of(name) : Optional.empty();
    }

    /** A manifest by tag or digest. */
    Optional<StoredManifest> manifest(String repository, String reference) {
        Map<String, String> tags = tagged(repository);
        if (reference.indexOf(':') < 0) {
            return Optional.ofNullable(tags.get(reference)).map(this::offer).map(OwnImages::stored);
        }
        return first(tags, manifest -> manifest.digest().equals(reference)).map(OwnImages::stored);
    }

    /** The first manifest of which this holds; those that were asked for before come first, as the others cost work. */
    private Optional<Manifest.Single> first(Map<String, String> tags, Predicate<Manifest.Single> wanted) {
        List<String> ids = tags.values().stream().distinct().toList();
        return Stream.concat(
                        ids.stream().filter(offers::containsKey), ids.stream().filter(id -> !offers.containsKey(id)))
                .map(this::offer)
                .filter(wanted)
                .findFirst();
    }

    private static StoredManifest stored(Manifest.Single manifest) {
        return new StoredManifest(manifest.digest(), manifest.mediaType(), manifest.content());
    }

    /** Whether one of the repository's images has this blob. */
    boolean hasBlob(String repository, String digest) {
        return first(
                        tagged(repository),
                        manifest -> manifest.config().digest().equals(digest)
                                || manifest.layers().stream()
                                        .anyMatch(layer -> layer.digest().equals(digest)))
                .isPresent();
    }

    private Manifest.Single offer(String imageId) {
        // one at a time for each image: the first may have to compress its layers
        synchronized (locks.computeIfAbsent(imageId, id -> new Object())) {
            Offer known = offers.get(imageId);
            Instant now = Instant.now();
            if (known != null && known.renew.isAfter(now)) {
                return known.manifest;
            }
            Lease lease = images.lease("served image " + imageId, KEPT.multipliedBy(2));
            boolean done = false;
            try {
                Offer made = new Offer(preparation.prepare(imageId, lease), lease, now.plus(KEPT));
                offers.put(imageId, made);
                done = true;
                return made.manifest;
            } finally {
                if (!done) {
                    lease.close();
                } else if (known != null) {
                    known.lease.close();
                }
            }
        }
    }

    /** Ends the leases of offers that are no longer renewed. */
    void expire() {
        Instant now = Instant.now();
        for (String imageId : new ArrayList<>(offers.keySet())) {
            synchronized (locks.computeIfAbsent(imageId, id -> new Object())) {
                Offer offer = offers.get(imageId);
                if (offer != null && offer.renew.isBefore(now)) {
                    offers.remove(imageId);
                    offer.lease.close();
                }
            }
        }
    }

    @Override
    public void close() {
        offers.values().forEach(offer -> offer.lease.close());
        offers.clear();
    }
}
