package kist.registry;

import java.util.Optional;

/**
 * What became of a manifest that was put.
 *
 * @param subject digest of the manifest that it is about, for the header {@code OCI-Subject}
 */
public record Put(String digest, Optional<String> subject) {}
