package kist.image;

import java.util.List;

/**
 * An image whose layers are unpacked, about to be taken into the store.
 *
 * @param config its configuration as it came, byte for byte
 * @param layers lowest first, as many as the configuration names
 */
record NewImage(byte[] config, ImageDocument document, List<PendingLayer> layers, List<Reference> references) {
    String id() {
        return Digest.of(config);
    }
}
