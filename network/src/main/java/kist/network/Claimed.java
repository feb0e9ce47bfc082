package kist.network;

import java.util.Optional;
import kist.kernel.Fd;

/**
 * A network namespace that a container has to itself until {@link Networks#release}.
 *
 * @param namespace of the namespace (namespaces(7)); the release closes it, nobody else
 * @param endpoint its place on the bridge; empty with {@link Mode#NONE}
 */
public record Claimed(Fd namespace, Optional<Endpoint> endpoint) {}
