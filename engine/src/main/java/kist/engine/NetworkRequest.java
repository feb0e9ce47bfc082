package kist.engine;

import java.util.List;
import java.util.Map;
import kist.engine.ContainerConfig.EndpointConfig;

/**
 * What can be asked of networks. {@code ref} is a network's name, its id, or a unique beginning of its id.
 *
 * @param <R> the answer
 */
public sealed interface NetworkRequest<R> extends Request.OfNetworks<R> {
    /** Requests that change nothing. */
    sealed interface Reading<R> extends NetworkRequest<R> {
        @Override
        default boolean readOnly() {
            return true;
        }
    }

    /** All networks, by name. */
    record ListNetworks() implements Reading<List<NetworkView>> {
        @Override
        public String object() {
            return "";
        }
    }

    /** One network. */
    record InspectNetwork(String ref) implements Reading<NetworkView> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Makes a network and answers its id. */
    record CreateNetwork(NetworkConfig config) implements NetworkRequest<String> {
        @Override
        public String object() {
            return config.name();
        }
    }

    /** Removes a network in which no running container is. */
    record RemoveNetwork(String ref) implements NetworkRequest<Request.Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** Connects a container, at once where it runs and else from its next start on. */
    record ConnectContainer(String ref, String container, EndpointConfig wish) implements NetworkRequest<Request.Done> {
        @Override
        public String object() {
            return ref + " " + container;
        }
    }

    /**
     * Takes a container out of a network.
     *
     * @param force also where the container is not known any more
     */
    record DisconnectContainer(String ref, String container, boolean force) implements NetworkRequest<Request.Done> {
        @Override
        public String object() {
            return ref + " " + container;
        }
    }

    /**
     * Removes the networks that no container uses, and answers their names.
     *
     * @param untilNanos only those made before, in Unix time; 0 for all
     * @param labels only those that have all of these; a value of "" is any
     * @param notLabels only those that have none of these
     */
    record PruneNetworks(long untilNanos, Map<String, String> labels, Map<String, String> notLabels)
            implements NetworkRequest<List<String>> {
        @Override
        public String object() {
            return "";
        }
    }
}
