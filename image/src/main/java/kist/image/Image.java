package kist.image;

import java.time.Instant;
import java.util.List;

/**
 * An image in the store.
 *
 * @param id {@code sha256:} and the digest of its configuration
 * @param references names with tag that point to it, such as {@code busybox:latest}
 * @param digests names with the digest of the manifest or index that they were pulled or pushed with
 * @param created when it was made
 * @param variant of the architecture; empty where there is none
 * @param size bytes of its unpacked layers
 * @param layers diff ids ({@code sha256:...}), lowest first
 * @param layerSizes bytes of each layer, unpacked
 * @param parent id of the image that it was made from on this machine; empty where there is none
 * @param config what a container made from it starts with
 * @param history one entry a step, oldest first
 */
public record Image(
        String id,
        List<String> references,
        List<String> digests,
        Instant created,
        String architecture,
        String variant,
        String os,
        String author,
        String comment,
        long size,
        List<String> layers,
        List<Long> layerSizes,
        String parent,
        ImageConfig config,
        List<History> history) {

    /** One that came from nowhere and whose layers' sizes are not known. */
    public Image(
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
        this(
                id,
                references,
                List.of(),
                created,
                architecture,
                "",
                os,
                author,
                comment,
                size,
                layers,
                List.of(),
                "",
                config,
                history);
    }

    /** What it was made for. */
    public Platform platform() {
        return new Platform(os, architecture, variant, "");
    }

    /**
     * A step of the making of an image (OCI image spec, config.md, history).
     *
     * @param emptyLayer whether the step changed no file
     */
    public record History(Instant created, String createdBy, String author, String comment, boolean emptyLayer) {}
}
