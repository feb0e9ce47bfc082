package kist.registry;

import java.util.List;

/**
 * What is configured for one registry.
 *
 * @param registry such as {@code docker.io}
 * @param mirrors asked for images before the registry itself, in this order
 * @param insecure whether any certificate, or no TLS at all, will do
 * @param blocked whether nothing may be fetched from it or pushed to it
 * @param source where this is configured, for messages
 */
record RegistryConfig(
        String registry, List<Mirror> mirrors, boolean insecure, boolean blocked, Tls tls, String source) {
    /** @param location {@code HOST[:PORT][/PREFIX]} */
    record Mirror(String location, boolean insecure) {}

    static RegistryConfig plain(String registry) {
        return new RegistryConfig(registry, List.of(), false, false, Tls.PLAIN, "");
    }
}
