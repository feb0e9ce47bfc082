package kist.registry;

import java.util.List;

/**
 * What is configured for one registry, by a file such as
 *
 * <pre>{@code
 * {"registry": "docker.io",
 *  "mirrors": [{"location": "mirror.lan:5000/hub", "insecure": false}],
 *  "insecure": false, "blocked": false,
 *  "ca": "ca.pem", "clientCertificate": "client.pem", "clientKey": "client.key"}
 * }</pre>
 *
 * of which only {@code registry} must be there. Paths are relative to the file.
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
