package kist.engine;

import java.io.IOException;

/** Opens the wire side of the registry that an engine serves; a door above the engine, so that this module needs no HTTP. */
public interface RegistryDoor {
    /**
     * Begins to serve.
     *
     * @param engine asked with {@link HostedRequest}s
     * @throws IOException if nobody can listen there, or a file of the service cannot be read
     * @throws IllegalArgumentException if the service is not described rightly
     */
    ImageRequest.Served open(ImageRequest.RegistryService service, Engine engine) throws IOException;
}
