package kist.image;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Which images are to go.
 *
 * @param all also those that have a name, if no container uses them; otherwise only those without
 * @param until only those that were made before; empty for all
 * @param labels {@code NAME} or {@code NAME=value}, all of which an image must have
 * @param withoutLabels the same, none of which it may have
 */
public record PruneRequest(boolean all, Optional<Instant> until, List<String> labels, List<String> withoutLabels) {}
