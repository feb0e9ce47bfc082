package kist.registry;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a registry, or a mirror of it, is spoken to.
 *
 * @param registry the name that it is known by in references
 * @param authority {@code HOST[:PORT]}
 * @param prefix goes before the names of repositories, empty or with a slash at its end
 * @param mirror whether it stands for another, so that it gets no credentials
 */
record Endpoint(String registry, String authority, String prefix, boolean insecure, Tls tls, boolean mirror) {
    private static final String HUB = "docker.io";
    private static final String HUB_HOST = "registry-1.docker.io";

    /** The registry itself. */
    static Endpoint origin(RegistryConfig config) {
        String authority = config.registry().equals(HUB) ? HUB_HOST : config.registry();
        return new Endpoint(config.registry(), authority, "", config.insecure(), config.tls(), false);
    }

    /** Where images are fetched from, in this order. */
    static List<Endpoint> sources(RegistryConfig config, RegistriesConfig all) {
        List<Endpoint> endpoints = new ArrayList<>();
        for (RegistryConfig.Mirror mirror : config.mirrors()) {
            int slash = mirror.location().indexOf('/');
            String authority = slash < 0 ? mirror.location() : mirror.location().substring(0, slash);
            String prefix = slash < 0 ? "" : mirror.location().substring(slash + 1) + "/";
            RegistryConfig own = all.of(authority);
            endpoints.add(new Endpoint(
                    config.registry(), authority, prefix, mirror.insecure() || own.insecure(), own.tls(), true));
        }
        endpoints.add(origin(config));
        return endpoints;
    }

    /** Whether it may do without TLS. */
    boolean mayBePlain() {
        return insecure || Hosts.isLoopback(Hosts.withoutPort(authority));
    }
}
