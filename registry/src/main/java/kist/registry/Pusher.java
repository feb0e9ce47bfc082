package kist.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Reference;
import kist.image.Text;
import kist.image.TransferEvent;
import kist.image.TransferEvent.State;
import kist.image.TransferListener;

/** One push of one name: blobs first, then manifests, then what points to them. */
final class Pusher {
    /** Progress is told each time so many bytes have gone. */
    private static final long STEP = 512 << 10;

    private final ImageStore store;
    private final Content content;
    private final Reference reference;
    private final RemoteRepository repository;
    private final Semaphore places;
    private final TransferListener listener;
    private Optional<Map<String, String>> elsewhere = Optional.empty();

    Pusher(
            ImageStore store,
            Reference reference,
            RemoteRepository repository,
            Semaphore places,
            TransferListener listener) {
        this.store = store;
        this.content = store.content();
        this.reference = reference;
        this.repository = repository;
        this.places = places;
        this.listener = listener;
    }

    /** Pushes one image under the tag. */
    Manifest push(Manifest.Single manifest) throws InterruptedException {
        pushBlobs(manifest);
        put(manifest, reference.tag());
        return manifest;
    }

    /** Pushes several platforms under the tag; all that the index lists must be in the store. */
    Manifest push(Manifest.Index index, List<Manifest.Single> parts) throws InterruptedException {
        for (Manifest.Single part : parts) {
            pushBlobs(part);
            put(part, part.digest());
        }
        put(index, reference.tag());
        return index;
    }

    private void pushBlobs(Manifest.Single manifest) throws InterruptedException {
        Set<Descriptor> blobs = new LinkedHashSet<>();
        Set<String> seen = new HashSet<>();
        for (Descriptor layer : manifest.layers()) {
            boolean kept = !MediaTypes.isForeign(layer.mediaType())
                    || content.size(layer.digest()).isPresent();
            if (kept && seen.add(layer.digest())) {
                blobs.add(layer);
                listener.on(new TransferEvent(layer.digest(), State.PREPARING, 0, layer.size()));
            }
        }
        try (Transfers transfers = new Transfers(Executors.newVirtualThreadPerTaskExecutor(), places)) {
            for (Descriptor blob : blobs) {
                transfers.begin(() -> push(blob, listener));
            }
            transfers.await();
            push(manifest.config(), TransferListener.NONE);
        }
    }

    private void push(Descriptor blob, TransferListener told) throws InterruptedException {
        AtomicLong last = new AtomicLong(-STEP);
        BlobUpload upload = new BlobUpload(repository, content, blob, sent -> {
            if (sent - last.get() >= STEP || sent == blob.size()) {
                last.set(sent);
                told.on(new TransferEvent(blob.digest(), State.PUSHING, sent, blob.size()));
            }
        });
        if (upload.exists()) {
            told.on(new TransferEvent(blob.digest(), State.EXISTS, blob.size(), blob.size()));
            return;
        }
        Optional<String> from = Optional.ofNullable(elsewhere().get(blob.digest()));
        State state = switch (upload.run(from)) {
            case EXISTED -> State.EXISTS;
            case MOUNTED -> State.MOUNTED;
            case UPLOADED -> State.PUSHED;
        };
        told.on(new TransferEvent(
                blob.digest(), state, blob.size(), blob.size(), state == State.MOUNTED ? from.orElse("") : ""));
    }

    /** Repositories of the same registry by the blobs that they had when we last pulled from or pushed to them. */
    private synchronized Map<String, String> elsewhere() {
        if (elsewhere.isEmpty()) {
            Map<String, String> known = new HashMap<>();
            for (Image image : store.list()) {
                for (String name : image.digests()) {
                    Reference at = Reference.parseAny(name);
                    if (at.domain().equals(reference.domain()) && !at.path().equals(reference.path())) {
                        for (Descriptor blob : blobs(at.digest())) {
                            known.putIfAbsent(blob.digest(), at.path());
                        }
                    }
                }
            }
            elsewhere = Optional.of(known);
        }
        return elsewhere.get();
    }

    private List<Descriptor> blobs(String digest) {
        if (content.size(digest).isEmpty()) {
            return List.of();
        }
        try {
            byte[] bytes = content.read(digest, Manifest.MAXIMUM_SIZE);
            String type = Document.parse(bytes, digest).text("mediaType");
            String guessed = type.isEmpty() ? MediaTypes.OCI_MANIFEST : type;
            return switch (Manifest.parse(bytes, guessed, digest)) {
                case Manifest.Single single -> {
                    List<Descriptor> all = new ArrayList<>(single.layers());
                    all.add(single.config());
                    yield all;
                }
                case Manifest.Index index ->
                    index.manifests().stream()
                            .filter(d -> MediaTypes.isManifest(d.mediaType()))
                            .flatMap(d -> blobs(d.digest()).stream())
                            .toList();
            };
        } catch (ImageException e) {
            // it only would have saved an upload
            return List.of();
        }
    }

    private void put(Manifest manifest, String tagOrDigest) throws InterruptedException {
        Ask ask = Ask.of("PUT", repository.client().uri(repository.path() + "/manifests/" + tagOrDigest))
                .sending(Body.of(manifest.content(), manifest.mediaType()), true);
        try (Answer answer = repository.client().send(ask, repository.scopes())) {
            repository.check(answer, "push of " + reference.familiar());
            String said = answer.header("Docker-Content-Digest");
            if (!said.isEmpty() && !said.equals(manifest.digest())) {
                throw RegistryException.invalid("the registry took " + reference.familiar() + " as " + Text.quote(said)
                        + ", not as " + manifest.digest());
            }
        }
    }
}
