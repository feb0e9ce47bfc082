package kist.image;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes images ready to be pushed: layers in our own form become gzip, which every registry takes, and stay so, and a manifest
 * is made of them. Thread-safe; one image at a time.
 */
final class Pushing {
    private final StoreFiles files;
    private final Catalog catalog;
    private final ReentrantLock lock = new ReentrantLock();

    Pushing(StoreFiles files, Catalog catalog) {
        this.files = files;
        this.catalog = catalog;
    }

    Manifest.Single pushable(String imageId, Lease lease, TransferListener listener) throws IOException {
        lock.lock();
        List<String> pinned = new ArrayList<>();
        try {
            Image image = catalog.get(imageId);
            Index.Entry entry = catalog.entry(image.id()).orElseThrow();
            entry.blobs().forEach(b -> pin(b.digest(), pinned));
            entry.manifests().forEach(m -> pin(m.digest(), pinned));
            pin(image.id(), pinned);
            Manifest.Single manifest =
                    ArchiveWriter.manifest(catalog, entry, image.layers(), true).orElse(null);
            if (manifest == null) {
                manifest = make(image, entry, lease, listener);
            }
            catalog.content().keep(lease, manifest.digest());
            catalog.content().keep(lease, image.id());
            for (Descriptor layer : manifest.layers()) {
                catalog.content().keep(lease, layer.digest());
            }
            return manifest;
        } finally {
            lock.unlock();
            catalog.unpin(pinned);
        }
    }

    private void pin(String digest, List<String> pinned) {
        catalog.pin(digest);
        pinned.add(digest);
    }

    private Manifest.Single make(Image image, Index.Entry entry, Lease lease, TransferListener listener)
            throws IOException {
        List<LayerBlob> blobs = new ArrayList<>();
        Map<String, LayerBlob> made = new HashMap<>();
        for (int i = 0; i < image.layers().size(); i++) {
            LayerBlob blob = entry.blobs().get(i);
            if (!blob.isKept() || catalog.content().size(blob.digest()).isEmpty()) {
                throw ArchiveWriter.incomplete(image, image.layers().get(i));
            }
            if (blob.isOwn()) {
                LayerBlob known = made.get(blob.digest());
                if (known == null) {
                    // its plain bytes' digest is the one that people know; the other is known afterwards
                    String diffId = image.layers().get(i);
                    listener.on(new TransferEvent(diffId, TransferEvent.State.COMPRESSING, 0, blob.plainSize()));
                    known = gzip(blob, lease);
                    listener.on(new TransferEvent(diffId, TransferEvent.State.COMPRESSED, 0, blob.plainSize()));
                    made.put(blob.digest(), known);
                }
                blob = known;
            }
            blobs.add(blob);
        }
        boolean zstd = blobs.stream().anyMatch(b -> b.form() == LayerBlob.Form.ZSTD);
        List<Descriptor> layers = new ArrayList<>();
        for (int i = 0; i < blobs.size(); i++) {
            LayerBlob blob = blobs.get(i);
            layers.add(Descriptor.of(mediaType(zstd, blob, image.layers().get(i)), blob.digest(), blob.size()));
        }
        long size = catalog.content().size(image.id()).orElseThrow();
        Manifest.Single manifest = Manifest.image(
                zstd ? MediaTypes.OCI_MANIFEST : MediaTypes.DOCKER_MANIFEST,
                Descriptor.of(zstd ? MediaTypes.OCI_CONFIG : MediaTypes.DOCKER_CONFIG, image.id(), size),
                layers);
        catalog.content().put(lease, manifest.content());
        remember(image.id(), manifest, made);
        return manifest;
    }

    /** Docker's types where it has one for each layer, as that is what all registries know. */
    private static String mediaType(boolean oci, LayerBlob blob, String diffId) {
        if (blob.digest().equals(diffId)) {
            return oci ? MediaTypes.OCI_LAYER : MediaTypes.DOCKER_LAYER;
        }
        if (blob.form() == LayerBlob.Form.ZSTD) {
            return MediaTypes.OCI_LAYER + "+zstd";
        }
        return oci ? MediaTypes.OCI_LAYER + "+gzip" : MediaTypes.DOCKER_LAYER_GZIP;
    }

    private LayerBlob gzip(LayerBlob own, Lease lease) throws IOException {
        try (BlobFile file = new BlobFile(files, lease.budget(), "blob " + own.digest());
                InputStream in = new ZstdInputStreamNoFinalizer(
                        new FdStream(files.linux, catalog.content().openFd(own.digest())))) {
            GzipForm.compress(in, file::write);
            file.finish();
            files.linux.sync(file.file(), false);
            catalog.content().hold(lease, file.digest());
            file.install(catalog.content());
            return new LayerBlob(file.digest(), file.size(), own.plainSize(), LayerBlob.Form.AS_CAME);
        }
    }

    /** All images that keep a layer in our own form keep the new one instead. */
    private void remember(String id, Manifest.Single manifest, Map<String, LayerBlob> made) {
        catalog.locked(() -> {
            Index index = catalog.draft();
            index.entries.replaceAll((k, entry) -> {
                List<LayerBlob> blobs = entry.blobs().stream()
                        .map(b -> Optional.ofNullable(made.get(b.digest())).orElse(b))
                        .toList();
                List<Index.Stored> manifests = new ArrayList<>(entry.manifests());
                if (k.equals(id)) {
                    manifests.addFirst(new Index.Stored(manifest.digest(), manifest.mediaType()));
                }
                return entry.withBlobs(blobs, manifests);
            });
            catalog.change(index);
            catalog.collect();
            return index;
        });
    }
}
