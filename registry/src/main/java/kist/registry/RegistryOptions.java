package kist.registry;

import java.nio.file.Path;

/**
 * Where registries are configured, and how many transfers there may be at once.
 *
 * @param registriesDir one {@code *.json} for each registry that wants settings; need not be there
 * @param certsDir certificates as Docker keeps them, {@code HOST[:PORT]/{ca.crt,NAME.cert,NAME.key}}; need not be there
 * @param policyFile trust policy, see {@link TrustPolicy}; everything is trusted where it is not there
 * @param userAgent what registries are told of us
 * @param downloads layers fetched at once, at least 1
 * @param uploads blobs pushed at once, at least 1
 */
public record RegistryOptions(
        Path registriesDir, Path certsDir, Path policyFile, String userAgent, int downloads, int uploads) {
    /** The usual numbers of transfers, and Docker's directory of certificates. */
    public RegistryOptions(Path registriesDir, Path policyFile, String userAgent) {
        this(registriesDir, Path.of("/etc/docker/certs.d"), policyFile, userAgent, 3, 3);
    }
}
