package kist.image;

import java.util.List;

/**
 * An image to be made of what a container has changed.
 *
 * @param container whose writable layer it is
 * @param config what a container made from the new image starts with
 * @param author may be empty
 * @param comment may be empty
 * @param createdBy what the history says of the step, such as the container's command
 * @param references names that the new image gets
 */
public record CommitRequest(
        String container,
        ImageConfig config,
        String author,
        String comment,
        String createdBy,
        List<Reference> references) {}
