package kist.registry;

/**
 * A manifest as it was put.
 *
 * @param content not to be changed
 */
public record StoredManifest(String digest, String mediaType, byte[] content) {}
