package kist.image;

import java.time.Instant;
import java.util.List;

/**
 * An image in the store.
 *
 * @param id {@code sha256:} and the digest of its configuration
 * @param references names with tag that point to it, such as {@code busybox:latest}
 * @param created when it was made
 * @param size bytes of its unpacked layers
 * @param layers diff ids ({@code sha256:...}), lowest first
 * @param config what a container made from it starts with
 * @param history one entry a step, oldest first
 */
public record Image(
        String id,
        List<String> references,
        Instant created,
        String architecture,
        String os,
        String author,
        String comment,
        long size,
        List<String> layers,
        ImageConfig config,
        List<History> history) {

    /**
     * A step of the making of an image (OCI image spec, config.md, history).
     *
     * @param emptyLayer whether the step changed no file
     */
    public record History(Instant created, String createdBy, String author, String comment, boolean emptyLayer) {}

    public List<String> digests() {
        throw new UnsupportedOperationException();
    }
}
