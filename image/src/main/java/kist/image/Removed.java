package kist.image;

import java.util.List;

/**
 * What a removal did.
 *
 * @param untagged names that no longer point to the image
 * @param deleted ids of the image and of the layers that went with it; empty where the image is still there
 */
public record Removed(List<String> untagged, List<String> deleted) {}
