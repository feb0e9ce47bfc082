package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import kist.kernel.KernelException;

/**
 * Brings layers from elsewhere into the store: each blob once however many ask for it, unpacked while it arrives. Thread-safe.
 */
final class Fetches {
    /** A layer that came whole is kept so long, even if the pull that wanted it fails. */
    private static final Duration KEPT = Duration.ofDays(1);

    private static final String LEASE = "finished downloads";

    private final StoreFiles files;
    private final Catalog catalog;
    private final Map<String, Flight> flights = new HashMap<>();

    Fetches(StoreFiles files, Catalog catalog) {
        this.files = files;
        this.catalog = catalog;
    }

    /** A fetch under way. */
    private static final class Flight {
        private final List<TransferListener> listeners = new CopyOnWriteArrayList<>();
        /** Guarded by the store's lock. */
        private final List<Lease> leases = new ArrayList<>();

        private final String diffId;
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile Optional<Throwable> failure = Optional.empty();

        Flight(String diffId) {
            this.diffId = diffId;
        }

        void tell(TransferEvent event) {
            listeners.forEach(l -> l.on(event));
        }
    }

    void fetch(Lease lease, Descriptor blob, String diffId, BlobSource source, TransferListener listener)
            throws InterruptedException {
        Digest.hex(diffId, "the layer");
        for (boolean done = false; !done; ) {
            Flight own = new Flight(diffId);
            own.listeners.add(listener);
            own.leases.add(lease);
            Optional<Flight> other = catalog.locked(() -> {
                catalog.leases().add(lease, blob.digest());
                Flight before = flights.putIfAbsent(blob.digest(), own);
                if (before != null) {
                    before.listeners.add(listener);
                    before.leases.add(lease);
                }
                return Optional.ofNullable(before);
            });
            if (other.isEmpty()) {
                lead(own, lease, blob, diffId, source);
                done = true;
            } else {
                done = follow(other.get(), lease, blob, diffId);
            }
        }
    }

    /** False where this thread has to try itself. */
    private boolean follow(Flight flight, Lease lease, Descriptor blob, String diffId) throws InterruptedException {
        flight.ended.await();
        Optional<Throwable> failure = flight.failure;
        if (!flight.diffId.equals(diffId)) {
            // whatever that one found out, it is nothing about this layer
            return false;
        }
        if (failure.isEmpty()) {
            return catalog.locked(() -> isThere(lease, blob, diffId) || isKeptOtherwise(lease, diffId));
        }
        switch (failure.get()) {
            case ImageException e
            when e.kind() != ImageException.Kind.INVALID ->
                throw new ImageException(e.kind(), String.valueOf(e.getMessage()), e);
            case InterruptedException e -> {
                return false;
            }
            // it may be the fault of the other's source, which need not be ours
            case RuntimeException e -> {
                return false;
            }
            default -> throw new IllegalStateException("the fetch of " + blob.digest() + " failed", failure.get());
        }
    }

    /** Whether nothing is left to do. The lock is held. */
    private boolean isThere(Lease lease, Descriptor blob, String diffId) {
        return catalog.content().size(blob.digest()).isPresent() && isUnpacked(lease, diffId);
    }

