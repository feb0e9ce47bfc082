package kist.registry;

import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Lease;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Platform;
import kist.image.Reference;
import kist.image.Text;
import kist.image.TransferEvent;
import kist.image.TransferListener;

/**
 * One pull. Whatever the store has is not asked for again; what was fetched before a failure that may pass is kept for a day,
 * for the next try.
 */
final class Puller {
    private static final Duration KEPT = Duration.ofDays(1);

    private final ImageStore store;
    private final Content content;
    private final Reference reference;
    private final Optional<Platform> platform;
    private final TrustPolicy policy;
    private final Semaphore places;
    private final int workers;
    private final TransferListener listener;

    Puller(
            ImageStore store,
            Reference reference,
            Optional<Platform> platform,
            TrustPolicy policy,
            Semaphore places,
            int workers,
            TransferListener listener) {
        this.store = store;
        this.content = store.content();
        this.reference = reference;
        this.platform = platform;
        this.policy = policy;
        this.places = places;
        this.workers = workers;
        this.listener = listener;
        platform.filter(p -> !p.os().equals("linux")).ifPresent(p -> {
            throw foreign("platform " + p, p.os());
        });
    }

    private static RegistryException foreign(String what, String os) {
        return new RegistryException(
                RegistryException.Kind.UNSUPPORTED,
                what + " is for " + (os.equals("windows") ? "Windows" : os) + "; Kist runs Linux images only");
    }

    /** Pulls from the first repository that has the image; the last is the registry itself, whose failure counts. */
    Image pull(List<RemoteRepository> sources) throws InterruptedException {
        Lease lease = store.lease("pull of " + reference, KEPT);
        boolean resumable = true;
        StringBuilder mirrors = new StringBuilder();
        try {
            for (int i = 0; ; i++) {
                boolean last = i + 1 == sources.size();
                try {
                    Image image = pull(lease, sources.get(i));
                    resumable = false;
                    return image;
                } catch (RegistryException e) {
                    if (last || e.kind() == RegistryException.Kind.REFUSED_BY_POLICY) {
                        resumable = isPassing(e);
                        throw mirrors.isEmpty()
                                ? e
                                : new RegistryException(
                                        e.kind(), e.getMessage() + " (first its mirrors:" + mirrors + ")", e);
                    }
                    mirrors.append(mirrors.isEmpty() ? " " : "; ").append(e.getMessage());
                } catch (ImageException e) {
                    // a mirror that lies is as good as none
                    if (last || e.kind() != ImageException.Kind.INVALID) {
                        resumable = false;
                        throw e;
                    }
                    mirrors.append(mirrors.isEmpty() ? " " : "; ").append(e.getMessage());
                }
            }
        } finally {
            if (!resumable || lease.isEmpty()) {
                lease.close();
            }
        }
    }

    private static boolean isPassing(RegistryException e) {
        return e.kind() == RegistryException.Kind.UNAVAILABLE || e.kind() == RegistryException.Kind.RATE_LIMITED;
    }

    private Image pull(Lease lease, RemoteRepository repository) throws InterruptedException {
        Manifest root = root(lease, repository);
        Optional<Manifest.Index> index = root instanceof Manifest.Index i ? Optional.of(i) : Optional.empty();
        Manifest.Single manifest = switch (root) {
            case Manifest.Single single -> single;
            case Manifest.Index list -> chosen(lease, repository, list);
        };
        Signatures.check(policy, reference, List.of(root.digest(), manifest.digest()), repository);
        checkTypes(manifest);
        byte[] config = config(lease, repository, manifest.config());
        List<String> diffIds = checkConfig(config, manifest, index.isEmpty());
        fetch(lease, repository, manifest.layers(), diffIds);
        List<Reference> names = reference.digest().isEmpty() ? List.of(reference) : List.of();
        return store.addImage(lease, manifest, config, index, names, List.of(reference.at(root.digest())));
    }

