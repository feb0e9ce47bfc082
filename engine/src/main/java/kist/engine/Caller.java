package kist.engine;

/**
 * Who asks: the door that took the request, the peer credentials of its socket (unix(7), SO_PEERCRED), and what a door on
 * the network knows instead.
 *
 * @param door the door's name, such as {@code docker}
 * @param uid user id of the peer, or -1 where the door cannot know it
 * @param gid group id of the peer, or -1
 * @param pid process id of the peer, or -1
 * @param remote user and address of a peer on the network, such as {@code alice@192.0.2.7:40112} or {@code @[::1]:40112} where
 *     it did not say who it is; empty for a peer on this machine's socket
 */
public record Caller(String door, long uid, long gid, long pid, String remote) {
    /** The engine acting on its own behalf: restart policies, reconciliation, {@code --rm}. */
    public static final Caller ENGINE =
            new Caller("engine", 0, 0, ProcessHandle.current().pid());

    /** A peer on a Unix socket. */
    public Caller(String door, long uid, long gid, long pid) {
        this(door, uid, gid, pid, "");
    }
}