    private void lead(Flight flight, Lease lease, Descriptor blob, String diffId, BlobSource source)
            throws InterruptedException {
        try {
            Optional<PendingLayer> layer = bring(flight, lease, blob, diffId, source);
            catalog.locked(() -> {
                layer.ifPresent(l -> catalog.unpacked().put(l, flight.leases));
                Lease finished = catalog.leases().permanent(LEASE);
                catalog.leases().add(finished, blob.digest(), Instant.now().plus(KEPT));
                return true;
            });
            flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.COMPLETE, blob.size(), blob.size()));
        } catch (KernelException e) {
            ImageException known = ImageException.of("fetch layer " + blob.digest(), e);
            flight.failure = Optional.of(known);
            throw known;
        } catch (InterruptedException | RuntimeException | Error e) {
            flight.failure = Optional.of(e);
            throw e;
        } finally {
            catalog.locked(() -> flights.remove(blob.digest(), flight));
            flight.ended.countDown();
        }
    }

    /** Forgets that layers came whole, as they are part of an image now. */
    void settled(List<String> digests) {
        catalog.leases().forget(catalog.leases().permanent(LEASE), digests);
    }

    /** Empty where the layer is unpacked already, from this archive. */
    private Optional<PendingLayer> bring(Flight flight, Lease lease, Descriptor blob, String diffId, BlobSource source)
            throws InterruptedException {
        boolean unpacked = catalog.locked(() -> isUnpacked(lease, diffId));
        Optional<Long> there = catalog.content().size(blob.digest());
        if (there.isEmpty() && catalog.locked(() -> isKeptOtherwise(lease, diffId))) {
            flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.EXISTS, blob.size(), blob.size()));
            return Optional.empty();
        }
        if (there.isEmpty()) {
            for (int attempt = 1; ; attempt++) {
                try (Download download = new Download(files, blob, lease.budget(), flight::tell)) {
                    boolean again = attempt == 1 && download.resumed() > 0;
                    try {
                        return download(flight, lease, blob, diffId, source, download);
                    } catch (Download.WrongDigest e) {
                        download.discard();
                        // the beginning may have suffered in a crash of the machine
                        if (!again) {
                            throw ImageException.invalid(String.valueOf(e.getMessage()));
                        }
                    } catch (ImageException e) {
                        if (e.kind() == ImageException.Kind.INVALID) {
                            download.discard();
                        }
                        throw e;
                    }
                }
            }
        }
        if (there.get() != blob.size()) {
            throw ImageException.invalid("blob " + blob.digest() + " has " + there.get() + " bytes, not the "
                    + blob.size() + " that its manifest says");
        }
        flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.EXISTS, blob.size(), blob.size()));
        // both may be here and have nothing to do with one another but that a manifest says so
        if (unpacked && catalog.isArchiveOf(blob.digest(), diffId)) {
            return Optional.empty();
        }
        flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.EXTRACTING, 0, blob.size()));
        return Optional.of(catalog.unpackBlob(blob.digest(), diffId, lease.budget()));
    }

    private boolean isUnpacked(Lease lease, String diffId) {
        return catalog.unpacked().hold(diffId, lease) || catalog.hasUnpacked(diffId);
    }

    /** Whether a layer is there in another form, which the lease holds then. The lock is held. */
    private boolean isKeptOtherwise(Lease lease, String diffId) {
        LayerBlob archive = catalog.archive(diffId);
        if (archive.isKept() && catalog.hasUnpacked(diffId)) {
            catalog.leases().add(lease, archive.digest());
            return true;
        }
        return false;
    }

    private Optional<PendingLayer> download(
            Flight flight, Lease lease, Descriptor blob, String diffId, BlobSource source, Download download)
            throws InterruptedException {
        Unpacking unpacking = new Unpacking(download.reader(), lease.budget(), blob, diffId);
        try {
            download.run(source, unpacking::fatal);
            catalog.leases().add(lease, blob.digest());
            download.install(catalog.content());
            flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.DOWNLOADED, blob.size(), blob.size()));
            flight.tell(new TransferEvent(blob.digest(), TransferEvent.State.EXTRACTING, blob.size(), blob.size()));
            return unpacking.await();
        } finally {
            download.breakOff();
            unpacking.end();
        }
    }

    /** The second thread of a download. */
    private final class Unpacking {
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile Optional<PendingLayer> layer = Optional.empty();
        private volatile Optional<Throwable> failure = Optional.empty();
        private boolean given;

        Unpacking(InputStream in, Budget budget, Descriptor blob, String diffId) {
            Thread.ofPlatform().daemon().name("kist-image-unpack").start(() -> {
                try {
                    layer = Optional.of(catalog.unpack(in, "layer " + blob.digest(), diffId, budget));
                } catch (IOException e) {
                    failure = Optional.of(ImageException.invalid("layer " + blob.digest() + " cannot be unpacked: "
                            + (e.getMessage() == null ? e.toString() : e.getMessage())));
                } catch (Throwable e) {
                    failure = Optional.of(e);
                } finally {
                    ended.countDown();
                }
            });
        }

        /** A failure that makes going on with the download useless; what is wrong with the content, its digest may tell better. */
        Optional<RuntimeException> fatal() {
            return failure.flatMap(f -> f instanceof ImageException e && e.kind() != ImageException.Kind.INVALID
                            || f instanceof KernelException
                    ? Optional.of((RuntimeException) f)
                    : Optional.empty());
        }

        Optional<PendingLayer> await() throws InterruptedException {
            ended.await();
            if (failure.isPresent()) {
                switch (failure.get()) {
                    case RuntimeException e -> throw e;
                    case Error e -> throw e;
                    default -> throw new IllegalStateException(failure.get());
                }
            }
            given = true;
            return layer;
        }

        /** Waits for the thread; who was not given the layer has it removed. */
        void end() {
            boolean interrupted = false;
            for (boolean waiting = true; waiting; ) {
                try {
                    ended.await();
                    waiting = false;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (!given) {
                layer.ifPresent(PendingLayer::close);
            }
        }
    }
}
