package kist.registry;

import java.util.List;
import kist.image.Descriptor;
import kist.image.Platform;

/**
 * What a name points to at its registry.
 *
 * @param content of the manifest or index as it came; not to be changed
 */
public record Remote(Descriptor descriptor, List<Platform> platforms, byte[] content) {}