    private Manifest root(Lease lease, RemoteRepository repository) throws InterruptedException {
        String wanted = reference.digest().isEmpty() ? reference.tag() : reference.digest();
        try {
            Optional<RemoteRepository.Head> head = repository.head(wanted);
            if (head.isPresent()) {
                return manifest(
                        lease, repository, head.get().digest(), head.get().mediaType());
            }
            Manifest manifest = repository.manifest(wanted);
            content.put(lease, manifest.content());
            return manifest;
        } catch (RegistryException e) {
            throw explained(e);
        }
    }

    private RegistryException explained(RegistryException e) {
        return switch (e.kind()) {
            case NOT_FOUND ->
                String.valueOf(e.getMessage()).startsWith("manifest for ")
                        ? e
                        : new RegistryException(
                                e.kind(), "manifest for " + reference.familiar() + " not found: " + e.getMessage(), e);
            case DENIED ->
                new RegistryException(
                        e.kind(),
                        "pull access denied for " + reference.familiarName()
                                + ", repository does not exist or may require 'docker login': " + e.getMessage(),
                        e);
            default -> e;
        };
    }

    /** A manifest by digest, from the store if it is there. */
    private Manifest manifest(Lease lease, RemoteRepository repository, String digest, String mediaType)
            throws InterruptedException {
        if (content.keep(lease, digest)) {
            return RemoteRepository.parse(
                    content.read(digest, Manifest.MAXIMUM_SIZE),
                    mediaType,
                    "the manifest of " + reference.familiarName() + "@" + digest);
        }
        Manifest manifest = repository.manifest(digest);
        if (!manifest.mediaType().equals(mediaType)) {
            throw RegistryException.invalid("the manifest of " + reference.familiarName() + "@" + digest
                    + " was announced as " + Text.quote(mediaType) + " but is served as "
                    + Text.quote(manifest.mediaType()));
        }
        content.put(lease, manifest.content());
        return manifest;
    }

    private Manifest.Single chosen(Lease lease, RemoteRepository repository, Manifest.Index index)
            throws InterruptedException {
        Platform wanted = platform.orElse(Platform.HOST);
        Descriptor entry = index.choose(wanted).orElseThrow(() -> noMatch(index, wanted));
        Manifest manifest = manifest(lease, repository, entry.digest(), entry.mediaType());
        if (!(manifest instanceof Manifest.Single single)) {
            throw RegistryException.invalid(
                    "the manifest list of " + reference.familiar() + " has another list inside: " + entry.digest());
        }
        return single;
    }

    private RegistryException noMatch(Manifest.Index index, Platform wanted) {
        List<Platform> there = index.manifests().stream()
                .flatMap(d -> d.platform().stream())
                .filter(p -> !p.os().equals("unknown"))
                .distinct()
                .toList();
        if (!there.isEmpty() && there.stream().allMatch(p -> p.os().equals("windows"))) {
            return foreign("image " + reference.familiar() + " (" + there.getFirst() + ")", "windows");
        }
        List<String> names = there.stream()
                .map(p -> p.osVersion().isEmpty() ? p.toString() : p + " " + p.osVersion())
                .distinct()
                .toList();
        return new RegistryException(
                RegistryException.Kind.NOT_FOUND,
                "no matching manifest for " + wanted + " in the manifest list entries: "
                        + (names.isEmpty() ? "there are none" : String.join(", ", names)));
    }

    private void checkTypes(Manifest.Single manifest) {
        if (!MediaTypes.isConfig(manifest.config().mediaType())) {
            String type = manifest.artifactType().isEmpty() ? manifest.config().mediaType() : manifest.artifactType();
            throw new RegistryException(
                    RegistryException.Kind.UNSUPPORTED,
                    reference.familiar() + " is not an image that can be run, but an artifact of the type "
                            + Text.quote(type));
        }
        for (Descriptor layer : manifest.layers()) {
            if (!MediaTypes.isLayer(layer.mediaType())) {
                throw new RegistryException(
                        RegistryException.Kind.UNSUPPORTED,
                        "layer " + layer.digest() + " of " + reference.familiar() + " is of the type "
                                + Text.quote(layer.mediaType()) + ", which is no layer of an image");
            }
        }
    }

