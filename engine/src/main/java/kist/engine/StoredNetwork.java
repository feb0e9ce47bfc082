package kist.engine;

import io.avaje.jsonb.Json;
import java.util.Map;
import java.util.Optional;
import kist.network.BridgeNetwork;

/**
 * What is on disk of a network: network/user/ID.json. What its user left open is chosen before it is written.
 *
 * @param format version of this format
 */
@Json
record StoredNetwork(
        int format,
        String id,
        NetworkConfig config,
        long createdNanos,
        String bridge,
        String subnet,
        String gateway,
        int mtu,
        boolean communication,
        boolean masquerade,
        String hostBinding) {
    static final int FORMAT = 1;

    String name() {
        return config.name();
    }

    private Optional<NetworkConfig.Pool> pool() {
        return config.pools().stream().findFirst();
    }

    BridgeNetwork network() {
        return new BridgeNetwork(
                id,
                config.name(),
                bridge,
                subnet,
                gateway,
                pool().map(NetworkConfig.Pool::range).orElse(""),
                pool().map(NetworkConfig.Pool::auxiliary).orElse(Map.of()),
                config.internal(),
                mtu,
                communication,
                masquerade,
                hostBinding);
    }

    StoredNetwork with(BridgeNetwork chosen) {
        return new StoredNetwork(
                format,
                id,
                config,
                createdNanos,
                chosen.bridge(),
                chosen.subnet(),
                chosen.gateway(),
                mtu,
                communication,
                masquerade,
                hostBinding);
    }
}
