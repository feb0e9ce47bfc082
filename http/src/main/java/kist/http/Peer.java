package kist.http;

/**
 * Who is at the other end of a connection. Of a Unix socket that is the process as it was when it connected (unix(7),
 * SO_PEERCRED), of a TCP connection its address, and with TLS its certificate.
 *
 * @param uid user id, or -1 where it cannot be known
 * @param gid group id, or -1
 * @param pid process id, or -1
 * @param address IP address and port such as {@code 127.0.0.1:40112} or {@code [::1]:40112}; empty on a Unix socket
 * @param certificate the subject of the certificate that the client proved to own (RFC 2253); empty where it has shown none
 */
public record Peer(long uid, long gid, long pid, String address, String certificate) {
    /** A peer of which nothing is known. */
    public static final Peer UNKNOWN = new Peer(-1, -1, -1);

    /** The process at the other end of a Unix socket. */
    public Peer(long uid, long gid, long pid) {
        this(uid, gid, pid, "", "");
    }

    /** The other end of a TCP connection. */
    static Peer at(String address, String certificate) {
        return new Peer(-1, -1, -1, address, certificate);
    }
}
