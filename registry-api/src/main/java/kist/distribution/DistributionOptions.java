package kist.distribution;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;
import kist.http.Tls;

/**
 * How the registry is served.
 *
 * @param listen address and port; port 0 takes any that is free
 * @param tls HTTPS with these files; plain HTTP without
 * @param htpasswd file of users with bcrypt hashes, as {@code htpasswd -B} writes it; each user may pull, push and delete
 * @param anonymous what others may do
 * @param images whether the engine's own images are served too: read-only, by their familiar name
 */
public record DistributionOptions(
        InetSocketAddress listen, Optional<Tls> tls, Optional<Path> htpasswd, Anonymous anonymous, boolean images) {

    /** Open to whoever reaches a free port of 127.0.0.1 and to nobody else. */
    public static final DistributionOptions LOCAL = new DistributionOptions(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.empty(),
            Optional.empty(),
            Anonymous.DEFAULT,
            false);

    /** What {@link #anonymous} comes to. */
    Anonymous granted() {
        if (anonymous != Anonymous.DEFAULT) {
            return anonymous;
        }
        if (htpasswd.isPresent()) {
            return Anonymous.NONE;
        }
        if (listen.getAddress() != null && listen.getAddress().isLoopbackAddress()) {
            return Anonymous.WRITE;
        }
        throw new IllegalArgumentException(
                "the registry would be open to everybody who reaches " + listen.getHostString()
                        + ": name a password file (--htpasswd FILE), or say what may be done without one (--anonymous read or"
                        + " --anonymous write)");
    }
}
