package kist.image;

import java.util.List;

/**
 * What a pruning did.
 *
 * @param removed one entry an image
 * @param reclaimed bytes of unpacked layers and of archives that are gone
 */
public record Pruned(List<Removed> removed, long reclaimed) {}
