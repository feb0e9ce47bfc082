package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.network.Endpoint;
import kist.network.Publication;

/**
 * Where a running container is in networks, and its ports at the host.
 *
 * @param endpoints in the order of its links, {@code eth0} first
 */
record Places(List<Endpoint> endpoints, List<Publication> published) {
    static final Places NONE = new Places(List.of(), List.of());

    static Places of(Optional<StoredState.StoredEndpoint> stored) {
        if (stored.isEmpty()) {
            return NONE;
        }
        List<Endpoint> endpoints = new ArrayList<>();
        if (!stored.get().networkId().isEmpty()) {
            endpoints.add(stored.get().endpoint());
        }
        stored.get().others().forEach(e -> endpoints.add(e.endpoint()));
        return new Places(
                List.copyOf(endpoints),
                stored.get().ports().stream()
                        .map(p -> new Publication(
                                p.protocol(), p.hostAddress(), p.hostPort(), p.containerAddress(), p.containerPort()))
                        .toList());
    }

    /** As it is written to disk: the first place, and with it the rest. */
    Optional<StoredState.StoredEndpoint> stored() {
        if (endpoints.isEmpty()) {
            return Optional.empty();
        }
        List<StoredState.StoredEndpoint> all =
                endpoints.stream().map(StoredState.StoredEndpoint::of).toList();
        return Optional.of(all.getFirst()
                .with(
                        all.subList(1, all.size()),
                        published.stream()
                                .map(p -> new StoredState.StoredPort(
                                        p.protocol(),
                                        p.hostAddress(),
                                        p.hostPort(),
                                        p.containerAddress(),
                                        p.containerPort()))
                                .toList()));
    }

    Optional<Endpoint> in(String networkId) {
        return endpoints.stream().filter(e -> e.networkId().equals(networkId)).findFirst();
    }

    Places with(Endpoint more) {
        List<Endpoint> all = new ArrayList<>(endpoints);
        all.add(more);
        return new Places(List.copyOf(all), published);
    }

    Places without(Endpoint one) {
        return new Places(
                endpoints.stream()
                        .filter(e -> !e.endpointId().equals(one.endpointId()))
                        .toList(),
                published);
    }

    Places published(List<Publication> ports) {
        return new Places(endpoints, List.copyOf(ports));
    }
}
