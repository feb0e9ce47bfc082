package kist.http;

/**
 * The process at the other end of a Unix socket as it was when it connected (unix(7), SO_PEERCRED).
 *
 * @param uid user id, or -1 where it cannot be known
 * @param gid group id, or -1
 * @param pid process id, or -1
 */
public record Peer(long uid, long gid, long pid) {
    /** A peer of which nothing is known. */
    public static final Peer UNKNOWN = new Peer(-1, -1, -1);
}
