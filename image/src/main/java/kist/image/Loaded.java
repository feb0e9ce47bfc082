package kist.image;

import java.util.List;

/**
 * An image that an archive brought in.
 *
 * @param references names that the archive gave it
 */
public record Loaded(Image image, List<String> references) {}
