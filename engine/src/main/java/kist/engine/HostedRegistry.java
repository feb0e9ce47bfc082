package kist.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import kist.image.ImageStore;
import kist.registry.Repositories;

/** The registry that this engine serves on request. Its state is read when it is first asked for. Thread-safe. */
final class HostedRegistry implements AutoCloseable {
    private final ImageStore store;
    private final Path directory;
    private final RegistryDoor door;
    private Optional<Repositories> repositories = Optional.empty();

    HostedRegistry(ImageStore store, Path directory, RegistryDoor door) {
        this.store = store;
        this.directory = directory;
        this.door = door;
    }

    ImageRequest.Served serve(ImageRequest.RegistryService service) {
        try {
            return door.open(repositories(), store, service);
        } catch (UncheckedIOException e) {
            throw new EngineException(EngineException.Kind.INTERNAL, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "cannot serve a registry at " + Names.printable(service.listen()) + ": " + e.getMessage(),
                    e);
        }
    }

    private synchronized Repositories repositories() {
        if (repositories.isEmpty()) {
            repositories = Optional.of(new Repositories(store, directory));
        }
        return repositories.get();
    }

    @Override
    public synchronized void close() {
        repositories.ifPresent(Repositories::close);
    }
}