    private byte[] config(Lease lease, RemoteRepository repository, Descriptor config) throws InterruptedException {
        if (content.keep(lease, config.digest())) {
            return content.read(config.digest(), Document.MAXIMUM_SIZE);
        }
        byte[] bytes = repository.blob(config, Document.MAXIMUM_SIZE, "the configuration");
        content.put(lease, bytes);
        return bytes;
    }

    /** The layers' digests when unpacked. */
    private List<String> checkConfig(byte[] config, Manifest.Single manifest, boolean alone) {
        try {
            Document json = Document.parse(config, "the configuration of " + reference.familiar());
            Platform is = new Platform(
                    json.text("os").toLowerCase(Locale.ROOT),
                    json.text("architecture"),
                    json.text("variant"),
                    json.text("os.version"));
            if (!is.os().isEmpty() && !is.os().equals("linux")) {
                throw foreign("image " + reference.familiar() + " (" + is + ")", is.os());
            }
            if (alone && platform.isPresent() && !platform.get().accepts(is)) {
                throw new RegistryException(
                        RegistryException.Kind.NOT_FOUND,
                        "no matching manifest for " + platform.get() + ": image " + reference.familiar() + " is for "
                                + is + " alone");
            }
            List<String> diffIds =
                    json.object("rootfs").map(r -> r.texts("diff_ids")).orElse(List.of());
            if (diffIds.size() != manifest.layers().size()) {
                throw RegistryException.invalid("the configuration of " + reference.familiar() + " names "
                        + diffIds.size() + " layers, its manifest "
                        + manifest.layers().size());
            }
            return diffIds;
        } catch (ImageException e) {
            throw RemoteRepository.invalid(e);
        }
    }

    /** Fetches all layers, several at a time; when one fails the others are broken off. */
    private void fetch(Lease lease, RemoteRepository repository, List<Descriptor> layers, List<String> diffIds)
            throws InterruptedException {
        // not virtual ones: unpacking blocks in system calls
        ExecutorService threads = Executors.newFixedThreadPool(
                workers, Thread.ofPlatform().daemon().name("kist-pull-", 0).factory());
        // closed before the lease: nobody may work on it after its end
        try (Transfers transfers = new Transfers(threads, places)) {
            for (int i = 0; i < layers.size(); i++) {
                Descriptor layer = layers.get(i);
                String diffId = diffIds.get(i);
                if (store.keepLayer(lease, layer.digest(), diffId, diffIds.subList(0, i))) {
                    listener.on(
                            new TransferEvent(layer.digest(), TransferEvent.State.EXISTS, layer.size(), layer.size()));
                    continue;
                }
                if (!store.hasLayer(diffId, diffIds.subList(0, i))) {
                    listener.on(new TransferEvent(layer.digest(), TransferEvent.State.WAITING, 0, layer.size()));
                }
                transfers.begin(() -> fetch(lease, repository, layer, diffId));
            }
            transfers.await();
        }
    }

    private void fetch(Lease lease, RemoteRepository repository, Descriptor layer, String diffId)
            throws InterruptedException {
        try {
            store.fetchLayer(lease, layer, diffId, offset -> repository.open(layer, offset), listener);
        } catch (UncheckedIOException e) {
            throw new RegistryException(
                    RegistryException.Kind.UNAVAILABLE,
                    repository.client().endpoint().authority() + ": " + e.getMessage(),
                    e);
        } catch (RegistryException e) {
            if (e.kind() == RegistryException.Kind.NOT_FOUND && MediaTypes.isForeign(layer.mediaType())) {
                throw new RegistryException(
                        RegistryException.Kind.UNSUPPORTED,
                        "layer " + layer.digest() + " of " + reference.familiar()
                                + " may not be distributed, and the registry does not have it; other addresses that an"
                                + " image names are not asked",
                        e);
            }
            throw e;
        }
    }
}
