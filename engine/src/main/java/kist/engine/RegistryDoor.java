package kist.engine;

import java.io.IOException;
import kist.image.ImageStore;
import kist.registry.Repositories;

/** Opens the wire side of the registry that an engine serves; a door above the engine, so that this module needs no HTTP. */
public interface RegistryDoor {
    /**
     * Begins to serve.
     *
     * @param repositories what is served
     * @param images the engine's own images
     * @throws IOException if nobody can listen there, or a file of the service cannot be read
     */
    ImageRequest.Served open(Repositories repositories, ImageStore images, ImageRequest.RegistryService service)
            throws IOException;
}
