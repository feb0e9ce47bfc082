package kist.image;

import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Keeps blobs, and layers unpacked from them, that belong to no image (yet) from being removed. It is on disk and holds after
 * a crash too: a temporary one until it expires, a permanent one until {@link #remove}. Thread-safe.
 */
public final class Lease implements AutoCloseable {
    private final Leases leases;
    private final String id;
    private final String purpose;
    /** The end of time for a permanent one. */
    private final Instant expires;

    private final Budget budget;
    /** Digests of blobs, and when they are no longer held; guarded by the store's lock. */
    final Map<String, Instant> held = new HashMap<>();
    /** Whether it was ended; guarded by the store's lock. */
    boolean ended;
    /** Bytes of its file; guarded by the store's lock. */
    long written;
    /** Whether its last line may be there in part, as the disk was full; guarded by the store's lock. */
    boolean torn;

    Lease(Leases leases, String id, String purpose, Instant expires, Budget budget) {
        this.leases = leases;
        this.id = id;
        this.purpose = purpose;
        this.expires = expires;
        this.budget = budget;
    }

    /** What it is known by. */
    public String id() {
        return id;
    }

    /** What it was made for. */
    public String purpose() {
        return purpose;
    }

    /** Whether it never expires. */
    public boolean permanent() {
        return expires.equals(Instant.MAX);
    }

    /** What all that is fetched under it may cost together. */
    Budget budget() {
        return budget;
    }

    Instant expires() {
        return expires;
    }

    /** Holds a blob no longer; nothing happens where it is not held. */
    public void drop(String digest) {
        leases.drop(this, digest);
    }

    /** Holds of its blobs only these any longer. */
    public void retain(Set<String> digests) {
        leases.retain(this, digests);
    }

    /** Whether it holds a blob. */
    public boolean holds(String digest) {
        return leases.holds(this, digest);
    }

    /** Ends a temporary lease; a permanent one goes on. Harmless when repeated. */
    @Override
    public void close() {
        if (!permanent()) {
            leases.end(this);
        }
    }

    /** Ends the lease, a permanent one too; what only it held is removed from the store. */
    public void remove() {
        leases.end(this);
    }
}
