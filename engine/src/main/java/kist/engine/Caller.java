package kist.engine;

/**
 * Who asks: the door that took the request and the peer credentials of its socket (unix(7), SO_PEERCRED).
 *
 * @param door the door's name, such as {@code docker}
 * @param uid user id of the peer, or -1 where the door cannot know it
 * @param gid group id of the peer, or -1
 * @param pid process id of the peer, or -1
 */
public record Caller(String door, long uid, long gid, long pid) {
    /** The engine acting on its own behalf: restart policies, reconciliation, {@code --rm}. */
    public static final Caller ENGINE =
            new Caller("engine", 0, 0, ProcessHandle.current().pid());
}
