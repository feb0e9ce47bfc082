package kist.image;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Layers that are unpacked and belong to no image yet, each as long as a lease holds it. The store's lock is held in all methods. */
final class Unpacked {
    private final Map<String, Held> layers = new HashMap<>();

    private record Held(PendingLayer layer, Set<Lease> holders) {}

    /** Has a lease hold a layer too; false where it is not there. */
    boolean hold(String diffId, Lease lease) {
        Held held = layers.get(diffId);
        if (held == null) {
            return false;
        }
        held.holders().add(lease);
        return true;
    }

    /** Takes a layer in; it is closed at once where no lease is left, or where there is one already. */
    void put(PendingLayer layer, Collection<Lease> leases) {
        Set<Lease> holders = new HashSet<>(leases);
        holders.removeIf(l -> l.ended);
        Held there = layers.get(layer.diffId());
        if (there != null) {
            there.holders().addAll(holders);
        }
        if (there != null || holders.isEmpty()) {
            layer.close();
        } else {
            layers.put(layer.diffId(), new Held(layer, holders));
        }
    }

    /** Gives a layer away to be made part of an image. */
    Optional<PendingLayer> take(String diffId) {
        return Optional.ofNullable(layers.remove(diffId)).map(Held::layer);
    }

    /** Whether a layer was unpacked from this archive. */
    boolean isFrom(String diffId, String blobDigest) {
        Held held = layers.get(diffId);
        return held != null && held.layer().blobDigest().equals(blobDigest);
    }

    /** Closes what only this lease held. */
    void release(Lease lease) {
        layers.values().removeIf(held -> {
            boolean last = held.holders().remove(lease) && held.holders().isEmpty();
            if (last) {
                held.layer().close();
            }
            return last;
        });
    }

    void closeAll() {
        layers.values().forEach(h -> h.layer().close());
        layers.clear();
    }
}
