package kist.image;

import java.util.List;
import java.util.Optional;

/**
 * An image about to be taken into the store.
 *
 * @param config its configuration as it came, byte for byte
 * @param layers lowest first, as many as the configuration names
 * @param references names with tag that are to point to it
 * @param digests names with the digest of a manifest or index
 * @param manifest what described it where it came from
 * @param index what its names point to there, if that is not the manifest itself
 * @param parent id of the image that it was made from here; empty where there is none
 */
record NewImage(
        byte[] config,
        ImageDocument document,
        List<NewLayer> layers,
        List<Reference> references,
        List<Reference> digests,
        Optional<Manifest.Single> manifest,
        Optional<Manifest.Index> index,
        String parent) {

    /**
     * A layer of it.
     *
     * @param unpacked its tree, where it was unpacked for this image
     * @param blob its archive among the blobs; {@link LayerBlob#NONE} where it is not known
     */
    record NewLayer(String diffId, Optional<PendingLayer> unpacked, LayerBlob blob) {
        static NewLayer of(PendingLayer layer) {
            return new NewLayer(layer.diffId(), Optional.of(layer), LayerBlob.NONE);
        }
    }

    String id() {
        return Digest.of(config);
    }
}
